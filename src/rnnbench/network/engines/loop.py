"""The loop engine: step by step. It is the definition of what every other engine must return."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import cached

from rnnbench.errors import UserError
from rnnbench.network.cells import Cell
from rnnbench.network.states import S


def check(cell: Cell[Any], perturbation: Any) -> None:
    """Raises UserError unless ``perturbation`` is a state of ``cell``: a tensor alone would be taken for one."""
    kind = type(cell.initial_state(1))
    if not isinstance(perturbation, kind):
        raise UserError(
            f"perturbation: {type(perturbation).__name__} given, {type(cell).__name__} needs a {kind.__name__} of "
            f"tensors [T, B, *], one for each of {', '.join(kind._fields)}"
        )


def loop(cell: Cell[S], inputs: Tensor, state: S, perturbation: S | None = None) -> tuple[Tensor, S]:
    """Runs any ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, O] and the final state.

    ``perturbation``, a state with a leading axis of T steps, is added to s_t part by part after each step. With zeros
    nothing changes, and the gradient of each part is exactly dL/ds_t of that part: the derivative through the readout
    and all later steps with the other parts of s_t held fixed, whether or not the step computed one from another.
    Raises UserError for a perturbation that is no state of ``cell``.
    """
    outputs = []
    added = None  # by step, because the gradient of one index into all T is as large as all T
    if perturbation is not None:
        check(cell, perturbation)
        added = list(zip(*(part.unbind() for part in perturbation), strict=True))
    with cached():  # a parametrised weight is computed once, not at every step
        for t, drive in enumerate(cell.project(inputs)):
            state = cell.step(state, drive)
            if added is not None:
                state = type(state)(*map(torch.add, state, added[t]))
            outputs.append(cell.readout(state, drive))
    return torch.stack(outputs), state
