"""Latch: the first values of a noisy sequence give its class, which is asked for at the end.

Hochreiter & Schmidhuber 1997, "Long short-term memory", experiment 3a, after Bengio, Simard & Frasconi 1994. The first
N values (1 or 3 in the paper) are all +1 (class 1) or all -1 (class 0); the others are Gaussian, mean 0, variance .2.

    inputs [1.1 T, B, 1]: values, padded with 0; lengths from U{T..1.1 T}          targets [B]: classes

Without memory the best guess costs ln 2. The paper trains one output towards 0 or 1, here a softmax with cross-entropy.
Its authors warn that guessing weights at random solves this task sooner than any training: read a low loss with that in
mind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import Batch, Split, Task, stream

VARIANCE = 0.2


@dataclass(kw_only=True)
class Latch(Task):
    """The latch problem; ``length`` is T, the length of the shortest sequence."""

    leading: int
    """N, the first values that give the class; less than ``length``."""

    title = "class of the first values"
    source = "Hochreiter & Schmidhuber 1997"
    tokens = False
    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False
    input_size = 1
    output_size = 2
    chance = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.leading", self.leading, at_least=1, below=self.length)

    def baseline(self, split: Split) -> float:
        return math.log(2)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, steps = self.batch_size, self.length * 11 // 10
        lengths = random.integers(self.length, steps, size, endpoint=True)
        values = math.sqrt(VARIANCE) * random.standard_normal((steps, size), dtype=np.float32)
        classes = random.integers(0, 2, size)
        values[: self.leading] = 2 * classes - 1
        values[np.arange(steps)[:, None] >= lengths] = 0
        return Batch(values[:, :, None], classes, lengths=lengths, informative=np.arange(self.leading * size))
