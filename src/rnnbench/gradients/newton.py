"""How many Newton iterations find all states at once: whether a network can be run in parallel over time.

Lim et al. 2024 (DEER, arXiv:2309.12252); Gonzalez et al. 2024 (arXiv:2407.19115), 2025 (arXiv:2508.16817). The states
solve s_t = f_t(s_{t-1}) for all t together. From s = 0 a Newton step is a linear recurrence,

    s'_t = f_t(s_{t-1}) + J_t (s'_{t-1} - s_{t-1}),      J_t the Jacobian at s_{t-1},

and is repeated until half the squared residual ||s_t - f_t(s_{t-1})||^2, over T, is at most 1e-10. In exact arithmetic
that takes at most T iterations, and one where f_t is linear; where the largest Lyapunov exponent is negative, about as
many for a long sequence as for a short one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, Path, step_jacobian
from rnnbench.network.states import flatten, map_state, unflatten

TOLERANCE = 1e-10


class Solution(NamedTuple):
    """What the iteration ends with; see ``newton_iterations`` for ``iterations`` [B]."""

    iterations: Array
    states: Array
    """s_1 .. s_T as real vectors: float64 [T, B, S]."""


def newton_iterations(measurement: Measurement) -> list[list[Array]]:
    """Return the iterations that each sequence needs, of each direction: [layer][direction], float64 [B].

    nan where the iteration overflows, or has not arrived after T of them because of rounding.
    """
    return measurement.each(lambda path: _solution(path).iterations)


def newton_solution(measurement: Measurement) -> list[list[Solution]]:
    """Return the iterations of each direction and the states that they find: [layer][direction]."""
    return measurement.each(_solution)


@torch.no_grad()
def _solution(path: Path) -> Solution:
    steps, valid = len(path.drives), path.valid
    start = flatten(path.at(0), 1)
    states = start.new_zeros(steps, *start.shape)
    needed = start.new_full((len(start),), torch.nan)
    for iteration in range(steps + 1):
        before = torch.cat([start[None], states[:-1]])
        after = _steps(path, before)
        residual = (states - after).square().sum(dim=-1).where(valid, 0).sum(dim=0) / (2 * path.lengths)
        needed = torch.where(needed.isnan() & (residual <= TOLERANCE), iteration, needed)
        if not needed.isnan().any() or not residual[needed.isnan()].isfinite().all():
            break
        states = _solve(path, before, after)
    return Solution(needed.cpu().numpy(), states.cpu().numpy())


def _state(path: Path, flat: Tensor) -> Any:
    """Return the states of ``flat`` [N, B, S], parts [N * B, *]."""
    like = map_state(lambda part: part[:1].expand(len(flat), *part.shape[1:]).flatten(0, 1), path.states)
    return unflatten(flat.flatten(0, 1), like)


def _steps(path: Path, before: Tensor) -> Tensor:
    """Return f_t of the states ``before`` [T, B, S] for all t at once."""
    return flatten(path.cell.step(_state(path, before), path.drives.flatten(0, 1)), 1).view_as(before)


def _solve(path: Path, before: Tensor, after: Tensor) -> Tensor:
    """Return the Newton step s' from the states ``before`` each step and ``after`` it."""
    change, found = torch.zeros_like(before[0]), []
    for piece in path.pieces():
        jacobians = step_jacobian(path.cell, _state(path, before[piece]), path.drives[piece].flatten(0, 1))
        for t, jacobian in zip(range(len(before))[piece], jacobians.unflatten(0, (-1, len(change))), strict=True):
            found.append(after[t] + (jacobian @ change[..., None])[..., 0])
            if t + 1 < len(before):
                change = found[-1] - before[t + 1]
    return torch.stack(found)


def _of_path(path: Path, options: Options) -> Found:
    needed = _solution(path).iterations
    return Found(numbers={"newton_iterations": None if np.isnan(needed).any() else float(needed.mean())})


DIAGNOSTIC = Diagnostic(
    name="newton",
    title="how many Newton iterations find all states at once",
    formula="iterations until sum over t of ||s_t - f_t(s_{t-1})||^2 / (2 T) <= 1e-10, from zeros",
    source="Lim et al. 2024; Gonzalez et al. 2025",
    needs=("paths", "jacobians"),
    cost="for each iteration the Jacobians of all steps, and T products of one with a vector",
    law="1 for a linear network; at most T; small and not growing with T where the Lyapunov exponent is negative",
    of_path=_of_path,
)
