"""The loop engine: step by step. It is the definition of what every other engine must return."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.parametrize import cached

from rnnbench.cells import Cell
from rnnbench.cells.base import S, map_state


def loop(cell: Cell[S], inputs: Tensor, state: S, perturbation: S | None = None) -> tuple[Tensor, S]:
    """Runs any ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, H] and the final state.

    ``perturbation``, a state with a leading axis of T steps, is added to s_t part by part after each step. With zeros
    nothing changes, and the gradient of each part is exactly dL/ds_t of that part: the derivative through the readout
    and all later steps with the other parts of s_t held fixed, whether or not the step computed one from another.
    """
    outputs = []
    with cached():  # a parametrised weight is computed once, not at every step
        for t, drive in enumerate(cell.project(inputs)):
            state = cell.step(state, drive)
            if perturbation is not None:
                state = map_state(lambda part, extra, t=t: part + extra[t], state, perturbation)
            outputs.append(cell.readout(state))
    return torch.stack(outputs), state
