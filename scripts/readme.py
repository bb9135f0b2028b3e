"""Refreshes the generated blocks of README.md, <!-- NAME --> to <!-- /NAME -->. Run it when what they show changes."""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path

import cells
import tasks
from rnnbench.cells import CELLS

ROOT = Path(__file__).parents[1]


def block(page: str, mark: str) -> str:
    """The first lines of a committed page that start with ``mark``."""
    lines = (ROOT / "results" / page).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(mark))
    return "\n".join(takewhile(lambda line: line.startswith(mark), lines[start:]))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


BLOCKS = {
    "demo": lambda: block("demo/README.md", "| "),
    "leaderboard": lambda: f"{block('README.md', '* ')}\n\n{block('README.md', '| ')}",
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
