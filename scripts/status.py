"""Shows what became of the runs of a sweep, also while it runs: python scripts/status.py NAME"""

import argparse
from pathlib import Path

from rnnbench.errors import UserError, check_name, exit_on_user_error
from rnnbench.sweep.display import counted, show_entries
from rnnbench.sweep.ledger import read_all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the experiment: a folder below the runs directory")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    options = parser.parse_args()
    name = check_name(options.name)
    folder = options.runs_dir / name
    entries = read_all(folder) if folder.is_dir() else []
    if not entries:
        raise UserError(f"no runs under {folder}: start them with 'python scripts/train.py -m name={name} ...'")
    show_entries(entries)
    print(counted(entries))


if __name__ == "__main__":
    with exit_on_user_error():
        main()
