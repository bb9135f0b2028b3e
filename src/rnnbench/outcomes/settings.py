"""Groups runs into settings: by what was varied, except factors that follow from others, and the seed.

A setting counts all its runs. One that diverged or failed is an unsolved run with the worst score (``Status.score``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING, Any

import pandas as pd

from rnnbench.config.factors import factors, short
from rnnbench.config.identity import valued
from rnnbench.outcomes import rows
from rnnbench.outcomes.columns import REPORT, Row
from rnnbench.outcomes.problems import Problem, belongs_to_problem, problem, words
from rnnbench.statistics import Estimate, median_interval, median_time, wilson_interval
from rnnbench.store.status import WORST, Status, clipped
from rnnbench.tasks import TASKS

if TYPE_CHECKING:
    from rnnbench.outcomes.result import Result


@dataclass(frozen=True)
class Setting:
    """All runs that differ in nothing but the seed."""

    factors: dict[str, Any]
    """The value of each swept factor, such as ``{"task": "adding", "cell": "lstm"}``."""
    runs: list[Row]
    """By seed."""
    longest: int
    """The most steps that any run took that it is compared with: of the same problem."""

    @property
    def label(self) -> str:
        """The factors' values less the task, for a legend."""
        return words({key: value for key, value in self.factors.items() if key != "task"}) or self.cell

    @property
    def name(self) -> str:
        """The factors' values less the problem's: what distinguishes it from those that it is ranked with."""
        return words({key: value for key, value in self.factors.items() if not belongs_to_problem(key)}) or self.cell

    @property
    def problem(self) -> Problem:
        return problem(self.factors, self.runs[0])

    @property
    def shown(self) -> dict[str, str]:
        """The factors as text, for the cells of a table."""
        return {key: "–" if value is None else str(value) for key, value in self.factors.items()}

    @property
    def task(self) -> str:
        return str(self.runs[0]["task"])

    @property
    def cell(self) -> str:
        return str(self.runs[0]["cell"])

    def known(self, column: str) -> Any:
        """Return a value that all runs share, from one that got far enough to know it; None where none did."""
        return next((run[column] for run in self.runs if run.get(column)), None)

    def numbers(self, column: str) -> list[float]:
        """Return the values of a column, of the runs that have one."""
        return [run[column] for run in self.runs if run.get(column) is not None]

    def median(self, column: str) -> Estimate | None:
        """Return the median of a column over the runs that have a value, with its interval; None where none has."""
        found = self.numbers(column)
        return median_interval(found) if found else None

    @property
    def done(self) -> list[Row]:
        return [run for run in self.runs if run["status"] == Status.DONE]

    @property
    def scores(self) -> list[float]:
        """Of all runs."""
        return self.numbers("score")

    @property
    def score(self) -> Estimate:
        """The median over all runs with its interval."""
        return median_interval(self.scores)

    @property
    def best_score(self) -> Estimate | None:
        """The median of 1 - loss / memoryless baseline where the validation loss was lowest; None where none knows it.

        Of a run that diverged, before it did. One that diverged or failed before any validation has the worst score.
        """
        known = [_best_score(run) for run in self.runs]
        if all(value is None for value in known):
            return None
        lost = [run["status"] != Status.DONE for run in self.runs]
        counted = [WORST if value is None else value for value, none in zip(known, lost, strict=True)
                   if none or value is not None]  # fmt: skip
        return median_interval(counted)

    @property
    def test_error(self) -> float | None:
        """The binomial standard deviation of the median accuracy, from the size of a test set that all runs share.

        None for other metrics, where a sequence has several answers, and where a size is not known; and for an accuracy
        of 0 or 1, where this gives no error.
        """
        tested, accuracy = self.known("test_sequences"), self.median("test_metric")
        every_step: Any = TASKS[self.task].every_step if self.task in TASKS else None
        if not (
            every_step is False and tested and accuracy and self.known("metric") == "accuracy"
        ) or accuracy.value in (0, 1):
            return None
        return sqrt(accuracy.value * (1 - accuracy.value) / tested)

    @property
    def rank(self) -> tuple[float, float, float]:
        """The smallest is best: the share of runs that solved the task, how soon half of them did, the median score."""
        share, steps = self.solved_share, self.median_steps_to_solve
        return -(share.value if share else 0.0), inf if steps is None else steps, -self.score.value

    @property
    def solvable(self) -> bool:
        """Whether the task has a loss below which it counts as solved."""
        return solvable(self.task)

    @property
    def solved(self) -> list[int]:
        """The step at which each solved run was solved."""
        return [run["solved_at_step"] for run in self.runs if solves(run)]

    @property
    def solved_share(self) -> Estimate | None:
        """The share of all runs that solved the task; None where nothing counts as solved."""
        return wilson_interval(len(self.solved), len(self.runs)) if self.solvable else None

    @property
    def times(self) -> list[float]:
        """The step at which each run solved the task, or up to which it is known not to have.

        An unsolved run would have taken longer than its steps. One that diverged or failed never solves the task: it
        counts as unsolved until ``longest``.
        """
        return [
            run["solved_at_step"] if solves(run) else run["steps"] if run["status"] == Status.DONE else self.longest
            for run in self.runs
        ]

    @property
    def median_steps_to_solve(self) -> float | None:
        """The Kaplan-Meier median; None where more than half of the runs would take longer than they were given."""
        return median_time(self.times, [solves(run) for run in self.runs])

    @property
    def failures(self) -> str:
        """Diverged and failed runs in words, empty where there are none."""
        counts = {status: sum(run["status"] == status for run in self.runs) for status in Status if status.ended}
        return ", ".join(f"{n} {status}" for status, n in counts.items() if n and status != Status.DONE)

    @property
    def probed(self) -> bool:
        """Whether any run measured its gradients."""
        return any(run.get("headline_final") is not None for run in self.runs)


def solves(run: Row) -> bool:
    """Return whether a run counts as having solved its task: one that then diverged does not."""
    return run["solved_at_step"] is not None and run["status"] == Status.DONE


def _best_score(run: Row) -> float | None:
    loss, baseline = run.get("best_validation_loss"), run.get("validation_baseline")
    return None if loss is None or not baseline else clipped(1 - loss / baseline)


def settings(table: pd.DataFrame, tuned: Sequence[str] = ()) -> list[Setting]:
    """Return the settings of the runs of a frame: numbers by size, before words by letter.

    The ``tuned`` keys tell settings apart only where nothing else does.
    """
    found = rows.plain(table)
    chosen = factors([{key: run[key] for key in rows.keys(run)} for run in found], tuned)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for run in sorted(found, key=lambda run: (run["seed"], run["run_id"])):
        groups.setdefault(tuple(valued(run, key) for key in chosen), []).append(run)
    names = [short(key) for key in chosen]
    named = [(dict(zip(names, values, strict=True)), group) for values, group in groups.items()]
    longest: dict[Problem, int] = {}
    for values, group in named:
        place = problem(values, group[0])
        longest[place] = max(longest.get(place, 0), *(run["steps"] for run in group))
    made = [Setting(values, group, longest[problem(values, group[0])]) for values, group in named]
    return sorted(made, key=_order)


def reported(result: Result) -> list[Setting]:
    """Return the settings of the runs that a result reports."""
    return settings(result.rows[result.rows["phase"] == REPORT], result.tuned)


def _order(setting: Setting) -> tuple[tuple[bool, float, str], ...]:
    values = setting.factors.values()
    return tuple((isinstance(v, str), 0.0 if isinstance(v, str) or v is None else float(v), str(v)) for v in values)


def solvable(task: str) -> bool:
    """Return whether the task has a loss below which it counts as solved; a user's own task is assumed to have one."""
    return task not in TASKS or TASKS[task].solvable


def by_problem(found: Iterable[Setting]) -> dict[Problem, list[Setting]]:
    """Return the settings of each problem, in order: those that may be ranked against each other."""
    groups: dict[Problem, list[Setting]] = {}
    for setting in found:
        groups.setdefault(setting.problem, []).append(setting)
    return groups
