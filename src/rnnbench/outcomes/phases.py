"""The phase of each run of a tuned experiment: tuning, reported or unused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rnnbench.outcomes.columns import REPORT, TUNING, UNUSED, Row
from rnnbench.store.protocol import Choice, choices

if TYPE_CHECKING:
    from rnnbench.outcomes.result import Result


def divide(result: Result) -> Result:
    """Return the result with the column ``phase``: all runs are reported where nothing was tuned.

    Else those with fresh seeds at the chosen point of the grid; runs of an earlier choice, or with seeds that the
    protocol does not name, are unused.
    """
    chosen = chosen_points(result)
    phases = [_phase(each, result, chosen) for each in result.runs]
    return replace(result, rows=result.rows.assign(phase=phases))


def chosen_points(result: Result) -> dict[str, Choice]:
    """Return what was chosen for each setting, by ``Protocol.setting``; nothing where nothing was tuned."""
    return {} if result.protocol is None else choices(result.runs, result.protocol)


def baseline(run: Row) -> float | None:
    """Return the memoryless loss of a run on the validation split, or where only that is known, on the test split."""
    found: float | None = run.get("validation_baseline") or run.get("baseline")
    return found


def _phase(run: Row, result: Result, chosen: dict[str, Choice]) -> str:
    protocol = result.protocol
    if protocol is None:
        return REPORT
    if run["seed"] in protocol.tune_seeds:
        return TUNING
    choice = chosen.get(protocol.setting(run))
    fits = choice is not None and choice.best.point == protocol.point(run) and run["seed"] in protocol.report_seeds
    return REPORT if fits else UNUSED
