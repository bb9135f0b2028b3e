"""How many past inputs a linear reader finds in a random reservoir.

Jaeger 2001, "Short term memory in echo state networks" (GMD report 152): MC = sum over k of corr^2(u(t-k), y_k(t)), y_k
a linear readout trained for lag k; MC <= N, the number of units, for independent u. The example in the
documentation of reservoirpy's ``memory_capacity`` prints 18.78 for a reservoir of 100 units, spectral radius 1, lags
1 .. 50 and a ridge of 1e-4, with seed 1.

Measured in float64 on the suite's Elman cell with that library's defaults: tanh, W ~ N(0, 1) in 10 % of its entries
and then scaled to spectral radius 1, an input of +-1 to 10 % of the units, no bias. Its protocol: u uniform in
(-.8, .8), 450 steps on which all lags are known; the first 50 are warm-up, 300 train the readouts, 100 test them.
Numbers:

    capacity              the mean over 8 reservoirs and inputs; one alone varies by about 1.5
    largest capacity      of those 8: at most 100
    capacity all lags     of the first of them by ``gradients.memory_capacity``: lags 1 .. 200, 2000 steps, nearly no
                          ridge, adjusted for chance; at most 100
    reservoirpy example   what that example gives here, 18.78; absent where reservoirpy is not installed

On 100 test steps chance alone adds up to 1/100 for each of the 50 lags; that of all lags is adjusted for it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients import memory_capacity
from rnnbench.laws.parts import drawing, driven, generator, silence_biases
from rnnbench.network.cells import Elman

UNITS = 100
CONNECTED = 0.1
RADIUS = 1.0
LAGS = 50
STEPS = 10 * LAGS
TEST = STEPS // 5
AMPLITUDE = 0.8
RIDGE = 1e-4
RESERVOIRS = 8


@torch.no_grad()
def measure(seed: int) -> dict[str, float]:
    """Return the capacities of the suite's reservoirs and, where it is installed, of reservoirpy's."""
    random = generator(seed)
    reservoirs = [_reservoir(random) for _ in range(RESERVOIRS)]
    capacities = [_capacity(reservoir, random) for reservoir in reservoirs]
    over_all = memory_capacity(driven(reservoirs[0], torch.zeros(1, 1, 1, dtype=torch.float64)))[0][0]
    found = {
        "capacity": float(np.mean(capacities)),
        "largest capacity": max(capacities),
        "capacity all lags": float(over_all.sum()),
    }
    if find_spec("reservoirpy") is not None:
        found["reservoirpy example"] = _example()
    return found


def _reservoir(random: torch.Generator) -> Elman:
    with drawing(0):  # all its weights are set below
        cell = Elman(1, UNITS).double()
    silence_biases(cell)
    weight = _sparse(torch.randn(UNITS, UNITS, dtype=torch.float64, generator=random), random)
    cell.recurrent_projection.weight.copy_(RADIUS * weight / torch.linalg.eigvals(weight).abs().max())
    signs = (2 * torch.randint(2, (UNITS, 1), generator=random) - 1).double()
    cell.input_projection.weight.copy_(_sparse(signs, random))
    return cell


def _sparse(values: Tensor, random: torch.Generator) -> Tensor:
    """Return ``values`` with all but a share CONNECTED of its entries set to 0."""
    chosen = torch.randperm(values.numel(), generator=random)[: round(CONNECTED * values.numel())]
    kept = torch.zeros_like(values)
    kept.view(-1)[chosen] = values.reshape(-1)[chosen]
    return kept


def _capacity(cell: Elman, random: torch.Generator) -> float:
    u = AMPLITUDE * (2 * torch.rand(STEPS, dtype=torch.float64, generator=random) - 1)
    known = u[LAGS:]  # all lags of these are known; the reservoir sees no earlier ones
    targets = torch.stack([u[LAGS - lag : STEPS - lag] for lag in range(1, LAGS + 1)], dim=1)
    state, states = cell.initial_state(1), []
    for drive in cell.project(known[:, None, None]):
        state = cell.step(state, drive)
        states.append(state.h[0])
    x = torch.stack(states)
    train, test = slice(LAGS, len(known) - TEST), slice(len(known) - TEST, None)
    centred, wanted = x[train] - x[train].mean(dim=0), targets[train] - targets[train].mean(dim=0)
    readout = torch.linalg.solve(
        centred.T @ centred + RIDGE * torch.eye(UNITS, dtype=torch.float64), centred.T @ wanted
    )
    guess, truth = x[test] @ readout, targets[test]
    guess, truth = guess - guess.mean(dim=0), truth - truth.mean(dim=0)
    correlation = (guess * truth).sum(dim=0) / (guess.norm(dim=0) * truth.norm(dim=0))
    return float(correlation.square().sum())


def _example() -> float:
    nodes, observables = (import_module(f"reservoirpy.{name}") for name in ("nodes", "observables"))
    model = nodes.Reservoir(UNITS, sr=RADIUS, seed=1) >> nodes.Ridge(ridge=RIDGE)
    return float(observables.memory_capacity(model, k_max=LAGS, seed=1))
