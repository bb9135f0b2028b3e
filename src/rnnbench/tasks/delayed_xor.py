"""Delayed XOR: at every step, the exclusive or of two earlier bits of a random stream.

After Engelken 2023, "Gradient flossing: improving gradient descent through dynamic control of Jacobians"
(arXiv:2312.17306). With delay d, for every step t >= d:

    target_t = x_{t-d} XOR x_{t-floor(d/2)}

    inputs [T, B]: bits          targets [T, B]: bits; 0 before step d, neither trained on nor scored

The two offsets, floor(d/2) for odd d, and the cross-entropy are this project's choice. Each bit alone says nothing
about the target, not even the present one (d = 1): without memory the best guess costs ln 2.
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
    """d, the steps from the earlier of the two bits to their target; less than ``length``."""

    title = "XOR of two delayed bits"
    source = "Engelken 2023"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False  # later bits are independent of a target
    input_size = 2
    output_size = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.delay", self.delay, at_least=1, below=self.length)

    def baseline(self, split: Split) -> float:
        return math.log(2)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        size, early, late = self.batch_size, self.delay, self.delay // 2
        bits = stream(split, seed, step).integers(0, 2, (self.length, size))
        targets = np.zeros_like(bits)
        targets[early:] = bits[: self.length - early] ^ bits[early - late : self.length - late]
        answered = np.arange(early * size, self.length * size)
        last = self.length - 1
        informative = (np.array([[last - early], [last - late]]) * size + np.arange(size)).ravel()
        return Batch(bits, targets, scored=answered, counted=answered, informative=informative)
