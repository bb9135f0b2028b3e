"""Input saliency: which inputs the prediction listens to.

Simonyan, Vedaldi & Zisserman 2014 (arXiv:1312.6034): the size of the gradient with respect to the input, here
||dL/dx_t||_2 of the loss L of each sequence's last target. A token is differentiated as its one-hot vector, the input
that the network really sees. A network that has found the dependency has its mass where the task put the information.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench.gradients.trajectory import Array, evaluation, precise
from rnnbench.network.model import Model, last_loss


class Saliency(NamedTuple):
    """The gradient that arrives at the inputs, in units of loss per unit of input."""

    norms: Array
    """||dL/dx_t||_2 of each sequence's own last loss: float64 [T, B], zero after a sequence's end."""
    by_step: Array
    """Its mean over the sequences that have a step t: float64 [T], zero where none has."""

    def share(self, positions: Any) -> float | None:
        """The share in [0, 1] of the mass, the sum of ``norms``, on ``positions``; None where all of it is zero.

        ``positions`` are flat t*B + b [N], or a mask [T, B] bool; NumPy arrays or tensors.
        """
        chosen = torch.as_tensor(positions).cpu().numpy()
        mass = self.norms[chosen] if chosen.dtype == bool else self.norms.ravel()[chosen]
        total = self.norms.sum()
        return float(mass.sum() / total) if total > 0 else None


def saliency(model: Model, batch: Any, loss: str) -> Saliency:
    """How strongly the last loss of each sequence depends on each input; ``loss``: ``mse`` or ``cross_entropy``."""
    model, batch = precise(model, batch)
    with evaluation(model), torch.enable_grad():
        inputs = model.encode(batch.inputs).detach().requires_grad_()
        # A second view of the same network, which takes the encoded inputs as they are.
        reader = copy.copy(model)
        reader.tokens = False
        total = last_loss(reader, batch._replace(inputs=inputs), loss).sum()
        (gradient,) = torch.autograd.grad(total, [inputs])
    norms = torch.linalg.vector_norm(gradient, dim=-1)
    return Saliency(norms.cpu().numpy(), (norms.sum(dim=1) / _sequences(norms, batch.lengths)).cpu().numpy())


def _sequences(norms: Tensor, lengths: Tensor | None) -> Tensor:
    """How many sequences have a step t: [T], at least 1."""
    if lengths is None:
        return torch.full_like(norms[:, 0], norms.shape[1])
    return (torch.arange(len(norms), device=norms.device)[:, None] < lengths).sum(dim=1).clamp(min=1)
