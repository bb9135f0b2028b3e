"""Two results side by side, of two commits, machines or versions: python scripts/compare.py FOLDER FOLDER

Shows which numbers moved: whose intervals have no point in common (--all shows the others too), and which runs are not
the same, digit for digit, and in which columns.
"""

import argparse
from pathlib import Path

from rnnbench.errors import exit_on_user_error
from rnnbench.report.console import show
from rnnbench.report.side_by_side import compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="a folder that scripts/publish.py or report.py wrote")
    parser.add_argument("second", type=Path, help="another one")
    parser.add_argument("--all", action="store_true", help="show the numbers that did not move, too")
    options = parser.parse_args()
    pairs, rows, notes = compare(options.first, options.second)
    shown = [pair.text for pair in pairs if options.all or pair.moved]
    if shown:
        show(("setting", "number", str(options.first), str(options.second), ""), shown)
    print(f"{sum(pair.moved for pair in pairs)} of {len(pairs)} numbers moved beyond their intervals")
    print(f"of numbers that seeds make random, {100 * max(pair.by_chance for pair in pairs):.0f} % do so by chance")
    if rows:
        show(("run", "differs in"), list(rows.items()))
    for note in notes:
        print(note)


if __name__ == "__main__":
    with exit_on_user_error():
        main()
