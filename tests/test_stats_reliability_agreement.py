"""Limits of agreement: the papers of 1986, 1999 and 2007, exact factors, repeats, linked pairs, checks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.refusal import NotFinite, OutOfRange, TooFew, WrongShape
from atlasplane.stats.reliability.agreement_checks import heteroscedasticity, proportional_bias, slope
from atlasplane.stats.reliability.bland_altman import (
    LimitInterval,
    composed_limits,
    limit_se,
    limits_of_agreement,
    tolerance_factor,
    tolerance_limits,
)
from atlasplane.stats.reliability.bland_altman_repeated import (
    LinkedVariance,
    linked_limits,
    repeated_limits,
    within_subject_sd,
)
from atlasplane.stats.reliability.mover import VarianceTerm

WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
"""First readings of the two peak flow meters, Bland and Altman 1986, l/min."""

CARDIAC = [
    ([7.83, 7.42, 7.89, 7.12, 7.88], [6.57, 5.62, 6.90, 6.57, 6.35]),
    ([6.16, 7.26, 6.71, 6.54], [4.06, 4.29, 4.26, 4.09]),
    ([4.75, 5.24, 4.86, 4.78, 6.05, 5.42], [4.71, 5.50, 5.08, 5.02, 6.01, 5.67]),
    ([4.21, 3.61, 3.72, 3.87, 3.92], [4.14, 4.20, 4.61, 4.68, 5.04]),
    ([3.13, 2.98, 2.85, 3.17, 3.09, 3.12], [3.03, 2.86, 2.77, 2.46, 2.32, 2.43]),
    ([5.92, 6.42, 5.92, 6.27], [5.90, 5.81, 5.70, 5.76]),
    ([7.13, 6.62, 6.58, 6.93], [5.09, 4.63, 4.61, 5.09]),
    ([4.54, 4.81, 5.11, 5.29, 5.39, 5.57], [4.72, 4.61, 4.36, 4.20, 4.36, 4.20]),
    ([4.48, 4.92, 3.97], [3.17, 3.12, 2.96]),
    ([4.22, 4.65, 4.74, 4.44, 4.50], [4.35, 4.62, 3.16, 3.53, 3.53]),
    ([6.78, 6.07, 6.52, 6.42, 6.41, 5.76], [7.20, 6.09, 7.00, 7.10, 7.40, 6.80]),
    ([5.06, 4.72, 4.90, 4.80, 4.90, 5.10], [4.50, 4.20, 3.80, 3.80, 4.20, 4.50]),
]
"""Bland and Altman 2007, table 1: radionuclide ventriculography and impedance cardiography of 12 people."""
RV, IC = [r for r, _ in CARDIAC], [i for _, i in CARDIAC]
PEOPLE = [i for i, (r, _) in enumerate(CARDIAC) for _ in r]
FIRST, SECOND = np.concatenate(RV), np.concatenate(IC)


def plain(
    interval: LimitInterval = LimitInterval.BLAND_ALTMAN_1986, factor: float = 2.0, level: float = 0.95
):
    return limits_of_agreement(MINI, WRIGHT, factor=factor, interval=interval, level=level)


# ---- published ----


def test_the_limits_printed_in_1986_with_their_intervals() -> None:
    found = plain()
    assert (round(found.bias, 1), round(found.sd, 1)) == (-2.1, 38.8)
    # The paper goes on from rounded numbers: -79.7 to 75.5, and from them the intervals.
    assert (found.low, found.high) == pytest.approx((-79.7, 75.5), abs=0.15)
    assert found.bias_interval == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found.low_interval == pytest.approx((-114.3, -45.1), abs=0.2)
    assert found.high_interval == pytest.approx((40.9, 110.3), abs=0.4)
    assert limit_se(found.sd, 17, factor=2, interval=found.interval) == pytest.approx(16.3, abs=0.05)


def test_the_standard_error_of_1999() -> None:
    se = limit_se(1.0, 50, factor=1.96, interval=LimitInterval.BLAND_ALTMAN_1999)
    # "approximately 1.71 s / sqrt n".
    assert se * math.sqrt(50) == pytest.approx(1.71, abs=0.02)
    with pytest.raises(OutOfRange, match="without a standard error"):
        limit_se(1.0, 50, factor=1.96, interval=LimitInterval.EXACT)


@pytest.mark.parametrize(("n", "factor"), [(10, 2.911), (20, 2.396), (30, 2.220)])
def test_the_outer_end_of_a_single_limit_is_the_one_sided_tolerance_factor(n: int, factor: float) -> None:
    # 95 % content with 95 % confidence: Natrella 1963, NIST handbook 7.2.6.3.
    values = np.random.default_rng(n).normal(size=n)
    found = limits_of_agreement(
        np.zeros(n), values, factor=1.6448536, interval=LimitInterval.EXACT, level=0.9
    )
    assert found.high_interval is not None and found.low_interval is not None
    assert (found.high_interval[1] - found.bias) / found.sd == pytest.approx(factor, abs=6e-4)
    assert (found.bias - found.low_interval[0]) / found.sd == pytest.approx(factor, abs=6e-4)


@pytest.mark.parametrize("n", [10, 20, 30, 100])
def test_two_sided_tolerance_factors_lie_just_above_howes(n: int) -> None:
    # Howe 1969, doi:10.2307/2283644: z sqrt(1 + 1/n) sqrt((n - 1) / chi2), half a percent off at most.
    found = tolerance_factor(n, content=0.95, level=0.95)
    howe = 1.959964 * math.sqrt((1 + 1 / n) * (n - 1) / stats.chi2.ppf(0.05, n - 1))
    assert 0 <= found / howe - 1 < 5e-3


def test_a_tolerance_interval_holds_its_content_as_often_as_it_says() -> None:
    n, rng = 8, np.random.default_rng(5)
    factor = tolerance_factor(n, content=0.9, level=0.8)
    x = rng.normal(size=(40_000, n))
    mean, sd = x.mean(axis=1), x.std(axis=1, ddof=1)
    held = stats.norm.cdf(mean + factor * sd) - stats.norm.cdf(mean - factor * sd) >= 0.9
    assert held.mean() == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / 40_000))


def test_linked_pairs_of_bland_and_altman_2007() -> None:
    found = linked_limits(
        PEOPLE,
        SECOND,
        FIRST,
        variance=LinkedVariance.ANALYSIS_OF_VARIANCE,
        factor=1.96,
    )
    assert found.bias == pytest.approx(0.6021667, abs=5e-8)
    assert found.sd**2 == pytest.approx(0.98133606, abs=1e-7)
    assert found.sd == pytest.approx(0.99062408, abs=1e-7)
    assert (found.low, found.high) == pytest.approx((-1.3394565, 2.5437899), abs=1e-6)
    assert (found.n_subjects, found.n_differences) == (12, 60)


def test_repeats_with_a_constant_true_value_of_bland_and_altman_2007() -> None:
    found = repeated_limits(IC, RV, factor=1.96)
    assert within_subject_sd(RV) ** 2 == pytest.approx(0.107227795, abs=5e-8)
    assert within_subject_sd(IC) ** 2 == pytest.approx(0.137874069, abs=5e-8)
    assert found.bias == pytest.approx(0.7092361, abs=5e-8)
    assert found.sd == pytest.approx(1.0518506, abs=5e-8)
    # They draw the limits about the mean of all pairs, 0.6021667, and print -1.4594605 to 2.6637939.
    assert found.low - found.bias + 0.6021667 == pytest.approx(-1.4594605, abs=2e-7)


def test_zous_interval_by_its_formula() -> None:
    found = linked_limits(
        PEOPLE,
        SECOND,
        FIRST,
        variance=LinkedVariance.SUBJECT_MEANS,
        factor=1.96,
    )
    differences = [np.subtract(a, b) for a, b in CARDIAC]
    m, means = np.array([len(d) for d in differences]), np.array([d.mean() for d in differences])
    between, n, total = means.var(ddof=1), 12, 60
    within = sum(((d - d.mean()) ** 2).sum() for d in differences) / (total - n)
    assert within == pytest.approx(0.170714026, abs=5e-8)
    weight = 1 - (1 / m).mean()
    s2 = between + weight * within
    upper = s2 + math.sqrt(
        (between * (1 - (n - 1) / stats.chi2.ppf(0.025, n - 1))) ** 2
        + (weight * within * (1 - (total - n) / stats.chi2.ppf(0.025, total - n))) ** 2
    )
    reach = math.sqrt(1.959964**2 * between / n + 1.96**2 * (math.sqrt(upper) - math.sqrt(s2)) ** 2)
    assert found.sd == pytest.approx(math.sqrt(s2))
    assert found.high_interval is not None
    assert found.high_interval[1] == pytest.approx(found.high + reach, rel=1e-6)


def test_movers_outer_ends_of_plain_pairs() -> None:
    x = [
        7.83,
        7.42,
        7.89,
        7.12,
        6.16,
        7.26,
        6.71,
        4.75,
        5.24,
        4.86,
        4.78,
        6.05,
        5.42,
        4.21,
        3.61,
        3.72,
        3.87,
        3.92,
    ]
    y = [
        6.57,
        5.62,
        6.9,
        6.57,
        4.06,
        4.29,
        4.26,
        4.71,
        5.5,
        5.08,
        5.02,
        6.01,
        5.67,
        4.14,
        4.2,
        4.61,
        4.68,
        5.04,
    ]
    found = limits_of_agreement(y, x, factor=1.959964, interval=LimitInterval.MOVER, level=0.9)
    # SimplyAgree prints one-sided 95 % ends, -3.0117 and 3.8884, of these 18 pairs.
    assert found.low_interval is not None and found.high_interval is not None
    assert (found.low_interval[0], found.high_interval[1]) == pytest.approx((-3.0117, 3.8884), abs=6e-5)


# ---- invariances ----


@pytest.mark.parametrize("interval", LimitInterval)
def test_turning_methods_round_turns_the_limits(interval: LimitInterval) -> None:
    a = plain(interval, 1.96)
    b = limits_of_agreement(WRIGHT, MINI, factor=1.96, interval=interval)
    assert (b.bias, b.low, b.high) == pytest.approx((-a.bias, -a.high, -a.low))
    assert a.high_interval is not None and b.low_interval is not None
    assert b.low_interval == pytest.approx((-a.high_interval[1], -a.high_interval[0]))
    c = limits_of_agreement(
        np.array(MINI) / 60 + 3, np.array(WRIGHT) / 60 + 3, factor=1.96, interval=interval
    )
    assert c.high_interval == pytest.approx(tuple(end / 60 for end in a.high_interval))


def test_one_reading_each_is_the_plain_case() -> None:
    a = plain(LimitInterval.MOVER, 1.96)
    b = repeated_limits([[m] for m in MINI], [[w] for w in WRIGHT], factor=1.96)
    assert b == a


def test_equally_many_linked_pairs_are_weighed_the_same_either_way() -> None:
    people = np.repeat(np.arange(8), 3)
    rng = np.random.default_rng(2)
    x = rng.normal(size=24)
    y = x + np.repeat(rng.normal(size=8), 3) + rng.normal(size=24)
    mixed = rng.permutation(24)
    a, b = (linked_limits(list(people), x, y, variance=v, factor=1.96) for v in LinkedVariance)
    assert (a.bias, a.sd, a.se_bias) == pytest.approx((b.bias, b.sd, b.se_bias))
    assert a.high_interval == pytest.approx(b.high_interval)
    c = linked_limits(
        list(people[mixed]),
        x[mixed],
        y[mixed],
        variance=LinkedVariance.SUBJECT_MEANS,
        factor=1.96,
    )
    assert (c.low, c.high) == pytest.approx((b.low, b.high))


def test_means_of_repeats_understate_the_disagreement_of_single_readings() -> None:
    single = repeated_limits(IC, RV, factor=1.96)
    means = limits_of_agreement(
        [np.mean(i) for i in IC], [np.mean(r) for r in RV], factor=1.96, interval=LimitInterval.EXACT
    )
    assert means.sd < single.sd
    assert means.bias == pytest.approx(single.bias)


# ---- checks ----


def test_the_slope_is_that_of_least_squares() -> None:
    x, y = np.array([1.0, 2.0, 4.0, 7.0, 9.0]), np.array([1.0, 0.0, 3.0, 2.0, 5.0])
    found, line = slope(x, y, level=0.95), stats.linregress(x, y)
    assert (found.value, found.p_value) == pytest.approx((line.slope, line.pvalue))
    assert found.high == pytest.approx(line.slope + stats.t.ppf(0.975, 3) * line.stderr)


def test_a_bias_that_grows_and_a_spread_that_grows_are_found() -> None:
    rng = np.random.default_rng(8)
    true = np.linspace(10, 100, 60)
    steeper = proportional_bias(true + rng.normal(size=60), 1.1 * true + rng.normal(size=60))
    assert steeper.low is not None and steeper.low > 0
    wider = heteroscedasticity(true, true + 0.1 * true * rng.normal(size=60))
    assert wider.low is not None and wider.low > 0
    # The order of the methods turns the first and leaves the second.
    a, b = rng.normal(size=(2, 30))
    assert proportional_bias(b, a).value == pytest.approx(-proportional_bias(a, b).value)
    assert heteroscedasticity(b, a).value == pytest.approx(heteroscedasticity(a, b).value)


def test_differences_that_are_an_exact_share_of_the_size_are_all_slope() -> None:
    first = np.array([80.0, 95.0, 110.0, 120.0])
    found = proportional_bias(first, 1.1 * first)
    # d = 0.1 x, mean = 1.05 x.
    assert found.value == pytest.approx(0.1 / 1.05)
    assert found.p_value == pytest.approx(0.0, abs=1e-12)
    assert heteroscedasticity(first, 1.1 * first).value == pytest.approx(0.0, abs=1e-12)


def test_a_line_that_nothing_tells() -> None:
    few = proportional_bias([1.0, 2.0], [2.0, 2.5])
    assert (few.value, few.low, few.p_value) == (None, None, None)
    assert "two subjects" in few.why[0]
    one_size = heteroscedasticity([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    assert one_size.value is None
    assert "one size" in one_size.why[0]
    flat = slope(np.array([1.0, 2.0, 3.0]), np.ones(3), level=0.95)
    assert (flat.value, flat.p_value) == (0.0, 1.0)


# ---- ends and refusals ----


@pytest.mark.parametrize("interval", LimitInterval)
def test_differences_that_are_all_equal_have_limits_and_no_interval(interval: LimitInterval) -> None:
    found = limits_of_agreement([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], factor=1.96, interval=interval)
    assert (found.bias, found.low, found.high, found.low_interval) == (1.0, 1.0, 1.0, None)
    assert "spread" in found.why[0]


def test_a_between_part_below_0_leaves_the_sum_unbiased() -> None:
    people = ["a", "a", "b", "b", "c", "c"]
    y = np.array([-1.0, 1.0, -1.1, 1.0, -0.9, 1.1])
    found = linked_limits(
        people,
        np.zeros(6),
        y,
        variance=LinkedVariance.ANALYSIS_OF_VARIANCE,
        factor=1.96,
    )
    within = within_subject_sd([y[:2], y[2:4], y[4:]]) ** 2
    assert found.sd**2 < within
    assert found.se_bias == pytest.approx(math.sqrt(within / 6))
    assert found.proportional_bias.n_subjects == 3


def test_two_pairs_are_the_least() -> None:
    found = limits_of_agreement([1.0, 2.0], [2.0, 4.0], factor=1.96, interval=LimitInterval.EXACT)
    assert found.high_interval is not None and found.high_interval[1] > 10 * found.high
    held = tolerance_limits([1.0, 2.0], [2.0, 4.0], content=0.95)
    assert held.high - held.low == pytest.approx(2 * held.factor * math.sqrt(0.5))
    assert held.factor > 30
    wide = tolerance_limits(MINI, WRIGHT, content=0.95)
    assert wide.low < plain(factor=1.96).low


def test_what_no_limits_can_be_drawn_from() -> None:
    mover = LimitInterval.MOVER
    with pytest.raises(TooFew):
        limits_of_agreement([1.0], [2.0], factor=1.96, interval=mover)
    with pytest.raises(NotFinite):
        limits_of_agreement([1.0, math.nan], [2.0, 3.0], factor=1.96, interval=mover)
    with pytest.raises(WrongShape):
        proportional_bias([1.0, 2.0], [2.0, 3.0, 4.0])
    with pytest.raises(OutOfRange, match="factor"):
        plain(factor=0.0)
    with pytest.raises(OutOfRange, match="level"):
        plain(level=95)
    with pytest.raises(OutOfRange, match="level"):
        slope(np.arange(3.0), np.arange(3.0), level=0)
    with pytest.raises(OutOfRange, match="content"):
        tolerance_limits(MINI, WRIGHT, content=95)
    with pytest.raises(TooFew):
        tolerance_factor(1, content=0.9, level=0.9)
    with pytest.raises(OutOfRange):
        heteroscedasticity(MINI, WRIGHT, level=3)
    with pytest.raises(OutOfRange, match="factor"):
        composed_limits(
            means=(np.ones(2), np.ones(2)),
            bias=0.0,
            se_bias=1.0,
            terms=[VarianceTerm(value=1.0, dof=1)],
            n_differences=2,
            factor=-1,
            interval=mover,
            level=0.95,
        )


def test_what_repeats_and_links_need() -> None:
    kinds = {"factor": 1.96}
    with pytest.raises(WrongShape, match="same subjects"):
        repeated_limits(IC[:3], RV[:2], **kinds)
    with pytest.raises(TooFew):
        repeated_limits(IC[:1], RV[:1], **kinds)
    with pytest.raises(NotFinite, match="second, subject 1"):
        repeated_limits([[1.0], [2.0]], [[1.0], [math.inf]], **kinds)
    means = {"variance": LinkedVariance.SUBJECT_MEANS, **kinds}
    with pytest.raises(TooFew, match="one subject"):
        linked_limits(["a", "a"], [1.0, 2.0], [1.0, 3.0], **means)
    with pytest.raises(TooFew, match="one pair"):
        linked_limits(["a", "b"], [1.0, 2.0], [1.0, 3.0], **means)
    with pytest.raises(WrongShape, match="subject of every pair"):
        linked_limits(["a"], [1.0, 2.0], [1.0, 3.0], **means)
    with pytest.raises(TooFew, match="read once"):
        within_subject_sd([[1.0], [2.0]])


def test_a_constant_method_has_a_within_subject_sd_of_0() -> None:
    assert within_subject_sd([[1.0, 1.0], [2.0, 2.0]]) == 0.0
    assert within_subject_sd(np.array([[1.0, 3.0], [2.0, 2.0]]) * 10) == pytest.approx(
        10 * within_subject_sd([[3.0, 1.0], [7.0, 7.0]])
    )


def test_equal_differences_of_far_values_do_not_scatter_by_their_last_digits() -> None:
    first = 1e6 + np.array([0.1, 0.2, 0.3])
    found = limits_of_agreement(first, first + 0.1, factor=1.96, interval=LimitInterval.EXACT)
    assert (found.sd, found.low_interval) == (0.0, None)
    with pytest.raises(OutOfRange, match="finite"):
        limits_of_agreement(first, first + 0.1, factor=math.inf, interval=LimitInterval.EXACT)
