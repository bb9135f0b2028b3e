"""``rnnbench sync``: upload runs to W&B."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.tracking.sync import ALREADY, UPLOADED, sync


@click.command("sync")
@options.name
@options.runs_dir
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), default=30, show_default=True, help="Most runs a minute."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be uploaded.")
def command(name: str, runs_dir: Path, rate: float, dry_run: bool) -> None:
    """Upload the runs of the experiment NAME that W&B does not have yet.

    It can be interrupted and started again. Exit code 0: W&B has every run; 1: some are missing; 2: nothing could be
    done.
    """
    ends: Counter[str] = Counter()
    for upload in sync(runs_dir / name, rate, dry_run):
        ends[upload.status] += 1
        print(f"{upload.run}: {upload.status}{upload.reason and f', {upload.reason}'}", flush=True)
    print(", ".join(f"{count} {status}" for status, count in ends.items()))
    sys.exit(0 if set(ends) <= {UPLOADED, ALREADY} else 1)
