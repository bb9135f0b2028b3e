"""Tables for people: drawn by rich on a terminal, elsewhere aligned plain lines of full width, for grep and awk."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Value = str | int | float | bool | None


def show(header: Sequence[str], rows: Iterable[Sequence[str]], styles: Sequence[str | None] | None = None) -> None:
    """Print a table; ``styles`` colors its rows on a terminal."""
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


def show_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print a name and what there is to say of it on each line."""
    if not sys.stdout.isatty():
        width = max(len(name) for name, _ in facts)
        for name, text in facts:
            print(f"{name:<{width}}  {text}")
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    for name, text in facts:
        grid.add_row(Text(name), Text(text, overflow="fold"))
    Console().print(grid)


def show_or_json(header: Sequence[str], rows: Sequence[Sequence[Value]], as_json: bool) -> None:
    """Print a table, or its rows as objects of JSON, in which a number is a number."""
    if as_json:
        print_json([dict(zip(header, row, strict=True)) for row in rows])
    else:
        show(header, [[*map(in_words, row)] for row in rows])


def in_words(value: Value) -> str:
    """Return a value as it stands in a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def print_json(found: Any) -> None:
    """Print JSON, for other programs."""
    print(json.dumps(found, ensure_ascii=False, indent=1))


def plain(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table with columns aligned by two or more spaces; nothing is cut."""
    lines = [[" ".join(cell.split()) for cell in line] for line in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(_padded(line, widths)).rstrip() for line in lines]


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
