"""Local level with an intervention: published variances, equality with dense algebra, limits, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, gamma

from atlasplane.stats.refusal import NotConverged, NoVariance, OutOfRange, TooFew
from atlasplane.stats.series.level_filter import Likelihood, check_usable, level_filter, quantile
from atlasplane.stats.series.local_level import Boundary, local_level
from atlasplane.stats.series.local_level_posterior import local_level_posterior
from atlasplane.stats.single_case.series import PhasedSeries, ab_series, phased_series

NILE = sm.datasets.nile.load_pandas().data["volume"].to_numpy(float)
"""Volume of the Nile at Aswan, 1871 to 1970 (Cobb 1978, doi:10.1093/biomet/65.2.243)."""


def drifting(seed: int = 3, *, drift: float = 0.5, n: int = 24) -> PhasedSeries:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(n) + drift * np.cumsum(rng.standard_normal(n))
    return ab_series(values[: n // 2], values[n // 2 :])


def dense(series: PhasedSeries, noise: float, drift: float) -> tuple[float, float, float]:
    """Lambda, its variance and the restricted log-likelihood from the covariance matrix as it stands."""
    since = series.sessions - series.sessions[0]
    v = noise * np.eye(len(since)) + drift * np.minimum.outer(since, since)
    x = np.column_stack([np.ones(len(since)), series.treated])
    weighted = x.T @ np.linalg.inv(v)
    c = np.linalg.inv(weighted @ x)
    b = c @ weighted @ series.values
    rest = series.values - x @ b
    height = rest @ np.linalg.inv(v) @ rest + np.linalg.slogdet(v)[1] - np.linalg.slogdet(c)[1]
    return float(b[1]), float(c[1, 1]), float(-height / 2 - (len(since) - 2) / 2 * math.log(2 * math.pi))


def test_variances_of_the_nile_are_those_of_durbin_and_koopman() -> None:
    # One treated session is used up by lambda: what is left is the series without intervention
    # (Durbin and Koopman 2012, Time series analysis by state space methods, 2.10: 15099 and 1469.1).
    got = local_level(ab_series(NILE, [0.0]), likelihood=Likelihood.RESTRICTED, level=0.95)
    assert got.noise**2 == pytest.approx(15099, abs=1)
    assert got.drift**2 == pytest.approx(1469.1, abs=0.1)
    assert got.log_likelihood == pytest.approx(-632.5456, abs=1e-3)
    assert "one session" in got.why[0]


def test_the_dam_of_1899_leaves_the_nile_no_drift() -> None:
    got = local_level(ab_series(NILE[:28], NILE[28:]), likelihood=Likelihood.DIFFUSE, level=0.95)
    assert got.effect == pytest.approx(849.9722 - 1097.75, abs=1e-4)
    assert (got.drift, got.boundary, got.n_maxima) == (0.0, Boundary.NO_DRIFT, 1)
    assert got.noise == pytest.approx(math.sqrt(16135.9), abs=0.2)
    assert "not ruled out" in got.why[0]
    # The interval allows for drift, a comparison of two means does not.
    assert got.high - got.low > 2 * 1.98 * got.u


def test_agrees_with_the_exact_diffuse_filter_of_statsmodels() -> None:
    series = drifting()
    got = local_level(series, likelihood=Likelihood.DIFFUSE, level=0.95)
    model = sm.tsa.UnobservedComponents(
        series.values, "llevel", exog=series.treated.astype(float), use_exact_diffuse=True
    )
    smoothed = model.smooth([got.noise**2, got.drift**2, got.effect])
    # statsmodels counts the constant of the first value, which carries no likelihood.
    assert got.log_likelihood == pytest.approx(smoothed.llf + math.log(2 * math.pi) / 2, abs=1e-9)
    assert got.path == pytest.approx(smoothed.smoothed_state[0], abs=1e-8)
    for factor in (0.99, 1.01):
        other = model.loglike([factor * got.noise**2, got.drift**2, got.effect])
        assert other < smoothed.llf


@pytest.mark.parametrize("sessions", [None, [1, 2, 4, 5, 9, 10, 11, 14]])
def test_the_filter_agrees_with_dense_algebra(sessions: list[int] | None) -> None:
    values = [3.0, 2.0, 4.0, 3.5, 6.0, 5.0, 7.5, 6.0]
    series = phased_series(values, "AAAABBBB", baseline="A", sessions=sessions)
    run = level_filter(series, np.array([0.8, 0.0]), np.array([0.3, 1.0]))
    effect, variance, height = dense(series, 0.8, 0.3)
    assert run.effect[0] == pytest.approx(effect)
    assert 1 / run.information[0] == pytest.approx(variance)
    own = -(run.squares + np.log(run.information)) / 2 - run.log_scale - 3 * math.log(2 * math.pi)
    assert own[0] == pytest.approx(height)
    assert run.effect[1] == pytest.approx(6.0 - 3.5)


def test_a_missed_session_is_the_same_as_a_value_without_weight() -> None:
    full = drifting(n=12)
    left_out = [t for t in range(12) if t != 4]
    series = phased_series(
        full.values[left_out],
        [full.phases[t] for t in left_out],
        baseline="A",
        sessions=full.sessions[left_out],
    )
    got = local_level(series, likelihood=Likelihood.DIFFUSE, level=0.95)
    values = np.where(np.arange(12) == 4, np.nan, full.values)
    model = sm.tsa.UnobservedComponents(
        values, "llevel", exog=full.treated.astype(float), use_exact_diffuse=True
    )
    llf = model.loglike([got.noise**2, got.drift**2, got.effect])
    assert got.log_likelihood == pytest.approx(llf + math.log(2 * math.pi) / 2, abs=1e-8)


@pytest.mark.parametrize("likelihood", Likelihood)
def test_units_sign_and_start_go_through(likelihood: Likelihood) -> None:
    series = drifting()
    moved = ab_series(5 - 2 * series.values[:12], 5 - 2 * series.values[12:])
    got, other = (local_level(own, likelihood=likelihood, level=0.9) for own in (series, moved))
    assert other.effect == pytest.approx(-2 * got.effect)
    assert (other.low, other.high) == pytest.approx((-2 * got.high, -2 * got.low))
    assert (other.noise, other.drift) == pytest.approx((2 * got.noise, 2 * got.drift))
    assert other.path == pytest.approx(5 - 2 * got.path)


def test_a_pure_walk_has_no_noise() -> None:
    steps = np.array([0.0, 1, 2, 3, 2, 1, 0, 10, 11, 12, 13, 12, 11])
    got = local_level(ab_series(steps[:7], steps[7:]), likelihood=Likelihood.RESTRICTED, level=0.95)
    assert (got.noise, got.boundary) == (0.0, Boundary.NO_NOISE)
    assert got.effect == pytest.approx(10.0)
    assert got.path == pytest.approx(np.where(np.arange(13) >= 7, steps - 10, steps))
    assert got.drift == pytest.approx(1.0)
    assert "no noise" in got.why[0]


def test_several_maxima_are_told() -> None:
    got = local_level(ab_series([1.0, 3, 2, 1], [0.0, 4, 5, 3]), likelihood=Likelihood.RESTRICTED, level=0.95)
    assert got.n_maxima == 2
    assert any("2 maxima" in why for why in got.why)


def test_posterior_agrees_with_a_general_integrator() -> None:
    series = drifting(n=12)
    got = local_level_posterior(series, noise_scale=1.5, drift_scale=0.7, level=0.95)
    low, high = got.low, got.high

    def density(drift: float, noise: float) -> tuple[float, float, float]:
        effect, variance, height = dense(series, noise**2, drift**2)
        return effect, variance, math.exp(height - (noise / 1.5) ** 2 / 2 - (drift / 0.7) ** 2 / 2 + 20)

    # Gauss-Legendre over both standard deviations themselves, where the module uses angle and radius.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    cells = [
        (*density(2 * (d + 1), 3 * (n + 1)), wd * wn)
        for d, wd in zip(nodes, weights, strict=True)
        for n, wn in zip(nodes, weights, strict=True)
    ]
    total = sum(height * weight for _, _, height, weight in cells)
    mean = sum(effect * height * weight for effect, _, height, weight in cells)
    assert got.effect == pytest.approx(mean / total, abs=1e-3 * got.u)
    assert got.probability_below(high) - got.probability_below(low) == pytest.approx(0.95)
    assert got.probability_below(low) == pytest.approx(0.025)
    assert got.quadrature_error < 1e-9


def test_posterior_scales_with_the_unit() -> None:
    series = drifting()
    scaled = ab_series(3 * series.values[:12], 3 * series.values[12:])
    got = local_level_posterior(series, noise_scale=1.0, drift_scale=0.5, level=0.95)
    other = local_level_posterior(scaled, noise_scale=3.0, drift_scale=1.5, level=0.95)
    assert (other.low, other.high, other.u) == pytest.approx((3 * got.low, 3 * got.high, 3 * got.u))
    assert (other.noise, other.drift) == pytest.approx((3 * got.noise, 3 * got.drift))


def test_a_prior_without_drift_leaves_the_comparison_of_two_means() -> None:
    series = drifting(drift=0.0)
    got = local_level_posterior(series, noise_scale=100.0, drift_scale=1e-4, level=0.95)
    a, b = series.ab()
    assert got.effect == pytest.approx(b.mean() - a.mean(), abs=1e-4)
    # Flat in the standard deviation: its posterior is that of chi with n - 3 degrees of freedom.
    squares = 11 * (a.var(ddof=1) + b.var(ddof=1))
    assert got.noise == pytest.approx(math.sqrt(squares / 2) * gamma(10) / gamma(10.5), rel=1e-3)


def test_priors_far_from_the_data_are_refused() -> None:
    with pytest.raises(NotConverged, match="choose scales"):
        local_level_posterior(drifting(), noise_scale=1.0, drift_scale=1e5, level=0.95)


@pytest.mark.parametrize("scales", [(0.0, 1.0), (1.0, -1.0), (1.0, math.inf), (math.nan, 1.0)])
def test_scales_that_are_none_are_refused(scales: tuple[float, float]) -> None:
    with pytest.raises(OutOfRange, match="standard deviation above 0"):
        local_level_posterior(drifting(), noise_scale=scales[0], drift_scale=scales[1], level=0.95)


@pytest.mark.parametrize(
    ("series", "error"),
    [
        (ab_series([1.0, 2.0], [3.0, 4.0, 2.0]), TooFew),
        (phased_series([1.0, 2, 3, 4, 3, 2], "AAAAAA", baseline="A"), TooFew),
        (ab_series([1.0, 1, 1], [4.0, 4, 4]), NoVariance),
    ],
)
def test_a_series_that_cannot_be_used_is_refused(series: PhasedSeries, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_usable(series)
    with pytest.raises(error):
        local_level(series, likelihood=Likelihood.DIFFUSE, level=0.95)


def test_a_level_outside_0_and_1_is_refused() -> None:
    with pytest.raises(OutOfRange):
        local_level(drifting(), likelihood=Likelihood.DIFFUSE, level=95)


def test_a_quantile_is_found_far_from_where_it_is_sought() -> None:
    assert quantile(lambda x: float(expit(x - 1000)), 0.5, 0.0, 1.0) == pytest.approx(1000)


def test_a_word_in_the_place_of_the_likelihood_is_refused() -> None:
    with pytest.raises(OutOfRange, match=r"Likelihood\.DIFFUSE"):
        local_level(drifting(), likelihood="diffuse", level=0.95)  # type: ignore[arg-type]
