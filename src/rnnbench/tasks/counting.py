"""Counting: predict each next symbol of a string whose end can only be told by counting.

Strings between # and #, as in Lan, Geyer, Chemla & Katzir 2022, "Minimum description length recurrent neural networks"
(arXiv:2111.00600). In ``anbn`` and ``anbncn`` there are n times a, then n times b (and c), with n geometric, P(n) ~
(1-p)^n, on those n that ``shortest`` and ``length`` leave, or uniform on them without a ``probability``. In ``dyck1``
and ``dyckk`` there are balanced brackets of one and of ``kinds`` kinds, each as likely: a string goes on with an
opening bracket with probability p, else with the closing one that is due, or with #; it does not end before
``shortest`` symbols, and opens nothing that could not be closed within ``length``.

    inputs [L+1, B]: # = 0, then a, b, c, or opening and then closing brackets; padded with 0
    targets [L+1, B]: the next symbol

All are trained on. Where a string goes on is random, so that the loss of a perfect predictor, the ``floor``, is above
zero; it is counted exactly on each set, and ``excess_loss`` is the loss less it. Scored are the steps that a perfect
predictor knows and a memoryless one does not: from the first b on, and after closing brackets where none is opened. The
baseline sees the present symbol and knows the time: probabilities enumerated over all n, or over depths. Short strings
come in every split. The paper has p = .3, 100 or 500 fixed strings, brackets of at most 200 symbols or none at all, and
tests a^n b^n on 1000 larger n: ``test_lengths`` that are longer are tested from the next string on, n uniform.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rnnbench.errors import UserError, check_choice, check_range
from rnnbench.tasks.base import Array, Batch, Split, Task
from rnnbench.tasks.blocks import Blocks
from rnnbench.tasks.counted_strings import Brackets, Language, Powers

LETTERS = {"anbn": 2, "anbncn": 3}


@dataclass(kw_only=True)
class Counting(Task):
    """Counting; ``length`` is L, the symbols of the longest string."""

    variant: str
    """``anbn``, ``anbncn``, ``dyck1`` or ``dyckk``: the language."""
    shortest: int
    """The symbols that a string has at least."""
    probability: float | None
    """p, below 1, of brackets below .5; None: n is uniform."""
    kinds: int
    """The kinds of brackets of ``dyckk``, at least 2; the other variants do not use it."""

    title = "next symbol of a counted string"
    source = "Lan et al. 2022"
    variants = (*LETTERS, "dyck1", "dyckk")
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    capability = "counting"
    repeats = True
    lengths_by = "shortest"
    causal = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)
        check_range("task.shortest", self.shortest, at_least=1, at_most=self.length)
        check_range("task.kinds", self.kinds, at_least=2, at_most=1000)
        if self.probability is not None:  # from .5 on, an opening bracket is the best guess
            check_range("task.probability", self.probability, above=0, below=1 if self.powers else 0.5)
        elif not self.powers:
            raise UserError("task.probability=null: brackets need one, such as 0.3")
        if self.powers and not len(self.counts):
            raise UserError(
                f"task.length={self.length}: no string of task.variant={self.variant} has {self.shortest} to "
                f"{self.length} symbols; give a multiple of {LETTERS[self.variant]}"
            )
        if not self.powers and self.length % 2:
            raise UserError(f"task.length={self.length}: brackets come in pairs; give an even number")

    @property
    def powers(self) -> bool:
        """Whether strings are powers of letters rather than brackets."""
        return self.variant in LETTERS

    @property
    def counts(self) -> Array:
        """The n that come [N]."""
        letters = LETTERS[self.variant]
        return np.arange(-(-self.shortest // letters), self.length // letters + 1)

    @cached_property
    def language(self) -> Language:
        """The strings, and what is known of their symbols."""
        if self.probability is not None and not self.powers:
            kinds = self.kinds if self.variant == "dyckk" else 1
            return Brackets(self.length, self.shortest, self.probability, kinds)
        weights = (1 - (self.probability or 0)) ** np.arange(len(self.counts))
        return Powers(self.counts, weights / weights.sum(), LETTERS[self.variant], self.length)

    @property
    def input_size(self) -> int:
        return 1 + LETTERS.get(self.variant, 2 * self.kinds if self.variant == "dyckk" else 2)

    @property
    def output_size(self) -> int:
        return self.input_size

    @property
    def chance(self) -> float:
        return self.language.chance

    def at_length(self, length: int) -> Task:
        """Return the task with other strings; with longer ones than ``self.length`` alone where ``length`` is more."""
        if length <= self.length:
            return replace(self, length=length, test_lengths=[], train_lengths=[])
        probability = None if self.powers else self.probability
        return replace(
            self, length=length, shortest=self.length + 1, probability=probability, test_lengths=[], train_lengths=[]
        )

    def baseline(self, split: Split) -> float:
        if split == "train":
            return self.language.memoryless_mean
        return self.held_out_mean(split, lambda batch: _counted(batch, self.language.memoryless(*batch[:2])))

    def floor(self, split: Split) -> float:
        if split == "train":
            return self.language.optimal_mean
        return self.held_out_mean(split, lambda batch: _counted(batch, self.language.optimal(*batch[:2])), "floor")

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._draw, self.batch_size)

    def _draw(self, random: np.random.Generator, size: int) -> tuple[Array]:
        return (self.language.draw(random, size),)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        (strings,) = self._blocks.batch(split, seed, step)
        inputs, targets = strings[:-1], strings[1:]
        lengths = (strings > 0).sum(axis=0) + 1
        valid = np.arange(len(inputs))[:, None] < lengths
        scored = np.flatnonzero(valid & self.language.scored(inputs, targets))
        return Batch(inputs, targets, scored=scored, counted=np.flatnonzero(valid), lengths=lengths)


def _counted(batch: Batch, costs: Array) -> Array:
    return np.asarray(costs.ravel()[batch.counted])
