"""Tests of small-study effects: print, definitions, mirror, boundaries and bad input."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.meta.pooled import IntervalMethod, fixed_effect, random_effects
from atlasplane.stats.meta.small_study import (
    EggerForm,
    MissingEstimator,
    Side,
    egger_linear,
    egger_mixed,
    rank_test,
    trim_and_fill,
)
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.refusal import (
    Collinear,
    NotConverged,
    NotFinite,
    NoVariance,
    OutOfRange,
    TooFew,
    WrongShape,
)
from tests.meta_cases import (
    BCG_EFFECTS,
    BCG_VARIANCES,
    MAGNESIUM_SIZES,
    SMOKING_EFFECTS,
    SMOKING_VARIANCES,
)

MIXED = {"tau2_method": Tau2Method.REML, "interval": IntervalMethod.WALD}
DL = partial(random_effects, tau2_method=Tau2Method.DL, interval=IntervalMethod.WALD)


def test_the_mixed_regression_of_magnesium_as_printed() -> None:
    """metafor's regtest for dat.egger2001: z -4.6686."""
    found = egger_mixed(MAGNESIUM_SIZES.effects, MAGNESIUM_SIZES.variances, **MIXED)
    assert found.slope.statistic == pytest.approx(-4.6686, abs=5e-5)
    assert (found.form, found.tau2_method, found.interval) == (
        EggerForm.MIXED,
        Tau2Method.REML,
        IntervalMethod.WALD,
    )
    assert (found.n_studies, found.why) == (16, ())


def test_the_linear_regression_is_eggers_own() -> None:
    """The intercept of effect / SE on 1 / SE, by ordinary least squares."""
    se = np.sqrt(BCG_VARIANCES)
    own = stats.linregress(1 / se, BCG_EFFECTS / se)
    found = egger_linear(BCG_EFFECTS, BCG_VARIANCES)
    assert found.slope.estimate == pytest.approx(own.intercept, rel=1e-10)
    assert found.slope.se == pytest.approx(own.intercept_stderr, rel=1e-10)
    assert found.limit.estimate == pytest.approx(own.slope, rel=1e-10)
    assert found.slope.p_value == pytest.approx(2 * stats.t.sf(1.4012820, 11), rel=1e-6)
    assert (found.form, found.interval, found.tau2_method) == (EggerForm.LINEAR, None, None)


def test_the_rank_test_of_magnesium_as_printed() -> None:
    """metafor's ranktest for dat.egger2001: tau 0.15, p 0.4503; for dat.bcg 0.0256, 0.9524."""
    found = rank_test(MAGNESIUM_SIZES.effects, MAGNESIUM_SIZES.variances)
    assert (found.tau, found.p_value) == pytest.approx((0.15, 0.4503), abs=5e-5)
    assert found.exact
    bcg = rank_test(BCG_EFFECTS, BCG_VARIANCES)
    assert (bcg.tau, bcg.p_value) == pytest.approx((0.0256, 0.9524), abs=5e-5)


def test_the_rank_test_from_its_definition() -> None:
    """Pairs of standardised effects and variances in and out of step."""
    w = 1 / BCG_VARIANCES
    own = (BCG_EFFECTS - np.sum(w * BCG_EFFECTS) / w.sum()) / np.sqrt(BCG_VARIANCES - 1 / w.sum())
    steps = [
        np.sign((own[i] - own[j]) * (BCG_VARIANCES[i] - BCG_VARIANCES[j]))
        for i in range(13)
        for j in range(i)
    ]
    assert rank_test(BCG_EFFECTS, BCG_VARIANCES).tau == pytest.approx(np.mean(steps), rel=1e-12)


def test_tied_variances_make_the_rank_test_approximate() -> None:
    found = rank_test([0.1, 0.4, 0.2, 0.9], [0.1, 0.1, 0.2, 0.3])
    assert not found.exact
    assert 0 < found.p_value <= 1


def test_the_least_p_of_the_rank_test_is_that_of_full_agreement() -> None:
    found = rank_test([0.0, 1.0, 3.0, 9.0], [0.1, 0.11, 0.12, 0.13])
    assert found.tau == 1
    assert found.p_value == pytest.approx(found.smallest_possible_p) == pytest.approx(2 / 24)
    assert "4 studies" in found.why[0]


@pytest.mark.parametrize("form", [egger_linear, partial(egger_mixed, **MIXED)])
def test_a_mirror_turns_the_slope_and_the_order_does_nothing(form) -> None:
    plain = form(BCG_EFFECTS, BCG_VARIANCES)
    turned = form(-2 * BCG_EFFECTS[::-1], 4 * BCG_VARIANCES[::-1])
    assert turned.slope.estimate == pytest.approx(-plain.slope.estimate, rel=1e-7)
    assert turned.slope.p_value == pytest.approx(plain.slope.p_value, rel=1e-7)
    assert turned.limit.estimate == pytest.approx(-2 * plain.limit.estimate, rel=1e-7)
    two = form(np.stack([BCG_EFFECTS, -BCG_EFFECTS]), BCG_VARIANCES)
    np.testing.assert_allclose(two.slope.estimate, np.array([1, -1]) * plain.slope.estimate, rtol=1e-7)


def test_the_rank_test_turns_with_a_mirror() -> None:
    plain, turned = (rank_test(s * BCG_EFFECTS, BCG_VARIANCES) for s in (1, -1))
    assert (turned.tau, turned.p_value) == pytest.approx((-plain.tau, plain.p_value))


@pytest.mark.parametrize("act", [egger_linear, partial(egger_mixed, **MIXED), rank_test])
def test_what_tells_nothing_of_small_studies_is_refused(act) -> None:
    for effects, variances, refused in (
        ([1.0, 2.0], [0.1, 0.2], TooFew),
        ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1], Collinear),
        ([1.0, np.nan, 3.0], [0.1, 0.2, 0.3], NotFinite),
        ([1.0, 2.0, 3.0], [0.1, -0.2, 0.3], OutOfRange),
        ([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3], WrongShape),
    ):
        with pytest.raises(refused):
            act(effects, variances)


def test_equal_effects_have_no_order() -> None:
    with pytest.raises(NoVariance, match="no order"):
        rank_test([0.1, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("act", [egger_linear, partial(egger_mixed, **MIXED)])
def test_effects_on_a_line_of_their_errors(act) -> None:
    """y = 1 + 2 SE without scatter: limit 1, slope 2; below ten studies the test says so."""
    se = np.array([0.1, 0.2, 0.4, 0.5])
    found = act(1 + 2 * se, se**2)
    assert (found.limit.estimate, found.slope.estimate) == pytest.approx((1, 2), rel=1e-9)
    assert "too little power" in found.why[0]


@pytest.mark.parametrize("estimator", MissingEstimator)
def test_passive_smoking_trimmed_and_filled_as_published(estimator) -> None:
    """Lung Cancer 2006, 51:245, doi:10.1016/j.lungcan.2005.11.004: 7 filled, 1.19 [1.08, 1.31], p 0.0004."""
    found = trim_and_fill(SMOKING_EFFECTS, SMOKING_VARIANCES, side=Side.LEFT, estimator=estimator, pool=DL)
    assert found.n_missing == len(found.filled_effects) == len(found.filled_variances) == 7
    pooled = found.pooled
    assert np.exp([pooled.mean, pooled.low, pooled.high]) == pytest.approx([1.19, 1.08, 1.31], abs=5e-3)
    assert pooled.p_value == pytest.approx(0.0004, abs=5e-5)
    assert (found.n_studies, pooled.n_studies) == (37, 44)
    assert found.why == (found.why[0],)
    assert "sensitivity only" in found.why[0]


def test_trim_and_fill_by_hand() -> None:
    """Equal weights, 0 1 2 3 4 and 9 10: L0 trims none, R0 one.

    Mean 29/7; ranks of 9 and 10 are 6 and 7 of 7, T = 13, L0 = (52 - 56) / 13 < 0: none with all studies.
    """
    y, v = np.array([0.0, 1, 2, 3, 4, 9, 10]), np.ones(7)
    l0 = trim_and_fill(y, v, side=Side.LEFT, estimator=MissingEstimator.L0, pool=fixed_effect)
    assert (l0.n_missing, len(l0.filled_effects)) == (0, 0)
    assert l0.pooled.mean == pytest.approx(29 / 7)
    # R0 from the mean 29/7: 10 and 9 lie further out than any on the left, one more than 0: 2 - 1 = 1; then
    # from the mean 19/6 of the rest still two, 1 again: 10 is mirrored to 2 * 19/6 - 10.
    r0 = trim_and_fill(y, v, side=Side.LEFT, estimator=MissingEstimator.R0, pool=fixed_effect)
    assert r0.n_missing == 1
    np.testing.assert_allclose(r0.filled_effects, [19 / 3 - 10])
    assert r0.pooled.mean == pytest.approx((29 + 19 / 3 - 10) / 8)
    assert "7 studies" in r0.why[1]


@pytest.mark.parametrize("estimator", MissingEstimator)
def test_a_mirror_changes_the_side(estimator) -> None:
    left = trim_and_fill(SMOKING_EFFECTS, SMOKING_VARIANCES, side=Side.LEFT, estimator=estimator, pool=DL)
    right = trim_and_fill(
        -SMOKING_EFFECTS[::-1], SMOKING_VARIANCES[::-1], side=Side.RIGHT, estimator=estimator, pool=DL
    )
    assert right.n_missing == left.n_missing
    assert right.pooled.mean == pytest.approx(-left.pooled.mean, rel=1e-9)
    np.testing.assert_allclose(np.sort(-right.filled_effects), np.sort(left.filled_effects), rtol=1e-9)


@pytest.mark.parametrize("estimator", MissingEstimator)
def test_a_symmetric_funnel_is_left_as_it_is(estimator) -> None:
    y, v = np.array([-2.0, -1, -0.5, 0, 0.5, 1, 2]), np.array([0.5, 0.3, 0.2, 0.1, 0.2, 0.3, 0.5])
    found = trim_and_fill(y, v, side=Side.RIGHT, estimator=estimator, pool=fixed_effect)
    assert found.n_missing == 0
    assert found.pooled.mean == pytest.approx(0, abs=1e-12)


def test_trim_and_fill_refuses_by_name() -> None:
    how = {"side": Side.LEFT, "estimator": MissingEstimator.L0, "pool": fixed_effect}
    with pytest.raises(TooFew):
        trim_and_fill([1.0, 2.0], [0.1, 0.1], **how)
    with pytest.raises(NotFinite):
        trim_and_fill([1.0, 2.0, np.nan], [0.1, 0.1, 0.1], **how)


def test_a_number_that_goes_round_in_a_circle_is_told() -> None:
    """A mean that jumps to and fro with the number trimmed."""
    y, v = np.arange(8.0), np.ones(8)

    def jumping(effects, variances):
        return fixed_effect(effects - (4.0 if len(effects) == 8 else -9.0), variances)

    with pytest.raises(NotConverged, match="other estimator"):
        trim_and_fill(y, v, side=Side.LEFT, estimator=MissingEstimator.L0, pool=jumping)
