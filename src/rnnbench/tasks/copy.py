"""The copy memory task: remember ten symbols over T blanks and repeat them when asked.

Variant ``standard``: Arjovsky, Shah & Bengio 2016, "Unitary evolution recurrent neural networks" (arXiv:1511.06464),
as in the authors' code. Symbols 0..7 are data, 8 is blank, 9 is the delimiter (an input only).

    inputs  [T+20, B]: 10 data, T-1 blanks, delimiter, 10 blanks
    targets [T+20, B]: T+10 blanks, then the 10 data

The loss is the mean over all T+20 steps. Without memory the data can only be guessed: 10 ln 8 / (T+20). The accuracy
counts the ten recalled symbols alone, because predicting blanks everywhere is right on T+10 of T+20 steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_choice
from rnnbench.tasks.base import Batch, Split, Task, stream

LETTERS = 8
BLANK = 8
DELIMITER = 9
SPAN = 10  # symbols to remember


@dataclass(kw_only=True)
class Copy(Task):
    """The copy memory task; ``length`` is T, so that a sequence has T + 20 steps."""

    variant: str
    """``standard``: recall begins T - 1 blanks after the data."""

    title = "recall of ten symbols"
    source = "Arjovsky et al. 2016"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False  # inputs after a target are blanks: a backward direction sees nothing that helps

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, ["standard"])

    @property
    def input_size(self) -> int:
        return LETTERS + 2

    @property
    def output_size(self) -> int:
        return LETTERS + 1

    def baseline(self, split: Split) -> float:
        return SPAN * math.log(LETTERS) / (self.length + 2 * SPAN)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        size, steps = self.batch_size, self.length + 2 * SPAN
        data = stream(split, seed, step).integers(0, LETTERS, (SPAN, size))
        inputs = np.full((steps, size), BLANK, dtype=np.int64)
        targets = inputs.copy()
        inputs[:SPAN] = data
        inputs[-SPAN - 1] = DELIMITER
        targets[-SPAN:] = data
        last_symbol = np.arange((SPAN - 1) * size, SPAN * size)  # what the last target repeats
        return Batch(inputs, targets, scored=np.arange((steps - SPAN) * size, steps * size), informative=last_symbol)
