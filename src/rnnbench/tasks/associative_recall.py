"""Associative recall: pairs of a key and a value, then one of the keys: which value went with it?

Fu et al. 2022, "Hungry hungry hippos: towards language modeling with state space models" (arXiv:2212.14052), authors'
code. The symbols are S/2 keys and S/2 values. Each sequence has its own value for each key, and L/2 pairs whose keys
are drawn with replacement, so that a key that comes again has its value again; then =>, and the key of one of the
pairs.

    inputs [L+2, B]: keys 0..S/2-1, values S/2..S-1, => is S          targets [B]: the value of the last key

Without memory each value is as likely: ln(S/2). The authors draw the last key evenly from all keys until it is one that
was seen, split keys and values in the order of their names as text, and also train on every next symbol of 5000
sequences; here the last key is that of an evenly drawn pair, and the answer alone is trained on, from ever new
sequences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks.base import Batch, Split, Task, stream


@dataclass(kw_only=True)
class AssociativeRecall(Task):
    """Associative recall; ``length`` is L, even, two steps for each pair."""

    symbols: int
    """S, even: half of them keys, half of them values."""

    spacing = 2
    title = "the value of a key"
    source = "Fu et al. 2022"
    tokens = True
    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "recall"
    causal = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.length", self.length, at_least=2)
        check_range("task.symbols", self.symbols, at_least=4, at_most=10**5)
        for key in ("symbols", "length"):
            if getattr(self, key) % 2:
                raise UserError(f"task.{key}={getattr(self, key)}: must be even")

    @property
    def input_size(self) -> int:
        return self.symbols + 1

    @property
    def output_size(self) -> int:
        return self.symbols

    @property
    def chance(self) -> float:
        return 2 / self.symbols

    def baseline(self, split: Split) -> float:
        return math.log(self.symbols // 2)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, half = self.batch_size, self.symbols // 2
        rows = np.arange(size)
        value_of = random.integers(half, 2 * half, (half, size))
        keys = random.integers(0, half, (self.length // 2, size))
        asked = keys[random.integers(0, len(keys), size), rows]
        inputs = np.empty((self.length + 2, size), dtype=np.int64)
        inputs[0:-2:2], inputs[1:-2:2] = keys, value_of[keys, rows]
        inputs[-2], inputs[-1] = 2 * half, asked
        return Batch(inputs, value_of[asked, rows])
