"""Parity: is the number of ones in a string of bits odd?

As in Beck et al. 2024, "xLSTM: extended long short-term memory" (arXiv:2405.04517), whose code trains on lengths 3 to
40 and tests on lengths 40 to 256; here ``task.test_lengths`` names longer strings, of lengths 3 to that number.

    inputs [L, B]: bits, padded with 0; lengths from U{3..L}          targets [B]: 1 where the number of ones is odd

Every bit counts, so all of them must be remembered in one; without memory the best guess costs ln 2. Hochreiter &
Schmidhuber 1997 warn that guessing weights at random solves parity too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import Batch, Split, Task, stream

SHORTEST = 3


@dataclass(kw_only=True)
class Parity(Task):
    """Parity; ``length`` is L, the length of the longest string, at least 3."""

    title = "parity of a bit string"
    source = "Beck et al. 2024"
    tokens = True
    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False
    input_size = 2
    output_size = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.length", self.length, at_least=SHORTEST)

    def baseline(self, split: Split) -> float:
        return math.log(2)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        lengths = random.integers(SHORTEST, self.length, self.batch_size, endpoint=True)
        valid = np.arange(self.length)[:, None] < lengths
        bits = random.integers(0, 2, valid.shape) * valid
        return Batch(bits, bits.sum(axis=0) % 2, lengths=lengths, informative=np.flatnonzero(valid))
