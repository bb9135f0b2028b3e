"""A finite set of labelled sequences: its splits, the order of its batches, and the loss of a constant prediction.

A training batch k holds the examples k B .. (k+1) B - 1 of an endless row of shuffles of the training split, each a
function of (seed, epoch): every example once an epoch, in a new order, and any batch without those before it. The
batches of a held-out split hold every example once; the last one is smaller where B does not divide the split.

The baseline is the cross-entropy of the best constant prediction: the frequencies of the classes in the training split.
No closed form knows what the last input alone, be it a pixel or a letter, says about a class of real data, so a network
without memory may score a little above 0.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnbench.tasks.base import Array, Split, Task, stream

DIVISION = 0x5117
"""The key of the random numbers that divide a set: the same for every run."""


@dataclass(kw_only=True)
class FiniteTask(Task):
    """A task on a finite set of sequences."""

    causal = False
    drawn = False
    solvable = False

    @abstractmethod
    def available(self, split: Split) -> int:
        """Return the number of examples that a split has."""

    def batches(self, split: Split) -> int | None:
        return None if split == "train" else -(-self.available(split) // self.batch_size)

    def held_out_sequences(self, split: Split) -> int:
        return min(super().held_out_sequences(split), self.available(split))

    def chosen(self, split: Split, seed: int, step: int) -> Array:
        """Return the examples of a batch [B]; the last batch of a held-out split has the remaining ones."""
        count, size = self.available(split), self.batch_size
        if split != "train":
            return np.arange(count)[step % -(-count // size) * size :][:size]
        epochs, places = np.divmod(step * size + np.arange(size), count)
        pairs = zip(epochs.tolist(), places.tolist(), strict=True)
        return np.array([shuffled(seed, epoch, count)[place] for epoch, place in pairs])


@dataclass(kw_only=True)
class LabelledTask(FiniteTask):
    """The classification of whole sequences from a finite set."""

    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"

    @property
    @abstractmethod
    def labels(self) -> dict[Split, Array]:
        """The class [N] of every example of each split; training has examples of all classes."""

    def available(self, split: Split) -> int:
        return len(self.labels[split])

    def baseline(self, split: Split) -> float:
        frequencies = np.bincount(self.labels["train"]) / len(self.labels["train"])
        evaluated = self.labels[split] if split == "train" else self.labels[split][: self.held_out_sequences(split)]
        return float(-np.log(frequencies[evaluated]).mean())


@lru_cache(maxsize=4)
def shuffled(seed: int, epoch: int, count: int) -> Array:
    """Return the order of ``count`` training examples in an epoch."""
    return stream("train", seed, epoch).permutation(count)


def divide(labels: Array, shares: Sequence[float]) -> list[Array]:
    """Return the indices of a set with these ``labels`` in parts that hold ``shares`` of each class, shuffled.

    The first part has at least one example of every class. The same labels are divided in the same way everywhere.
    """
    random = np.random.Generator(np.random.Philox(key=DIVISION))
    parts: list[list[Array]] = [[] for _ in shares]
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        cuts = np.ceil(np.cumsum(shares[:-1]) * len(members) - 1e-9).astype(int)
        for part, piece in zip(parts, np.split(members, cuts), strict=True):
            part.append(piece)
    return [random.permutation(np.concatenate(part)) for part in parts]
