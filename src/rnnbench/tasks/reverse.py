"""Reverse: a string, and then the same string from its end.

Deletang et al. 2022, "Neural networks and the Chomsky hierarchy" (arXiv:2207.02098): what a stack does. The string is
shown first, the answer is due over as many blanks after it; ``rnnbench.tasks.strings`` has the shapes.

Without memory each of the V symbols is as likely: ln V. The paper has V = 2 and strings of one length in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.tasks.base import Array
from rnnbench.tasks.strings import Rewriting


@dataclass(kw_only=True)
class Reverse(Rewriting):
    """Reverse; ``length`` is L, the symbols of the longest string."""

    title = "a string from its end"
    source = "Deletang et al. 2022"

    def answer(self, string: Array, lengths: Array) -> Array:
        place = lengths - 1 - np.arange(len(string))[:, None]
        return np.take_along_axis(string, place.clip(0), axis=0)
