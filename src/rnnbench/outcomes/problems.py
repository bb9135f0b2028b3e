"""Problems on which settings are ranked: a task at one length. Scores at other lengths or texts are not comparable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnnbench.outcomes.columns import Row

TRAINING = (
    "task.batch_size", "task.test_lengths", "task.train_lengths", "task.prompt", "task.sample_length",
    "task.temperature",
)  # fmt: skip
"""Options of a task that say how it is trained or shown, not what is to be solved."""


class Problem(NamedTuple):
    """A task, its length, and what else of it was varied."""

    task: str
    length: int | None
    options: str

    @property
    def title(self) -> str:
        """As people write it: "adding, T = 100"."""
        length = "" if self.length is None else f"T = {self.length}"
        return ", ".join(filter(None, (self.task, length, self.options)))


def belongs_to_problem(factor: str) -> bool:
    """Return whether a factor belongs to the problem, so that its values are not ranked against each other."""
    return factor == "task" or (factor.startswith("task.") and factor not in TRAINING)


def problem(factors: Mapping[str, Any], run: Row) -> Problem:
    """Return the problem of a run in a setting with these ``factors``."""
    options = {
        key: value for key, value in factors.items() if belongs_to_problem(key) and key not in ("task", "task.length")
    }
    return Problem(str(run["task"]), run["length"], words(options))


def words(values: Mapping[str, Any]) -> str:
    """Return factors as people write them: "lstm, length 50, not bidirectional"; clip=none has no clip.threshold."""
    named = {k: v for k, v in values.items() if v is not None or not any(k.startswith(f"{other}.") for other in values)}
    return ", ".join(_word(key.rpartition(".")[2], value) for key, value in named.items())


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return value if isinstance(value, str) else f"{name} {value}"
