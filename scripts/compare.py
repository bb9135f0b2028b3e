"""Two results side by side, of two commits, machines or versions: python scripts/compare.py FOLDER FOLDER

Shows which numbers moved: whose intervals have no point in common. --all shows the others too.
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnbench.errors import exit_on_user_error
from rnnbench.report.side_by_side import compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="a folder that scripts/report.py wrote")
    parser.add_argument("second", type=Path, help="another one")
    parser.add_argument("--all", action="store_true", help="show the numbers that did not move, too")
    options = parser.parse_args()
    with exit_on_user_error():
        pairs, notes = compare(options.first, options.second)
        console = Console()
        if not console.is_terminal:
            console.width = 250
        table = Table("setting", "number", str(options.first), str(options.second), "")
        for pair in pairs:
            if options.all or pair.moved:
                table.add_row(*map(Text, pair.text))
        if table.row_count:
            console.print(table)
        moved = sum(pair.moved for pair in pairs)
        console.print(f"{moved} of {len(pairs)} numbers moved beyond their intervals", highlight=False)
        for note in notes:
            console.print(note, highlight=False, markup=False)


if __name__ == "__main__":
    main()
