"""Duplicate: a string, and then the same string twice.

Deletang et al. 2022, "Neural networks and the Chomsky hierarchy" (arXiv:2207.02098). The string is shown first, the
answer is due over twice as many blanks after it; ``rnnbench.tasks.strings`` has the shapes.

Without memory each of the V symbols is as likely: ln V. The paper has V = 2 and strings of one length in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.tasks.base import Array
from rnnbench.tasks.strings import Rewriting


@dataclass(kw_only=True)
class Duplicate(Rewriting):
    """Duplicate; ``length`` is L, the symbols of the longest string."""

    title = "a string twice"
    source = "Deletang et al. 2022"
    factor = 2

    def answer(self, string: Array, lengths: Array) -> Array:
        return np.take_along_axis(string, np.arange(2 * len(string))[:, None] % lengths, axis=0)
