"""Selective copying: repeat, in order, the few symbols that stood among blanks.

Poli et al. 2024, "Mechanistic design and scaling of hybrid architectures" (arXiv:2403.17844), task of MAD. N symbols of
0..V-3 stand at random places of the first L - N - 1 steps, among blanks; then a sign to copy, and N blanks.

    inputs [L, B]: symbols, blank V-2, sign V-1          targets [L, B]: the N symbols over the last N steps

Only these are trained on and scored; without memory each symbol is as likely: ln(V-2). In the authors' code no blank
follows the last symbol, gaps are drawn one blank at a time, and where they are does not depend on its seed; here all
places are alike. ``task=copy task.variant=selective`` is the task of Gu & Dao 2023, with a sign at every answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import Batch, Split, Task, stream


@dataclass(kw_only=True)
class SelectiveCopy(Task):
    """Selective copying; ``length`` is L, all steps of a sequence, at least 2 N + 1."""

    vocabulary: int
    """V, the symbols with the blank and the sign."""
    copied: int
    """N, the symbols to copy."""

    title = "symbols among blanks, in order"
    source = "Poli et al. 2024"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "recall"
    causal = False  # the answers are never inputs

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.vocabulary", self.vocabulary, at_least=4, at_most=10**5)
        check_range("task.copied", self.copied, at_least=1)
        check_range("task.length", self.length, at_least=2 * self.copied + 1)

    @property
    def input_size(self) -> int:
        return self.vocabulary

    @property
    def output_size(self) -> int:
        return self.vocabulary - 2

    @property
    def chance(self) -> float:
        return 1 / self.output_size

    def baseline(self, split: Split) -> float:
        return math.log(self.output_size)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, copied, steps = self.batch_size, self.copied, self.length
        rows = np.arange(size)
        symbols = random.integers(0, self.output_size, (copied, size))
        order = random.permuted(np.tile(np.arange(steps - copied - 1), (size, 1)), axis=1)
        places = np.sort(order[:, :copied], axis=1).T
        inputs = np.full((steps, size), self.vocabulary - 2)
        inputs[places, rows] = symbols
        inputs[steps - copied - 1] = self.vocabulary - 1
        targets = np.zeros_like(inputs)
        targets[-copied:] = symbols
        asked = np.arange((steps - copied) * size, steps * size)
        return Batch(inputs, targets, scored=asked, counted=asked, informative=places[-1] * size + rows)
