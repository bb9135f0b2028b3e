"""``rnnbench check``: does a cell keep the rules of ``rnnbench.network.contract``?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from rnnbench.cli import options
from rnnbench.report.console import print_json, show

if TYPE_CHECKING:
    from rnnbench.network.contract import Verdict


@click.command("check")
@click.argument("cell")
@click.argument("arguments", nargs=-1, metavar="[OPTION=VALUE]...")
@options.as_json
def command(cell: str, arguments: tuple[str, ...], as_json: bool) -> None:
    """Check that CELL, a name or package.module:Class, keeps what the suite asks of a cell.

    OPTION=VALUE are arguments of its class. Exit code 1 where it breaks a rule: it says which and what to do.
    """
    verdicts = check(cell, options.assignments(arguments))
    broken = sum(bool(reason) for _, reason in verdicts)
    if as_json:
        found = [{"rule": rule.name, "kept": not why, "reason": why, "advice": rule.advice} for rule, why in verdicts]
        print_json(found)
    else:
        rows = [(each.name, "fail", why, each.advice) if why else (each.name, "pass", "", "") for each, why in verdicts]
        show(("rule", "", "what was seen", "what to do"), rows, ["red" if row[2] else None for row in rows])
        print(f"{cell}: {len(verdicts) - broken} of {len(verdicts)} rules kept")
    sys.exit(1 if broken else 0)


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
    from_target(found, INPUTS, HIDDEN, options)  # a cell that cannot be built is an error at once
    return check_cell(lambda inputs, hidden: from_target(found, inputs, hidden, options))
