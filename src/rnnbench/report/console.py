"""Tables for people: drawn by rich on a terminal, elsewhere aligned plain lines of full width, for grep and awk."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show(header: Sequence[str], rows: Iterable[Sequence[str]], styles: Sequence[str | None] | None = None) -> None:
    """Prints a table; ``styles`` colors its rows on a terminal."""
    rows = list(rows)
    if not sys.stdout.isatty():
        for line in plain(header, rows):
            print(line)
        return
    table = Table()
    for name in header:
        table.add_column(Text(name))
    for row, style in zip(rows, styles or [None] * len(rows), strict=True):
        table.add_row(*(Text(cell, overflow="fold") for cell in row), style=style)
    Console().print(table)


def plain(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table whose columns are aligned by two or more spaces; nothing is cut."""
    lines = [[" ".join(cell.split()) for cell in line] for line in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(_padded(line, widths)).rstrip() for line in lines]


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
