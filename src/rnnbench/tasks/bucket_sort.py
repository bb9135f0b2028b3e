"""Bucket sort: a string, and then its symbols in order.

Deletang et al. 2022, "Neural networks and the Chomsky hierarchy" (arXiv:2207.02098). The string is shown first, the
answer is due over as many blanks after it; ``rnnbench.tasks.strings`` has the shapes. It takes counting, once for each
symbol, and no other memory.

Symbol k + 1 of the answer is at most v where more than k of the l symbols are: a binomial probability. So a predictor
without memory that knows l and k is not at ln V but well below it, and exactly known. The paper has V = 5 and strings
of one length in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnnbench.tasks.base import Array, Batch, Split
from rnnbench.tasks.strings import Rewriting


@dataclass(kw_only=True)
class BucketSort(Rewriting):
    """Bucket sort; ``length`` is L, the symbols of the longest string."""

    title = "the symbols of a string in order"
    source = "Deletang et al. 2022"
    capability = "counting"

    @cached_property
    def ranks(self) -> Array:
        """The probabilities [l, k, V] of symbol k + 1 of the answer to l = shortest.. symbols; 0 for k >= l."""
        from scipy.special import bdtrc  # takes a third of a second

        lengths = np.arange(self.shortest, self.length + 1)[:, None, None]
        place = np.arange(self.length)[:, None]
        at_most = np.arange(1, self.vocabulary) / self.vocabulary
        cumulative = np.zeros((len(lengths), self.length, self.vocabulary + 1))
        cumulative[:, :, 1:-1] = bdtrc(place, np.maximum(lengths, place), at_most)
        cumulative[:, :, -1] = 1
        return np.diff(cumulative, axis=2) * (place < lengths)

    @property
    def chance(self) -> float:
        return float(self.ranks.max(axis=2).sum() / self._answers)

    @property
    def _answers(self) -> int:
        """The symbols of one string of each length."""
        return (self.shortest + self.length) * (self.length - self.shortest + 1) // 2

    def baseline(self, split: Split) -> float:
        if split == "train":
            logarithms = np.log(np.where(self.ranks > 0, self.ranks, 1))
            return float(-(self.ranks * logarithms).sum() / self._answers)
        return self.held_out_mean(split, self._losses)

    def _losses(self, batch: Batch) -> Array:
        steps, sequences = np.divmod(batch.counted, len(batch.lengths))
        lengths = batch.lengths[sequences] // 2
        symbols = batch.targets[steps, sequences]
        return np.asarray(-np.log(self.ranks[lengths - self.shortest, steps - lengths, symbols]))

    def answer(self, string: Array, lengths: Array) -> Array:
        valid = np.arange(len(string))[:, None] < lengths
        return np.sort(np.where(valid, string, self.vocabulary), axis=0)
