"""Runs a committed result again and compares, run by run: python scripts/reproduce.py NAME [--fraction 0.1]

Bit for bit on the versions and the kind of machine of results/NAME/provenance.json, else within the tolerances of the
experiment file. --fraction repeats the runs whose configurations have the smallest hashes. Exit code 0: reproduced;
1: something differs, and is named; 2: there is no such result; 3: versions or data differ, so that a comparison would
say nothing (--any-version compares across versions all the same).
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnbench.errors import exit_on_user_error
from rnnbench.reproduce import Check, exit_code, reproduce

CONF = Path(__file__).parents[1] / "conf"
STYLES = {"DIFFERS": "red", "not comparable": "yellow"}


def show(checks: list[Check]) -> None:
    """One line a run, then how many of each verdict."""
    console = Console()
    if not console.is_terminal:
        console.width = 250
    table = Table("run", "reported score", "score now", "verdict", "why")
    for check in checks:
        table.add_row(*map(Text, check), style=STYLES.get(check.verdict))
    console.print(table)
    counts = Counter(check.verdict for check in checks)
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the experiment: a folder below the results directory")
    parser.add_argument("--fraction", type=float, default=1.0, help="the share of the runs to repeat")
    parser.add_argument("--any-version", action="store_true", help="compare across versions, within the tolerances")
    parser.add_argument("--jobs", type=int, help="runs at once; by default one a core")
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    options = parser.parse_args()
    with exit_on_user_error(), tempfile.TemporaryDirectory(prefix="rnnbench-") as work:
        folder = options.results_dir / options.name
        checks = reproduce(folder, CONF, Path(work), options.fraction, options.any_version, options.jobs)
    show(checks)
    sys.exit(exit_code(checks))


if __name__ == "__main__":
    main()
