"""Shows what the cells are: python scripts/cells.py for the table, python scripts/cells.py NAME for one of them."""

import inspect
import sys
from pathlib import Path

from rnnbench.build import build_cell
from rnnbench.cli.entry import configure
from rnnbench.errors import exit_on_user_error, unknown
from rnnbench.extensions import described, installed, load
from rnnbench.network.cells import CELLS
from rnnbench.network.costs import step_flops
from rnnbench.network.engines import supporting
from rnnbench.report.console import show

CONF = Path(__file__).parents[1] / "conf"
SIZE = 128
HEADER = ("cell", "paper", "state", "parameters", "FLOPs a step", "engines", "as in its paper")


def row(name: str) -> list[str]:
    """The facts of a cell with its default options at I = H = SIZE, in the order of HEADER."""
    cell = build_cell(configure(CONF, f"cell={name}").cell, SIZE, SIZE)
    start = cell.initial_state(1)
    state = ", ".join(f"complex {part}" if getattr(start, part).is_complex() else part for part in start._fields)
    parameters = sum(parameter.numel() for parameter in cell.parameters())
    source, engines = getattr(cell, "source", "-"), ", ".join(supporting(cell))
    return [name, source, state, str(parameters), str(step_flops(cell)), engines, cell.paper or "-"]


def main() -> None:
    with exit_on_user_error():
        names = sys.argv[1:]
        if not names:
            own, broken = described("cell", CELLS, row)
            show(HEADER, [*map(row, CELLS), *own])
            print("".join(f"{line}\n" for line in broken), end="", file=sys.stderr)
        for name in names:
            if name in ("-h", "--help"):
                print(__doc__)
                return
            offered = installed("cell")
            if name not in {*CELLS, *offered}:
                raise unknown("cell", name, {*CELLS, *offered})
            kind = CELLS[name] if name in CELLS else load("cell._target_", offered[name])
            print(inspect.getdoc(inspect.getmodule(kind)) or kind.__doc__ or name)
            print(f"\nAs in its paper: {' '.join(['cell=' + name, getattr(kind, 'paper', '')]).strip()}")


if __name__ == "__main__":
    main()
