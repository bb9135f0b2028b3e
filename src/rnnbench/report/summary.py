"""From records to rows: what a sweep varied, and what came out of each setting."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from rnnbench.factors import factors, flatten
from rnnbench.records import DIVERGED, DONE, FAILED, Record
from rnnbench.statistics import Estimate, mean_interval, median_time, wilson_interval
from rnnbench.tasks import TASKS


@dataclass(frozen=True)
class Setting:
    """All runs that differ in nothing but the seed."""

    factors: dict[str, Any]
    """The value of each swept factor, such as ``{"task": "adding", "cell": "lstm"}``."""
    records: list[Record]

    @property
    def label(self) -> str:
        """The factors' values less the task, for a legend."""
        return words({key: value for key, value in self.factors.items() if key != "task"}) or self.cell

    @property
    def shown(self) -> dict[str, str]:
        """The factors as text, for the cells of a table."""
        return {key: "–" if value is None else str(value) for key, value in self.factors.items()}

    @property
    def task(self) -> str:
        return str(self.records[0].config["task"]["name"])

    @property
    def cell(self) -> str:
        return str(self.records[0].config["cell"]["name"])

    def known(self, fact: str) -> Any:
        """A fact that all runs share, from one that got far enough to know it; None where none did."""
        return next((value for record in self.records if (value := getattr(record, fact))), None)

    @property
    def done(self) -> list[Record]:
        return [record for record in self.records if record.status == DONE]

    @property
    def ended(self) -> list[Record]:
        """The runs with a result: done or diverged. A failed run says nothing about its setting."""
        return [record for record in self.records if record.complete]

    @property
    def scores(self) -> list[float]:
        """Of the runs that are done."""
        return [record.score for record in self.done if record.score is not None]

    @property
    def score(self) -> Estimate | None:
        """The mean over the runs that are done; None where none is."""
        return mean_interval(self.scores) if self.scores else None

    @property
    def metric(self) -> tuple[str, Estimate | None]:
        """The task's primary metric on the test split: its name and its estimate."""
        name = self.known("metric") or ""
        values = [value for r in self.done if (value := r.final.get(f"test/{name}")) is not None]
        return name, mean_interval(values) if values else None

    @property
    def solved(self) -> list[int]:
        """The step at which each solved run was solved."""
        return [record.solved_at_step for record in self.ended if record.solved_at_step is not None]

    @property
    def solved_share(self) -> Estimate | None:
        """Of the runs that ended, diverged ones included; None where nothing counts as solved."""
        return wilson_interval(len(self.solved), len(self.ended)) if self.ended and solvable(self.task) else None

    def times(self, longest: int) -> list[float]:
        """The step at which each run that ended solved the task, or up to which it is known not to have.

        An unsolved run would have taken longer than its steps. One that diverged never solves the task: it counts as
        unsolved until ``longest``, where the longest run to compare with ended.
        """
        return [r.solved_at_step or (longest if r.status == DIVERGED else r.steps) for r in self.ended]

    @property
    def median_steps_to_solve(self) -> float | None:
        """The Kaplan-Meier median; None where more than half of the runs would take longer than they were given."""
        if not self.ended:
            return None
        times = self.times(max(record.steps for record in self.ended))
        return median_time(times, [record.solved_at_step is not None for record in self.ended])

    @property
    def failures(self) -> str:
        """Diverged and failed runs in words, empty where there are none."""
        counts = {status: sum(r.status == status for r in self.records) for status in (DIVERGED, FAILED)}
        return ", ".join(f"{count} {status}" for status, count in counts.items() if count)

    def decay(self, moment: str, key: str) -> float | None:
        """The median over runs of ``half_life`` or ``horizon`` (steps) at ``initial`` or ``final``; None: no decay."""
        moments = [record.gradients.get(moment, {}) for record in self.records]
        values = [numbers[key] for numbers in moments if key in numbers]
        measured = sorted(float("inf") if value is None else value for value in values)
        middle = median(measured) if measured else float("inf")
        return None if middle == float("inf") else middle

    @property
    def probed(self) -> bool:
        """Whether any run measured its gradients."""
        return any(record.gradients for record in self.records)


def settings(records: list[Record]) -> list[Setting]:
    """The records grouped by everything that varies but the seed, in the order of first appearance by task and cell."""
    flat = [flatten(record.config) for record in records]
    chosen = factors(flat)
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for config, record in zip(flat, records, strict=True):
        groups.setdefault(tuple(config.get(key) for key in chosen), []).append(record)
    names = [key.removesuffix(".name").removesuffix(".kind") for key in chosen]
    return [Setting(dict(zip(names, values, strict=True)), group) for values, group in groups.items()]


def solvable(task: str) -> bool:
    """Whether the task has a loss below which it counts as solved; a task of somebody's own is taken to have one."""
    return task not in TASKS or TASKS[task].solvable


def words(values: dict[str, Any]) -> str:
    """Factors as people write them: "lstm, length 50, not bidirectional"; clip=none has no clip.threshold to name."""
    named = {k: v for k, v in values.items() if v is not None or not any(k.startswith(f"{other}.") for other in values)}
    return ", ".join(_word(key.rpartition(".")[2], value) for key, value in named.items())


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return value if isinstance(value, str) else f"{name} {value}"
