"""Compression: the state after L symbols must hold all of them, because any one may be asked for.

After Poli et al. 2024, "Mechanistic design and scaling of hybrid architectures" (arXiv:2403.17844), task of MAD. There
a decoder of its own, an MLP, reads the state after the last of L symbols together with the code of a position, for each
position, and gives its symbol. Here the network itself is asked, in a random order: L further inputs name the L
positions, each once, and the symbol of that position is due at once.

    inputs [2 L, B]: symbols 0..V-1, then positions V + 0..L-1          targets [2 L, B]: the symbol of that position

So the state may go on to change while it is read, each answer is one step of the cell and a linear head away from it,
and no further symbol marks the end; the order is random, so that the state at the end of the symbols must hold them in
any case. Only the answers are trained on and scored; without memory each symbol is as likely: ln V.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import Batch, Split, Task, stream


@dataclass(kw_only=True)
class MADCompression(Task):
    """Compression; ``length`` is L, the symbols to hold."""

    vocabulary: int
    """V, the number of symbols."""

    title = "all symbols, in any order"
    source = "Poli et al. 2024"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "recall"
    longer = False  # each position is an input of its own
    causal = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.vocabulary", self.vocabulary, at_least=2, at_most=10**5)
        check_range("task.length", self.length, at_most=10**4)

    @property
    def input_size(self) -> int:
        return self.vocabulary + self.length

    @property
    def output_size(self) -> int:
        return self.vocabulary

    @property
    def chance(self) -> float:
        return 1 / self.vocabulary

    def baseline(self, split: Split) -> float:
        return math.log(self.vocabulary)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, length = self.batch_size, self.length
        rows = np.arange(size)
        symbols = random.integers(0, self.vocabulary, (length, size))
        asked = random.permuted(np.tile(np.arange(length), (size, 1)), axis=1).T
        inputs = np.concatenate([symbols, self.vocabulary + asked])
        targets = np.zeros_like(inputs)
        targets[length:] = np.take_along_axis(symbols, asked, axis=0)
        answers = np.arange(length * size, 2 * length * size)
        informative = np.concatenate([asked[-1] * size + rows, (2 * length - 1) * size + rows])
        return Batch(inputs, targets, scored=answers, counted=answers, informative=informative)
