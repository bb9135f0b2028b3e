"""What became of the runs of a sweep, read from their folders: true at any time, also while the sweep runs.

done, diverged, failed   what record.json says
running                  no record, and a living process holds the run's lock
interrupted              no record, but a folder: the same command goes on with it
pending                  in sweep.json, and nothing else

A sweep also says ``changed`` of a run that is done, but with other data or source code than there are now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rnnbench import records, sources
from rnnbench.config import Config
from rnnbench.errors import UserError
from rnnbench.files import HeldElsewhereError, locked, replacing
from rnnbench.provenance import provenance
from rnnbench.records import Record

FILE = records.PLANNED
CHANGED = "changed"


class Entry(NamedTuple):
    """One line of the ledger."""

    run_id: str
    status: str
    text: str
    """What a person wants to know beside the status, in a line."""
    log: Path
    score: float | None = None

    @property
    def complete(self) -> bool:
        return self.status in (records.DONE, records.DIVERGED)

    @property
    def where(self) -> str:
        """The log, empty for a run that has none: one by itself writes to the terminal."""
        return str(self.log) if self.log.exists() else ""


def folder_of(config: Config) -> Path:
    """Where the run of a configuration lies."""
    return Path(config.runs_dir) / config.name / config.run_id


def inspect(folder: Path) -> Entry:
    """The state of one run."""
    log = folder / records.LOG
    try:
        record = records.read(folder)
    except UserError as error:
        return Entry(folder.name, records.FAILED, str(error), log)
    if record is not None:
        text = record.outcome.removeprefix(f"{record.status}, ")
        seconds = f", {record.seconds:.0f} s" if record.complete else ""
        return Entry(folder.name, record.status, text + seconds, log, record.score)
    state, text = records.open_state(folder), ""
    if state == records.RUNNING:
        step, loss = records.read_progress(folder)
        text = f"step {step}" + ("" if loss is None else f", loss {loss:.4g}")
    return Entry(folder.name, state, text, log)


def already_ended(config: Config) -> Entry | None:
    """The entry of a run that a sweep does not start, which says what would; None for a run that it starts."""
    entry = inspect(folder_of(config))
    if not (entry.complete or entry.status == records.FAILED):
        return None
    changed = _changed(config) if entry.complete else ""
    if changed:
        return entry._replace(status=CHANGED, text=f"already {entry.status}, but {changed}; {sources.AGAIN}")
    again = "force=true" if entry.complete else "retry_failed=true"
    return entry._replace(text=f"already {entry.status}, {entry.text} ({again} runs it again)")


def _changed(config: Config) -> str:
    """What is another now than when the run was done; empty where nothing is."""
    record = records.read(folder_of(config))
    try:
        return "" if record is None else sources.changed_since(record.sources, config)
    except UserError as error:  # the data cannot be read any more
        return str(error)


def expect(folder: Path, run_ids: Iterable[str]) -> None:
    """Adds runs to those that ``folder/sweep.json`` lists. Raises UserError where nothing can be written."""
    path = folder / FILE
    with locked(path):
        known = _expected(path)
        try:
            with replacing(path) as temporary:
                text = json.dumps({"run_ids": list(dict.fromkeys([*known, *run_ids]))}, indent=2)
                temporary.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}); change that or runs_dir") from error


def read_all(folder: Path) -> list[Entry]:
    """The whole ledger of a sweep: what was expected, then what lies there besides, in the order of the ids."""
    found = {path.name for path in folder.iterdir() if path.is_dir() and (path / "config.yaml").exists()}
    expected = _expected(folder / FILE)
    return [inspect(folder / run_id) for run_id in [*expected, *sorted(found - set(expected))]]


def _expected(path: Path) -> list[str]:
    """The listed runs; none where the list is missing or damaged: it only says what is pending."""
    try:
        return records.planned(path.parent)
    except UserError:
        return []


def forget(config: Config) -> None:
    """Clears a run that ``force`` or ``retry_failed`` wants again, once, before the sweep starts.

    From then on a record says that the run has ended, to this sweep and to any other beside it.
    """
    folder = folder_of(config)
    status = inspect(folder).status
    if config.force or (config.retry_failed and status == records.FAILED):
        try:
            with locked(folder, patience=0):
                records.clear(folder)
                (folder / records.LOG).unlink(missing_ok=True)
        except HeldElsewhereError:
            return  # it is being run again


def record_failure(config: Config, reason: str) -> None:
    """Writes the record of a run that could not write its own, unless it has one or another process runs it."""
    folder = folder_of(config)
    record = Record(
        run_id=config.run_id, experiment=config.name, status=records.FAILED, error=reason, config=config.to_dict(),
        seed=config.seed, metric=config.task.metric, **provenance("unknown"),
    )  # fmt: skip
    try:
        with locked(folder, patience=0):
            if not (folder / records.FILE).exists():
                folder.mkdir(parents=True, exist_ok=True)
                records.write(folder, record)
    except HeldElsewhereError:
        return
