"""Describes a gradient profile: whether it decays, how fast, and how far it reaches.

A line is fitted through ln g over the lags from 1 on: lag 0 holds the direct path from the state to the loss, which no
recurrence carries. A zero is underflow, or a unit that is off: it is not part of the fitted line, but it is reported.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

Word = Literal["decays", "flat", "grows", "dead"]

REACH = 0.01
"""A gradient counts as arriving at a lag while it is at least this share of that at lag 1."""
FLAT = 0.1
"""A line that falls by less than this share over all measured lags, or rises back from such a fall, is flat."""
FITS = 0.9
"""A line fits where it explains at least this share of the variance of ln g: below it there is no half-life."""


class Decay(NamedTuple):
    """The description of a profile g over lag 0..K; None for unknown values, so that no inf or nan enters a table."""

    decay: Word | None
    """``dead`` where g is zero from lag 1 on, ``decays`` where it is zero from a later one, else by the line; None
    without two lags to compare."""
    slope: float | None
    """Least-squares slope of ln g against lag, per step, over the lags from 1 on where g > 0."""
    fit: float | None
    """R^2 of that line, in [0, 1]: 1 for an exact exponential, and for an exactly flat profile."""
    half_life: float | None
    """ln 2 / -slope, in steps; None where nothing decays, or not along a line."""
    horizon: int | None
    """The largest lag, in steps, with g >= 1 % of g at lag 1 (or at the first lag that has any); None where all is
    zero."""
    zero_from: int | None
    """The lag from which on g is exactly zero; None where g at the largest lag is not."""
    vanishing_ratio: float | None
    """g at the largest lag over g at lag 0; None where g at lag 0 is zero."""


def fit_decay(profile: np.ndarray[Any, Any]) -> Decay:
    """Return the decay of a ``profile`` [K + 1] of finite gradient norms, indexed by lag."""
    ratio = float(profile[-1] / profile[0]) if profile[0] > 0 else None
    lags = np.flatnonzero(profile[1:] > 0) + 1
    if not len(lags):
        alone = len(profile) == 1
        return Decay(None if alone else "dead", None, None, None, None, None if alone else 1, ratio)
    last = int(lags[-1])
    zero_from = None if last == len(profile) - 1 else last + 1
    reached = lags[profile[lags] >= REACH * profile[lags[0]]]
    slope = fit = half_life = None
    word: Word | None = "decays" if zero_from is not None else None
    if len(lags) >= 2:
        slope, fit = _line(lags, np.log(profile[lags]))
        change = slope * (last - lags[0])
        if word is None:
            word = "decays" if change < math.log(1 - FLAT) else "grows" if change > -math.log(1 - FLAT) else "flat"
        if change < math.log(1 - FLAT) and fit >= FITS:
            half_life = math.log(2) / -slope
    return Decay(word, slope, fit, half_life, int(reached[-1]), zero_from, ratio)


def _line(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return the slope of the least-squares line through the points, and its R^2."""
    x, y = x - x.mean(), y - y.mean()
    total = float(y @ y)
    slope = float(x @ y / (x @ x))
    left = y - slope * x
    rounding = len(y) * np.finfo(float).eps ** 2 * max(1.0, float(np.abs(y).max())) ** 2
    return slope, 1.0 if total <= rounding else max(0.0, 1 - float(left @ left) / total)
