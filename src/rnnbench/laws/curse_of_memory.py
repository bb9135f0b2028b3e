"""The curse of memory: the closer an eigenvalue is to 1, the more the state moves with it.

Zucchet & Orvieto 2024 (arXiv:2405.21064), equations 5 and 6 for white noise x of variance 1: for h_t = lambda h_{t-1}
+ x_t

    E h^2 = 1 / (1 - lambda^2)          E (dh/dlambda)^2 = (1 + lambda^2) / (1 - lambda^2)^3

and in the same paper: the normaliser gamma = sqrt(1 - lambda^2) and the parametrisation lambda = exp(-exp(nu)) of the
LRU each take one factor 1 / (1 - lambda^2) away. With gamma held fixed it is then, by the chain rule,

    E (dh/dnu)^2 = (lambda ln lambda)^2 (1 + lambda^2) / (1 - lambda^2)^2          1/2 as lambda -> 1

Measured in float64 on 256 units of the suite's IndRNN with recurrent weight lambda, and of its LRU with phase 0, each
with a white input of its own, by ``gradients.parameter_sensitivity`` over 8 sequences of 6 / (1 - lambda) steps. The
IndRNN's tanh sees inputs of standard deviation 1e-4, where it is linear to 1e-6. Numbers, without a unit:

    state LAMBDA, sensitivity LAMBDA, lru sensitivity LAMBDA      measured over closed form: 1 +- .03
    state slope, sensitivity slope, lru slope       of the ln of each against ln(1 - lambda^2), from lambda .9 to .99:
                                                    -1, -3.04 (-3 in the limit) and -.04 (0 in the limit)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.gradients import parameter_sensitivity
from rnnbench.laws.parts import drawing, driven, generator, silence_biases, white
from rnnbench.network.cells import LRU, Cell, IndRNN

DECAYS = (0.5, 0.9, 0.99)
UNITS = 256
SEQUENCES = 8
MEMORIES = 6
"""Time constants 1 / (1 - lambda) that a sequence lasts."""
SMALL = 1e-4

CLOSED_FORMS: dict[str, Callable[[float], float]] = {
    "state": lambda decay: 1 / (1 - decay**2),
    "sensitivity": lambda decay: (1 + decay**2) / (1 - decay**2) ** 3,
    "lru sensitivity": lambda decay: (decay * math.log(decay)) ** 2 * (1 + decay**2) / (1 - decay**2) ** 2,
}


def measure(seed: int) -> dict[str, float]:
    """Return the moments over their closed forms, and how they grow."""
    random = generator(seed)
    moments: dict[str, list[float]] = {name: [] for name in CLOSED_FORMS}
    for decay in DECAYS:
        inputs = white(random, round(MEMORIES / (1 - decay)), SEQUENCES, UNITS)
        with drawing(seed):
            plain, lru = _indrnn(decay), _lru(decay)
        direct = driven(plain, SMALL * inputs)
        moments["state"].append(float(direct.paths[0][0].states.h[-1].square().mean()) / SMALL**2)
        moments["sensitivity"].append(_mean_square(parameter_sensitivity(direct)) / SMALL**2)
        moments["lru sensitivity"].append(_mean_square(parameter_sensitivity(driven(lru, inputs))))
    found = {
        f"{name} {decay}": moment / CLOSED_FORMS[name](decay)
        for name, values in moments.items()
        for decay, moment in zip(DECAYS, values, strict=True)
    }
    *_, less, more = (math.log(1 - decay**2) for decay in DECAYS)
    for name, (*_, first, second) in moments.items():
        found[f"{name.removesuffix(' sensitivity')} slope"] = math.log(second / first) / (more - less)
    return found


def _mean_square(found: list[list[float | None]]) -> float:
    """Return the mean over units of what the diagnostic gives as their sum: no unit depends on another's weight."""
    total = found[0][0]
    assert total is not None  # both cells have recurrent parameters
    return total / UNITS


@torch.no_grad()
def _indrnn(decay: float) -> Cell[Any]:
    cell = IndRNN(UNITS, UNITS, length=1, nonlinearity="tanh").double()
    silence_biases(cell)
    nn.init.eye_(cell.input_projection.weight)
    cell.recurrent_weight.fill_(decay)
    return cell


@torch.no_grad()
def _lru(decay: float) -> Cell[Any]:
    cell = LRU(UNITS, UNITS).double()
    weight: Tensor = cell.input_projection.weight  # rows of Re B, then of Im B
    weight.zero_().fill_diagonal_(1)
    cell.nu.fill_(math.log(-math.log(decay)))
    cell.theta.fill_(-math.inf)
    assert cell.gamma is not None
    cell.gamma.fill_(math.log(1 - decay**2) / 2)
    for fixed in (cell.theta, cell.gamma):
        fixed.requires_grad_(False)
    return cell
