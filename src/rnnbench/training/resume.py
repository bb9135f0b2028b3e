"""Resumes from a finished run: finds the run that ``resume_from`` names and checks that this one can continue it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rnnbench.config import sources
from rnnbench.config.identity import below, flatten, valued
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.store import records
from rnnbench.store.records import Record
from rnnbench.store.status import Status
from rnnbench.training.checkpoint import FILE

SAME = (
    "seed", "cell", "network", "task", "optimizer", "schedule.name", "callbacks", "trainer.accumulate_grad_batches",
    "trainer.precision", "trainer.steps_per_execution",
)  # fmt: skip
"""The keys that both runs must share: otherwise the checkpoint does not fit, or the result is of another training."""


def source_run(config: Config, now: Mapping[str, str]) -> Path | None:
    """Return the folder of the run that ``resume_from`` names, None where it names none.

    ``now`` are the fingerprints of what the configuration only names. Raises UserError where there is no such run, or
    training cannot go on from it.
    """
    given = config.resume_from
    if given is None:
        return None
    places = [Path(given), Path(config.runs_dir) / config.name / given]
    folder = next((place for place in places if (place / records.CONFIG).exists()), None)
    if folder is None:
        raise UserError(f"resume_from={given}: no such run; give a run's folder, or a run_id in {places[1].parent}")
    record = records.read(folder)
    if record is None:
        raise UserError(f"resume_from={given}: has not ended; the command that began it goes on with it")
    reason = _reason(config, record, folder, now)
    if reason:
        raise UserError(f"resume_from={given}: {reason}")
    return folder


def _reason(config: Config, record: Record, folder: Path, now: Mapping[str, str]) -> str:
    """Return why training cannot go on from a run that has ended; empty if it can."""
    if record.status != Status.DONE:
        return f"is {record.status}; give a run that is {Status.DONE}"
    if not (folder / FILE).exists():
        return f"its {FILE} is gone"
    if record.steps >= config.trainer.max_steps:
        return f"has trained {record.steps} steps; give a trainer.max_steps of more"
    then, here = flatten(record.config), flatten(config.to_dict())
    for key in (key for key in here | then if below(key, SAME) and key != "task.test_lengths"):
        if valued(then, key) != valued(here, key):
            return f"has {key}={valued(then, key)}, not {valued(here, key)}, and {key} may not change"
    return sources.changed(record.sources, now)
