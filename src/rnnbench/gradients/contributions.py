"""How much of the parameters' gradient comes from far back: does what arrives there count?

The gradient of the loss by a layer's parameters is a sum over time, dL/dtheta = sum_t dL/ds_t ds_t/dtheta, where ds_t
holds s_{t-1} fixed (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, eqs. 3 to 5; there "immediate" derivatives). Split
at half the sequence it has a far and a near part; a profile says what arrives at a state, this how much it changes the
parameters.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Number, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, LayerDirection, Path
from rnnbench.network.states import map_state, over_batch

LARGEST = 2**16
"""Numbers of the states that are stepped at once: more take more memory and are no faster."""


def far_shares(measurement: Measurement) -> Array:
    """Return the share of each direction's parameter gradient that comes from lags above T/2: [layer, direction].

    ||far|| / (||far|| + ||near||) in [0, 1], of the gradient of the summed last losses, T being each sequence's own
    length; nan where no gradient arrives at all, or the direction has no parameters. Raises FloatingPointError where a
    state is not finite.
    """
    return np.array(measurement.each(_far_share))


def _contributions(measurement: Measurement, options: Options) -> Found:
    try:
        far = far_shares(measurement)
    except FloatingPointError:  # what has diverged still has a profile
        far = np.full([len(measurement.gradients), len(measurement.gradients[0])], np.nan)
    by_direction: dict[LayerDirection, dict[str, Number]] = {
        (layer, direction): {"far_share": None if np.isnan(share) else float(share)}
        for (layer, direction), share in np.ndenumerate(far)
    }
    return Found(by_direction=by_direction)


def _far_share(path: Path) -> float:
    parameters = [each for each in path.cell.parameters() if each.requires_grad]
    if not parameters:
        return float("nan")
    steps, sequences = path.drives.shape[:2]
    lag = path.lengths - 1 - torch.arange(steps, device=path.lengths.device)[:, None]  # negative after the end
    far = 2 * lag > path.lengths
    totals: list[list[Tensor]] = [[], []]
    at_once = max(1, LARGEST // (sequences * path.size))
    for start in range(0, steps, at_once):
        piece = slice(start, start + at_once)
        before = map_state(lambda part, piece=piece: part[:-1][piece].flatten(0, 1), path.states)
        arriving = map_state(lambda part, piece=piece: part[piece].flatten(0, 1), path.arriving)
        with torch.enable_grad():
            after = path.cell.step(before, path.cell.project(path.inputs[piece]).flatten(0, 1))
        for half, chosen in enumerate((far[piece], ((lag >= 0) & ~far)[piece])):
            cotangents = map_state(lambda part, c=chosen: part * over_batch(c.flatten(), part), arriving)
            # A part may be one of the state before, as it was.
            pairs = [pair for pair in zip(after, cotangents, strict=True) if pair[0].requires_grad]
            found = torch.autograd.grad(
                [part for part, _ in pairs], parameters, [seed for _, seed in pairs], retain_graph=half == 0,
                materialize_grads=True,
            )  # fmt: skip
            totals[half] = [a + b for a, b in zip(totals[half], found, strict=True)] if totals[half] else list(found)
    norms = [float(torch.stack([torch.linalg.vector_norm(each) for each in half]).norm()) for half in totals]
    return norms[0] / sum(norms) if sum(norms) > 0 else float("nan")


DIAGNOSTIC = Diagnostic(
    name="contributions",
    title="the share of the parameters' gradient that comes from the far half of the sequence",
    formula="||sum over lags > T/2 of dL/ds_t ds_t/dtheta||, as a share of itself and the same of the other lags",
    source="Pascanu, Mikolov & Bengio 2013, eqs. 3 to 5",
    needs=("paths", "profile"),
    cost="one step on all states at once, twice differentiated",
    law="both halves sum to the gradient of the parameters",
    of_network=_contributions,
)
