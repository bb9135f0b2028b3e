"""The adding problem: two numbers are marked in a sequence of T; their sum is asked for at the end.

Variant ``half``: Arjovsky, Shah & Bengio 2016, "Unitary evolution recurrent neural networks" (arXiv:1511.06464),
after Hochreiter & Schmidhuber 1997. Values from U[0, 1]; one marker in each half; target x1 + x2.

    inputs [T, B, 2]: values, markers in {0, 1}          targets [B, 1]

Without memory the best prediction is 1, the mean: its error is var(x1 + x2) = 1/6. (".1767" in print is a typo.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_choice, check_range
from rnnbench.tasks.base import Batch, Split, Task, stream


@dataclass(kw_only=True)
class Adding(Task):
    """The adding problem; ``length`` is T, the number of steps, at least 2."""

    variant: str
    """``half``: one marker in each half."""

    title = "sum of two marked numbers"
    source = "Arjovsky et al. 2016"
    tokens = False
    every_step = False
    loss = "mse"
    metric = "mse"
    causal = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, ["half"])
        check_range("task.length", self.length, at_least=2)

    @property
    def input_size(self) -> int:
        return 2

    @property
    def output_size(self) -> int:
        return 1

    def baseline(self, split: Split) -> float:
        return 1 / 6

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, half = self.batch_size, self.length // 2
        inputs = np.zeros((self.length, size, 2), dtype=np.float32)
        inputs[:, :, 0] = random.random((self.length, size), dtype=np.float32)
        first, second = random.integers(0, half, size), random.integers(half, self.length, size)
        rows = np.arange(size)
        inputs[first, rows, 1] = inputs[second, rows, 1] = 1
        informative = np.concatenate([first, second]) * size + np.tile(rows, 2)
        return Batch(inputs, (inputs[first, rows, 0] + inputs[second, rows, 0])[:, None], informative=informative)
