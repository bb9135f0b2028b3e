"""Does a cell keep what the suite asks of one? The rules of ``rnnbench.network.contract``, on a cell by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.network.contract import Verdict


def check(target: str, options: dict[str, Any]) -> list[Verdict]:
    """Return the verdicts on the cell called ``target``, a name of the suite or ``package.module:Class``.

    ``options`` are arguments of its class. Raises UserError where there is no such cell, or it cannot be built.
    """
    from rnnbench.errors import UserError, unknown
    from rnnbench.extensions import installed
    from rnnbench.network.cells import CELLS
    from rnnbench.network.cells.external import from_target
    from rnnbench.network.contract import HIDDEN, INPUTS, check_cell

    offered = installed("cell")
    if target in CELLS:
        kind = CELLS[target]
        try:
            kind(INPUTS, HIDDEN, **options)
        except TypeError as error:
            raise UserError(f"{target}: {error}; its options are given as option=value") from error
        return check_cell(lambda inputs, hidden: kind(inputs, hidden, **options))
    if target not in offered and ":" not in target and "." not in target:
        raise unknown("cell", target, {**CELLS, **offered})
    found = offered.get(target, target)
    from_target(found, INPUTS, HIDDEN, options)  # what cannot be built is said at once
    return check_cell(lambda inputs, hidden: from_target(found, inputs, hidden, options))
