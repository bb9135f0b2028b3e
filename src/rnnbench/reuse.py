"""Whether a run has ended before, so that the same command need not run it again. Loads nothing heavy."""

from __future__ import annotations

from pathlib import Path

from rnnbench import records, sources
from rnnbench.config import Config
from rnnbench.errors import UserError
from rnnbench.records import Record


def ended(config: Config, retry: bool) -> Record | None:
    """The record of a run that is not to be run again, which is said; None where there is something to do.

    Raises UserError where it ran on other data, or with other source code, than there are now.
    """
    if config.force:
        return None
    folder = Path(config.runs_dir) / config.name / config.run_id
    old = records.read(folder)
    if old is None or not (old.complete or (old.status == records.FAILED and not retry)):
        return None
    changed = sources.changed_since(old.sources, config) if old.complete else ""
    if changed:
        raise UserError(f"{old.run_id}: already {old.outcome}, but {changed}; {sources.AGAIN}")
    hint = "force=true runs it again" if old.complete else "retry_failed=true runs it again"
    print(f"{old.run_id}: already {old.outcome} ({hint})", flush=True)
    return old
