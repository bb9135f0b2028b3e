"""runs.csv: one row a run, for programs; the rows that a repeated run must give again."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rnnbench.errors import UserError
from rnnbench.records import ENDED, Record
from rnnbench.typed import LARGEST

FILE = "runs.csv"
TUNING, REPORT = "tuning", "report"
NOT_RESULTS = ("phase", "environment", "commit", "seconds")
"""The columns that say how a run came about, not what came of it."""
DECAY = ("slope", "half_life", "horizon", "vanishing_ratio")
MOMENTS = ("initial", "final")
WHOLE = ("seed", "length", "solved_at_step", "diverged_at_step", "steps", "horizon_initial", "horizon_final",
         "hidden_size", "parameters", "state_size", "flops")  # fmt: skip
"""The columns of whole numbers, none below zero."""
REAL = ("score", "validation_loss", "test_loss", "baseline", "test_metric", "off_budget", "seconds",
        *(f"{key}_{moment}" for moment in MOMENTS for key in DECAY if key != "horizon"))  # fmt: skip
TEXT = ("run_id", "task", "cell", "status", "metric", "data_sha256", "commit", "phase", "environment")
NEEDED = (*WHOLE, *REAL, *TEXT)


def row(record: Record) -> dict[str, Any]:
    """What came of one run, and what it took; None where there is nothing to say."""
    gradients = {f"{key}_{moment}": record.gradients.get(moment, {}).get(key) for moment in MOMENTS for key in DECAY}
    return {
        "seed": record.seed,
        "run_id": record.run_id,
        "task": record.config["task"]["name"],
        "length": record.config["task"].get("length"),
        "cell": record.config["cell"]["name"],
        "status": record.status,
        "score": record.score,
        "validation_loss": record.final.get("val/loss"),
        "test_loss": record.final.get("test/loss"),
        "baseline": record.baseline,
        "metric": record.metric,
        "test_metric": record.final.get(f"test/{record.metric}"),
        "solved_at_step": record.solved_at_step,
        "diverged_at_step": record.diverged_at_step,
        "steps": record.steps,
        **gradients,
        "hidden_size": record.hidden_size,
        "parameters": record.parameters,
        "state_size": record.state_size,
        "flops": record.flops,
        "off_budget": record.off_budget,
        "data_sha256": record.data.get("sha256"),
        "seconds": round(record.seconds, 1),
        "commit": record.commit,
    }


def as_text(values: dict[str, Any]) -> dict[str, str]:
    """A row as ``read`` gives it back: a float keeps every bit, None is empty."""
    return {key: "" if value is None else str(value) for key, value in values.items()}


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows that have the same columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(as_text(each) for each in rows)


def read(folder: Path) -> list[dict[str, str]]:
    """The rows of a result. Raises UserError where there are none, or they are damaged."""
    path = folder / FILE
    again = "write it again with scripts/publish.py"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
    except OSError as error:
        told = f"{path}: cannot be read ({error.strerror}); name a folder that scripts/publish.py wrote"
        raise UserError(told) from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: is damaged ({error}); {again}") from error
    if not rows or not set(NEEDED) <= rows[0].keys():
        raise UserError(f"{path}: has no runs, or is of another version; {again}")
    for each in rows:
        try:
            _check(each)
        except ValueError as error:
            raise UserError(f"{path}: {each['run_id']!r}: {error}; {again}") from None
    for run_id, count in Counter(each["run_id"] for each in rows).items():
        if count > 1:
            raise UserError(f"{path}: {run_id} has {count} rows; {again}")
    return rows


def _check(row: dict[Any, Any]) -> None:
    """Raises ValueError unless a row is whole and its numbers are numbers."""
    if None in row or None in row.values():
        raise ValueError("has another number of fields than the first line")
    check_numbers(row)
    if not row["seed"] or not row["steps"] or not row["seconds"]:
        raise ValueError("lacks its seed, its steps or its seconds")
    if row["status"] not in ENDED or row["phase"] not in (TUNING, REPORT):
        raise ValueError(f"status {row['status']!r} or phase {row['phase']!r} is not known")


def check_numbers(row: dict[str, str]) -> None:
    """Raises ValueError for a field of a row that should be a number, and is none."""
    for key in (*WHOLE, *REAL):
        if row.get(key):
            _parse(key, row[key])


def _parse(key: str, text: str) -> None:
    try:
        value = int(text) if key in WHOLE else float(text)
    except ValueError:
        raise ValueError(f"{key} {text!r} is no {'whole ' if key in WHOLE else ''}number") from None
    if not (0 <= value < LARGEST if key in WHOLE else math.isfinite(value)):
        raise ValueError(f"{key} {text!r} is out of range")


def number(text: str) -> float | None:
    """The number in a field that ``read`` has checked; None where it is empty."""
    return float(text) if text else None


def factors(rows: Iterable[dict[str, str]]) -> list[str]:
    """The columns of what was varied: those before the seed."""
    columns = list(next(iter(rows)))
    return columns[: columns.index("seed")]
