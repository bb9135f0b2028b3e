"""Writes results/NAME from the runs of an experiment: python scripts/report.py NAME"""

import argparse
from pathlib import Path

from rnnbench.errors import exit_on_user_error
from rnnbench.report import write_report
from rnnbench.report.leaderboard import write_leaderboard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the experiment: a folder below the runs directory")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    options = parser.parse_args()
    with exit_on_user_error():
        target = write_report(options.name, options.runs_dir, options.results_dir)
        write_leaderboard(options.results_dir)
        print((target / "README.md").read_text())
        print(f"report: {target / 'report.html'}")


if __name__ == "__main__":
    main()
