"""Meta-regression and influence of single studies: print, brute force, invariances, boundaries, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.meta.influence import influence, leave_one_out
from atlasplane.stats.meta.pooled import IntervalMethod, random_effects
from atlasplane.stats.meta.regression import meta_regression, omnibus
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.refusal import Collinear, NotFinite, OutOfRange, TooFew, WrongShape
from tests.meta_cases import (
    BCG_EFFECTS,
    BCG_LATITUDE,
    BCG_VARIANCES,
    SCHOOL_EFFECTS,
    SCHOOL_VARIANCES,
    SCHOOL_YEARS,
    TEN_EFFECTS,
    TEN_VARIANCES,
)

WALD = {"tau2_method": Tau2Method.REML, "interval": IntervalMethod.WALD}
HK = {"tau2_method": Tau2Method.REML, "interval": IntervalMethod.HARTUNG_KNAPP}


def on_latitude(how=WALD):
    return meta_regression(BCG_EFFECTS, BCG_VARIANCES, BCG_LATITUDE, **how)


def test_latitude_of_the_bcg_trials_as_printed() -> None:
    """metafor for dat.bcg on ablat: tau2 0.0764, I2 68.39, QE(11) 30.7331, QM(1) 16.3571, R2 75.62."""
    found = on_latitude()
    np.testing.assert_allclose(found.coefficients.estimate, [0.2515, -0.0291], atol=5e-5)
    np.testing.assert_allclose(found.coefficients.se, [0.2491, 0.0072], atol=5e-5)
    # Its search stops at tau2 0.07635; Q_M moves by 0.001 with the fifth digit.
    assert found.tau2 == pytest.approx(0.0764, abs=1e-4)
    assert found.omnibus.statistic == pytest.approx(16.3571, abs=2e-3)
    assert found.explained_percent == pytest.approx(75.62, abs=2e-2)
    assert (found.q_residual, found.q_p_value) == pytest.approx((30.7331, 0.0012), abs=5e-5)
    assert (found.omnibus.dof, found.omnibus.dof_residual) == (1, np.inf)
    assert found.why == ()


def test_the_year_of_the_schools_as_printed() -> None:
    """Konstantopoulos 2011, Table 4: 0.1258 (0.0440), 0.0052 (0.0044), tau2 0.0889."""
    found = meta_regression(SCHOOL_EFFECTS, SCHOOL_VARIANCES, SCHOOL_YEARS - SCHOOL_YEARS.mean(), **WALD)
    np.testing.assert_allclose(found.coefficients.estimate, [0.1258, 0.0052], atol=6e-5)
    np.testing.assert_allclose(found.coefficients.se, [0.0440, 0.0044], atol=6e-5)
    assert found.tau2 == pytest.approx(0.0889, abs=6e-5)


def test_one_slope_has_the_same_test_twice() -> None:
    for how in (WALD, HK):
        found = on_latitude(how)
        assert found.omnibus.statistic == pytest.approx(found.coefficients.statistic[1] ** 2, rel=1e-9)
        assert found.omnibus.p_value == pytest.approx(found.coefficients.p_value[1], rel=1e-7)


def test_hartung_and_knapp_scale_the_whole_covariance() -> None:
    """s^2 = y'Py / (k - p) of Knapp and Hartung 2003, t and F with 11 degrees of freedom."""
    wald, found = on_latitude(), on_latitude(HK)
    x = np.column_stack([np.ones(13), BCG_LATITUDE])
    residuals = BCG_EFFECTS - x @ found.coefficients.estimate
    s2 = np.sum(residuals**2 / (BCG_VARIANCES + found.tau2)) / 11
    np.testing.assert_allclose(found.covariance, s2 * wald.covariance, rtol=1e-10)
    np.testing.assert_allclose(found.fitted, x @ found.coefficients.estimate, rtol=1e-10)
    assert found.omnibus.dof_residual == 11
    half = stats.t.ppf(0.975, 11) * found.coefficients.se
    np.testing.assert_allclose(found.coefficients.high - found.coefficients.estimate, half, rtol=1e-10)


def test_the_omnibus_test_from_its_definition() -> None:
    slopes, covariance = np.array([1.0, 2.0]), np.array([[2.0, 1.0], [1.0, 2.0]])
    q = slopes @ np.linalg.solve(covariance, slopes)  # (2 - 4 + 8) / 3 = 2
    assert q == pytest.approx(2)
    chi, f = omnibus(slopes, covariance, np.inf), omnibus(slopes, covariance, 7.0)
    assert (chi.statistic, chi.p_value) == pytest.approx((2, stats.chi2.sf(2, 2)))
    assert (f.statistic, f.p_value) == pytest.approx((1, stats.f.sf(1, 2, 7)))
    assert omnibus(np.zeros(2), covariance, 7.0).p_value == 1


def test_a_fit_without_residuals_has_no_error() -> None:
    """By Hartung and Knapp; other data sets beside it keep their test."""
    nothing = meta_regression(np.zeros(4), np.ones(4), [1, 2, 3, 4], **HK)
    assert np.isnan(nothing.omnibus.statistic)
    assert np.isnan(nothing.omnibus.p_value)
    slopes, covariance = np.array([[1.0], [0.0], [2.0]]), np.array([[[0.0]], [[0.0]], [[2.0]]])
    found = omnibus(slopes, covariance, 7.0)
    assert (found.statistic[0], found.p_value[0]) == (np.inf, 0)
    assert np.isnan(found.statistic[1])
    assert found.statistic[2] == pytest.approx(2)


@pytest.mark.parametrize("how", [WALD, HK])
def test_units_and_origin_of_moderators_change_slopes_alone(how) -> None:
    x = np.column_stack([BCG_LATITUDE, np.arange(13.0) % 3])
    plain = meta_regression(BCG_EFFECTS, BCG_VARIANCES, x, **how)
    moved = meta_regression(BCG_EFFECTS, BCG_VARIANCES, 1000 * (x - 40)[:, ::-1], **how)
    np.testing.assert_allclose(
        moved.coefficients.estimate[:0:-1], plain.coefficients.estimate[1:] / 1000, rtol=1e-7
    )
    assert moved.omnibus.statistic == pytest.approx(plain.omnibus.statistic, rel=1e-8)
    assert moved.tau2 == pytest.approx(plain.tau2, rel=1e-8)
    turned = meta_regression(-BCG_EFFECTS[::-1], BCG_VARIANCES[::-1], x[::-1], **how)
    np.testing.assert_allclose(turned.coefficients.estimate, -plain.coefficients.estimate, rtol=1e-7)


def test_two_groups_are_two_means() -> None:
    """A moderator of 0 and 1 without tau2: the intercept is the mean of one group, the sum the other's."""
    group = np.repeat([0.0, 1.0], 5)
    y = np.concatenate([0.01 * np.arange(5), 1 + 0.01 * np.arange(5)])
    found = meta_regression(y, np.ones(10), group, **WALD)
    assert found.at_boundary
    np.testing.assert_allclose(found.coefficients.estimate, [0.02, 1.0], atol=1e-12)
    np.testing.assert_allclose(found.coefficients.se, [np.sqrt(1 / 5), np.sqrt(2 / 5)], rtol=1e-12)
    assert "tau2" in found.why[0]
    assert np.isnan(found.explained_percent)  # nothing there to explain


def test_few_studies_for_many_slopes_are_told() -> None:
    x = np.column_stack([BCG_LATITUDE, np.arange(13.0) % 3])
    assert "13 studies for 2 slopes" in meta_regression(BCG_EFFECTS, BCG_VARIANCES, x, **HK).why[0]


def test_many_data_sets_on_the_same_moderators() -> None:
    found = meta_regression(np.stack([BCG_EFFECTS, -BCG_EFFECTS]), BCG_VARIANCES, BCG_LATITUDE, **HK)
    alone = on_latitude(HK)
    np.testing.assert_allclose(found.coefficients.estimate[1], -alone.coefficients.estimate, rtol=1e-7)
    np.testing.assert_allclose(found.coefficients.p_value[0], alone.coefficients.p_value, rtol=1e-7)
    assert found.omnibus.p_value.shape == (2,)


@pytest.mark.parametrize(
    ("moderators", "refused"),
    [
        (np.ones(13), Collinear),
        (np.empty((13, 0)), TooFew),
        (np.arange(12.0), WrongShape),
        (np.full(13, np.inf), NotFinite),
        (np.eye(13)[:, 1:], TooFew),
    ],
)
def test_moderators_are_refused_by_name(moderators, refused) -> None:
    with pytest.raises(refused):
        meta_regression(BCG_EFFECTS, BCG_VARIANCES, moderators, **WALD)
    with pytest.raises(OutOfRange):
        meta_regression(BCG_EFFECTS, -BCG_VARIANCES, BCG_LATITUDE, **WALD)


def test_influence_of_the_first_bcg_trial_as_printed() -> None:
    """metafor's influence() for dat.bcg, trial 1."""
    found = influence(BCG_EFFECTS, BCG_VARIANCES, tau2_method=Tau2Method.REML)
    first = [
        found.studentised[0],
        found.dffits[0],
        found.cook[0],
        found.covariance_ratio[0],
        found.tau2_without[0],
        found.q_without[0],
        found.hat[0],
    ]
    printed = [-0.2181425, -0.0407076, 0.0017165, 1.1164489, 0.3361567, 151.5825727, 0.0505948]
    np.testing.assert_allclose(first, printed, rtol=1e-5, atol=1e-7)
    assert found.hat.sum() == pytest.approx(1)
    assert not found.stands_out.any()


def test_the_first_bcg_trial_left_out_as_printed() -> None:
    """metafor's leave1out() for dat.bcg, trial 1: -0.7071 (0.1900), [-1.0794, -0.3348], I2 93.226."""
    found = leave_one_out(BCG_EFFECTS, BCG_VARIANCES, **WALD)
    got = [found.pooled.mean[0], found.pooled.se[0], found.pooled.low[0], found.pooled.high[0]]
    np.testing.assert_allclose(got, [-0.7070838, 0.1899610, -1.0794006, -0.3347670], atol=1e-6)
    assert found.heterogeneity.i2_percent[0] == pytest.approx(93.225935, abs=1e-5)


def test_each_study_is_left_out_in_its_turn() -> None:
    found = leave_one_out(TEN_EFFECTS, TEN_VARIANCES, **HK)
    for i in range(10):
        alone = random_effects(np.delete(TEN_EFFECTS, i), np.delete(TEN_VARIANCES, i), **HK)
        assert found.pooled.mean[i] == pytest.approx(alone.mean, rel=1e-10)
        assert found.pooled.low[i] == pytest.approx(alone.low, rel=1e-8)


def test_diagnostics_follow_the_order_and_turn_with_a_mirror() -> None:
    plain = influence(TEN_EFFECTS, TEN_VARIANCES, tau2_method=Tau2Method.DL)
    turned = influence(-5 * TEN_EFFECTS[::-1], 25 * TEN_VARIANCES[::-1], tau2_method=Tau2Method.DL)
    np.testing.assert_allclose(turned.studentised[::-1], -plain.studentised, rtol=1e-8)
    np.testing.assert_allclose(turned.dffits[::-1], -plain.dffits, rtol=1e-8)
    for name in ("cook", "covariance_ratio", "hat"):
        np.testing.assert_allclose(getattr(turned, name)[::-1], getattr(plain, name), rtol=1e-8)


def test_one_far_study_stands_out_and_equal_ones_do_not() -> None:
    y = np.array([0.0, 0.1, -0.1, 0.05, -0.05, 3.0])
    found = influence(y, np.full(6, 0.05), tau2_method=Tau2Method.REML)
    assert np.flatnonzero(found.stands_out).tolist() == [5]
    assert found.studentised[5] > 10
    assert found.tau2_without[5] == 0
    equal = influence(np.ones(4), np.ones(4), tau2_method=Tau2Method.DL)
    np.testing.assert_allclose(equal.cook, 0, atol=1e-20)
    np.testing.assert_allclose(equal.covariance_ratio, 4 / 3)


@pytest.mark.parametrize("act", [influence, leave_one_out])
def test_what_cannot_lose_a_study_is_refused(act) -> None:
    how = WALD if act is leave_one_out else {"tau2_method": Tau2Method.REML}
    for effects, variances, refused in (
        ([1.0, 2.0], [0.1, 0.1], TooFew),
        ([1.0, np.nan, 2.0], [0.1, 0.1, 0.1], NotFinite),
        ([1.0, 3.0, 2.0], [0.1, 0.0, 0.1], OutOfRange),
        ([[1.0, 3.0, 2.0]], [[0.1, 0.1, 0.1]], WrongShape),
    ):
        with pytest.raises(refused):
            act(effects, variances, **how)
