"""Batches of a recursion over time, drawn many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnbench.tasks.base import Array, Split, stream

BLOCK = 2048
"""Sequences that ``Blocks`` draws at once, about."""


class Blocks:
    """Batches that are drawn many at once: a recursion over time in NumPy takes as long for one as for many.

    ``draw`` (random numbers, sequences) returns arrays [..., sequences]; each batch is a part of them.
    """

    def __init__(self, draw: Callable[[np.random.Generator, int], tuple[Array, ...]], batch_size: int) -> None:
        self.draw, self.size = draw, batch_size
        self.batches = max(1, BLOCK // batch_size)
        self.last: dict[Split, tuple[tuple[int, int], tuple[Array, ...]]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what was drawn: another process draws it again."""
        return Blocks, (self.draw, self.size)

    def batch(self, split: Split, seed: int, step: int) -> list[Array]:
        """Return the arrays of one batch, [..., B]."""
        key = seed, step // self.batches
        if split not in self.last or self.last[split][0] != key:
            self.last[split] = key, self.draw(stream(split, *key), self.batches * self.size)
        first = step % self.batches * self.size
        return [np.ascontiguousarray(array[..., first : first + self.size]) for array in self.last[split][1]]
