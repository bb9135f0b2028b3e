"""``rnnbench publish``: turn runs into a result to commit."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.errors import UserError
from rnnbench.report import publish, render_again
from rnnbench.report.overview import read_results, write_overview
from rnnbench.report.terminal import print_report
from rnnbench.sweep import claims


@click.command("publish")
@click.argument("name", type=options.Name("results_dir"), required=False)
@click.argument("folders", nargs=-1, type=options.FOLDER)
@click.option("--partial", is_flag=True, help="Publish though planned runs are missing.")
@click.option("--replace", is_flag=True, help="Forget the rows that are published.")
@click.option("--again", is_flag=True, help="Make pages again from published data; of all results without NAME.")
@options.runs_dir
@options.results_dir
@options.as_json
def command(
    name: str | None,
    folders: tuple[Path, ...],
    partial: bool,
    replace: bool,
    again: bool,
    runs_dir: Path,
    results_dir: Path,
    as_json: bool,
) -> None:
    """Write RESULTS_DIR/NAME from the runs of an experiment, to be committed.

    Takes finished runs of one or several FOLDERS (by default RUNS_DIR/NAME), of one machine or many, and merges them
    with what is published already: each run counts once, and rows that contradict each other are refused. It also
    refreshes the overview RESULTS_DIR/README.md. To look at a report without publishing it: rnnbench report.
    """
    if again:
        if folders or partial or replace:
            raise UserError("--again takes no runs: neither folders nor --partial nor --replace")
        _again(name, results_dir)
    elif name is None:
        raise UserError("give the NAME of an experiment")
    else:
        sources = folders or [runs_dir / name]
        print_report(publish(name, sources, results_dir, partial, replace), as_json)


def _again(name: str | None, results_dir: Path) -> None:
    """Make the pages of one result, or of all, again."""
    names = [] if name is None else [name]
    if name is None:
        found = read_results(results_dir)
        for folder, reason in found.damaged.items():
            raise UserError(f"{results_dir / folder} is damaged: {reason}")
        names = list(found.found)
    for each in names:
        print(render_again(each, results_dir).folder)
    write_overview(results_dir)
    if name is None and (results_dir / claims.PUBLISHED).exists():
        claims.render_again(results_dir / claims.PUBLISHED)
