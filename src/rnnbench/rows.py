"""runs.csv: one row a run, for programs; the rows that a repeated run must give again."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rnnbench.errors import UserError
from rnnbench.records import Record

FILE = "runs.csv"
TUNING, REPORT = "tuning", "report"
NEEDED = ("seed", "run_id", "task", "length", "cell", "status", "score", "validation_loss", "solved_at_step", "steps",
          "data_sha256", "seconds", "phase", "environment")  # fmt: skip
NOT_RESULTS = ("phase", "environment", "commit", "seconds")
"""The columns that say how a run came about, not what came of it."""


def row(record: Record) -> dict[str, Any]:
    """What came of one run, and what it took; None where there is nothing to say."""
    gradients = {
        f"{key}_{moment}": record.gradients.get(moment, {}).get(key)
        for moment in ("initial", "final")
        for key in ("slope", "half_life", "horizon", "vanishing_ratio")
    }
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
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(as_text(each) for each in rows)


def read(folder: Path) -> list[dict[str, str]]:
    """The rows of a result. Raises UserError where there are none."""
    path = folder / FILE
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); name a folder that scripts/report.py wrote"
        ) from error
    if not rows or not set(NEEDED) <= rows[0].keys():
        raise UserError(f"{path}: has no runs, or is of another version; write it again with scripts/report.py")
    for run_id, count in Counter(row["run_id"] for row in rows).items():
        if count > 1:
            raise UserError(f"{path}: {run_id} has {count} rows; write it again with scripts/report.py")
    return rows


def number(text: str) -> float | None:
    """The number in a field; None where it is empty. Raises UserError for anything else."""
    try:
        return float(text) if text else None
    except ValueError:
        raise UserError(f"runs.csv: '{text}' is no number; write it again with scripts/report.py") from None


def factors(rows: Iterable[dict[str, str]]) -> list[str]:
    """The columns of what was varied: those before the seed."""
    columns = list(next(iter(rows)))
    return columns[: columns.index("seed")]
