"""From records to rows: what a sweep varied, and what came out of each setting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from rnnbench.factors import factors, flatten
from rnnbench.records import DIVERGED, DONE, FAILED, Record
from rnnbench.statistics import Estimate, mean_interval


@dataclass(frozen=True)
class Setting:
    """All runs that differ in nothing but the seed."""

    factors: dict[str, Any]
    """The value of each swept factor, such as ``{"task": "adding", "cell": "lstm"}``."""
    records: list[Record]

    @property
    def label(self) -> str:
        """The factors' values less the task, for a legend."""
        return ", ".join(_word(key, value) for key, value in self.factors.items() if key != "task") or self.cell

    @property
    def task(self) -> str:
        return str(self.records[0].config["task"]["name"])

    @property
    def cell(self) -> str:
        return str(self.records[0].config["cell"]["name"])

    @property
    def done(self) -> list[Record]:
        return [record for record in self.records if record.status == DONE]

    @property
    def score(self) -> Estimate | None:
        """Over the runs that are done; None where none is."""
        return self._estimate(record.score for record in self.done)

    @property
    def metric(self) -> tuple[str, Estimate | None]:
        """The task's primary metric on the test split: its name and its estimate."""
        name = self.records[0].metric
        return name, self._estimate(record.final.get(f"test/{name}") for record in self.done)

    @property
    def solved(self) -> list[int]:
        """The step at which each solved run was solved."""
        return [record.solved_at_step for record in self.records if record.solved_at_step is not None]

    @property
    def median_steps_to_solve(self) -> float | None:
        """None while at least half of the runs have not solved the task."""
        return median(self.solved) if 2 * len(self.solved) > len(self.records) else None

    @property
    def failures(self) -> str:
        """Diverged and failed runs in words, empty where there are none."""
        counts = {status: sum(r.status == status for r in self.records) for status in (DIVERGED, FAILED)}
        return ", ".join(f"{count} {status}" for status, count in counts.items() if count)

    def decay(self, moment: str, key: str) -> float | None:
        """The median over runs of ``half_life`` or ``horizon`` (steps) at ``initial`` or ``final``; None: no decay."""
        values = [record.gradients[moment][key] for record in self.records if moment in record.gradients]
        measured = sorted(float("inf") if value is None else value for value in values)
        middle = median(measured) if measured else float("inf")
        return None if middle == float("inf") else middle

    @property
    def probed(self) -> bool:
        """Whether any run measured its gradients."""
        return any(record.gradients for record in self.records)

    @staticmethod
    def _estimate(values: Iterator[float | None] | Any) -> Estimate | None:
        present = [value for value in values if value is not None]
        return mean_interval(present) if present else None


def settings(records: list[Record]) -> list[Setting]:
    """The records grouped by everything that varies but the seed, in the order of first appearance by task and cell."""
    flat = [flatten(record.config) for record in records]
    chosen = factors(flat)
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for config, record in zip(flat, records, strict=True):
        groups.setdefault(tuple(config.get(key) for key in chosen), []).append(record)
    names = [key.removesuffix(".name").removesuffix(".kind") for key in chosen]
    return [Setting(dict(zip(names, values, strict=True)), group) for values, group in groups.items()]


def _word(key: str, value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{key.rpartition('.')[2]} {value}"
