"""Estimates against textbook values and scipy."""

import pytest
from scipy import stats

from rnnbench.statistics import mean_interval


def test_against_scipy():
    values = [0.91, 0.85, 0.97, 0.60, 0.88]
    estimate = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert estimate.mean == pytest.approx(sum(values) / 5)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))
    assert estimate.n == 5


def test_two_runs():
    """Half the distance of two values times t(.975; 1) = 12.706, from any table."""
    estimate = mean_interval([1.0, 2.0])
    assert (estimate.low, estimate.high) == pytest.approx((1.5 - 12.706 / 2, 1.5 + 12.706 / 2), abs=1e-3)


def test_a_single_run_has_no_interval():
    assert mean_interval([0.5]) == (0.5, None, None, 1)


def test_constant_values():
    assert mean_interval([0.25] * 3) == (0.25, 0.25, 0.25, 3)


def test_no_values():
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])
