"""The accuracy of a run over the length of its tests for W&B: curves with ``test_length`` as their step."""

from __future__ import annotations

from typing import Any

from rnnbench.outcomes.columns import row
from rnnbench.outcomes.lengths import curve
from rnnbench.store.records import Record
from rnnbench.tracking.keys import LENGTH, OVER_LENGTH


def log_lengths(run: Any, record: Record) -> None:
    """Log one row a length at which the run was tested, if there were several; what it did not measure is left out."""
    points = curve(row(record))
    if not points:
        return
    run.define_metric(LENGTH, hidden=True, summary="none")
    for key in OVER_LENGTH.values():
        run.define_metric(key, step_metric=LENGTH, summary="none")
    for point in points:
        found = {key: getattr(point, name) for name, key in OVER_LENGTH.items()}
        run.log({LENGTH: point.length} | {key: value for key, value in found.items() if value is not None})
