"""The states of the runs of a sweep, read from their folders: valid at any time, also while the sweep runs.

done, diverged, failed   what record.json says
running                  no record, and a living process holds the run's lock
interrupted              no record, but a folder: the same command goes on with it
waiting                  in sweep.json, and nothing else

With ``reuse=true`` a run that is published is done, though it has no folder.

A sweep also gives the state ``changed`` to a run that is done, but with other data or source code than there are now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from rnnbench.config import sources
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.outcomes import reuse
from rnnbench.outcomes.columns import Row, row
from rnnbench.outcomes.reuse import Published
from rnnbench.store import records
from rnnbench.store.files import HeldElsewhereError, locked, replacing
from rnnbench.store.provenance import provenance
from rnnbench.store.records import Record
from rnnbench.store.status import Status

FILE = records.PLANNED


class RunState(NamedTuple):
    """The state of one run."""

    run_id: str
    status: Status
    text: str
    """Details for people beside the status, in one line."""
    log: Path
    score: float | None = None
    objective: float | None = None
    """The validation score after training, which a search maximises."""

    @property
    def complete(self) -> bool:
        return self.status.complete

    @property
    def where(self) -> str:
        """The log, empty for a run that has none: one by itself writes to the terminal."""
        return str(self.log) if self.log.exists() else ""


def folder_of(config: Config) -> Path:
    """Return the folder of the run of a configuration."""
    return Path(config.runs_dir) / config.name / config.run_id


def inspect(folder: Path) -> RunState:
    """Return the state of one run."""
    return _read(folder)[0]


def _read(folder: Path) -> tuple[RunState, Record | None]:
    """Return the state of one run, and its record where it has one that is valid."""
    log = folder / records.LOG
    try:
        record = records.read(folder)
    except UserError as error:
        return RunState(folder.name, Status.FAILED, str(error), log), None
    if record is not None:
        text = record.outcome.removeprefix(f"{record.status}, ")
        seconds = f", {record.seconds:.0f} s" if record.complete else ""
        state = RunState(folder.name, Status(record.status), text + seconds, log, record.score, record.objective)
        return state, record
    status, text = records.open_state(folder), ""
    if status == Status.RUNNING:
        step, loss = records.read_progress(folder)
        text = f"step {step}" + ("" if loss is None else f", loss {loss:.4g}")
    return RunState(folder.name, status, text, log), None


def already_ended(config: Config, published: Mapping[str, Published]) -> RunState | None:
    """Return the state of a run that a sweep does not start, with the option that would; None if it starts the run."""
    folder = folder_of(config)
    state, record = _read(folder)
    if not (state.complete or state.status == Status.FAILED):
        return _published_state(published[config.run_id], folder) if config.run_id in published else None
    if not state.complete:
        record = None
    changed = "" if record is None else _changed(record, config)
    if changed:
        return state._replace(status=Status.CHANGED, text=f"already {state.status}, but {changed}; {sources.AGAIN}")
    probe = "" if record is None else reuse.other_probe(record, config)
    again = "force=true" if state.complete else "retry_failed=true"
    return state._replace(text=f"already {state.status}, {state.text}{probe} ({again} runs it again)")


def _published_state(published: Published, folder: Path) -> RunState:
    row = published.row
    status = Status(row["status"])
    objective = status.score(row["validation_loss"], row["validation_baseline"])
    return RunState(row["run_id"], status, published.text, folder / records.LOG, row["score"], objective)


def rows_of(configs: Iterable[Config], published: Mapping[str, Published]) -> list[Row]:
    """Return the rows of the runs that have ended, here or in what is published; not of those with a damaged record."""
    found = []
    for config in configs:
        _, record = _read(folder_of(config))
        if record is not None:
            found.append(row(record))
        elif config.run_id in published:
            found.append(published[config.run_id].row)
    return found


def _changed(record: Record, config: Config) -> str:
    """Return what has changed since the run was done; empty if nothing has."""
    try:
        return sources.changed_since(record.sources, config)
    except UserError as error:  # the data cannot be read any more
        return str(error)


def add_to_plan(folder: Path, run_ids: Iterable[str], published: Path | None = None) -> None:
    """Add runs to the list in ``folder/sweep.json``, with the folder where they are published if ``reuse`` is on.

    Raises UserError where nothing can be written.
    """
    path = folder / FILE
    with locked(path):
        planned = _planned(path)
        planned["run_ids"] = list(dict.fromkeys([*planned["run_ids"], *run_ids]))
        if published is not None or "published" in planned:
            planned["published"] = os.path.relpath(published or planned["published"], folder)
        try:
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(planned, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}); change that or runs_dir") from error


def read_all(folder: Path) -> list[RunState]:
    """Return the state of every run of a sweep: planned ones, then others in the folder, in the order of the ids."""
    found, planned = records.begun(folder), _planned(folder / FILE)
    run_ids = list(dict.fromkeys([*planned["run_ids"], *found]))
    published = _published(planned)
    return [
        _published_state(published[run_id], folder / run_id) if run_id in published and run_id not in found
        else inspect(folder / run_id)
        for run_id in run_ids
    ]  # fmt: skip


def _published(planned: records.Planned) -> dict[str, Published]:
    if "published" not in planned:
        return {}
    from rnnbench.outcomes import result  # pandas takes a while

    place = Path(planned["published"])
    return {row["run_id"]: Published(row, place) for row in result.read(place).runs}


def _planned(path: Path) -> records.Planned:
    """Return what is listed; nothing if the list is missing or damaged: it only says what is waiting."""
    try:
        return records.planned(path.parent)
    except UserError:
        return {"run_ids": []}


def clear_for_rerun(config: Config) -> None:
    """Clear the record of a run that ``force`` or ``retry_failed`` wants to run again, once, before the sweep starts.

    From then on a record says that the run has ended, to this sweep and to any other beside it.
    """
    if not (config.force or config.retry_failed):
        return
    folder = folder_of(config)
    if config.force or inspect(folder).status == Status.FAILED:
        try:
            with locked(folder, patience=0):
                records.clear(folder)
                (folder / records.LOG).unlink(missing_ok=True)
        except HeldElsewhereError:
            return  # it is being run again


def record_failure(config: Config, reason: str) -> None:
    """Write the record of a run that could not write its own, unless it has one or another process runs it."""
    folder = folder_of(config)
    record = Record(
        run_id=config.run_id, experiment=config.name, status=Status.FAILED, error=reason, config=config.to_dict(),
        seed=config.seed, metric=config.task.metric, **provenance("unknown"),
    )  # fmt: skip
    try:
        with locked(folder, patience=0):
            if not (folder / records.FILE).exists():
                folder.mkdir(parents=True, exist_ok=True)
                records.write(folder, record)
    except HeldElsewhereError:
        return
