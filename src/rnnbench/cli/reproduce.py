"""``rnnbench reproduce``: run a committed result again."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.config import CONF
from rnnbench.report.console import print_json, show
from rnnbench.sweep.reproduce import Outcome, exit_code, reproduce

STYLES = {"DIFFERS": "red", "not comparable": "yellow"}


@click.command("reproduce")
@options.result_name
@click.option("--fraction", type=float, default=1.0, show_default=True, help="The share of the runs to repeat.")
@click.option("--any-version", is_flag=True, help="Compare across versions, within the tolerances.")
@click.option("--jobs", type=int, help="Runs at once; by default one a core.")
@options.results_dir
@options.as_json
def command(name: str, fraction: float, any_version: bool, jobs: int | None, results_dir: Path, as_json: bool) -> None:
    """Run the committed result NAME again and compare, run by run.

    Bit for bit on the versions and the kind of machine of RESULTS_DIR/NAME/provenance.json, but for the last bits of
    what the probe measures; else within the tolerances, which are printed; an experiment file may set its own.
    --fraction repeats the runs whose configurations have the smallest hashes. Exit code 0: reproduced; 1: something
    differs, and is named; 2: there is no such result; 3: versions or data differ, so that a comparison would say
    nothing, or runs failed.
    """
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as work:
        outcome = reproduce(results_dir / name, CONF, Path(work), fraction, any_version, jobs)
    if as_json:
        print_json({"checks": [check._asdict() for check in outcome.checks], "tolerances": outcome.tolerances})
    else:
        _print_outcome(outcome)
    sys.exit(exit_code(outcome.checks))


def _print_outcome(outcome: Outcome) -> None:
    """Print one line a run, then how many of each verdict, and what another kind of machine was allowed."""
    header = ("run", "reported score", "score now", "verdict", "why")
    show(header, outcome.checks, [STYLES.get(check.verdict) for check in outcome.checks])
    counts = Counter(check.verdict for check in outcome.checks)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if outcome.tolerances:
        print(f"Some rows are of another kind of machine or other versions. They may be off by: {outcome.tolerances}.")
