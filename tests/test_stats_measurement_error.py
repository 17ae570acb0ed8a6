"""A mediator of known uncertainty: hand-worked correction, its uncertainty, no signal left, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from atlasplane.stats.mediation.measurement_error import (
    NoTrueVariance,
    corrected_mediation,
    inverse_attenuation,
)
from atlasplane.stats.mediation.product import linear_mediation
from atlasplane.stats.mediation.sample import Order, least_squares, mediation_sample
from atlasplane.stats.refusal import NotFinite, OutOfRange, TooFew, WrongShape

IN_TIME = Order(treatment=0, mediator=1, outcome=2)


def sample(n=400, u=0.8, seed=1, *, a=0.8, scale=1.0):
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.arange(n) % 2).astype(float)
    m = a * x + rng.normal(size=n)
    y = 0.6 * m + 0.3 * x + rng.normal(size=n)
    return mediation_sample(x, scale * (m + u * rng.normal(size=n)), y, order=IN_TIME)


def corrected(data, u, u_dof=math.inf, moments="plain"):
    return corrected_mediation(data, u, u_dof=u_dof, moments=moments, level=0.95)


def nodes(dof):
    """Values of chi-squared / dof and their probabilities."""
    x, w = np.polynomial.legendre.leggauss(60)
    low, high = chi2.ppf([1e-9, 1 - 1e-9], dof)
    at = (low + high + (high - low) * x) / 2
    return zip(at / dof, w * (high - low) / 2 * chi2.pdf(at, dof), strict=True)


@pytest.mark.parametrize(
    ("attenuation", "dof", "u_dof"),
    [(0.7, 60, math.inf), (0.7, 61, 20), (0.4, 197, math.inf), (0.4, 197, 200)],
)
def test_the_inverse_attenuation_is_right_on_average_and_the_plain_one_too_large(attenuation, dof, u_dof):
    """Over the chi-squared distributions of both variances, the mediator's own being 1."""
    told = plain = 0.0
    for variance, p in nodes(dof):
        for share, q in [(1.0, 1.0)] if math.isinf(u_dof) else nodes(u_dof):
            square = (1 - attenuation) * share
            if square < variance:
                told += p * q * inverse_attenuation(variance, square, dof=dof, u_dof=u_dof)
                plain += p * q / (1 - square / variance)
    assert told * attenuation == pytest.approx(1, abs=1.5e-3)
    assert plain * attenuation > 1.02


def test_the_first_terms_of_the_inverse_attenuation_by_hand():
    # dof 5: j = 1, 2; r = 1/2, (1 - 2/5) = 3/5, (1 - 4/5) = 1/5.
    assert inverse_attenuation(2.0, 1.0, dof=5, u_dof=math.inf) == pytest.approx(1 + 0.3 + 0.3 * 0.1)
    assert inverse_attenuation(2.0, 1.0, dof=5, u_dof=4) == pytest.approx(1 + 0.3 + 0.3 * 0.1 / 1.5)
    assert inverse_attenuation(2.0, 0.0, dof=5, u_dof=4) == 1.0
    with pytest.raises(TooFew, match="3 or more"):
        inverse_attenuation(2.0, 1.0, dof=2, u_dof=4)
    with pytest.raises(NoTrueVariance):
        inverse_attenuation(1.0, 1.0, dof=9, u_dof=4)


def test_unbiased_moments_correct_less_and_keep_total_and_interval():
    data = sample(n=300, u=1.2)
    plain, found = (corrected(data, 1.2, moments=moments) for moments in ("plain", "unbiased"))
    s2 = least_squares(data.mediator, data.mediator_design).residual_variance
    factor = inverse_attenuation(s2, 1.44, dof=298, u_dof=math.inf)
    assert found.indirect.value == pytest.approx(found.naive_indirect * factor)
    assert abs(found.naive_indirect) < abs(found.indirect.value) < 0.99 * abs(plain.indirect.value)
    assert found.indirect.value + found.direct.value == pytest.approx(found.total) == plain.total
    assert (found.moments, plain.moments) == ("unbiased", "plain")
    assert plain.indirect.value == plain.product.value == found.product.value
    assert (found.indirect.low, found.indirect.high) == (plain.indirect.low, plain.indirect.high)
    assert (found.direct.low, found.direct.high) == (plain.direct.low, plain.direct.high)
    assert plain.direct.value == pytest.approx((plain.direct.low + plain.direct.high) / 2)


def test_a_far_zero_of_the_scales_does_not_matter():
    data = sample()
    far = mediation_sample(data.treatment, data.mediator + 1e6, data.outcome - 1e6, order=IN_TIME)
    one, other = corrected(data, 0.8), corrected(far, 0.8)
    assert other.product.se_b == pytest.approx(one.product.se_b, rel=1e-8)
    assert other.indirect.low == pytest.approx(one.indirect.low, rel=1e-8)
    assert other.direct.value == pytest.approx(one.direct.value, rel=1e-7)
    assert other.naive_indirect == pytest.approx(one.naive_indirect, rel=1e-8)


def test_the_path_is_divided_by_its_attenuation():
    data = sample()
    found, naive = corrected(data, 0.8), linear_mediation(data, level=0.95)
    s2 = least_squares(data.mediator, data.mediator_design).residual_variance
    assert found.attenuation == pytest.approx(1 - 0.64 / s2)
    assert found.product.b == pytest.approx(naive.indirect.b / found.attenuation, rel=1e-9)
    assert found.product.a == pytest.approx(naive.indirect.a)
    assert found.naive_indirect == pytest.approx(naive.indirect.value)
    assert found.naive_direct == pytest.approx(naive.direct)
    assert found.total == pytest.approx(naive.total, rel=1e-9)
    assert found.reliability > found.attenuation


def test_treatment_that_moves_the_mediator_far_attenuates_more_than_its_reliability_says():
    found = corrected(sample(a=4.0), 0.8)
    assert found.reliability > 0.85
    assert found.attenuation < 0.7


def test_no_error_is_no_correction():
    data = sample()
    found, naive = corrected(data, 0.0), linear_mediation(data, level=0.95)
    assert found.indirect.value == pytest.approx(naive.indirect.value, rel=1e-9)
    assert found.attenuation == found.reliability == 1.0
    # Sandwich and model standard errors are alike where the model holds.
    assert found.product.se_b == pytest.approx(naive.indirect.se_b, rel=0.15)
    assert found.why == ()


def test_the_correction_widens_the_interval_and_an_uncertain_u_widens_it_more():
    data = sample()
    naive = linear_mediation(data, level=0.95).indirect
    known, loose = corrected(data, 0.8), corrected(data, 0.8, u_dof=8)
    assert known.indirect.high - known.indirect.low > naive.high - naive.low
    assert loose.product.se_b > 1.2 * known.product.se_b
    assert loose.indirect.value == known.indirect.value
    assert loose.u_dof == 8


def test_a_u_for_each_person_is_its_mean_square():
    data = sample()
    each = np.where(np.arange(400) % 2 == 0, 1.0, math.sqrt(2 * 0.64 - 1.0))
    assert corrected(data, each).indirect.value == pytest.approx(corrected(data, 0.8).indirect.value)


def test_unit_of_the_mediator_does_not_matter():
    one, other = corrected(sample(), 0.8), corrected(sample(scale=-10.0), 8.0)
    assert other.indirect.value == pytest.approx(one.indirect.value)
    assert (other.indirect.low, other.direct.high) == pytest.approx((one.indirect.low, one.direct.high))


def test_bias_is_undone_where_it_is_large():
    found = [corrected(sample(n=300, seed=k), 0.8, moments="unbiased") for k in range(60)]
    assert np.mean([one.indirect.value for one in found]) == pytest.approx(0.48, rel=0.08)
    assert np.mean([one.naive_indirect for one in found]) < 0.48 * 0.7


def test_a_mediator_that_is_hardly_more_than_error_is_told():
    found = corrected(sample(n=60, u=1.2), 1.2)
    assert "unreliable" in found.why[-1]
    assert "unreliable" in found.product.why[-1]


def test_a_mediator_that_is_error_alone_is_refused():
    with pytest.raises(NoTrueVariance, match="nothing of it is left"):
        corrected(sample(n=60), 3.0)


def test_bad_uncertainties_are_refused():
    data = sample(n=60)
    with pytest.raises(OutOfRange):
        corrected(data, -0.1)
    with pytest.raises(NotFinite, match="unknown u"):
        corrected(data, math.nan)
    with pytest.raises(WrongShape):
        corrected(data, [0.1, 0.2])
    with pytest.raises(OutOfRange, match="u_dof"):
        corrected(data, 0.1, u_dof=0.0)
    with pytest.raises(NotFinite, match=r"u_dof is None, .* math\.inf"):
        corrected(data, 0.1, u_dof=None)
