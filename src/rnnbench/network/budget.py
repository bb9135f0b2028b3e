"""Budgets: the width that meets a given cost, so that cells are compared at equal cost.

Kerg et al. 2019 (arXiv:1905.12080) and Bai et al. 2018 (arXiv:1803.01271) report the same width and the same number of
parameters in separate tables; here that is one flag, ``network.budget=parameters:70000``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from rnnbench.errors import UserError, check_choice

KINDS = {
    "parameters": "trained numbers of the whole network, its head included",
    "state": "real numbers that the network carries from one step to the next",
    "flops": "floating-point operations of all matrix products of one step, a multiply-add being two",
}
TOLERANCE = 0.25
"""A budget is met where the nearest width costs at most this share more or less: narrow networks grow in steps."""


def parse(budget: str) -> tuple[str, int]:
    """Return ("parameters", 70000) of "parameters:70000". Raises UserError for anything else."""
    kind, _, amount = budget.partition(":")
    if not amount.isdecimal() or int(amount) == 0:
        raise UserError(f"network.budget={budget}: must be KIND:AMOUNT, as in parameters:70000")
    check_choice("network.budget", kind, KINDS)
    return kind, int(amount)


def off_budget(budget: str | None, costs: Mapping[str, int]) -> float | None:
    """Return the relative deviation of ``costs``, by kind, from the ``budget``; None without one."""
    if budget is None:
        return None
    kind, amount = parse(budget)
    return costs[kind] / amount - 1


def width(budget: str, cost: Callable[[int], int], multiple: int, widest: int) -> int:
    """Return the width whose ``cost`` is nearest to the ``budget``; for the other arguments see ``solve``.

    Raises UserError where the nearest misses the budget by more than TOLERANCE.
    """
    kind, amount = parse(budget)
    cost = cache(cost)  # it builds the network's shapes
    nearest = solve(cost, amount, multiple, widest)
    spent = cost(nearest)
    if abs(spent / amount - 1) > TOLERANCE:
        raise UserError(
            f"network.budget={budget}: no width comes within {TOLERANCE:.0%} of it; the nearest is "
            f"network.hidden_size={nearest}, which costs {kind}:{spent}"
        )
    return nearest


def solve(cost: Callable[[int], int], amount: int, multiple: int, widest: int) -> int:
    """Return the width, a multiple of ``multiple``, whose ``cost``, which grows with it, is nearest to ``amount``.

    No width from twice ``widest`` on is tried.
    """
    least, most = 1, 2  # in multiples
    while cost(most * multiple) < amount and most * multiple < widest:
        least, most = most, 2 * most
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if cost(middle * multiple) < amount else (least, middle)
    return multiple * min(least, most, key=lambda width: abs(cost(width * multiple) - amount))
