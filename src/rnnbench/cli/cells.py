"""``rnnbench cells``: what the cells are."""

from __future__ import annotations

import inspect
import sys

import click

from rnnbench.build import build_cell
from rnnbench.cli import options
from rnnbench.errors import unknown
from rnnbench.extensions import described, installed, load
from rnnbench.network.cells import CELLS
from rnnbench.network.costs import step_flops
from rnnbench.network.engines import supporting
from rnnbench.report.console import show_or_json
from rnnbench.sweep.configuration import configure

SIZE = 128
HEADER = ("cell", "paper", "state", "parameters", "FLOPs a step", "engines", "as in its paper")


@click.command("cells")
@click.argument("names", nargs=-1)
@options.as_json
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Show what the cells are, in a table, or what NAMES are."""
    if not names:
        own, broken = described("cell", CELLS, row)
        show_or_json(HEADER, [*map(row, CELLS), *own], as_json)
        print("".join(f"{line}\n" for line in broken), end="", file=sys.stderr)
    for name in names:
        offered = installed("cell")
        if name not in {*CELLS, *offered}:
            raise unknown("cell", name, {*CELLS, *offered})
        kind = CELLS[name] if name in CELLS else load("cell._target_", offered[name])
        print(inspect.getdoc(inspect.getmodule(kind)) or kind.__doc__ or name)
        print(f"\nAs in its paper: {' '.join(['cell=' + name, getattr(kind, 'paper', '')]).strip()}")


def row(name: str) -> list[str]:
    """Return the facts of a cell with its default options at I = H = SIZE, in the order of HEADER."""
    cell = build_cell(configure(f"cell={name}").cell, SIZE, SIZE)
    start = cell.initial_state(1)
    state = ", ".join(f"complex {part}" if getattr(start, part).is_complex() else part for part in start._fields)
    parameters = sum(parameter.numel() for parameter in cell.parameters())
    source, engines = getattr(cell, "source", "-"), ", ".join(supporting(cell))
    return [name, source, state, str(parameters), str(step_flops(cell)), engines, cell.paper or "-"]
