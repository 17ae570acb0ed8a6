"""Piecewise regression and AR(1) errors: published figures, a second implementation, limits, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from atlasplane.stats.refusal import (
    Collinear,
    Duplicate,
    NoVariance,
    OutOfOrder,
    OutOfRange,
    TooFew,
    WrongShape,
)
from atlasplane.stats.single_case.ar1 import PHI_LIMIT, Ar1Dof, Ar1Regression, ar1_regression
from atlasplane.stats.single_case.piecewise import (
    Errors,
    PiecewiseRegression,
    Terms,
    TimeCoding,
    piecewise_design,
    piecewise_regression,
)
from atlasplane.stats.single_case.series import PhasedSeries, ab_series, phased_series

HUITEMA = ab_series([58, 70, 79, 85, 93, 94, 105, 110, 122, 130], [122, 110, 103, 88, 81, 68, 53, 50, 36, 31])
"""Huitema and McKean 2000, Educ Psychol Meas 60:38-58."""


def fitted(
    series: PhasedSeries,
    errors: Errors,
    *,
    coding: TimeCoding = TimeCoding.FROM_ZERO,
    terms: Terms = Terms.LEVELS_AND_SLOPES,
) -> PiecewiseRegression:
    return piecewise_regression(series, coding=coding, terms=terms, errors=errors, level=0.95)


def correlated(seed: int, n: int = 24, phi: float = 0.4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(n)
    for t in range(1, n):
        values[t] = phi * values[t - 1] + math.sqrt(1 - phi**2) * values[t]
    return values


def test_example_of_huitema_and_mckean() -> None:
    got = fitted(HUITEMA, Errors.INDEPENDENT)
    assert got.names == ("intercept", "trend", "level change 1", "slope change 1")
    assert got.coefficients == pytest.approx([61.109091, 7.442424, -14.424242, -17.866667], abs=1e-6)
    assert got.u == pytest.approx([1.672151, 0.313223, 2.563837, 0.442964], abs=1e-6)
    assert got.r_squared == pytest.approx(0.991775, abs=1e-6)
    assert got.dof == pytest.approx(np.full(4, 16.0))
    assert (got.phi, got.phi_at_boundary, got.why) == (None, False, ())


def test_the_coding_of_time_moves_the_level_change_by_the_slope_change() -> None:
    zero = fitted(HUITEMA, Errors.INDEPENDENT)
    one = fitted(HUITEMA, Errors.INDEPENDENT, coding=TimeCoding.FROM_ONE)
    level, slope = zero.index("level change 1"), zero.index("slope change 1")
    assert one.coefficients[level] == pytest.approx(zero.coefficients[level] - zero.coefficients[slope])
    assert one.coefficients[0] == pytest.approx(zero.coefficients[0] - zero.coefficients[1])
    assert one.coefficients[slope] == pytest.approx(zero.coefficients[slope])
    assert one.residuals == pytest.approx(zero.residuals)
    assert (zero.coding, one.coding) == (TimeCoding.FROM_ZERO, TimeCoding.FROM_ONE)


def test_levels_alone_are_the_t_test_of_two_means() -> None:
    got = fitted(ab_series([1.0, 3, 2], [5.0, 4, 9, 6]), Errors.INDEPENDENT, terms=Terms.LEVELS)
    pooled = (2 * 1.0 + 3 * np.var([5, 4, 9, 6], ddof=1)) / 5
    assert got.coefficients == pytest.approx([2.0, 4.0])
    assert got.u[1] == pytest.approx(math.sqrt(pooled * (1 / 3 + 1 / 4)))
    assert got.high[1] - got.coefficients[1] == pytest.approx(stdtrit(5, 0.975) * got.u[1])


def test_abab_has_every_change_against_the_phase_before() -> None:
    series = phased_series([1.0, 2, 4, 5, 1.5, 2, 6, 8], "AABBAABB", baseline="A")
    got = fitted(series, Errors.INDEPENDENT, terms=Terms.LEVELS)
    assert got.names == ("intercept", "level change 1", "level change 2", "level change 3")
    assert got.coefficients == pytest.approx([1.5, 3.0, -2.75, 5.25])
    design, names = piecewise_design(series, coding=TimeCoding.FROM_ZERO, terms=Terms.LEVELS_AND_TREND)
    assert names[1:3] == ("trend", "level change 1")
    assert design[:, 1] == pytest.approx(np.arange(8))


def reparametrised(
    series: PhasedSeries, design: np.ndarray, phi: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, Kenward-Roger variances and degrees of freedom over (atanh phi, log innovation variance).

    Derivatives by central differences: no formula is shared with the module.
    """
    x, y, when = design, series.values, series.sessions
    apart = np.abs(np.subtract.outer(when, when))

    def v(p: np.ndarray) -> np.ndarray:
        r = np.tanh(p[0])
        return np.asarray(np.exp(p[1]) / (1 - r**2) * r**apart)

    inverse = np.linalg.inv(v(np.array([np.arctanh(phi), 0.0])))
    c = np.linalg.inv(x.T @ inverse @ x)
    beta = c @ x.T @ inverse @ y
    rest = y - x @ beta
    at = np.array([np.arctanh(phi), np.log(rest @ inverse @ rest / (len(y) - x.shape[1]))])
    h, e = 1e-4, np.eye(2)
    first = [(v(at + h * e[i]) - v(at - h * e[i])) / (2 * h) for i in range(2)]
    second = [
        [
            (v(at + h * (e[i] + e[j])) - v(at + h * (e[i] - e[j])) - v(at - h * (e[i] - e[j]))) / (4 * h * h)
            + v(at - h * (e[i] + e[j])) / (4 * h * h)
            for j in range(2)
        ]
        for i in range(2)
    ]
    inverse = np.linalg.inv(v(at))
    c = np.linalg.inv(x.T @ inverse @ x)
    g = inverse - inverse @ x @ c @ x.T @ inverse
    w = np.linalg.inv([[np.trace(g @ a @ g @ b) / 2 for b in first] for a in first])
    p = [-x.T @ inverse @ a @ inverse @ x for a in first]
    total = np.zeros_like(c)
    for i in range(2):
        for j in range(2):
            q = x.T @ inverse @ first[i] @ inverse @ first[j] @ inverse @ x
            r = x.T @ inverse @ second[i][j] @ inverse @ x
            total += w[i, j] * (2 * (q - p[i] @ c @ p[j]) - r / 2)
            bias = -np.array([np.trace(g @ own @ g @ second[i][j]) for own in first]) @ w / 4
            total += w[i, j] * (bias[0] * p[0] + bias[1] * p[1])
    slopes = np.stack([np.diag(c @ own @ c) for own in p], axis=1)
    dof = 2 * np.diag(c) ** 2 / np.einsum("ji,il,jl->j", slopes, w, slopes)
    return beta, np.diag(c + c @ total @ c), dof


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_kenward_roger_does_not_depend_on_the_parametrisation(seed: int) -> None:
    values = correlated(seed)
    sessions = np.cumsum(np.where(np.arange(24) % 7 == 3, 2, 1))
    series = ab_series(values[:10], values[10:], sessions=sessions)
    got = fitted(series, Errors.AR1_KENWARD_ROGER)
    assert got.phi is not None
    design, _ = piecewise_design(series, coding=TimeCoding.FROM_ZERO, terms=Terms.LEVELS_AND_SLOPES)
    beta, variance, dof = reparametrised(series, design, got.phi)
    plain = fitted(series, Errors.AR1_SATTERTHWAITE)
    assert got.coefficients == pytest.approx(beta, rel=1e-6, abs=1e-8)
    assert got.u == pytest.approx(np.sqrt(np.maximum(variance, plain.u**2)), rel=1e-4)
    assert got.dof == pytest.approx(np.maximum(dof, 1.0), rel=1e-4)
    assert plain.dof == pytest.approx(got.dof)


def restricted(values: np.ndarray, design: np.ndarray, sessions: np.ndarray, phi: float) -> float:
    """Restricted log-likelihood of phi from error contrasts: an orthonormal complement of the design."""
    v = phi ** np.abs(np.subtract.outer(sessions, sessions))
    k = np.linalg.svd(design.T)[2][design.shape[1] :].T
    inner = k.T @ v @ k
    contrasts = k.T @ values
    n = len(contrasts)
    return float(
        -np.linalg.slogdet(inner)[1] / 2 - n / 2 * np.log(contrasts @ np.linalg.inv(inner) @ contrasts)
    )


@pytest.mark.parametrize("seed", range(4))
def test_phi_maximises_the_likelihood_of_error_contrasts(seed: int) -> None:
    values = correlated(seed)
    design = np.column_stack([np.ones(24), np.arange(24), np.arange(24) >= 10]).astype(float)
    sessions = np.arange(24.0)
    got = ar1_regression(values, design, sessions, method=Ar1Dof.SATTERTHWAITE, level=0.95)
    grid = np.linspace(-0.98, 0.98, 197)
    heights = [restricted(values, design, sessions, phi) for phi in grid]
    assert restricted(values, design, sessions, got.phi) >= max(heights) - 1e-9
    # The same up to a constant of the design.
    other = -0.3
    v = other ** np.abs(np.subtract.outer(sessions, sessions))
    weighted = design.T @ np.linalg.inv(v)
    c = np.linalg.inv(weighted @ design)
    rest = values - design @ c @ weighted @ values
    own = -(np.linalg.slogdet(v)[1] - np.linalg.slogdet(c)[1] + 21 * np.log(rest @ np.linalg.inv(v) @ rest))
    assert got.log_likelihood - own / 2 == pytest.approx(
        restricted(values, design, sessions, got.phi) - restricted(values, design, sessions, other)
    )


def test_units_sign_and_order_of_columns_go_through() -> None:
    values = correlated(7)
    got = fitted(ab_series(values[:12], values[12:]), Errors.AR1_KENWARD_ROGER)
    scaled = fitted(ab_series(4 - 3 * values[:12], 4 - 3 * values[12:]), Errors.AR1_KENWARD_ROGER)
    assert scaled.phi == pytest.approx(got.phi, abs=1e-7)
    assert scaled.low[1:] == pytest.approx(-3 * got.high[1:], abs=1e-6)
    assert scaled.sigma == pytest.approx(3 * got.sigma)


def test_white_errors_of_a_long_series_leave_many_degrees_of_freedom() -> None:
    got = fitted(ab_series(*np.split(correlated(11, n=120, phi=0.0), 2)), Errors.AR1_SATTERTHWAITE)
    assert abs(got.phi or 0) < 0.2
    assert got.sigma == pytest.approx(1.0, abs=0.15)
    assert (got.dof > 20).all()


def test_drift_puts_phi_at_the_boundary_and_says_so() -> None:
    walk = np.cumsum(np.random.default_rng(6).standard_normal(20))
    got = fitted(ab_series(walk[:10], walk[10:]), Errors.AR1_KENWARD_ROGER, terms=Terms.LEVELS)
    assert (got.phi, got.phi_at_boundary) == (PHI_LIMIT, True)
    assert "local level" in got.why[0]
    assert "degrees of freedom" in got.why[1]
    assert (got.dof >= 1).all()
    plain = fitted(ab_series(walk[:10], walk[10:]), Errors.AR1_SATTERTHWAITE, terms=Terms.LEVELS)
    assert (got.u >= plain.u).all()


def test_uneven_times_allow_no_negative_phi() -> None:
    saw = np.where(np.arange(12) % 2, 1.0, -1.0) + 0.1 * correlated(3, n=12)
    uneven = np.cumsum(np.where(np.arange(12) % 2, 1.0, 1.5))
    got = ar1_regression(saw, np.ones((12, 1)), uneven, method=Ar1Dof.KENWARD_ROGER, level=0.9)
    assert (got.phi, got.at_boundary) == (0.01, True)
    assert np.isfinite(got.u).all()


def test_the_unit_of_time_does_not_matter() -> None:
    saw = np.where(np.arange(12) % 2, 1.0, -1.0) + 0.1 * correlated(3, n=12)
    weeks, days = (
        ar1_regression(saw, np.ones((12, 1)), unit * np.arange(12.0), method=Ar1Dof.KENWARD_ROGER, level=0.9)
        for unit in (1.0, 0.7)
    )
    assert weeks.phi < -0.5
    assert days.phi == pytest.approx(weeks.phi)
    assert days.u == pytest.approx(weeks.u)


def regression(**other: object) -> Ar1Regression:
    given = {
        "values": correlated(1, n=8),
        "design": np.column_stack([np.ones(8), np.arange(8.0)]),
        "sessions": np.arange(8.0),
        **other,
    }
    return ar1_regression(**given, method=Ar1Dof.SATTERTHWAITE, level=0.95)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"sessions": np.arange(8.0)[::-1]}, OutOfOrder),
        ({"sessions": [0, 1, 2, 3, 3, 4, 5, 6]}, Duplicate),
        ({"sessions": np.arange(7.0)}, WrongShape),
        ({"design": np.ones((8, 2))}, Collinear),
        ({"values": np.arange(8.0)}, NoVariance),
        ({"design": np.vander(np.arange(8.0), 5)}, TooFew),
    ],
)
def test_a_regression_that_cannot_be_made_is_refused(
    other: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        regression(**other)
    assert regression().phi is not None


@pytest.mark.parametrize(
    ("series", "terms", "error"),
    [
        (phased_series([1.0, 2, 3], "AAA", baseline="A"), Terms.LEVELS, TooFew),
        (ab_series([1.0, 3, 2, 4], [2.0]), Terms.LEVELS_AND_SLOPES, TooFew),
        (ab_series([1.0], [2.0]), Terms.LEVELS, TooFew),
        (ab_series([1.0, 2], [5.0, 6]), Terms.LEVELS_AND_TREND, NoVariance),
    ],
)
def test_a_series_that_cannot_be_used_is_refused(
    series: PhasedSeries, terms: Terms, error: type[Exception]
) -> None:
    with pytest.raises(error):
        fitted(series, Errors.INDEPENDENT, terms=terms)


def test_a_level_outside_0_and_1_is_refused() -> None:
    with pytest.raises(OutOfRange):
        piecewise_regression(
            HUITEMA,
            coding=TimeCoding.FROM_ZERO,
            terms=Terms.LEVELS,
            errors=Errors.INDEPENDENT,
            level=1.0,
        )
