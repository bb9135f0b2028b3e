"""What a person sees of a run and of a sweep in the terminal, and finds in log.txt later."""

import io
import re
import warnings
from pathlib import Path

import pytest
from rich.console import Console

from planted import make
from rnnbench.outcomes.columns import row
from rnnbench.report.ending import show_run, show_sweep
from rnnbench.runner import run
from rnnbench.store.run_log import LOGGER, SAID, logged
from rnnbench.store.status import Status
from rnnbench.sweep import display
from rnnbench.sweep.display import Display, setting_names
from rnnbench.sweep.run_states import RunState, folder_of, rows_of
from rnnbench.training import progress


def settings_of(configure, *overrides):
    return [
        configure(f"cell={cell}", f"network.depth={depth}", f"seed={seed}", *overrides)
        for cell in ("elman", "gru") for depth in (1, 2) for seed in (0, 1)
    ]  # fmt: skip


@pytest.fixture
def screen(monkeypatch):
    """What was drawn on a terminal of 100 by 30."""
    drawn = io.StringIO()

    def terminal():
        return Console(file=drawn, force_terminal=True, width=100, height=30, color_system=None)

    monkeypatch.setattr(display, "Console", terminal)
    monkeypatch.setattr(display, "REFRESH", 0.0)
    return drawn


def test_the_settings_of_a_sweep_are_named_by_what_varies(configure):
    names = setting_names(settings_of(configure))
    assert list(dict.fromkeys(names.values())) == [
        "elman, depth 1", "elman, depth 2", "gru, depth 1", "gru, depth 2"
    ]  # fmt: skip
    assert set(setting_names([configure("cell=lru")]).values()) == {"lru"}


def test_a_sweep_shows_its_settings(configure, screen, tmp_path):
    configs = settings_of(configure, "trainer.max_steps=200")
    folder = folder_of(configs[2])
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("step,train/loss\n50,0.25\n")
    with Display(configs) as shown:
        shown.ended(RunState(configs[0].run_id, Status.DONE, "score 0.5", tmp_path))
        shown.ended(RunState(configs[1].run_id, Status.FAILED, "out of luck", tmp_path))
        shown.update([(configs[2], folder, shown._drawn)])
        lines = [" ".join(line.split()) for line in screen.getvalue().splitlines()]
    assert f"{configs[1].run_id}: failed, out of luck" in " ".join(lines)
    assert any(re.fullmatch("elman, depth 1 ━+ 2/2, 1 failed", line) for line in lines)
    assert any(re.fullmatch("elman, depth 2 (━+ )?0/2 seed 0: step 50/200, loss 0.25, -?0 s", line) for line in lines)
    assert any("2/8 1 done 1 failed 1 running" in line for line in lines)


def test_many_settings_fit_the_terminal(configure, screen):
    configs = [configure(f"task.length={length}") for length in range(10, 60)]
    with Display(configs) as shown:
        shown.update([(configs[40], folder_of(configs[40]), shown._drawn)])
        text = screen.getvalue()
    assert "length 50 " in text  # what runs is shown first
    assert "and 27 settings more" in text


@pytest.mark.whole
def test_the_log_of_a_run(configure, capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINES", 2)
    config = configure("clip.threshold=0.5", "trainer.validate_every=5", "name=trial")
    record = run(config)
    said = capsys.readouterr().out
    log = (folder_of(config) / "log.txt").read_text(encoding="utf-8")
    assert log.endswith(said)
    lines = log.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", lines[0])
    assert f"torch {record.versions['torch']}" in lines[1]
    assert "  clip: kind norm, threshold 0.5" in lines
    assert f"{record.parameters} parameters, memoryless loss {record.baseline:.4g}" in lines
    assert re.match(r"step 10 of 20, loss \d.*, validation score -?\d\.\d+, .* steps/s, at most .* s left\n", said)
    score = 1 - record.final["val/loss"] / record.validation_baseline
    assert f", validation score {score:.3f}, " in said.splitlines()[1]
    assert len(said.splitlines()) == 3
    assert lines[-1].startswith(f"{record.run_id}: done, score {record.score:.3f}")
    run(configure("trainer.progress=false", "name=silent"))
    assert "step 10" not in capsys.readouterr().out


def test_warnings_are_logged_and_nothing_is_left_behind(tmp_path, capsys):
    file = tmp_path / "log.txt"
    with logged(file), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("mind the gap", stacklevel=1)
    LOGGER.log(SAID, "too late")
    assert "UserWarning: mind the gap" in file.read_text(encoding="utf-8")
    assert "mind the gap" in capsys.readouterr().out
    assert "too late" not in file.read_text(encoding="utf-8")


@pytest.mark.whole
def test_the_end_of_a_run_and_of_a_sweep(configure, capsys):
    configs = [configure("probe=default", "name=two", f"seed={seed}") for seed in (0, 1)]
    records = [run(config) for config in configs]
    capsys.readouterr()
    folder = Path(configs[0].runs_dir)
    show_run(records[0], folder)
    lines = dict(re.split("  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines())
    final = records[0].final
    assert lines["score"] == (
        f"{records[0].score:.3f}; test loss {final['test/loss']:.4g}, without memory {records[0].baseline:.4g}"
    )
    assert lines["solved"] == "not within 20 steps"
    half_life = records[0].gradients["initial"]["half_life"]
    assert lines["half-life"].startswith(f"{half_life:.1f} before training, ")
    assert lines["files"] == str(folder_of(configs[0]))
    assert lines["next"] == f"rnnbench report two --runs-dir {folder}"
    show_sweep([row(each) for each in records], [], folder / "two", "offline")
    header, line, *after = capsys.readouterr().out.splitlines()
    low, high = sorted(each.score for each in records)
    assert re.split("  +", header)[:2] == ["runs", "score"]
    assert f"[{low:.3f}, {high:.3f}]" in line
    assert after[0].split()[1:4] == ["rnnbench", "report", "two"]
    assert after[1].split()[:2] == ["wandb", "leet"]
    show_sweep([], [], folder / "none", "offline")
    assert capsys.readouterr().out == ""


def test_the_table_of_a_tuned_sweep_has_what_was_swept(capsys, tmp_path):
    """Each depth has chosen a threshold of its own, which follows from it."""
    chosen = [
        row(make(seed, network={"depth": depth}, clip={"threshold": threshold}))
        for depth, threshold in ((1, 0.1), (2, 1.0)) for seed in (0, 1)
    ]  # fmt: skip
    show_sweep(chosen, ["clip.threshold"], tmp_path / "e", "disabled")
    header, *lines = capsys.readouterr().out.splitlines()
    assert re.split("  +", header)[:2] == ["network.depth", "runs"]
    assert [re.split("  +", line)[:2] for line in lines[:2]] == [["1", "2"], ["2", "2"]]


def test_a_damaged_record_is_no_row(configure):
    configs = [configure(f"seed={seed}") for seed in (0, 1)]
    for config in configs:
        folder_of(config).mkdir(parents=True)
        (folder_of(config) / "record.json").write_text("{")
    assert rows_of(configs, {}) == []
