"""What arrives in W&B, read back from the files that the real client wrote."""

import json

import numpy as np
import pytest

import offline_wandb
from rnnbench.run import run


@pytest.fixture
def tracked(configure, tmp_path):
    """Runs with offline tracking; returns the record and its W&B folder."""

    def track(*overrides):
        config = configure("tracking=offline", "name=sweep", *overrides)
        record = run(config)
        (folder,) = (tmp_path / "sweep" / "wandb").glob(f"offline-run-*-{config.run_id}-*")
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
        assert opened.run_id.startswith(record.run_id)
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
    assert axes["grad_lag/*"] == "lag"
    rows = [row for row in offline_wandb.history(folder) if "lag" in row]
    assert [row["lag"] for row in rows] == list(range(10))
    with np.load(tmp_path / "sweep" / record.run_id / "gradients.npz") as arrays:
        for moment, probe in (("initial", 0), ("final", -1)):
            for layer in (0, 1):
                for way, direction in enumerate(("forward", "backward")):
                    for part in ("h", "c", "state"):
                        curve = [row[f"grad_lag/{moment}/{part}-layer{layer}-{direction}"] for row in rows]
                        np.testing.assert_allclose(curve, arrays[part][probe, layer, way])


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
        patch.setattr("rnnbench.run._train", broken)
        with pytest.raises(RuntimeError):
            tracked()
    (folder,) = (tmp_path / "sweep" / "wandb").glob("offline-run-*")
    (ended,) = kinds(folder, "exit")
    assert ended.exit_code == 1
    # The next run of the process is one of its own.
    _, other = tracked("seed=1")
    (opened,) = kinds(other, "run")
    assert opened.run_id in other.name
