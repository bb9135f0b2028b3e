"""When training ends before its last step, and what the record says of it."""

from functools import partial
from pathlib import Path

import pytest

from histories import curve
from rnnbench.errors import UserError
from rnnbench.runner import run
from rnnbench.tasks.adding import Adding

STUCK = ["optimizer=sgd", "optimizer.lr=0.3", "trainer.validate_every=1", "trainer.max_steps=40", "probe=off",
         "clip=none", "trainer.stop_when_solved=false"]  # fmt: skip


def train(configure, *overrides):
    config = configure(*overrides)
    return run(config), partial(curve, Path(config.runs_dir) / config.name / config.run_id)


@pytest.mark.parametrize(("patience", "delta"), [(1, 0.0), (3, 0.0), (2, 0.05)])
def test_patience_by_hand(configure, patience, delta):
    """It stops at the validation that is the last of ``patience`` in a row without a loss below the best - delta."""
    _, whole = train(configure, *STUCK)
    best, waited, expected = float("inf"), 0, None
    for step, loss in whole("val/loss").items():
        best, waited = (loss, 0) if loss < best - delta else (best, waited + 1)
        if waited == patience:
            expected = step
            break
    assert expected is not None
    record, curves = train(
        configure, *STUCK, "early_stop=patience", f"early_stop.patience={patience}", f"early_stop.min_delta={delta}"
    )
    assert (record.steps, record.stopped_by) == (expected, "patience")
    assert list(curves("val/loss").items()) == list(whole("val/loss").items())[:expected]


def test_solved_is_stop_when_solved(configure):
    assert configure("early_stop=solved") == configure("early_stop=none")
    with pytest.raises(UserError, match="early_stop=solved: contradicts trainer.stop_when_solved=false"):
        configure("early_stop=solved", "trainer.stop_when_solved=false")


@pytest.mark.parametrize("early_stop", ["none", "patience"])
def test_a_solved_task_ends_training_beside_patience(configure, monkeypatch, early_stop):
    monkeypatch.setattr(Adding, "solved_below", 10.0)
    options = ["early_stop.patience=1"] if early_stop == "patience" else []
    record, _ = train(configure, f"early_stop={early_stop}", *options, "trainer.validate_every=5", "probe=off")
    assert (record.steps, record.solved_at_step, record.stopped_by) == (5, 5, "solved")


def test_the_other_ends(configure):
    assert train(configure, "probe=off")[0].stopped_by == "max_steps"
    record, _ = train(
        configure, "optimizer=sgd", "optimizer.lr=1000", "clip=none", "trainer.max_steps=100", "probe=off"
    )
    assert record.stopped_by == "not finite"


def test_what_could_never_stop(configure):
    with pytest.raises(UserError, match="early_stop.patience=2: with trainer.validate_every=10 no training of"):
        configure("early_stop=patience", "early_stop.patience=2")
    with pytest.raises(UserError, match=r"unknown early_stop 'patient': did you mean 'patience'\?"):
        configure("early_stop=patient")
