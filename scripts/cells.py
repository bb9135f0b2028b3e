"""Shows what the cells are: python scripts/cells.py for the table, python scripts/cells.py NAME for one of them."""

import inspect
import sys

import torch
from rich.console import Console
from rich.table import Table

from rnnbench.cells import CELLS
from rnnbench.costs import step_flops
from rnnbench.engines import supporting
from rnnbench.errors import exit_on_user_error, unknown

SIZE = 128
HEADER = ("cell", "paper", "state", "parameters", "FLOPs a step", "engines")


def row(name: str) -> list[str]:
    """The facts of a cell with its default options at I = H = SIZE, in the order of HEADER."""
    with torch.device("meta"):
        cell = CELLS[name](SIZE, SIZE)
        start = cell.initial_state(1)
        state = ", ".join(f"complex {part}" if getattr(start, part).is_complex() else part for part in start._fields)
        parameters = sum(parameter.numel() for parameter in cell.parameters())
        return [name, cell.source, state, str(parameters), str(step_flops(cell)), ", ".join(supporting(cell))]


def main() -> None:
    with exit_on_user_error():
        names = sys.argv[1:]
        if not names:
            table = Table(*HEADER)
            for name in CELLS:
                table.add_row(*row(name))
            Console().print(table)
        for name in names:
            if name in ("-h", "--help"):
                print(__doc__)
                return
            if name not in CELLS:
                raise unknown("cell", name, CELLS)
            print(inspect.getdoc(inspect.getmodule(CELLS[name])))


if __name__ == "__main__":
    main()
