"""Power by simulation: exact cases, its interval, autocorrelated series, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.stats.refusal import OutOfRange
from atlasplane.stats.single_case.assignments import Aggregate, TooManyAssignments
from atlasplane.stats.single_case.cases_design import multiple_baseline
from atlasplane.stats.single_case.design import AlternatingDesign, ab_design
from atlasplane.stats.single_case.phase_statistics import MEAN_DIFFERENCE
from atlasplane.stats.single_case.power import Power, Question, ar1_series, power
from atlasplane.stats.single_case.randomisation import Alternative

ASKED = Question(
    effect=0.0,
    ar1=0.3,
    alpha=0.05,
    statistic=MEAN_DIFFERENCE,
    aggregate=None,
    alternative=Alternative.GREATER,
    n_draws=None,
)
TWENTY = ab_design(n_sessions=29, least_baseline=5, least_treatment=5)


def found(design, question: Question, n_simulations: int = 200) -> Power:
    return power(design, question, n_simulations=n_simulations, level=0.99, rng=np.random.default_rng(1))


def test_without_effect_power_is_the_level_of_the_test() -> None:
    got = found(TWENTY, ASKED, 400)
    assert got.low <= 0.05 <= got.high
    assert (got.smallest_possible_p, got.n_simulations, got.why) == (0.05, 400, ())
    assert (got.interval, got.statistic, got.ar1) == ("Clopper-Pearson", "mean difference", 0.3)


def test_power_rises_with_the_effect_to_certainty() -> None:
    one = found(TWENTY, replace(ASKED, effect=1.5))
    all_ = found(TWENTY, replace(ASKED, effect=50.0), 60)
    assert 0.05 < one.power < all_.power
    assert (all_.power, all_.high) == (1.0, 1.0)
    down = found(TWENTY, replace(ASKED, effect=-50.0, alternative=Alternative.LESS), 60)
    assert down.power == 1.0


def test_a_design_with_too_few_assignments_has_no_power_and_says_so() -> None:
    got = found(ab_design(n_sessions=20, least_baseline=5, least_treatment=5), replace(ASKED, effect=9), 20)
    assert (got.power, got.low) == (0.0, 0.0)
    assert "its power is 0 for every effect" in got.why[0]


def test_more_cases_have_more_power() -> None:
    starts = {name: range(4, 9) for name in "abc"}
    three = multiple_baseline(starts, n_sessions=13, least_stagger=0)
    got = found(three, replace(ASKED, effect=1.5, aggregate=Aggregate.MEAN), 100)
    assert got.power > found(TWENTY, replace(ASKED, effect=1.5)).power
    with pytest.raises(OutOfRange, match="need an aggregate"):
        found(three, ASKED)


def test_monte_carlo_where_there_are_too_many_assignments() -> None:
    many = AlternatingDesign(n_sessions=24, n_treated=12, longest_run=3)
    with pytest.raises(TooManyAssignments):
        found(many, ASKED)
    got = found(many, replace(ASKED, effect=3.0, n_draws=99), 30)
    assert (got.power, got.smallest_possible_p) == (1.0, 0.01)


def test_series_have_unit_variance_and_the_autocorrelation_asked_for() -> None:
    drawn = ar1_series(4000, 12, ar1=0.6, rng=np.random.default_rng(7))
    # SE of a variance 1 from 4000 independent series is sqrt(2 / 4000) = 0.022, of a correlation less.
    assert np.abs(drawn.var(axis=0) - 1).max() < 4 * 0.0224
    for lag in (1, 2):
        products = np.mean(drawn[:, lag:] * drawn[:, :-lag], axis=0)
        assert np.abs(products - 0.6**lag).max() < 4 * 0.0224
    np.testing.assert_array_equal(
        ar1_series(2, 5, ar1=0.0, rng=np.random.default_rng(1)),
        np.random.default_rng(1).normal(size=(2, 5)),
    )


@pytest.mark.parametrize(
    "change", [{"ar1": 1.0}, {"ar1": -1.0}, {"alpha": 0.0}, {"alpha": 1.0}, {"effect": np.nan}]
)
def test_impossible_questions_are_refused(change) -> None:
    with pytest.raises(OutOfRange):
        replace(ASKED, **change)


def test_impossible_simulations_are_refused() -> None:
    with pytest.raises(OutOfRange):
        found(TWENTY, ASKED, 0)
    with pytest.raises(OutOfRange):
        power(TWENTY, ASKED, n_simulations=2, level=1.0, rng=np.random.default_rng(1))
