"""Multi-query associative recall: pairs of a key and a value, then the keys again, each asking for its value.

Arora et al. 2023, "Zoology: measuring and improving recall in efficient language models" (arXiv:2312.04927), authors'
code. The keys of a sequence are D different ones of 1..V/2-1, the values D different ones of V/2..V-1. The first 2D
steps are key, value, key, value, ..; each key comes again at step 2D + 2g, where the D slots g are different ones of
0..(L-2D)/2-1, drawn one after another with probabilities proportional to (g + 1)^(a-1): a = .01, the authors' choice,
crowds them at the front, a = 1 spreads them evenly.

    inputs [L, B]          targets [L, B]: at the step of a repeated key, its value

Nothing else is trained on or scored. The other steps are filled with ``blank``, token 0, as in the paper's figure 2, or
with ``random`` tokens of the whole vocabulary, the default of the authors' code: then they may equal a key or a value
of the sequence, and mean nothing. The value is due at the step that shows the key, so a memoryless predictor sees the
key: each value is as likely, and the best guess costs ln(V/2). A sequence ends with its last question; the authors go
on with steps that ask nothing. The authors require V > L, which the rule does not need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import UserError, check_choice, check_range
from rnnbench.tasks.base import Batch, Split, Task, stream

FILLS = ("blank", "random")


@dataclass(kw_only=True)
class MQAR(Task):
    """Multi-query associative recall; ``length`` is L, even, at least 4 D."""

    vocabulary: int
    """V, even: blank, V/2 - 1 keys and V/2 values."""
    pairs: int
    """D, the pairs in a sequence."""
    exponent: float
    """a, above 0, at most 1: how the questions are spread."""
    fill: str
    """``blank`` or ``random``: what stands at the steps that are neither pairs nor questions."""

    spacing = 2
    title = "values of repeated keys"
    source = "Arora et al. 2023"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "recall"
    causal = False  # what follows a question does not answer it

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.vocabulary", self.vocabulary, at_least=4, at_most=10**5)
        check_range("task.pairs", self.pairs, at_least=1, at_most=self.vocabulary // 2 - 1)
        check_range("task.length", self.length, at_least=4 * self.pairs)
        check_range("task.exponent", self.exponent, above=0, at_most=1)
        check_choice("task.fill", self.fill, FILLS)
        for key in ("vocabulary", "length"):
            if getattr(self, key) % 2:
                raise UserError(f"task.{key}={getattr(self, key)}: must be even")

    @property
    def input_size(self) -> int:
        return self.vocabulary

    @property
    def output_size(self) -> int:
        return self.vocabulary

    @property
    def chance(self) -> float:
        return 2 / self.vocabulary

    def baseline(self, split: Split) -> float:
        return math.log(self.vocabulary // 2)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, pairs, half = self.batch_size, self.pairs, self.vocabulary // 2
        rows = np.arange(size)
        keys = random.permuted(np.tile(np.arange(1, half), (size, 1)), axis=1)[:, :pairs].T
        values = random.permuted(np.tile(np.arange(half, 2 * half), (size, 1)), axis=1)[:, :pairs].T
        slots = np.arange(1, (self.length - 2 * pairs) // 2 + 1)
        waiting = random.exponential(size=(len(slots), size)) * (slots ** (1 - self.exponent))[:, None]
        questions = 2 * pairs + 2 * waiting.argsort(axis=0)[:pairs]  # the first of exponential clocks of these rates
        if self.fill == "random":
            inputs = random.integers(0, self.vocabulary, (self.length, size))
        else:
            inputs = np.zeros((self.length, size), dtype=np.int64)
        inputs[0 : 2 * pairs : 2], inputs[1 : 2 * pairs : 2] = keys, values
        inputs[questions, rows] = keys
        targets = np.zeros_like(inputs)
        targets[questions, rows] = values
        scored = np.sort((questions * size + rows).ravel())
        last = questions.max(axis=0)
        informative = np.concatenate([np.arange(2 * pairs * size), last * size + rows])
        return Batch(inputs, targets, scored=scored, counted=scored, lengths=last + 1, informative=informative)
