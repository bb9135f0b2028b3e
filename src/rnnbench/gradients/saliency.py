"""Input saliency: which inputs the prediction depends on.

Simonyan, Vedaldi & Zisserman 2014 (arXiv:1312.6034): the size of the gradient with respect to the input, here
||dL/dx_t||_2 of the loss L of each sequence's last target. A token is differentiated as its one-hot vector, the input
that the network really sees. A network that has found the dependency has its mass where the task put the information.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array
from rnnbench.network.layers import valid_steps


class Saliency(NamedTuple):
    """The gradient that arrives at the inputs, in units of loss per unit of input."""

    norms: Array
    """||dL/dx_t||_2 of each sequence's own last loss: float64 [T, B], zero after a sequence's end."""
    by_step: Array
    """Its mean over the sequences that have a step t: float64 [T], zero where none has."""

    def share(self, positions: Any) -> float | None:
        """Return the share in [0, 1] of the sum of ``norms`` that is on ``positions``; None where the sum is zero.

        ``positions`` are flat t*B + b [N], or a mask [T, B] bool; NumPy arrays or tensors.
        """
        chosen = torch.as_tensor(positions).cpu().numpy()
        mass = self.norms[chosen] if chosen.dtype == bool else self.norms.ravel()[chosen]
        total = self.norms.sum()
        return float(mass.sum() / total) if total > 0 else None


def saliency(measurement: Measurement) -> Saliency:
    """Return how strongly the last loss of each sequence depends on each input."""
    lengths = measurement.batch.lengths
    norms = torch.linalg.vector_norm(measurement.input_gradient, dim=-1)
    return Saliency(norms.cpu().numpy(), (norms.sum(dim=1) / _sequences(norms, lengths)).cpu().numpy())


def _sequences(norms: Tensor, lengths: Tensor | None) -> Tensor:
    """Return how many sequences have a step t: [T], at least 1."""
    if lengths is None:
        return torch.full_like(norms[:, 0], norms.shape[1])
    return valid_steps(norms, lengths).sum(dim=1).clamp(min=1)


def _of_network(measurement: Measurement, options: Options) -> Found:
    """Return the saliency; the share is None for a batch that does not name the inputs that carry the information."""
    seen, informative = saliency(measurement), measurement.batch.informative
    share = None if informative is None else seen.share(informative)
    return Found({"saliency": Measured(("step",), seen.by_step)}, {"saliency_share": share})


DIAGNOSTIC = Diagnostic(
    name="saliency",
    title="which inputs the prediction listens to, and the share of those that carry the information",
    formula="||dL/dx_t||",
    source="Simonyan, Vedaldi & Zisserman 2014",
    needs=("inputs",),
    cost="none beside that of the profile",
    law="zero at inputs after the end of a sequence",
    of_network=_of_network,
)
