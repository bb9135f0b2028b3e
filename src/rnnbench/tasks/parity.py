"""Parity: is the number of ones in a string of bits odd?

As in Beck et al. 2024, "xLSTM: extended long short-term memory" (arXiv:2405.04517), whose code trains on lengths 3 to
40 and tests on lengths 40 to 256: ``length=40 shortest=3 test_lengths=[256]``. A test length that is longer than L
stands for all lengths from L to it, so that no string of that test is shorter than one that was trained on.

    inputs [L, B]: bits, padded with 0; lengths from U{shortest..L}          targets [B]: 1 for an odd number of ones

Every bit counts, so all of them must be remembered in one; without memory the best guess costs ln 2. Hochreiter &
Schmidhuber 1997 warn that guessing weights at random solves parity too.

With ``labels=prefixes`` each prefix has its label, targets [L, B], as in Merrill, Petty & Sabharwal 2024
(arXiv:2404.08819): far easier to learn. A prefix of one bit needs no memory: it costs a memoryless predictor nothing,
and does not count in the accuracy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_choice
from rnnbench.tasks.base import Batch, Split, stream
from rnnbench.tasks.strings import Strings

LABELS = ("last", "prefixes")


@dataclass(kw_only=True)
class Parity(Strings):
    """Parity; ``length`` is L, the length of the longest string."""

    labels: str = "last"  # neutral in configurations from before this key
    """``last``: of the whole string alone; ``prefixes``: of each prefix too."""

    title = "parity of a bit string"
    source = "Beck et al. 2024"
    tokens = True
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "state tracking"
    causal = False
    input_size = 2
    output_size = 2
    chance = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.labels", self.labels, LABELS)

    @property
    def every_step(self) -> bool:
        return self.labels == "prefixes"

    def baseline(self, split: Split) -> float:
        if not self.every_step:
            return math.log(2)
        if split == "train":
            return math.log(2) * (1 - 2 / (self.shortest + self.length))
        return self.held_out_mean(split, lambda batch: math.log(2) * (batch.counted >= len(batch.lengths)))

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        lengths = self.draw_lengths(random)
        valid = np.arange(self.length)[:, None] < lengths
        bits = random.integers(0, 2, valid.shape) * valid
        positions = np.flatnonzero(valid)
        if not self.every_step:
            return Batch(bits, bits.sum(axis=0) % 2, lengths=lengths, informative=positions)
        needing_memory = positions[positions >= self.batch_size]
        targets = bits.cumsum(axis=0) % 2
        return Batch(bits, targets, needing_memory, counted=positions, lengths=lengths, informative=positions)
