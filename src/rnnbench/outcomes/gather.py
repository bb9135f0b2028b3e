"""Gathers a result from the runs of an experiment on the disk: those that ended, and the missing ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypedDict

import pandas as pd

from rnnbench.errors import UserError
from rnnbench.outcomes import provenance, result, rows, runfiles
from rnnbench.outcomes.columns import row
from rnnbench.outcomes.merge import Source, merge
from rnnbench.outcomes.phases import divide
from rnnbench.outcomes.result import Result, no_rows
from rnnbench.store import protocol, records, typed
from rnnbench.store.records import Record


class _Name(TypedDict):
    name: str


class _Task(_Name, total=False):
    length: int | None


class _Config(TypedDict):
    """What every row needs of a configuration."""

    task: _Task
    cell: _Name


def gather(source: Path) -> Result:
    """Return the result of all runs below ``source``, with what its sweeps took from a published one.

    Raises UserError where no run has ended.
    """
    own, planned = _own(source)
    if "published" not in planned:
        return own
    published = Path(planned["published"])
    return merge([Source(str(published), result.read(published)), Source(str(source), own)], source.name)


def with_published(
    name: str,
    sources: Sequence[Path],
    target: Path,
    partial: bool = False,
    replace: bool = False,
    only: Collection[str] | None = None,
) -> Result:
    """Return the result of all runs below ``sources``, merged with what is published in ``target``, unless ``replace``.

    Of the run_ids ``only``, where they are given. Raises UserError where runs are missing, unless ``partial``, or where
    rows contradict each other.
    """
    found = [Source(str(source), gather(source)) for source in sources]
    if not replace and any((target / file).exists() for file in result.FILES):
        found.insert(0, Source(str(target), result.read(target)))
    if only is not None:
        found = [kept for each in found if len((kept := each._replace(result=each.result.only(only))).result.rows)]
    merged = merge(found, name)
    lacking = merged.gap or (f"damaged is {', '.join(merged.damaged)}" if merged.damaged else "")
    if lacking and not partial:
        names = ", ".join(map(str, sources))
        raise UserError(f"{names}: {lacking}; launch the sweep again, or publish what there is with --partial")
    return merged


def _own(source: Path) -> tuple[Result, records.Planned]:
    found: list[Record] = []
    damaged: dict[str, str] = {}
    for path in sorted(source.glob(f"*/{records.FILE}")):
        folder = path.parent
        try:
            record = _read(folder)
        except (UserError, ValueError) as error:
            damaged[folder.name] = str(error)
        else:
            found += [record] if record is not None else []
    planned: records.Planned = {"run_ids": []}
    try:
        planned = records.planned(source)
    except UserError as error:
        damaged[records.PLANNED] = str(error)
    known = {record.run_id for record in found} | damaged.keys()
    expected = dict.fromkeys([*planned["run_ids"], *records.begun(source)])
    missing = {run_id: str(records.open_state(source / run_id)) for run_id in expected if run_id not in known}
    made = _result(source, found, missing, damaged)
    if not found and "published" not in planned:
        first = f"run 'rnnbench train experiment={source.name}' first"
        raise UserError(f"no runs under {source}: {next(iter(damaged.values()), None) or made.gap or first}")
    return made, planned


def _result(source: Path, found: list[Record], missing: dict[str, str], damaged: dict[str, str]) -> Result:
    environments = provenance.distinct(map(provenance.environment, found))
    listed = []
    tables: dict[str, list[pd.DataFrame]] = {name: [no_rows(name)] for name in result.SCHEMAS}
    for record in found:
        place = provenance.place(provenance.environment(record), environments)
        listed.append(row(record) | {"environment": place})
        for name, table in _files(source / record.run_id, damaged).items():
            tables[name].append(table)
    made = Result(
        name=source.name,
        rows=rows.frame(listed),
        protocol=protocol.read(source),
        tables={name: pd.concat(each[1:] or each, ignore_index=True) for name, each in tables.items()},
        commands=provenance.commands(found),
        environments=environments,
        data=provenance.unique(record.data for record in found),
        missing=missing,
        damaged=damaged,
    )
    return divide(made)


def _files(folder: Path, damaged: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Return the long tables of a run; note in ``damaged`` what cannot be read or is out of range."""
    tables, wrong = runfiles.read(folder)
    fitting = {}
    for name, table in tables.items():
        try:
            fitting[name] = result.conformed(name, table)
        except ValueError as error:
            wrong.append(f"its {name} are damaged ({' '.join(str(error).split())}) and left out")
    if wrong:
        damaged[folder.name] = "; ".join(wrong)
    return fitting


def _read(folder: Path) -> Record | None:
    record = records.read(folder)
    if record is not None:
        if record.run_id != folder.name:
            raise ValueError(f"its record is that of {record.run_id}")
        typed.check(record.config, _Config, "config")
        wrong = rows.out_of_range(row(record))
        if wrong:
            raise ValueError(wrong)
    return record
