"""Even pairs: is the number of neighbours in a string of a and b that differ even?

Deletang et al. 2022, "Neural networks and the Chomsky hierarchy" (arXiv:2207.02098). It is so exactly where the first
symbol is the last one: a regular language that one bit of memory decides.

    inputs [L, B]: bits, padded with 0; lengths from U{shortest..L}          targets [B]: 1 where the number is odd

Strings have two symbols at least. Without memory of the first the best guess costs ln 2. The paper has strings of one
length in a batch, from one symbol on, and reads the answer a step later, at an empty symbol.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.tasks.base import Batch, Split, stream
from rnnbench.tasks.strings import Strings


@dataclass(kw_only=True)
class EvenPairs(Strings):
    """Even pairs; ``length`` is L, the length of the longest string."""

    title = "parity of unequal neighbours"
    source = "Deletang et al. 2022"
    tokens = True
    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False
    input_size = 2
    output_size = 2
    chance = 0.5
    at_least = 2

    def baseline(self, split: Split) -> float:
        return math.log(2)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        lengths = self.draw_lengths(random)
        valid = np.arange(self.length)[:, None] < lengths
        bits = random.integers(0, 2, valid.shape) * valid
        rows = np.arange(self.batch_size)
        ends = np.concatenate([rows, (lengths - 1) * self.batch_size + rows])
        return Batch(bits, bits[0] ^ bits[lengths - 1, rows], lengths=lengths, informative=ends)
