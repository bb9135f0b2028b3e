"""Runs a committed result again and compares, run by run: python scripts/reproduce.py NAME [--fraction 0.1]

Bit for bit on the versions and the kind of machine of results/NAME/provenance.json, but for the last bits of what the
probe measures; else within the tolerances, which are printed; an experiment file may set its own. --fraction repeats
the runs whose configurations have the smallest hashes. Exit code 0: reproduced; 1: something differs, and is named;
2: there is no such result; 3: versions or data differ, so that a comparison would say nothing (--any-version compares
across versions all the same), or runs failed.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rnnbench.errors import check_name, exit_on_user_error
from rnnbench.report.console import show
from rnnbench.sweep.reproduce import Outcome, exit_code, reproduce

CONF = Path(__file__).parents[1] / "conf"
STYLES = {"DIFFERS": "red", "not comparable": "yellow"}


def tell(outcome: Outcome) -> None:
    """Prints one line a run, then how many of each verdict, and what another kind of machine was allowed."""
    header = ("run", "reported score", "score now", "verdict", "why")
    show(header, outcome.checks, [STYLES.get(check.verdict) for check in outcome.checks])
    counts = Counter(check.verdict for check in outcome.checks)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if outcome.tolerances:
        print(f"Some rows are of another kind of machine or other versions. They may be off by: {outcome.tolerances}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the experiment: a folder below the results directory")
    parser.add_argument("--fraction", type=float, default=1.0, help="the share of the runs to repeat")
    parser.add_argument("--any-version", action="store_true", help="compare across versions, within the tolerances")
    parser.add_argument("--jobs", type=int, help="runs at once; by default one a core")
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    options = parser.parse_args()
    folder = options.results_dir / check_name(options.name)
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as work:
        outcome = reproduce(folder, CONF, Path(work), options.fraction, options.any_version, options.jobs)
    tell(outcome)
    sys.exit(exit_code(outcome.checks))


if __name__ == "__main__":
    with exit_on_user_error():
        main()
