"""Mackey-Glass: predict a chaotic series whose next value depends on one 17 steps ago.

Mackey & Glass 1977, "Oscillation and chaos in physiological control systems":

    dx/dt = a x(t - tau) / (1 + x(t - tau)^10) - b x(t),          a = .2, b = .1, tau = 17

in steps of 1 by the rule of Runge and Kutta of order 4, the delayed value held for a step, from a random past 1.2 +
uniform(-.1, .1), as in reservoirpy. Shown and predicted is 4 (x - .9), whose standard deviation is near 1.
``rnnbench.tasks.trajectories`` has windows, shapes and the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.tasks.base import Array
from rnnbench.tasks.trajectories import Trajectories

A, B, TAU, START, SPREAD = 0.2, 0.1, 17, 1.2, 0.2
MIDDLE, SCALE = 0.9, 4.0
KEPT = 1 - B + B**2 / 2 - B**3 / 6 + B**4 / 24
"""What a step of Runge and Kutta keeps of x: the series of exp(-b)."""


@dataclass(kw_only=True)
class MackeyGlass(Trajectories):
    """The Mackey-Glass series; ``length`` is T, the steps of a window."""

    title = "prediction of a delayed chaotic series"
    source = "Mackey & Glass 1977"

    @staticmethod
    def simulate(random: np.random.Generator, count: int, steps: int) -> Array:
        x = np.empty((TAU + 1 + steps, count))
        x[: TAU + 1] = START + SPREAD * (random.random((TAU + 1, count)) - 0.5)
        for t in range(TAU, TAU + steps):
            delayed = x[t - TAU]
            square = delayed * delayed
            fourth = square * square
            x[t + 1] = KEPT * x[t] + (1 - KEPT) / B * A * delayed / (1 + fourth * fourth * square)
        return SCALE * (x[TAU + 1 :] - MIDDLE)
