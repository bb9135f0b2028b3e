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

from rnnbench.gradients.trajectory import evaluation, precise
from rnnbench.network.layers import Recurrent, reversal
from rnnbench.network.model import Model, last_loss
from rnnbench.network.states import as_real, flatten, map_state

Array = np.ndarray[Any, Any]
MaskedArray = Any  # numpy.ma.MaskedArray, which NumPy does not type yet


def state_gradients(model: Model, batch: Any, loss: str) -> list[list[Any]]:
    """dL/ds_t of each sequence's own last loss: [layer][direction], forward before backward.

    Each entry is a state of the cell whose parts are [T, B, *], float64: dL/dh_t and, for an LSTM, dL/dc_t, each the
    derivative with the other parts of s_t held fixed. ``loss`` is ``mse`` or ``cross_entropy``. A zero perturbation is
    added to every state and differentiated, which runs the loop engine on the same parameters; dropout is off.
    """
    model, batch = precise(model, batch)
    steps, size = batch.inputs.shape[:2]
    zeros = [[_zeros(direction, steps, size) for direction in layer] for layer in model.stack.ways()]
    perturbation = [layer[0] if len(layer) == 1 else tuple(layer) for layer in zeros]
    leaves = [part for layer in zeros for state in layer for part in state]
    with evaluation(model), torch.enable_grad():
        total = last_loss(model, batch, loss, perturbation).sum()
        # A part that the loss never reads has no path to it: c_1 of a single LSTM step.
        flat = torch.autograd.grad(total, leaves, materialize_grads=True)
    gradients = iter(flat)
    return [[map_state(lambda _: next(gradients), state) for state in layer] for layer in zeros]


def gradient_norms(model: Model, batch: Any, loss: str) -> dict[str, MaskedArray]:
    """||dL/ds_t||_2 of every sequence by lag, for each part of the state: masked float64 [layer, direction, T, B].

    The keys are the names of the parts (``h``; ``h`` and ``c`` for an LSTM) and ``state`` for the norm of the whole.
    Entry k of the lag axis is the gradient k steps of that direction before the sequence's end; it is masked where the
    sequence has no more than k steps.
    """
    return norms_by_lag(model, batch, state_gradients(model, batch, loss))


def norms_by_lag(model: Model, batch: Any, gradients: list[list[Any]]) -> dict[str, MaskedArray]:
    """Return the ``gradient_norms`` of the ``state_gradients`` of a batch."""
    names = gradients[0][0]._fields
    parts: dict[str, Callable[[Any], Tensor]] = {name: partial(_part, name) for name in names} | {"state": _whole}
    return {
        name: np.ma.stack(
            [
                np.ma.stack([_by_lag(part(state), way, batch) for state, way in zip(*layer, strict=True)])
                for layer in zip(gradients, model.stack.ways(), strict=True)
            ]
        )
        for name, part in parts.items()
    }


def gradient_profile(model: Model, batch: Any, loss: str) -> dict[str, Array]:
    """The mean of ``gradient_norms`` over the sequences that reach each lag: float64 [layer, direction, T].

    Zero at lags that no sequence reaches.
    """
    return {name: norms.mean(axis=-1).filled(0) for name, norms in gradient_norms(model, batch, loss).items()}


def _part(name: str, state: Any) -> Tensor:
    return as_real(getattr(state, name), 2)


def _whole(state: Any) -> Tensor:
    return flatten(state, 2)


def _zeros(direction: Recurrent, steps: int, size: int) -> Any:
    start = direction.cell.initial_state(size)
    return map_state(lambda part: part.new_zeros(steps, *part.shape).requires_grad_(), start)


def _by_lag(gradient: Tensor, direction: Recurrent, batch: Any) -> MaskedArray:
    norms = gradient.norm(dim=-1)
    lengths = None if batch.lengths is None else batch.lengths.to(norms.device)
    if not direction.reverse:
        norms = norms.gather(0, reversal(norms, lengths))
    masked = np.ma.array(norms.cpu().numpy(), mask=False)
    if lengths is not None:
        masked.mask = np.arange(len(norms))[:, None] >= lengths.cpu().numpy()
    return masked
