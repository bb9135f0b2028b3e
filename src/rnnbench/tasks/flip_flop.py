"""Flip-flop language: write a bit, ignore others, read it again.

Liu, Ash, Goel, Krishnamurthy & Zhang 2023, "Exposing attention glitches with flip-flop language modeling"
(arXiv:2306.00946): T/2 pairs of an instruction and a bit. The first instruction is w (write), the last r (read), the
others are i (ignore) with probability p, w and r with (1-p)/2 each: FFL(p). A bit after r is that of the last w, the
others are uniform.

    inputs [T-1, B]: w, r, i = 0, 1, 2; bits 3, 4          targets [T-1, B]: the next symbol

``loss_on=reads`` trains on the bits after r alone, the paper's clean mode: without memory each costs ln 2. With ``all``
every symbol is trained on, and the rest is random: the loss of a perfect predictor, its ``floor``, is counted on each
set. In both the metric is the paper's error of reads, an accuracy less one that is lower for a better network; .5
without memory. The paper has T = 512, trains on FFL(.8), and also tests on FFL(.98) and FFL(.1): ``ignore=.98``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import UserError, check_choice, check_range
from rnnbench.tasks.base import Array, Batch, Split, Task, stream

WRITE, READ, IGNORE = range(3)
BITS = 3  # the token of bit 0


@dataclass(kw_only=True)
class FlipFlop(Task):
    """The flip-flop language; ``length`` is T, even, at least 4: the symbols of a sequence."""

    ignore: float
    """p, the probability of an instruction to ignore."""
    loss_on: str
    """``reads``, the bits after r, or ``all`` symbols."""

    spacing = 2
    title = "the last bit that was written"
    source = "Liu et al. 2023"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "read_error"
    capability = "state tracking"
    causal = True
    input_size = 5
    output_size = 5
    chance = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.length", self.length, at_least=4)
        check_range("task.ignore", self.ignore, at_least=0, below=1)
        check_choice("task.loss_on", self.loss_on, ("reads", "all"))
        if self.length % 2:
            raise UserError(f"task.length={self.length}: must be even")

    @property
    def _instruction(self) -> float:
        """The entropy of an instruction, in nats."""
        p, q = self.ignore, (1 - self.ignore) / 2
        return -(p * math.log(p) if p else 0) - 2 * q * math.log(q)

    def baseline(self, split: Split) -> float:
        if self.loss_on == "reads":
            return math.log(2)
        if split == "train":
            pairs = self.length // 2
            return (pairs * math.log(2) + (pairs - 2) * self._instruction) / (self.length - 1)
        return self.held_out_mean(split, self._losses)

    def floor(self, split: Split) -> float:
        if self.loss_on == "reads":
            return 0.0
        if split != "train":
            return self.held_out_mean(split, lambda batch: self._losses(batch) * (batch.inputs != READ), "floor")
        reads = 1 + (self.length // 2 - 2) * (1 - self.ignore) / 2
        return self.baseline(split) - math.log(2) * reads / (self.length - 1)

    def _losses(self, batch: Batch) -> Array:
        """Return the cost of each target [T-1, B] for who knows the symbol before it, the time and the rule."""
        p, q = self.ignore, (1 - self.ignore) / 2
        each = np.log([q, q, p or 1, 0.5, 0.5])
        losses = -each[batch.targets]
        losses[-2] = 0  # the last instruction is r
        return losses

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, pairs = self.batch_size, self.length // 2
        thresholds = np.array([(1 - self.ignore) / 2, 1 - self.ignore])
        instructions = np.searchsorted(thresholds, random.random((pairs, size)), side="right")
        instructions[0], instructions[-1] = WRITE, READ
        place = np.arange(pairs)[:, None]
        written = np.maximum.accumulate(np.where(instructions == WRITE, place, 0), axis=0)
        read = instructions == READ
        bits = BITS + random.integers(0, 2, (pairs, size))
        bits = np.take_along_axis(bits, np.where(read, written, place), axis=0)
        symbols = np.stack([instructions, bits], axis=1).reshape(self.length, size)
        reads = np.flatnonzero(symbols[:-1] == READ)
        counted = reads if self.loss_on == "reads" else None
        return Batch(symbols[:-1], symbols[1:], scored=reads, counted=counted)
