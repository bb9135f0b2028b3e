"""Sweepers and launchers of other packages: what they learn of a run."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hydra_plugins.search_sweeper import grids_never_stop
from rnnbench.store import records

pytestmark = pytest.mark.whole
FAULTS = Path(__file__).parent / "faults.py"
SMALL = ["network.hidden_size=4", "task.length=8", "trainer.max_steps=20", "trainer.validate_every=10", "probe=off",
         "task.validation_sequences=32", "task.test_sequences=32", "tracking=disabled"]  # fmt: skip


def test_a_search_maximises_the_validation_score_and_survives_what_fails(command, tmp_path):
    """Seed 105 raises, and a learning rate of 10^3 diverges."""
    ended = command(FAULTS, "-m", "hydra/sweeper=search", "hydra/sweeper/sampler=grid", "seed=choice(1,105)",
                    "optimizer.lr=choice(0.001,0.01,1000)", "hydra.sweeper.n_trials=6", *SMALL)  # fmt: skip
    assert ended.returncode == 0, ended
    found = records.read_all(tmp_path / "runs" / "scratch")
    assert sorted(record.status for record in found) == ["diverged", *["done"] * 2, *["failed"] * 3]
    done = {record.config["optimizer"]["lr"]: record for record in found if record.status == "done"}
    best = max(done, key=lambda lr: 1 - done[lr].final["val/loss"] / done[lr].validation_baseline)
    told = yaml.safe_load((tmp_path / "runs" / "scratch" / "optimization_results.yaml").read_text())
    assert told["best_params"] == {"seed": 1, "optimizer.lr": best}
    expected = 1 - done[best].final["val/loss"] / done[best].validation_baseline
    assert math.isclose(told["best_value"], expected)
    assert not math.isclose(told["best_value"], done[best].score, abs_tol=1e-6)
    assert [record.objective for record in found if record.status != "done"] == [-1] * 4


def test_a_grid_whose_last_trial_fails_goes_on_to_its_result():
    optuna = pytest.importorskip("optuna")
    study = optuna.create_study(sampler=optuna.samplers.GridSampler({"x": [1]}))
    trial = study.ask()
    trial.suggest_categorical("x", [1])
    with grids_never_stop():
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    assert [each.state.name for each in study.trials] == ["FAIL"]


def test_another_launcher(command, tmp_path):
    ended = command("train.py", "-m", "hydra/launcher=basic", "cell=gru,lstm", "name=two", *SMALL)
    assert ended.returncode == 0, ended
    assert [record.status for record in records.read_all(tmp_path / "runs" / "two")] == ["done"] * 2


def test_joblib(tmp_path):
    """One worker: each loads all libraries. In a Python of its own: it would outlive a fork for minutes."""
    given = [sys.executable, "-m", "rnnbench.cli.main", "train", "-m", "hydra/launcher=joblib", "cell=gru"]
    subprocess.run([*given, "name=one", *SMALL], cwd=tmp_path, check=True, capture_output=True)
    assert [record.status for record in records.read_all(tmp_path / "runs" / "one")] == ["done"]


def test_without_the_plugin_it_is_said(monkeypatch, capsys, tmp_path):
    from rnnbench.cli import main, train

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        main.main(["train", "-m", "hydra/sweeper=optuna", "cell=gru"])
    assert capsys.readouterr().err == (
        "error: hydra/sweeper=search: needs Hydra's Optuna sweeper; pip install 'rnnbench[sweepers]'\n"
    )
