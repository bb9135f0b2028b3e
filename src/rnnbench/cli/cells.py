"""``rnnbench cells``: what the cells are."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click

from rnnbench.builders.network import build_cell
from rnnbench.cli import options
from rnnbench.errors import unknown
from rnnbench.extensions import described, installed, load
from rnnbench.network.cells import CELLS
from rnnbench.network.costs import state_numbers, step_flops
from rnnbench.network.engines import supporting
from rnnbench.report.console import Value, show_or_json
from rnnbench.sweep.configuration import configure, default

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 128
HEADER = (
    "cell", "paper", "state", "state size", "parameters", "FLOPs a step", "linear", "eigenvalues", "engines", "cannot",
    "as in its paper",
)  # fmt: skip


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


def row(name: str) -> list[Value]:
    """Return the facts of a cell with its default options at I = H = SIZE, in the order of HEADER."""
    chosen = default("cell", name) if name in CELLS else configure(f"cell={name}").cell
    cell = build_cell(chosen, SIZE, SIZE)
    start = cell.initial_state(1)
    parameters = sum(parameter.numel() for parameter in cell.parameters())
    return [
        name, getattr(cell, "source", None), ", ".join(map(shape, start._fields, start)), state_numbers(start),
        parameters, step_flops(cell), cell.linear, cell.spectrum, ", ".join(supporting(cell)), cell.cannot or None,
        cell.paper or None,
    ]  # fmt: skip


def shape(name: str, part: Tensor) -> str:
    """Return a part of a state [1, *] in words, as in ``S 4x32x32``."""
    return f"{'complex ' * part.is_complex()}{name} {'x'.join(map(str, part.shape[1:]))}"
