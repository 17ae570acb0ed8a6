"""Log response ratio: its formulas by hand, direction for counts and shares, phases of nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from atlasplane.stats.refusal import NoVariance, OutOfOrder, OutOfRange, TooFew
from atlasplane.stats.single_case.response_ratio import (
    RatioCorrection,
    RatioForm,
    RatioInterval,
    ZeroMean,
    response_ratio,
)
from atlasplane.stats.single_case.series import Improvement, ab_series, phased_series

UP, DOWN = Improvement.INCREASE, Improvement.DECREASE
LRRI, LRRD = RatioForm.LRRI, RatioForm.LRRD
SPASMS = ab_series([12, 9, 14, 11, 10], [6, 4, 7, 5, 3, 5])


def of(
    series,
    form=LRRD,
    improvement=DOWN,
    whole=None,
    correction=RatioCorrection.R2,
    interval=RatioInterval.NORMAL,
    **more,
):
    keywords = {"least_step": None, "level": 0.95, **more}
    return response_ratio(
        series,
        form=form,
        improvement=improvement,
        whole=whole,
        correction=correction,
        interval=interval,
        **keywords,
    )


def test_the_formulas_by_hand():
    # Means 56 / 5 and 30 / 6; variances 14.8 / 4 and 10 / 5.
    v_a, v_b = 3.7 / (5 * 11.2**2), 2 / (6 * 5**2)
    first = of(SPASMS, correction=RatioCorrection.R1)
    assert first.value == pytest.approx(math.log(5 / 11.2))
    found = of(SPASMS)
    assert found.value == pytest.approx(math.log(5 / 11.2) + v_b / 2 - v_a / 2)
    assert found.se == first.se == pytest.approx(math.sqrt(v_a + v_b))
    assert found.high - found.value == pytest.approx(1.959963984540054 * found.se)
    assert found.dof == math.inf
    assert (found.mean_baseline, found.mean_treatment) == (11.2, 5.0)


BEFORE, AFTER = [20, 20, 26, 25, 22, 23], [28, 25, 24, 27, 30, 30, 29]


@pytest.mark.parametrize(
    ("before", "keywords", "printed"),
    # SingleCaseES 0.7, introduction (printed figures only); least steps: count, 30 minutes, 180 intervals.
    [
        (BEFORE, {"form": LRRI, "improvement": UP}, (0.1953962, 0.05557723, 0.08646679, 0.3043255)),
        (BEFORE, {"form": LRRI}, (-0.1953962, 0.05557723, -0.3043255, -0.08646679)),
        (
            BEFORE,
            {"form": LRRI, "improvement": UP, "whole": 100},
            (0.1953962, 0.05557723, 0.08646679, 0.3043255),
        ),
        (BEFORE, {"form": LRRI, "whole": 100}, (-0.06553504, 0.01810144, -0.1010132, -0.03005687)),
        ([0] * 4, {"least_step": 1 / 30}, (8.672947, 0.5010548, 7.690897, 9.654996)),
        (
            [0] * 4,
            {"least_step": 100 / 180, "whole": 100},
            (5.859536, 0.5010548, 4.877487, 6.841586),
        ),
    ],
)
def test_printed_figures(before, keywords, printed):
    found = of(ab_series(before, AFTER), **keywords)
    assert (found.value, found.se, found.low, found.high) == pytest.approx(printed, rel=1e-6)


def test_welch_pays_for_estimated_variances():
    v_a, v_b = 3.7 / (5 * 11.2**2), 2 / (6 * 5**2)
    found = of(SPASMS, interval=RatioInterval.WELCH_T, level=0.9)
    assert found.dof == pytest.approx((v_a + v_b) ** 2 / (v_a**2 / 4 + v_b**2 / 5))
    assert found.value - found.low == pytest.approx(student.ppf(0.95, found.dof) * found.se)


def test_the_correction_takes_the_bias_away():
    rng = np.random.default_rng(8)
    series = [ab_series(rng.gamma(0.5, 20, 6), rng.gamma(8, 1, 20)) for _ in range(1500)]
    first, second = (
        np.mean([of(own, correction=correction).value for own in series]) for correction in RatioCorrection
    )
    truth = math.log(8 / 10)
    # R1 is too large by V_A / 2 = 0.17 to the first order.
    assert first - truth > 0.1
    assert abs(second - truth) < 0.5 * (first - truth)


def test_for_counts_the_two_forms_differ_by_sign_alone():
    falling, rising = of(SPASMS), of(SPASMS, LRRI)
    assert rising.value == -falling.value > 0
    assert (rising.low, rising.high) == (-falling.high, -falling.low)
    assert of(SPASMS, LRRI, UP).value == falling.value == -of(SPASMS, LRRD, UP).value


def test_for_shares_the_two_forms_are_two_numbers():
    shares = ab_series([0.3, 0.2, 0.4], [0.7, 0.9, 0.8])
    complement = ab_series([0.7, 0.8, 0.6], [0.3, 0.1, 0.2])
    rising, falling = of(shares, LRRI, UP, 1), of(shares, LRRD, UP, 1)
    assert rising.value > 0 > falling.value
    assert falling.value == pytest.approx(of(complement).value)
    assert falling.value != pytest.approx(-rising.value, abs=0.1)
    assert of(complement, LRRI, DOWN, 1).value == pytest.approx(rising.value)
    assert of(complement, LRRD, DOWN, 1).value == pytest.approx(falling.value)


def test_units_and_order_do_not_matter_and_swapped_phases_change_the_sign():
    before, after = SPASMS.ab()
    plain = of(SPASMS)
    hours = of(ab_series(before[::-1] / 24, after / 24))
    assert (hours.value, hours.se) == pytest.approx((plain.value, plain.se))
    assert of(ab_series(after, before)).value == pytest.approx(-plain.value)
    percent = of(ab_series([30, 20, 40], [70, 90, 80]), LRRD, UP, 100)
    assert percent.value == pytest.approx(of(ab_series([0.3, 0.2, 0.4], [0.7, 0.9, 0.8]), LRRD, UP, 1).value)


def test_a_phase_of_nothing_is_refused_or_truncated_by_name():
    gone = ab_series([3, 1, 2, 2], [0, 0, 0, 0, 0])
    with pytest.raises(OutOfRange, match="mean of the treatment is 0 and has no logarithm"):
        of(gone)
    with pytest.raises(OutOfRange, match="mean of the baseline is 0"):
        of(ab_series([0, 0], [1, 2]))
    found = of(gone, least_step=1.0, correction=RatioCorrection.R1)
    # A mean of at least 1 / (2 x 5), a variance of at least 1 / 5^3.
    assert found.value == pytest.approx(math.log(0.1 / 2))
    assert found.se == pytest.approx(math.sqrt(2 / 3 / (4 * 2**2) + 1 / 5**3 / (5 * 0.1**2)))
    assert (found.zeros, found.truncated) == (ZeroMean.TRUNCATED, True)
    assert [why.split(":")[0] for why in found.why] == ["the mean of the treatment is 0 and was taken as 0.1"]
    assert "least_step and of the 5 sessions" in found.why[0]


def test_truncation_changes_nothing_where_nothing_is_missing():
    found = of(SPASMS, least_step=1.0)
    assert not found.truncated
    assert found.why == ()
    assert replace(found, zeros=ZeroMean.REFUSED) == of(SPASMS)


def test_one_phase_without_scatter_is_no_obstacle_and_two_are():
    found = of(ab_series([4, 4, 4], [1, 2, 3]), interval=RatioInterval.WELCH_T)
    assert found.dof == pytest.approx(2)
    with pytest.raises(NoVariance, match="neither phase varies"):
        of(ab_series([4, 4], [2, 2]))


def test_a_phase_with_events_and_without_scatter_is_not_truncated():
    found = of(ab_series([4, 4, 4], [1, 2, 3]), least_step=1.0)
    assert not found.truncated
    assert found.se == of(ab_series([4, 4, 4], [1, 2, 3])).se


@pytest.mark.parametrize("least_step", [None, 1.0])
@pytest.mark.parametrize(
    "series",
    [
        ab_series([4, 4], [2, 2]),
        ab_series([4, 4, 4], [0, 0]),
        # Equal but for rounding.
        ab_series([0.1 + 0.2, 0.3, 0.3], [0.7, 0.1 + 0.6, 0.7]),
    ],
)
def test_two_phases_without_scatter_are_refused_whatever_the_least_step(series, least_step):
    with pytest.raises(NoVariance, match="neither phase varies") as told:
        of(series, least_step=least_step)
    assert "least_step" not in str(told.value)


@pytest.mark.parametrize("least_step", [None, 1.0])
def test_no_event_in_either_phase_tells_nothing_of_the_ratio(least_step):
    with pytest.raises(NoVariance, match=r"no event in either phase.*overdispersed_rate_ratio"):
        of(ab_series([0] * 3, [0] * 39), least_step=least_step)


def test_a_share_that_is_the_whole_but_for_rounding_leaves_nothing():
    full = 1 - 2e-16
    shares = ab_series([full] * 3, [0.7, 0.9, 0.8])
    with pytest.raises(OutOfRange, match="mean of the complement of the baseline is 0"):
        of(shares, LRRD, UP, 1)
    assert "complement of the baseline is 0" in of(shares, LRRD, UP, 1, least_step=0.1).why[0]


@pytest.mark.parametrize(
    ("series", "keywords", "refusal", "words"),
    [
        (ab_series([-1, 2], [1, 2]), {}, OutOfRange, "0 or more"),
        (ab_series([0.2, 1.2], [0.1, 0.3]), {"whole": 1}, OutOfRange, "more than the whole of 1"),
        (ab_series([1], [1, 2]), {}, TooFew, "2 or more"),
        (SPASMS, {"least_step": 0}, OutOfRange, "least_step must be above 0"),
        (SPASMS, {"level": 1}, OutOfRange, "level"),
        (phased_series([1, 2, 3, 4], "BBAA", baseline="A"), {}, OutOfOrder, "B-A"),
    ],
)
def test_what_has_no_ratio_is_refused(series, keywords, refusal, words):
    with pytest.raises(refusal, match=words):
        of(series, **keywords)
