"""Long lag: only the last symbol of a sequence needs memory, of the first symbols.

Hochreiter & Schmidhuber 1997, "Long short-term memory", experiments 2a, 2b and 2c.

Variants ``2a``, ``2b``: next-symbol prediction. There are p + 1 symbols, a1..a_{p-1}, x and y, and two kinds of
sequences, equally likely: (x, a.., x) and (y, a.., y), with p - 1 symbols between the ends: a1, a2, .., a_{p-1} in 2a,
random ones, uniform on a1..a_{p-1}, in 2b.

    inputs [p, B]: all symbols but the last; a1.. = 0.., x = p-1, y = p          targets [p, B]: all but the first

The baseline sees the present symbol alone. In 2a only the last symbol is left open: ln 2 / p. In 2b, with q = p - 1,
the first symbol leaves q, alike; each other one is followed by an end with probability 1/q. Sum over a sequence:
2 ln q + (q-1) (2 ln q - ln(q-1)) + ln 2. The random symbols cost every predictor q ln q, so that in 2b the score stays
below 1, and "solved" is 5 % of the way from that floor to the baseline. The accuracy is that of the last symbol.
The splits of 2a share its two sequences: it asks for memory, not generalisation. The paper trains squared errors.

Variant ``2c``: (b, x, a.., e, x) or (b, y, a.., e, y), equally likely, with q + k distractors uniform on a1..ap; after
the first q each further step ends them with probability 1/10, so that k is 9 on average. Only the last symbol is
predicted, x or y, after e: at least q + 1 steps after it was seen. Without memory: ln 2.

    inputs [q + k + 3, B]: a1.. = 0.., e, b, x, y = p..p+3; padded with 0          targets [B]: 0 for x, 1 for y

In print, the distractors' index ends at q (meant: p, the table has other q than p), a further element has probability
1/10 like e (meant: 9/10), and the expected length is q + 14 (its own sum gives q + 13).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import UserError, check_choice, check_range
from rnnbench.tasks.base import Batch, Split, Task, stream

STOP = 0.1
"""The probability that the distractors of 2c end at a step after the first q."""


@dataclass(kw_only=True)
class LongLag(Task):
    """The long lag; ``length`` is p in 2a and 2b, at least 3, and q in 2c."""

    variant: str
    """``2a``: the same symbols between the ends in each sequence; ``2b``: random ones; ``2c``: ever more of them."""
    distractors: int | None
    """p of 2c, the kinds of symbols between the ends; None: as many as ``length``. The other variants have p - 1."""

    title = "the last symbol is one of the first"
    source = "Hochreiter & Schmidhuber 1997"
    longer = False  # the symbols depend on the length
    repeats = True  # 2a has two sequences
    variants = ("2a", "2b", "2c")
    tokens = True
    loss = "cross_entropy"
    metric = "accuracy"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)
        if self.variant == "2c":
            check_range("task.distractors", self.kinds, at_least=1, at_most=10**6)
        else:
            check_range("task.length", self.length, at_least=3)  # with one symbol between the ends nothing is random
            if self.distractors is not None:
                raise UserError(f"task.distractors={self.distractors}: is of task.variant=2c alone; leave it null")

    @property
    def kinds(self) -> int:
        """The number of different symbols between the ends."""
        if self.variant != "2c":
            return self.length - 1
        return self.length if self.distractors is None else self.distractors

    @property
    def every_step(self) -> bool:
        return self.variant != "2c"

    @property
    def causal(self) -> bool:
        return self.variant != "2c"

    @property
    def input_size(self) -> int:
        return self.kinds + (4 if self.variant == "2c" else 2)

    @property
    def output_size(self) -> int:
        return 2 if self.variant == "2c" else self.input_size

    def floor(self, split: Split) -> float:
        return self.kinds * math.log(self.kinds) / self.length if self.variant == "2b" else 0

    def baseline(self, split: Split) -> float:
        if self.variant == "2c":
            return math.log(2)
        if self.variant == "2a":
            return math.log(2) / self.length
        q = self.kinds
        return (2 * math.log(q) + (q - 1) * (2 * math.log(q) - math.log(q - 1)) + math.log(2)) / self.length

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        if self.variant == "2c":
            return self._many_distractors(random)
        size, between = self.batch_size, self.kinds
        symbols = np.empty((self.length + 1, size), dtype=np.int64)
        symbols[[0, -1]] = random.integers(between, between + 2, size)
        if self.variant == "2a":
            symbols[1:-1] = np.arange(between)[:, None]
        else:
            symbols[1:-1] = random.integers(0, between, (between, size))
        last = np.arange(between * size, self.length * size)
        return Batch(symbols[:-1], symbols[1:], scored=last, informative=np.arange(size))

    def _many_distractors(self, random: np.random.Generator) -> Batch:
        size = self.batch_size
        trigger = self.length + 1 + random.geometric(STOP, size)  # the step of e: q + k + 2
        classes = random.integers(0, 2, size)
        steps = np.arange(trigger.max() + 1)[:, None]
        inputs = np.where(steps < trigger, random.integers(0, self.kinds, (len(steps), size)), 0)
        inputs[trigger, np.arange(size)] = self.kinds
        inputs[0] = self.kinds + 1
        inputs[1] = self.kinds + 2 + classes
        return Batch(inputs, classes, lengths=trigger + 1, informative=np.arange(size, 2 * size))
