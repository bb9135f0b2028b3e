"""Memory capacity: how many past inputs a linear reader finds in the state.

Jaeger 2001, "Short term memory in echo state networks": the network is driven by independent u_t, uniform in (-.8, .8),
and a ridge regression from the state reconstructs u_{t-k} for each lag k. The capacity is the sum over k of the squared
correlation of the reconstruction with u_{t-k}, on steps that the regression has not seen. It is at most the number of
state variables. Differs from the original: the squared correlation is adjusted for what noise would score, 1 / the
number of such steps; the lags are 1 .. 2 S, at most LAGS; and the trained network runs as it is.

The first of several real inputs carries u, the others are zero; of D symbols each stands for one of D values evenly
spaced in [-.8, .8].
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Number, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, LayerDirection
from rnnbench.gradients.precision import evaluation
from rnnbench.gradients.recorder import recorded
from rnnbench.network.model import Model
from rnnbench.network.states import flatten

AMPLITUDE = 0.8
LAGS = 200
STEPS_PER_LAG = 10
RIDGE = 1e-8
"""Of the mean squared state variable."""


def memory_capacity(measurement: Measurement) -> list[list[Array]]:
    """Return the capacity by lag of each direction, its states flattened to S reals: float64 [K], entry 0 is lag 1.

    A lag counts in the direction's own order. Raises FloatingPointError where a state is not finite.
    """
    model = measurement.model
    cells = [direction.cell for layer in model.stack.layer_directions() for direction in layer]
    size = max(flatten(cell.initial_state(1), 1).shape[-1] for cell in cells)
    lags = min(2 * size, LAGS)
    reader, recorders = recorded(model, STEPS_PER_LAG * lags, 1)
    values, inputs = _drive(model, STEPS_PER_LAG * lags)
    with evaluation(reader), torch.no_grad():
        reader(inputs)
    found = []
    for recorder_row, directions in zip(recorders, model.stack.layer_directions(), strict=True):
        found.append(
            [
                _by_lag(flatten(recorder.visited(), 2)[1:, 0], values.flip(0) if direction.reverse else values, lags)
                for recorder, direction in zip(recorder_row, directions, strict=True)
            ]
        )
    return found


def _drive(model: Model, steps: int) -> tuple[Tensor, Tensor]:
    """Return u [T] and the encoded inputs [T, 1, I] that carry it."""
    generator = torch.Generator().manual_seed(0)
    like = model.head.weight
    if model.tokens:
        tokens = torch.randint(model.input_size, (steps, 1), generator=generator).to(like.device)
        levels = torch.linspace(-AMPLITUDE, AMPLITUDE, model.input_size).to(like)
        return levels[tokens[:, 0]], model.encode(tokens)
    values = (AMPLITUDE * (2 * torch.rand(steps, generator=generator, dtype=torch.float64) - 1)).to(like)
    inputs = like.new_zeros(steps, 1, model.input_size)
    inputs[:, 0, 0] = values
    return values, inputs


def _by_lag(states: Tensor, values: Tensor, lags: int) -> Array:
    """Return the capacity at lags 1 .. ``lags`` of ``states`` [T, S] that were driven by ``values`` [T]."""
    x = torch.cat([states, states.new_ones(len(states), 1)], dim=1)[lags:]
    y = torch.stack([values[lags - lag : len(values) - lag] for lag in range(1, lags + 1)], dim=1)
    split = len(x) * 3 // 4
    gram = x[:split].T @ x[:split]
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram)).to(gram)
    weights = torch.linalg.solve(gram, x[:split].T @ y[:split])
    guess, truth = x[split:] @ weights, y[split:]
    guess, truth = guess - guess.mean(dim=0), truth - truth.mean(dim=0)
    chance = 1 / len(truth)
    scale = guess.square().sum(dim=0) * truth.square().sum(dim=0)
    squared = (guess * truth).sum(dim=0).square() / scale.where(scale > 0, 1)
    return np.clip(((squared - chance) / (1 - chance)).cpu().numpy(), 0, 1)


def _of_network(measurement: Measurement, options: Options) -> Found:
    by_direction: dict[LayerDirection, dict[str, Number]] = {}
    for layer, row in enumerate(memory_capacity(measurement)):
        for direction, by_lag in enumerate(row):
            by_direction[layer, direction] = {"memory_capacity": float(by_lag.sum())}
    return Found(by_direction=by_direction)


DIAGNOSTIC = Diagnostic(
    name="capacity",
    title="how many past inputs a linear reader finds in the state",
    formula="sum over lags k of corr^2(u_{t-k}, ridge readout of s_t), adjusted for chance",
    source="Jaeger 2001",
    needs=("paths",),
    cost="20 S steps of the loop engine, at most 2000, and one linear system of S unknowns",
    law="S for a delay line of S units; at most S",
    of_network=_of_network,
)
