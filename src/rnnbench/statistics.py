"""From seeds to estimates: the seed is the unit of replication, and there are two to ten of them.

At three seeds a percentile bootstrap of the mean is far too narrow, so a mean has Student's t interval. The bootstrap
is for what has no such formula: the interquartile mean, the median, and all that pools several tasks.

Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice" (NeurIPS): interquartile
mean, stratified bootstrap, probability of improvement. All functions raise ValueError for no values and for values that
are not finite; all are deterministic, so that the same runs give the same report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import comb
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

Array = np.ndarray[Any, Any]
Strata = Sequence[Sequence[float]]
"""The values of each task; one task is a list of one."""

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 0  # of the resampling
STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "median": np.median,
    "iqm": partial(stats.trim_mean, proportiontocut=0.25),
}


class Estimate(NamedTuple):
    """A value from ``n`` runs and its 95 % interval; ``low`` and ``high`` are None where no interval can be given."""

    value: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float]) -> Estimate:
    """The mean with Student's t interval."""
    array = _finite(values)
    mean, n = float(array.mean()), array.size
    if n == 1:
        return Estimate(mean, None, None, n)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * stats.sem(array))
    return Estimate(mean, mean - half, mean + half, n)


def iqm(values: Sequence[float]) -> float:
    """The interquartile mean: without the lowest and the highest quarter, rounded down; of three values the mean."""
    return float(STATISTICS["iqm"](_finite(values)))


def bootstrap_interval(strata: Strata, statistic: str) -> Estimate:
    """A statistic (``mean``, ``median``, ``iqm``) of all strata's values pooled, seeds resampled within each stratum.

    No interval where no stratum has two values.
    """
    samples = _samples(strata)
    of = STATISTICS[statistic]

    def pooled(drawn: list[Array]) -> Any:
        return of(np.concatenate(drawn, axis=-1), axis=-1)

    return _bootstrap(samples, pooled)


def wilson_interval(successes: int, n: int) -> Estimate:
    """The share of ``n`` runs that succeeded with Wilson's score interval (Wilson 1927)."""
    if n == 0:
        raise ValueError("no values")
    low, high = stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(successes / n, float(low), float(high), n)


def survival(times: Sequence[float], solved: Sequence[bool]) -> tuple[Array, Array]:
    """The Kaplan-Meier estimate (1958) of the share still unsolved, a step function from (0, 1) on.

    An unsolved run is censored at its time: all that is known is that it would have taken longer.
    """
    data = stats.CensoredData.right_censored(_finite(times), np.logical_not(solved))
    function = stats.ecdf(data).sf
    return np.r_[0, function.quantiles], np.r_[1, function.probabilities]


def median_time(times: Sequence[float], solved: Sequence[bool]) -> float | None:
    """The smallest time at which the Kaplan-Meier estimate is at most one half; None where it stays above."""
    steps, unsolved = survival(times, solved)
    reached = steps[unsolved <= 0.5 + 1e-9]  # a product of shares: 1/2 up to rounding
    return float(reached[0]) if reached.size else None


def probability_of_improvement(a: Strata, b: Strata) -> Estimate:
    """P(A > B) + P(A = B) / 2 of a run of each side, the mean over strata (Agarwal et al. 2021; Mann-Whitney U / nm).

    ``a`` and ``b`` have the same tasks in the same order; both sides are resampled.
    """
    samples = [*_samples(a), *_samples(b)]
    if len(a) != len(b):
        raise ValueError(f"{len(a)} strata against {len(b)}")

    def wins(drawn: list[Array]) -> Any:
        pairs = zip(drawn[: len(a)], drawn[len(a) :], strict=True)
        signs = [np.sign(x[..., :, None] - y[..., None, :]).mean(axis=(-2, -1)) for x, y in pairs]
        return (np.mean(signs, axis=0) + 1) / 2

    return _bootstrap(samples, wins)


def effect_size(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Hedges' g: the difference of means in pooled standard deviations, less its bias at few runs.

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
    unbiased = np.exp(special.gammaln(m / 2) - special.gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    return float(unbiased * (x.mean() - y.mean()) / pooled)


def permutation_p(a: Sequence[float], b: Sequence[float]) -> float | None:
    """The two-sided p of the difference of means if it made no difference which run is on which side.

    Over all permutations where they are few, else over a sample. None where a side has less than two values.
    """
    if min(len(a), len(b)) < 2:
        return None
    x, y = _finite(a), _finite(b)
    spread = np.ptp(np.concatenate([x, y]))
    if spread == 0:
        return 1.0

    def difference(x: Array, y: Array, axis: int) -> Any:
        return np.round((x.mean(axis=axis) - y.mean(axis=axis)) / spread, 12)  # equal up to rounding is equal

    return float(stats.permutation_test((x, y), difference, n_resamples=RESAMPLES, rng=SEED).pvalue)


def smallest_p(n: int, m: int) -> float:
    """The smallest p that ``permutation_p`` can give for ``n`` against ``m`` values."""
    permutations = comb(n + m, n)
    return 2 / (permutations if permutations <= RESAMPLES else RESAMPLES + 1)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p values (1979, "A simple sequentially rejective multiple test procedure"), in the same order.

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
    """The percentile interval of a statistic over the last axis; a sample of one value is drawn as it is."""
    value, n = float(statistic(samples)), sum(sample.size for sample in samples)
    several = [sample for sample in samples if sample.size > 1]
    if not several:
        return Estimate(value, None, None, n)

    def of(*resamples: Array, axis: int) -> Any:
        resampled, shape = iter(resamples), resamples[0].shape[:-1]
        return statistic([next(resampled) if s.size > 1 else np.broadcast_to(s, (*shape, 1)) for s in samples])

    result = stats.bootstrap(
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
