"""When two rows of one run agree: on one kind of machine to the last digit, elsewhere by a rule for each column.

Rounding differs from one kind of machine to another, and training amplifies it. What does not pass through training
must be the same all the same. How far the gradient reaches is compared in steps: its slope, its half-life and its ratio
at the ends all say after how many steps it has halved, and of a gradient that vanishes at once no more is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rnnbench.errors import UserError, check_range, unknown
from rnnbench.records import DIVERGED, DONE
from rnnbench.rows import NOT_RESULTS, number

Row = Mapping[str, str]
EXACT = ("seed", "task", "length", "cell", "metric", "hidden_size", "parameters", "state_size", "flops", "off_budget",
         "data_sha256")  # fmt: skip
"""The columns that no machine may change."""
ROUNDING = 1e-9
"""The relative error that a few operations in double precision can add up to."""
FITTED = ("slope_", "half_life_")
LAST_BITS = 1e-12
"""The relative error of a least-squares fit, whose last bits depend on where its numbers lie in memory."""
SLACK = 3.0
"""Steps by which the reach of a gradient may differ in any case."""
TOLD = 3  # columns that a line shows in full
FLAT = 1.0
"""A gradient that halves only over so many lengths of a sequence does not decay: how slowly it falls is rounding."""


class Rule(NamedTuple):
    """How far a column may be off: by at most ``most`` of its ``unit``."""

    most: float | None
    """None: as much as the score."""
    unit: str

    @property
    def words(self) -> str:
        return f"{self.most:g} {UNITS[self.unit]}".rstrip()


UNITS = {
    "absolute": "",
    "loss": "of the baseline",
    "metric": "of the baseline, an accuracy of 1",
    "larger": "of the larger",
    "steps": f"of the larger half-life, or {SLACK:g} steps",
    "horizon": f"of the larger, or {SLACK:g} steps",
}
RULES = {
    "score": Rule(None, "absolute"),
    "validation_loss": Rule(None, "loss"),
    "test_loss": Rule(None, "loss"),
    "test_metric": Rule(None, "metric"),
    "baseline": Rule(ROUNDING, "larger"),
    "solved_at_step": Rule(0.5, "larger"),
    "diverged_at_step": Rule(0.5, "larger"),
    "steps": Rule(0.5, "larger"),
    "slope_initial": Rule(0.001, "larger"),
    "half_life_initial": Rule(0.001, "larger"),
    "horizon_initial": Rule(0.001, "horizon"),
    "vanishing_ratio_initial": Rule(0.001, "larger"),
    "slope_final": Rule(0.75, "steps"),
    "half_life_final": Rule(0.75, "steps"),
    "horizon_final": Rule(0.75, "horizon"),
    "vanishing_ratio_final": Rule(0.75, "steps"),
}
"""Of the columns of numbers that a machine can change. An experiment's ``protocol.tolerance`` sets others."""


def rules(tolerance: Mapping[str, float]) -> dict[str, Rule]:
    """The rules, with what an experiment sets, its score at least. Raises UserError for what is no such column."""
    for column, most in tolerance.items():
        if column not in RULES:
            raise unknown("column in protocol.tolerance", column, RULES)
        check_range(f"protocol.tolerance.{column}", most, at_least=0)
    if "score" not in tolerance:
        raise UserError("protocol.tolerance.score: is missing; say how far a score may be off on another machine")
    found = {}
    for column, rule in RULES.items():
        most = tolerance.get(column, tolerance["score"] if rule.most is None else rule.most)
        found[column] = rule._replace(most=most)
    return found


def differences(before: Row, now: Row) -> list[str]:
    """The columns that differ, those that no machine may change first."""
    columns = [key for key in now if key in before and key not in NOT_RESULTS]
    different = [key for key in columns if before[key] != now[key] and not _same_fit(before, now, key)]
    return sorted(different, key=lambda key: key not in ("status", *EXACT))


def _same_fit(before: Row, now: Row, key: str) -> bool:
    """Whether two least-squares fits are the same but for their last bits."""
    if not key.startswith(FITTED) or not (before[key] and now[key]):
        return False
    return math.isclose(float(before[key]), float(now[key]), rel_tol=LAST_BITS)


def beyond(before: Row, now: Row, allowed: Mapping[str, Rule]) -> list[str]:
    """The columns that differ by more than another machine explains."""
    return [key for key in differences(before, now) if not _explained(before, now, key, allowed)]


def _explained(before: Row, now: Row, key: str, allowed: Mapping[str, Rule]) -> bool:
    pair = (before, now)
    if key in ("solved_at_step", "diverged_at_step") and not all(row[key] for row in pair):
        return False  # one of them solved the task, the other did not
    if key == "steps" and not any(row["solved_at_step"] or row["diverged_at_step"] for row in pair):
        return False  # nothing but the configuration ended them
    return key in allowed and _near(before, now, key, allowed[key])


def told(before: Row, now: Row, columns: Sequence[str], allowed: Mapping[str, Rule] | None = None) -> str:
    """What differs, the first columns in full; with the rules that decided, to four digits."""
    words = []
    for key in columns[:TOLD]:
        was, is_now = (row[key] or "-" for row in (before, now))
        if allowed and key in allowed:
            was, is_now = (text if text == "-" else f"{float(text):.4g}" for text in (was, is_now))
            is_now += f" (at most {allowed[key].words})"
        words.append(f"{key} {was} -> {is_now}")
    return ", ".join(words) + (f" and {len(columns) - TOLD} more" if len(columns) > TOLD else "")


def summary(allowed: Mapping[str, Rule]) -> str:
    """All rules in a line, those that are alike together."""
    alike: dict[str, list[str]] = {}
    for column, rule in allowed.items():
        alike.setdefault(rule.words, []).append(column)
    return "; ".join(f"{', '.join(columns)} {words}" for words, columns in alike.items())


def _near(before: Row, now: Row, key: str, rule: Rule) -> bool:
    was, is_now = (UNIT_VALUES.get(rule.unit, _plain)(row, key) for row in (before, now))
    if was is None or is_now is None or rule.most is None:
        return False
    larger = max(abs(was), abs(is_now))
    if rule.unit in ("steps", "horizon"):
        most = max(SLACK, rule.most * larger)
    else:
        most = rule.most * (larger if rule.unit == "larger" else _scale(before, rule.unit))
    return abs(was - is_now) <= most


def _scale(row: Row, unit: str) -> float:
    """What a tolerance of this unit is a share of."""
    baseline = number(row["baseline"]) or 0.0
    if unit == "metric":
        return {"accuracy": 1.0, "bits_per_character": baseline / math.log(2)}.get(row["metric"], baseline)
    return baseline if unit == "loss" else 1.0


def _plain(row: Row, key: str) -> float | None:
    return number(row[key])


def _half_life(row: Row, key: str) -> float:
    """The half-life in steps that a column says; of what does not decay a long one, of what has vanished none."""
    length = number(row["length"]) or 1.0
    value = number(row[key])
    kind = key.rpartition("_")[0]
    if kind == "half_life":
        slope = number(row[key.replace("half_life", "slope")])
        steps = value if value is not None else 0.0 if slope is None else math.inf
    elif value is None:
        steps = 0.0
    else:
        fall = -value * length if kind == "slope" else -math.log(value) if value > 0 else math.inf
        steps = math.log(2) * length / fall if fall > 0 else math.inf
    return min(steps, FLAT * length)


UNIT_VALUES: dict[str, Callable[[Row, str], float | None]] = {"steps": _half_life}


def contradictions(row: Row) -> list[str]:
    """Where a row does not agree with itself: a line for each law that it breaks."""
    score, loss, baseline = (number(row[key]) for key in ("score", "test_loss", "baseline"))
    solved, diverged, steps = (number(row[key]) for key in ("solved_at_step", "diverged_at_step", "steps"))
    found = []
    if row["status"] == DONE and (score is None or loss is None):
        found.append("done without a score or a test loss")
    if (row["status"] == DIVERGED) != (diverged is not None):
        found.append(f"{row['status']} with diverged_at_step '{row['diverged_at_step']}'")
    if score is not None and loss is not None and baseline and not _equal(score, 1 - loss / baseline):
        found.append(f"score {score:.12g}, but 1 - test_loss / baseline is {1 - loss / baseline:.12g}")
    metric, bits = number(row["test_metric"]), None if loss is None else loss / math.log(2)
    expected = {"mse": loss, "bits_per_character": bits}.get(row["metric"])
    if metric is not None and expected is not None and not math.isclose(metric, expected, rel_tol=1e-4):
        found.append(f"test_metric {metric:g}, but by the test loss it is {expected:g}")
    if row["metric"] == "accuracy" and metric is not None and not 0 <= metric <= 1:
        found.append(f"an accuracy of {metric:g}")
    for key, step in (("solved_at_step", solved), ("diverged_at_step", diverged)):
        if step is not None and steps is not None and step > steps:
            found.append(f"{key} {step:g} of {steps:g} steps")
    for moment in ("initial", "final"):
        slope, half_life = (number(row[f"{key}_{moment}"]) for key in ("slope", "half_life"))
        if half_life is not None and not (slope and _equal(half_life, math.log(2) / -slope)):
            found.append(f"half_life_{moment} {half_life:.12g}, but its slope is {row[f'slope_{moment}'] or 'empty'}")
    return found


def _equal(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=ROUNDING, abs_tol=ROUNDING)
