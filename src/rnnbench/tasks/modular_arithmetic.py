"""Modular arithmetic: the value of an expression modulo m.

Without brackets, ``plain``, it is that of Deletang et al. 2022 (arXiv:2207.02098), "modular arithmetic (simple)":
digits 0..m-1 and between them +, - or *, all as likely; * binds more closely, so that the value is a sum of products.
Lengths are odd.

The variant ``brackets`` is from the same paper, authors' code. An expression of l symbols is, for l = 1 to 4, d, -d,
(d) or (-d); a longer one is (a o b), where a has 1..l-4 symbols, all as likely, b the other l - 3 less those of a, and
o is an operator.

    inputs [L+1, B]: digits, then + - * ( ) =; padded with 0          targets [B]: the value, at =

The = is that of Beck et al. 2024 (arXiv:2405.04517): the last input then says nothing. Values are not uniform, because
a product is 0 more often; a predictor that knows only the length has exactly the distribution of values at this length,
here by dynamic programming, once for each length. With m prime and no *, it is ln m. Lengths are uniform (``plain``: on
the odd ones) in a batch, not one for all, and ``multiplication=false`` leaves * out, the default of the authors' code
with brackets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnnbench.errors import UserError, check_choice, check_range
from rnnbench.tasks import expressions
from rnnbench.tasks.base import Array, Batch, Split
from rnnbench.tasks.blocks import Blocks
from rnnbench.tasks.strings import Strings


@dataclass(kw_only=True)
class ModularArithmetic(Strings):
    """Modular arithmetic; ``length`` is L, the symbols of the longest expression."""

    variant: str
    """``plain`` or ``brackets``."""
    modulus: int
    """m, at least 2."""
    multiplication: bool
    """Whether there is *, beside + and -."""

    title = "value of an expression modulo m"
    source = "Deletang et al. 2022"
    variants = ("plain", "brackets")
    tokens = True
    every_step = False
    loss = "cross_entropy"
    metric = "accuracy"
    causal = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)
        check_range("task.modulus", self.modulus, at_least=2, at_most=100)
        if self.variant == "plain" and not self.lengths.size:
            raise UserError(f"task.length={self.length}: expressions without brackets have odd lengths; give another")

    @property
    def lengths(self) -> Array:
        """The lengths of expressions, each as likely."""
        found = np.arange(self.shortest, self.length + 1)
        return found[found % 2 == 1] if self.variant == "plain" else found

    @property
    def input_size(self) -> int:
        return self.modulus + expressions.SIGNS

    @property
    def output_size(self) -> int:
        return self.modulus

    @property
    def operators(self) -> int:
        return 3 if self.multiplication else 2

    @cached_property
    def values(self) -> Array:
        """The probabilities [l, m] of each value of an expression of l = 0.. symbols; rows of no length are 0."""
        distribution = expressions.plain_values if self.variant == "plain" else expressions.bracket_values
        return distribution(self.length, self.modulus, self.operators)

    @property
    def chance(self) -> float:
        return float(self.values[self.lengths].max(axis=1).mean())

    def baseline(self, split: Split) -> float:
        if split == "train":
            here = self.values[self.lengths]
            return float(-(here * np.log(np.where(here > 0, here, 1))).sum(axis=1).mean())
        return self.held_out_mean(split, lambda batch: -np.log(self.values[batch.lengths - 1, batch.targets]))

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._draw, self.batch_size)

    def _draw(self, random: np.random.Generator, size: int) -> tuple[Array, ...]:
        """Return expressions [L+1, size], their values and the lengths with the = sign."""
        draw = expressions.plain if self.variant == "plain" else expressions.bracketed
        lengths = random.choice(self.lengths, size)
        tokens, values = draw(random, lengths, self.length, self.modulus, self.operators)
        tokens = np.concatenate([tokens, np.zeros_like(tokens[:1])])
        tokens[np.arange(self.length + 1)[:, None] >= lengths] = 0
        tokens[lengths, np.arange(size)] = self.modulus + expressions.EQUALS
        return tokens, values, lengths + 1

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        tokens, values, lengths = self._blocks.batch(split, seed, step)
        return Batch(tokens, values, lengths=lengths)
