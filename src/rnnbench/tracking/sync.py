"""Uploads the runs of an experiment that W&B lacks, one by one, with the client's own ``wandb sync``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rnnbench.errors import UserError
from rnnbench.tracking import wandb_files
from rnnbench.tracking.cache_folders import set_cache_folders
from rnnbench.tracking.login import problem

UPLOADED = "uploaded"
ALREADY = "already uploaded"
WAITING = "to upload"
INTERRUPTED = "interrupted"
FAILED = "failed"
PATIENCE = 600
"""Seconds for one run. The client would try for hours."""


class Upload(NamedTuple):
    """The outcome of one run."""

    run: str
    """Its run_id."""
    status: str
    reason: str = ""


def sync(experiment: Path, rate: float, dry_run: bool) -> Iterator[Upload]:
    """Upload the runs of the folder ``experiment``, at most ``rate`` a minute; skip what was uploaded before.

    With ``dry_run`` it only lists what it would do. Raises UserError, before the first upload, where there is nothing
    to upload from or no login.
    """
    found = wandb_files.folders(experiment)
    if not found:
        raise UserError(f"no W&B runs under {experiment / 'wandb'}: run it with tracking=offline or tracking=online")
    states = {folder: _state(folder) for folder in found}
    if not dry_run and any(state.status == WAITING for state in states.values()):
        set_cache_folders(experiment)
        reason = problem()
        if reason is not None:
            raise UserError(f"nothing was uploaded: {reason}")
    free = time.monotonic()
    for folder, state in states.items():
        if state.status != WAITING or dry_run:
            yield state
            continue
        time.sleep(max(0, free - time.monotonic()))
        free = time.monotonic() + 60 / rate
        yield Upload(state.run, *_upload(folder))


def _state(folder: Path) -> Upload:
    """Return the state of a run before anything is uploaded."""
    run = wandb_files.name(folder)
    try:
        if wandb_files.marker(folder).exists():
            return Upload(run, ALREADY)
        if wandb_files.ended(folder):
            return Upload(run, WAITING)
        return Upload(run, INTERRUPTED, "it has no end; run it again")
    except (OSError, ValueError) as error:
        return Upload(run, FAILED, f"{error}; run it again with force=true")


def _upload(folder: Path) -> tuple[str, str]:
    """Upload one run; return its status, and why not all of it arrived where it did not."""
    with tempfile.TemporaryDirectory() as logs:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "wandb", "sync", "--include-online", str(folder.resolve())],
                cwd=logs,
                env=os.environ | {"WANDB_DIR": logs},
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return FAILED, f"not done after {PATIENCE} s"
        found = list(Path(logs).glob("wandb/logs/debug-sync.*.log"))
        reason = next(filter(None, map(wandb_files.loss, found)), None)
        if reason is not None:
            wandb_files.marker(folder).unlink(missing_ok=True)
            return FAILED, reason
        gone = next(filter(None, map(wandb_files.gone, found)), None)
    if wandb_files.marker(folder).exists():
        return UPLOADED, "" if gone is None else f"without its table or its artifact ({gone})"
    lines = ended.stderr.strip().splitlines()
    return FAILED, lines[-1] if lines else "wandb sync gave no reason"
