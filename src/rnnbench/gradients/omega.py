"""Omega: how far a gradient is from keeping its length on its way back through time.

Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), equation 9, there a regulariser, here a measurement:

    Omega = sum_k ( ||dL/ds_{k+1} ds_{k+1}/ds_k|| / ||dL/ds_{k+1}|| - 1 )^2,      k = 1 .. T - 1

0 where every step keeps the length of the gradient; a step that loses nearly all of it adds 1. L is the loss of each
sequence's last target alone. The product dL/ds_{k+1} J_{k+1} is what flows through the recurrence: it leaves out what
enters dL/ds_k at step k itself, from a loss or from the layer above.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from rnnbench.gradients.jacobian import pull_back
from rnnbench.gradients.profile import state_gradients
from rnnbench.gradients.trajectory import Array, Trajectory, precise, trajectory
from rnnbench.network.layers import Recurrent
from rnnbench.network.model import Model
from rnnbench.network.states import flatten, map_state


def omega(model: Model, batch: Any, loss: str) -> Array:
    """The mean over sequences of Omega, dimensionless: float64 [layer, direction].

    ``loss`` is ``mse`` or ``cross_entropy``. A term whose dL/ds_{k+1} is zero is left out: nothing is there to keep.
    Raises FloatingPointError where a state is not finite.
    """
    model, batch = precise(model, batch)
    gradients, paths = state_gradients(model, batch, loss), trajectory(model, batch)
    return np.array(
        [
            [_omega(*each, batch) for each in zip(*layer, strict=True)]
            for layer in zip(gradients, paths, model.stack.ways(), strict=True)
        ]
    )


@torch.no_grad()
def _omega(gradient: Any, path: Trajectory, direction: Recurrent, batch: Any) -> float:
    # Entry t of the reordered gradient is dL/ds_{t+1}: from the second on, each is pulled back to the state before it.
    arriving = direction.running_order(flatten(gradient, 2), batch.lengths)[1 : len(path.drives)]
    largest = arriving.abs().amax(dim=-1, keepdim=True)
    arrived = largest > 0
    # Brought near 1 before it is squared: the square of a tiny gradient would underflow.
    unit = functional.normalize(arriving / largest.where(arrived, 1), dim=-1)
    before = map_state(lambda part: part[1:-1].flatten(0, 1), path.states)
    pulled = pull_back(path.cell, before, path.drives[1:].flatten(0, 1))(unit.flatten(0, 1)).view_as(unit)
    terms = (torch.linalg.vector_norm(pulled.double(), dim=-1) - 1).square()
    return float(terms.where(arrived[:, :, 0], 0).sum(dim=0).mean())
