"""Rates and rate ratios: printed intervals, exact tails, symmetries, zero counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, poisson

from atlasplane.stats.refusal import NotFinite, OutOfRange, TooFew, WrongShape
from atlasplane.stats.series.events import (
    dispersion,
    single_count,
    single_exposure,
    stretches,
    whole_counts,
)
from atlasplane.stats.series.rate_ratios import overdispersed_rate_ratio, rate_ratio
from atlasplane.stats.series.rates import (
    Dispersed,
    Exactness,
    overdispersed_rate_interval,
    rate_interval,
)

EXACT, MID_P, SCORE_T = Exactness.EXACT, Exactness.MID_P, Dispersed.SCORE_T


def ratio(after, before, one=1.0, other=1.0, *, method=EXACT, level=0.95):
    return rate_ratio(after, before, exposure_after=one, exposure_before=other, method=method, level=level)


def dispersed_ratio(after, before, one=None, other=None, level=0.95):
    return overdispersed_rate_ratio(
        after,
        before,
        exposures_after=np.ones(len(after)) if one is None else one,
        exposures_before=np.ones(len(before)) if other is None else other,
        method=SCORE_T,
        level=level,
    )


@pytest.mark.parametrize(
    ("n_events", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (10, 4.7954, 18.3904)],
)
def test_garwood_table(n_events, low, high):
    # Garwood 1936, doi:10.1093/biomet/28.3-4.437; the 95 % table in every handbook.
    found = rate_interval(n_events, 2.0, method=EXACT, level=0.95)
    assert (2 * found.low, 2 * found.high) == pytest.approx((low, high), abs=6e-5)
    assert found.rate == n_events / 2
    assert bool(found.why) == (n_events == 0)


def test_interval_of_welsh_nickel_workers():
    # R 4, example of stats::poisson.test: 137 deaths, 24.19893 expected; 4.753125 to 6.692709.
    found = rate_interval(137, 24.19893, method=EXACT, level=0.95)
    assert (found.low, found.high) == pytest.approx((4.753125, 6.692709), abs=5e-7)


@pytest.mark.parametrize("n_events", [0, 1, 4, 30])
@pytest.mark.parametrize("level", [0.02, 0.9, 0.999])
def test_ends_of_a_rate_have_their_tails(n_events, level):
    tail = (1 - level) / 2
    for method, part in ((EXACT, 1.0), (MID_P, 0.5)):
        found = rate_interval(n_events, 1.0, method=method, level=level)
        assert poisson.cdf(n_events - 1, found.high) + part * poisson.pmf(
            n_events, found.high
        ) == pytest.approx(tail)
        if n_events:
            above = poisson.sf(n_events, found.low) + part * poisson.pmf(n_events, found.low)
            assert above == pytest.approx(tail)
        else:
            assert found.low == 0.0


def test_mid_p_lies_within_exact():
    exact, mid = (rate_interval(7, 3.0, method=method, level=0.95) for method in (EXACT, MID_P))
    assert exact.low < mid.low < mid.high < exact.high
    assert rate_interval(0, 1.0, method=MID_P, level=0.95).high == pytest.approx(-math.log(0.05))


def test_rates_scale_with_the_unit_of_exposure():
    hours, minutes = (rate_interval(7, t, method=MID_P, level=0.95) for t in (3.0, 180.0))
    assert (60 * minutes.low, 60 * minutes.high) == pytest.approx((hours.low, hours.high))
    one, other = (
        overdispersed_rate_interval([3, 9, 1], np.array([1, 2, 1.5]) * c, method=SCORE_T, level=0.95)
        for c in (1, 60)
    )
    assert (60 * other.low, 60 * other.high) == pytest.approx((one.low, one.high))


@pytest.mark.parametrize(
    ("numbers", "exact", "mid_p"),
    [
        # Stata, iri 41 15 28010 19017: 1.855759, exact 1.005684 to 3.6093.
        ((41, 15, 28010, 19017), (1.005684, 3.6093), None),
        # R, example of stats::poisson.test.
        ((11, 21, 800, 3011), (0.8584264, 4.2772659), None),
        # OpenEpi, two person-time rates: crude, and the smaller stratum.
        ((25, 4, 178556, 200200), (2.42, 27.71), (2.616, 23.57)),
        ((17, 3, 100025, 122268), (2.004, 36.89), (2.21, 29.63)),
        ((8, 1, 78531, 77932), (1.064, 352.3), (1.27, 177.6)),
    ],
)
def test_printed_rate_ratios(numbers, exact, mid_p):
    for method, printed in ((EXACT, exact), (MID_P, mid_p)):
        if printed is not None:
            found = ratio(*numbers, method=method)
            assert (found.low, found.high) == pytest.approx(printed, rel=5e-4)


def test_printed_p_values():
    # Stata and OpenEpi, of the same tables.
    assert ratio(41, 15, 28010, 19017, method=MID_P).p_value == pytest.approx(0.0355, abs=5e-5)
    assert ratio(17, 3, 100025, 122268).p_value == pytest.approx(0.0005538, abs=5e-8)
    assert ratio(17, 3, 100025, 122268, method=MID_P).p_value == pytest.approx(0.0003127, abs=5e-8)
    assert ratio(8, 1, 78531, 77932).p_value == pytest.approx(0.04015, abs=5e-6)


@pytest.mark.parametrize("counts", [(3, 8), (0, 6), (6, 0), (1, 1)])
@pytest.mark.parametrize("level", [0.01, 0.95])
def test_ends_of_a_ratio_have_their_tails(counts, level):
    n, tail = sum(counts), (1 - level) / 2
    for method, part in ((EXACT, 1.0), (MID_P, 0.5)):
        found = ratio(*counts, 2.0, 5.0, method=method, level=level)
        shares = [2 * r / (2 * r + 5) if math.isfinite(r) else 1.0 for r in (found.low, found.high)]
        above = binom.sf(counts[0], n, shares[0]) + part * binom.pmf(counts[0], n, shares[0])
        below = binom.cdf(counts[0] - 1, n, shares[1]) + part * binom.pmf(counts[0], n, shares[1])
        assert above == pytest.approx(tail) if counts[0] else found.low == 0
        assert below == pytest.approx(tail) if counts[1] else found.high == math.inf


@pytest.mark.parametrize("method", list(Exactness))
def test_exchanging_the_sides_inverts_the_ratio(method):
    one, other = ratio(3, 9, 2.0, 5.0, method=method), ratio(9, 3, 5.0, 2.0, method=method)
    assert (1 / other.high, 1 / other.low) == pytest.approx((one.low, one.high), rel=1e-12)
    assert (one.ratio * other.ratio, one.p_value) == pytest.approx((1.0, other.p_value))


def test_exchanging_the_sides_inverts_a_dispersed_ratio():
    after, before = [3, 0, 9, 2], [8, 12, 1]
    one, other = dispersed_ratio(after, before), dispersed_ratio(before, after)
    assert (1 / other.high, 1 / other.low) == pytest.approx((one.low, one.high), rel=1e-12)
    assert one.dispersion > 1
    assert one.p_value == pytest.approx(other.p_value)


def test_no_event_on_a_side_is_a_bound():
    none_after, none_before, none = ratio(0, 5), ratio(5, 0), ratio(0, 0)
    assert (none_after.ratio, none_after.low) == (0.0, 0.0)
    assert (none_before.ratio, none_before.high) == (math.inf, math.inf)
    assert (none.ratio, none.low, none.high, none.p_value) == (None, 0.0, math.inf, 1.0)
    assert ["after" in none_after.why[0], "before" in none_before.why[0], "either" in none.why[0]] == [
        True
    ] * 3
    # Clopper and Pearson: 1 - 0.025^(1/5) of the share.
    assert none_after.high == pytest.approx(0.025 ** (-1 / 5) - 1)


@pytest.mark.parametrize("method", list(Exactness))
def test_the_smallest_possible_p_is_that_of_one_sided_events(method):
    assert ratio(3, 2, 1.0, 3.0, method=method).smallest_possible_p == pytest.approx(
        ratio(5, 0, 1.0, 3.0, method=method).p_value
    )
    assert ratio(1, 0).smallest_possible_p == 1.0
    found = dispersed_ratio([3, 2], [1, 1])
    assert found.smallest_possible_p < found.p_value


def test_the_dispersed_interval_solves_its_equation():
    y, e = np.array([3, 14, 0, 9]), np.array([1.0, 2.0, 1.0, 1.5])
    found = overdispersed_rate_interval(y, e, method=SCORE_T, level=0.9)
    mean = e * 26 / 5.5
    dispersion = float(np.sum((y - mean) ** 2 / mean)) / 3
    assert (found.dispersion, found.dof, found.n_events) == (pytest.approx(dispersion), 3, 26)
    t = 2.353363  # Student's 0.95 of 3 degrees of freedom
    for end in (found.low, found.high):
        assert (26 - end * 5.5) ** 2 == pytest.approx(t**2 * dispersion * end * 5.5, rel=1e-6)


def test_the_dispersed_ratio_solves_its_equation_and_its_test_is_the_inverse():
    after, before = [3, 0, 9, 2], [18, 12, 21]
    found = dispersed_ratio(after, before)
    t = 2.570582  # Student's 0.975 of 5 degrees of freedom
    for end in (found.low, found.high):
        p = end * 4 / (end * 4 + 3)
        assert (14 - 65 * p) ** 2 == pytest.approx(t**2 * found.dispersion * 65 * p * (1 - p), rel=1e-5)
    edge = dispersed_ratio(after, before, level=1 - found.p_value)
    assert edge.high == pytest.approx(1.0)


def test_even_counts_are_taken_as_poisson_and_none_says_so():
    even = overdispersed_rate_interval([4, 4, 4], [1, 1, 1], method=SCORE_T, level=0.95)
    assert even.dispersion == 1.0
    none = overdispersed_rate_interval([0, 0, 0], [1, 1, 1], method=SCORE_T, level=0.95)
    # t^2 of 2 degrees of freedom over the exposure 3.
    assert (none.low, none.high) == (0.0, pytest.approx(4.302653**2 / 3, rel=1e-6))
    assert ["dispersion" in none.why[0], "upper bound" in none.why[1]] == [True, True]


def test_stretches_scatter_about_the_rate_of_their_own_side():
    one, other = (stretches(y, [1, 1], "y", "e", at_least=1) for y in ([2, 6], [9, 9]))
    none = stretches([0, 0], [1, 3], "y", "e", at_least=1)
    # (2 - 4)^2 / 4 + (6 - 4)^2 / 4
    assert (one.n_events, one.exposure, one.chi_squared, other.chi_squared) == (8.0, 2.0, 2.0, 0.0)
    assert dispersion([one, other, none], 1.0) == (2.0, ())
    assert dispersion([other, none], 4.0) == (1.0, ())
    value, why = dispersion([none, none], 2.0)
    assert (value, "no event" in why[0]) == (1.0, True)


def test_numbers_of_numpy_are_taken_in_full():
    given = rate_interval(np.int64(3), np.float32(2), method=MID_P, level=0.95)
    plain = rate_interval(3, 2.0, method=MID_P, level=0.95)
    assert (given.low, given.high) == (plain.low, plain.high)
    assert (single_count(np.int64(3), "n"), single_exposure(np.float32(2), "e")) == (3, 2.0)


def test_dispersed_ratios_with_nothing_on_a_side():
    none_after, none = dispersed_ratio([0, 0], [30, 50]), dispersed_ratio([0, 0], [0, 0])
    assert none_after.low == 0.0 < none_after.high < 1
    assert "after" in none_after.why[0]
    assert dispersed_ratio([30, 50], [0, 0]).high == math.inf
    assert (none.low, none.high, none.p_value, none.ratio) == (0.0, math.inf, 1.0, None)
    assert ["dispersion" in none.why[0], "either" in none.why[1]] == [True, True]
    assert dispersed_ratio([3], [5, 8]).dof == 1


@pytest.mark.parametrize(
    ("refused", "words", "call"),
    [
        (OutOfRange, "n_events", lambda: rate_interval(-1, 1.0, method=EXACT, level=0.95)),
        (OutOfRange, "broken", lambda: rate_interval(1.5, 1.0, method=EXACT, level=0.95)),
        (NotFinite, "n_events", lambda: rate_interval(math.nan, 1.0, method=EXACT, level=0.95)),
        (OutOfRange, "exposure", lambda: rate_interval(1, 0.0, method=EXACT, level=0.95)),
        (NotFinite, "exposure", lambda: rate_interval(1, math.nan, method=EXACT, level=0.95)),
        (OutOfRange, "level", lambda: rate_interval(1, 1.0, method=EXACT, level=95)),
        (OutOfRange, "exposure_before", lambda: ratio(1, 1, 1.0, -1.0)),
        (OutOfRange, "n_before", lambda: ratio(1, -1)),
        (TooFew, "counts", lambda: overdispersed_rate_interval([3], [1], method=SCORE_T, level=0.95)),
        (
            WrongShape,
            "exposures",
            lambda: overdispersed_rate_interval([3, 4], [1], method=SCORE_T, level=0.95),
        ),
        (
            OutOfRange,
            "exposures",
            lambda: overdispersed_rate_interval([3, 4], [1, 0], method=SCORE_T, level=0.95),
        ),
        (TooFew, "counts_before", lambda: dispersed_ratio([3], [5])),
        (OutOfRange, "counts_after", lambda: dispersed_ratio([3, -1], [5, 2])),
        (OutOfRange, "Exactness.EXACT", lambda: rate_interval(1, 1.0, method="exact", level=0.95)),
        (OutOfRange, "Exactness.MID_P", lambda: ratio(1, 1, method=SCORE_T)),
        (
            OutOfRange,
            "Dispersed.SCORE_T",
            lambda: overdispersed_rate_interval([3, 4], [1, 1], method=EXACT, level=0.95),
        ),
        (
            OutOfRange,
            "Dispersed.SCORE_T",
            lambda: overdispersed_rate_ratio(
                [3, 4], [5], exposures_after=[1, 1], exposures_before=[1], method="t", level=0.95
            ),
        ),
        (OutOfRange, "visits", lambda: whole_counts(np.array([0.5]), "visits")),
    ],
)
def test_refusals(refused, words, call):
    with pytest.raises(refused, match=words):
        call()
