"""Functions that measure the gradient through time of a network on data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import Tensor, nn

from rnnbench.api.modules import from_torch
from rnnbench.gradients import Measurement, Options, Survey, gradient_profile
from rnnbench.gradients import survey as take_survey
from rnnbench.gradients.registry import named
from rnnbench.gradients.survey import DIRECTIONS
from rnnbench.network.model import Model
from rnnbench.tasks import Batch


def profile(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    lengths: Tensor | None = None,
    head: nn.Linear | None = None,
) -> pd.DataFrame:
    """Return the norm of the gradient by lag, ||dL/ds_{T-k}||, of every layer and direction of ``network``.

    ``network`` is a torch.nn.RNN, LSTM or GRU, or a network of ``build_network`` or ``load``. ``inputs`` are [T, B, I],
    or [B, T, I] for a module with ``batch_first``; ``targets`` [B, O] real numbers, for the mean squared error, or [B]
    whole numbers, for the cross-entropy, of one prediction a sequence: ``head`` of the module's last output, without a
    head that output itself. A network with a target at every step takes [T, B]. ``lengths`` [B]: the valid steps of
    each sequence.

    The columns are layer (from 1), direction, lag (0 is the last step), state, the 2-norm of the whole state's
    gradient, and one for each part of the state; each is the mean over the sequences that reach the lag, in float64.
    L is the loss of a sequence's last target alone (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063). Raises UserError
    for inputs, targets or a head that do not fit.

    >>> lstm = torch.nn.LSTM(2, 16, batch_first=True)
    >>> found = profile(lstm, torch.randn(8, 50, 2), torch.randn(8, 16))
    >>> found.columns.tolist(), len(found)
    (['layer', 'direction', 'lag', 'h', 'c', 'state'], 50)
    """
    measurement = _measurement(network, inputs, targets, lengths, head)
    found = gradient_profile(measurement)
    layers, directions, lags = (each.ravel() for each in np.indices(found["state"].shape))
    stack = measurement.model.stack
    names = np.array([[DIRECTIONS[direction.reverse] for direction in layer] for layer in stack.layer_directions()])
    place = {"layer": layers + 1, "direction": names[layers, directions], "lag": lags}
    return pd.DataFrame(place | {part: values.ravel() for part, values in found.items()})


def diagnose(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *names: str,
    lengths: Tensor | None = None,
    head: nn.Linear | None = None,
    sequences: int = 2,
    exponents: int = 10,
) -> Survey:
    """Return what the diagnostics ``names`` (the keys of ``DIAGNOSTICS``), and the default ones, say of ``network``.

    The other arguments are those of ``profile``; ``sequences``: those on which Jacobians are taken; ``exponents``: how
    many Lyapunov exponents. ``.scalars`` are numbers by name, those of the layer and direction whose gradient reaches
    furthest under plain names; ``.arrays`` have named axes. Raises UserError as ``profile`` does, and for an unknown
    name; FloatingPointError where a state is not finite.

    >>> found = diagnose(torch.nn.GRU(1, 8), torch.randn(20, 4, 1), torch.randn(4, 8), "jacobian")
    >>> found.scalars["headline"], found.arrays["jacobian_largest"].axes
    ('layer 1, forward', ('layer', 'direction', 'step'))
    """
    measurement = _measurement(network, inputs, targets, lengths, head)
    return take_survey(measurement, [named(name) for name in names], Options(sequences=sequences, exponents=exponents))


def _measurement(
    network: nn.Module, inputs: Tensor, targets: Tensor, lengths: Tensor | None, head: nn.Linear | None
) -> Measurement:
    if isinstance(network, Model):
        model = network
    else:
        model = from_torch(network, head)  # type: ignore[arg-type]  # it says what it takes
        inputs = inputs.transpose(0, 1) if network.batch_first else inputs
    loss = "mse" if targets.is_floating_point() else "cross_entropy"
    return Measurement(model, Batch(inputs, targets, lengths=lengths), loss)
