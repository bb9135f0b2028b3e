"""Cycle navigation: steps forth, back and none on a cycle of five places: where does the walk end?

Deletang et al. 2022, "Neural networks and the Chomsky hierarchy" (arXiv:2207.02098).

    inputs [L, B]: 0, 1, 2 for a step of 0, 1, -1; padded with 0; lengths from U{shortest..L}
    targets [B]: the sum of the steps modulo 5

Walks have two steps at least. A predictor without memory sees the last step and may know how many there were: it has to
guess where the walk was before, which is exactly known, and close to uniform, ln 5, for all but the shortest. The paper
has walks of one length in a batch, from one step on, and reads the answer a step later, at an empty symbol.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnnbench.tasks.base import Array, Batch, Split, stream
from rnnbench.tasks.strings import Strings

PLACES = 5
STEPS = np.array([0, 1, -1])


@dataclass(kw_only=True)
class CycleNavigation(Strings):
    """Cycle navigation; ``length`` is L, the steps of the longest walk."""

    title = "the end of a walk on a cycle"
    source = "Deletang et al. 2022"
    tokens = True
    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False
    input_size = len(STEPS)
    output_size = PLACES
    at_least = 2

    @cached_property
    def places(self) -> Array:
        """The probabilities [L, places] of the place after 0, 1, .. steps."""
        found = np.zeros((self.length, PLACES))
        found[0, 0] = 1
        for t in range(1, self.length):
            found[t] = sum(np.roll(found[t - 1], move) for move in STEPS) / len(STEPS)
        return found

    @property
    def chance(self) -> float:
        return float(self.places[self.shortest - 1 :].max(axis=1).mean())

    def baseline(self, split: Split) -> float:
        if split == "train":
            before = self.places[self.shortest - 1 :]
            return float(-(before * np.log(np.where(before > 0, before, 1))).sum(axis=1).mean())
        return self.held_out_mean(split, self._losses)

    def _losses(self, batch: Batch) -> Array:
        last = STEPS[batch.inputs[batch.lengths - 1, np.arange(batch.inputs.shape[1])]]
        return np.asarray(-np.log(self.places[batch.lengths - 1, (batch.targets - last) % PLACES]))

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        lengths = self.draw_lengths(random)
        valid = np.arange(self.length)[:, None] < lengths
        inputs = random.integers(0, len(STEPS), valid.shape) * valid
        return Batch(inputs, STEPS[inputs].sum(axis=0) % PLACES, lengths=lengths)
