"""How much of the parameters' gradient comes from far back: does what arrives there count?

The gradient of the loss by a layer's parameters is a sum over time, dL/dtheta = sum_t dL/ds_t ds_t/dtheta, where ds_t
holds s_{t-1} fixed (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, eqs. 3 to 5; there "immediate" derivatives). Split
at half the sequence it has a far and a near part; a profile says what arrives at a state, this what it teaches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients.profile import state_gradients
from rnnbench.gradients.trajectory import Array, Trajectory, evaluation, precise, trajectory
from rnnbench.network.layers import Recurrent
from rnnbench.network.model import Model
from rnnbench.network.states import map_state


def far_shares(model: Model, batch: Any, loss: str, gradients: list[list[Any]] | None = None) -> Array:
    """Return the share of each direction's parameter gradient that comes from lags above T/2: [layer, direction].

    ||far|| / (||far|| + ||near||) in [0, 1], of the gradient of the summed last losses, T being each sequence's own
    length; nan where no gradient arrives at all, or the direction has no parameters. ``gradients`` are those of
    ``state_gradients``, where they are there already. Raises FloatingPointError where a state is not finite.
    """
    model, batch = precise(model, batch)
    arriving = state_gradients(model, batch, loss) if gradients is None else gradients
    paths = trajectory(model, batch)
    with evaluation(model):
        return np.array(
            [
                [_far_share(*each, batch.lengths) for each in zip(*layer, strict=True)]
                for layer in zip(arriving, paths, model.stack.ways(), strict=True)
            ]
        )


def _far_share(arriving: Any, path: Trajectory, direction: Recurrent, lengths: Tensor | None) -> float:
    parameters = [each for each in path.cell.parameters() if each.requires_grad]
    if not parameters:
        return float("nan")
    steps = len(path.drives)
    arriving = map_state(lambda part: direction.running_order(part, lengths)[:steps].flatten(0, 1), arriving)
    before = map_state(lambda part: part[:-1].flatten(0, 1), path.states)
    with torch.enable_grad():
        drives = path.cell.project(path.inputs)
        after = path.cell.step(before, drives.flatten(0, 1))
    lag = path.lengths - 1 - torch.arange(steps, device=path.lengths.device)[:, None]  # negative after the end
    far = 2 * lag > path.lengths
    norms = []
    for chosen in (far, (lag >= 0) & ~far):
        cotangents = _masked(arriving, chosen.flatten())
        # A part may be one of the state before, as it was.
        pairs = [pair for pair in zip(after, cotangents, strict=True) if pair[0].requires_grad]
        found = torch.autograd.grad(
            [part for part, _ in pairs], parameters, [seed for _, seed in pairs], retain_graph=True,
            materialize_grads=True,
        )  # fmt: skip
        norms.append(float(torch.stack([torch.linalg.vector_norm(each) for each in found]).norm()))
    return norms[0] / sum(norms) if sum(norms) > 0 else float("nan")


def _masked(state: Any, chosen: Tensor) -> Any:
    """``state``, parts [N, *], with zeros where it is not ``chosen`` [N]."""
    return map_state(lambda part: part * chosen.reshape(-1, *[1] * (part.dim() - 1)), state)
