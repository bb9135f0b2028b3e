"""``rnnbench report``: the results of an experiment so far."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.report import write_report
from rnnbench.report.terminal import print_report


@click.command("report")
@options.name
@options.runs_dir
@options.as_json
def command(name: str, runs_dir: Path, as_json: bool) -> None:
    """Show the results of the experiment NAME so far, in RUNS_DIR/NAME/report."""
    print_report(write_report(name, runs_dir), as_json)
