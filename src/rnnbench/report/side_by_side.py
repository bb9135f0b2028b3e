"""Two results of the same experiment side by side: two commits, two machines, two versions. What moved?"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench.errors import UserError
from rnnbench.outcomes import agreement, consistency, provenance, result
from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.merge import LEARNED, reason
from rnnbench.outcomes.result import Result
from rnnbench.outcomes.settings import Setting, reported
from rnnbench.report.tables import estimate
from rnnbench.statistics import Estimate, median_rank
from rnnbench.store.status import Status

NUMBERS = [
    name for name, each in COLUMNS.items()
    if each.kind is not str and name not in ("seed", "length", "environment") and (not each.circumstance or each.better)
]  # fmt: skip


class Pair(NamedTuple):
    """One number of one setting in both results."""

    setting: str
    number: str
    first: Estimate
    second: Estimate

    @property
    def moved(self) -> bool:
        """Whether the intervals have no point in common; a number without an interval is one by itself."""
        return _low(self.first) > _high(self.second) or _low(self.second) > _high(self.first)

    @property
    def by_chance(self) -> float:
        """How often two such intervals of medians have no point in common although nothing differs."""
        return apart_by_chance(self.first.n, self.second.n)

    @property
    def text(self) -> tuple[str, ...]:
        return self.setting, self.number, self._shown(self.first), self._shown(self.second), "moved" * self.moved

    def _shown(self, value: Estimate) -> str:
        of = COLUMNS.get(self.number)
        if of is None or value.low is None or value.high is None:
            return estimate(value) if of is None else of.text(value.value)
        return f"{of.text(value.value)} [{of.text(value.low)}, {of.text(value.high)}]"


class Comparison(NamedTuple):
    """The comparison of two results."""

    pairs: list[Pair]
    rows: dict[str, str]
    """The runs whose rows differ, how, and the probable cause; and rows that contradict themselves."""
    notes: list[str]
    """Further remarks, one a line."""

    @property
    def differ(self) -> bool:
        """Whether runs are not the same, or a number moved that is not how they came about, such as their time."""
        came_about = {name for name, each in COLUMNS.items() if each.circumstance}
        return bool(self.rows) or any(pair.moved and pair.number not in came_about for pair in self.pairs)


def compare(first: Path, second: Path) -> Comparison:
    """Return every number of the settings that both results have. Raises UserError where they have none in common."""
    found = result.read(first), result.read(second)
    before, now = (_settings(each) for each in found)
    common = [setting for setting in before if setting in now]
    if not common:
        raise UserError(f"{first} and {second} have no setting in common: compare two results of one experiment")
    pairs = [
        Pair(", ".join(f"{key} {value}" for key, value in setting) or "all", name, a, b)
        for setting in common
        for name in (*NUMBERS, "solved")
        if (a := _estimate(before[setting], name)) is not None and (b := _estimate(now[setting], name)) is not None
    ]
    only = ((first, before.keys() - now.keys()), (second, now.keys() - before.keys()))
    notes = [f"only in {folder}: {len(settings)} settings" for folder, settings in only if settings]
    differing, count = _rows((first, second), found)
    return Comparison(pairs, differing, [count, *notes, *_origins(*found)])


def _settings(found: Result) -> dict[tuple[tuple[str, str], ...], Setting]:
    """Return the settings of the reported runs, by the values of their factors less what was tuned."""
    return {
        tuple(sorted((key, value) for key, value in each.shown.items() if key not in found.tuned)): each
        for each in reported(found)
    }


def _estimate(setting: Setting, name: str) -> Estimate | None:
    """Return an estimate, or None where some run has no such number: a median of the others would be of other runs."""
    if name in ("solved", "score"):
        return setting.solved_share if name == "solved" else setting.score
    return setting.median(name) if len(setting.numbers(name)) == len(setting.runs) else None


def apart_by_chance(n: int, m: int) -> float:
    """Return how often the intervals of the medians of ``n`` and ``m`` runs of one distribution do not overlap.

    Over all equally likely orders of the runs: that the upper end of one, its a-th lowest run, comes before the lower
    end of the other, its b-th lowest, so that fewer than b of the other come before it; twice, for the two sides.
    """
    a, b = n - median_rank(n) + 1, median_rank(m)
    orders = sum(comb(a - 1 + j, j) * comb(n - a + m - j, m - j) for j in range(b))
    return 2 * orders / comb(n + m, n)


def _low(value: Estimate) -> float:
    return value.value if value.low is None else value.low


def _high(value: Estimate) -> float:
    return value.value if value.high is None else value.high


def _rows(folders: Sequence[Path], found: Sequence[Result]) -> tuple[dict[str, str], str]:
    """Return how the rows of each run differ, and how many runs are the same in both results; tuning runs too."""
    first, second = ({row["run_id"]: row for row in each.runs} for each in found)
    both = [run_id for run_id in first if run_id in second]
    ended = [r for r in both if Status.FAILED not in (first[r]["status"], second[r]["status"])]
    differing, same = {}, 0
    for run_id in both:
        columns = agreement.differences(first[run_id], second[run_id])
        same += run_id in ended and not columns
        if columns:
            places = [
                each.environments[row[run_id]["environment"]] for each, row in zip(found, (first, second), strict=True)
            ]
            far = agreement.beyond(first[run_id], second[run_id], LEARNED)
            columns.sort(key=lambda key: key not in far)  # first what no rounding explains on another machine
            words = agreement.differences_in_words(first[run_id], second[run_id], columns)
            listed = f"{', '.join(columns)}: " if len(columns) > agreement.TOLD else ""
            differing[run_id] = f"{listed}{words} ({reason(*places)})"
    for folder, rows in zip(folders, (first, second), strict=True):
        for run_id, row in rows.items():
            wrong = consistency.contradictions(row)
            if wrong:
                words = f"contradicts itself in {folder}: {'; '.join(wrong)}"
                differing[run_id] = "; ".join(filter(None, (differing.get(run_id), words)))
    failed = f"; {len(both) - len(ended)} failed and say nothing" if len(ended) < len(both) else ""
    return differing, f"{len(both)} runs are in both; {same} of them are the same, digit for digit{failed}"


def _origins(first: Result, second: Result) -> Sequence[str]:
    """Return the differences in where the two results come from."""
    a, b = ({"commits": provenance.summary(each.runs)["commits"], "data": each.data} for each in (first, second))
    lines = [f"{key}: {_plain(a[key])} -> {_plain(b[key])}" for key in a if a[key] != b[key]]
    for kind in ("versions", "machine"):
        known = dict.fromkeys(key for each in (*first.environments, *second.environments) for key in each[kind])
        for key in known:
            was, now = (sorted({str(e[kind].get(key)) for e in each.environments}) for each in (first, second))
            if was != now:
                lines.append(f"{key}: {_plain(was)} -> {_plain(now)}")
    return lines


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
