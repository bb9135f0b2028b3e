"""Group words: the running product of elements of a finite group.

Merrill, Petty & Sabharwal 2024, "The illusion of state in state-space models" (arXiv:2404.08819), token tagging: at
each step the product so far is due.

``Z60``        numbers modulo 60: commutative
``A4xZ5``      even permutations of four points, with numbers modulo 5: solvable; 60 elements
``A5``         even permutations of five points: not solvable; 60 elements
``S3``         all permutations of three points: 6 elements
``S5``         all permutations of five points: 120 elements
``S5_swaps``   S5, of which only the identity and the ten swaps come: Grazzi et al. 2024 (arXiv:2411.12537)

    inputs [T, B]: elements, uniform          targets [T, B]: x_1 x_2 .. x_t, each applied after those before it

Elements are numbered in the order of the permutations that stand for them, the identity is 0; of S5_swaps the inputs
are numbered among those that come. A predictor that sees x_t and knows the time has to guess the product before it:
with uniform elements each is as likely, ln n, and with swaps as likely as after t - 1 random swaps, counted exactly.
The first step costs it nothing and is not scored. The paper's metric is the share of sequences without an error; the
accuracy of single steps stands beside it. Its authors number elements in another way, sample up to 10^6 different
words, and add all of two letters to the training set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnnbench.errors import check_choice, check_range
from rnnbench.tasks import groups
from rnnbench.tasks.base import Array, Batch, Split, Task
from rnnbench.tasks.blocks import Blocks

SWAPS = "S5_swaps"


@dataclass(kw_only=True)
class GroupWord(Task):
    """Group words; ``length`` is T, the letters of a word."""

    variant: str
    """``Z60``, ``A4xZ5``, ``A5``, ``S3``, ``S5`` or ``S5_swaps``: the group, and which of its elements come."""

    title = "running product in a group"
    variants = (*groups.GENERATORS, SWAPS)
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "sequence_accuracy"
    capability = "state tracking"
    causal = False  # later letters are independent of a product

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)
        check_range("task.length", self.length, at_least=2)

    @property
    def source(self) -> str:
        return "Grazzi et al. 2024" if self.variant == SWAPS else "Merrill et al. 2024"

    @cached_property
    def letters(self) -> Array:
        """The elements that come, by their number as an input."""
        return groups.swaps("S5") if self.variant == SWAPS else np.arange(self.output_size)

    @cached_property
    def table(self) -> Array:
        """The products [n, letters] of an element and the next letter."""
        return groups.table("S5" if self.variant == SWAPS else self.variant)[:, self.letters]

    @property
    def input_size(self) -> int:
        return len(self.letters)

    @property
    def output_size(self) -> int:
        return len(groups.elements("S5" if self.variant == SWAPS else self.variant))

    @cached_property
    def before(self) -> Array:
        """The probabilities [T, n] of the product before each step."""
        found = np.zeros((self.length, self.output_size))
        found[0, 0] = 1
        if self.variant != SWAPS:
            found[1:] = 1 / self.output_size
            return found
        for t in range(1, self.length):
            weights = np.repeat(found[t - 1] / self.input_size, self.input_size)
            found[t] = np.bincount(self.table.ravel(), weights, self.output_size)
        return found

    @property
    def chance(self) -> float:
        return float(self.before[1:].max(axis=1).mean())

    def baseline(self, split: Split) -> float:
        if split == "train":
            logarithms = np.log(np.where(self.before > 0, self.before, 1))
            return float(-(self.before * logarithms).sum() / self.length)
        return self.held_out_mean(split, self._losses)

    def _losses(self, batch: Batch) -> Array:
        """Return the cost of each target [T, B] for who knows the letter: that of the product before it."""
        product = np.zeros_like(batch.targets)
        product[1:] = batch.targets[:-1]
        return np.asarray(-np.log(self.before[np.arange(self.length)[:, None], product]))

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._draw, self.batch_size)

    def _draw(self, random: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Return letters and products [T, size]."""
        letters = self.input_size
        inputs = random.integers(0, letters, (self.length, size))
        targets, flat = np.empty_like(inputs), self.table.ravel()
        product = np.zeros(size, dtype=np.int64)
        for t in range(self.length):
            product = targets[t] = flat[product * letters + inputs[t]]
        return inputs, targets

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        inputs, targets = self._blocks.batch(split, seed, step)
        return Batch(inputs, targets, scored=np.arange(self.batch_size, self.length * self.batch_size))
