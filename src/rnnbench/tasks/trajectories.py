"""What the tasks on chaotic series share: windows of long trajectories, and the best predictor without memory.

Each split has POOL trajectories of its own, from other starts, so that no window of one is in another; within a split
windows overlap. The series are the same for every seed; which windows come is not.

    inputs [T, B, 1]: x_t          targets [T, B, 1]: x_{t+h}

The first ``washout`` steps are neither trained on nor scored: a past that was not shown is not known. The baseline is
the mean of x_{t+h} given x_t, which has no closed form: of the training trajectories, in BINS equally full bins of x_t.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import BEYOND, HELD_OUT_SEED, SPLITS, Array, Batch, Split, Task, stream

POOL = 64
TRANSIENT = 500
"""Steps before a trajectory is used: by then it is on the attractor."""
STEPS = 2000
"""Steps of a trajectory, at least; four windows."""
BINS = 64

Simulate = Callable[[np.random.Generator, int, int], Array]


@dataclass(kw_only=True)
class Trajectories(Task):
    """Prediction of a chaotic series; ``length`` is T, the steps of a window."""

    horizon: int
    """h, the steps that are predicted ahead."""
    washout: int
    """The steps at the start that do not count, less than ``length``."""

    tokens = False
    every_step = True
    loss = "mse"
    metric = "nrmse"
    capability = "series"
    causal = True
    input_size = 1
    output_size = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.length", self.length, at_most=10**5)
        check_range("task.horizon", self.horizon, at_least=1, at_most=10**4)
        check_range("task.washout", self.washout, at_least=0, below=self.length)

    @staticmethod
    @abstractmethod
    def simulate(random: np.random.Generator, count: int, steps: int) -> Array:
        """Return the first ``steps`` values [steps, count] of random trajectories."""

    @property
    def series(self) -> Array:
        """The trajectories of the splits, in their order: [steps, 3 POOL] float64."""
        return pool(self.simulate, max(STEPS, 4 * (self.length + self.horizon)))

    def baseline(self, split: Split) -> float:
        return self.held_out_mean("validation" if split == "train" else split, self._losses)

    def _losses(self, batch: Batch) -> Array:
        edges, means = conditional_means(self.simulate, len(self.series), self.horizon)
        predicted = means[np.searchsorted(edges, batch.inputs[self.washout :])]
        return np.asarray(np.square(batch.targets[self.washout :] - predicted))

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random, size, series = stream(split, seed, step), self.batch_size, self.series
        which = SPLITS.index(split) * POOL + random.integers(0, POOL, size)
        start = random.integers(0, len(series) - self.length - self.horizon, size, endpoint=True)
        windows = series[start + np.arange(self.length + self.horizon)[:, None], which].astype(np.float32)[:, :, None]
        due = np.arange(self.washout * size, self.length * size)
        return Batch(windows[: self.length].copy(), windows[self.horizon :], scored=due, counted=due)


@lru_cache(maxsize=4)
def pool(simulate: Simulate, steps: int) -> Array:
    """Return the trajectories of all splits [steps, 3 POOL], after their transient."""
    random = stream("train", HELD_OUT_SEED, BEYOND)
    return simulate(random, len(SPLITS) * POOL, TRANSIENT + steps)[TRANSIENT:]


@lru_cache(maxsize=4)
def conditional_means(simulate: Simulate, steps: int, horizon: int) -> tuple[Array, Array]:
    """Return the edges [BINS - 1] of bins of x_t, and the mean [BINS] of x_{t+h} in each, of training trajectories."""
    series = pool(simulate, steps)[:, :POOL]
    now, later = series[:-horizon].ravel(), series[horizon:].ravel()
    edges = np.quantile(now, np.arange(1, BINS) / BINS)
    place = np.searchsorted(edges, now)
    return edges, np.bincount(place, later, BINS) / np.bincount(place, minlength=BINS)
