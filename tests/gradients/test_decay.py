import math

import numpy as np
import pytest

from rnnbench.gradients import Decay, fit_decay


def test_an_exact_exponential():
    decay = fit_decay(3e-5 * 0.9 ** np.arange(80))
    assert decay.slope == pytest.approx(math.log(0.9), rel=1e-12)
    assert decay.half_life == pytest.approx(math.log(2) / -math.log(0.9), rel=1e-12)
    assert decay.horizon == 43  # 0.9^43 = .0108, 0.9^44 = .0097
    assert decay.vanishing_ratio == pytest.approx(0.9**79, rel=1e-12)


def test_the_fit_skips_lags_without_a_gradient():
    profile = 0.5 ** np.arange(10.0)
    profile[[0, 3, 9]] = 0
    decay = fit_decay(profile)
    assert decay.slope == pytest.approx(math.log(0.5), rel=1e-12)
    assert decay.vanishing_ratio is None


def test_a_flat_profile_has_no_half_life():
    decay = fit_decay(np.full(20, 0.3))
    assert decay.slope == pytest.approx(0, abs=1e-12)
    assert decay[1:] == (None, 19, 1.0)


def test_a_growing_profile_has_no_half_life():
    decay = fit_decay(1.2 ** np.arange(30))
    assert decay.slope == pytest.approx(math.log(1.2), rel=1e-12)
    assert decay.half_life is None
    assert decay.horizon == 29
    assert decay.vanishing_ratio == pytest.approx(1.2**29)


def test_a_profile_without_any_gradient():
    assert fit_decay(np.zeros(7)) == Decay(None, None, 0, None)


def test_a_single_entry():
    assert fit_decay(np.array([2.0])) == Decay(None, None, 0, 1.0)


def test_one_lag_with_a_gradient_has_no_slope():
    assert fit_decay(np.array([0.0, 0.0, 2.0])) == Decay(None, None, 2, None)


def test_a_fall_of_less_than_a_hundredth_is_no_decay():
    assert fit_decay(np.linspace(1, 0.995, 50)).half_life is None
    assert fit_decay(np.linspace(1, 0.98, 50)).half_life is not None
