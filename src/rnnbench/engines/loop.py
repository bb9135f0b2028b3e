"""The loop engine: step by step. It is the definition of what every other engine must return."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.cells import Cell
from rnnbench.cells.base import S, map_state


def loop(cell: Cell[S], inputs: Tensor, state: S, perturbation: Tensor | S | None = None) -> tuple[Tensor, S]:
    """Runs any ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, H] and the final state.

    ``perturbation`` [T, B, H] is added to h_t after each step. With a zero tensor nothing changes, and its gradient is
    exactly dL/dh_t, the total derivative through all later steps. A state of such tensors perturbs every part of s_t.
    """
    outputs = []
    for t, drive in enumerate(cell.project(inputs)):
        state = cell.step(state, drive)
        if isinstance(perturbation, Tensor):
            h, *others = state
            parts = [h + perturbation[t], *others]
            state = type(state)(*parts)
        elif perturbation is not None:
            state = map_state(lambda part, extra, t=t: part + extra[t], state, perturbation)
        outputs.append(cell.readout(state))
    return torch.stack(outputs), state
