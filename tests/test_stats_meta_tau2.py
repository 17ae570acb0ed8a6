"""Variance between studies: seven estimators against print, brute force, invariances and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.stats.meta.tau2 import Tau2Method, moment_tau2, tau2_at_q, tau2_estimate
from atlasplane.stats.meta.weighted import design, study_arrays, weighted_fit
from atlasplane.stats.refusal import (
    Collinear,
    NotConverged,
    NotFinite,
    NoVariance,
    OutOfRange,
    TooFew,
    WrongShape,
)
from tests.meta_cases import BCG_EFFECTS, BCG_LATITUDE, BCG_VARIANCES, TEN_EFFECTS, TEN_VARIANCES

METHODS = list(Tau2Method)


def wild(seed: int, n_sets: int, n_studies: int) -> tuple[np.ndarray, np.ndarray]:
    """Data sets whose variances differ by up to five orders of magnitude."""
    rng = np.random.default_rng(seed)
    v = 10 ** rng.uniform(-3, 2, (n_sets, n_studies))
    return rng.normal(0, np.sqrt(v + 10 ** rng.uniform(-3, 1, (n_sets, 1)))), v


def log_likelihood(y, v, tau2, x, *, restricted):
    """From its definition, at each of several tau2."""
    w = 1 / (v + np.atleast_1d(tau2)[:, None])
    information = np.einsum("gk,kp,kq->gpq", w, x, x)
    b = np.linalg.solve(information, np.einsum("gk,k,kp->gp", w, y, x)[..., None])[..., 0]
    found = -np.log(w).sum(axis=1) + np.sum(w * (y - b @ x.T) ** 2, axis=1)
    return -0.5 * (found + (np.linalg.slogdet(information)[1] if restricted else 0))


@pytest.mark.parametrize(
    ("method", "tau2", "se"),
    [
        (Tau2Method.HS, 0.2282, 0.1328),
        (Tau2Method.HE, 0.1484, 0.1234),
        (Tau2Method.DL, 0.2768, 0.1841),
        (Tau2Method.ML, 0.1967, 0.1255),
        (Tau2Method.REML, 0.2232, 0.1464),
        (Tau2Method.EB, 0.1920, 0.1330),
        (Tau2Method.SJ, 0.1992, 0.0979),
    ],
)
def test_seven_estimators_with_their_errors_as_printed(method, tau2, se) -> None:
    """Viechtbauer 2005, p. 271."""
    found = tau2_estimate(TEN_EFFECTS, TEN_VARIANCES, method=method)
    assert found.tau2 == pytest.approx(tau2, abs=5e-5)
    assert found.se == pytest.approx(se, abs=5e-5)
    assert (found.method, found.n_studies, found.n_coefficients) == (method, 10, 1)
    assert not found.at_boundary


def test_empirical_bayes_is_paule_and_mandel() -> None:
    assert Tau2Method.EB is Tau2Method.PM


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("moderated", [False, True])
def test_the_likelihood_is_nowhere_greater(restricted, moderated) -> None:
    """Against a fine grid from 0, on data wild enough to have more than one summit."""
    y, v = wild(1, 60, 6)
    moderator = np.arange(6.0) if moderated else None
    method = Tau2Method.REML if restricted else Tau2Method.ML
    found = tau2_estimate(y, v, method=method, moderators=moderator)
    x = np.ones((6, 1)) if moderator is None else np.column_stack([np.ones(6), moderator])
    grid = np.concatenate([[0.0], 10 ** np.linspace(-6, 4, 400)])
    for row in range(len(y)):
        own = log_likelihood(y[row], v[row], found.tau2[row], x, restricted=restricted)[0]
        assert own >= log_likelihood(y[row], v[row], grid, x, restricted=restricted).max() - 1e-9
    assert 0 < np.mean(found.at_boundary) < 1


def test_the_higher_of_two_summits_is_taken() -> None:
    """A restricted likelihood that falls from 0, and rises again to a higher summit."""
    y, v = np.array([0.0, 0.05, 3.0, -3.0]), np.array([0.0002, 0.0002, 1.0, 1.0])
    x = np.ones((4, 1))
    low, valley = log_likelihood(y, v, [0.00105, 0.02], x, restricted=True)
    found = float(tau2_estimate(y, v, method=Tau2Method.REML).tau2)
    top = log_likelihood(y, v, found, x, restricted=True)[0]
    grid = 10 ** np.linspace(-6, 2, 4000)
    heights = log_likelihood(y, v, grid, x, restricted=True)
    summits = np.flatnonzero((heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:]))
    assert len(summits) == 2
    assert top >= heights.max() - 1e-12
    assert min(low, top) > valley


def test_the_generalised_q_of_paule_and_mandel_is_its_expectation() -> None:
    y, v = wild(2, 50, 8)
    tau2 = tau2_estimate(y, v, method=Tau2Method.PM).tau2
    w = 1 / (v + tau2[:, None])
    mean = np.sum(w * y, axis=1) / w.sum(axis=1)
    q = np.sum(w * (y - mean[:, None]) ** 2, axis=1)
    np.testing.assert_allclose(q[tau2 > 0], 7, rtol=1e-9)
    assert np.all(q[tau2 == 0] <= 7)


def test_the_method_of_moments_has_dl_he_and_pm_as_cases() -> None:
    """DerSimonian and Kacker 2007; metafor's DLIT of the BCG trials is 0.3181."""
    y, v = BCG_EFFECTS, BCG_VARIANCES
    for weights, method in ((1 / v, Tau2Method.DL), (np.ones(13), Tau2Method.HE)):
        expected = tau2_estimate(y, v, method=method).tau2
        assert moment_tau2(y, v, weights) == pytest.approx(expected, rel=1e-12)
    tau2 = 0.0
    for _ in range(60):
        tau2 = float(moment_tau2(y, v, 1 / (v + tau2)))
    assert tau2 == pytest.approx(0.3181, abs=5e-5)
    assert tau2 == pytest.approx(float(tau2_estimate(y, v, method=Tau2Method.PM).tau2), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_unit_origin_order_and_sign_do_not_matter(method) -> None:
    y, v = wild(3, 20, 7)
    moderator = np.array([3.0, 1, 4, 1, 5, 9, 2])
    for x in (None, moderator):
        plain = tau2_estimate(y, v, method=method, moderators=x).tau2
        scaled = tau2_estimate(-50 * y + 7, 2500 * v, method=method, moderators=x).tau2
        np.testing.assert_allclose(scaled, 2500 * plain, rtol=1e-7, atol=1e-9)
    turned = tau2_estimate(y[:, ::-1], v[:, ::-1], method=method, moderators=moderator[::-1]).tau2
    plain = tau2_estimate(y, v, method=method, moderators=1e6 * moderator - 5).tau2
    np.testing.assert_allclose(turned, plain, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_many_data_sets_at_once_are_each_as_alone(method) -> None:
    y, v = wild(4, 6, 5)
    together = tau2_estimate(y.reshape(2, 3, 5), v.reshape(2, 3, 5), method=method)
    alone = [tau2_estimate(a, b, method=method) for a, b in zip(y, v, strict=True)]
    assert together.tau2.shape == together.se.shape == together.at_boundary.shape == (2, 3)
    np.testing.assert_allclose(together.tau2.ravel(), [found.tau2 for found in alone], rtol=1e-9)
    np.testing.assert_allclose(together.se.ravel(), [found.se for found in alone], rtol=1e-9)


@pytest.mark.parametrize("method", [m for m in METHODS if m is not Tau2Method.SJ])
def test_effects_closer_than_their_errors_lie_on_the_boundary(method) -> None:
    found = tau2_estimate([0.1, 0.2, 0.15], [1.0, 1.0, 2.0], method=method)
    assert found.tau2 == 0
    assert found.at_boundary
    equal = tau2_estimate([1.0, 1.0], [0.1, 0.2], method=method)
    assert (equal.tau2, bool(equal.at_boundary)) == (0, True)


def test_sidik_and_jonkman_never_end_on_the_boundary() -> None:
    found = tau2_estimate([0.1, 0.2, 0.15], [1.0, 1.0, 2.0], method=Tau2Method.SJ)
    assert 0 < found.tau2 < 0.01
    assert not found.at_boundary
    with pytest.raises(NoVariance, match="take REML or PM"):
        tau2_estimate([1.0, 1.0, 1.0], [0.1, 0.2, 0.3], method=Tau2Method.SJ)


def test_with_equal_variances_the_estimators_are_what_anova_gives() -> None:
    """Then y has variance v + tau2: DL = PM = HE = REML = max(0, s^2 - v), and ML has k for k - 1."""
    y = np.array([0.0, 1.0, 2.0, 5.0])
    v = np.full(4, 0.5)
    for method in (Tau2Method.DL, Tau2Method.PM, Tau2Method.HE, Tau2Method.REML):
        assert tau2_estimate(y, v, method=method).tau2 == pytest.approx(np.var(y, ddof=1) - 0.5, rel=1e-10)
    assert tau2_estimate(y, v, method=Tau2Method.ML).tau2 == pytest.approx(np.var(y) - 0.5, rel=1e-10)


@pytest.mark.parametrize(
    ("effects", "variances", "refused"),
    [
        ([1.0], [0.1], TooFew),
        ([1.0, 2.0], [0.1, -0.1], OutOfRange),
        ([1.0, 2.0], [0.1, 0.0], OutOfRange),
        ([1.0, np.nan], [0.1, 0.1], NotFinite),
        ([1.0, 2.0], [0.1, np.inf], NotFinite),
        ([1.0, 2.0], [0.1, 0.1, 0.1], WrongShape),
        ([[1.0, 2.0], [1.0, 2.0]], np.full((3, 2), 0.1), WrongShape),
        (1.0, 0.1, WrongShape),
        ([1.0, 2.0], [0.1], WrongShape),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_be_used_is_refused_by_name(effects, variances, refused, method) -> None:
    with pytest.raises(refused):
        tau2_estimate(effects, variances, method=method)


@pytest.mark.parametrize(
    ("moderators", "refused"),
    [
        (np.ones(5), Collinear),
        (np.column_stack([np.arange(5.0), 3 - np.arange(5.0)]), Collinear),
        (np.arange(4.0), WrongShape),
        (np.zeros((5, 1, 1)), WrongShape),
        ([1.0, 2, 3, 4, np.nan], NotFinite),
        (np.random.default_rng(1).normal(size=(5, 4)), TooFew),
    ],
)
def test_moderators_that_tell_nothing_of_their_own_are_refused(moderators, refused) -> None:
    with pytest.raises(refused):
        design(5, moderators)


def test_weights_of_nothing_are_refused() -> None:
    with pytest.raises(OutOfRange, match="weights"):
        moment_tau2([1.0, 2.0], [0.1, 0.1], [1.0, 0.0])


def test_a_search_that_does_not_end_says_so(monkeypatch) -> None:
    monkeypatch.setattr("atlasplane.stats.meta.tau2._MOST_STEPS", 1)
    for method in (Tau2Method.PM, Tau2Method.REML):
        with pytest.raises(NotConverged):
            tau2_estimate(TEN_EFFECTS, TEN_VARIANCES, method=method)


def test_the_q_of_a_found_tau2_is_its_target() -> None:
    of = design(10)
    for target in (2.7, 9.0, 19.0):
        tau2 = tau2_at_q(TEN_EFFECTS, TEN_VARIANCES, of, target)
        assert weighted_fit(TEN_EFFECTS, 1 / (TEN_VARIANCES + tau2), of).q == pytest.approx(target, rel=1e-10)
    assert tau2_at_q(TEN_EFFECTS, TEN_VARIANCES, of, 1e6) == 0


def test_the_fit_is_that_of_dense_matrices() -> None:
    """Coefficients, covariance and all traces of P, written out."""
    x = np.column_stack([np.ones(13), BCG_LATITUDE, BCG_LATITUDE**2])
    w = 1 / (BCG_VARIANCES + 0.2)
    fit = weighted_fit(BCG_EFFECTS, w, design(13, x[:, 1:]))
    big_w, s = np.diag(w), np.diag(BCG_VARIANCES)
    inverse = np.linalg.inv(x.T @ big_w @ x)
    p = big_w - big_w @ x @ inverse @ x.T @ big_w
    np.testing.assert_allclose(fit.coefficients, inverse @ x.T @ big_w @ BCG_EFFECTS, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, inverse, rtol=1e-8)
    py = p @ BCG_EFFECTS
    expected = [BCG_EFFECTS @ py, py @ py, py @ p @ py, np.trace(p), np.trace(p @ s), np.trace(p @ s @ p @ s)]
    found = [fit.q, fit.slope, fit.bend, fit.trace(), fit.trace(BCG_VARIANCES)]
    np.testing.assert_allclose([*found, fit.squared_trace(BCG_VARIANCES)], expected, rtol=1e-9)


def test_studies_are_copies_of_one_shape() -> None:
    given = np.array([1.0, 2.0])
    y, v = study_arrays(given, [[0.1, 0.2], [0.3, 0.4]])
    y[:] = 0
    assert y.shape == v.shape == (2, 2)
    np.testing.assert_array_equal(given, [1.0, 2.0])
