"""Writes results/NAME from the runs of an experiment, to be committed: python scripts/publish.py NAME

It also refreshes the overview results/README.md. To look at a report without publishing it: scripts/report.py
"""

import argparse
from pathlib import Path

from rnnbench.errors import exit_on_user_error
from rnnbench.report import publish
from rnnbench.report.terminal import tell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the experiment: a folder below the runs directory")
    parser.add_argument("--partial", action="store_true", help="publish though planned runs are missing")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    options = parser.parse_args()
    tell(publish(options.name, options.runs_dir, options.results_dir, options.partial))


if __name__ == "__main__":
    with exit_on_user_error():
        main()
