"""``rnnbench status``: the state of every run of a sweep."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.errors import UserError
from rnnbench.report.console import print_json
from rnnbench.sweep.display import counted, show_states
from rnnbench.sweep.run_states import read_all


@click.command("status")
@options.name
@options.runs_dir
@options.as_json
def command(name: str, runs_dir: Path, as_json: bool) -> None:
    """Show what became of the runs of the sweep NAME, also while it runs."""
    folder = runs_dir / name
    states = read_all(folder) if folder.is_dir() else []
    if not states:
        raise UserError(f"no runs under {folder}: start them with 'rnnbench train -m name={name} ...'")
    if as_json:
        return print_json([state._asdict() | {"log": state.where} for state in states])
    show_states(states)
    print(counted(states))
