"""Results of one experiment from several machines, or published before, merged into one: the same in any order."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import pandas as pd

from rnnbench.errors import UserError
from rnnbench.outcomes import agreement, provenance, rows
from rnnbench.outcomes.columns import Row
from rnnbench.outcomes.phases import divide
from rnnbench.outcomes.provenance import Environment
from rnnbench.outcomes.result import SCHEMAS, Result, no_rows
from rnnbench.store.status import Status

KIND = ("processor", "instructions", "accelerator")
"""The fields that two machines of one kind share."""
COMPUTING = ("torch", "pytorch-lightning", "torchmetrics", "numpy")
"""The packages whose versions can change a number; a corpus that depends on another one has its own hash."""

LEARNED = {
    name: rule if name.endswith(("_initial", "baseline")) else rule._replace(most=math.inf)
    for name, rule in agreement.RULES.items()
}
"""How far two machines may be off that ran the same: training amplifies rounding without bound."""


class Source(NamedTuple):
    """A result and its name in messages."""

    name: str
    result: Result


class Candidate(NamedTuple):
    """One row of a run, and where it comes from."""

    source: Source
    row: Row
    environment: Environment
    lines: int
    """The number of its rows in the long tables."""

    @property
    def rank(self) -> tuple[bool, int, int, str, str]:
        """The smallest is kept: a result before a failure, then the most complete, then the earliest."""
        failed = not Status(self.row["status"]).complete
        known = sum(value is not None for value in self.row.values())
        text = json.dumps([self.row, self.environment], sort_keys=True)
        return failed, -known, -self.lines, self.row["started"] or "", text


def elsewhere(before: Environment, now: Environment) -> list[str]:
    """Return what two environments differ in that another number may come from: ``key before -> now``."""
    versions = changes(before["versions"], now["versions"], (*COMPUTING, "rnnbench"))
    return changes(before["machine"], now["machine"], KIND) + versions


def reason(before: Environment, now: Environment) -> str:
    """Return the probable reason of a difference between two runs, in words."""
    found = elsewhere(before, now)
    return f"probably by {', '.join(found)}" if found else "the machine and the versions are the same"


def changes(before: dict[str, Any], now: dict[str, Any], keys: Iterable[str]) -> list[str]:
    """Return ``key before -> now`` for each of ``keys`` that both know and that differs."""
    known = [key for key in keys if key in before and key in now]
    return [f"{key} {before[key]} -> {now[key]}" for key in known if before[key] != now[key]]


def merge(sources: Sequence[Source], name: str) -> Result:
    """Return the result ``name`` of all sources, each run once.

    Raises UserError, which names both sources, where two rows of one run contradict each other, where a task read
    different data, or where runs were tuned by different protocols.
    """
    first = sources[0]
    for other in sources[1:]:
        if other.result.protocol != first.result.protocol:
            raise UserError(
                f"{first.name} and {other.name}: were tuned by different protocols, so they are no one result"
            )
    candidates: dict[str, list[Candidate]] = {}
    for source in sources:
        lines = Counter(run_id for table in source.result.tables.values() for run_id in table["run_id"])
        for row in source.result.runs:
            place = source.result.environments[row["environment"]]
            found = Candidate(source, row, place, lines[row["run_id"]])
            candidates.setdefault(row["run_id"], []).append(found)
    for each in candidates.values():
        for pair in combinations(each, 2):
            _check(*pair)
    kept = {run_id: min(each, key=lambda candidate: candidate.rank) for run_id, each in sorted(candidates.items())}
    _check_data(kept.values())
    return divide(_joined(sources, kept, name))


def _check(a: Candidate, b: Candidate) -> None:
    """Raise UserError where two rows of one run contradict each other; failures never do."""
    if not (Status(a.row["status"]).complete and Status(b.row["status"]).complete):
        return
    machines = elsewhere(a.environment, b.environment)
    wrong = agreement.beyond(a.row, b.row, LEARNED) if machines else agreement.differences(a.row, b.row)
    if wrong:
        words = agreement.differences_in_words(a.row, b.row, wrong)
        raise UserError(
            f"{a.source.name} and {b.source.name}: {a.row['run_id']} contradicts: {words} "
            f"({reason(a.environment, b.environment)}); leave one out, or replace what is published with --replace"
        )


def _check_data(kept: Iterable[Candidate]) -> None:
    """Raise UserError where one configuration of a task read different data."""
    seen: dict[str, Candidate] = {}
    for each in kept:
        if each.row["data_sha256"] is not None:
            task = json.dumps({key: value for key, value in each.row.items() if key.startswith("task.")})
            other = seen.setdefault(task, each)
            if other.row["data_sha256"] != each.row["data_sha256"]:
                names = " and ".join(dict.fromkeys([other.source.name, each.source.name]))
                hashes = " and ".join(row["data_sha256"][:10] for row in (other.row, each.row))
                raise UserError(
                    f"{names}: {other.row['run_id']} and {each.row['run_id']} read different data, sha256 {hashes}; "
                    "publish runs of one text only"
                )


def _joined(sources: Sequence[Source], kept: dict[str, Candidate], name: str) -> Result:
    environments = provenance.distinct(each.environment for each in kept.values())
    listed = [each.row | {"environment": provenance.place(each.environment, environments)} for each in kept.values()]
    results = [source.result for source in sources]
    return Result(
        name=name,
        rows=rows.frame(listed),
        protocol=results[0].protocol,
        tables={table: _table(table, sources, kept) for table in SCHEMAS},
        commands=sorted({command for each in results for command in each.commands}),
        environments=environments,
        data=provenance.unique(data for each in results for data in each.data),
        missing=dict(sorted((run_id, how) for s in sources for run_id, how in s.result.missing.items()
                            if run_id not in kept)),
        damaged=dict(sorted((name, how) for s in sources for name, how in s.result.damaged.items()
                            if name not in kept or kept[name].source is s)),
        redrawable=len(results) > 1 or results[0].redrawable,
    )  # fmt: skip


def _table(name: str, sources: Sequence[Source], kept: dict[str, Candidate]) -> pd.DataFrame:
    """Return the long table of the kept rows, each from its source."""
    found = []
    for source in sources:
        own = {run_id for run_id, each in kept.items() if each.source is source}
        table = source.result.tables[name]
        found.append(table[table["run_id"].isin(own)])
    filled = [table for table in found if len(table)] or [no_rows(name)]
    return pd.concat(filled, ignore_index=True).sort_values("run_id", kind="stable", ignore_index=True)
