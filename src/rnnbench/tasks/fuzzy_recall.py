"""Fuzzy recall: as associative recall, but keys and values are motifs of one to a few symbols.

Poli et al. 2024, "Mechanistic design and scaling of hybrid architectures" (arXiv:2403.17844), task of MAD. Of V symbols
one is a pad, one a sign, half of the others make up keys, the rest values. A motif has 1..M different symbols, each
size as likely, and then each motif of that size. P pairs stand one after another, a key that comes again with its value
again; then the sign, the key of one of the pairs, and its value.

    inputs [2 M (P+1) - 1, B]: key symbols 0.., then value symbols, pad V-2, sign V-1; padded at the start
    targets [2 M (P+1) - 1, B]: the symbols of the last value, each at the step before it is fed

Only these are trained on and scored. Without memory the first one costs ln n, n the number of value symbols, each
further one ln(n-1), because it is another one than that just seen. A network has to find where a key ends: a is another
key than ab. The authors ask for every key that comes again, or only for the last one (chosen here), train on all next
symbols, fill a given number of steps with as many pairs as fit, and test keys of M symbols only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import Array, Batch, Split, Task
from rnnbench.tasks.blocks import Blocks


@dataclass(kw_only=True)
class FuzzyRecall(Task):
    """Fuzzy recall; ``length`` is P, the pairs before the question."""

    vocabulary: int
    """V, the symbols with pad and sign."""
    motif: int
    """M, the symbols of the longest motif."""

    title = "the value of a key of several symbols"
    source = "Poli et al. 2024"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "recall"
    causal = True  # the answer is fed one step later

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.motif", self.motif, at_least=1, at_most=4)
        check_range("task.vocabulary", self.vocabulary, at_least=2 * max(self.motif, 2) + 2, at_most=64)

    @property
    def input_size(self) -> int:
        return self.vocabulary

    @property
    def output_size(self) -> int:
        return self.vocabulary

    @property
    def keys(self) -> int:
        """The number of key symbols, 0.. ."""
        return (self.vocabulary - 2) // 2

    @property
    def values(self) -> int:
        """The number of value symbols, which follow those of keys."""
        return self.vocabulary - 2 - self.keys

    @property
    def chance(self) -> float:
        first, later = 1 / self.values, 1 / (self.values - 1)
        return (first + later * (self.motif - 1) / 2) / ((1 + self.motif) / 2)

    def baseline(self, split: Split) -> float:
        first, later = math.log(self.values), math.log(self.values - 1)
        if split == "train":
            return (first + later * (self.motif - 1) / 2) / ((1 + self.motif) / 2)
        return self.held_out_mean(split, lambda batch: np.where(self._begins(batch), first, later))

    def _begins(self, batch: Batch) -> Array:
        """Return whether each scored position asks for the first symbol of a value: the key is fed, not the value."""
        return np.asarray(batch.inputs.ravel()[batch.scored] < self.keys)

    @cached_property
    def _motifs(self) -> tuple[Array, Array]:
        """All motifs [kinds, n, M] of keys and of values, by size, padded with -1, and where each size begins [M+1]."""
        found = []
        for first, count in ((0, self.keys), (self.keys, self.values)):
            each = [list(permutations(range(first, first + count), size)) for size in range(1, self.motif + 1)]
            found.append(np.array([[*motif, *[-1] * (self.motif - len(motif))] for part in each for motif in part]))
        kinds = [
            np.cumsum([0, *(math.perm(count, s + 1) for s in range(self.motif))]) for count in (self.keys, self.values)
        ]
        table = np.full((2, max(map(len, found)), self.motif), -1)
        for kind, motifs in enumerate(found):
            table[kind, : len(motifs)] = motifs
        return table, np.array(kinds)

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._draw, self.batch_size)

    def _draw(self, random: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Return sequences [2 M (P+1), size], and the place [size] of the first symbol of the last value."""
        pairs, wide = self.length, 2 * self.motif
        table, begins = self._motifs
        sizes = random.integers(0, self.motif, (2, pairs, size))
        kinds = np.arange(2)[:, None, None]
        first, end = begins[kinds, sizes], begins[kinds, sizes + 1]
        keys, values = first + (random.random(sizes.shape) * (end - first)).astype(np.int64)
        earliest = (keys[:, None] == keys).argmax(axis=1)  # [P, B]: where this key came first
        values = np.take_along_axis(values, earliest, axis=0)
        asked = random.integers(0, pairs, size)
        rows = np.arange(size)
        symbols = np.full((pairs * wide + 1 + wide, size), self.vocabulary - 1)
        symbols[: pairs * wide] = (
            np.concatenate([table[0][keys], table[1][values]], axis=2).swapaxes(1, 2).reshape(-1, size)
        )
        symbols[pairs * wide + 1 :] = np.concatenate(
            [table[0][keys[asked, rows]], table[1][values[asked, rows]]], axis=1
        ).T
        shown = symbols >= 0
        steps = (pairs + 1) * wide + 1
        place = steps - shown.sum(axis=0) + shown.cumsum(axis=0) - 1
        packed = np.full((steps, size), self.vocabulary - 2)
        packed[place[shown], np.nonzero(shown)[1]] = symbols[shown]
        return packed, steps - shown[-self.motif :].sum(axis=0)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        sequences, answered = self._blocks.batch(split, seed, step)
        scored = np.flatnonzero(np.arange(1, len(sequences))[:, None] >= answered)
        return Batch(sequences[:-1], sequences[1:], scored=scored, counted=scored)
