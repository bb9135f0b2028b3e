"""What tasks on strings of random length share: the lengths, and where a string that is rewritten stands.

A test length that is longer than L stands for all lengths from L to it, so that no string of that test is shorter than
the longest that was trained on: the test of Deletang et al. 2022 (arXiv:2207.02098).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from rnnbench.errors import check_range
from rnnbench.tasks.base import LONGEST, Array, Batch, Capability, Split, Task, stream


@dataclass(kw_only=True)
class Strings(Task):
    """A task on strings of U{shortest..length} symbols."""

    shortest: int
    """The length of the shortest string."""

    capability: ClassVar[Capability] = "state tracking"
    repeats = True
    lengths_by = "shortest"
    at_least: ClassVar[int] = 1
    """The shortest string that the task is defined for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.shortest", self.shortest, at_least=self.at_least, at_most=LONGEST)
        check_range("task.length", self.length, at_least=self.shortest)

    def at_length(self, length: int) -> Self:
        """Return the task with strings of ``self.length`` to ``length`` symbols; at least from ``shortest`` on."""
        shortest = self.length if length > self.length else self.shortest
        return replace(self, length=length, shortest=shortest, test_lengths=[], train_lengths=[])

    def draw_lengths(self, random: np.random.Generator) -> Array:
        """Return the length of each string [B]."""
        return random.integers(self.shortest, self.length, self.batch_size, endpoint=True)


@dataclass(kw_only=True)
class Rewriting(Strings):
    """A string of l symbols, then as many blanks as the answer has symbols, which are its ``factor`` times l targets.

        inputs, targets [(1 + factor) L, B]: symbols 0..V-1, blank V; padded with blanks, targets with 0

    The predictor without memory may know the time: how long the string is, and which symbol of the answer is due. Only
    the answer is trained on and scored.
    """

    vocabulary: int
    """V, the number of symbols."""

    factor: ClassVar[int] = 1
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False  # what follows a blank are blanks

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.vocabulary", self.vocabulary, at_least=2, at_most=10**5)

    @property
    def input_size(self) -> int:
        return self.vocabulary + 1

    @property
    def output_size(self) -> int:
        return self.vocabulary

    @property
    def chance(self) -> float:
        return 1 / self.vocabulary

    def baseline(self, split: Split) -> float:
        return math.log(self.vocabulary)

    @abstractmethod
    def answer(self, string: Array, lengths: Array) -> Array:
        """Return the answers [factor * L, B] to strings [L, B]; what is after an answer's end does not count."""

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        lengths = self.draw_lengths(random)
        string = random.integers(0, self.vocabulary, (self.length, self.batch_size))
        steps = np.arange((1 + self.factor) * self.length)[:, None]
        inputs = np.full((len(steps), self.batch_size), self.vocabulary)
        inputs[: self.length] = np.where(steps[: self.length] < lengths, string, self.vocabulary)
        place = steps - lengths
        due = (place >= 0) & (place < self.factor * lengths)
        found = self.answer(string, lengths)
        targets = np.where(due, np.take_along_axis(found, place.clip(0, len(found) - 1), axis=0), 0)
        positions = np.flatnonzero(due)
        return Batch(inputs, targets, scored=positions, counted=positions, lengths=(1 + self.factor) * lengths)
