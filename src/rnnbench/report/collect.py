"""The runs of an experiment as they lie on the disk: those that ended, those that cannot be read, those that lack."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple, TypedDict

from rnnbench import protocol, records, rows, typed
from rnnbench.errors import UserError
from rnnbench.protocol import Protocol
from rnnbench.records import Record
from rnnbench.report import runfiles
from rnnbench.report.runfiles import RunFiles

LISTED = 20  # runs that a line names; more are counted


class _Name(TypedDict):
    name: str


class _Task(_Name, total=False):
    length: int | None


class _Config(TypedDict):
    """What every report needs of a configuration."""

    task: _Task
    cell: _Name


class Runs(NamedTuple):
    """What an experiment has come to so far."""

    found: list[Record]
    files: dict[str, RunFiles]
    """By run_id."""
    damaged: dict[str, str]
    """What is wrong with the records that cannot be read, by folder, and with the list of planned runs."""
    missing: dict[str, str]
    """The runs without a record: whether each is ``pending``, ``running`` or ``interrupted``."""
    planned: int
    protocol: Protocol | None

    @property
    def gap(self) -> str:
        """How many runs are missing and why, in words; empty where none is."""
        if not self.missing:
            return ""
        counts = ", ".join(f"{count} {status}" for status, count in sorted(Counter(self.missing.values()).items()))
        verb = "is" if len(self.missing) == 1 else "are"
        return f"{len(self.missing)} of {self.planned} planned runs {verb} not here: {counts}"

    @property
    def warnings(self) -> list[str]:
        """What a reader must know first."""
        lines = []
        if self.missing:
            names, more = list(self.missing)[:LISTED], len(self.missing) - LISTED
            listed = ", ".join(names) + (f" and {more} more" if more > 0 else "")
            lines.append(f"{self.gap}; the same command goes on with them. They are {listed}.")
        if self.damaged:
            lines.append(f"Damaged and left out, see below: {', '.join(self.damaged)}.")
        broken = [run_id for run_id, files in self.files.items() if files.damaged]
        if broken:
            lines.append(f"Damaged and left out of the figures, see below: files of {', '.join(broken)}.")
        return lines


def collect(source: Path) -> Runs:
    """Reads all runs below ``source``. Raises UserError where none has a record."""
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
    try:
        listed = records.planned(source)
    except UserError as error:
        listed, damaged[records.PLANNED] = [], str(error)
    planned = dict.fromkeys([*listed, *_begun(source)])
    known = {record.run_id for record in found} | damaged.keys() - {records.PLANNED}
    missing = {run_id: records.open_state(source / run_id) for run_id in planned if run_id not in known}
    runs = Runs(found, {}, damaged, missing, len(planned.keys() | known), protocol.read(source))
    if not found:
        first = f"run 'python scripts/train.py experiment={source.name}' first"
        raise UserError(f"no runs under {source}: {next(iter(damaged.values()), None) or runs.gap or first}")
    return runs._replace(files={record.run_id: runfiles.read(source / record.run_id) for record in found})


def _read(folder: Path) -> Record | None:
    record = records.read(folder)
    if record is not None:
        if record.run_id != folder.name:
            raise ValueError(f"its record is that of {record.run_id}")
        typed.check(record.config, _Config, "config")
        rows.check_numbers(rows.as_text(rows.row(record)))
    return record


def _begun(source: Path) -> list[str]:
    """The runs that have a folder, of a sweep or by themselves."""
    return sorted(path.parent.name for path in source.glob("*/config.yaml"))
