"""The files of a run as a W&B artifact: configuration, profiles, record and, if asked for, the best checkpoint."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnbench.store import records
from rnnbench.store.records import Record

ARTIFACT = "rnnbench-run"
"""Its type."""
FILES = (records.CONFIG, "gradients.npz")
CHECKPOINT = "best.ckpt"
PATIENCE = 60
"""Seconds for a server that is away; the client itself asks it once, and all else that is logged can wait."""


def log_files(run: Any, record: Record) -> None:
    """Log the files of a run; its record as it is before W&B has taken the run. Raises wandb.Error without a server."""
    import wandb

    artifact = wandb.Artifact(f"{ARTIFACT}-{run.id}", type=ARTIFACT, metadata={"run_id": record.run_id})
    folder = Path(record.config["runs_dir"], record.experiment, record.run_id).resolve()
    checkpoint = [CHECKPOINT] if record.config["tracking"]["checkpoint"] else []
    for name in (*FILES, *checkpoint):
        if (folder / name).exists():
            artifact.add_file(str(folder / name), policy="immutable", skip_cache=True)
    with tempfile.TemporaryDirectory() as made:
        records.write(Path(made), record)
        artifact.add_file(str(Path(made) / records.FILE), skip_cache=True)
    patiently(lambda: run.log_artifact(artifact))


def patiently(log: Callable[[], Any]) -> None:
    """Log a table or an artifact, for which the client asks the server at once. Raises wandb.Error without one."""
    import wandb

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            log()
        except wandb.Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return
