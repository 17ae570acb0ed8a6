"""Baseline-corrected Tau: both numbers, the jump between them, and ties that rounding must not tear apart."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kendalltau, theilslopes

from atlasplane.stats.refusal import OutOfOrder, OutOfRange, TooFew
from atlasplane.stats.single_case.corrected_tau import baseline_trend, corrected_tau
from atlasplane.stats.single_case.series import Improvement, ab_series, phased_series

UP, DOWN = Improvement.INCREASE, Improvement.DECREASE
# Tarlow 2017, doi:10.1177/0145445516676750.
LINE = ab_series([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
LONG_A = [33, 25, 17, 25, 19, 21, 19, 14, 19, 17]
LONG_B = [14, 15, 15, 9, 12, 7, 10, 6, 5, 2, 2, 3, 5, 4]
LONG = ab_series(LONG_A, LONG_B)
REVIEW = ab_series([20, 20, 26, 25, 22, 23], [28, 25, 24, 27, 30, 30, 29])


def of(series, improvement=UP, pretest_level=0.05, level=0.95):
    return corrected_tau(series, improvement=improvement, pretest_level=pretest_level, level=level)


def test_a_line_is_no_effect_once_corrected():
    found = of(LINE)
    assert found.baseline.slope == 1.0
    assert found.corrects
    assert (found.uncorrected.tau, found.chosen.tau) == (1.0, 0.0)
    assert (found.chosen.tau_b, found.chosen.p_value) == (None, 1.0)
    assert found.jump == -1.0


def test_the_printed_correction_without_pretest():
    # SingleCaseES 0.7, introduction (printed figures only): Tau-BC 0.2857143, Tau 0.8333333.
    found = of(REVIEW)
    assert found.corrected.tau == pytest.approx(0.2857143, abs=5e-8)
    assert found.uncorrected.tau == pytest.approx(0.8333333, abs=5e-8)
    assert not found.corrects
    assert found.chosen is found.uncorrected


def test_the_line_is_taken_away_without_tearing_ties_apart():
    """The slope is exactly -6/5; with 5 y + 6 t in whole numbers nothing can be rounded."""
    slope = np.median([(b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(LONG_A), 2)])
    assert slope == -1.2
    whole = [5 * y + 6 * t for t, y in enumerate(LONG_A + LONG_B)]
    s = sum(int(np.sign(b - a)) for a in whole[:10] for b in whole[10:])
    tied = sum(a == b for a, b in combinations(whole, 2))
    assert (s, tied) == (28, 4)
    exact = 28 / math.sqrt(140 * (276 - 4))
    found = of(LONG)
    assert found.corrected.tau_b == pytest.approx(exact, abs=1e-15)
    assert found.corrected.tau == 28 / 140
    reference = kendalltau([0] * 10 + [1] * 14, whole, method="asymptotic")
    assert found.corrected.tau_b == pytest.approx(reference.statistic)
    assert found.corrected.p_value == pytest.approx(reference.pvalue)
    # Floats with time counted from 1 lose one of the four ties, and the fourth digit of tau-b with it.
    torn = np.array(LONG_A + LONG_B) + 1.2 * np.arange(1, 25)
    assert len(set(torn.tolist())) == 24 - 3
    assert kendalltau([0] * 10 + [1] * 14, torn).statistic == pytest.approx(0.143223, abs=1e-6)


@pytest.mark.parametrize("step", [0.1, 0.7, -99.99])
def test_a_line_of_broken_numbers_leaves_nothing_but_ties(step):
    line = step * np.arange(12)
    assert len(set((line - np.median(np.diff(line)) * np.arange(12)).tolist())) > 1
    found = of(ab_series(line[:6], line[6:]))
    assert (found.corrected.tau, found.corrected.tau_b) == (0.0, None)


def test_small_differences_of_large_values_are_no_ties():
    rng = np.random.default_rng(6)
    values = rng.normal(size=16)
    plain, raised = (of(ab_series(v[:8], v[8:])) for v in (values, values + 1e5))
    assert raised.corrected == plain.corrected


def test_both_numbers_are_there_and_can_have_two_signs():
    found = of(LONG)
    assert found.baseline.tau_b == pytest.approx(-0.565685, abs=1e-6)
    assert found.baseline.p_value == pytest.approx(0.02802, abs=1e-5)
    assert found.uncorrected.tau_b == pytest.approx(-0.698255, abs=1e-6)
    assert found.corrects
    assert found.chosen is found.corrected
    assert found.uncorrected.tau_b < 0 < found.corrected.tau_b
    assert found.jump == pytest.approx(found.corrected.tau - found.uncorrected.tau)


def test_the_choice_jumps_where_the_pretest_level_crosses_p():
    p = of(LONG).baseline.p_value
    strict, loose = of(LONG, pretest_level=p - 1e-9), of(LONG, pretest_level=p + 1e-9)
    assert (strict.corrects, loose.corrects) == (False, True)
    assert loose.chosen.tau - strict.chosen.tau == strict.jump == loose.jump


def test_slope_and_its_limits_are_those_of_theil_and_sen():
    rng = np.random.default_rng(4)
    values, days = rng.normal(size=14), np.cumsum(rng.integers(1, 4, 15))
    found = baseline_trend(ab_series(values, [0.0], sessions=days), level=0.9)
    slope, _, low, high = theilslopes(values, days[:14], alpha=0.9)
    assert found.slope == pytest.approx(slope)
    # SciPy's limits are rounded outwards, by one of the 91 slopes.
    assert low <= found.slope_low < found.slope < found.slope_high <= high
    reference = kendalltau(days[:14], values, method="asymptotic")
    assert (found.tau_b, found.p_value) == pytest.approx((reference.statistic, reference.pvalue))
    assert found.n_sessions == 14


def test_the_limits_are_where_the_test_of_the_detrended_baseline_turns():
    rng = np.random.default_rng(5)
    values = rng.normal(size=12)
    found = baseline_trend(ab_series(values, [0.0]))
    for limit, inside in ((found.slope_low, 1), (found.slope_high, -1)):
        within, outside = (
            kendalltau(range(12), values - (limit + step) * np.arange(12), method="asymptotic").pvalue
            for step in (inside * 1e-9, -inside * 1e-9)
        )
        assert outside < 0.05 <= within


def test_tau_within_the_limits_of_the_slope():
    found = of(LONG)
    low, high = found.tau_range
    assert low <= found.corrected.tau <= high
    ends = [
        of(ab_series(np.array(LONG_A) - b * np.arange(10), np.array(LONG_B) - b * np.arange(10, 24)))
        for b in (found.baseline.slope_low, found.baseline.slope_high)
    ]
    assert sorted(own.uncorrected.tau for own in ends) == pytest.approx([low, high])


def test_direction_units_and_order_of_the_scale():
    plain = of(LONG)
    mirrored = of(ab_series([-v for v in LONG_A], [-v for v in LONG_B]), DOWN)
    assert (mirrored.corrected, mirrored.uncorrected) == (plain.corrected, plain.uncorrected)
    assert mirrored.tau_range == plain.tau_range
    assert mirrored.baseline.slope == -plain.baseline.slope
    assert of(LONG, DOWN).chosen.tau == -plain.chosen.tau
    weeks = ab_series(LONG_A, LONG_B, sessions=np.arange(24) / 7)
    other = of(weeks)
    assert other.baseline.slope == pytest.approx(7 * plain.baseline.slope)
    assert replace(other, baseline=plain.baseline) == plain


def test_tau_b_with_the_phase_cannot_reach_1():
    found = of(ab_series([1, 3, 2, 3.5], [10, 12, 11, 13]))
    assert found.uncorrected.tau == 1.0
    assert found.uncorrected.tau_b == pytest.approx(math.sqrt(2 * 16 / (8 * 7)))


def test_a_short_baseline_never_corrects_and_bounds_nothing():
    found = of(ab_series([1, 2, 3], [3, 4, 5]))
    assert found.baseline.smallest_possible_p > 0.05
    assert (found.baseline.slope_low, found.baseline.slope_high) == (-math.inf, math.inf)
    assert found.tau_range == (-1.0, 1.0)
    assert "can never correct" in found.why[0]
    assert of(LONG).why == ()


def test_constant_values_are_a_result_that_says_so():
    flat = of(ab_series([4, 4, 4, 4], [4, 5, 6]))
    assert (flat.baseline.tau_b, flat.baseline.p_value, flat.baseline.slope) == (None, 1.0, 0.0)
    assert (flat.baseline.slope_low, flat.baseline.slope_high) == (0.0, 0.0)
    assert "baseline is constant" in flat.why[0]
    same = of(ab_series([4, 4, 4, 4], [4, 4]))
    assert (same.uncorrected.tau, same.uncorrected.tau_b) == (0.0, None)
    assert "all values are equal" in same.why[0]


def test_what_has_no_slope_or_no_level_is_refused():
    with pytest.raises(TooFew, match="2 or more are needed for a slope"):
        of(ab_series([1], [2, 3]))
    with pytest.raises(OutOfOrder):
        of(phased_series([1, 2, 3, 4], "AABA", baseline="A"))
    with pytest.raises(OutOfOrder):
        baseline_trend(phased_series([1, 2, 3], "BAA", baseline="A"))
    for keywords in ({"level": 95}, {"pretest_level": 0}):
        with pytest.raises(OutOfRange):
            of(LONG, **keywords)
