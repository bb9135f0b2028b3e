"""``rnnbench compare``: two results side by side."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.report.console import print_json, show
from rnnbench.report.side_by_side import compare


@click.command("compare")
@click.argument("first", type=options.FOLDER)
@click.argument("second", type=options.FOLDER)
@click.option("--all", "everything", is_flag=True, help="Show the numbers that did not move, too.")
@options.as_json
def command(first: Path, second: Path, everything: bool, as_json: bool) -> None:
    """Show the results in the folders FIRST and SECOND side by side, of two commits, machines or versions.

    Shows which numbers moved: those whose intervals do not overlap, and which runs are not the same, digit for
    digit, and in which columns.

    Exit code 0: no number moved, but for time and memory, and all runs that are in both are the same; 1: some are not.
    """
    pairs, rows, notes = found = compare(first, second)
    shown = [pair for pair in pairs if everything or pair.moved]
    moved, chance = sum(pair.moved for pair in pairs), max(pair.by_chance for pair in pairs)
    if as_json:
        numbers = [
            {"setting": pair.setting, "number": pair.number, "first": pair.first._asdict(),
             "second": pair.second._asdict(), "moved": pair.moved}
            for pair in shown
        ]  # fmt: skip
        counted = {"numbers": numbers, "moved": moved, "of": len(pairs), "by_chance": chance}
        print_json(counted | {"runs": rows, "notes": notes})
    else:
        if shown:
            show(("setting", "number", str(first), str(second), ""), [pair.text for pair in shown])
        print(f"{moved} of {len(pairs)} numbers moved beyond their intervals")
        print(f"of numbers that seeds make random, {100 * chance:.0f} % do so by chance")
        if rows:
            show(("run", "differs in"), list(rows.items()))
        for note in notes:
            print(note)
    sys.exit(1 if found.differ else 0)
