"""NAP and Tau: printed figures, exact expectations by enumeration, and what no variance can tell."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from atlasplane.stats.refusal import OutOfOrder, OutOfRange
from atlasplane.stats.single_case.nonoverlap import NapInterval, NapVariance, _why, nap, pairs, tau
from atlasplane.stats.single_case.series import Improvement, ab_series, phased_series

UP, DOWN = Improvement.INCREASE, Improvement.DECREASE
NEWCOMBE, LOGIT = NapInterval.NEWCOMBE, NapInterval.LOGIT
# Parker, Vannest and Davis 2011, doi:10.1177/0145445511399147.
PARKER = ab_series([20, 20, 26, 25, 22, 23], [28, 25, 24, 27, 30, 30, 29])
ROOT_FINDER = 1.3e-4
"""Tolerance of the root finder behind the printed limits."""


def of(series, index=nap, improvement=UP, variance=NapVariance.SEN, interval=NEWCOMBE, level=0.95):
    return index(series, improvement=improvement, variance=variance, interval=interval, level=level)


def test_the_worked_example_of_a_review():
    counted = pairs(PARKER, improvement=UP)
    assert (counted.improved, counted.worsened, counted.tied, counted.total) == (38, 3, 1, 42)
    assert of(PARKER).value == pytest.approx(38.5 / 42, abs=1e-15)
    assert of(PARKER, tau).value == pytest.approx(35 / 42, abs=1e-15)


@pytest.mark.parametrize(
    ("variance", "printed"),
    # SingleCaseES 0.7, introduction (printed figures only).
    [
        (NapVariance.PUSTEJOVSKY, 0.06900656),
        (NapVariance.HANLEY_MCNEIL, 0.07739185),
        (NapVariance.NULL, 0.1666667),
    ],
)
def test_printed_standard_errors(variance, printed):
    assert of(PARKER, variance=variance).se == pytest.approx(printed, abs=5.1e-8)
    assert of(PARKER, tau, variance=variance).se == pytest.approx(2 * printed, abs=1.1e-7)


@pytest.mark.parametrize(
    ("level", "low", "high"),
    [(0.9, 0.6591091, 0.9822249), (0.95, 0.5973406, 0.9860176), (0.99, 0.4875014, 0.9907377)],
)
def test_printed_limits(level, low, high):
    found = of(PARKER, level=level)
    assert found.low == pytest.approx(low, abs=ROOT_FINDER)
    assert found.high == pytest.approx(high, abs=ROOT_FINDER)
    wide = of(PARKER, tau, level=level)
    assert (wide.low, wide.high) == pytest.approx((2 * found.low - 1, 2 * found.high - 1))


def test_the_limits_solve_the_equation_of_newcombe():
    found, z, m, n = of(PARKER), 1.959963984540054, 6, 7
    h = (m + n) / 2 - 1
    for theta in (found.low, found.high):
        spread = 1 / h + (1 - theta) / (2 - theta) + theta / (1 + theta)
        right = z**2 * h * theta * (1 - theta) / (m * n) * spread
        assert (found.value - theta) ** 2 == pytest.approx(right, rel=1e-9)


def test_the_number_of_improved_pairs_is_the_statistic_of_mann_and_whitney():
    before, after = PARKER.ab()
    u = mannwhitneyu(after, before, method="asymptotic").statistic
    assert of(PARKER).value * 42 == pytest.approx(u)


def enumerated(estimate, chances, m, n):
    """Expectation of `estimate` over all samples of two discrete distributions, and variance of Tau."""
    (pa, pb), k = chances, len(chances[0])
    total, mean, square = 0.0, 0.0, 0.0
    for values in product(range(k), repeat=m + n):
        p = np.prod([pa[v] for v in values[:m]]) * np.prod([pb[v] for v in values[m:]])
        series = ab_series(values[:m], values[m:])
        found = of(series, tau, variance=estimate)
        total += p * (0 if found.se is None else found.se**2)
        mean, square = mean + p * found.value, square + p * found.value**2
    return total, square - mean**2


def test_sen_is_unbiased_with_ties_and_the_usual_form_is_not():
    # No sample of two and three values of two kinds has a negative estimate with these chances.
    chances = ((0.3, 0.7), (0.6, 0.4))
    sen, true = enumerated(NapVariance.SEN, chances, 2, 3)
    usual, _ = enumerated(NapVariance.PUSTEJOVSKY, chances, 2, 3)
    assert sen == pytest.approx(true, rel=1e-12)
    tied = 0.3 * 0.6 + 0.7 * 0.4
    assert usual - true == pytest.approx(tied / 2, rel=1e-12)


def test_without_ties_both_forms_agree():
    series = ab_series([1, 4, 6, 2], [3, 5, 8, 9, 7])
    assert of(series, variance=NapVariance.SEN).se == pytest.approx(
        of(series, variance=NapVariance.PUSTEJOVSKY).se, rel=1e-12
    )


def test_where_phases_are_alike_the_null_variance_is_the_mean_of_the_unbiased_one():
    rng = np.random.default_rng(3)
    found = [of(ab_series(rng.normal(size=4), rng.normal(size=6)), tau).se for _ in range(1000)]
    mean = np.mean([0.0 if se is None else se**2 for se in found])
    assert mean == pytest.approx(11 / (3 * 4 * 6), rel=0.06)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=6), st.lists(st.integers(0, 6), min_size=2, max_size=6)
)
def test_mirroring_values_and_direction_changes_nothing_and_turning_round_mirrors(before, after):
    plain, mirrored = ab_series(before, after), ab_series([-v for v in before], [-v for v in after])
    for variance, interval in product(NapVariance, NapInterval):
        one = of(plain, variance=variance, interval=interval)
        same = of(mirrored, improvement=DOWN, variance=variance, interval=interval)
        other = of(plain, improvement=DOWN, variance=variance, interval=interval)
        assert (same.value, same.low, same.high) == pytest.approx((one.value, one.low, one.high))
        assert (other.value, other.low, other.high) == pytest.approx(
            (1 - one.value, 1 - one.high, 1 - one.low), abs=1e-9
        )
        assert (one.se is None) == (other.se is None)
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_order_unit_and_place_of_the_scale_do_not_matter():
    before, after = PARKER.ab()
    other = of(ab_series(7 + 3.5 * before[::-1], 7 + 3.5 * after[[3, 1, 0, 2, 6, 5, 4]]), interval=LOGIT)
    plain = of(PARKER, interval=LOGIT)
    assert (other.value, other.se, other.low, other.high) == pytest.approx(
        (plain.value, plain.se, plain.low, plain.high)
    )


def test_the_logit_interval_is_that_of_the_delta_method():
    found = of(PARKER, interval=LOGIT)
    slope = 1 / (found.value * (1 - found.value))
    middle = np.log(found.value / (1 - found.value))
    for end, side in ((found.low, -1), (found.high, 1)):
        assert np.log(end / (1 - end)) == pytest.approx(middle + side * 1.959963985 * slope * found.se)


def test_phases_that_do_not_overlap_have_an_interval_and_no_standard_error():
    apart = ab_series([1, 2, 3], [4, 5, 6, 7])
    found = of(apart)
    assert (found.value, found.se, found.high) == (1.0, None, 1.0)
    assert 0.4 < found.low < 1
    assert "do not overlap" in found.why[0]
    worse = of(apart, improvement=DOWN)
    assert (worse.value, worse.low) == (0.0, 0.0)
    nothing = of(apart, interval=LOGIT)
    assert (nothing.low, nothing.high) == (0.0, 1.0)


def test_one_session_a_phase_says_little_and_says_so():
    found = of(ab_series([1.0], [2.0]))
    assert (found.value, found.se, found.high) == (1.0, None, 1.0)
    assert found.low < 0.25
    assert "one session" in found.why[0]
    assert of(ab_series([1.0], [2.0]), variance=NapVariance.NULL).se == pytest.approx(0.5)


def test_all_tied_is_half_and_said():
    found = of(ab_series([5, 5, 5], [5, 5]))
    assert (found.value, found.se) == (0.5, None)
    assert found.low < 0.2
    assert found.high > 0.8
    assert "all pairs are tied" in found.why[0]


def test_a_variance_estimate_that_is_not_positive_is_said():
    u = np.array([[1.0, -1.0], [1.0, 1.0]])
    assert _why(u, None) == ("the variance estimate is not positive",)
    assert of(PARKER).why == ()


def test_a_logit_too_far_to_hold_ends_at_0_and_1():
    found = of(ab_series([1, 2, 3.5] * 9, [3, 4, 5] * 9), interval=LOGIT, level=1 - 1e-12)
    assert 0 <= found.low < found.value < found.high <= 1


def test_phases_out_of_order_and_levels_that_are_none_are_refused():
    with pytest.raises(OutOfOrder):
        of(phased_series([1, 2, 3], "BAA", baseline="A"))
    with pytest.raises(OutOfOrder):
        pairs(phased_series([1, 2, 3], "ABA", baseline="A"), improvement=UP)
    for index in (nap, tau):
        with pytest.raises(OutOfRange, match="level"):
            of(PARKER, index, level=95)
