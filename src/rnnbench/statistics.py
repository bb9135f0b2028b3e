"""From seeds to estimates: the seed is the unit of replication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Estimate(NamedTuple):
    """A mean over ``n`` runs and its confidence interval; ``low`` and ``high`` are None for a single run."""

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The mean with Student's t interval, which stays honest at the two to ten seeds that benchmarks have.

    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("no values")
    mean, n = float(np.mean(values)), len(values)
    if n == 1:
        return Estimate(mean, None, None, n)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * stats.sem(values))
    return Estimate(mean, mean - half, mean + half, n)
