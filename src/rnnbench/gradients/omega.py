"""Omega: how far a gradient is from keeping its length on its way back through time.

Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), equation 9, there a regulariser, here a measurement:

    Omega = sum_k ( ||dL/ds_{k+1} ds_{k+1}/ds_k|| / ||dL/ds_{k+1}|| - 1 )^2,      k = 1 .. T - 1

0 where every step keeps the length of the gradient; a step that loses nearly all of it adds 1. L is the loss of each
sequence's last target alone. The product dL/ds_{k+1} J_{k+1} is what flows through the recurrence: it leaves out what
enters dL/ds_k at step k itself, from a loss or from the layer above.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, Path, pull_back
from rnnbench.network.states import flatten, map_state


def omega(measurement: Measurement) -> Array:
    """Return the mean over sequences of Omega, dimensionless: float64 [layer, direction].

    A term whose dL/ds_{k+1} is zero is left out: nothing is there to keep. Raises FloatingPointError where a state is
    not finite.
    """
    return np.array(measurement.each(_omega))


@torch.no_grad()
def _omega(path: Path) -> float:
    # Entry t is dL/ds_{t+1}: from the second on, each is pulled back to the state before it.
    arriving = flatten(path.arriving, 2)[1:]
    largest = arriving.abs().amax(dim=-1, keepdim=True)
    arrived = largest > 0
    # Brought near 1 before it is squared: the square of a tiny gradient would underflow.
    unit = functional.normalize(arriving / largest.where(arrived, 1), dim=-1)
    before = map_state(lambda part: part[1:-1].flatten(0, 1), path.states)
    pulled = pull_back(path.cell, before, path.drives[1:].flatten(0, 1))(unit.flatten(0, 1)).view_as(unit)
    terms = (torch.linalg.vector_norm(pulled.double(), dim=-1) - 1).square()
    return float(terms.where(arrived[:, :, 0], 0).sum(dim=0).mean())


def _of_path(path: Path, options: Options) -> Found:
    found = _omega(path)
    earlier = path.valid[1:]  # a step before each sequence's last: its gradient has passed the recurrence
    # Of a dead gradient nothing is left to keep its norm.
    dead = bool(earlier.any()) and not flatten(path.arriving, 2)[:-1][earlier].any()
    return Found({"omega": Measured((), np.array(found))}, {"omega": None if dead else found})


DIAGNOSTIC = Diagnostic(
    name="omega",
    title="how far the gradient is from keeping its norm on its way back",
    formula="sum over k of (||dL/ds_{k+1} J_{k+1}|| / ||dL/ds_{k+1}|| - 1)^2",
    source="Pascanu, Mikolov & Bengio 2013, eq. 9",
    needs=("paths", "profile"),
    cost="one vector-Jacobian product of all steps at once",
    law="0 for a linear RNN with an orthogonal W",
    of_path=_of_path,
)
