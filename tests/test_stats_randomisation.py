"""Randomisation tests: published counts, exactness over all assignments, cases, Monte Carlo, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.refusal import NotAChoice, OutOfRange, TooFew
from atlasplane.stats.single_case.assignments import (
    Aggregate,
    Compared,
    DifferentCases,
    MonteCarlo,
    TooManyAssignments,
)
from atlasplane.stats.single_case.cases_design import multiple_baseline
from atlasplane.stats.single_case.design import (
    AlternatingDesign,
    BlockDesign,
    NotAdmissible,
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
    PhaseStatistic,
)
from atlasplane.stats.single_case.power import ar1_series
from atlasplane.stats.single_case.randomisation import (
    Alternative,
    RandomisationTest,
    p_value,
    randomisation_test,
    randomisation_test_of_cases,
)
from atlasplane.stats.single_case.series import PhasedSeries, phased_series

SIDES = list(Alternative)
ALL = [MEAN_DIFFERENCE, MEDIAN_DIFFERENCE, NAP, SLOPE_CHANGE]
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Crossed minus self-fertilised maize, eighths of an inch (Darwin 1876; Fisher 1935, chapter 3)."""


def of(values, treated) -> PhasedSeries:
    return phased_series(values, ["AB"[int(own)] for own in treated], baseline="A")


def checked(
    values,
    treated,
    design: SingleCaseDesign,
    statistic: PhaseStatistic = MEAN_DIFFERENCE,
    alternative: Alternative = Alternative.GREATER,
    monte_carlo: MonteCarlo | None = None,
) -> RandomisationTest:
    return randomisation_test(
        of(values, treated), design, statistic=statistic, alternative=alternative, monte_carlo=monte_carlo
    )


def test_fishers_eight_cups() -> None:
    # All four right: 1 of 70; three right: 16 more (Fisher 1935, chapter 2).
    design = AlternatingDesign(n_sessions=8, n_treated=4, longest_run=8)
    cups = np.array([0, 1, 1, 0, 1, 0, 0, 1], dtype=bool)
    said = cups.astype(float)
    assert checked(said, cups, design).p_value == pytest.approx(1 / 70, rel=1e-12)
    said[[0, 1]] = said[[1, 0]]
    assert checked(said, cups, design).p_value == pytest.approx(17 / 70, rel=1e-12)


def test_darwins_pairs_as_fisher_counted_them() -> None:
    # 863 of 32768 sign patterns reach the total of 314 (Fisher 1935, section 21).
    values = np.column_stack([np.zeros(15), DARWIN]).ravel()
    design = BlockDesign(n_blocks=15, block_sessions=2)
    test = checked(values, [False, True] * 15, design)
    assert test.observed == pytest.approx(314 / 15, rel=1e-12)
    assert test.p_value * test.n_assignments == pytest.approx(863, abs=1e-6)
    doubled = checked(values, [False, True] * 15, design, alternative=Alternative.TWO_SIDED_DOUBLED)
    assert doubled.p_value == pytest.approx(2 * 863 / 32768, rel=1e-12)
    assert (test.compared, test.n_compared, test.why) == (Compared.COMPLETE, 32768, ())


def test_free_orders_are_the_permutation_and_the_mann_whitney_test() -> None:
    rng = np.random.default_rng(8)
    treated = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1], dtype=bool)
    values = rng.normal(size=9) + treated
    design = AlternatingDesign(n_sessions=9, n_treated=5, longest_run=9)
    a, b = values[treated], values[~treated]
    peer = stats.permutation_test(
        (a, b), lambda x, y: x.mean() - y.mean(), alternative="greater", n_resamples=np.inf
    )
    assert checked(values, treated, design).p_value == pytest.approx(peer.pvalue, rel=1e-12)
    ranks = stats.mannwhitneyu(a, b, alternative="less", method="exact")
    assert checked(values, treated, design, NAP, Alternative.LESS).p_value == pytest.approx(ranks.pvalue)


@pytest.mark.parametrize("statistic", ALL, ids=lambda statistic: statistic.name)
def test_statistics_are_those_of_each_assignment_by_itself(statistic) -> None:
    design = ab_design(n_sessions=12, least_baseline=3, least_treatment=2)
    sessions = np.cumsum([1, 1, 2, 1, 3, 1, 1, 1, 2, 1, 1, 4]).astype(float)
    values = np.round(np.random.default_rng(2).normal(size=12) * 2) + 1e3
    treated = design.treated(np.arange(design.n_assignments))
    found = statistic.of(values, sessions, treated)
    by_hand = {
        "mean difference": lambda y, x, t: y[t].mean() - y[~t].mean(),
        "median difference": lambda y, x, t: np.median(y[t]) - np.median(y[~t]),
        "NAP": lambda y, x, t: np.mean(np.sign(np.subtract.outer(y[t], y[~t])) / 2 + 0.5),
        "slope change": lambda y, x, t: np.polyfit(x[t], y[t], 1)[0] - np.polyfit(x[~t], y[~t], 1)[0],
    }[statistic.name]
    assert found == pytest.approx([by_hand(values, sessions, row) for row in treated], abs=1e-9)


@pytest.mark.parametrize("alternative", SIDES)
@pytest.mark.parametrize("statistic", ALL, ids=lambda statistic: statistic.name)
def test_exact_under_any_series_when_the_start_was_drawn(statistic, alternative) -> None:
    # One strongly autocorrelated series with a trend, every start in turn the drawn one: as many p at or
    # below alpha as alpha allows, which no model of the series is needed for.
    design = ab_design(n_sessions=28, least_baseline=4, least_treatment=4)
    values = ar1_series(1, 28, ar1=0.9, rng=np.random.default_rng(4))[0] + 0.1 * np.arange(28)
    found = np.array(
        [
            checked(values, row, design, statistic, alternative).p_value
            for row in design.treated(np.arange(design.n_assignments))
        ]
    )
    for alpha in (0.05, 0.1, 0.2, 0.5):
        assert np.mean(found <= alpha + 1e-12) <= alpha + 1e-12
    assert found.min() >= 1 / design.n_assignments - 1e-12


def test_sides_mirror_and_units_do_not_matter() -> None:
    design = ReversalDesign(n_sessions=14, least=(2, 2, 2, 2))
    treated = design.treated(np.array([17]))[0]
    values = np.random.default_rng(6).normal(size=14)
    for statistic in (MEAN_DIFFERENCE, MEDIAN_DIFFERENCE, NAP):
        up = checked(values, treated, design, statistic, Alternative.GREATER).p_value
        assert checked(-values, treated, design, statistic, Alternative.LESS).p_value == pytest.approx(up)
        assert checked(3.6e4 * values + 1e6, treated, design, statistic).p_value == pytest.approx(up)


def test_all_ties_give_p_1_on_every_side() -> None:
    design = ab_design(n_sessions=12, least_baseline=3, least_treatment=3)
    for statistic in ALL:
        for alternative in SIDES:
            got = checked([4.0] * 12, np.arange(12) >= 5, design, statistic, alternative)
            assert got.p_value == 1.0


def test_one_session_a_phase_and_few_starts_say_what_cannot_be_concluded() -> None:
    design = ab_design(n_sessions=4, least_baseline=1, least_treatment=1)
    test = checked([0.0, 5.0, 6.0, 7.0], [False, True, True, True], design)
    assert (test.p_value, test.smallest_possible_p) == pytest.approx((1 / 3, 1 / 3))
    assert "cannot give a p below 0.333" in test.why[0]
    doubled = checked([0, 5, 6, 7.0], [False, True, True, True], design, NAP, Alternative.TWO_SIDED_DOUBLED)
    assert doubled.smallest_possible_p == pytest.approx(2 / 3)


def test_monte_carlo_counts_the_observed_one_and_comes_near_the_exact_p() -> None:
    design = AlternatingDesign(n_sessions=24, n_treated=12, longest_run=24)
    treated = np.array([False, True] * 12)
    values = np.random.default_rng(5).normal(size=24) + 0.7 * treated
    draws = MonteCarlo(n_draws=4000, rng=np.random.default_rng(1))
    test = checked(values, treated, design, monte_carlo=draws)
    assert (test.compared, test.n_compared, test.n_assignments) == (Compared.MONTE_CARLO, 4001, 2704156)
    assert test.p_value * 4001 == pytest.approx(round(test.p_value * 4001))
    # Student's t approximates this permutation test well; SE of p near 0.05 with 4000 draws is 0.0035.
    t = stats.ttest_ind(values[treated], values[~treated], alternative="greater")
    assert test.p_value == pytest.approx(t.pvalue, abs=0.015)
    extreme = checked(100.0 * treated, treated, design, monte_carlo=draws)
    assert extreme.p_value >= 1 / 4001
    with pytest.raises(TooManyAssignments, match="MonteCarlo"):
        checked(values, treated, design)
    with pytest.raises(OutOfRange):
        MonteCarlo(n_draws=0, rng=np.random.default_rng(1))


STARTS = {"a": [4, 5, 6], "b": [6, 7, 8], "c": [8, 9, 10]}


def three_cases(rng: np.random.Generator, starts: dict[str, int], effect: float) -> dict[str, PhasedSeries]:
    return {
        name: of(rng.normal(size=14) + effect * (np.arange(14) >= start), np.arange(14) >= start)
        for name, start in starts.items()
    }


@pytest.mark.parametrize("aggregate", list(Aggregate))
@pytest.mark.parametrize("stagger", [0, 2])
def test_several_cases_are_compared_over_the_set_of_all_their_starts(aggregate, stagger) -> None:
    series = three_cases(np.random.default_rng(3), {"a": 5, "b": 7, "c": 10}, 1.0)
    design = multiple_baseline(STARTS, n_sessions=14, least_stagger=stagger)
    got = randomisation_test_of_cases(
        dict(reversed(series.items())),
        design,
        statistic=MEAN_DIFFERENCE,
        aggregate=aggregate,
        alternative=Alternative.GREATER,
        monte_carlo=None,
    )
    combine = np.mean if aggregate is Aggregate.MEAN else np.median
    by_hand = []
    for ranks in design.all_ranks():
        starts = [own[rank] for own, rank in zip(STARTS.values(), ranks, strict=True)]
        parts = [
            one.values[start:].mean() - one.values[:start].mean()
            for one, start in zip(series.values(), starts, strict=True)
        ]
        by_hand.append(combine(parts))
        if starts == [5, 7, 10]:
            assert got.by_case == pytest.approx(parts)
            assert got.observed == pytest.approx(by_hand[-1])
    assert sorted(got.distribution) == pytest.approx(sorted(by_hand))
    assert got.p_value == pytest.approx(np.mean(np.array(by_hand) >= got.observed - 1e-12))
    assert (got.aggregate, got.n_assignments) == (aggregate.value, design.n_assignments)


@pytest.mark.parametrize("stagger", [0, 1])
def test_monte_carlo_of_several_cases(stagger) -> None:
    starts = {name: list(range(4, 25)) for name in "abcd"}
    design = multiple_baseline(starts, n_sessions=30, least_stagger=stagger)
    rng = np.random.default_rng(9)
    series = {
        name: of(rng.normal(size=30) + 2 * (np.arange(30) >= start), np.arange(30) >= start)
        for name, start in zip("abcd", (6, 10, 15, 20), strict=True)
    }
    got = randomisation_test_of_cases(
        series,
        design,
        statistic=NAP,
        aggregate=Aggregate.MEDIAN,
        alternative=Alternative.GREATER,
        monte_carlo=MonteCarlo(n_draws=200, rng=rng),
    )
    assert (got.compared, got.n_compared) == (Compared.MONTE_CARLO, 201)
    assert got.p_value < 0.05


def test_what_the_design_could_not_produce_is_refused() -> None:
    design = ab_design(n_sessions=12, least_baseline=4, least_treatment=4)
    with pytest.raises(NotAdmissible, match="AABBBBBBBBBB"):
        checked(np.arange(12.0), np.arange(12) >= 2, design)
    with pytest.raises(TooFew, match="nothing was left to chance"):
        checked(np.arange(6.0), np.arange(6) >= 3, StartDesign(n_sessions=6, starts=(3,)))
    cases = multiple_baseline(STARTS, n_sessions=14, least_stagger=2)
    wanted = {
        "statistic": NAP,
        "aggregate": Aggregate.MEAN,
        "alternative": Alternative.LESS,
        "monte_carlo": None,
    }
    near = three_cases(np.random.default_rng(1), {"a": 6, "b": 7, "c": 10}, 0.0)
    with pytest.raises(NotAdmissible, match="of these cases"):
        randomisation_test_of_cases(near, cases, **wanted)
    with pytest.raises(DifferentCases):
        randomisation_test_of_cases({"a": near["a"], "b": near["b"]}, cases, **wanted)


def test_statistics_refuse_assignments_that_they_cannot_tell_of() -> None:
    values, sessions = np.arange(5.0), np.arange(5.0)
    with pytest.raises(TooFew):
        MEAN_DIFFERENCE.of(values, sessions, np.zeros((1, 5), dtype=bool))
    with pytest.raises(TooFew):
        SLOPE_CHANGE.of(values, sessions, np.array([[False, True, True, True, True]]))
    with pytest.raises(OutOfRange, match="another statistic"):
        SLOPE_CHANGE.of(values, sessions, np.array([[False, False, True, True, False]]))


def test_a_word_is_no_statistic() -> None:
    design = ab_design(n_sessions=12, least_baseline=4, least_treatment=4)
    with pytest.raises(NotAChoice, match="statistic is 'mean'; give one of MEAN_DIFFERENCE"):
        randomisation_test(
            of(np.arange(12.0), np.arange(12) >= 6),
            design,
            statistic="mean",
            alternative=Alternative.GREATER,
            monte_carlo=None,
        )


def test_p_of_a_distribution_counts_ties_and_rounding() -> None:
    distribution = np.array([0.1 + 0.2, 0.3, -1.0, 2.0])
    assert p_value(distribution, 0.3, alternative=Alternative.GREATER, within=1e-12) == 0.75
    assert p_value(distribution, 0.3, alternative=Alternative.LESS, within=1e-12) == 0.75
    assert p_value(distribution, 2.0, alternative=Alternative.TWO_SIDED_DOUBLED, within=1e-12) == 0.5
    assert p_value(distribution, 2.0, alternative=Alternative.TWO_SIDED_CENTRED, within=1e-12) == 0.25
    assert p_value(distribution, 0.3, alternative=Alternative.TWO_SIDED_DOUBLED, within=1e-12) == 1.0
