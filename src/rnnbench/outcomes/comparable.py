"""What is compared of a column on two kinds of machine: the gradient's reach in steps, a loss up to the baseline.

A network that does worse than the memoryless baseline has learned nothing, and how much worse is chance: rounding alone
takes a vanilla RNN that explodes from one such loss to another.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from rnnbench.outcomes.columns import Row, headline

SLACK = 3.0
"""Steps by which the reach of a gradient may differ in any case, and its logarithm over a sequence."""
NEAR_ZERO = 0.05
"""By how much a share of all may differ in any case."""
LEAST = {"steps": SLACK, "horizon": SLACK, "exponent": SLACK, "share": NEAR_ZERO}
"""By how much what has such a unit may differ in any case; an exponent over the length of a sequence."""
FLAT = 1.0
"""A gradient that halves only over so many lengths of a sequence does not decay: how slowly it falls is rounding."""
UNITS = {
    "absolute": "",
    "score": "",
    "loss": "of the baseline",
    "metric": "of the baseline, an accuracy, a read error or an NRMSE of 1",
    "larger": "of the larger",
    "steps": f"of the larger half-life, or {SLACK:g} steps",
    "horizon": f"of the larger, or {SLACK:g} steps",
    "share": f"of the larger, or {NEAR_ZERO:g}",
    "exponent": f"of the larger, or a factor of e^{SLACK:g} from one end of a sequence to the other",
}
"""What a difference is relative to, in words."""
CAPPED = "a score below 0 counts as 0, and a loss, or an error as a metric, above its baseline as the baseline"
LOWER = ("mse", "bits_per_character")
"""Metrics that are lower for a better network."""
BASELINES = {
    "test_loss": "baseline",
    "test_metric": "baseline",
    "validation_loss": "validation_baseline",
    "best_validation_loss": "validation_baseline",
    **{f"{split}_{metric}": "validation_baseline" for split in ("val", "best_val") for metric in LOWER},
}
"""The columns whose value without memory is known, from another column."""


def comparable(row: Row, key: str, unit: str) -> float | None:
    """Return the value of a column as it is compared in a unit; None where it has none."""
    found: float | None = VALUES.get(unit, _plain)(row, key)
    return found


def scale(row: Row, unit: str) -> float:
    """Return the value that a tolerance in this unit is relative to."""
    if unit == "exponent":
        return float(row["length"] or 1)
    if unit not in ("loss", "metric"):
        return 1.0
    return _memoryless(row["baseline"] or 0.0, row["metric"], unit)


def _memoryless(baseline: float, metric: str, unit: str) -> float:
    if unit == "metric":
        return {"mse": baseline, "bits_per_character": baseline / math.log(2)}.get(metric, 1.0)
    return baseline


def _plain(row: Row, key: str) -> float | None:
    value: float | None = row[key]
    return value


def _score(row: Row, key: str) -> float | None:
    return None if row[key] is None else max(row[key], 0.0)


def _up_to_the_baseline(unit: str) -> Callable[[Row, str], float | None]:
    def value(row: Row, key: str) -> float | None:
        baseline = row.get(BASELINES.get(key, ""))
        if row[key] is None or not baseline:
            return _plain(row, key)
        return min(float(row[key]), _memoryless(baseline, row["metric"], unit))

    return value


def _half_life(row: Row, key: str) -> float:
    """Return the half-life in steps that a column states: long if nothing decays, 0 if the gradient has vanished."""
    length = row["length"] or 1
    value = row[key]
    kind = headline(key).rpartition("_")[0]
    if kind == "half_life" and value is None:  # because nothing decays, or not along a line
        kind, value = "slope", row[key.replace("half_life", "slope")]
    if kind == "half_life":
        steps = value
    elif value is None:
        steps = 0.0
    else:
        fall = -value * length if kind == "slope" else -math.log(value) if value > 0 else math.inf
        steps = math.log(2) * length / fall if fall > 0 else math.inf
    return float(min(steps, FLAT * length))


def _horizon(row: Row, key: str) -> float:
    """Return the horizon in steps; 0 for a dead gradient."""
    return float(row[key] or 0)


VALUES: dict[str, Callable[[Row, str], float | None]] = {
    "steps": _half_life,
    "horizon": _horizon,
    "score": _score,
    "loss": _up_to_the_baseline("loss"),
    "metric": _up_to_the_baseline("metric"),
}
