"""Dependent effects: three-level model and CR2 against print, dense algebra and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import block_diag, sqrtm

from atlasplane.stats.meta.dependent import NotClustered, ThreeLevelInterval, cluster_robust, three_level
from atlasplane.stats.meta.tau2 import Tau2Method, tau2_estimate
from atlasplane.stats.refusal import Collinear, NotConverged, NotFinite, OutOfRange, TooFew, WrongShape
from tests.meta_cases import (
    BCG_EFFECTS,
    BCG_VARIANCES,
    SCHOOL_DISTRICTS,
    SCHOOL_EFFECTS,
    SCHOOL_VARIANCES,
    SCHOOL_YEARS,
)

SCHOOLS = (SCHOOL_EFFECTS, SCHOOL_VARIANCES, SCHOOL_DISTRICTS)
NORMAL = {"sampling_correlation": 0.0, "interval": ThreeLevelInterval.NORMAL}
INDEPENDENT = {"between": 0.0, "within": 0.0, "sampling_correlation": 0.0}


def dense(y, v, clusters, between, within, rho):
    """Covariance of all effects."""
    same = clusters[:, None] == clusters[None, :]
    se = np.sqrt(v)
    sampling = np.where(np.eye(len(y), dtype=bool), v, rho * np.outer(se, se))
    return np.where(same, sampling + between, 0.0) + within * np.eye(len(y))


def likelihood(y, v, clusters, between, within, rho, x):
    inverse = np.linalg.inv(dense(y, v, clusters, between, within, rho))
    information = x.T @ inverse @ x
    r = y - x @ np.linalg.solve(information, x.T @ inverse @ y)
    log_dets = [np.linalg.slogdet(m)[1] for m in (inverse, information, x.T @ x)]
    n = len(y) - x.shape[1]
    return 0.5 * (log_dets[0] - log_dets[1] + log_dets[2] - r @ inverse @ r - n * np.log(2 * np.pi))


def test_the_schools_in_districts_as_printed() -> None:
    """metafor for the data of Konstantopoulos 2011, REML: 0.1847132 (0.08455592), log-likelihood -7.9587."""
    found = three_level(*SCHOOLS, **NORMAL)
    assert found.coefficients.estimate[0] == pytest.approx(0.1847132, abs=5e-8)
    assert found.coefficients.se[0] == pytest.approx(0.08455592, abs=5e-9)
    assert (found.between, found.within) == pytest.approx((0.06506194, 0.03273652), abs=5e-8)
    assert found.log_likelihood == pytest.approx(-7.9587, abs=5e-5)
    assert found.intraclass_correlation == pytest.approx(0.6653, abs=5e-5)
    assert (found.n_effects, found.n_clusters, found.why) == (56, 11, ())
    assert not (found.between_at_boundary or found.within_at_boundary)


def test_the_interval_of_few_districts_is_students() -> None:
    normal = three_level(*SCHOOLS, **NORMAL).coefficients
    t = three_level(*SCHOOLS, sampling_correlation=0.0, interval=ThreeLevelInterval.T_CLUSTERS).coefficients
    assert t.dof[0] == 10
    half = stats.t.ppf(0.975, 10) * normal.se[0]
    assert t.high[0] - t.low[0] == pytest.approx(2 * half, rel=1e-9)
    assert normal.low[0] == pytest.approx(0.0190, abs=5e-5)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_no_other_variances_are_likelier(rho) -> None:
    x = np.column_stack([np.ones(56), SCHOOL_YEARS - 1990])
    found = three_level(
        *SCHOOLS, sampling_correlation=rho, interval=ThreeLevelInterval.NORMAL, moderators=SCHOOL_YEARS
    )
    own = likelihood(*SCHOOLS, found.between, found.within, rho, x)
    shifted = np.column_stack([np.ones(56), SCHOOL_YEARS])
    at = likelihood(*SCHOOLS, found.between, found.within, rho, shifted)
    assert found.log_likelihood == pytest.approx(at, rel=1e-7)
    for between in found.between * np.array([0.0, 0.9, 0.999, 1.001, 1.1, 3.0]):
        for within in found.within * np.array([0.0, 0.9, 0.999, 1.001, 1.1, 3.0]):
            assert likelihood(*SCHOOLS, between, within, rho, x) <= own + 1e-9
    inverse = np.linalg.inv(dense(*SCHOOLS, found.between, found.within, rho))
    np.testing.assert_allclose(found.covariance, np.linalg.inv(shifted.T @ inverse @ shifted), rtol=1e-6)


def test_without_difference_between_clusters_it_is_the_simple_model() -> None:
    """One effect more or less in each of many clusters, alternating: nothing is shared."""
    rng = np.random.default_rng(5)
    y = rng.normal(0, 1, 20)
    y[1::2] = -y[::2] + 0.01 * y[1::2]
    v, clusters = np.full(20, 0.05), np.repeat(np.arange(10), 2)
    found = three_level(y, v, clusters, **NORMAL)
    assert found.between_at_boundary
    assert found.between == 0
    assert found.within == pytest.approx(float(tau2_estimate(y, v, method=Tau2Method.REML).tau2), rel=1e-5)
    assert found.intraclass_correlation == 0
    assert "estimated as 0" in found.why[0]


def test_without_any_difference_both_variances_are_on_the_boundary() -> None:
    found = three_level([0.1, 0.2, 0.15, 0.12], [1.0, 1, 1, 1], ["a", "a", "b", "b"], **NORMAL)
    assert found.between_at_boundary
    assert found.within_at_boundary
    assert np.isnan(found.intraclass_correlation)
    assert "2 clusters" in found.why[1]


def test_labels_order_unit_and_sign_do_not_matter() -> None:
    plain = three_level(*SCHOOLS, **NORMAL)
    order = np.random.default_rng(2).permutation(56)
    names = np.array([f"district {d}" for d in SCHOOL_DISTRICTS])
    turned = three_level(-100 * SCHOOL_EFFECTS[order], 1e4 * SCHOOL_VARIANCES[order], names[order], **NORMAL)
    assert turned.between == pytest.approx(1e4 * plain.between, rel=1e-5)
    assert turned.coefficients.estimate[0] == pytest.approx(-100 * plain.coefficients.estimate[0], rel=1e-6)
    robust, back = (
        cluster_robust(y, v, c, between=b, within=w, sampling_correlation=0.3)
        for y, v, c, b, w in (
            (*SCHOOLS, 0.07, 0.03),
            (-100 * SCHOOL_EFFECTS[order], 1e4 * SCHOOL_VARIANCES[order], names[order], 700.0, 300.0),
        )
    )
    assert back.coefficients.statistic[0] == pytest.approx(-robust.coefficients.statistic[0], rel=1e-9)
    assert back.coefficients.dof[0] == pytest.approx(robust.coefficients.dof[0], rel=1e-9)


def test_cr2_of_the_bcg_trials_as_printed() -> None:
    """metafor's robust() with clubSandwich for dat.bcg: variance 0.03229357, dof 11.04125, t -3.97616."""
    tau2 = float(tau2_estimate(BCG_EFFECTS, BCG_VARIANCES, method=Tau2Method.REML).tau2)
    found = cluster_robust(
        BCG_EFFECTS, BCG_VARIANCES, np.arange(13), between=0.0, within=tau2, sampling_correlation=0.0
    )
    assert found.covariance[0, 0] == pytest.approx(0.03229357, abs=5e-9)
    assert found.coefficients.dof[0] == pytest.approx(11.04125, abs=1e-5)
    assert found.coefficients.statistic[0] == pytest.approx(-3.97616, abs=1e-5)
    assert (found.n_effects, found.n_clusters, found.why) == (13, 13, ())


def test_cr2_from_dense_matrices() -> None:
    """Pustejovsky and Tipton 2018, eqs. 5, 6 and 11, written out with matrix square roots."""
    y, v, clusters = SCHOOLS
    x = np.column_stack([np.ones(56), SCHOOL_YEARS - 1990.0])
    phi = dense(y, v, clusters, 0.06, 0.03, 0.4)
    w = np.linalg.inv(phi)
    m = np.linalg.inv(x.T @ w @ x)
    residual_maker = np.eye(56) - x @ m @ x.T @ w
    e = residual_maker @ y
    parts, columns = [], []
    for name in np.unique(clusters):
        own = np.flatnonzero(clusters == name)
        d = np.linalg.cholesky(phi[np.ix_(own, own)]).T
        b = d @ (residual_maker @ phi @ residual_maker.T)[np.ix_(own, own)] @ d.T
        a = d.T @ np.linalg.inv(np.real(sqrtm(b))) @ d
        pull = a @ w[np.ix_(own, own)] @ x[own] @ m
        parts.append(pull.T @ e[own])
        columns.append(residual_maker[own].T @ pull)
    covariance = sum(np.outer(part, part) for part in parts)
    found = cluster_robust(
        *SCHOOLS, between=0.06, within=0.03, sampling_correlation=0.4, moderators=SCHOOL_YEARS - 1990.0
    )
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-7)
    for i in range(2):
        p = np.column_stack([column[:, i] for column in columns])
        inner = p.T @ phi @ p
        dof = np.trace(inner) ** 2 / np.sum(inner**2)
        assert found.coefficients.dof[i] == pytest.approx(dof, rel=1e-7)


def test_cr2_of_equal_clusters_is_the_t_test_of_their_means() -> None:
    """Balanced: the variance of the mean is s^2 / J of the cluster means, J - 1 degrees of freedom."""
    y = np.array([1.0, 2.0, 4.0, 4.0, 7.0, 1.0, 0.0, 3.0])
    clusters = np.repeat([3, 1, 4, 2], 2)
    means = y.reshape(4, 2).mean(axis=1)
    for working in (INDEPENDENT, {"between": 2.0, "within": 0.5, "sampling_correlation": 0.7}):
        found = cluster_robust(y, np.full(8, 0.3), clusters, **working)
        assert found.coefficients.se[0] == pytest.approx(np.std(means, ddof=1) / 2, rel=1e-9)
        assert found.coefficients.dof[0] == pytest.approx(3, rel=1e-9)
        test = stats.ttest_1samp(means, 0.0)
        assert found.coefficients.p_value[0] == pytest.approx(test.pvalue, rel=1e-8)
    assert "3.0 degrees of freedom" in found.why[0]


def test_a_cluster_that_alone_tells_a_slope_gives_it_no_error() -> None:
    """Its residuals are 0: the generalised inverse is taken, as the other clusters tell nothing of it."""
    y, clusters = np.array([1.0, 2.0, 3.0, 5.0, 9.0, 9.5]), np.array([0, 0, 1, 1, 2, 2])
    only = (clusters == 2).astype(float)
    found = cluster_robust(y, np.ones(6), clusters, moderators=only, **INDEPENDENT)
    assert np.all(np.isfinite(found.covariance))
    assert found.coefficients.estimate[1] == pytest.approx(9.25 - 2.75)


@pytest.mark.parametrize(
    ("effects", "variances", "clusters", "refused"),
    [
        ([1.0, 2, 3, 4], [1.0, 1, 1, 1], [1, 1, 1, 1], TooFew),
        ([1.0, 2, 3, 4], [1.0, 1, 1, 1], [1, 1, 2], WrongShape),
        ([1.0, 2, 3, np.nan], [1.0, 1, 1, 1], [1, 1, 2, 2], NotFinite),
        ([1.0, 2, 3, 4], [1.0, 1, 1, -1], [1, 1, 2, 2], OutOfRange),
        ([1.0, 2, 3, 4], [1.0, 1, 1, 1], [1, 1, np.nan, np.nan], NotFinite),
        ([1.0, 2, 3, 4], [1.0, 1, 1, 1], ["a", "a", None, "b"], NotFinite),
    ],
)
def test_clusters_are_refused_by_name(effects, variances, clusters, refused) -> None:
    with pytest.raises(refused):
        three_level(effects, variances, clusters, **NORMAL)
    with pytest.raises(refused):
        cluster_robust(effects, variances, clusters, **INDEPENDENT)


def test_what_the_models_cannot_tell_is_refused() -> None:
    y, v = [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]
    with pytest.raises(NotClustered, match="random_effects"):
        three_level(y, v, [1, 2, 3, 4], **NORMAL)
    with pytest.raises(OutOfRange, match="sampling_correlation"):
        three_level(y, v, [1, 1, 2, 2], sampling_correlation=1.0, interval=ThreeLevelInterval.NORMAL)
    for between, within in ((-1.0, 0.0), (np.inf, 0.0), (0.0, np.nan)):
        with pytest.raises(OutOfRange, match="variances"):
            cluster_robust(y, v, [1, 1, 2, 2], between=between, within=within, sampling_correlation=0.0)
    with pytest.raises(Collinear):
        cluster_robust(y, v, [1, 1, 2, 2], moderators=np.ones(4), **INDEPENDENT)


def test_a_search_that_ends_on_a_slope_says_so(monkeypatch) -> None:
    monkeypatch.setattr("atlasplane.stats.meta.dependent._FLAT", -1.0)
    with pytest.raises(NotConverged, match="more clusters"):
        three_level(*SCHOOLS, **NORMAL)


def test_the_dense_covariance_of_this_test_has_the_blocks_of_the_model() -> None:
    found = dense(np.zeros(3), np.array([1.0, 4.0, 9.0]), np.array([0, 0, 1]), 0.5, 0.25, 0.5)
    expected = block_diag([[1.75, 1.5], [1.5, 4.75]], [[9.75]])
    np.testing.assert_allclose(found, expected)
