"""Pooled effects, prediction intervals and heterogeneity: print, invariances, boundaries, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.meta.dependent import three_level
from atlasplane.stats.meta.heterogeneity import heterogeneity, q_profile
from atlasplane.stats.meta.pooled import (
    IntervalMethod,
    fixed_effect,
    inference,
    random_effects,
    scale,
)
from atlasplane.stats.meta.prediction import NotRandom, PredictionMethod, prediction_interval
from atlasplane.stats.meta.regression import meta_regression
from atlasplane.stats.meta.small_study import MissingEstimator, Side, trim_and_fill
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.meta.weighted import design, weighted_fit
from atlasplane.stats.refusal import NotAChoice, NotFinite, OutOfRange, TooFew, WrongShape
from atlasplane.stats.student import quantile, two_sided
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

WALD, HK, AD_HOC = IntervalMethod
REML = Tau2Method.REML


def bcg(interval: IntervalMethod, **how):
    return random_effects(BCG_EFFECTS, BCG_VARIANCES, tau2_method=REML, interval=interval, **how)


def test_the_fixed_effect_of_the_bcg_trials_as_printed() -> None:
    """metafor 3.0 for dat.bcg: -0.4303 [-0.5097, -0.3509], z -10.6247."""
    found = fixed_effect(BCG_EFFECTS, BCG_VARIANCES)
    assert (found.mean, found.low, found.high) == pytest.approx((-0.4303, -0.5097, -0.3509), abs=5e-5)
    assert found.statistic == pytest.approx(-10.6247, abs=5e-5)
    assert (found.tau2, found.tau2_method, found.at_boundary, found.why) == (0, None, False, ())


def test_random_effects_of_the_bcg_trials_as_printed() -> None:
    """Viechtbauer 2010, doi:10.18637/jss.v036.i03: -0.7145 (0.1798), z -3.9744, [-1.0669, -0.3622]."""
    found = bcg(WALD)
    assert (found.mean, found.se, found.statistic) == pytest.approx((-0.7145, 0.1798, -3.9744), abs=6e-5)
    assert (found.low, found.high) == pytest.approx((-1.0669, -0.3622), abs=5e-5)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(3.97445), rel=1e-4)
    assert found.weight_percent[0] == pytest.approx(5.0595, abs=5e-5)
    assert found.weight_percent.sum() == pytest.approx(100)
    assert found.why == ()


def test_hartung_and_knapp_from_their_definition() -> None:
    found, wald = bcg(HK), bcg(WALD)
    w = 1 / (BCG_VARIANCES + wald.tau2)
    q = np.sum(w * (BCG_EFFECTS - wald.mean) ** 2) / 12
    assert found.q == pytest.approx(q, rel=1e-12)
    assert found.se == pytest.approx(wald.se * np.sqrt(q), rel=1e-12)
    assert found.low == pytest.approx(found.mean - stats.t.ppf(0.975, 12) * found.se, rel=1e-12)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.statistic), 12), rel=1e-10)
    assert found.wald.low == wald.low
    assert (found.dof, wald.dof, found.interval) == (12, np.inf, HK)


def test_the_guard_never_shortens_and_is_idle_where_q_is_above_one() -> None:
    assert bcg(AD_HOC).se == bcg(HK).se  # q is 1.011
    y, v = [0.1, 0.3, 0.2, 0.25], [0.2, 0.1, 0.3, 0.2]
    plain, guarded = (random_effects(y, v, tau2_method=REML, interval=i) for i in (HK, AD_HOC))
    assert plain.q < 1
    assert plain.se < plain.wald.se == guarded.se
    assert guarded.high - guarded.low > guarded.wald.high - guarded.wald.low
    assert "q is below 1" in plain.why[-1]
    assert not any("q is" in sentence for sentence in guarded.why)


@pytest.mark.parametrize("interval", IntervalMethod)
def test_sign_unit_and_order_of_studies(interval) -> None:
    plain = bcg(interval)
    turned = random_effects(
        -10 * BCG_EFFECTS[::-1], 100 * BCG_VARIANCES[::-1], tau2_method=REML, interval=interval
    )
    assert (turned.low, turned.high) == pytest.approx((-10 * plain.high, -10 * plain.low), rel=1e-9)
    assert turned.p_value == pytest.approx(plain.p_value, rel=1e-8)
    np.testing.assert_allclose(turned.weight_percent[::-1], plain.weight_percent, rtol=1e-9)
    moved = fixed_effect(BCG_EFFECTS + 3, BCG_VARIANCES)
    assert moved.mean == pytest.approx(fixed_effect(BCG_EFFECTS, BCG_VARIANCES).mean + 3, rel=1e-12)


def test_a_wider_level_holds_the_narrower() -> None:
    narrow, wide = bcg(HK, level=0.8), bcg(HK, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    for level in (0.0, 1.0, 95):
        with pytest.raises(OutOfRange, match="level"):
            bcg(HK, level=level)


def test_many_data_sets_at_once() -> None:
    y = np.stack([TEN_EFFECTS, 2 * TEN_EFFECTS, 0.1 * TEN_EFFECTS])
    found = random_effects(y, TEN_VARIANCES, tau2_method=REML, interval=HK)
    assert found.mean.shape == found.low.shape == found.at_boundary.shape == (3,)
    assert list(found.at_boundary) == [False, False, True]
    assert "tau2 is estimated as 0" in found.why[0]
    for row in range(3):
        alone = random_effects(y[row], TEN_VARIANCES, tau2_method=REML, interval=HK)
        assert (alone.low, alone.high) == pytest.approx((found.low[row], found.high[row]), rel=1e-9)


def test_few_studies_and_no_heterogeneity_are_told() -> None:
    found = random_effects([0.1, 0.1, 0.1], [1.0, 2.0, 3.0], tau2_method=Tau2Method.DL, interval=WALD)
    assert found.at_boundary
    assert found.mean == pytest.approx(0.1)
    assert [sentence[:4] for sentence in found.why] == ["tau2", "tau2"]
    assert "3 studies" in found.why[1]


@pytest.mark.parametrize(
    ("effects", "variances", "refused"),
    [
        ([1.0], [0.1], TooFew),
        ([1.0, 2.0], [0.1, -0.1], OutOfRange),
        ([1e-160, 2e-160], [1e-320, 2e-320], OutOfRange),
        ([1.0, 2.0], [1e80, 2e80], OutOfRange),
        ([1e80, 2.0], [1.0, 2.0], OutOfRange),
        ([np.nan, 2.0], [0.1, 0.1], NotFinite),
        ([1.0, 2.0, 3.0], [0.1, 0.1], WrongShape),
    ],
)
def test_what_cannot_be_pooled_is_refused_by_name(effects, variances, refused) -> None:
    for act in (
        fixed_effect,
        q_profile,
        lambda y, v: random_effects(y, v, tau2_method=REML, interval=WALD),
        lambda y, v: heterogeneity(y, v, tau2_method=REML),
    ):
        with pytest.raises(refused):
            act(effects, variances)


@pytest.mark.parametrize(
    ("n_studies", "words"),
    [
        (0, "0 studies; 2 or more are needed"),
        (1, "1 study; 2 or more are needed: one study is not pooled, report its own effect"),
    ],
)
def test_too_few_studies_are_told_what_to_do(n_studies: int, words: str) -> None:
    with pytest.raises(TooFew) as refused:
        fixed_effect([1.0] * n_studies, [0.1] * n_studies)
    assert str(refused.value) == words


def test_t_without_end_is_normal() -> None:
    dof = np.array([1.0, 7.0, np.inf])
    expected = [stats.t.ppf(0.975, 1), stats.t.ppf(0.975, 7), stats.norm.ppf(0.975)]
    np.testing.assert_allclose(quantile(0.975, dof), expected, rtol=1e-12)
    np.testing.assert_allclose(two_sided(np.array(expected), dof), 0.05, rtol=1e-10)
    found = inference(np.array([1.0, -1.0]), np.array([0.5, 0.5]), 7, level=0.9)
    assert found.low[0] == -found.high[1] == pytest.approx(1 - 0.5 * stats.t.ppf(0.95, 7))
    assert found.p_value[0] == found.p_value[1]
    with pytest.raises(OutOfRange):
        inference(np.array(1.0), np.array(0.5), 7, level=2)


def test_an_estimate_without_error_has_no_p() -> None:
    found = inference(np.array(0.0), np.array(0.0), np.inf, level=0.95)
    assert np.isnan(found.p_value)
    assert found.low == found.high == 0


def test_the_scale_of_each_interval() -> None:
    fit = weighted_fit(np.array([0.0, 1.0, 5.0]), np.full(3, 0.01), design(3))
    assert scale(fit, WALD)[1:] == (1.0, np.inf)
    assert scale(fit, HK) == (pytest.approx(0.07), pytest.approx(0.07), 2.0)
    assert scale(fit, AD_HOC)[1:] == (1.0, 2.0)


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        (PredictionMethod.NORMAL, -1.8667, 0.4376),
        (PredictionMethod.T_K_MINUS_2, -2.0084, 0.5793),
    ],
)
def test_prediction_intervals_of_the_bcg_trials(method, low, high) -> None:
    """Normal: printed by metafor for dat.bcg. t with k - 2: worked out from tau2 0.3132, SE 0.1798."""
    found = prediction_interval(bcg(WALD), method=method)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)
    assert (found.method, found.tau2_method, found.interval) == (method, REML, WALD)
    assert (found.n_studies, found.level, found.why) == (13, 0.95, ())
    assert found.tau == pytest.approx(np.sqrt(0.3132), abs=1e-4)


def test_prediction_intervals_are_nested_and_wider_than_the_mean() -> None:
    ends = [prediction_interval(bcg(HK), method=m) for m in PredictionMethod]  # k - 2, k - 1, normal
    assert ends[0].low < ends[1].low < ends[2].low < bcg(HK).low
    assert [float(found.dof) for found in ends] == [11, 12, np.inf]


def test_a_prediction_interval_turns_with_its_unit() -> None:
    plain = prediction_interval(bcg(HK), method=PredictionMethod.T_K_MINUS_1)
    turned = prediction_interval(
        random_effects(-2 * BCG_EFFECTS, 4 * BCG_VARIANCES, tau2_method=REML, interval=HK),
        method=PredictionMethod.T_K_MINUS_1,
    )
    assert (turned.low, turned.high) == pytest.approx((-2 * plain.high, -2 * plain.low), rel=1e-8)


def test_without_studies_or_spread_nothing_is_predicted() -> None:
    with pytest.raises(NotRandom, match="random_effects"):
        prediction_interval(fixed_effect([1.0, 2, 3], [1.0, 1, 1]), method=PredictionMethod.NORMAL)
    two = random_effects([1.0, 2], [1.0, 1], tau2_method=REML, interval=WALD)
    with pytest.raises(TooFew, match="2 studies"):
        prediction_interval(two, method=PredictionMethod.T_K_MINUS_1)
    three = random_effects([1.0, 1.1, 0.9], [1.0, 1, 1], tau2_method=REML, interval=WALD)
    found = prediction_interval(three, method=PredictionMethod.T_K_MINUS_2)
    assert found.tau == 0
    assert "far too short" in found.why[0]
    assert "no spread" in found.why[1]


def test_heterogeneity_of_the_bcg_trials_as_printed() -> None:
    """Viechtbauer 2010: Q(12) 152.2330, I2 92.22 %, H2 12.86; with DL I2 92.12 %."""
    found = heterogeneity(BCG_EFFECTS, BCG_VARIANCES, tau2_method=REML)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert (found.i2_percent, found.h2) == pytest.approx((92.22, 12.86), abs=5e-3)
    assert found.p_value == pytest.approx(stats.chi2.sf(152.23301, 12), rel=1e-4)
    assert found.tau == pytest.approx(0.5597, abs=5e-5)
    dl = heterogeneity(BCG_EFFECTS, BCG_VARIANCES, tau2_method=Tau2Method.DL)
    assert dl.i2_percent == pytest.approx(100 * (dl.q - 12) / dl.q, rel=1e-10)
    assert dl.h2 == pytest.approx(dl.q / 12, rel=1e-10)
    w = 1 / BCG_VARIANCES
    assert dl.typical_variance == pytest.approx(12 * w.sum() / (w.sum() ** 2 - np.sum(w**2)), rel=1e-10)


def test_q_profile_as_printed() -> None:
    """Viechtbauer 2010, for BCG; metafor's for the schools of Konstantopoulos 2011, also with their year."""
    found = q_profile(BCG_EFFECTS, BCG_VARIANCES)
    assert (found.low, found.high) == pytest.approx((0.1197, 1.1115), abs=5e-5)
    assert found.i2_percent == pytest.approx((81.92, 97.68), abs=5e-3)
    assert found.why == ()
    schools = q_profile(SCHOOL_EFFECTS, SCHOOL_VARIANCES)
    assert (schools.low, schools.high) == pytest.approx((0.0564, 0.1388), abs=1e-4)
    moderated = q_profile(SCHOOL_EFFECTS, SCHOOL_VARIANCES, moderators=SCHOOL_YEARS)
    assert (moderated.low, moderated.high) == pytest.approx((0.0560, 0.1376), abs=1e-4)


def test_heterogeneity_does_not_know_unit_origin_or_order() -> None:
    y, v = 7 - 3 * BCG_EFFECTS[::-1], 9 * BCG_VARIANCES[::-1]
    plain, turned = (heterogeneity(*d, tau2_method=REML) for d in ((BCG_EFFECTS, BCG_VARIANCES), (y, v)))
    assert (turned.q, turned.i2_percent) == pytest.approx((plain.q, plain.i2_percent), rel=1e-8)
    assert turned.tau == pytest.approx(3 * plain.tau, rel=1e-8)
    ends, turned_ends = q_profile(BCG_EFFECTS, BCG_VARIANCES), q_profile(y, v)
    assert (turned_ends.low, turned_ends.high) == pytest.approx((9 * ends.low, 9 * ends.high), rel=1e-9)


def test_effects_that_agree_too_well_leave_an_empty_interval() -> None:
    empty = q_profile([1.0, 1.0, 1.0001], [1.0, 1.0, 1.0])
    assert (empty.low, empty.high, bool(empty.is_empty)) == (0, 0, True)
    assert "overstated" in empty.why[0]
    open_ = q_profile([1.0, 1.5, 2.5], [1.0, 1.0, 1.0])
    assert (open_.low, bool(open_.is_empty)) == (0, False)
    assert open_.high > 0
    assert open_.why == ("equal effects are not ruled out",)
    none = heterogeneity([1.0, 1.0, 1.0], [1.0, 1.0, 2.0], tau2_method=REML)
    assert (none.q, none.i2_percent, none.h2, none.p_value) == (pytest.approx(0), 0, 1, pytest.approx(1))
    with pytest.raises(OutOfRange):
        q_profile([1.0, 2.0], [1.0, 1.0], level=0)


@pytest.mark.parametrize(
    "act",
    [
        lambda y, v: random_effects(y, v, tau2_method="REML", interval=WALD),
        lambda y, v: random_effects(y, v, tau2_method=REML, interval="Wald"),
        lambda y, v: prediction_interval(bcg(HK), method="normal"),
        lambda y, v: meta_regression(y, v, BCG_LATITUDE, tau2_method=REML, interval="Wald"),
        lambda y, v: trim_and_fill(y, v, side="left", estimator=MissingEstimator.L0, pool=fixed_effect),
        lambda y, v: trim_and_fill(y, v, side=Side.LEFT, estimator="L0", pool=fixed_effect),
        lambda y, v: three_level(y, v, [1, 2] * 6 + [3], sampling_correlation=0.0, interval="normal"),
    ],
)
def test_a_word_instead_of_a_choice_is_refused(act) -> None:
    """Else "Wald" would quietly be Hartung and Knapp's, "left" the right side, "L0" R0."""
    with pytest.raises(NotAChoice, match=r"give one of [A-Z]"):
        act(BCG_EFFECTS, BCG_VARIANCES)
