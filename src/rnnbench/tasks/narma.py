"""NARMA: a non-linear moving average of order n, driven by a random input.

Atiya & Parlos 2000, "New results on recurrent network training: unifying the algorithms and accelerating convergence";
order 30 as in reservoir computing, by the coefficients of reservoirpy.

    y_{t+1} = a y_t + b y_t (y_t + y_{t-1} + .. + y_{t-n+1}) + c u_{t-n+1} u_t + d,    u_t uniform on 0...5

``narma10``   n = 10, a, b, c, d = .3, .05, 1.5, .1
``narma30``   n = 30, a, b, c, d = .2, .04, 1.5, .001

    inputs [T, B, 1]: u_t          targets [T, B, 1]: y_{t+1}

All is zero before the first step. The first n steps are neither trained on nor scored. Here the sum has n terms and the
product spans n - 1 steps, as in print; reservoirpy's code has neither. NARMA is not stable: a sequence whose y leaves
-1..1 is drawn again. Given u_t, the best predictor without memory is linear, E y_{t+1} + c/4 (u_t - 1/4), with the mean
of each step from 20,000 other sequences. The metric, NRMSE, is the root of the mean squared error over the targets'
standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnnbench.errors import check_choice, check_range
from rnnbench.tasks.base import BEYOND, HELD_OUT_SEED, Array, Batch, Split, Task, stream
from rnnbench.tasks.blocks import Blocks

COEFFICIENTS = {"narma10": (10, 0.3, 0.05, 1.5, 0.1), "narma30": (30, 0.2, 0.04, 1.5, 0.001)}
"""n, a, b, c, d."""
HIGHEST = 0.5
"""u is uniform from 0 to it."""
SEQUENCES = 20_000
"""Those that the mean of each step is taken from."""


@dataclass(kw_only=True)
class NARMA(Task):
    """NARMA; ``length`` is T, more than the order n."""

    variant: str
    """``narma10`` or ``narma30``: order and coefficients."""

    title = "non-linear moving average"
    source = "Atiya & Parlos 2000"
    variants = tuple(COEFFICIENTS)
    tokens = False
    every_step = True
    loss = "mse"
    metric = "nrmse"
    capability = "series"
    causal = False  # later inputs are independent of a target
    input_size = 1
    output_size = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)
        check_range("task.length", self.length, at_least=self.order + 1, at_most=10**5)

    @property
    def order(self) -> int:
        return COEFFICIENTS[self.variant][0]

    @cached_property
    def means(self) -> Array:
        """The mean [T, 1] of the target at each step."""
        return self._draw(stream("train", HELD_OUT_SEED, BEYOND), SEQUENCES)[1].mean(axis=1, keepdims=True)

    def baseline(self, split: Split) -> float:
        return self.held_out_mean("validation" if split == "train" else split, self._losses)

    def _losses(self, batch: Batch) -> Array:
        slope = COEFFICIENTS[self.variant][3] * HIGHEST / 2
        predicted = self.means + slope * (batch.inputs[:, :, 0].astype(np.float64) - HIGHEST / 2)
        return np.square(batch.targets[:, :, 0] - predicted)[self.order :]

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._draw, self.batch_size)

    def _draw(self, random: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Return u and the next y, [T, size]."""
        u, y = np.empty((2, self.length, size))
        left = np.arange(size)
        while len(left):
            u[:, left], y[:, left] = self._run(random.uniform(0, HIGHEST, (self.length, len(left))))
            left = left[~(np.abs(y[:, left]) < 1).all(axis=0)]
        return u, y

    def _run(self, u: Array) -> tuple[Array, Array]:
        """Return u and the next y, [T, N]; y may be far from 0, or no number."""
        n, a, b, c, d = COEFFICIENTS[self.variant]
        steps, size = u.shape
        driven = np.full_like(u, d)
        driven[n - 1 :] += c * u[: steps - n + 1] * u[n - 1 :]
        y = np.zeros((n + steps, size))  # y[n - 1 + t] is y_t
        total = np.zeros(size)
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(steps):
                now = y[n - 1 + t]
                np.multiply(now, a + b * total, out=y[n + t])
                y[n + t] += driven[t]
                total += y[n + t] - y[t]
        return u, y[n:]

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        u, y = self._blocks.batch(split, seed, step)
        due = np.arange(self.order * self.batch_size, self.length * self.batch_size)
        inputs, targets = u[:, :, None].astype(np.float32), y[:, :, None].astype(np.float32)
        return Batch(inputs, targets, scored=due, counted=due)
