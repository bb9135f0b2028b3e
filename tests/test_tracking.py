"""What arrives in W&B, read back from the files that the real client wrote."""

import json
import os

import numpy as np
import pytest
import wandb

import offline_wandb
from rnnbench.errors import UserError
from rnnbench.runner import run
from rnnbench.tracking import check_sweep, set_cache_folders
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


def test_one_wandb_run_for_each_run_all_in_one_folder(tracked, tmp_path):
    folders = [tracked(f"seed={seed}") for seed in (0, 1)]
    assert len(list((tmp_path / "sweep" / "wandb").glob("offline-run-*"))) == 2
    for record, folder in folders:
        (opened,) = kinds(folder, "run")
        assert opened.display_name == record.run_id
        assert folder.name.endswith(f"-{opened.run_id}")
        assert opened.run_id.startswith(record.run_id[-10:])
        assert opened.run_group == "sweep"
        assert opened.project == "rnnbench"
        config = {item.key: json.loads(item.value_json) for item in opened.config.update}
        assert {key: config[key] for key in record.config} == record.config
        (ended,) = kinds(folder, "exit")
        assert ended.exit_code == 0


def test_tuning_runs_have_a_group_of_their_own(tracked):
    _, folder = tracked("tracking.group=sweep-tuning")
    (opened,) = kinds(folder, "run")
    assert opened.run_group == "sweep-tuning"


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


def test_gradient_curves_have_lag_as_their_axis(tracked, tmp_path):
    record, folder = tracked("network.depth=2", "network.bidirectional=true")
    axes = {metric.name or metric.glob_name: metric.step_metric for metric in kinds(folder, "metric")}
    assert axes["grad_lag_log10/*"] == "lag"
    rows = [row for row in offline_wandb.history(folder) if "lag" in row]
    assert [row["lag"] for row in rows] == list(range(10))
    with np.load(tmp_path / "sweep" / record.run_id / "gradients.npz") as arrays:
        for moment, probe in (("initial", 0), ("final", -1)):
            for layer in (1, 2):
                for way, direction in enumerate(("forward", "backward")):
                    for part in ("h", "c", "state"):
                        key = f"grad_lag_log10/{moment}/{part}-layer{layer}-{direction}"
                        norms = arrays[part][probe, layer - 1, way]
                        expected = np.log10(norms, where=norms > 0, out=np.full_like(norms, np.nan))
                        np.testing.assert_allclose([row.get(key, np.nan) for row in rows], expected)


def test_pictures_and_numbers_of_the_full_probe(tracked):
    record, folder = tracked("probe=full", "probe.every=10")
    pictures = sorted((folder / "files" / "media" / "images").iterdir())
    kinds_seen = [path.name.rsplit("_", 2)[0] for path in pictures]
    assert kinds_seen == ["gradient_heat_map", "gradient_profile", "jacobian_spectrum"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    rows = offline_wandb.history(folder)
    numbers = [row for row in rows if "lyapunov_max" in row]
    assert [row["trainer/global_step"] for row in numbers] == [0, 10, 20]
    for name in ("half_life", "horizon", "lyapunov_max"):
        assert numbers[-1][name] == record.gradients["final"][name]
    histograms = [row for row in rows if "time_constants_log10/values" in row]
    assert [row["trainer/global_step"] for row in histograms] == [0, 10, 20]
    assert sum(histograms[0]["time_constants_log10/values"]) == 8  # units


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
