"""A linear recurrence whose eigenvalues are real and positive cannot tell whether a string of ones is even or odd.

Grazzi, Siems et al. 2024 (arXiv:2411.12537), theorem 1; for diagonal ones Sarrof et al. 2024 (arXiv:2405.17394): at
finite precision a linear recurrence solves parity only if some eigenvalue is not real and positive. Without one, the
states after 1^n and after 1^(n+1) are the same from some n on, so whatever reads them must be wrong on one of the two.

Measured in float64 on 640 units, 20 networks of 32 side by side, with two one-hot symbols. ``mingru``, ``minlstm`` and
``qrnn`` have decays in (0, 1) that their gates choose: all their parameters are from N(0, 1/2). ``lru`` has phase 0 and
abs(lambda) in the ring .5 to .99; ``indrnn`` is linear while its inputs are positive: u ~ U(.5, .99), positive input
weights. Numbers, of each of these cells:

    CELL coincide at      the smallest n from which on all states up to 2^12 steps are equal, bit by bit, in the slowest
                          network: below 2^12
    CELL distance         the norm of the difference between the states after 2^12 - 1 and 2^12 ones: 0
    minus one distance    the same LRU with lambda = -1: the smallest distance between the states after 1^n and 1^(n+1)
                          over n < 2^12, over the norm of what one symbol adds: 1 up to rounding

How long it takes follows from the largest decay a: rounding absorbs a change of a^n below 2^-53, n = 37 / -ln a or
somewhat fewer; 3700 for .99.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.laws.parts import drawing
from rnnbench.network.cells import LRU, QRNN, Cell, IndRNN, MinGRU, MinLSTM
from rnnbench.network.states import flatten

UNITS = 640
SYMBOLS = 2
STEPS = 2**12
LEAST, MOST = 0.5, 0.99


def measure(seed: int) -> dict[str, float]:
    """Return where the states of each cell coincide and how far apart they end."""
    found = {}
    for name, draw in DRAWN.items():
        with drawing(seed):
            change, _ = _changes(draw())
        moving = change.nonzero()[:, 0] + 1  # the n after which one more 1 still makes a difference
        found[f"{name} coincide at"] = float(moving.max() + 1)
        found[f"{name} distance"] = float(change[-1])
    with drawing(seed):
        change, entering = _changes(_reflection())
    found["minus one distance"] = float((change / entering).min())
    return found


@torch.no_grad()
def _changes(cell: Cell[Any]) -> tuple[Tensor, Tensor]:
    """Return the distance between the states after 1^n and 1^(n+1), n = 1 .. STEPS - 1, and the norm after 1^1."""
    one = torch.zeros(1, 1, SYMBOLS, dtype=torch.float64)
    one[..., 1] = 1
    drive = cell.project(one)[0]
    state, states = cell.initial_state(1), []
    for _ in range(STEPS):
        state = cell.step(state, drive)
        states.append(flatten(state, 1)[0])
    visited = torch.stack(states)
    return visited.diff(dim=0).norm(dim=1), visited[0].norm()


@torch.no_grad()
def _gated(make: Callable[[int, int], Cell[Any]]) -> Cell[Any]:
    cell = make(SYMBOLS, UNITS).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter, std=0.5**0.5)
    return cell


@torch.no_grad()
def _lru() -> Cell[Any]:
    cell = LRU(SYMBOLS, UNITS, r_min=LEAST, r_max=MOST).double()
    cell.theta.fill_(-math.inf)
    return cell


@torch.no_grad()
def _indrnn() -> Cell[Any]:
    cell = IndRNN(SYMBOLS, UNITS, length=STEPS).double()
    nn.init.uniform_(cell.recurrent_weight, LEAST, MOST)
    nn.init.uniform_(cell.input_projection.weight)
    return cell


@torch.no_grad()
def _reflection() -> Cell[Any]:
    cell = LRU(SYMBOLS, UNITS, normalise=False).double()
    cell.nu.fill_(-math.inf)
    cell.theta.fill_(math.log(math.pi))
    return cell


DRAWN: dict[str, Callable[[], Cell[Any]]] = {
    "mingru": lambda: _gated(MinGRU),
    "minlstm": lambda: _gated(MinLSTM),
    "qrnn": lambda: _gated(QRNN),
    "lru": _lru,
    "indrnn": _indrnn,
}
