import math

import numpy as np
import pytest

from rnnbench.gradients import Decay, fit_decay

RNG = np.random.default_rng(0)


def test_an_exact_exponential():
    decay = fit_decay(3e-5 * 0.9 ** np.arange(80))
    assert decay.decay == "decays"
    assert decay.slope == pytest.approx(math.log(0.9), rel=1e-12)
    assert decay.fit == pytest.approx(1, abs=1e-12)
    assert decay.half_life == pytest.approx(math.log(2) / -math.log(0.9), rel=1e-12)
    assert decay.horizon == 44  # 0.9^43 = .0108 of lag 1, 0.9^44 = .0097
    assert decay.zero_from is None
    assert decay.vanishing_ratio == pytest.approx(0.9**79, rel=1e-12)


def test_the_line_is_numpys():
    profile = np.exp(RNG.normal(size=30) - 0.3 * np.arange(30))
    decay = fit_decay(profile)
    lags, logs = np.arange(1, 30), np.log(profile[1:])
    assert decay.slope == pytest.approx(np.polyfit(lags, logs, 1)[0])
    assert decay.fit == pytest.approx(np.corrcoef(lags, logs)[0, 1] ** 2)


def test_lag_0_is_the_direct_path_and_no_point_of_the_line():
    """An endless plateau below a jump is no decay with a half-life of 55 steps."""
    decay = fit_decay(np.array([1, *[0.005] * 99]))
    assert decay[:4] == ("flat", 0, 1, None)
    assert decay.horizon == 99
    assert decay.vanishing_ratio == pytest.approx(0.005)


def test_zeros_are_underflow_and_reported():
    decay = fit_decay(np.array([1.0] * 5 + [0.0] * 5))
    assert (decay.decay, decay.zero_from, decay.horizon, decay.half_life) == ("decays", 5, 4, None)
    assert decay.vanishing_ratio == 0
    vanished = np.r_[0.5 ** np.arange(10.0), [0.0] * 3]
    assert fit_decay(vanished).zero_from == 10
    assert fit_decay(vanished).half_life == pytest.approx(1)
    assert fit_decay(np.array([1.0, 0.0, 0.5, 0.25])).zero_from is None  # it goes on


def test_a_single_lag_that_arrives():
    decay = fit_decay(np.array([2.0, 1.0, 0.0]))
    assert decay == Decay("decays", None, None, None, 1, 2, 0.0)


def test_a_line_that_does_not_fit_has_no_half_life():
    steep = np.r_[1.0, 10.0 ** -np.arange(1.0, 6.0), np.full(60, 1e-5)]
    decay = fit_decay(steep)
    assert decay.decay == "decays"
    assert decay.fit < 0.9
    assert decay.half_life is None


def test_a_flat_profile():
    decay = fit_decay(np.full(20, 0.3))
    assert decay == Decay("flat", 0, 1, None, 19, None, 1)


@pytest.mark.parametrize(("end", "word"), [(0.95, "flat"), (1.05, "flat"), (0.85, "decays"), (1.2, "grows")])
def test_what_changes_by_less_than_a_tenth_is_flat(end, word):
    decay = fit_decay(np.geomspace(1, end, 50))
    assert decay.decay == word
    assert (decay.half_life is None) == (word != "decays")


def test_a_growing_profile():
    decay = fit_decay(1.2 ** np.arange(30))
    assert decay.slope == pytest.approx(math.log(1.2), rel=1e-12)
    assert (decay.decay, decay.half_life, decay.horizon) == ("grows", None, 29)
    assert decay.vanishing_ratio == pytest.approx(1.2**29)


@pytest.mark.parametrize("first", [0.0, 2.0])
def test_a_dead_profile_has_neither_slope_nor_horizon(first):
    decay = fit_decay(np.array([first, *[0.0] * 6]))
    assert decay == Decay("dead", None, None, None, None, 1, 0.0 if first else None)


def test_a_single_step_has_nothing_to_say():
    assert fit_decay(np.array([2.0])) == Decay(None, None, None, None, None, None, 1.0)


def test_one_lag_has_no_slope():
    assert fit_decay(np.array([2.0, 1.0])) == Decay(None, None, None, None, 1, None, 0.5)
