"""``rnnbench bench``: what the suite costs on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli import options


@click.command("bench")
@click.argument("parts", nargs=-1)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="What to measure on."
)
@click.option(
    "--folder", type=options.FOLDER, default=Path("runs/performance"), show_default=True, help="Where to write."
)
def command(parts: tuple[str, ...], device: str, folder: Path) -> None:
    """Measure what the suite costs on this machine, and say of each goal whether it is met.

    PARTS are startup, planning, beside (probe and validation beside training), batches, online, engines, scan, growth
    and sweep; all without any, which takes 15 to 20 minutes. FOLDER then has a table of each and a page of all.
    """
    from rnnbench.bench.suite import PARTS, measure  # loads torch

    for line in measure(parts or list(PARTS), device, folder):
        print(line, flush=True)
    print(f"page: {folder / 'README.md'}")
