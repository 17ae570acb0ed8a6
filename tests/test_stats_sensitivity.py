"""Causal mediation and its sensitivity: closed forms, decomposition, hidden causes, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from atlasplane.stats.mediation.causal import causal_mediation
from atlasplane.stats.mediation.product import linear_mediation
from atlasplane.stats.mediation.sample import Order, least_squares, mediation_sample, probit
from atlasplane.stats.mediation.sensitivity import sensitivity
from atlasplane.stats.refusal import OutOfRange

IN_TIME = Order(treatment=0, mediator=1, outcome=2)


def sample(n=300, seed=1, *, rho=0.0, binary=False, interaction=0.0):
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.arange(n) % 2).astype(float)
    age = rng.normal(size=n)
    first, second = rng.normal(size=(2, n))
    m = 1 + 0.8 * x + 0.3 * age + 1.5 * first
    y = 0.5 * m + 0.3 * x + interaction * m * x - 0.2 * age + rho * first + math.sqrt(1 - rho**2) * second
    if binary:
        y = (y > np.median(y)).astype(float)
    return mediation_sample(x, m, y, order=IN_TIME, covariates=age[:, None])


def effects(data, **changed):
    chosen = {"outcome_model": "linear", "interaction": False, "contrast": (0.0, 1.0), "level": 0.95}
    return causal_mediation(data, n_draws=400, rng=np.random.default_rng(1), **{**chosen, **changed})


def curve(data, rho, **changed):
    chosen = {"outcome_model": "linear", "latent_correlation": "exact", "contrast": (0.0, 1.0), "level": 0.95}
    return sensitivity(data, rho, n_draws=200, rng=np.random.default_rng(1), **{**chosen, **changed})


def test_linear_effects_are_the_product_and_the_direct_path():
    data = sample()
    found, plain = effects(data), linear_mediation(data, level=0.95)
    assert found.acme_0.value == pytest.approx(plain.indirect.value)
    assert found.acme_1.value == pytest.approx(plain.indirect.value)
    assert found.ade.value == pytest.approx(plain.direct)
    assert found.total.value == pytest.approx(plain.total)
    assert found.acme.low == pytest.approx(plain.indirect.low, abs=0.15 * plain.indirect.sd)
    assert found.why == ()


@pytest.mark.parametrize("model", ["linear", "probit"])
@pytest.mark.parametrize("interaction", [False, True])
def test_the_total_is_what_is_carried_and_what_is_not(model, interaction):
    data = sample(binary=model == "probit", interaction=0.4)
    found = effects(data, outcome_model=model, interaction=interaction)
    assert found.total.value == pytest.approx(found.acme_1.value + found.ade_0.value)
    assert found.total.value == pytest.approx(found.acme_0.value + found.ade_1.value)
    assert found.acme.value == pytest.approx((found.acme_0.value + found.acme_1.value) / 2)
    assert found.acme.low < found.acme.value < found.acme.high
    if interaction:
        assert found.acme_1.value > 1.3 * found.acme_0.value


def test_linear_interaction_has_its_closed_form():
    data = sample(interaction=0.4)
    a, i0, _ = least_squares(data.mediator, data.mediator_design).coefficients
    b, direct, _, _, h = least_squares(data.outcome, data.outcome_design(interaction=True)).coefficients
    found = effects(data, interaction=True, contrast=(0.0, 2.0))
    assert found.acme_0.value == pytest.approx(2 * a * b)
    assert found.acme_1.value == pytest.approx(2 * a * (b + 2 * h))
    adjusted = least_squares(data.mediator, data.mediator_design).coefficients
    level = i0 + adjusted[2] * data.covariates.mean()
    assert found.ade_0.value == pytest.approx(2 * (direct + h * level))


def test_probit_effects_are_the_mean_over_the_mediators_distribution():
    data = sample(binary=True)
    found = effects(data, outcome_model="probit")
    m = least_squares(data.mediator, data.mediator_design)
    y = probit(data.outcome, data.outcome_design(interaction=False))
    errors = norm.ppf((np.arange(4000) + 0.5) / 4000) * math.sqrt(m.residual_variance)
    design = data.mediator_design
    means = []
    for t, s in ((1, 1), (1, 0)):
        treated, carried = design.copy(), design.copy()
        treated[:, 0], carried[:, 0] = t, s
        mediator = carried @ m.coefficients
        eta = (treated @ y.coefficients[1:])[:, None] + y.coefficients[0] * (mediator[:, None] + errors)
        means.append(norm.cdf(eta).mean())
    assert found.acme_1.value == pytest.approx(means[0] - means[1], abs=1e-5)


def test_turning_the_contrast_round_turns_the_signs():
    data = sample(binary=True)
    one, other = (effects(data, outcome_model="probit", contrast=c) for c in ((0.0, 1.0), (1.0, 0.0)))
    assert other.acme_1.value == pytest.approx(-one.acme_0.value)
    assert other.total.value == pytest.approx(-one.total.value)


@pytest.mark.parametrize("model", ["linear", "probit"])
def test_without_a_hidden_cause_the_curve_is_the_effect_and_it_vanishes_where_told(model):
    data = sample(binary=model == "probit")
    at_zero = curve(data, [0.0], outcome_model=model).rho_at_zero
    found = curve(data, [0.0, at_zero, -0.5], outcome_model=model)
    plain = effects(data, outcome_model=model)
    assert found.acme_0[0] == pytest.approx(plain.acme_0.value, rel=1e-9)
    assert found.acme_1[0] == pytest.approx(plain.acme_1.value, rel=1e-9)
    assert found.acme_0[1] == pytest.approx(0.0, abs=1e-9)
    assert found.acme_0[2] > found.acme_0[0]
    assert found.holds_zero.tolist() == [False, True, False]
    assert found.r2_residual_at_zero == pytest.approx(at_zero**2)


def test_the_linear_curve_is_that_of_the_two_reduced_regressions():
    # Imai, Keele and Yamamoto 2010, theorem 4, from the regressions of mediator and outcome on treatment.
    data = sample()
    m = data.mediator - data.mediator_design @ least_squares(data.mediator, data.mediator_design).coefficients
    reduced = least_squares(data.outcome, data.mediator_design)
    y = data.outcome - data.mediator_design @ reduced.coefficients
    r = np.corrcoef(m, y)[0, 1]
    a = least_squares(data.mediator, data.mediator_design).coefficients[0]
    rho = np.array([-0.4, 0.2, 0.7])
    wanted = a * y.std() / m.std() * (r - rho * np.sqrt((1 - r**2) / (1 - rho**2)))
    found = curve(data, rho)
    np.testing.assert_allclose(found.acme_1, wanted, rtol=1e-9)
    assert found.rho_at_zero == pytest.approx(r, rel=1e-9)


@pytest.mark.parametrize("binary", [False, True])
def test_the_right_rho_undoes_a_hidden_cause(binary):
    data = sample(n=20_000, rho=0.5)
    truth = 0.8 * 0.5
    if binary:
        cut = (data.outcome > 0.6).astype(float)
        data = mediation_sample(data.treatment, data.mediator, cut, order=IN_TIME, covariates=data.covariates)
        spread = math.sqrt(1 + 2 * 0.5 * 1.5 * 0.5 + 0.75**2)
        eta = (0.5 + 0.3 - 0.6 + (0.15 - 0.2) * data.covariates[:, 0] + 0.4) / spread
        truth = float((norm.cdf(eta) - norm.cdf(eta - 0.4 / spread)).mean())
    found = curve(data, [0.0, 0.5], outcome_model="probit" if binary else "linear")
    assert found.acme_1[1] == pytest.approx(truth, rel=0.12)
    assert found.acme_1[0] > 1.3 * truth


def test_the_printed_form_of_another_package_is_not_the_effect_at_rho_zero():
    data = sample(binary=True)
    exact = curve(data, [0.0], outcome_model="probit")
    other = curve(data, [0.0], outcome_model="probit", latent_correlation="medsens")
    s, b = math.sqrt(least_squares(data.mediator, data.mediator_design).residual_variance), 1.0
    b = probit(data.outcome, data.outcome_design(interaction=False)).coefficients[0]
    assert exact.rho_at_zero == pytest.approx(b * s / math.hypot(1, b * s))
    assert other.rho_at_zero == pytest.approx(b * s / (1 + b * s))
    assert abs(other.acme_0[0]) < 0.95 * abs(exact.acme_0[0])


def test_the_printed_curve_of_the_framing_experiment_changes_sign_where_the_other_form_does():
    # Tingley et al. 2014, doi:10.18637/jss.v059.i05: ACME 0.0061 at rho 0.3, -0.0081 at 0.4, rho at zero 0.3;
    # b = 0.206174 of the probit, residual SD of the mediator 2.531792.
    b_s = 0.206174 * 2.531792
    assert 0.3 < b_s / (1 + b_s) < 0.4
    assert b_s / math.hypot(1, b_s) == pytest.approx(0.4627, abs=1e-4)


def test_no_path_has_no_effect_at_either_treatment():
    rng = np.random.default_rng(5)
    x = np.tile([0.0, 1.0], 200)
    data = mediation_sample(x, rng.normal(size=400), rng.normal(size=400) + x, order=IN_TIME)
    found = effects(data)
    assert found.acme.low < 0 < found.acme.high
    assert abs(found.acme.value) < 0.02


def test_bad_wishes_are_refused():
    data = sample()
    with pytest.raises(OutOfRange, match="two treatments"):
        effects(data, contrast=(1.0, 1.0))
    with pytest.raises(OutOfRange, match="level"):
        effects(data, level=2.0)
    with pytest.raises(OutOfRange, match="0 or 1"):
        effects(data, outcome_model="probit")
    with pytest.raises(OutOfRange, match="rho"):
        curve(data, [1.0])
    with pytest.raises(OutOfRange, match="latent"):
        curve(data, [0.0], latent_correlation="medsens")
    with pytest.raises(OutOfRange, match="10 draws"):
        causal_mediation(
            data,
            outcome_model="linear",
            interaction=False,
            contrast=(0.0, 1.0),
            level=0.95,
            n_draws=10,
            rng=np.random.default_rng(1),
        )


def test_a_far_zero_of_the_mediator_does_not_matter():
    data = sample()
    moved = mediation_sample(
        data.treatment, data.mediator + 1e8, data.outcome, order=IN_TIME, covariates=data.covariates
    )
    for interaction in (False, True):
        near, far = (effects(one, interaction=interaction) for one in (data, moved))
        assert far.acme_1.low == pytest.approx(near.acme_1.low, rel=1e-5)
    assert curve(moved, [0.3]).low_1 == pytest.approx(curve(data, [0.3]).low_1, rel=1e-5)
