"""Statistics over seeds: the seed is the unit of replication, and there are two to ten of them.

Scores end at 1 and are often solved or not, so no interval here takes them to be normal: a median has the interval
between two of its runs, which holds for any distribution. The bootstrap is for what has no such interval: the
interquartile mean, and all that pools several tasks.

Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice" (NeurIPS): interquartile
mean, stratified bootstrap, probability of improvement. All functions raise ValueError for no values and for values that
are not finite; all are deterministic, so that the same runs give the same report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any, NamedTuple

import numpy as np
import scipy  # whose parts are loaded as they are used: stats takes a second or two

Array = np.ndarray[Any, Any]
Strata = Sequence[Sequence[float]]
"""The values of each task; one task is a list of one."""

CONFIDENCE = 0.95
LEVEL = 0.05  # of a p value
RESAMPLES = 9999
PERMUTATIONS = 200_000  # all are tried up to here: ten against ten
SAMPLED = 99_999
SEED = 0  # of the resampling
STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "median": np.median,
    "iqm": lambda values, **axis: scipy.stats.trim_mean(values, proportiontocut=0.25, **axis),
}


class Estimate(NamedTuple):
    """A value from ``n`` runs and its 95 % interval; ``low`` and ``high`` are None where no interval can be given."""

    value: float
    low: float | None
    high: float | None
    n: int


def median_interval(values: Sequence[float]) -> Estimate:
    """Return the median with an interval that needs no assumption: from the r-th lowest value to the r-th highest.

    David & Nagaraja 2003, "Order statistics", section 7.1. r is the largest with at least 95 % coverage, or 1, the
    range, which covers less with five values or fewer (``median_coverage``). No interval for one value.
    """
    array = np.sort(_finite(values))
    n, middle = array.size, float(np.median(array))
    if n == 1:
        return Estimate(middle, None, None, n)
    rank = median_rank(n)
    return Estimate(middle, float(array[rank - 1]), float(array[-rank]), n)


def median_rank(n: int) -> int:
    """Return the r of ``median_interval``."""
    rank = 1
    while _coverage(n, rank + 1) >= CONFIDENCE:
        rank += 1
    return rank


def median_coverage(n: int) -> float:
    """Return how often that interval contains the true median, at least, if values can tie; 0 for one value."""
    return _coverage(n, median_rank(n))


def _coverage(n: int, rank: int) -> float:
    """Return 1 - 2 P(X < rank), X of n fair coins being the values below the true median."""
    return 1 - 2 * sum(comb(n, below) for below in range(rank)) / 2**n


def iqm(values: Sequence[float]) -> float:
    """Return the interquartile mean: the lowest and highest quarters, rounded down, are left out (none of three)."""
    return float(STATISTICS["iqm"](_finite(values)))


def bootstrap_interval(strata: Strata, statistic: str) -> Estimate:
    """Return a statistic (``mean``, ``median``, ``iqm``) of all pooled values, seeds resampled within each stratum.

    No interval where no stratum has two values.
    """
    samples = _samples(strata)
    of = STATISTICS[statistic]

    def pooled(drawn: list[Array]) -> Any:
        return of(np.concatenate(drawn, axis=-1), axis=-1)

    return _bootstrap(samples, pooled)


def wilson_interval(successes: int, n: int) -> Estimate:
    """Return the share of ``n`` runs that succeeded with Wilson's score interval (Wilson 1927)."""
    if n == 0:
        raise ValueError("no values")
    low, high = scipy.stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(successes / n, float(low), float(high), n)


def survival(times: Sequence[float], solved: Sequence[bool]) -> tuple[Array, Array]:
    """Return the Kaplan-Meier estimate (1958) of the share still unsolved, a step function from (0, 1) on.

    An unsolved run is censored at its time: all that is known is that it would have taken longer.
    """
    data = scipy.stats.CensoredData.right_censored(_finite(times), np.logical_not(solved))
    function = scipy.stats.ecdf(data).sf
    return np.r_[0, function.quantiles], np.r_[1, function.probabilities]


def median_time(times: Sequence[float], solved: Sequence[bool]) -> float | None:
    """Return the smallest time at which the Kaplan-Meier estimate is at most one half; None where it stays above."""
    steps, unsolved = survival(times, solved)
    reached = steps[unsolved <= 0.5 + 1e-9]  # a product of shares: 1/2 up to rounding
    return float(reached[0]) if reached.size else None


def probability_of_improvement(a: Strata, b: Strata) -> Estimate:
    """Return P(A > B) + P(A = B) / 2, the mean over strata (Agarwal et al. 2021; Mann-Whitney U / nm).

    ``a`` and ``b`` have the same tasks in the same order; both sides are resampled.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} strata against {len(b)}")

    def share(x: Array, y: Array) -> Any:
        n, ranks = x.shape[-1], scipy.stats.rankdata(np.concatenate([x, y], -1), axis=-1)  # all pairs take seconds
        return (ranks[..., :n].sum(axis=-1) - n * (n + 1) / 2) / (n * y.shape[-1])

    def wins(drawn: list[Array]) -> Any:
        return np.mean([share(x, y) for x, y in zip(drawn[: len(a)], drawn[len(a) :], strict=True)], axis=0)

    return _bootstrap([*_samples(a), *_samples(b)], wins)


def effect_size(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return Hedges' g: the difference of means in pooled standard deviations, less its bias at few runs.

    Hedges 1981, "Distribution theory for Glass's estimator of effect size", eq. 6e: the factor is exact. None where a
    side has no standard deviation or that of both is zero.
    """
    if min(len(a), len(b)) < 2:
        return None
    x, y = _finite(a), _finite(b)
    if np.ptp(x) == np.ptp(y) == 0:
        return None
    m = x.size + y.size - 2
    pooled = np.sqrt(((x.size - 1) * x.var(ddof=1) + (y.size - 1) * y.var(ddof=1)) / m)
    unbiased = np.exp(scipy.special.gammaln(m / 2) - scipy.special.gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    return float(unbiased * (x.mean() - y.mean()) / pooled)


def permutation_p(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the two-sided p of the difference of means under the hypothesis that the two sides do not differ.

    Over all permutations where they are few, else over a sample. None where a side has less than two values.
    """
    if min(len(a), len(b)) < 2:
        return None
    x, y = _finite(a), _finite(b)
    both = np.concatenate([x, y])
    spread = np.ptp(both)
    if spread == 0:
        return 1.0

    def difference(sums: Any) -> Any:
        return np.round((sums / x.size - (both.sum() - sums) / y.size) / spread, 12)  # equal up to rounding is equal

    splits = _splits(x.size, y.size)
    found, seen = difference(both[splits].sum(axis=1)), difference(x.sum())
    drawn = len(splits) < comb(both.size, x.size)  # then what was seen counts as one more
    tails = [(np.count_nonzero(tail) + drawn) / (len(splits) + drawn) for tail in (found <= seen, found >= seen)]
    return float(min(1.0, 2 * min(tails)))


@lru_cache(maxsize=8)
def _splits(n: int, m: int) -> Array:
    """Return the choices of n of n + m runs for the first side [splits, n]: all that there are, or a sample."""
    if comb(n + m, n) <= PERMUTATIONS:
        return np.array(list(combinations(range(n + m), n)))
    return np.random.default_rng(SEED).random((SAMPLED, n + m)).argsort(axis=1)[:, :n]


def smallest_p(n: int, m: int) -> float:
    """Return the smallest p that ``permutation_p`` can give for ``n`` against ``m`` values."""
    permutations = comb(n + m, n)
    return 2 / (permutations if permutations <= PERMUTATIONS else SAMPLED + 1)


def seeds_needed(pairs: int) -> int:
    """Return the fewest seeds with which one of that many pairs can have p <= .05 after Holm's correction."""
    n = 2
    while pairs * 2 / comb(2 * n, n) > LEVEL:
        n += 1
    return n


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p values (1979, "A simple sequentially rejective multiple test procedure") in input order.

    None stays None and does not count.
    """
    tested = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    if tested:
        _finite([p for p, _ in tested])
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(tested):
        adjusted[index] = largest = max(largest, min(1.0, (len(tested) - rank) * p))
    return adjusted


def _bootstrap(samples: list[Array], statistic: Callable[[list[Array]], Any]) -> Estimate:
    """Return the percentile interval of a statistic over the last axis; a sample of one value is drawn as it is."""
    value, n = float(statistic(samples)), sum(sample.size for sample in samples)
    several = [sample for sample in samples if sample.size > 1]
    if not several:
        return Estimate(value, None, None, n)

    def of(*resamples: Array, axis: int) -> Any:
        resampled, shape = iter(resamples), resamples[0].shape[:-1]
        return statistic([next(resampled) if s.size > 1 else np.broadcast_to(s, (*shape, 1)) for s in samples])

    result = scipy.stats.bootstrap(
        several, of, method="percentile", confidence_level=CONFIDENCE, n_resamples=RESAMPLES, batch=1000, rng=SEED
    )
    low, high = result.confidence_interval
    return Estimate(value, float(low), float(high), n)


def _samples(strata: Strata) -> list[Array]:
    if not len(strata):
        raise ValueError("no values")
    return [_finite(stratum) for stratum in strata]


def _finite(values: Sequence[float]) -> Array:
    array = np.asarray(values, dtype=float)
    if not array.size:
        raise ValueError("no values")
    if not np.isfinite(array).all():
        raise ValueError(f"not a finite number: {array[~np.isfinite(array)][0]}")
    return array
