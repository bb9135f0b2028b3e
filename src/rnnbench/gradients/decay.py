"""One number for a gradient profile: how fast it decays, and how far it reaches."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

REACH = 0.01
"""A gradient counts as arriving at a lag while it is at least this share of the largest."""
NO_DECAY = 0.01
"""A fitted line that falls by less than this share over all measured lags shows no decay."""


class Decay(NamedTuple):
    """What a profile g over lag 0..K says; None where it does not say it, so that no inf or nan enters a table."""

    slope: float | None
    """Least-squares slope of ln g against lag, per step, over the lags where g > 0; None for fewer than two of them."""
    half_life: float | None
    """ln 2 / -slope, in steps; None where nothing decays: a flat, growing or all-zero profile."""
    horizon: int
    """The largest lag, in steps, with g >= 1 % of the largest g; 0 for an all-zero profile."""
    vanishing_ratio: float | None
    """g at the largest lag over g at lag 0; None where g at lag 0 is zero."""


def fit_decay(profile: np.ndarray[Any, Any]) -> Decay:
    """The decay of a ``profile`` [K + 1] of finite gradient norms, indexed by lag."""
    lags = np.flatnonzero(profile > 0)
    slope = half_life = None
    if len(lags) >= 2:
        slope = float(np.polyfit(lags, np.log(profile[lags]), 1)[0])
        if slope * (lags[-1] - lags[0]) < math.log(1 - NO_DECAY):
            half_life = math.log(2) / -slope
    reached = np.flatnonzero(profile >= REACH * profile.max()) if len(lags) else np.array([0])
    vanishing_ratio = float(profile[-1] / profile[0]) if profile[0] > 0 else None
    return Decay(slope, half_life, int(reached[-1]), vanishing_ratio)
