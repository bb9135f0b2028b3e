"""Temporal order: in which order did a few relevant symbols come, far apart among distractors?

Variants ``hs97_6a``, ``hs97_6b``: Hochreiter & Schmidhuber 1997, "Long short-term memory", experiments 6a and 6b. The
first symbol is E, the last B; two (6a) or three (6b) random positions have X or Y, the others distractors a, b, c, d.
Variants ``pascanu_2bit``, ``pascanu_3bit``: Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), A and B for X and Y, no
E, no B.

    inputs [S, B]: X, Y = 0, 1; distractors 2..5; E = 6; B = 7          targets [B]: the marks as a binary number, X = 0

hs97 has S = 1.1 L padded with B, lengths from U{L..1.1 L} and closed ranges of positions; L = 100 gives the paper's
numbers, other L scale them. pascanu has S = L and half-open ranges as in the authors' code: .1 L steps from .1 L and
.5 L (2bit) or from .1 L, .3 L and .6 L (3bit), each product rounded down. Without memory all classes are alike: ln 4 or
ln 8. Here a softmax is trained with cross-entropy; hs97 has sigmoids, squared errors, and "correct" as all within .3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_choice, check_range
from rnnbench.tasks.base import Array, Batch, Split, Task, stream

MARKS = 2
DISTRACTORS = 4
START = 6
END = 7

PERCENT = {
    "hs97_6a": ((10, 20), (50, 60)),
    "hs97_6b": ((10, 20), (33, 43), (66, 76)),
    "pascanu_2bit": ((10, 20), (50, 60)),
    "pascanu_3bit": ((10, 20), (30, 40), (60, 70)),
}
"""Where each mark may stand, in percent of ``length``; step 0 is the first."""


@dataclass(kw_only=True)
class TemporalOrder(Task):
    """Temporal order; ``length`` is L, at least 10: every length of ``pascanu``, the smallest of ``hs97``."""

    variant: str
    """``hs97_6a`` (4 classes), ``hs97_6b`` (8), ``pascanu_2bit`` (4) or ``pascanu_3bit`` (8)."""

    title = "order of two or three marks"
    variants = tuple(PERCENT)
    tokens = True
    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)
        check_range("task.length", self.length, at_least=10)  # below, ranges are empty or meet the first symbol

    @property
    def source(self) -> str:
        return "Hochreiter & Schmidhuber 1997" if self.framed else "Pascanu et al. 2013"

    @property
    def framed(self) -> bool:
        """Whether sequences begin with E, end with B, and vary in length."""
        return self.variant.startswith("hs97")

    @property
    def input_size(self) -> int:
        return MARKS + DISTRACTORS + 2 * self.framed

    @property
    def output_size(self) -> int:
        return int(MARKS ** len(PERCENT[self.variant]))

    def baseline(self, split: Split) -> float:
        return math.log(self.output_size)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, steps = self.batch_size, self.length * 11 // 10 if self.framed else self.length
        inputs = random.integers(MARKS, MARKS + DISTRACTORS, (steps, size))
        first, last = self._ranges()
        positions = random.integers(first, last, (len(first), size), endpoint=self.framed)
        marks = random.integers(0, MARKS, positions.shape)
        rows = np.arange(size)
        inputs[positions, rows] = marks
        lengths = None
        if self.framed:
            lengths = random.integers(self.length, steps, size, endpoint=True)
            inputs[0] = START
            inputs[np.arange(steps)[:, None] >= lengths - 1] = END
        targets = MARKS ** np.arange(len(marks))[::-1] @ marks
        return Batch(inputs, targets, lengths=lengths, informative=(positions * size + rows).ravel())

    def _ranges(self) -> tuple[Array, Array]:
        """Return the first steps [N, 1] at which the N marks may stand, and the last (hs97) or the next (pascanu)."""
        first, last = np.array(PERCENT[self.variant]).T[:, :, None]
        start = first * self.length // 100
        # the authors of pascanu round the width of a range, those of hs97 state whole numbers for L = 100
        return start, last * self.length // 100 if self.framed else start + (last - first) * self.length // 100
