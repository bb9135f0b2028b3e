"""A part of the benchmark: what is measured, which goals it has, and how its rows are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

Row = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """A limit for a number that rows come to. Times are compared within one run alone, as ratios or shares."""

    text: str
    measured: Callable[[pd.DataFrame], float]
    """The number of the worst case, in the unit that ``text`` names."""
    limit: float
    at_least: bool = False

    def verdict(self, rows: pd.DataFrame) -> tuple[str, str, str, str]:
        """What is asked for, the limit, what was measured, and met or missed; not measured where rows lack it."""
        found = self.measured(rows)
        limit = f"at {'least' if self.at_least else 'most'} {self.limit:g}"
        if pd.isna(found):
            return self.text, limit, "-", "not measured"
        met = found >= self.limit if self.at_least else found <= self.limit
        return self.text, limit, f"{found:.3g}", "met" if met else "missed"


@dataclass(frozen=True)
class Part:
    """``measure`` yields rows as they are measured, on a device, cpu or cuda; ``devices`` are those that it knows."""

    title: str
    text: str
    measure: Callable[[str], Iterator[Row]]
    goals: tuple[Goal, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    table: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows
    """The rows as a page shows them."""
