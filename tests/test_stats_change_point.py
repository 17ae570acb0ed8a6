"""Change points: the exact posterior against integrals done another way, and the test of a change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, gamma, nbinom, poisson

from atlasplane.stats.refusal import NotFinite, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.series import change_point_nb2
from atlasplane.stats.series.change_point import (
    ChangePrior,
    RatePrior,
    change_posterior,
    change_prior_around,
    checked_series,
    has_mean_ratio,
    poisson_change_point,
    uniform_change_prior,
)
from atlasplane.stats.series.change_point_nb2 import AlphaPrior, negative_binomial_change_point
from atlasplane.stats.series.change_test import change_test
from atlasplane.stats.series.count_regression import CountFamily
from atlasplane.stats.series.posterior import exponential

COUNTS = np.array([4, 2, 5, 3, 1, 0, 2, 1])
EXPOSURE = np.array([1.0, 0.5, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0])
DISASTERS = (
    "4 5 4 0 1 4 3 4 0 6 3 3 4 0 2 6 3 3 5 4 5 3 1 4 4 1 5 5 3 4 2 5 2 2 3 4 2 1 3 2 2 1 1 1 1 "
    "3 0 0 1 0 1 1 0 0 3 1 0 3 2 2 0 1 1 1 0 1 0 1 0 0 0 2 1 0 0 0 1 1 0 2 3 3 1 1 2 1 1 1 1 2 "
    "4 2 0 0 1 4 0 0 0 1 0 0 0 0 0 1 0 0 1 0 1 "
)
UNIT = RatePrior(shape=1.0, rate=1.0)
NODES, WIDTHS = np.polynomial.legendre.leggauss(120)
RATES, WIDTHS = 15 * (NODES + 1), 15 * WIDTHS
"""Rates from 0 to 30 for integrals."""


def posterior(counts=COUNTS, exposure=None, *, no_change=0.5, rate_prior=UNIT, prior=None, level=0.95):
    return poisson_change_point(
        counts,
        exposure=np.ones(len(counts)) if exposure is None else exposure,
        prior=prior or uniform_change_prior(len(counts), no_change=no_change),
        rate_prior=rate_prior,
        level=level,
    )


def clustered(counts=COUNTS, exposure=None, *, scale, no_change=0.5, rate_prior=UNIT, level=0.95):
    return negative_binomial_change_point(
        counts,
        exposure=np.ones(len(counts)) if exposure is None else exposure,
        prior=uniform_change_prior(len(counts), no_change=no_change),
        rate_prior=rate_prior,
        alpha_prior=AlphaPrior(scale=scale),
        level=level,
    )


def test_posterior_is_bayes_theorem_done_by_quadrature():
    prior, law = RatePrior(shape=2.0, rate=0.7), gamma(2.0, scale=1 / 0.7)

    def marginal(part):
        return WIDTHS @ (
            law.pdf(RATES) * poisson.pmf(COUNTS[part], RATES[:, None] * EXPOSURE[part]).prod(axis=1)
        )

    change = np.array([marginal(slice(None, k)) * marginal(slice(k, None)) for k in range(1, 8)]) / 7
    none = marginal(slice(None))
    found = posterior(exposure=EXPOSURE, no_change=0.3, rate_prior=prior)
    assert found.p_change == pytest.approx(0.7 * change.sum() / (0.7 * change.sum() + 0.3 * none), rel=1e-7)
    assert found.given_change == pytest.approx(change / change.sum(), rel=1e-7)
    assert found.by_session.sum() == pytest.approx(found.p_change)
    assert found.p_change + found.p_no_change == pytest.approx(1.0)
    assert (found.family, found.alpha) == (CountFamily.POISSON, None)


def test_rates_and_ratio_have_the_quantiles_of_draws():
    rng, found = np.random.default_rng(3), posterior()
    k = rng.choice(np.arange(1, 8), p=found.given_change, size=200_000)
    sums = np.concatenate([[0], np.cumsum(COUNTS)])
    before = rng.gamma(1 + sums[k]) / (1 + k)
    after = rng.gamma(1 + sums[-1] - sums[k]) / (9 - k)
    changed = rng.random(len(k)) < found.p_change
    for own, drawn in (
        (found.before, before),
        (found.after, after),
        (found.ratio, after / before),
        (found.averaged_ratio, np.where(changed, after / before, 1.0)),
    ):
        assert np.mean(drawn < own.low) == pytest.approx(0.025, abs=0.002)
        assert np.mean(drawn <= own.median) >= 0.49
        assert np.mean(drawn < own.median) <= 0.51
        assert np.mean(drawn > own.high) == pytest.approx(0.025, abs=0.002)
        assert own.mean == pytest.approx(np.mean(drawn), rel=0.02)
    assert found.p_decrease == pytest.approx(np.mean(after < before), abs=0.005)


def test_coal_mining_disasters_change_in_1891():
    # Disasters a year, 1851 to 1961 (Jarrett 1979, doi:10.1093/biomet/66.1.191); the mode of the posterior is
    # 1891, the 41st year (Carlin, Gelfand and Smith 1992, doi:10.2307/2347570).
    disasters = np.array(DISASTERS.split(), dtype=int)
    assert (len(disasters), disasters.sum()) == (111, 191)
    found = posterior(disasters, no_change=0.0)
    assert (found.mode, found.p_change) == (41, 1.0)
    assert found.by_session[40] == pytest.approx(0.24015, abs=5e-6)
    assert (found.before.mean, found.after.mean) == pytest.approx((3.066227, 0.936064), abs=5e-7)
    test = change_test(disasters, exposure=np.ones(111), n_draws=19, rng=np.random.default_rng(2))
    assert (test.last_before, test.p_value) == (41, 1 / 20)
    assert test.statistic == pytest.approx(68.377946, abs=5e-7)


def test_the_order_of_time_reversed_exchanges_the_sides():
    one, other = posterior(exposure=EXPOSURE), posterior(COUNTS[::-1], EXPOSURE[::-1])
    assert other.given_change[::-1] == pytest.approx(one.given_change)
    assert other.before.high == pytest.approx(one.after.high)
    assert 1 / other.ratio.low == pytest.approx(one.ratio.high)
    assert other.p_decrease == pytest.approx(1 - one.p_decrease)


@pytest.mark.parametrize("scale", [None, 0.2])
def test_the_unit_of_exposure_does_not_matter(scale):
    def found(factor):
        prior = RatePrior(shape=1.5, rate=2.0 * factor)
        if scale is None:
            return posterior(exposure=EXPOSURE * factor, rate_prior=prior)
        return clustered(exposure=EXPOSURE * factor, rate_prior=prior, scale=scale)

    one, other = found(1.0), found(24.0)
    assert other.p_change == pytest.approx(one.p_change, rel=1e-9)
    assert 24 * other.before.low == pytest.approx(one.before.low, rel=1e-6)
    assert other.ratio.high == pytest.approx(one.ratio.high, rel=1e-6)


def test_the_window_and_its_limits():
    found = posterior()
    assert found.p_within(1, 7) == pytest.approx(found.p_change)
    assert found.p_within(4, 4) == pytest.approx(found.by_session[3])
    for first, last in ((0, 3), (4, 3), (2, 8)):
        with pytest.raises(OutOfRange, match="window"):
            found.p_within(first, last)


def test_no_change_at_all_is_an_answer():
    found = posterior(np.full(8, 3))
    assert found.p_change < 0.25
    assert found.averaged_ratio.median == 1.0
    assert found.averaged_ratio.low < 1 < found.averaged_ratio.high
    never = posterior(np.zeros(8))
    assert never.ratio.mean == math.inf
    assert never.p_decrease == pytest.approx(0.5, abs=1e-12)


def test_two_sessions_are_enough_and_a_clear_change_leaves_no_doubt():
    assert posterior([0, 9]).mode == 1
    clear = posterior([0] * 30 + [60] * 30)
    assert clear.p_no_change < 1e-100
    assert clear.mode == 30
    lasting = posterior([50] * 60)
    assert lasting.averaged_ratio.low <= 1 <= lasting.averaged_ratio.high


def test_a_prior_around_a_date():
    prior = change_prior_around(2001, last_before=1000, mean_distance=3.0, no_change=0.4)
    distance = np.abs(np.arange(1, 2001) - 1000)
    assert prior.weights @ distance == pytest.approx(3.0)
    assert prior.weights.sum() == pytest.approx(1.0)
    assert prior.weights[:999] == pytest.approx(prior.weights[1000:1999][::-1])
    assert prior.no_change == 0.4
    sharp = posterior(prior=change_prior_around(8, last_before=4, mean_distance=1e-3, no_change=0.5))
    assert sharp.mode == 4
    assert sharp.given_change[3] > 0.999
    excluded = ChangePrior(weights=[0, 0, 1, 0, 0, 0, 0], no_change=0.0)
    assert posterior(prior=excluded).given_change[2] == pytest.approx(1.0)


def test_marginal_likelihoods_become_posterior_masses():
    prior = ChangePrior(weights=np.array([0.25, 0.75]), no_change=0.2)
    weights, p_change, p_none = change_posterior(np.log([2.0, 1.0]), math.log(3.0), prior)
    assert weights == pytest.approx([0.5 / 1.25, 0.75 / 1.25])
    assert p_change == pytest.approx(0.8 * 1.25 / (0.8 * 1.25 + 0.2 * 3))
    assert p_none == pytest.approx(1 - p_change)


def test_whether_the_ratio_has_a_mean():
    flat = uniform_change_prior(3, no_change=0.5)
    assert not has_mean_ratio(np.array([0.0, 3, 1]), flat, UNIT)
    assert has_mean_ratio(np.array([1.0, 0, 1]), flat, UNIT)
    late = ChangePrior(weights=np.array([0.0, 1.0]), no_change=0.5)
    assert has_mean_ratio(np.array([0.0, 3, 1]), late, UNIT)
    assert clustered([0, 3, 1], scale=0.3).ratio.mean == math.inf


def test_without_clusters_the_grid_gives_the_exact_posterior():
    exact, grid = posterior(exposure=EXPOSURE), clustered(exposure=EXPOSURE, scale=1e-7)
    assert grid.p_change == pytest.approx(exact.p_change, rel=1e-6)
    assert grid.given_change == pytest.approx(exact.given_change, rel=1e-5)
    for name in ("before", "after", "ratio", "averaged_ratio"):
        one, other = getattr(exact, name), getattr(grid, name)
        assert (other.low, other.median, other.high) == pytest.approx(
            (one.low, one.median, one.high), rel=2e-6
        )
    # The quartile of a half-normal law: its median is 0.6745 of the scale.
    assert grid.alpha.median == pytest.approx(0.6745e-7, rel=1e-3)


@pytest.mark.parametrize(
    ("counts", "shape"), [([0, 3, 1, 4], 1.1), ([1, 0, 4, 9], 0.3), ([2, 1, 0, 4], 0.01)]
)
def test_the_grid_reaches_down_to_where_a_vague_law_lies(counts, shape):
    prior = RatePrior(shape=shape, rate=shape)
    exact, grid = posterior(counts, rate_prior=prior), clustered(counts, rate_prior=prior, scale=1e-7)
    assert grid.p_change == pytest.approx(exact.p_change, rel=1e-6)
    for name in ("before", "after", "ratio"):
        one, other = getattr(exact, name), getattr(grid, name)
        assert (other.mean, other.low, other.high) == pytest.approx((one.mean, one.low, one.high), rel=1e-5)


def test_a_ratio_without_bound_is_infinite():
    # 1 / 200 of an event before: the rate may be 0 as far as numbers reach.
    vague = RatePrior(shape=0.005, rate=0.005)
    for found in (posterior([0, 5], rate_prior=vague), clustered([0, 5], rate_prior=vague, scale=0.3)):
        assert (found.ratio.mean, found.ratio.high) == (math.inf, math.inf)
        assert 1200 < found.ratio.low < 1300
    # With k = 1 the ratio is that of gamma (2.05) and gamma (0.05) laws: P(ratio > x) is 0.1 far out.
    tail = posterior([0, 2], no_change=0.0, rate_prior=RatePrior(shape=0.05, rate=1.0), level=0.8).ratio
    assert beta.cdf(1 / (1 + tail.high), 0.05, 2.05) == pytest.approx(0.1)
    assert (exponential(0.5), exponential(800.0)) == (pytest.approx(math.exp(0.5)), math.inf)


def test_certainty_of_no_change_leaves_a_ratio_of_one():
    prior = RatePrior(shape=1e-17, rate=1e-17)
    found = posterior([1, 4, 3, 5], rate_prior=prior)
    assert found.p_no_change == 1.0
    assert found.averaged_ratio.mean == found.averaged_ratio.low == found.averaged_ratio.high == 1.0


def test_alphas_come_in_blocks(monkeypatch):
    counts = [6, 1, 0, 2]
    one = clustered(counts, scale=0.5)
    monkeypatch.setattr(change_point_nb2, "_BLOCK", 1)
    other = clustered(counts, scale=0.5)
    assert other.given_change == pytest.approx(one.given_change, rel=1e-12)
    assert other.ratio.high == pytest.approx(one.ratio.high, rel=1e-10)
    assert (other.ratio.mean, other.alpha.mean) == pytest.approx((one.ratio.mean, one.alpha.mean), rel=1e-12)


def test_clustered_posterior_is_bayes_theorem_done_by_quadrature():
    counts, scale = np.array([6, 1, 0, 2]), 0.5
    law = gamma(1.0)

    def marginal(part, alpha):
        likelihood = nbinom.pmf(counts[part], 1 / alpha, 1 / (1 + alpha * RATES[:, None])).prod(axis=1)
        return WIDTHS @ (law.pdf(RATES) * likelihood)

    nodes, widths = np.polynomial.legendre.leggauss(16)
    alphas, widths = 1.25 * (nodes + 1), 1.25 * widths
    weights = widths * np.exp(-((alphas / scale) ** 2) / 2)
    change = np.array(
        [[marginal(slice(None, k), a) * marginal(slice(k, None), a) for k in (1, 2, 3)] for a in alphas]
    )
    none = np.array([marginal(slice(None), a) for a in alphas])
    found = clustered(counts, scale=scale)
    expected = weights @ change.mean(axis=1) / (weights @ change.mean(axis=1) + weights @ none)
    assert found.p_change == pytest.approx(expected, rel=1e-4)
    assert found.given_change == pytest.approx(weights @ change / (weights @ change).sum(), rel=1e-4)
    of_alpha = weights * (change.mean(axis=1) + none)
    assert found.alpha.mean == pytest.approx(of_alpha @ alphas / of_alpha.sum(), rel=1e-4)
    assert found.family is CountFamily.NB2


@pytest.mark.parametrize("scale", [0.02, 0.5, 20.0])
def test_alpha_is_found_under_a_narrow_law_and_a_wide_one(scale):
    counts = np.array([8, 7, 9, 10, 6, 8, 9, 7, 11, 8, 5, 9])
    logs = np.linspace(math.log(1e-6), math.log(8 * scale), 500)
    alphas = np.exp(logs)
    r = 1 / alphas[:, None, None]
    likelihood = nbinom.pmf(counts, r, r / (r + RATES[:, None]))
    mass = WIDTHS * gamma.pdf(RATES, 1)
    before = np.cumprod(likelihood, axis=2)
    after = np.cumprod(likelihood[..., ::-1], axis=2)[..., ::-1]
    change = np.mean(
        np.einsum("r,ark->ak", mass, before[..., :-1]) * np.einsum("r,ark->ak", mass, after[..., 1:]), axis=1
    )
    none = before[..., -1] @ mass
    weights = alphas * np.exp(-((alphas / scale) ** 2) / 2)
    found = clustered(counts, scale=scale)
    assert found.p_change == pytest.approx(weights @ change / (weights @ (change + none)), rel=1e-4)
    of_alpha = weights * (change + none)
    assert found.alpha.mean == pytest.approx(of_alpha @ alphas / of_alpha.sum(), rel=1e-3)
    below = np.cumsum(of_alpha) - of_alpha / 2
    assert np.interp(math.log(found.alpha.high), logs, below / of_alpha.sum()) == pytest.approx(
        0.975, abs=1e-3
    )


def test_clusters_make_a_change_less_certain():
    bursts = np.array([9, 0, 7, 11, 1, 0, 8, 0])
    found = clustered(bursts, scale=1.0)
    assert found.p_change < posterior(bursts).p_change
    assert found.alpha.median > 0.3


def test_the_probability_of_a_decrease_is_that_of_two_gamma_laws():
    # P(rate after < rate before) of two sessions, with k = 1 certain.
    found = posterior([5, 2], no_change=0.0)
    expected = WIDTHS @ (gamma.pdf(RATES, 6, scale=0.5) * gamma.cdf(RATES, 3, scale=0.5))
    assert found.p_decrease == pytest.approx(expected, rel=1e-6)


def test_change_test_finds_the_likeliest_session():
    rng = np.random.default_rng(4)
    found = change_test([0] * 5 + [4] * 5, exposure=np.ones(10), n_draws=199, rng=rng)
    assert (found.last_before, found.rate_before, found.rate_after) == (5, 0.0, 4.0)
    # 20 ln 4 - 20 ln 2, twice.
    assert found.statistic == pytest.approx(40 * math.log(2))
    assert found.p_value == found.smallest_possible_p == 1 / 200


def test_change_test_is_exact_where_all_outcomes_can_be_listed():
    # 3 events in 3 sessions, 27 outcomes: those as marked as (3, 0, 0) are it and (0, 0, 3).
    found = change_test([3, 0, 0], exposure=np.ones(3), n_draws=20_000, rng=np.random.default_rng(5))
    assert found.p_value == pytest.approx(2 / 27, abs=0.006)
    steady = change_test([2, 2, 2, 2], exposure=np.ones(4), n_draws=50, rng=np.random.default_rng(5))
    assert steady.p_value == 1.0


def test_change_test_does_not_know_the_unit_or_the_direction_of_time():
    def statistic(order, factor):
        rng = np.random.default_rng(6)
        return change_test(COUNTS[order], exposure=factor * EXPOSURE[order], n_draws=9, rng=rng).statistic

    forward = slice(None)
    assert statistic(forward, 7.0) == pytest.approx(statistic(forward, 1.0))
    assert statistic(slice(None, None, -1), 1.0) == pytest.approx(statistic(forward, 1.0))


def test_many_draws_come_in_blocks():
    rng = np.random.default_rng(7)
    counts = np.tile([1, 2], 1 << 13)
    found = change_test(counts, exposure=np.ones(len(counts)), n_draws=70, rng=rng)
    assert 0.2 < found.p_value <= 1


@pytest.mark.parametrize(
    ("refused", "words", "call"),
    [
        (TooFew, "sessions", lambda: uniform_change_prior(1, no_change=0.5)),
        (OutOfRange, "no_change", lambda: uniform_change_prior(5, no_change=1.0)),
        (OutOfRange, "sum", lambda: ChangePrior(weights=np.ones(3), no_change=0.5)),
        (OutOfRange, "weights", lambda: ChangePrior(weights=np.array([2.0, -1]), no_change=0.5)),
        (
            OutOfRange,
            "last_before",
            lambda: change_prior_around(5, last_before=5, mean_distance=1, no_change=0),
        ),
        (OutOfRange, "distance", lambda: change_prior_around(5, last_before=2, mean_distance=0, no_change=0)),
        (OutOfRange, "shape", lambda: RatePrior(shape=0.0, rate=1.0)),
        (NotFinite, "rate", lambda: RatePrior(shape=1.0, rate=math.inf)),
        (OutOfRange, "alpha", lambda: AlphaPrior(scale=0.0)),
        (NotFinite, "alpha", lambda: AlphaPrior(scale=math.nan)),
        (WrongShape, "prior", lambda: posterior(COUNTS, prior=uniform_change_prior(5, no_change=0.5))),
        (NotFinite, "counts", lambda: posterior([1, math.nan, 2])),
        (OutOfRange, "counts", lambda: posterior([1, -1, 2])),
        (OutOfRange, "exposure", lambda: posterior([1, 1, 2], [1, 0, 1])),
        (TooFew, "counts", lambda: checked_series([1], [1], uniform_change_prior(2, no_change=0.5))),
        (OutOfRange, "grid", lambda: clustered([10**9] * 8, scale=0.1)),
        (OutOfRange, "grid", lambda: clustered([0, 0], scale=0.1, rate_prior=RatePrior(shape=1e-20, rate=1))),
        (NotFinite, "weights", lambda: ChangePrior(weights=[math.nan, 1], no_change=0.5)),
        (
            NoVariance,
            "event",
            lambda: change_test([0, 0], exposure=[1, 1], n_draws=9, rng=np.random.default_rng(1)),
        ),
        (
            OutOfRange,
            "n_draws",
            lambda: change_test([1, 0], exposure=[1, 1], n_draws=0, rng=np.random.default_rng(1)),
        ),
    ],
)
def test_refusals(refused, words, call):
    with pytest.raises(refused, match=words):
        call()
