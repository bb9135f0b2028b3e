"""``rnnbench bench``: what the suite costs on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli import options


@click.command("bench")
@click.argument("folder", type=options.FOLDER, default=Path("runs/performance"))
def command(folder: Path) -> None:
    """Measure what the suite costs on this machine, to FOLDER, by default runs/performance. It takes some minutes.

    The probe: what probe=default adds to training. The engines: how much faster the associative one is than the loop.
    The batches: what generating them costs, as a share of a training step.
    """
    from rnnbench.bench.suite import measure_all  # loads torch

    print(measure_all(folder))
