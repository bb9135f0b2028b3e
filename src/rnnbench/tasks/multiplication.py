"""The multiplication problem: two numbers are marked in a sequence; their product is asked for at the end.

Hochreiter & Schmidhuber 1997, "Long short-term memory", experiment 5: lengths and markers are those of the adding
problem's variant ``hs97``, values from U[0, 1], target x1 * x2. A sum can be held by adding up as it comes; a product
cannot, so a cell must store the first number until the second.

    inputs [1.1 T, B, 2]: values, markers in {-1, 0, 1}; zero after a sequence's end          targets [B, 1]

Without memory the best prediction is 1/4, the mean: its error is var(x1 x2) = 1/9 - 1/16 = 7/144.
What differs from the paper is what differs in ``adding``: a marked first step keeps its marker and its value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.adding import SHORTEST, SOURCES, marked_hs97
from rnnbench.tasks.base import Batch, Split, Task, stream


@dataclass(kw_only=True)
class Multiplication(Task):
    """The multiplication problem; ``length`` is T, the least number of steps of a sequence."""

    title = "product of two marked numbers"
    source = SOURCES["hs97"]
    tokens = False
    every_step = False
    loss = "mse"
    metric = "mse"
    causal = False
    input_size = 2
    output_size = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.length", self.length, at_least=SHORTEST["hs97"])

    def baseline(self, split: Split) -> float:
        if split == "train":
            return 7 / 144
        return self.held_out_mean(split, lambda batch: np.square(batch.targets - 1 / 4))

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        batch = marked_hs97(stream(split, seed, step), self.length, self.batch_size, low=0)
        return batch._replace(targets=batch.targets.prod(axis=1, keepdims=True))
