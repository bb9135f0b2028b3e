"""Lorenz: predict the first of three chaotic variables from its own past.

Lorenz 1963, "Deterministic nonperiodic flow":

    dx/dt = 10 (y - x),   dy/dt = x (28 - z) - y,   dz/dt = x y - 8/3 z

in steps of .03 by the rule of Runge and Kutta of order 4, from random starts near (1, 1, 1), with the numbers of
reservoirpy. Only x / 10 is shown and predicted: y and z must be told from its past. ``rnnbench.tasks.trajectories`` has
windows, shapes and the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.tasks.base import Array
from rnnbench.tasks.trajectories import Trajectories

SIGMA, RHO, BETA, STEP, SCALE = 10.0, 28.0, 8 / 3, 0.03, 10.0


@dataclass(kw_only=True)
class Lorenz(Trajectories):
    """The Lorenz system; ``length`` is T, the steps of a window."""

    title = "prediction of one of three chaotic variables"
    source = "Lorenz 1963"

    @staticmethod
    def simulate(random: np.random.Generator, count: int, steps: int) -> Array:
        state = 1 + random.random((3, count))
        x = np.empty((steps, count))
        for t in range(steps):
            first = slope(state)
            second = slope(state + STEP / 2 * first)
            third = slope(state + STEP / 2 * second)
            fourth = slope(state + STEP * third)
            state = state + STEP / 6 * (first + 2 * second + 2 * third + fourth)
            x[t] = state[0]
        return x / SCALE


def slope(state: Array) -> Array:
    """Return the derivatives [3, N] at states [3, N]."""
    x, y, z = state
    return np.stack([SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z])
