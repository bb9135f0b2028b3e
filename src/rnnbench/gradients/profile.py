"""The norm of dL/ds_t against lag: does the gradient still arrive?

Hochreiter 1991; Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063). L is the loss of each
sequence's last target alone, so the lag of s_t is its distance to the loss, counted in steps of its own direction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnbench.cells.base import map_state
from rnnbench.gradients.states import as_real, flatten
from rnnbench.gradients.trajectory import evaluation
from rnnbench.layers import Recurrent, reversal
from rnnbench.model import Model, last_loss

Array = np.ndarray[Any, Any]


def state_gradients(model: Model, batch: Any, loss: str) -> list[list[Any]]:
    """dL/ds_t of each sequence's own last loss: [layer][direction], forward before backward.

    Each entry is a state of the cell whose parts are [T, B, H]: dL/dh_t and, for an LSTM, dL/dc_t, each the derivative
    with the other parts of s_t held fixed. ``loss`` is ``mse`` or ``cross_entropy``. A zero perturbation is added to
    every state and differentiated, which runs the loop engine on the same parameters; dropout is off.
    """
    steps, size = batch.inputs.shape[:2]
    zeros = [[_zeros(direction, steps, size) for direction in layer] for layer in model.stack.directions()]
    perturbation = [layer[0] if len(layer) == 1 else tuple(layer) for layer in zeros]
    leaves = [part for layer in zeros for state in layer for part in state]
    with evaluation(model), torch.enable_grad():
        total = last_loss(model, batch, loss, perturbation).sum()
        # A part that the loss never reads has no path to it: c_1 of a single LSTM step.
        flat = torch.autograd.grad(total, leaves, materialize_grads=True)
    gradients = iter(flat)
    return [[map_state(lambda _: next(gradients), state) for state in layer] for layer in zeros]


def gradient_profile(model: Model, batch: Any, loss: str) -> dict[str, Array]:
    """The mean over sequences of ||dL/ds_t||_2 by lag, for each part of the state: float64 [layer, direction, T].

    The keys are the names of the parts (``h``; ``h`` and ``c`` for an LSTM) and ``state`` for the norm of the whole.
    Entry k of the last axis is the gradient k steps of that direction before its end. The norm is taken per sequence,
    then the mean over the sequences that are at least k + 1 steps long.
    """
    gradients = state_gradients(model, batch, loss)
    names = gradients[0][0]._fields
    parts: dict[str, Callable[[Any], Tensor]] = {name: partial(_part, name) for name in names} | {"state": flatten}
    return {
        name: np.array(
            [
                [_by_lag(part(state), direction, batch) for state, direction in zip(*layer, strict=True)]
                for layer in zip(gradients, model.stack.directions(), strict=True)
            ]
        )
        for name, part in parts.items()
    }


def _part(name: str, state: Any) -> Tensor:
    return as_real(getattr(state, name))


def _zeros(direction: Recurrent, steps: int, size: int) -> Any:
    start = direction.cell.initial_state(size)
    return map_state(lambda part: part.new_zeros(steps, *part.shape).requires_grad_(), start)


def _by_lag(gradient: Tensor, direction: Recurrent, batch: Any) -> Array:
    norms = gradient.double().norm(dim=-1)
    if not direction.reverse:
        norms = norms.gather(0, reversal(batch.inputs, batch.lengths))
    if batch.lengths is None:
        return norms.mean(dim=1).cpu().numpy()
    valid = torch.arange(len(norms), device=norms.device)[:, None] < batch.lengths
    return (norms.where(valid, 0).sum(dim=1) / valid.sum(dim=1).clamp(min=1)).cpu().numpy()
