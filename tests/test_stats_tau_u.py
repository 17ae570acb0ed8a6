"""Tau-U: each variant under its own name, exact tests by counting all orders, and its bounds."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kendalltau, mannwhitneyu

from atlasplane.stats.refusal import NoVariance, OutOfOrder, TooFew
from atlasplane.stats.single_case.series import Improvement, ab_series, phased_series
from atlasplane.stats.single_case.tau_u import (
    TauUDenominator,
    TauUTest,
    TauUVariant,
    Tied,
    between_variance,
    tau_u,
    within_variance,
)

UP, DOWN = Improvement.INCREASE, Improvement.DECREASE
PARKER, SUMMED = TauUDenominator.PARKER_2011, TauUDenominator.PAIRS_SUMMED
EXACT, CORRECTED, IGNORED = TauUTest.EXACT, TauUTest.NORMAL_TIES_CORRECTED, TauUTest.NORMAL_TIES_IGNORED
MINUS_A = TauUVariant.A_VS_B_MINUS_TREND_A
# Parker, Vannest, Davis and Sauber 2011, doi:10.1016/j.beth.2010.08.006.
BOB = ab_series([2, 3, 5, 3], [4, 5, 5, 7, 6])
UNTIED = ab_series([1, 7, 4], [3, 6, 8])


def of(series, variant, denominator=PARKER, improvement=UP, test=CORRECTED):
    return tau_u(series, variant=variant, denominator=denominator, improvement=improvement, test=test)


@pytest.mark.parametrize(
    ("variant", "s", "pairs"),
    [
        (TauUVariant.A_VS_B, 16, 20),
        (TauUVariant.TREND_A, 3, 6),
        (TauUVariant.TREND_B, 7, 10),
        (MINUS_A, 13, 20),
        (TauUVariant.A_VS_B_PLUS_TREND_B, 23, 30),
        (TauUVariant.A_VS_B_PLUS_TREND_B_MINUS_TREND_A, 20, 36),
    ],
)
def test_the_published_example_of_all_variants(variant, s, pairs):
    found = of(BOB, variant)
    assert (found.s, found.pairs, found.value) == (s, pairs, pytest.approx(s / pairs))
    mirrored = of(BOB, variant, improvement=DOWN)
    assert (mirrored.s, mirrored.p_value) == (-s, found.p_value)


def test_printed_standard_deviation_ignores_ties_and_printed_z_does_not():
    # SD 8.16 and Z 2.00 stand side by side in print; they are of two tests.
    ignored, corrected = (of(BOB, TauUVariant.A_VS_B, test=test) for test in (IGNORED, CORRECTED))
    assert round(ignored.sd_s, 2) == 8.16
    assert round(ignored.z, 2) == 1.96
    assert round(corrected.z, 2) == 2.00


def test_one_name_has_two_denominators():
    assert of(BOB, MINUS_A, PARKER).value == pytest.approx(13 / 20)
    assert of(BOB, MINUS_A, SUMMED).value == pytest.approx(13 / 26)


def test_the_denominator_of_2011_leaves_the_number_unbounded():
    worst = of(ab_series([1, 2, 3, 4, 5], [0, -1, -2, -3, -4]), MINUS_A)
    assert worst.value == pytest.approx(-1.4)
    assert worst.largest_possible == pytest.approx(1.4)
    bounded = of(ab_series([1, 2, 3, 4, 5], [0, -1, -2, -3, -4]), MINUS_A, SUMMED)
    assert (bounded.value, bounded.largest_possible) == (-1.0, 1.0)


@pytest.mark.parametrize("variant", TauUVariant)
def test_the_exact_test_counts_all_orders(variant):
    found = of(UNTIED, variant, test=EXACT)
    sums = np.array(
        [
            of(ab_series(order[:3], order[3:]), variant, test=IGNORED).s
            for order in permutations(UNTIED.values.tolist())
        ]
    )
    assert found.p_value == pytest.approx(np.mean(np.abs(sums) >= abs(found.s)))
    assert found.sd_s == pytest.approx(np.sqrt(np.mean(sums**2)))
    assert sums.mean() == pytest.approx(0)
    assert found.smallest_possible_p == pytest.approx(np.mean(np.abs(sums) == np.abs(sums).max()))


def test_the_exact_tests_of_others():
    before, after = UNTIED.ab()
    assert of(UNTIED, TauUVariant.A_VS_B, test=EXACT).p_value == pytest.approx(
        mannwhitneyu(before, after, method="exact").pvalue
    )
    assert of(UNTIED, TauUVariant.TREND_A, test=EXACT).p_value == pytest.approx(
        kendalltau(range(3), before, method="exact").pvalue
    )


def test_the_corrected_variance_is_that_of_all_orders_of_tied_values():
    values = [1, 2, 2, 3, 3]
    orders = [ab_series(order[:2], order[2:]) for order in permutations(values)]
    sums = np.array([of(order, TauUVariant.A_VS_B, test=IGNORED).s for order in orders])
    assert of(orders[0], TauUVariant.A_VS_B).sd_s ** 2 == pytest.approx(np.mean(sums**2))
    assert between_variance(orders[0].values, 2) == pytest.approx(np.mean(sums**2))
    # Within a phase the ties change from order to order: there the mean of the variances is that of all.
    sums = np.array([of(order, MINUS_A, test=IGNORED).s for order in orders])
    parts = [between_variance(o.values, 2) + within_variance(o.values[:2]) for o in orders]
    assert np.mean(parts) == pytest.approx(np.mean(sums**2))


def test_the_variance_against_time_is_that_of_all_orders():
    values = np.array([1.0, 2.0, 2.0, 4.0, 2.0])
    sums = []
    for order in permutations(values):
        row = np.array(order)
        sums.append(np.triu(np.sign(row - row[:, None]), 1).sum())
    assert within_variance(values) == pytest.approx(np.mean(np.square(sums)))
    assert within_variance(np.array([3.0])) == 0.0


def test_order_within_phases_changes_trends_alone_and_units_nothing():
    other = ab_series([3, 5, 2, 3], [6, 4, 7, 5, 5])
    assert of(other, TauUVariant.A_VS_B).s == of(BOB, TauUVariant.A_VS_B).s
    assert of(other, MINUS_A).s != of(BOB, MINUS_A).s
    scaled = ab_series(5 - 2 * BOB.values[:4], 5 - 2 * BOB.values[4:])
    turned, plain = of(scaled, MINUS_A, improvement=DOWN), of(BOB, MINUS_A)
    assert replace(turned, improvement=UP) == plain


def test_a_trend_that_goes_on_looks_like_an_effect():
    line = ab_series([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
    assert of(line, TauUVariant.A_VS_B).value == 1.0
    assert of(line, MINUS_A).value == pytest.approx(0.6)
    longer = ab_series(range(12), range(12, 24))
    assert of(longer, MINUS_A).p_value < 0.05


def test_short_phases_cannot_reach_significance_and_the_result_says_so():
    found = of(ab_series([1, 2], [3, 4]), TauUVariant.A_VS_B, test=EXACT)
    assert found.p_value == found.smallest_possible_p == pytest.approx(2 / 6)
    one = of(ab_series([1], [2]), TauUVariant.A_VS_B, test=EXACT)
    assert one.p_value == 1.0
    for test in (CORRECTED, IGNORED):
        assert of(ab_series([1, 2], [3, 4]), TauUVariant.A_VS_B, test=test).smallest_possible_p > 0.1


def test_what_cannot_be_put_in_order_is_refused():
    with pytest.raises(Tied, match="ask for the normal test"):
        of(BOB, TauUVariant.A_VS_B, test=EXACT)
    with pytest.raises(NoVariance, match="nothing can be put in order"):
        of(ab_series([4, 4], [4, 4, 4]), TauUVariant.A_VS_B)
    with pytest.raises(TooFew):
        of(ab_series([4], [4, 5, 6]), TauUVariant.TREND_B)
    with pytest.raises(OutOfOrder):
        of(phased_series([1, 2, 3], "ABA", baseline="A"), MINUS_A)
