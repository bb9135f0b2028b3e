"""An external task: a class given by ``_target_``, which states all the facts of a Task itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self, cast

from rnnbench.errors import UserError, check_plain, unknown
from rnnbench.extensions import dotted, label, load, one_line
from rnnbench.tasks.base import Array, Batch, Continuation, Split, Task

COMMON = tuple(field.name for field in fields(Task))
"""The fields that every task has; ``arguments`` are the others."""
STATED = ("title", "loss", "metric")
"""Facts that a class must state although Python does not require them."""


def _asked(name: str) -> Any:
    """Return a fact that the class itself states."""
    return property(lambda self: getattr(self.task, name))


@dataclass(kw_only=True)
class ExternalTask(Task):
    """The task ``task`` of the class ``_target_``, with the fields of every task and its own, ``arguments``."""

    _target_: str
    arguments: dict[str, Any]

    title = _asked("title")
    source = _asked("source")
    loss = _asked("loss")
    metric = _asked("metric")
    variants = _asked("variants")
    drawn = _asked("drawn")
    solvable = _asked("solvable")
    capability = _asked("capability")
    longer = _asked("longer")
    carries = _asked("carries")
    spacing = _asked("spacing")
    lengths_by = _asked("lengths_by")
    repeats = _asked("repeats")
    chance = _asked("chance")
    tokens = _asked("tokens")
    every_step = _asked("every_step")
    causal = _asked("causal")
    input_size = _asked("input_size")
    output_size = _asked("output_size")
    solved_below = _asked("solved_below")

    def __post_init__(self) -> None:
        self._target_ = dotted(self._target_)
        self.name = label("task", self.name, self._target_)
        check_plain("task.arguments", self.arguments)
        super().__post_init__()

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the task, which another process builds itself."""
        return {key: value for key, value in vars(self).items() if key != "task"}

    @cached_property
    def task(self) -> Task:
        """The task itself. Raises UserError where the class is none, or does not take the fields."""
        setting = f"task._target_={self._target_}"
        found = load("task._target_", self._target_)
        if not inspect.isclass(found) or not issubclass(found, Task):
            raise UserError(f"{setting}: is no rnnbench.tasks.base.Task; derive a dataclass from it")
        missing = [name for name in STATED if name not in dir(found)]
        if missing:
            raise UserError(f"{setting}: does not state its {', '.join(missing)}")
        own = {field.name for field in fields(found) if field.init} - set(COMMON)
        for key in self.arguments:
            if not own:
                raise UserError(f"task.arguments.{key}: {found.__name__} has no fields but those of every task")
            if key not in own:
                raise unknown("key", f"task.arguments.{key}", [f"task.arguments.{name}" for name in own])
        try:
            return found(**{name: getattr(self, name) for name in COMMON}, **self.arguments)
        except TypeError as error:  # a field or a method is missing
            raise UserError(f"{setting}: {error}") from error
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{setting}: cannot be built ({one_line(error)})") from error

    @property
    def content(self) -> Any:
        return self.task.content

    def check(self) -> None:
        self.task.check()

    def baseline(self, split: Split) -> float:
        return self.task.baseline(split)

    def floor(self, split: Split) -> float:
        return self.task.floor(split)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        return self.task.batch(split, seed, step)

    def altered(self, **options: Any) -> Self:
        return cast(Self, self.task.altered(**options))

    def at_length(self, length: int) -> Task:
        return self.task.at_length(length)

    def batches(self, split: Split) -> int | None:
        return self.task.batches(split)

    def held_out(self, split: Split) -> tuple[Task, int]:
        return self.task.held_out(split)

    def held_out_sequences(self, split: Split) -> int:
        return self.task.held_out_sequences(split)

    def held_out_mean(self, split: Split, losses: Callable[[Batch], Array], of: str = "") -> float:
        return self.task.held_out_mean(split, losses, of)

    def fingerprint(self) -> dict[str, str]:
        return self.task.fingerprint()

    def provenance(self) -> dict[str, Any]:
        return self.task.provenance()

    def continuation(self) -> Continuation | None:
        return self.task.continuation()

    def decode(self, tokens: Array) -> str:
        return self.task.decode(tokens)
