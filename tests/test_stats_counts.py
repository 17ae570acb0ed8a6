"""Regression of counts and interrupted series: printed fits, symmetries, what is told and refused."""

from __future__ import annotations

import doctest
import math
from pathlib import Path

import numpy as np
import pytest

from atlasplane.stats.refusal import (
    Collinear,
    NotConverged,
    NotFinite,
    NoVariance,
    OutOfOrder,
    OutOfRange,
    TooFew,
    WrongShape,
)
from atlasplane.stats.series.count_regression import CountFamily, count_regression
from atlasplane.stats.series.counts import (
    CountCovariance,
    HacCovariance,
    Reference,
    Unsuitable,
    interrupted_counts,
    residual_autocorrelation,
)
from atlasplane.stats.series.hac import SmallSample
from atlasplane.stats.series.interrupted_design import LEVEL_CHANGE, SLOPE_CHANGE, interrupted_design

POISSON, NB2 = CountFamily.POISSON, CountFamily.NB2
MODEL, QUASI = CountCovariance.MODEL, CountCovariance.QUASI
HAC = HacCovariance(n_lags=3, small_sample=SmallSample.RESIDUAL_DOF)
NORMAL, RESIDUAL, SATTERTHWAITE = Reference
COUNTS = np.array([14, 9, 17, 21, 12, 18, 8, 16, 25, 11, 6, 9, 4, 12, 7, 3, 10, 5, 8, 2])
TIME = np.arange(1.0, 21.0)


def design(time=TIME, *, start=11.0, slope_change=False, n_harmonics=0):
    return interrupted_design(
        time, start=start, slope_change=slope_change, n_harmonics=n_harmonics, period=6.0
    )


def fit(counts=COUNTS, own=None, exposure=None, *, family=POISSON, covariance=MODEL, reference=NORMAL):
    return interrupted_counts(
        counts,
        own or design(),
        exposure=np.ones(len(counts)) if exposure is None else exposure,
        family=family,
        covariance=covariance,
        reference=reference,
        level=0.95,
    )


def test_deaths_from_aids_grow_as_printed():
    # Deaths of 14 quarters from 1983 (Dobson 1990, An Introduction to Generalized Linear Models, table 4.1);
    # R's glm(y ~ time, poisson): 0.33963 (0.25119), 0.25652 (0.02204).
    deaths = np.array([0, 1, 2, 3, 1, 4, 9, 18, 23, 31, 20, 25, 37, 45])
    columns = np.column_stack([np.ones(14), np.arange(1, 15)])
    found = count_regression(deaths, columns, exposure=np.ones(14), family=POISSON)
    assert found.coefficients == pytest.approx([0.33963, 0.25652], abs=5e-6)
    assert np.sqrt(np.diag(found.bread)) == pytest.approx([0.25119, 0.02204], abs=5e-6)
    assert (found.dof, found.alpha) == (12, 0.0)


def test_mites_on_leaves_cluster_as_printed():
    # 172 mites on 150 apple leaves; k = 1 / alpha = 1.02459 by maximum likelihood
    # (Bliss and Fisher 1953, doi:10.2307/3001850).
    mites = np.repeat(np.arange(8), [70, 38, 17, 10, 9, 3, 2, 1])
    found = count_regression(mites, np.ones((150, 1)), exposure=np.ones(150), family=NB2)
    assert 1 / found.alpha == pytest.approx(1.02459, abs=5e-6)
    assert math.exp(found.coefficients[0]) == pytest.approx(172 / 150)


@pytest.mark.parametrize("family", list(CountFamily))
def test_the_likelihood_is_largest_at_the_fit(family):
    own = design(slope_change=True)
    found = count_regression(COUNTS, own.matrix, exposure=np.ones(20), family=family)

    def log_likelihood(b, alpha):
        mu = np.exp(own.matrix @ b)
        total = 0.0
        for y, m in zip(COUNTS, mu, strict=True):
            r = 1 / alpha
            total += math.lgamma(y + r) - math.lgamma(r) - math.lgamma(y + 1)
            total += r * math.log(r / (r + m)) + y * math.log(m / (r + m))
        return total

    alpha = found.alpha if family is NB2 else 1e-7
    assert (found.alpha > 0.01) == (family is NB2)
    top = log_likelihood(found.coefficients, alpha)
    assert found.log_likelihood == pytest.approx(top, abs=2e-5)
    for step in np.vstack([np.eye(4), -np.eye(4)]) * 0.003:
        assert log_likelihood(found.coefficients + step, alpha) < top
    if family is NB2:
        assert max(log_likelihood(found.coefficients, c * alpha) for c in (0.97, 1.03)) < top


def test_steady_counts_lie_on_the_boundary_of_nb2():
    steady = np.array([5, 6, 5, 4, 5, 6, 4, 5, 5, 6, 5, 4])
    own = design(np.arange(1.0, 13.0), start=7.0)
    found = fit(steady, own, family=NB2)
    assert found.regression.alpha == 0.0
    assert found.regression.coefficients == pytest.approx(fit(steady, own).regression.coefficients)
    assert any("boundary" in why for why in found.why)


@pytest.mark.parametrize("seed", range(6))
def test_alpha_is_found_from_either_side(seed):
    rng = np.random.default_rng(seed)
    counts = rng.negative_binomial(1, 1 / (1 + 6 * np.ones(20))) + rng.poisson(1 + 3.0 * (seed % 2), 20)
    low, high = (
        count_regression(counts, design().matrix, exposure=np.ones(20), family=f).log_likelihood
        for f in (POISSON, NB2)
    )
    assert high >= low


def test_the_level_change_is_the_ratio_of_rates_where_nothing_else_moves():
    # With the trend at 0 on symmetric data, the level change is the ratio of the two means.
    counts = np.array([4, 6, 5, 5, 6, 4, 2, 3, 4, 4, 3, 2])
    found = fit(counts, design(np.arange(-5.5, 6.0), start=0.5))
    assert found.ratio("time").ratio == pytest.approx(1.0, abs=1e-9)
    assert found.ratio(LEVEL_CHANGE).ratio == pytest.approx(18 / 30)
    assert found.ratio(LEVEL_CHANGE).low < 0.6 < found.ratio(LEVEL_CHANGE).high


def test_quasi_widens_by_the_root_of_the_dispersion_and_the_quantile():
    model, quasi = fit(), fit(covariance=QUASI, reference=RESIDUAL)
    one, other = model.ratio(LEVEL_CHANGE), quasi.ratio(LEVEL_CHANGE)
    assert other.u_log == pytest.approx(math.sqrt(model.regression.dispersion) * one.u_log)
    assert (one.dof, other.dof) == (math.inf, 17)
    # 0.975 of Student's t with 17 degrees of freedom.
    assert math.log(other.high / other.ratio) == pytest.approx(2.109816 * other.u_log, rel=1e-6)
    assert math.log(one.high / one.ratio) == pytest.approx(1.959964 * one.u_log, rel=1e-6)
    assert any("scatter" in why for why in model.why)
    assert not any("scatter" in why for why in quasi.why)


def test_the_p_value_meets_the_interval():
    found = fit(covariance=QUASI, reference=RESIDUAL)
    ratio = found.ratio(LEVEL_CHANGE)
    edge = interrupted_counts(
        COUNTS,
        design(),
        exposure=np.ones(20),
        family=POISSON,
        covariance=QUASI,
        reference=RESIDUAL,
        level=1 - ratio.p_value,
    ).ratio(LEVEL_CHANGE)
    assert max(edge.low, 1 / edge.high) == pytest.approx(1.0)


@pytest.mark.parametrize("family", list(CountFamily))
def test_units_of_time_and_exposure_change_nothing_else(family):
    own, exposure = design(slope_change=True), np.linspace(1, 2, 20)
    other = design(60 * TIME, start=660.0, slope_change=True)
    one, scaled = fit(COUNTS, own, exposure, family=family), fit(COUNTS, other, 24 * exposure, family=family)
    assert scaled.ratio(LEVEL_CHANGE).low == pytest.approx(one.ratio(LEVEL_CHANGE).low)
    assert scaled.ratio(SLOPE_CHANGE).high ** 60 == pytest.approx(one.ratio(SLOPE_CHANGE).high)
    assert scaled.regression.alpha == pytest.approx(one.regression.alpha, rel=1e-6)


@pytest.mark.parametrize("zero", [1e6, 1.6e9])
def test_times_far_from_zero_lose_no_digits(zero):
    one, far = (
        fit(COUNTS, design(zero + TIME, start=zero + 11, slope_change=True), covariance=HAC, reference=r)
        for zero, r in ((0.0, SATTERTHWAITE), (zero, SATTERTHWAITE))
    )
    for name in (LEVEL_CHANGE, SLOPE_CHANGE):
        assert far.ratio(name).low == pytest.approx(one.ratio(name).low, rel=1e-7)
        assert far.ratio(name).dof == pytest.approx(one.ratio(name).dof, rel=1e-7)
    assert np.sqrt(far.regression.bread[2, 2]) == pytest.approx(np.sqrt(one.regression.bread[2, 2]), rel=1e-7)
    # The rate at time 0, so far away, is not known: its end is beyond the largest number.
    assert (far.ratio("intercept").low, far.ratio("intercept").high) == (0.0, math.inf)


def test_a_phase_of_one_session_is_told():
    found = fit(own=design(start=20.0), covariance=HAC, reference=SATTERTHWAITE)
    assert any("session 20 alone" in why for why in found.why)
    assert found.ratio(LEVEL_CHANGE).u_log > 3 * math.sqrt(found.cov[2, 2])


def test_the_ratio_at_a_time_joins_level_and_slope():
    found = fit(COUNTS, design(slope_change=True))
    at_start, later = found.ratio_at(11.0), found.ratio_at(15.0)
    assert at_start == found.ratio(LEVEL_CHANGE)
    assert later.ratio == pytest.approx(at_start.ratio * found.ratio(SLOPE_CHANGE).ratio ** 4)
    contrast = np.array([0, 0, 1, 4.0])
    assert later.u_log == pytest.approx(math.sqrt(contrast @ found.cov @ contrast))


def test_the_counterfactual_is_the_fit_without_its_change():
    exposure = np.linspace(1, 2, 20)
    found = fit(
        COUNTS, design(slope_change=True, n_harmonics=1), exposure, covariance=QUASI, reference=RESIDUAL
    )
    without = found.counterfactual()
    for time, expected, fitted in zip(without.time, without.expected, without.fitted, strict=True):
        assert found.ratio_at(time).ratio == pytest.approx(fitted / expected)
    assert len(without.time) == 10
    assert (without.low < without.expected).all()
    assert (without.high > without.expected).all()
    assert without.high[-1] / without.low[-1] > without.high[0] / without.low[0]


def test_harmonics_are_sines_and_cosines_of_the_period():
    own = design(n_harmonics=2)
    assert own.names == ("intercept", "time", LEVEL_CHANGE, "sin 1", "cos 1", "sin 2", "cos 2")
    assert own.matrix[0, 3:] == pytest.approx([math.sqrt(3) / 2, 0.5, math.sqrt(3) / 2, -0.5])
    assert own.matrix[5, 3:] == pytest.approx([0, 1, 0, 1], abs=1e-12)
    assert own.treated.sum() == 10
    assert (own.without_change[:, 2] == 0).all()
    assert design(slope_change=True).matrix[10:, 3] == pytest.approx(np.arange(10))


def test_newey_west_of_counts_is_the_sandwich():
    found = fit(covariance=HAC)
    x, mu = design().matrix, found.regression.means
    scores, bread = x * (COUNTS - mu)[:, None], np.linalg.inv(x.T @ (mu[:, None] * x))
    meat = scores.T @ scores
    for lag, weight in ((1, 0.75), (2, 0.5), (3, 0.25)):
        product = scores[lag:].T @ scores[:-lag]
        meat += weight * (product + product.T)
    assert found.cov == pytest.approx(20 / 17 * bread @ meat @ bread)
    assert found.u == pytest.approx(np.sqrt(np.diag(found.cov)))
    assert any("20 sessions" in why for why in found.why)


def test_satterthwaite_of_a_coefficient_and_of_a_contrast():
    found = fit(COUNTS, design(slope_change=True), covariance=HAC, reference=SATTERTHWAITE)
    plain = fit(COUNTS, design(slope_change=True), covariance=HAC, reference=RESIDUAL)
    level, later = found.ratio(LEVEL_CHANGE), found.ratio_at(15.0)
    assert level.dof < plain.ratio(LEVEL_CHANGE).dof == 16
    assert level.u_log > plain.ratio(LEVEL_CHANGE).u_log
    # The same contrast is the level change itself where the slope is counted from time 15.
    moved = design(slope_change=True)
    moved.matrix[:, 3] = moved.treated * (TIME - 15)
    again = fit(COUNTS, moved, covariance=HAC, reference=SATTERTHWAITE).ratio(LEVEL_CHANGE)
    assert (later.ratio, later.u_log, later.dof) == pytest.approx((again.ratio, again.u_log, again.dof))


def test_likeness_of_neighbours_and_few_sessions_are_told():
    rng = np.random.default_rng(2)
    slow = rng.poisson(np.exp(3 + 0.8 * np.sin(np.arange(40) / 4)))
    found = fit(slow, design(np.arange(40.0), start=20.0), covariance=QUASI)
    assert found.residual_acf[0] > 0.5
    assert any("alike" in why for why in found.why)
    assert any("fewer than 3" in why for why in fit(own=design(start=19.0)).why)
    assert not any("fewer than 3" in why for why in fit().why)


def test_residual_autocorrelation_by_hand():
    assert residual_autocorrelation([1, -1, 1, -1], n_lags=2) == pytest.approx([-0.75, 0.5])
    assert residual_autocorrelation([11, 9, 11, 9], n_lags=1) == pytest.approx([-0.75])


@pytest.mark.parametrize(
    ("refused", "words", "call"),
    [
        (Unsuitable, "alpha", lambda: fit(family=NB2, covariance=QUASI)),
        (Unsuitable, "Satterthwaite", lambda: fit(reference=SATTERTHWAITE)),
        (NotConverged, "rate_ratio", lambda: fit(np.r_[COUNTS[:10], np.zeros(10)])),
        (
            NotConverged,
            "infinity",
            lambda: fit(np.r_[COUNTS[:10], 5, np.zeros(9)], design(slope_change=True)),
        ),
        (OutOfRange, "CountFamily.NB2", lambda: fit(family="nb2")),
        (OutOfRange, "CountCovariance.QUASI", lambda: fit(covariance="quasi")),
        (OutOfRange, "Reference.NORMAL", lambda: fit(reference="normal")),
        (NoVariance, "exactly", lambda: fit([4] * 10 + [8] * 10, covariance=QUASI)),
        (NoVariance, "exactly", lambda: fit([4] * 10 + [8] * 10, covariance=HAC)),
        (NotFinite, "time", lambda: fit().ratio_at(math.inf)),
        (WrongShape, "lengths", lambda: fit(COUNTS[:19], design(), np.ones(19))),
        (OutOfRange, "broken", lambda: fit(COUNTS + 0.5)),
        (NotFinite, "counts", lambda: fit(np.r_[COUNTS[:19], np.nan])),
        (OutOfRange, "exposure", lambda: fit(exposure=np.zeros(20))),
        (OutOfRange, "logarithm", lambda: fit(COUNTS + 20_000_000)),
        (TooFew, "coefficients", lambda: fit([3, 4, 5], design(TIME[:3], start=2.0))),
        (OutOfRange, "column", lambda: fit().ratio(SLOPE_CHANGE)),
        (OutOfRange, "before the start", lambda: fit().ratio_at(10.0)),
        (OutOfOrder, "increase", lambda: design(TIME[::-1])),
        (OutOfRange, "start", lambda: design(start=1.0)),
        (OutOfRange, "start", lambda: design(start=20.0, slope_change=True)),
        (
            OutOfRange,
            "period",
            lambda: interrupted_design(TIME, start=9, slope_change=False, n_harmonics=1, period=0),
        ),
        (TooFew, "time", lambda: design([1, 2], start=2.0)),
        (OutOfRange, "lags", lambda: residual_autocorrelation([1, 2], n_lags=2)),
        (NoVariance, "equal", lambda: residual_autocorrelation([1, 1, 1], n_lags=1)),
    ],
)
def test_refusals(refused, words, call):
    with pytest.raises(refused, match=words):
        call()


def test_a_design_that_depends_on_itself_is_refused():
    columns = np.column_stack([np.ones(20), TIME, 2 * TIME])
    for matrix in (columns, np.column_stack([np.ones(20), np.zeros(20)])):
        with pytest.raises(Collinear, match="depend"):
            count_regression(COUNTS, matrix, exposure=np.ones(20), family=POISSON)


def test_one_burst_among_nothing_has_a_large_alpha():
    counts = np.zeros(40)
    counts[3] = 5000
    found = count_regression(counts, np.ones((40, 1)), exposure=np.ones(40), family=NB2)
    assert found.alpha > 100
    assert found.means == pytest.approx(np.full(40, 125.0))


def test_steps_that_go_too_far_are_halved():
    columns = np.column_stack(
        [np.ones(6), [6.87, -1.82, -1.62, 2.62, -3.46, 6.4], [0.1, 0.63, 0.13, -0.03, 0.42, -0.38]]
    )
    found = count_regression([42371, 0, 0, 6353, 0, 0], columns, exposure=np.ones(6), family=POISSON)
    # At the maximum the columns are orthogonal to what is left.
    assert columns.T @ ([42371, 0, 0, 6353, 0, 0] - found.means) == pytest.approx(np.zeros(3), abs=1e-4)


PAGE = Path(__file__).resolve().parents[1] / "docs" / "statistics" / "counts_and_change_points.md"


def test_examples_of_the_page_give_what_it_shows():
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0
    assert found.attempted > 10
