"""When a row contradicts itself."""

import math

import pytest

from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.consistency import contradictions

ROW = dict.fromkeys(COLUMNS) | {
    "status": "done", "score": 0.98, "test_loss": 0.02 / 6, "baseline": 1 / 6, "metric": "mse",
    "test_metric": 0.02 / 6, "solved_at_step": 300, "steps": 300, "slope_initial": -0.5,
    "half_life_initial": math.log(2) / 0.5, "decay_initial": "decays",
    "decay_final": "decays", "slope_final": -0.02, "half_life_final": math.log(2) / 0.02,
}  # fmt: skip
LOST = {"score": -1.0, "test_loss": None, "test_metric": None, "solved_at_step": None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"test_loss": 0.5, "test_metric": 0.5, "score": -1.0},  # 1 - 3 is clipped
        {"metric": "bits_per_character", "test_metric": 0.02 / 6 / math.log(2)},
        {"metric": "accuracy", "test_metric": 1.0},
        {"slope_final": 0.02, "half_life_final": None},  # it grows
        {"slope_final": None, "half_life_final": None},
        {"status": "diverged", "diverged_at_step": 50, **LOST},
        {"status": "diverged", "diverged_at_step": 300, "score": -1.0},  # of its test loss nothing depends
        {"status": "failed", "baseline": None, "steps": 0, **LOST},
        {"status": "failed", **LOST},
    ],
)
def test_a_row_that_agrees_with_itself(changes):
    assert contradictions(ROW | changes) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score": 0.97}, "score 0.97, but by its status, test_loss and baseline it is 0.98"),
        ({"baseline": 1.0}, "score 0.98, but by its status, test_loss and baseline it is 0.99"),
        ({"score": None}, "score None, but by its status, test_loss and baseline it is 0.98"),
        ({"test_loss": 0.5, "test_metric": 0.5, "score": -2.0}, "score -2.0, but by its status, test_loss and"),
        ({"test_loss": None, "test_metric": None}, "done without a test loss"),
        ({"test_metric": 0.01}, "test_metric 0.01, but by the test loss it is 0.0033"),
        ({"metric": "bits_per_character"}, "test_metric 0.0033"),
        ({"metric": "accuracy", "test_metric": 1.2}, "an accuracy of 1.2"),
        ({"solved_at_step": 301}, "solved_at_step 301 of 300 steps"),
        ({"status": "diverged", "diverged_at_step": 301, "score": -1.0}, "diverged_at_step 301 of 300 steps"),
        ({"diverged_at_step": 50}, "done with diverged_at_step 50"),
        ({"status": "diverged", "score": -1.0}, "diverged with diverged_at_step empty"),
        ({"status": "diverged", "diverged_at_step": 5}, "score 0.98, but by its status, test_loss and baseline"),
        ({"status": "failed"}, "score 0.98, but by its status, test_loss and baseline it is -1"),
        ({"status": "failed", **LOST, "score": None}, "score None, but by its status, test_loss and baseline it is -1"),
        ({"half_life_final": 34.0}, "half_life_final 34, but its slope is -0.02"),
        ({"slope_initial": None}, "half_life_initial 1.38629436112, but its slope is empty"),
        ({"slope_final": 0.0}, "half_life_final 34.657359028, but its slope is 0.0"),
    ],
)  # fmt: skip
def test_a_row_that_contradicts_itself(changes, reason):
    assert any(reason in law for law in contradictions(ROW | changes))
