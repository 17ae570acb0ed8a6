"""A few persons, a half-normal prior on their spread: dense integration, limits, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from atlasplane.stats.multilevel.half_normal import half_normal_pooling, scale_sensitivity
from atlasplane.stats.refusal import NotFinite, OutOfRange, TooFew, WrongShape

# Eight schools (Rubin 1981, doi:10.3102/10769986006004377; Gelman et al. 2013, table 5.2).
EFFECTS = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
ERRORS = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]


def pooled(effects=EFFECTS, errors=ERRORS, scale=5.0, mdc=10.0, level=0.95):
    return half_normal_pooling(effects, errors, scale=scale, mdc=mdc, level=level)


def test_eight_schools_with_equal_effects_have_the_printed_mean():
    # Gelman et al. 2013, 5.5: pooled estimate 7.7 with standard error 4.1 where the schools do not differ.
    found = pooled(scale=1e-3)
    assert found.mean.mean == pytest.approx(7.7, abs=0.05)
    assert found.mean.sd == pytest.approx(4.1, abs=0.05)
    assert {round(one.mean, 2) for one in found.persons} == {round(found.mean.mean, 2)}


def test_eight_schools_far_apart_keep_their_own_effects():
    found = pooled(scale=1e4)
    shrunken = [one.mean for one in found.persons]
    # A flat prior on tau: posterior means of Gelman et al. 2013, table 5.3 medians 10, 8, 7, 8, 5, 6, 10, 8.
    np.testing.assert_allclose(shrunken, [11, 8, 6, 8, 5, 6, 11, 8.5], atol=1.2)


def test_the_integral_over_the_spread_is_that_of_a_dense_grid():
    found = pooled()
    tau = np.linspace(0, 40, 40_001)
    y, se = np.array(EFFECTS), np.array(ERRORS)
    w = 1 / (se**2 + tau[:, None] ** 2)
    mu, total = (w * y).sum(1) / w.sum(1), w.sum(1)
    density = norm.pdf(y, mu[:, None], np.sqrt(1 / w)).prod(1) / np.sqrt(total) * norm.pdf(tau / 5.0)
    density /= density.sum()
    assert found.tau.mean == pytest.approx(density @ tau, rel=1e-4)
    assert found.mean.mean == pytest.approx(density @ mu, rel=1e-5)
    cumulative = np.cumsum(density)
    for end, p in ((found.tau.low, 0.025), (found.tau.high, 0.975)):
        assert end == pytest.approx(tau[np.searchsorted(cumulative, p)], abs=0.01)
    for end, p in ((found.new_person.low, 0.025), (found.new_person.high, 0.975)):
        assert density @ norm.cdf((end - mu) / np.sqrt(1 / total + tau**2)) == pytest.approx(p, abs=1e-4)
    kept = tau**2 * w[:, 0]
    mean = kept * y[0] + (1 - kept) * mu
    sd = np.sqrt(kept * se[0] ** 2 + (1 - kept) ** 2 / total)
    assert found.probability_above_mdc[0] == pytest.approx(density @ norm.sf((10 - mean) / sd), abs=5e-5)


def test_unit_sign_and_order_change_nothing_else():
    one, other = (
        pooled(),
        pooled([-10 * x for x in EFFECTS[::-1]], [10 * s for s in ERRORS[::-1]], 50.0, 100.0),
    )
    assert other.mean.mean == pytest.approx(-10 * one.mean.mean)
    assert (other.mean.low, other.mean.high) == pytest.approx((-10 * one.mean.high, -10 * one.mean.low))
    assert other.tau.high == pytest.approx(10 * one.tau.high)
    np.testing.assert_allclose(other.probability_below_mdc[::-1], one.probability_above_mdc)
    assert other.persons[-1].low == pytest.approx(-10 * one.persons[0].high)


def test_a_wider_prior_lets_persons_differ_more():
    found = scale_sensitivity([1.0, 3.0, 5.0], [1.0, 1.0, 1.0], scales=(0.5, 1.0, 4.0), mdc=1.0, level=0.95)
    assert [one.scale for one in found] == [0.5, 1.0, 4.0]
    widths = [one.new_person.high - one.new_person.low for one in found]
    assert widths == sorted(widths)
    assert found[0].persons[0].mean > found[2].persons[0].mean > 1.0


def test_two_persons_who_agree_have_a_spread_told_by_the_prior_alone():
    found = pooled([2.0, 2.0], [1.0, 1.0], scale=0.1)
    assert found.tau.mean == pytest.approx(0.1 * math.sqrt(2 / math.pi), rel=0.02)


def test_bad_input_is_refused():
    with pytest.raises(TooFew):
        pooled([1.0], [1.0])
    with pytest.raises(WrongShape):
        pooled([1.0, 2.0], [1.0, 1.0, 1.0])
    with pytest.raises(NotFinite):
        pooled([1.0, math.nan], [1.0, 1.0])
    with pytest.raises(OutOfRange):
        pooled([1.0, 2.0], [1.0, 0.0])
    with pytest.raises(OutOfRange, match="scale"):
        pooled(scale=0.0)
    with pytest.raises(OutOfRange, match="mdc"):
        pooled(mdc=math.inf)
    with pytest.raises(NotFinite, match="scale is None"):
        pooled(scale=None)
    with pytest.raises(WrongShape, match="scales has 0 dimensions"):
        scale_sensitivity(EFFECTS, ERRORS, scales=1.0, mdc=10.0, level=0.95)
    with pytest.raises(OutOfRange, match="level"):
        pooled(level=1.0)
