"""The commands as a user types them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import offline_wandb

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
SMALL = [
    "task.length=10",
    "network.hidden_size=8",
    "trainer.max_steps=20",
    "task.validation_sequences=32",
    "task.test_sequences=32",
]


def new_python(folder, script, *arguments):
    """A command in a Python of its own, as ``command`` shows it in a fork."""
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments], cwd=folder, capture_output=True, text=True
    )


def test_a_mistake_in_a_new_python(tmp_path):
    """The others are in tests/test_mistakes.py."""
    result = new_python(tmp_path, "train.py", "cell=lstn")
    assert result.returncode == 2
    assert result.stderr.startswith("error: unknown cell 'lstn': did you mean 'lstm'? choose from ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())


def test_a_sweep_its_second_launch_and_its_report(command, tmp_path):
    arguments = ["-m", "cell=elman,gru", "name=sweep", *SMALL]
    first = new_python(tmp_path, "train.py", *arguments)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count(": done, score") == 2
    assert first.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}
    paths = sorted((tmp_path / "runs" / "sweep").glob("*/record.json"))
    assert len(paths) == 2
    record = json.loads(paths[0].read_text())
    assert record["command"] == "rnnbench train " + " ".join(arguments)
    assert len(list((tmp_path / "runs" / "sweep" / "wandb").glob("offline-run-*"))) == 2

    again = command("train.py", *arguments)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(": already done, score") == 2

    report = command("report.py", "sweep")
    assert report.returncode == 0, report.stderr
    assert report.stdout.rstrip().endswith("report: runs/sweep/report/report.html")
    assert (tmp_path / "runs" / "sweep" / "report" / "report.html").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}


def test_choices_that_are_the_same_run_run_once(command, tmp_path):
    sweep = ["-m", "clip=none,norm", "clip.threshold=1,2", "tracking=disabled", "probe=off", *SMALL]
    result = command("train.py", *sweep)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("3 runs to runs/scratch;")
    assert result.stdout.count(": done, score") == 3


def test_the_workspace_of_a_sweep(command, tmp_path):
    result = command("train.py", "-m", "cell=elman,gru", "network.depth=1,2", "tracking=offline", *SMALL)
    assert result.returncode == 0, result.stderr
    folders = (tmp_path / "runs" / "scratch" / "wandb").glob("offline-run-*")
    shown = [entry.run for folder in folders for entry in offline_wandb.entries(folder) if entry.HasField("run")]
    settings = {f"{cell} · {depth}" for cell in ("elman", "gru") for depth in ("1 layer", "2 layers")}
    assert {run.display_name for run in shown} == {f"{setting} · seed 0" for setting in settings}
    assert {run.run_group for run in shown} == {f"scratch: {setting}" for setting in settings}
    result = command("workspace.py", "scratch")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "valid: runs/scratch/workspace.json, grouped by cell, network.depth\n"
    text = (tmp_path / "runs" / "scratch" / "workspace.json").read_text()
    for part in ("within 20 steps none of 4 runs solves the task", '"grad_final/layer2_forward"',
                 "All 4 runs are done."):  # fmt: skip
        assert part in text
    assert "backward" not in text


def test_a_workspace_needs_runs_and_saving_a_login(command, tmp_path):
    result = command("workspace.py", "nothing")
    assert result.returncode == 2
    assert result.stderr.startswith("error: no runs under runs/nothing")


def test_a_sweep_goes_on_after_a_failure_and_says_so(command, tmp_path):
    """The GRU has no forget gate, which only its construction can tell; that has a record and a log too."""
    result = command("train.py", "-m", "cell=gru,lstm", "init=forget_one", "tracking=disabled", *SMALL)
    assert result.returncode == 1
    assert result.stderr == ""
    assert result.stdout.count(": done, score") == 1
    assert result.stdout.count("the cell GRU has no gate 'forget'") == 2  # as it ends, and in the table
    records = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "scratch").glob("*/record.json")]
    assert sorted(record["status"] for record in records) == ["done", "failed"]
    report = command("report.py", "scratch")
    assert report.returncode == 0, report.stderr
    assert "no gate 'forget'" in report.stdout


def test_the_task_table_and_a_drawn_example(command, tmp_path):
    table = command("tasks.py")
    assert table.returncode == 0, table.stderr
    assert "adding" in table.stdout
    drawn = command("tasks.py", "adding", "task.length=6", "seed=3")
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout.count("informative") == 2
    assert "baseline: 0.1667 (mse)" in drawn.stdout
    for arguments, message in ((["addin"], "unknown task 'addin': did you mean 'adding'"),
                               (["adding", "task.lenght=3"], "unknown key 'task.lenght'")):  # fmt: skip
        wrong = command("tasks.py", *arguments)
        assert wrong.returncode == 2
        assert wrong.stderr.startswith(f"error: {message}")


def test_report_without_runs(command, tmp_path):
    result = command("report.py", "nothing")
    assert result.returncode == 2
    assert result.stderr.startswith("error: no runs under runs/nothing")
    assert not list(tmp_path.iterdir())


def test_check_says_what_is_broken_and_exits_with_one(command, tmp_path):
    (tmp_path / "noisy.py").write_text(
        "import torch\nfrom rnnbench.network.cells import Elman\n\n\nclass Noisy(Elman):\n"
        "    def step(self, state, drive):\n        return super().step(state, drive + torch.randn_like(drive))\n",
        encoding="utf-8",
    )
    ended = command("check.py", "noisy:Noisy", PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("repeats"))
    assert re.search("fail +the outputs of two runs, differ by up to .* in evaluation nothing may be random", line)
    assert re.search(r"noisy:Noisy: \d of 12 rules kept", ended.stdout)


def test_a_cell_that_cannot_be_built_is_a_mistake(command):
    for arguments, message in (
        (["lstm", "foo=1"], "error: lstm: .*unexpected keyword argument 'foo'; its options are given as option=value"),
        (["lstm", "foo"], "error: foo: give option=value"),
        (["lsmt"], "error: unknown cell 'lsmt': did you mean 'lstm'"),
        (["nope:Cell"], "error: .*No module named 'nope'"),
    ):
        ended = command("check.py", *arguments)
        assert ended.returncode == 2
        assert re.match(message, ended.stderr)
        assert ended.stderr.count("\n") == 1


def test_all_diagnostics_are_listed(command):
    from rnnbench.gradients import DIAGNOSTICS

    lines = command("rnnbench", "diagnostics").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(DIAGNOSTICS)
    assert command("probe.py").returncode == 2
    assert command("probe.py", "nothing", "rank").stderr.startswith("error: runs/nothing: has no finished runs")
