"""Estimates and tests against textbook values, closed forms, enumeration and scipy."""

from itertools import combinations, permutations, product
from math import comb, gamma, nan, sqrt

import numpy as np
import pytest
from scipy import stats

from rnnbench import statistics
from rnnbench.statistics import (
    PERMUTATIONS,
    SAMPLED,
    bootstrap_interval,
    effect_size,
    holm,
    iqm,
    median_coverage,
    median_interval,
    median_rank,
    median_time,
    permutation_p,
    probability_of_improvement,
    seeds_needed,
    smallest_p,
    survival,
    wilson_interval,
)

# Freireich et al. 1963, weeks of remission; + is censored: the example of most textbooks of survival analysis.
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def weeks(group):
    return [float(text.rstrip("+")) for text in group.split()], [not text.endswith("+") for text in group.split()]


def draws(strata):
    """All resamples of all strata, equally likely."""
    return product(*(list(product(stratum, repeat=len(stratum))) for stratum in strata))


def middle(values):
    return np.quantile(values, (0.025, 0.975), method="inverted_cdf")


class TestMedianInterval:
    @pytest.mark.parametrize("n", range(2, 13))
    def test_it_covers_the_median_as_often_as_it_says(self, n):
        """Over all ways in which n values can lie below (0) or above (1) the true median, each equally likely."""
        covered = 0
        for sides in product((0, 1), repeat=n):
            low, high = median_interval(sides)[1:3]
            covered += low == 0 and high == 1  # there is a value on each side
        assert covered / 2**n == median_coverage(n)

    def test_by_the_binomial_of_scipy(self):
        """The range up to five values, then the narrowest pair of order statistics with at least 95 %."""
        assert [median_coverage(n) for n in (1, 2, 3, 5)] == [0, 0.5, 0.75, 0.9375]
        for n in range(6, 60):
            rank = median_rank(n)
            covered = [1 - 2 * stats.binom.cdf(each - 1, n, 0.5) for each in (rank, rank + 1)]
            assert covered[0] == pytest.approx(median_coverage(n))
            assert covered[0] >= 0.95 > covered[1]
        assert [median_rank(n) for n in (1, 5, 6, 8, 9, 20)] == [1, 1, 1, 1, 2, 6]  # of any table of the sign test

    @pytest.mark.parametrize("draw", ["normal", "exponential", "cauchy"])
    def test_it_covers_the_median_of_any_distribution(self, rng, draw):
        of = {"normal": stats.norm, "exponential": stats.expon, "cauchy": stats.cauchy}[draw]
        for n in (3, 5):
            values = np.sort(of.rvs(size=(20000, n), random_state=rng))
            found = [median_interval(row)[1:3] for row in values[:20]]
            assert found == [(row[0], row[-1]) for row in values[:20]]
            covered = ((values[:, 0] <= of.median()) & (of.median() <= values[:, -1])).mean()
            assert covered == pytest.approx(median_coverage(n), abs=0.012)

    def test_the_order_of_runs_is_nothing(self):
        values = [0.9, -1.0, 0.2, 0.95, 0.3, 0.1, 0.8]
        assert median_interval(values) == (0.3, -1.0, 0.95, 7)
        assert {median_interval(each) for each in permutations(values)} == {median_interval(values)}

    def test_nine_values_leave_out_one_on_each_side(self):
        assert median_interval([*range(9)]) == (4, 1, 7, 9)

    def test_it_ends_where_scores_do(self):
        assert median_interval([1.0, 1.0, 0.0]) == (1.0, 0.0, 1.0, 3)
        assert median_interval([0.0, 1.0]) == (0.5, 0.0, 1.0, 2)

    def test_a_single_run_has_no_interval(self):
        assert median_interval([0.5]) == (0.5, None, None, 1)

    @pytest.mark.parametrize("n", [2, 3, 6, 9])
    def test_constant_values(self, n):
        assert median_interval([0.1] * n) == (0.1, 0.1, 0.1, n)


class TestBootstrap:
    def test_iqm_leaves_out_a_quarter_on_each_side(self):
        assert iqm([9.0, 1.0, 2.0, -50.0, 3.0, 4.0, 99.0, 0.0]) == (1 + 2 + 3 + 4) / 4
        assert iqm([0.0, 1.0, 5.0]) == 2

    @pytest.mark.parametrize(
        ("name", "function"),
        [("mean", np.mean), ("median", np.median), ("iqm", lambda values: np.mean(sorted(values)[1:-1]))],
    )
    def test_strata_against_all_resamples(self, rng, name, function):
        strata = [rng.normal(size=n) + 3 * n for n in (3, 3, 1)]
        estimate = bootstrap_interval(strata, name)
        assert estimate.value == pytest.approx(function(np.concatenate(strata)))
        low, high = middle([function(np.concatenate(drawn)) for drawn in draws(strata)])
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.02)
        assert estimate.n == 7

    def test_many_normal_values_have_the_normal_interval(self, rng):
        values = rng.normal(5, 2, size=400)
        estimate = bootstrap_interval([values], "mean")
        half = 1.95996 * values.std(ddof=1) / 20
        assert (estimate.low, estimate.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)

    def test_the_same_values_give_the_same_interval(self, rng):
        values = rng.normal(size=(2, 5))
        assert bootstrap_interval(values, "iqm") == bootstrap_interval(values, "iqm")

    def test_constant_values_have_no_width(self):
        assert bootstrap_interval([[0.1] * 3, [0.1]], "iqm")[1:3] == pytest.approx((0.1, 0.1), abs=1e-15)
        estimate = bootstrap_interval([[0.1] * 3, [0.7] * 3], "mean")
        assert estimate.low == estimate.value == estimate.high == pytest.approx(0.4)

    def test_one_run_a_task_has_no_interval(self):
        assert bootstrap_interval([[1.0], [3.0]], "median") == (2.0, None, None, 2)


class TestWilson:
    @pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 5), (5, 5), (7, 20), (1, 1)])
    def test_the_closed_form(self, k, n):
        z, p = stats.norm.ppf(0.975), k / n
        center = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert wilson_interval(k, n) == pytest.approx((p, center - half, center + half, n))

    def test_no_runs(self):
        with pytest.raises(ValueError, match="no values"):
            wilson_interval(0, 0)


class TestKaplanMeier:
    def test_the_median_of_a_textbook(self):
        assert median_time(*weeks(TREATED)) == 23
        assert median_time(*weeks(PLACEBO)) == 8

    def test_the_curve_of_a_textbook(self):
        steps, unsolved = survival(*weeks(TREATED))
        assert (steps[0], unsolved[0]) == (0, 1)
        curve = dict(zip(steps, unsolved, strict=True))
        expected = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448, 35: 0.448}
        assert {week: curve[week] for week in expected} == pytest.approx(expected, abs=5e-4)

    @pytest.mark.parametrize("n", range(1, 30))
    def test_one_half_is_reached(self, n):
        """Half of 2n runs are solved, at 1 to n steps: the share is one half from step n on."""
        times, solved = [*range(1, n + 1), *[99] * n], [True] * n + [False] * n
        assert median_time(times, solved) == n
        assert median_time([*times, 99], [*solved, False]) is None

    def test_censoring_before_the_last_solution_raises_its_weight(self):
        assert median_time([1, 2, 3], [False, True, True]) == 2
        assert median_time([1, 2, 3], [False, False, True]) == 3

    def test_nothing_is_solved(self):
        assert median_time([5], [False]) is None
        assert median_time([5], [True]) == 5


class TestProbabilityOfImprovement:
    def test_against_all_pairs(self, rng):
        """Small whole numbers tie; strata of different sizes weigh the same."""
        a = [rng.integers(0, 4, size=n) for n in (3, 5, 2)]
        b = [rng.integers(0, 4, size=n) for n in (4, 2, 6)]
        shares = [np.mean([(x > y) + (x == y) / 2 for x in p for y in q]) for p, q in zip(a, b, strict=True)]
        mann_whitney = [stats.mannwhitneyu(p, q).statistic / (len(p) * len(q)) for p, q in zip(a, b, strict=True)]
        estimate = probability_of_improvement(a, b)
        assert estimate.value == pytest.approx(np.mean(shares))
        assert estimate.value == pytest.approx(np.mean(mann_whitney))
        assert probability_of_improvement(b, a).value == pytest.approx(1 - estimate.value)
        assert estimate.n == 22

    def test_the_interval_against_all_resamples(self):
        a, b = [[0.3, 0.5, 0.9], [5.0]], [[0.2, 0.4, 0.6], [5.0]]
        low, high = middle(
            [
                (np.mean([(x > y) + (x == y) / 2 for x in p for y in q]) + 0.5) / 2
                for p, _, q, _ in draws([a[0], a[1], b[0], b[1]])
            ]
        )
        estimate = probability_of_improvement(a, b)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.01)

    def test_a_harder_task_for_both_changes_nothing(self, rng):
        a, b = rng.integers(0, 9, size=(2, 3, 5))
        shift = np.array([[100], [0], [-7]])
        assert probability_of_improvement(a + shift, b + shift) == probability_of_improvement(a, b)

    def test_guards(self):
        assert probability_of_improvement([[2.0]], [[1.0]]) == (1.0, None, None, 2)
        assert probability_of_improvement([[0.1] * 3], [[0.1] * 2]) == (0.5, 0.5, 0.5, 5)
        with pytest.raises(ValueError, match="2 strata against 1"):
            probability_of_improvement([[1.0], [2.0]], [[1.0]])


class TestEffectSize:
    def test_by_hand(self):
        """Means 2 and 5.5, sums of squares 2 and 5, so a pooled variance of 7 / 5 with 5 degrees of freedom."""
        expected = gamma(5 / 2) / (sqrt(5 / 2) * gamma(4 / 2)) * (2 - 5.5) / sqrt(7 / 5)
        assert effect_size([1, 2, 3], [4, 5, 6, 7]) == pytest.approx(expected)
        assert expected == pytest.approx(-2.487, abs=1e-3)

    def test_two_against_two(self):
        """The factor is gamma(1) / gamma(1/2) = 1 / sqrt(pi) at two degrees of freedom."""
        assert effect_size([3.0, 5.0], [0.0, 2.0]) == pytest.approx(3 / sqrt(2) / sqrt(np.pi))

    def test_many_runs_need_no_correction(self, rng):
        a, b = rng.normal(1, 2, size=5000), rng.normal(0, 2, size=5000)
        assert effect_size(a, b) == pytest.approx(0.5, abs=0.06)

    def test_no_standard_deviation(self):
        assert effect_size([0.1] * 3, [0.2] * 3) is None
        assert effect_size([1.0], [2.0, 3.0]) is None


class TestPermutation:
    def test_all_of_one_side_below_all_of_the_other(self):
        assert permutation_p([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)

    def test_against_all_splits(self, rng):
        """Twice the smaller tail, in whole numbers, which tie."""
        a, b = rng.integers(0, 20, size=4), rng.integers(5, 25, size=5)
        both = [*a, *b]
        sums = np.array([sum(split) for split in combinations(both, 4)])
        expected = min(1, 2 * min((sums <= a.sum()).mean(), (sums >= a.sum()).mean()))
        assert permutation_p(a, b) == pytest.approx(expected)
        assert permutation_p(b, a) == pytest.approx(expected)

    def test_rounding_does_not_break_ties(self, rng):
        for _ in range(20):
            a, b = rng.integers(-3, 4, size=(2, 4))
            assert permutation_p(a / 10, b / 10) == permutation_p(a, b)

    def test_many_runs_have_the_p_of_a_t_test(self, rng):
        a, b = rng.normal(0.6, 1, size=30), rng.normal(0, 1, size=30)
        p = permutation_p(a, b)
        assert p == pytest.approx(stats.ttest_ind(a, b).pvalue, abs=0.01)
        assert p == permutation_p(a, b)

    def test_guards(self):
        assert permutation_p([0.1] * 3, [0.1] * 3) == 1.0
        assert permutation_p([1.0], [2.0, 3.0]) is None

    @pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 3), (2, 5), (5, 5), (9, 9)])
    def test_the_smallest_p(self, n, m):
        assert smallest_p(n, m) == pytest.approx(permutation_p(range(n), range(100, 100 + m)))

    def test_against_scipy(self, rng):
        """All splits of 9 against 8, which would be too many for ``n_resamples`` of scipy's default."""
        a, b = rng.normal(0.8, 1, size=9), rng.normal(0, 1, size=8)
        expected = stats.permutation_test(
            (a, b), lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis), n_resamples=10**6
        )
        assert permutation_p(a, b) == pytest.approx(expected.pvalue)

    def test_a_sample_of_splits_counts_what_was_seen(self):
        assert comb(24, 12) > PERMUTATIONS
        assert permutation_p(range(12), range(100, 112)) == smallest_p(12, 12) == 2 / (SAMPLED + 1)

    @pytest.mark.parametrize("pairs", [1, 2, 3, 6, 9, 28, 100, 1000])
    def test_the_seeds_that_a_comparison_needs(self, pairs):
        """The smallest n at which even the clearest difference of n runs passes Holm's correction over all pairs."""
        passes = {}
        for n in range(2, 10):
            clear = permutation_p(range(n), range(100, 100 + n))
            passes[n] = holm([clear] + [1.0] * (pairs - 1))[0] <= 0.05
        assert seeds_needed(pairs) == min(n for n, passed in passes.items() if passed)

    def test_the_seeds_of_a_single_pair(self):
        assert [seeds_needed(pairs) for pairs in (1, 6, 7, 23, 24)] == [4, 5, 6, 6, 7]


class TestHolm:
    def test_by_hand(self):
        """.005 * 4, .01 * 3, .03 * 2, and .04 * 1 is not below the one before it."""
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_none_does_not_count(self):
        assert holm([None, 0.02, None, 0.01]) == [None, pytest.approx(0.02), None, pytest.approx(0.02)]
        assert holm([None]) == [None]
        assert holm([]) == []

    def test_never_above_one(self):
        assert holm([0.6, 0.7]) == [1, 1]

    def test_not_finite(self):
        with pytest.raises(ValueError, match="not a finite number: nan"):
            holm([0.1, nan])


TAKES = {
    "median_interval": lambda values: median_interval(values),
    "iqm": lambda values: iqm(values),
    "bootstrap_interval": lambda values: bootstrap_interval([[1.0, 2.0], values], "iqm"),
    "survival": lambda values: survival(values, [True] * len(values)),
    "median_time": lambda values: median_time(values, [True] * len(values)),
    "probability_of_improvement": lambda values: probability_of_improvement([[1.0, 2.0]], [values]),
    "effect_size": lambda values: effect_size([1.0, 2.0], values),
    "permutation_p": lambda values: permutation_p([1.0, 2.0], values),
}


@pytest.mark.parametrize("name", TAKES)
@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_what_is_not_finite_is_named(name, bad):
    with pytest.raises(ValueError, match=f"not a finite number: {bad}"):
        TAKES[name]([0.5, float(bad)])


@pytest.mark.parametrize("name", sorted(TAKES.keys() - {"effect_size", "permutation_p"}))
def test_no_values(name):
    with pytest.raises(ValueError, match="no values"):
        TAKES[name]([])


def test_no_values_to_compare():
    assert effect_size([], []) is None
    assert permutation_p([], []) is None
    for function in (lambda: bootstrap_interval([], "mean"), lambda: probability_of_improvement([], [])):
        with pytest.raises(ValueError, match="no values"):
            function()


def test_an_unknown_statistic():
    assert set(statistics.STATISTICS) == {"mean", "median", "iqm"}
    with pytest.raises(KeyError):
        bootstrap_interval([[1.0]], "mode")
