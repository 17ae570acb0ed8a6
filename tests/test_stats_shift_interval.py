"""Intervals by inversion: the tests that they invert, exact coverage over all assignments, ends, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.stats.refusal import NotAChoice, OutOfRange, TooFew
from atlasplane.stats.single_case.assignments import Aggregate, Compared, MonteCarlo
from atlasplane.stats.single_case.cases_design import multiple_baseline
from atlasplane.stats.single_case.design import (
    AlternatingDesign,
    BlockDesign,
    ReversalDesign,
    SingleCaseDesign,
    StartDesign,
    ab_design,
)
from atlasplane.stats.single_case.phase_statistics import (
    MEAN_DIFFERENCE,
    MEDIAN_DIFFERENCE,
    NAP,
    SLOPE_CHANGE,
    Follows,
    PhaseStatistic,
    Shift,
)
from atlasplane.stats.single_case.power import ar1_series
from atlasplane.stats.single_case.randomisation import Alternative, randomisation_test
from atlasplane.stats.single_case.series import PhasedSeries, phased_series
from atlasplane.stats.single_case.shift_interval import (
    NoExactInterval,
    ShiftInterval,
    shift_interval,
    shift_interval_of_cases,
)

ALL = [MEAN_DIFFERENCE, MEDIAN_DIFFERENCE, NAP, SLOPE_CHANGE]


def of(values, treated) -> PhasedSeries:
    return phased_series(values, ["AB"[int(own)] for own in treated], baseline="A")


def added(series: PhasedSeries, statistic: PhaseStatistic) -> np.ndarray:
    first = series.sessions[np.argmax(series.treated)]
    slope = np.where(series.treated, series.sessions - first, 0.0)
    return slope if statistic.shift is Shift.SLOPE else series.treated.astype(float)


def p_at(series: PhasedSeries, design: SingleCaseDesign, statistic: PhaseStatistic, shift: float) -> float:
    rest = of(series.values - shift * added(series, statistic), series.treated)
    return randomisation_test(
        rest, design, statistic=statistic, alternative=Alternative.TWO_SIDED_DOUBLED, monte_carlo=None
    ).p_value


def interval(series, design, statistic, level=0.8, monte_carlo=None) -> ShiftInterval:
    return shift_interval(series, design, statistic=statistic, level=level, monte_carlo=monte_carlo)


CASES = [
    (ab_design(n_sessions=22, least_baseline=4, least_treatment=4), statistic, seed)
    for statistic in ALL
    for seed in (1, 2)
] + [
    (design, statistic, 5)
    for statistic in ALL[:3]
    for design in (
        AlternatingDesign(n_sessions=9, n_treated=4, longest_run=3),
        ReversalDesign(n_sessions=13, least=(2, 2, 2, 2)),
        BlockDesign(n_blocks=5, block_sessions=2),
    )
]


@pytest.mark.parametrize(("design", "statistic", "seed"), CASES)
def test_ends_are_where_the_test_begins_to_reject(design, statistic, seed) -> None:
    rng = np.random.default_rng(seed)
    treated = design.treated(rng.integers(0, design.n_assignments, size=1))[0]
    series = of(rng.normal(size=design.n_sessions) + 1.5 * treated, treated)
    got = interval(series, design, statistic)
    for end, outwards in ((got.low, -1.0), (got.high, 1.0)):
        if math.isfinite(end):
            assert p_at(series, design, statistic, end + outwards * 1e-6) <= 0.2 + 1e-9
            assert p_at(series, design, statistic, end - outwards * 1e-6) > 0.2 + 1e-9
        else:
            assert p_at(series, design, statistic, outwards * 1e6) > 0.2 + 1e-9
    if got.connected and math.isfinite(got.low) and math.isfinite(got.high):
        for share in np.linspace(0.01, 0.99, 9):
            assert p_at(series, design, statistic, got.low + share * (got.high - got.low)) > 0.2 + 1e-9


@pytest.mark.parametrize(
    ("statistic", "n_starts", "level"),
    [(MEAN_DIFFERENCE, 40, 0.95), (SLOPE_CHANGE, 40, 0.95), (NAP, 10, 0.8)],
)
def test_coverage_is_exact_over_the_starts_whatever_the_series(statistic, n_starts, level) -> None:
    # One start is the most extreme on either side: all but 2 intervals hold the shift, or more with ties.
    design = ab_design(n_sessions=n_starts + 5, least_baseline=3, least_treatment=3)
    noise = ar1_series(1, n_starts + 5, ar1=0.8, rng=np.random.default_rng(2))[0] + 0.05 * np.arange(
        n_starts + 5
    )
    held = []
    for treated in design.treated(np.arange(n_starts)):
        got = interval(
            of(noise + 2.5 * added(of(noise, treated), statistic), treated), design, statistic, level
        )
        held.append(got.low - 1e-9 <= 2.5 <= got.high + 1e-9)
    assert sum(held) >= n_starts - 2
    if statistic is not NAP:
        assert sum(held) == n_starts - 2


@pytest.mark.parametrize("statistic", [MEAN_DIFFERENCE, MEDIAN_DIFFERENCE, NAP], ids=lambda one: one.name)
def test_interval_moves_with_the_shift_and_turns_with_the_sign(statistic) -> None:
    design = ReversalDesign(n_sessions=14, least=(2, 2, 2, 2))
    treated = design.treated(np.array([40]))[0]
    values = np.random.default_rng(7).normal(size=14)
    plain = interval(of(values, treated), design, statistic)
    moved = interval(of(10 * (values + 3 * treated) + 100, treated), design, statistic)
    turned = interval(of(-values, treated), design, statistic)
    assert (moved.low, moved.high) == pytest.approx((10 * plain.low + 30, 10 * plain.high + 30))
    assert (turned.low, turned.high) == pytest.approx((-plain.high, -plain.low))


def test_whole_numbers_with_ties_keep_the_shift_on_a_jump() -> None:
    design = ab_design(n_sessions=14, least_baseline=3, least_treatment=3)
    values = np.array([3, 4, 3, 4, 3, 6, 5, 6, 6, 5, 6, 5, 6, 6.0])
    for statistic in (MEDIAN_DIFFERENCE, NAP):
        got = interval(of(values, np.arange(14) >= 5), design, statistic, 0.5)
        assert p_at(of(values, np.arange(14) >= 5), design, statistic, got.low) > 0.5
        assert got.low <= 2.0 <= got.high
        # An end lies on a whole or half number, where sessions tie.
        assert got.low * 2 == pytest.approx(round(got.low * 2))


def test_few_starts_give_infinite_ends_and_say_so() -> None:
    design = ab_design(n_sessions=12, least_baseline=4, least_treatment=4)
    got = interval(of(np.arange(12.0), np.arange(12) >= 6), design, MEAN_DIFFERENCE, 0.95)
    assert (got.low, got.high) == (-math.inf, math.inf)
    assert got.highest_finite_level == got.design_finite_level == pytest.approx(0.6)
    assert "level 0.6 at most" in got.why[0]


def test_ends_that_the_design_allows_and_the_statistic_does_not_reach_say_so() -> None:
    design = ab_design(n_sessions=30, least_baseline=5, least_treatment=5)
    series = of(np.random.default_rng(4).integers(3, 8, 30).astype(float), np.arange(30) >= 12)
    got = interval(series, design, MEDIAN_DIFFERENCE, 0.9)
    assert 0 < got.highest_finite_level < 0.9 < got.design_finite_level == pytest.approx(19 / 21)
    assert math.isinf(got.low) or math.isinf(got.high)
    assert "the median difference on these values" in got.why[0]
    assert "take another statistic, starts that lie further apart, or a lower level" in got.why[0]
    for level, is_finite in ((got.highest_finite_level, True), (got.highest_finite_level + 1e-6, False)):
        near = interval(series, design, MEDIAN_DIFFERENCE, level)
        assert bool(np.isfinite([near.low, near.high]).all()) is is_finite
    assert math.isfinite(interval(series, design, MEAN_DIFFERENCE, 0.9).low)


def test_values_without_spread_have_the_interval_of_a_point_at_0() -> None:
    design = BlockDesign(n_blocks=6, block_sessions=2)
    for statistic in (MEAN_DIFFERENCE, NAP):
        for constant in (0.0, 7.0):
            got = interval(of([constant] * 12, [False, True] * 6), design, statistic)
            assert (got.low, got.high) == pytest.approx((0, 0), abs=1e-9)
            assert got.all_equal
            assert [why.split(":")[0] for why in got.why] == ["all values are equal"]


def test_monte_carlo_interval_is_near_the_complete_one() -> None:
    rng = np.random.default_rng(3)
    treated = np.array([False, True] * 11)
    values = rng.normal(size=22) + treated
    design = AlternatingDesign(n_sessions=22, n_treated=11, longest_run=22)
    draws = MonteCarlo(n_draws=4000, rng=rng)
    got = interval(of(values, treated), design, MEAN_DIFFERENCE, 0.95, draws)
    assert (got.compared, got.n_compared, got.n_assignments) == (Compared.MONTE_CARLO, 4001, 705432)
    difference = values[treated].mean() - values[~treated].mean()
    assert got.low < difference < got.high
    # Permutation of Gaussian values gives Student's interval, t(20) 2.086 standard errors, but for the draws.
    spread = math.sqrt((values[treated].var(ddof=1) + values[~treated].var(ddof=1)) / 11)
    assert (got.high - got.low) / (2 * 2.086 * spread) == pytest.approx(1, abs=0.15)


STARTS = {"a": [4, 5, 6, 7], "b": [6, 7, 8, 9], "c": [8, 9, 10, 11]}


@pytest.mark.parametrize(
    ("statistic", "aggregate"),
    [(MEAN_DIFFERENCE, Aggregate.MEAN), (MEDIAN_DIFFERENCE, Aggregate.MEAN), (NAP, Aggregate.MEDIAN)],
)
def test_one_shift_of_several_cases(statistic, aggregate) -> None:
    design = multiple_baseline(STARTS, n_sessions=15, least_stagger=0)
    rng = np.random.default_rng(12)
    series = {
        name: of(rng.normal(size=15) + 4 * (np.arange(15) >= start), np.arange(15) >= start)
        for name, start in (("a", 5), ("b", 8), ("c", 9))
    }
    got = shift_interval_of_cases(
        series, design, statistic=statistic, aggregate=aggregate, level=0.9, monte_carlo=None
    )
    assert got.low < 4 < got.high
    assert (got.n_compared, got.aggregate, got.shift) == (64, aggregate.value, Shift.LEVEL)
    moved = {name: of(one.values + 2 * one.treated, one.treated) for name, one in series.items()}
    again = shift_interval_of_cases(
        moved, design, statistic=statistic, aggregate=aggregate, level=0.9, monte_carlo=None
    )
    assert (again.low, again.high) == pytest.approx((got.low + 2, got.high + 2))


def by_start(values, sessions, treated):
    return treated.sum(axis=1).astype(float)


def test_a_test_that_rejects_every_shift_says_so() -> None:
    fixed = PhaseStatistic(
        name="treated sessions", of=by_start, follows=Follows.STEPS, shift=Shift.LEVEL, takes_rows=False
    )
    design = ab_design(n_sessions=46, least_baseline=3, least_treatment=3)
    got = interval(of(np.arange(46.0), np.arange(46) >= 3), design, fixed, 0.95)
    assert math.isnan(got.low)
    assert math.isnan(got.high)
    assert "every shift is rejected" in got.why[0]


def test_an_interval_with_a_gap_says_so() -> None:
    design = ab_design(n_sessions=14, least_baseline=2, least_treatment=2)
    series = of(np.random.default_rng(13).normal(size=14), np.arange(14) >= 6)
    got = interval(series, design, NAP, 0.6)
    assert not got.connected
    assert got.why == ("some shifts between the ends are rejected",)
    between = np.linspace(got.low, got.high, 301)[1:-1]
    assert min(p_at(series, design, NAP, shift) for shift in between) <= 0.4


def test_what_cannot_be_inverted_is_refused() -> None:
    design = ab_design(n_sessions=12, least_baseline=4, least_treatment=4)
    series = of(np.arange(12.0), np.arange(12) >= 6)
    bent = PhaseStatistic(name="own", of=by_start, follows=Follows.BENT, shift=Shift.SLOPE, takes_rows=False)
    with pytest.raises(NoExactInterval, match="straight lines only"):
        interval(series, design, bent)
    with pytest.raises(OutOfRange):
        interval(series, design, MEAN_DIFFERENCE, 1.0)
    with pytest.raises(NotAChoice, match="statistic is 'mean'; give one of MEAN_DIFFERENCE"):
        interval(series, design, "mean")
    with pytest.raises(TooFew):
        interval(series, StartDesign(n_sessions=12, starts=(6,)), MEAN_DIFFERENCE)
    cases = multiple_baseline(STARTS, n_sessions=15, least_stagger=0)
    with pytest.raises(NoExactInterval, match="mean of cases"):
        shift_interval_of_cases(
            {}, cases, statistic=MEAN_DIFFERENCE, aggregate=Aggregate.MEDIAN, level=0.9, monte_carlo=None
        )
