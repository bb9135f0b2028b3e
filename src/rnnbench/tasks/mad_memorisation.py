"""Memorisation: each key has its value, the same in all sequences; the weights have to learn which.

Poli et al. 2024, "Mechanistic design and scaling of hybrid architectures" (arXiv:2403.17844), task of MAD. Of V symbols
one asks; the first (V-1)/2, rounded down, are keys, the next ones values, and a random table, the same for all seeds
and splits, gives each key its own value. A sequence is key, question, key, question, .., the keys random.

    inputs [L, B]: keys 0.., question V-1          targets [L, B]: at each question the value of the key before it

Only these are trained on and scored. What is asked for was one step ago: it is the table that must be held, not the
sequence. Without memory of the key all K values are as likely: ln K. The table is the task, so training, validation and
test ask the same questions, in other orders. The authors train on 256 sequences again and again, here every batch is
new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks.base import BEYOND, HELD_OUT_SEED, Array, Batch, Split, Task, stream


@dataclass(kw_only=True)
class MADMemorisation(Task):
    """Memorisation; ``length`` is L, even, two steps for each key."""

    vocabulary: int
    """V, all symbols."""

    spacing = 2
    title = "a table of keys and values, in the weights"
    source = "Poli et al. 2024"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "recall"
    causal = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.vocabulary", self.vocabulary, at_least=5, at_most=10**5)
        if self.length % 2:
            raise UserError(f"task.length={self.length}: must be even")

    @property
    def input_size(self) -> int:
        return self.vocabulary

    @property
    def output_size(self) -> int:
        return self.vocabulary

    @property
    def keys(self) -> int:
        """K, the number of keys, and of values."""
        return (self.vocabulary - 1) // 2

    @property
    def chance(self) -> float:
        return 1 / self.keys

    def baseline(self, split: Split) -> float:
        return math.log(self.keys)

    @cached_property
    def table(self) -> Array:
        """The value of each key [K]."""
        return self.keys + stream("train", HELD_OUT_SEED, BEYOND).permutation(self.keys)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        size = self.batch_size
        keys = stream(split, seed, step).integers(0, self.keys, (self.length // 2, size))
        inputs = np.full((self.length, size), self.vocabulary - 1)
        inputs[::2] = keys
        targets = np.zeros_like(inputs)
        targets[1::2] = self.table[keys]
        asked = np.flatnonzero(np.arange(self.length) % 2)[:, None] * size + np.arange(size)
        last = np.arange((self.length - 2) * size, (self.length - 1) * size)
        return Batch(inputs, targets, scored=asked.ravel(), counted=asked.ravel(), informative=last)
