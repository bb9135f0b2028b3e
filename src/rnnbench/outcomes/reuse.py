"""Finds runs that need not be run again: those that have ended here, and with ``reuse`` those that are published."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rnnbench.config import sources
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import COLUMNS, Row
from rnnbench.store import records
from rnnbench.store.records import Record
from rnnbench.store.status import Status


class Published(NamedTuple):
    """A run that counts as done because its row is published."""

    row: Row
    folder: Path

    @property
    def text(self) -> str:
        """A description in one line."""
        return f"already published in {self.folder}, score {COLUMNS['score'].text(self.row['score'])}"


def folder(config: Config) -> Path:
    """Return where the experiment of a configuration is published."""
    return Path(config.results_dir) / config.name


def published(configs: Iterable[Config]) -> dict[str, Published]:
    """Return those of the configurations with ``reuse`` that are published with a result, by run_id.

    Raises UserError where the experiment is not published, or a task would read other data now.
    """
    wanted = {config.run_id: config for config in configs if config.reuse and not config.force}
    found: dict[str, Published] = {}
    for place in dict.fromkeys(folder(config) for config in wanted.values()):
        from rnnbench.outcomes import result  # pandas takes a while

        if not place.exists():
            others = sorted(path.parent.name for path in place.parent.glob(f"*/{result.CONFIG}"))
            listed = f"; published are {', '.join(others)}" if others else ""
            raise UserError(f"reuse=true: nothing is published in {place}{listed}")
        for row in result.read(place).runs:
            if row["run_id"] in wanted and Status(row["status"]).complete:
                _check_data(row, wanted[row["run_id"]], place)
                found[row["run_id"]] = Published(row, place)
    return found


def _check_data(row: Row, config: Config, place: Path) -> None:
    """Raise UserError where the task would read other data than the published run did."""
    if row["data_sha256"] is None:
        return
    now = str(config.task.provenance().get("sha256"))
    if now != row["data_sha256"]:
        raise UserError(
            f"reuse=true: {row['run_id']} in {place} read other data, sha256 {row['data_sha256'][:10]} and not "
            f"{now[:10]}; use the same data, or leave reuse out"
        )


def ended_record(config: Config, retry: bool) -> Record | None:
    """Return the record of a run that is complete, after printing so; None where it has to run.

    Raises UserError where it ran on other data, or with other source code, than there are now.
    """
    if config.force:
        return None
    old = records.read(Path(config.runs_dir) / config.name / config.run_id)
    if old is None or not (old.complete or (old.status == Status.FAILED and not retry)):
        return None
    changed = sources.changed_since(old.sources, config) if old.complete else ""
    if changed:
        raise UserError(f"{old.run_id}: already {old.outcome}, but {changed}; {sources.AGAIN}")
    hint = "force=true runs it again" if old.complete else "retry_failed=true runs it again"
    print(f"{old.run_id}: already {old.outcome}{other_probe(old, config)} ({hint})", flush=True)
    return old


def other_probe(old: Record, config: Config) -> str:
    """Return by which probe a run was measured where another one is asked for now; empty where it is the same."""
    was, now = old.config.get("probe"), config.to_dict()["probe"]
    if isinstance(was, dict):
        was = {"diagnostics": []} | was  # a run from before that key
    if was == now or not isinstance(was, dict):
        return ""
    changed = [key for key in now if was.get(key) != now[key]]
    return f", measured with {', '.join(f'probe.{key}={was.get(key)}' for key in changed)}"
