"""The numbers that a claim is judged by: of the runs of each arm, or of a law's measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rnnbench.errors import UserError
from rnnbench.outcomes.columns import Row
from rnnbench.outcomes.settings import solves
from rnnbench.store.files import replacing
from rnnbench.store.status import Status

MEASUREMENTS = "measurements.csv"
VALUE = "value"
"""The measure of a law's quantities."""
SOLVED, STEPS = "solved", "steps_to_solve"
"""Measures that are no columns: whether a run solved its task, 0 or 1, and at which step, infinite where it did not."""


@dataclass(frozen=True)
class Evidence:
    """What there is, by arm."""

    rows: dict[str, list[Mapping[str, float | str | None]]]
    """Of each seed."""
    lost: dict[str, str]
    """Why an arm cannot confirm anything: runs that diverged, failed or are missing."""
    seconds: float = 0.0

    def numbers(self, arm: str, measure: str) -> list[float]:
        """Return the measure of each seed that has one."""
        found = [row.get(measure) for row in self.rows.get(arm, [])]
        return [float(each) for each in found if each is not None]


def of_runs(runs: Iterable[Row], arms: Mapping[str, Sequence[str]]) -> Evidence:
    """Return the evidence of the runs of each arm, which are given by their run_ids."""
    by_id = {row["run_id"]: row for row in runs}
    found: dict[str, list[Mapping[str, float | str | None]]] = {}
    lost = {}
    for arm, run_ids in arms.items():
        own = [by_id[run_id] for run_id in run_ids if run_id in by_id]
        found[arm] = [_measured(row) for row in own]
        ended = [str(row["status"]) for row in own if row["status"] != Status.DONE]
        wrong = [*dict.fromkeys(f"{ended.count(each)} {each}" for each in ended)]
        if own and len(own) < len(run_ids):
            wrong.append(f"{len(own)} of {len(run_ids)} runs")
        lost[arm] = ", ".join(wrong)
    wanted = {run_id for run_ids in arms.values() for run_id in run_ids}
    return Evidence(found, lost, sum(row["seconds"] for run_id, row in by_id.items() if run_id in wanted))


def _measured(row: Row) -> Row:
    solved = solves(row)
    return row | {SOLVED: float(solved), STEPS: row["solved_at_step"] if solved else math.inf}


def of_measurements(measured: pd.DataFrame) -> Evidence:
    """Return the evidence of a law's table: its quantities are the arms."""
    found: dict[str, list[Mapping[str, float | str | None]]] = {}
    for quantity, value in zip(measured["quantity"], measured["value"], strict=True):
        found.setdefault(quantity, []).append({VALUE: value})
    return Evidence(found, {})


def table(measured: Mapping[int, Mapping[str, float]]) -> pd.DataFrame:
    """Return what a law measured with each seed, a row a quantity."""
    listed = [(seed, name, value) for seed, values in measured.items() for name, value in values.items()]
    return pd.DataFrame(listed, columns=["seed", "quantity", "value"])


def write_measurements(folder: Path, measured: pd.DataFrame) -> None:
    """Write the table of a law."""
    with replacing(folder / MEASUREMENTS) as temporary:
        measured.to_csv(temporary, index=False)


def read_measurements(folder: Path) -> pd.DataFrame | None:
    """Return the table of a law; None where nothing was measured. Raises UserError where it is damaged."""
    path = folder / MEASUREMENTS
    if not path.exists():
        return None
    try:
        found = pd.read_csv(path, dtype=str)
        if list(found.columns) != ["seed", "quantity", "value"] or found.isna().any(axis=None):
            raise ValueError("it lacks a column or a value")
        found = found.astype({"seed": int, "value": float})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is damaged ({' '.join(str(error).split())}); restore it, or measure again") from error
    return found
