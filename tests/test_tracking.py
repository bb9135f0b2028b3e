"""What arrives in W&B, read back from the files that the real client wrote."""

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wandb

import offline_wandb
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import column
from rnnbench.outcomes.gather import gather
from rnnbench.runner import run
from rnnbench.tracking import check_sweep, set_cache_folders
from rnnbench.tracking.keys import STEP
from rnnbench.tracking.wandb_run import wandb_id

pytestmark = pytest.mark.whole


@pytest.fixture
def tracked(configure, tmp_path):
    """Runs with offline tracking; returns the record and its W&B folder."""

    def track(*overrides):
        config = configure("tracking=offline", "name=sweep", *overrides)
        record = run(config)
        (folder,) = (tmp_path / "sweep" / "wandb").glob(f"offline-run-*-{wandb_id(config)}")
        return record, folder

    return track


def kinds(folder, kind):
    return [getattr(entry, kind) for entry in offline_wandb.entries(folder) if entry.WhichOneof("record_type") == kind]


def opened(folder):
    (found,) = kinds(folder, "run")
    return found


def config_of(folder):
    return {item.key: json.loads(item.value_json) for item in opened(folder).config.update}


def summary_of(folder):
    """The last value of everything, of the keys that have no parts."""
    found = {}
    for entry in kinds(folder, "summary"):
        found |= {item.key: json.loads(item.value_json) for item in entry.update if item.key}
    return found


def exact(folder):
    """The step of each key, of definitions of single keys; and there are no others."""
    definitions = kinds(folder, "metric")
    assert not [each.glob_name for each in definitions if each.glob_name]
    return {each.name: each.step_metric for each in definitions}


def test_one_wandb_run_for_each_run_all_in_one_folder(tracked, tmp_path):
    folders = [tracked(f"seed={seed}") for seed in (0, 1)]
    assert len(list((tmp_path / "sweep" / "wandb").glob("offline-run-*"))) == 2
    for seed, (record, folder) in enumerate(folders):
        run = opened(folder)
        assert run.display_name == f"lstm · adding · seed {seed}"
        assert folder.name.endswith(f"-{run.run_id}")
        assert run.run_id.startswith(record.run_id[-10:])
        assert (run.run_group, run.job_type, run.project) == ("sweep: lstm · adding", "report", "rnnbench")
        assert list(run.tags) == ["adding", "lstm", "sweep"]
        config = config_of(folder)
        assert {key: config[key] for key in record.config} == record.config
        for key in ("hidden_size", "parameters", "state_size", "flops", "commit", "versions"):
            assert config[key] == getattr(record, key), key
        assert (config["experiment"], config["setting"]) == ("sweep", "lstm · adding")
        (ended,) = kinds(folder, "exit")
        assert ended.exit_code == 0


def test_a_tuning_run_is_a_job_of_another_type(tracked):
    _, folder = tracked("tracking.job_type=tune", "tracking.group=mine")
    assert (opened(folder).job_type, opened(folder).run_group) == ("tune", "mine")
    assert summary_of(folder)["phase"] == config_of(folder)["phase"] == "tuning"


def test_the_summary_is_the_row_of_the_run(tracked, tmp_path):
    """Also of a run that diverged, with the reason in words."""
    found = [
        tracked("probe=full"),
        tracked("optimizer.lr=1000", "optimizer=sgd", "clip=none", "cell=irnn", "probe=off"),
    ]
    assert [record.status for record, _ in found] == ["done", "diverged"]
    rows = {row["run_id"]: row for row in gather(tmp_path / "sweep").runs}
    for record, folder in found:
        row, summary = rows[record.run_id], summary_of(folder)
        expected = {name: row[name] for name in row if "." not in name and row[name] is not None}
        del expected["environment"], expected["ended"]  # of the result; and the record is written after W&B's end
        assert {name: summary.get(name) for name in expected} == expected
        assert [name for name in summary if column(name) and name not in row] == []
    assert "at step" in summary["reason"]


def test_metrics_equal_the_local_ones(tracked):
    record, folder = tracked()
    rows = offline_wandb.history(folder)
    by_step = {row["trainer/global_step"]: row for row in rows if "val/loss" in row}
    assert list(by_step) == [10, 20]
    assert by_step[20]["val/loss"] == record.final["val/loss"]
    windows = [row for row in rows if "train/loss" in row]
    assert [row["trainer/global_step"] for row in windows] == [5, 10, 15, 20]
    for key in ("grad_norm_before", "grad_norm_after", "clip_rate", "steps_per_second", "train/score", "train/mse"):
        assert all(key in row for row in windows)


def test_every_key_is_defined_exactly(tracked):
    """A client that finds two patterns for a key takes any of them."""
    _, folder = tracked("network.depth=2", "network.bidirectional=true", "probe=full", "probe.every=10")
    steps = exact(folder)
    for row in kinds(folder, "history"):
        keys = {item.key or item.nested_key[0] for item in row.item} - {"_runtime", "_step", "_timestamp"}
        (step,) = {steps[key] for key in keys} - {""}
        assert step in keys
        assert step == ("lag" if any(key.startswith(("grad_initial", "grad_final")) for key in keys) else STEP)


def test_gradient_curves_over_lag(tracked, tmp_path):
    record, folder = tracked("network.depth=2", "network.bidirectional=true")
    rows = [row for row in offline_wandb.history(folder) if "lag" in row]
    assert [row["lag"] for row in rows] == list(range(10))
    hidden = {each.name for each in kinds(folder, "metric") if each.options.hidden}
    (table,) = (folder / "files" / "media" / "table").glob("gradient_profiles_*.json")
    table = pd.DataFrame(**json.loads(table.read_text()))
    with np.load(tmp_path / "sweep" / record.run_id / "gradients.npz") as arrays:
        assert len(table) == 3 * arrays["state"].size
        for moment, probe in (("initial", 0), ("final", -1)):
            for layer, (way, direction) in itertools.product((1, 2), enumerate(("forward", "backward"))):
                for part in ("h", "c", "state"):
                    key = f"grad_{moment}{'' if part == 'state' else f'_{part}'}/layer{layer}_{direction}"
                    expected = np.log10(np.maximum(arrays[part][probe, layer - 1, way], 1e-45))
                    np.testing.assert_allclose([row[key] for row in rows], expected)
                    assert (key in hidden) == (part != "state")
                    same = {"layer": layer, "direction": direction, "part": part, "step": arrays["step"][probe]}
                    chosen = table[(table[list(same)] == list(same.values())).all(axis=1)]
                    np.testing.assert_allclose(chosen.sort_values("lag")["log10_norm"], expected)


def test_a_norm_of_nearly_zero_is_at_the_floor(tracked):
    """It would cut the band of its setting."""
    _, folder = tracked("cell=elman", "init.recurrent=orthogonal", "init.recurrent_scale=1e-30")
    curve = [row["grad_initial/layer1_forward"] for row in offline_wandb.history(folder) if "lag" in row]
    assert -2 < curve[0] < 2
    assert -32 < curve[1] < -29
    assert curve[2:] == [-45.0] * 8
    assert not [each.name for each in kinds(folder, "metric") if "_h/" in each.name]  # it is all of the state


def test_pictures_and_numbers_of_the_full_probe(tracked):
    record, folder = tracked("probe=full", "probe.every=10")
    pictures = sorted((folder / "files" / "media" / "images").iterdir())
    kinds_seen = [path.name.rsplit("_", 2)[0] for path in pictures]
    assert kinds_seen == ["gradient_heat_map", "jacobian_spectrum"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    rows = offline_wandb.history(folder)
    numbers = [row for row in rows if "lyapunov_max" in row]
    assert [row["trainer/global_step"] for row in numbers] == [0, 10, 20]
    for name in ("half_life", "horizon", "lyapunov_max"):
        assert numbers[-1][name] == record.gradients["final"][name]
    key = "time_constants_log10/layer1_forward/values"
    histograms = [row for row in rows if key in row]
    assert [row["trainer/global_step"] for row in histograms] == [0, 10, 20]
    assert sum(histograms[0][key]) == 8  # units


@pytest.mark.parametrize("checkpoint", [False, True])
def test_the_files_of_a_run_are_an_artifact(tracked, checkpoint):
    record, folder = tracked(f"tracking.checkpoint={str(checkpoint).lower()}")
    (artifact,) = [each for each in kinds(folder, "artifact") if each.type == "rnnbench-run"]
    files = {each.path: Path(each.local_path).read_bytes() for each in artifact.manifest.contents}
    assert files.keys() == {"config.yaml", "gradients.npz", "record.json"} | ({"best.ckpt"} if checkpoint else set())
    assert json.loads(files["record.json"])["score"] == record.score


def test_a_run_that_starts_anew_replaces_its_folder(tracked, tmp_path):
    tracked()
    _, second = tracked("force=true")
    assert [path.name for path in (tmp_path / "sweep" / "wandb").glob("offline-run-*")] == [second.name]


def test_a_failed_run_is_finished_as_failed(tracked, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr("rnnbench.runner._train", broken)
        with pytest.raises(RuntimeError):
            tracked()
    (folder,) = (tmp_path / "sweep" / "wandb").glob("offline-run-*")
    (ended,) = kinds(folder, "exit")
    assert ended.exit_code == 1
    # The next run of the process is one of its own.
    _, other = tracked("seed=1")
    (opened,) = kinds(other, "run")
    assert opened.run_id in other.name


def test_an_id_is_short_and_of_one_experiment(configure):
    long = configure(f"name={'n' * 100}", "task=text_classification", "cell=gru_reset_before", "seed=4294967295")
    assert len(wandb_id(long)) <= 64  # what the server takes
    assert wandb_id(long).startswith(long.run_id[-10:])
    assert wandb_id(configure("name=a")) != wandb_id(configure("name=b")) != wandb_id(configure("name=b", "seed=1"))


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("WANDB_BASE_URL", "localhost:8080", "URL scheme should be 'http' or 'https'"),
        ("WANDB_MODE", "foo", "Input should be 'online', 'offline'"),
        ("WANDB_HTTP_TIMEOUT", "soon", "Input should be a valid number"),
        ("WANDB_PROJECT", "a/b", "Invalid project name"),
    ],
)
@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_variable_that_the_client_does_not_take(configure, monkeypatch, tmp_path, variable, value, reason, mode):
    """Said in a line before the first run, to a single one and to a sweep."""
    config = configure(f"tracking={mode}")
    monkeypatch.setenv(variable, value)
    wandb.teardown()  # the client reads them once a process
    for start in (lambda: check_sweep([configure(), config]), lambda: run(config)):
        with pytest.raises(UserError) as error:
            start()
        said = str(error.value)
        assert said.startswith(f"tracking={mode}: ")
        assert reason in said
        assert variable == "WANDB_PROJECT" or f"{variable}={value}: " in said
        assert "\n" not in said
    assert run(configure()).status == "done"
    assert not list(tmp_path.glob("scratch/wandb"))


def test_where_the_home_folder_cannot_be_written_the_experiment_lends_its_own(monkeypatch, tmp_path):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("WANDB_CACHE_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(variable, "")  # so that it is as it was in the end
        monkeypatch.delenv(variable)
    set_cache_folders(tmp_path / "sweep")
    assert "WANDB_CACHE_DIR" not in os.environ
    monkeypatch.setenv("HOME", "/proc")
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    set_cache_folders(tmp_path / "sweep")
    assert os.environ["WANDB_CACHE_DIR"] == str(tmp_path / "sweep" / ".cache" / "wandb")
    assert os.environ["MPLCONFIGDIR"] == "mine"
    assert not list(tmp_path.glob("**/*cache*"))


def test_a_service_that_began_in_another_folder(configure, tmp_path, monkeypatch):
    """Whoever starts runs from a program that uses W&B itself shares its service, which has another current folder."""
    wandb.setup()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = configure("tracking=offline", "name=sweep", "runs_dir=runs")
    run(config)
    (folder,) = (tmp_path / "elsewhere/runs/sweep/wandb").glob(f"offline-run-*-{wandb_id(config)}")
    assert summary_of(folder)["run_id"] == config.run_id
