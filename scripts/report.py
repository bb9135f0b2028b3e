"""Shows what an experiment has come to so far, in runs/NAME/report: python scripts/report.py NAME"""

import argparse
from pathlib import Path

from rnnbench.errors import exit_on_user_error
from rnnbench.report import write_report
from rnnbench.report.terminal import tell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the experiment: a folder below the runs directory")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    options = parser.parse_args()
    tell(write_report(options.name, options.runs_dir))


if __name__ == "__main__":
    with exit_on_user_error():
        main()
