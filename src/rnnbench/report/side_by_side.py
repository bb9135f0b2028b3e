"""Two results of the same experiment side by side: two commits, two machines, two versions. What moved?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench import agreement, records, rows
from rnnbench.agreement import RULES
from rnnbench.errors import UserError
from rnnbench.report import origin
from rnnbench.report.tables import estimate
from rnnbench.statistics import Estimate, mean_interval, wilson_interval

NUMBERS = ("score", "test_metric", "half_life_final", "horizon_final", "solved_at_step", "parameters", "seconds")
Rows = list[dict[str, str]]


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
    def text(self) -> tuple[str, ...]:
        return self.setting, self.number, estimate(self.first), estimate(self.second), "moved" if self.moved else ""


class Comparison(NamedTuple):
    pairs: list[Pair]
    rows: dict[str, str]
    """The runs of both results whose rows differ, and in what; and rows that do not agree with themselves."""
    notes: list[str]
    """What else a reader must know, a line each."""


def compare(first: Path, second: Path) -> Comparison:
    """Every number of the settings that both results have. Raises UserError where they have none in common."""
    before, now = (_settings(folder) for folder in (first, second))
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
    differing, count = _rows(first, second)
    return Comparison(pairs, differing, [count, *notes, *_origins(first, second)])


def _settings(folder: Path) -> dict[tuple[tuple[str, str], ...], Rows]:
    """The reported runs of each setting, by the values of its factors less what was tuned."""
    found = [row for row in rows.read(folder) if row["phase"] == rows.REPORT]
    tuned = (origin.read(folder)["protocol"] or {}).get("tune") or {}
    names = [name for name in rows.factors(found) if name not in tuned] if found else []
    groups: dict[tuple[tuple[str, str], ...], Rows] = {}
    for row in found:
        groups.setdefault(tuple(sorted((name, row[name]) for name in names)), []).append(row)
    return groups


def _estimate(runs: Rows, name: str) -> Estimate | None:
    """None where some run has no such number: a mean of the others would be one of other runs."""
    if name == "solved":
        return wilson_interval(sum(bool(row["solved_at_step"]) for row in runs), len(runs))
    values = [rows.number(row[name]) for row in runs]
    present = [value for value in values if value is not None]
    return mean_interval(present) if len(present) == len(values) else None


def _low(value: Estimate) -> float:
    return value.value if value.low is None else value.low


def _high(value: Estimate) -> float:
    return value.value if value.high is None else value.high


def _rows(*folders: Path) -> tuple[dict[str, str], str]:
    """In what the rows of each run differ, and how many runs are the same in every result; tuning runs too."""
    first, second = ({row["run_id"]: row for row in rows.read(folder)} for folder in folders)
    both = [run_id for run_id in first if run_id in second]
    ended = [run_id for run_id in both if records.FAILED not in (first[run_id]["status"], second[run_id]["status"])]
    columns = {run_id: _columns(first[run_id], second[run_id]) for run_id in both}
    differing = {
        run_id: (f"{', '.join(found)}: " if len(found) > agreement.TOLD else "")
        + agreement.told(first[run_id], second[run_id], found)
        for run_id, found in columns.items()
        if found
    }
    for folder, result in zip(folders, (first, second), strict=True):
        for run_id, row in result.items():
            wrong = agreement.contradictions(row)
            if wrong:
                told = f"contradicts itself in {folder}: {'; '.join(wrong)}"
                differing[run_id] = "; ".join(filter(None, (differing.get(run_id), told)))
    same = sum(not columns[run_id] for run_id in ended)
    failed = f"; {len(both) - len(ended)} failed and say nothing" if len(ended) < len(both) else ""
    return differing, f"{len(both)} runs are in both; {same} of them are the same, digit for digit{failed}"


def _columns(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Those that differ, first what no rounding explains on another machine."""
    any_score = {key: rule if rule.most is not None else rule._replace(most=math.inf) for key, rule in RULES.items()}
    far = agreement.beyond(before, now, any_score)  # an experiment alone knows how far a score may be off
    return sorted(agreement.differences(before, now), key=lambda key: key not in far)


def _origins(first: Path, second: Path) -> Sequence[str]:
    """Where the two come from, as far as it differs."""
    a, b = (origin.read(folder) for folder in (first, second))
    keys = ("commits", "config_sha256", "data")
    lines = [f"{key}: {_plain(a[key])} -> {_plain(b[key])}" for key in keys if a[key] != b[key]]
    for kind in ("versions", "machine"):
        for key in a["environments"][0][kind]:
            was, now = (sorted({str(each[kind].get(key)) for each in c["environments"]}) for c in (a, b))
            if was != now:
                lines.append(f"{key}: {_plain(was)} -> {_plain(now)}")
    return lines


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
