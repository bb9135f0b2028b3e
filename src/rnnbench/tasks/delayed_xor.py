"""Delayed XOR: at every step, the exclusive or of two earlier bits of a random stream.

Engelken 2023, "Gradient flossing: improving gradient descent through dynamic control of Jacobians" (arXiv:2312.17306),
authors' code. With delay d, for every step t >= 2d:

    target_t = s_{t-d} XOR s_{t-2d}

    inputs [T, B]: bits s          targets [T, B]: bits; 0 before step 2d, neither trained on nor scored

Without memory the best guess costs ln 2. The cross-entropy is this project's choice. Differs from the authors' code,
which also trains on the first 2d steps: on zeros, and on bits from before the first input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import Batch, Split, Task, stream


@dataclass(kw_only=True)
class DelayedXor(Task):
    """Delayed XOR; ``length`` is T, the number of steps."""

    delay: int
    """d: a target comes d and 2d steps after its two bits; below ``length`` / 2."""

    title = "XOR of two delayed bits"
    source = "Engelken 2023"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False  # later bits are independent of a target
    input_size = 2
    output_size = 2
    chance = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.delay", self.delay, at_least=1, at_most=(self.length - 1) // 2)

    def baseline(self, split: Split) -> float:
        return math.log(2)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        size, late, early = self.batch_size, self.delay, 2 * self.delay
        bits = stream(split, seed, step).integers(0, 2, (self.length, size))
        targets = np.zeros_like(bits)
        targets[early:] = bits[: self.length - early] ^ bits[early - late : self.length - late]
        answered = np.arange(early * size, self.length * size)
        last = self.length - 1
        informative = (np.array([[last - early], [last - late]]) * size + np.arange(size)).ravel()
        return Batch(bits, targets, scored=answered, counted=answered, informative=informative)
