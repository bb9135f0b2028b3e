"""Refreshes the generated blocks of README.md, <!-- NAME --> to <!-- /NAME -->. Run it when what they show changes."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import cells
import tasks
from rnnbench.cells import CELLS

ROOT = Path(__file__).parents[1]


def demo() -> str:
    """The table of the committed demo, as its report wrote it."""
    lines = (ROOT / "results/demo/README.md").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("|"))


def leaderboard() -> str:
    """Which cell to take for each task, and the table of scores, from the committed leaderboard."""
    text = (ROOT / "results/README.md").read_text()
    chosen = text.partition("## Which cell?")[2].partition("\n## ")[0]
    kept = [line for line in chosen.splitlines() if line.startswith(("* ", "|"))]
    first = next(i for i, line in enumerate(kept) if line.startswith("|"))
    return "\n".join([*kept[:first], "", *kept[first:]])


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


BLOCKS = {
    "demo": demo,
    "leaderboard": leaderboard,
    "cells": lambda: table(cells.HEADER, map(cells.row, CELLS)),
    "tasks": lambda: table(tasks.HEADER, tasks.rows()),
}


def refreshed() -> str:
    """README.md with every block as it should be now."""
    text = (ROOT / "README.md").read_text()
    for name, generate in BLOCKS.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        pattern = re.escape(start) + ".*?" + re.escape(end)
        text, count = re.subn(pattern, lambda _, s=start, g=generate, e=end: f"{s}{g()}\n{e}", text, flags=re.DOTALL)
        assert count == 1, f"README.md has {count} blocks called {name}"
    return text


if __name__ == "__main__":
    (ROOT / "README.md").write_text(refreshed())
