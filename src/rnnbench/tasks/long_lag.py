"""Long lag: predict the next symbol; only the last one needs memory, of the first.

Hochreiter & Schmidhuber 1997, "Long short-term memory", experiments 2a and 2b. There are p + 1 symbols, a1..a_{p-1}, x
and y, and two kinds of sequences, equally likely: (x, a.., x) and (y, a.., y), with p - 1 symbols between the ends.

Variant ``2a``: a1, a2, .., a_{p-1} between the ends. Variant ``2b``: random symbols, uniform on a1..a_{p-1}.

    inputs [p, B]: all symbols but the last; a1.. = 0.., x = p-1, y = p          targets [p, B]: all but the first

The baseline sees the present symbol alone. In 2a only the last symbol is left open: ln 2 / p. In 2b, with q = p - 1,
the first symbol leaves q, alike; each other one is followed by an end with probability 1/q. Sum over a sequence:
2 ln q + (q-1) (2 ln q - ln(q-1)) + ln 2. The random symbols cost every predictor q ln q, so that in 2b the score stays
below 1, and "solved" is 5 % of the way from that floor to the baseline. The accuracy is that of the last symbol.
How long the random part of 2b is, and from which symbols, is this project's choice. The paper trains squared errors.
The splits of 2a share its two sequences: it asks for memory, not generalisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_choice, check_range
from rnnbench.tasks.base import SOLVED_SHARE, Batch, Split, Task, stream


@dataclass(kw_only=True)
class LongLag(Task):
    """The long lag; ``length`` is p, the steps from the first symbol to the last, at least 3."""

    variant: str
    """``2a``: the same symbols between the ends in each sequence; ``2b``: random ones."""

    title = "the last symbol is the first"
    source = "Hochreiter & Schmidhuber 1997"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    causal = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, ["2a", "2b"])
        check_range("task.length", self.length, at_least=3)  # with one symbol between the ends nothing is random

    @property
    def input_size(self) -> int:
        return self.length + 1

    @property
    def output_size(self) -> int:
        return self.length + 1

    @property
    def floor(self) -> float:
        """The loss of a perfect predictor."""
        between = self.length - 1
        return 0 if self.variant == "2a" else between * math.log(between) / self.length

    def baseline(self, split: Split) -> float:
        if self.variant == "2a":
            return math.log(2) / self.length
        q = self.length - 1
        return (2 * math.log(q) + (q - 1) * (2 * math.log(q) - math.log(q - 1)) + math.log(2)) / self.length

    @property
    def solved_below(self) -> float:
        return self.floor + SOLVED_SHARE * (self.baseline("validation") - self.floor)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        size, between = self.batch_size, self.length - 1
        symbols = np.empty((self.length + 1, size), dtype=np.int64)
        symbols[[0, -1]] = random.integers(between, between + 2, size)
        if self.variant == "2a":
            symbols[1:-1] = np.arange(between)[:, None]
        else:
            symbols[1:-1] = random.integers(0, between, (between, size))
        last = np.arange(between * size, self.length * size)
        return Batch(symbols[:-1], symbols[1:], scored=last, informative=np.arange(size))
