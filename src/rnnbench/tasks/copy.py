"""The copy memory task: remember ten symbols over T blanks and repeat them when asked.

``standard``   10 data, T-1 blanks, delimiter, 10 blanks: Arjovsky, Shah & Bengio 2016 (arXiv:1511.06464), authors' code
``tcn``        10 data, T-1 blanks, eleven 9s: Bai, Kolter & Koltun 2018 (arXiv:1803.01271), authors' code; the digit
               (data 1..8, blank 0) is one real channel, and there are 10 classes
``variable``   10 data, N blanks with N uniform in 1..T, delimiter, 10 blanks: Henaff, Szlam & LeCun 2016
               (arXiv:1602.06662)
``selective``  10 data at random steps among T blanks, then 10 delimiters: Gu & Dao 2023 (arXiv:2312.00752)

    inputs, targets [T+20, B] (variable: [T+21, B]); tcn's inputs [T+20, B, 1]

Data are 0..7, blank 8, delimiter 9 (an input only) but for tcn. Targets are blanks, and the ten data over the last ten
valid steps. The loss is the mean over all valid steps; of selective, over the recalled ones alone. The baseline has no
memory of the data, but may know the time: it is sure of every blank and guesses the data, 10 ln 8 over the (mean)
number of these steps. The accuracy counts the ten recalled symbols alone, because blanks everywhere are right on T+10
of T+20 steps.
Chosen here: variable is padded with blanks; selective has 10 data from 8 letters, like the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_choice
from rnnbench.tasks.base import Array, Batch, Split, Task, stream

LETTERS = 8
BLANK = 8
DELIMITER = 9
SPAN = 10  # symbols to remember

SOURCES = {
    "standard": "Arjovsky et al. 2016",
    "tcn": "Bai et al. 2018",
    "variable": "Henaff et al. 2016",
    "selective": "Gu & Dao 2023",
}


@dataclass(kw_only=True)
class Copy(Task):
    """The copy memory task; ``length`` is T, so that a sequence has T + 20 steps (variable: at most T + 21)."""

    variant: str
    """``standard``, ``tcn``, ``variable`` or ``selective``: where the data are, and how recall is asked for."""

    title = "recall of ten symbols"
    variants = tuple(SOURCES)
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False  # inputs after a target say nothing of the data: a backward direction sees nothing that helps

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)

    @property
    def source(self) -> str:
        return SOURCES[self.variant]

    @property
    def tokens(self) -> bool:
        return self.variant != "tcn"

    @property
    def input_size(self) -> int:
        return LETTERS + 2 if self.tokens else 1

    @property
    def output_size(self) -> int:
        return LETTERS + 1 if self.tokens else LETTERS + 2

    def baseline(self, split: Split) -> float:
        guessed = SPAN * math.log(LETTERS)
        if self.variant == "variable" and split != "train":
            return guessed / self.held_out_mean(split, lambda batch: batch.lengths)
        mean_steps = {"variable": 2 * SPAN + 1 + (self.length + 1) / 2, "selective": SPAN}
        return guessed / mean_steps.get(self.variant, self.length + 2 * SPAN)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        data = random.integers(0, LETTERS, (SPAN, self.batch_size))
        if self.variant == "tcn":
            return self._tcn(data)
        if self.variant == "variable":
            return self._variable(data, random)
        if self.variant == "selective":
            return self._selective(data, random)
        return self._standard(data)

    def _standard(self, data: Array) -> Batch:
        size, steps = self.batch_size, self.length + 2 * SPAN
        inputs = np.full((steps, size), BLANK, dtype=np.int64)
        targets = inputs.copy()
        inputs[:SPAN] = data
        inputs[-SPAN - 1] = DELIMITER
        targets[-SPAN:] = data
        last_symbol = np.arange((SPAN - 1) * size, SPAN * size)  # what the last target repeats
        return Batch(inputs, targets, scored=np.arange((steps - SPAN) * size, steps * size), informative=last_symbol)

    def _tcn(self, data: Array) -> Batch:
        batch = self._standard(data)
        inputs, targets = (batch.inputs + 1) % (BLANK + 1), (batch.targets + 1) % (BLANK + 1)  # blank is 0, data 1..8
        inputs[-SPAN - 1 :] = DELIMITER
        return batch._replace(inputs=inputs[:, :, None].astype(np.float32), targets=targets)

    def _variable(self, data: Array, random: np.random.Generator) -> Batch:
        size, steps = self.batch_size, self.length + 2 * SPAN + 1
        delimiter = SPAN + random.integers(1, self.length, size, endpoint=True)
        rows = np.arange(size)
        recalled = delimiter + np.arange(1, SPAN + 1)[:, None]
        inputs = np.full((steps, size), BLANK, dtype=np.int64)
        targets = inputs.copy()
        inputs[:SPAN] = data
        inputs[delimiter, rows] = DELIMITER
        targets[recalled, rows] = data
        lengths = delimiter + SPAN + 1
        return Batch(
            inputs,
            targets,
            scored=(recalled * size + rows).ravel(),
            counted=np.flatnonzero(np.arange(steps)[:, None] < lengths),
            lengths=lengths,
            informative=(SPAN - 1) * size + rows,
        )

    def _selective(self, data: Array, random: np.random.Generator) -> Batch:
        size, steps = self.batch_size, self.length + 2 * SPAN
        rows = np.arange(size)
        places = np.sort(random.random((steps - SPAN, size)).argsort(axis=0)[:SPAN], axis=0)
        inputs = np.full((steps, size), BLANK, dtype=np.int64)
        targets = inputs.copy()
        inputs[places, rows] = data
        inputs[-SPAN:] = DELIMITER
        targets[-SPAN:] = data
        recalled = np.arange((steps - SPAN) * size, steps * size)
        return Batch(inputs, targets, scored=recalled, counted=recalled, informative=places[-1] * size + rows)
