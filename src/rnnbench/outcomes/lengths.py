"""How well a trained network does at other lengths: the curve of its accuracy over length, and the area under it.

    scaled accuracy    (accuracy - chance) / (1 - chance), at least -1; the accuracy itself where no chance is known
    length_area        the area under it over log length, by the trapezoidal rule between the lengths that were tested,
                       task.length and task.test_lengths, divided by the logarithm of the longest over the shortest

The area is the mean of the scaled accuracy where every factor of length counts alike: 1 for a network that is always
right, 0 for one that guesses; below where it does worse than a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import log
from typing import TYPE_CHECKING, Any, NamedTuple

from rnnbench.outcomes.column import Row
from rnnbench.store.status import clipped

if TYPE_CHECKING:
    import pandas as pd

    from rnnbench.tasks import Task

FILE = "lengths.csv"
OTHER_LENGTH = re.compile(r"test_(\d+)_loss")


class Point(NamedTuple):
    """What one run did at one length."""

    length: int
    """The task's length in the test."""
    loss: float | None
    score: float | None
    accuracy: float | None
    """At single scored positions; None where the task has no accuracy."""
    sequence_accuracy: float | None
    """Of whole sequences: all their scored positions right."""
    chance: float | None
    """The accuracy of the best predictor without memory."""

    @property
    def scaled_accuracy(self) -> float | None:
        """0 for chance, 1 for a network that is always right."""
        return None if self.accuracy is None else scaled(self.accuracy, self.chance)


COLUMNS = (*Point._fields, "scaled_accuracy")


def scaled(accuracy: float, chance: float | None) -> float | None:
    """Return an accuracy, 0 where it is ``chance``, at least -1 as a score is; None where chance is always right."""
    if chance == 1:
        return None
    return clipped((accuracy - (chance or 0)) / (1 - (chance or 0)))


def area(points: Mapping[int, float]) -> float | None:
    """Return the mean of values by length over the logarithm of length; None of fewer than two lengths."""
    if len(points) < 2:
        return None
    ordered = sorted(points.items())
    trapezoids = ((log(b) - log(a)) * (low + high) / 2 for (a, low), (b, high) in pairwise(ordered))
    return sum(trapezoids) / (log(ordered[-1][0]) - log(ordered[0][0]))


def summary(task: Task, values: Mapping[str, float]) -> dict[str, float]:
    """Return what follows from the tests of a run, ``values`` such as ``test_80/accuracy``: chance, and the area."""
    prefixes = {task.length: "test"} | {length: f"test_{length}" for length in task.test_lengths}
    if len(prefixes) < 2:
        return {}
    found: dict[str, float] = {}
    reached: dict[int, float] = {}
    for length, prefix in prefixes.items():
        chance = task.chance if length == task.length else task.at_length(length).chance
        right = values.get(f"{prefix}/accuracy")
        if f"{prefix}/read_error" in values:
            right = 1 - values[f"{prefix}/read_error"]
        if right is not None and (value := scaled(right, chance)) is not None:
            reached[length] = value
        if right is not None and chance is not None:
            found[f"{prefix}/chance"] = chance
    whole = area(reached) if len(reached) == len(prefixes) else None
    return found if whole is None else found | {"length_area": whole}


def curve(run: Row) -> list[Point]:
    """Return what a run did at each length that it was tested at, from the shortest; empty where that is one length."""
    others = sorted(
        {int(match[1]) for name in run if (match := OTHER_LENGTH.fullmatch(name)) and run[name] is not None}
    )
    if not others or run["length"] is None:
        return []
    return sorted(_point(run, length) for length in {run["length"], *others})


def trained(run: Row) -> tuple[int, int]:
    """Return the shortest and the longest length that a run was trained at."""
    ranged = json.loads(run.get("task.train_lengths") or "[]")
    if ranged:
        return ranged[0], ranged[1]
    return int(run.get("task.shortest") or run["length"]), int(run["length"])


def table(runs: Iterable[Row]) -> pd.DataFrame:
    """Return a row a run and length: run_id, then COLUMNS."""
    import pandas as pd  # half a second, which a run can do without

    listed = [(run["run_id"], *point, point.scaled_accuracy) for run in runs for point in curve(run)]
    return pd.DataFrame(listed, columns=["run_id", *COLUMNS]).astype(
        {name: float for name in COLUMNS if name != "length"} | {"run_id": object, "length": int}
    )


def _point(run: Row, length: int) -> Point:
    prefix = "test" if length == run["length"] else f"test_{length}"

    def found(metric: str) -> Any:
        own = prefix == "test" and metric == run["metric"]
        return run.get("score" if prefix == "test" and metric == "score" else
                       "test_metric" if own else f"{prefix}_{metric}")  # fmt: skip

    right, wrong = found("accuracy"), found("read_error")
    if wrong is not None:
        right = 1 - wrong
    return Point(length, found("loss"), found("score"), right, found("sequence_accuracy"), found("chance"))
