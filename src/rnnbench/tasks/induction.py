"""Induction heads: which symbol came after the special one, the last time that it was seen?

Fu et al. 2022, "Hungry hungry hippos: towards language modeling with state space models" (arXiv:2212.14052), whose code
calls the special symbol =>. One of L random symbols, not the last one, is replaced by it; it comes again at the end.

    inputs [L+1, B]: symbols 0..S-1, => is S          targets [B]: the symbol that stands after the first =>

Without memory each symbol is as likely: ln S. The authors also train on every next symbol, which is random but for the
last one, from 5000 sequences, have a further symbol that this task never shows, and never put => one place before the
last of the L; here the answer alone is trained on, from ever new sequences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import Batch, Split, Task, stream


@dataclass(kw_only=True)
class Induction(Task):
    """Induction heads; ``length`` is L, at least 2, the steps before the question."""

    symbols: int
    """S, the ordinary symbols."""

    title = "the symbol after the special one"
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
        check_range("task.symbols", self.symbols, at_least=2, at_most=10**5)

    @property
    def input_size(self) -> int:
        return self.symbols + 1

    @property
    def output_size(self) -> int:
        return self.symbols

    @property
    def chance(self) -> float:
        return 1 / self.symbols

    def baseline(self, split: Split) -> float:
        return math.log(self.symbols)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size = self.batch_size
        rows = np.arange(size)
        inputs = random.integers(0, self.symbols, (self.length + 1, size))
        place = random.integers(0, self.length - 1, size)
        inputs[place, rows] = self.symbols
        inputs[-1] = self.symbols
        informative = np.concatenate([place * size + rows, (place + 1) * size + rows])
        return Batch(inputs, inputs[place + 1, rows], informative=informative)
