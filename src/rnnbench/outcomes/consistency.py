"""Consistency of a single row: rules that the numbers of every run obey."""

from __future__ import annotations

import math

from rnnbench.outcomes.agreement import ROUNDING
from rnnbench.outcomes.columns import Row
from rnnbench.outcomes.diagnostic_columns import LAYER_DIRECTION, MOMENTS
from rnnbench.store.status import Status

SHARES = {
    "accuracy": "an accuracy",
    "sequence_accuracy": "an accuracy of sequences",
    "read_error": "an error of reads",
}
"""Metrics that are shares, in words."""


def contradictions(row: Row) -> list[str]:
    """Return where a row does not agree with itself: a line for each law that it breaks."""
    score, loss, baseline = row["score"], row["test_loss"], row["baseline"]
    diverged, steps = row["diverged_at_step"], row["steps"]
    found = []
    if row["status"] == Status.DONE and loss is None:
        found.append("done without a test loss")
    if (row["status"] == Status.DIVERGED) != (diverged is not None):
        found.append(f"{row['status']} with diverged_at_step {'empty' if diverged is None else diverged}")
    expected = Status(row["status"]).score(loss, baseline)
    if score is None or expected is None or not _equal(score, expected):
        found.append(f"score {score}, but by its status, test_loss and baseline it is {expected:.12g}")
    metric, bits = row["test_metric"], None if loss is None else loss / math.log(2)
    by_loss = {"mse": loss, "bits_per_character": bits}.get(row["metric"])
    if metric is not None and by_loss is not None and not math.isclose(metric, by_loss, rel_tol=1e-4):
        found.append(f"test_metric {metric:g}, but by the test loss it is {by_loss:g}")
    if row["metric"] in SHARES and metric is not None and not 0 <= metric <= 1:
        found.append(f"{SHARES[row['metric']]} of {metric:g}")
    late = [key for key in ("solved_at_step", "diverged_at_step") if row[key] is not None and row[key] > steps]
    found += [f"{key} {row[key]} of {steps} steps" for key in late]
    return found + [line for moment in MOMENTS for prefix in _prefixes(row) for line in _decay(row, prefix, moment)]


def _prefixes(row: Row) -> list[str]:
    """Return the prefixes of the columns of the headline, and of each layer and direction."""
    return ["", *dict.fromkeys(f"{match[1]}_" for match in map(LAYER_DIRECTION.fullmatch, row) if match)]


def _decay(row: Row, prefix: str, moment: str) -> list[str]:
    word, slope, half_life, horizon = (
        row.get(f"{prefix}{key}_{moment}") for key in ("decay", "slope", "half_life", "horizon")
    )
    found = []
    if half_life is not None and not (slope and _equal(half_life, math.log(2) / -slope)):
        shown = "empty" if slope is None else slope
        found.append(f"{prefix}half_life_{moment} {half_life:.12g}, but its slope is {shown}")
    if half_life is not None and word != "decays":
        found.append(f"{prefix}half_life_{moment} {half_life:.12g}, but the gradient is {word or 'not described'}")
    if word == "dead" and horizon is not None:
        found.append(f"{prefix}horizon_{moment} {horizon}, but the gradient is dead")
    return found


def _equal(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=ROUNDING, abs_tol=ROUNDING)
