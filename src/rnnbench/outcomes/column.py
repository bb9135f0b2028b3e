"""What a column of runs.csv is: its name, its type, its explanation and its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnnbench.store.records import Record
from rnnbench.store.status import Status

Row = dict[str, Any]
"""One run: plain values by column, None where a value is missing."""


@dataclass(frozen=True)
class Column:
    """One column; a value is missing where there is nothing to say."""

    name: str
    kind: type
    meaning: str
    """An explanation for people, in a phrase that begins a sentence."""
    unit: str = ""
    better: str = ""
    """``higher`` or ``lower`` is better; empty where neither is."""
    format: str = ""
    """How a number is shown, as Python's ``format`` takes it."""
    path: tuple[str, ...] | None = None
    """Where a record holds it: a field and then keys; None: in the field of its name, (): nowhere."""
    digits: int | None = None
    """Decimals after the point, where more would be false precision."""
    circumstance: bool = False
    """Whether it describes how a run was made, not its result: it may differ when the run is repeated."""
    optional: bool = False
    """Whether only some runs measure it: by the choice of a probe, or because older programs did not."""

    def value(self, record: Record) -> Any:
        """Return the value for one run; None where there is none."""
        first, *keys = (self.name,) if self.path is None else self.path or ("",)
        found: Any = getattr(record, first, None)
        for key in keys:
            found = (found or {}).get(key)
        if found in (None, ""):  # a run that failed early does not know its metric
            return None
        if isinstance(found, Status):
            return found.value  # W&B would show its name
        return found if self.digits is None else round(found, self.digits)

    def text(self, value: Any) -> str:
        """Return a value as a table shows it."""
        return "–" if value is None else format(value, self.format)
