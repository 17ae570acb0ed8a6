"""Mixed model: balanced analysis of variance, dense likelihood, units and order, flat ends, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from atlasplane.stats.multilevel import mixed_model as searches
from atlasplane.stats.multilevel.grouped_rows import grouped_rows
from atlasplane.stats.multilevel.likelihood import Likelihood, hessian
from atlasplane.stats.multilevel.mixed_model import mixed_model
from atlasplane.stats.refusal import (
    Collinear,
    Duplicate,
    NotConverged,
    NotFinite,
    NoVariance,
    OutOfRange,
    TooFew,
    WrongShape,
)


def study(n=8, length=10, *, tau=1.0, phi=0.0, seed=1):
    """Values, design, persons and sessions of persons with an own level and slope."""
    rng = np.random.default_rng(seed)
    sessions = np.tile(np.arange(length, dtype=float), n)
    person = np.repeat(np.arange(n), length)
    noise = rng.normal(size=(n, length))
    for k in range(1, length):
        noise[:, k] = phi * noise[:, k - 1] + math.sqrt(1 - phi**2) * noise[:, k]
    treated = (sessions >= length // 2).astype(float)
    y = 5 + rng.normal(0, 2, n)[person] + (1 + rng.normal(0, tau, n)[person]) * treated + noise.ravel()
    return y, np.column_stack([np.ones(len(y)), treated]), person.tolist(), sessions


def rows_of(y, X, persons, sessions, random=None):
    return grouped_rows(y, X, X if random is None else random, persons=persons, sessions=sessions)


def test_balanced_one_way_variances_are_those_of_the_mean_squares():
    y, _, persons, sessions = study()
    one = np.ones((len(y), 1))
    found = mixed_model(
        rows_of(y, one, persons, sessions), criterion="REML", structure="full", residual="independent"
    )
    table = y.reshape(8, 10)
    within = ((table - table.mean(axis=1, keepdims=True)) ** 2).sum() / (8 * 9)
    between = 10 * table.mean(axis=1).var(ddof=1)
    assert found.residual_sds[0] ** 2 == pytest.approx(within, rel=1e-6)
    assert found.random_covariance[0, 0] == pytest.approx((between - within) / 10, rel=1e-5)
    assert found.coefficients[0] == pytest.approx(y.mean(), rel=1e-9)
    assert found.se[0] == pytest.approx(math.sqrt(between / 80), rel=1e-6)
    kept = 1 - within / between
    np.testing.assert_allclose(found.effects[:, 0], kept * (table.mean(axis=1) - y.mean()), rtol=1e-5)


@pytest.mark.parametrize("residual", ["independent", "ar1"])
@pytest.mark.parametrize("structure", ["full", "diagonal"])
def test_the_ml_value_is_the_density_of_the_data(residual, structure):
    y, X, persons, sessions = study(phi=0.4 if residual == "ar1" else 0.0)
    sessions[7:] += 2.0 * (np.arange(len(sessions))[7:] < 10)
    found = mixed_model(
        rows_of(y, X, persons, sessions), criterion="ML", structure=structure, residual=residual
    )
    phi, total = found.phi or 0.0, 0.0
    for k in range(8):
        keep = np.array(persons) == k
        t = sessions[keep]
        R = found.residual_sds[0] ** 2 * phi ** np.abs(t[:, None] - t) if phi else None
        R = found.residual_sds[0] ** 2 * np.eye(len(t)) if R is None else R
        V = X[keep] @ found.random_covariance @ X[keep].T + R
        total -= 2 * multivariate_normal(X[keep] @ found.coefficients, V).logpdf(y[keep])
    assert found.value == pytest.approx(total, rel=1e-9)
    assert (found.phi is None) == (residual == "independent")
    if structure == "diagonal":
        assert found.random_covariance[0, 1] == 0


def test_the_derivatives_are_those_of_the_value():
    rows = rows_of(*study(phi=0.3))
    for criterion in ("REML", "ML"):
        likelihood = Likelihood(rows, criterion=criterion, structure="full", residual="ar1")
        at = np.array([0.8, 0.2, 0.5, 0.3])
        value, gradient = likelihood.with_gradient(at)
        moved = [(likelihood(at + e) - likelihood(at - e)) / 2e-5 for e in 1e-5 * np.eye(4)]
        assert value == likelihood(at)
        np.testing.assert_allclose(gradient, moved, rtol=1e-5)


@pytest.mark.parametrize("broken", [[math.nan, 0.0, 1.0], [1e14, 1e13, 1e14]])
def test_what_cannot_be_computed_is_infinite(broken):
    likelihood = Likelihood(rows_of(*study()), criterion="REML", structure="full", residual="independent")
    assert likelihood(np.array(broken)) == math.inf
    value, gradient = likelihood.with_gradient(np.array(broken))
    assert value == math.inf
    assert not gradient.any()


def test_the_curvature_is_flat_in_no_direction_at_the_maximum():
    found = mixed_model(rows_of(*study()), criterion="REML", structure="full", residual="independent")
    likelihood = Likelihood(found.rows, criterion="REML", structure="full", residual="independent")
    assert (np.linalg.eigvalsh(hessian(likelihood, found.parameters)) > 0).all()


def test_unit_sign_and_order_change_nothing_but_unit_sign_and_order():
    y, X, persons, sessions = study()
    first = mixed_model(rows_of(y, X, persons, sessions), criterion="REML", structure="full", residual="ar1")
    mixed = np.random.default_rng(2).permutation(len(y))
    other = mixed_model(
        rows_of(-10 * y[mixed], X[mixed], [persons[k] for k in mixed], sessions[mixed]),
        criterion="REML",
        structure="full",
        residual="ar1",
    )
    np.testing.assert_allclose(other.coefficients, -10 * first.coefficients, rtol=1e-4)
    np.testing.assert_allclose(other.random_covariance, 100 * first.random_covariance, rtol=1e-3)
    assert other.phi == pytest.approx(first.phi, abs=1e-4)
    place = [other.rows.persons.index(label) for label in first.rows.persons]
    np.testing.assert_allclose(other.effects[place], -10 * first.effects, rtol=1e-3, atol=1e-3)


def test_sessions_two_apart_have_the_root_of_the_autocorrelation():
    y, X, persons, sessions = study(phi=0.5)
    near, far = (
        mixed_model(
            rows_of(y, X, persons, step * sessions), criterion="REML", structure="full", residual="ar1"
        )
        for step in (1, 2)
    )
    assert far.value == pytest.approx(near.value, abs=1e-4)
    assert near.phi is not None
    assert far.phi == pytest.approx(math.sqrt(near.phi), abs=1e-3)


def test_persons_who_do_not_differ_are_a_boundary_and_told():
    y, X, persons, sessions = study(n=6, tau=0.0, seed=4)
    found = mixed_model(
        rows_of(y, X, persons, sessions), criterion="REML", structure="diagonal", residual="independent"
    )
    assert found.boundary
    assert found.random_sds[1] == 0
    assert "too certain" in found.why[0]
    apart = mixed_model(rows_of(*study()), criterion="REML", structure="diagonal", residual="independent")
    assert not apart.boundary
    assert apart.why == ()
    assert max(apart.values_from_starts) - min(apart.values_from_starts) < 1e-3


def test_two_equations_have_their_own_residuals():
    y, X, persons, sessions = study()
    zero = np.zeros_like(X)
    rows = grouped_rows(
        np.concatenate([y, 30 * y[::-1]]),
        np.block([[X, zero], [zero, X]]),
        np.concatenate([X[:, :1], X[:, :1]]),
        persons=persons * 2,
        sessions=np.tile(sessions, 2),
        equation=np.repeat([0, 1], len(y)),
    )
    assert (rows.n_equations, rows.n_rows, rows.residual_dof) == (2, 160, 156)
    for residual in ("independent", "ar1"):
        found = mixed_model(rows, criterion="REML", structure="full", residual=residual)
        assert found.residual_sds[1] > 10 * found.residual_sds[0]


def test_searches_that_end_apart_are_no_result(monkeypatch):
    ends = iter(np.arange(20.0) ** 2)
    monkeypatch.setattr(searches, "_search", lambda likelihood, start: (next(ends), start))
    with pytest.raises(NotConverged, match="three searches ended at"):
        mixed_model(rows_of(*study()), criterion="REML", structure="full", residual="independent")


def test_searches_that_end_apart_are_made_once_more(monkeypatch):
    plain, made = searches._search, []

    def stopped(likelihood, start):
        made.append(start)
        return (float(len(made)), start) if len(made) <= 3 else plain(likelihood, start)

    monkeypatch.setattr(searches, "_search", stopped)
    found = mixed_model(rows_of(*study()), criterion="REML", structure="full", residual="independent")
    monkeypatch.undo()
    again = mixed_model(rows_of(*study()), criterion="REML", structure="full", residual="independent")
    assert len(made) == 6
    assert found.value == pytest.approx(again.value, abs=1e-4)


def test_rows_that_cannot_be_used_are_refused_by_name():
    y, X, persons, sessions = study(n=3, length=4)
    with pytest.raises(NotFinite):
        rows_of([math.nan, *y[1:]], X, persons, sessions)
    with pytest.raises(WrongShape):
        rows_of(y, X, persons[1:], sessions)
    with pytest.raises(WrongShape):
        rows_of(y, X[1:], persons, sessions)
    with pytest.raises(TooFew, match="1 person"):
        rows_of(y, X, ["a"] * 12, np.arange(12))
    with pytest.raises(TooFew, match="more rows"):
        rows_of(y[:2], X[:2], ["a", "b"], [0, 0])
    with pytest.raises(Duplicate, match="session 0"):
        rows_of(y, X, persons, np.zeros(12))
    with pytest.raises(Collinear):
        rows_of(y, np.column_stack([X, X[:, 0] - X[:, 1]]), persons, sessions)
    with pytest.raises(Collinear):
        rows_of(y, np.column_stack([X, np.zeros(12)]), persons, sessions)
    with pytest.raises(NoVariance, match="every row"):
        rows_of(np.ones(12), X, persons, sessions)


def test_half_sessions_have_no_autocorrelation_and_exact_fits_no_residual():
    y, X, persons, sessions = study(n=4, length=6)
    with pytest.raises(OutOfRange, match="whole session numbers"):
        mixed_model(rows_of(y, X, persons, sessions / 2), criterion="REML", structure="full", residual="ar1")
    with pytest.raises(NoVariance, match="reproduces every value"):
        mixed_model(
            rows_of(X @ [1.0, 2.0], X, persons, sessions),
            criterion="REML",
            structure="diagonal",
            residual="independent",
        )
