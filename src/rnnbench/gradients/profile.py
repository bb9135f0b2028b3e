"""The norm of dL/dh_t against lag: does the gradient still arrive?

Hochreiter 1991; Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063). L is the loss of each
sequence's last target alone, so the lag of h_t is its distance to the loss, counted in steps of its own direction.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnbench.layers import Recurrent, reversal
from rnnbench.model import Model, last_loss


def hidden_gradients(model: Model, batch: Any, loss: str) -> list[list[Tensor]]:
    """dL/dh_t [T, B, H] of each sequence's own last loss, as [layer][direction], forward before backward.

    ``loss`` is ``mse`` or ``cross_entropy``. A zero perturbation is added to every h_t and differentiated, which runs
    the loop engine on the same parameters; dropout is off.
    """
    shape = batch.inputs.shape[:2]
    zeros = [[_zeros(direction, shape) for direction in layer] for layer in model.stack.directions()]
    perturbation = [layer[0] if len(layer) == 1 else tuple(layer) for layer in zeros]
    training = model.training
    model.eval()
    try:
        with torch.enable_grad():
            total = last_loss(model, batch, loss, perturbation).sum()
            flat = torch.autograd.grad(total, [zero for layer in zeros for zero in layer])
    finally:
        model.train(training)
    gradients = iter(flat)
    return [[next(gradients) for _ in layer] for layer in zeros]


def gradient_profile(model: Model, batch: Any, loss: str) -> np.ndarray[Any, Any]:
    """The mean over sequences of ||dL/dh_t||_2, by lag: float64 [layer, direction, T].

    Entry k of the last axis is the gradient k steps of that direction before its end. The mean is over the sequences
    that are at least k + 1 steps long.
    """
    rows = [
        [_by_lag(gradient, direction, batch) for gradient, direction in zip(*layer, strict=True)]
        for layer in zip(hidden_gradients(model, batch, loss), model.stack.directions(), strict=True)
    ]
    return np.array(rows)


def _zeros(direction: Recurrent, shape: Any) -> Tensor:
    weight = next(direction.parameters())
    return weight.new_zeros(*shape, direction.output_size).requires_grad_()


def _by_lag(gradient: Tensor, direction: Recurrent, batch: Any) -> np.ndarray[Any, Any]:
    norms = gradient.double().norm(dim=-1)
    if not direction.reverse:
        norms = norms.gather(0, reversal(batch.inputs, batch.lengths))
    if batch.lengths is None:
        return norms.mean(dim=1).cpu().numpy()
    valid = torch.arange(len(norms), device=norms.device)[:, None] < batch.lengths
    return (norms.where(valid, 0).sum(dim=1) / valid.sum(dim=1).clamp(min=1)).cpu().numpy()
