"""Shows what became of the runs of a sweep, also while it runs: python scripts/status.py NAME [runs_dir=runs]"""

import sys
from pathlib import Path

from rich.console import Console

from rnnbench.errors import UserError, exit_on_user_error
from rnnbench.sweep.display import counted, ledger_table
from rnnbench.sweep.ledger import read_all


def main() -> None:
    names = [word for word in sys.argv[1:] if not word.startswith("runs_dir=")]
    if len(names) != 1 or names[0].startswith("-"):
        print(__doc__)
        sys.exit(0 if names in (["-h"], ["--help"]) else 2)
    runs_dir = next((word.partition("=")[2] for word in sys.argv[1:] if word.startswith("runs_dir=")), "runs")
    folder = Path(runs_dir) / names[0]
    with exit_on_user_error():
        entries = read_all(folder) if folder.is_dir() else []
        if not entries:
            raise UserError(f"no runs under {folder}: start them with 'python scripts/train.py -m name={names[0]} ...'")
        console = Console()
        if not console.is_terminal:
            console.width = 250
        table = ledger_table((each.run_id, each.status, each.text, each.where) for each in entries)
        console.print(table)
        console.print(counted(entries), highlight=False)


if __name__ == "__main__":
    main()
