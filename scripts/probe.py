"""Measures the finished runs of an experiment again: python scripts/probe.py NAME newton sharpness

Diagnostics are those that --list shows, or package.module:NAME. They are added to the runs' records: publish them with
python scripts/publish.py NAME.
"""

import argparse
import sys
from pathlib import Path

from rnnbench.cli.probe import probe
from rnnbench.errors import exit_on_user_error
from rnnbench.extensions import described
from rnnbench.report.console import show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="the experiment: a folder below the runs directory")
    parser.add_argument("diagnostics", nargs="*", help="what to measure")
    parser.add_argument("--list", action="store_true", help="show the diagnostics")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    options = parser.parse_args()
    if options.list:
        from rnnbench.gradients.registry import DIAGNOSTICS, named  # loads torch

        offered, broken = described("diagnostic", DIAGNOSTICS, named)
        found = [*DIAGNOSTICS.values(), *offered]
        show(
            ("diagnostic", "what it says", "formula", "cost", "source"),
            [(each.name, each.title, each.formula, each.cost, each.source) for each in found],
        )
        for line in broken:
            print(line, file=sys.stderr)
        return
    if options.name is None or not options.diagnostics:
        parser.error("give an experiment and at least one diagnostic, or --list")
    for line in probe(options.runs_dir / options.name, options.diagnostics):
        print(line, flush=True)


if __name__ == "__main__":
    with exit_on_user_error():
        main()
