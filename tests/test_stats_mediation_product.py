"""Product of two paths: printed limits, exact and drawn, scale and sign, order in time, refusals."""

from __future__ import annotations

import math
from datetime import date, datetime

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import k0

from atlasplane.stats.mediation.product import (
    linear_mediation,
    product_interval,
    product_monte_carlo,
    product_probability,
)
from atlasplane.stats.mediation.sample import (
    MediatorAfterOutcome,
    Order,
    Separated,
    enough_draws,
    least_squares,
    mediation_sample,
    outcome_regression,
    probit,
    response,
    two_treatments,
)
from atlasplane.stats.refusal import (
    Collinear,
    NotAChoice,
    NotConverged,
    NotFinite,
    NoVariance,
    OutOfOrder,
    OutOfRange,
    TooFew,
    WrongShape,
)

IN_TIME = Order(treatment=0, mediator=1, outcome=2)


def sample(n=60, seed=1, *, scale=(1.0, 1.0, 1.0), order=IN_TIME):
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.arange(n) % 2).astype(float)
    m = 0.8 * x + rng.normal(size=n)
    y = 0.6 * m + 0.3 * x + rng.normal(size=n)
    return mediation_sample(scale[0] * x, scale[1] * m, scale[2] * y, order=order)


def test_printed_limits_of_the_product_distribution():
    # MacKinnon et al. 2002, doi:10.1037/1082-989X.7.1.83: the critical value of the product of two standard
    # normal variables is 2.18 at the 0.05 level.
    found = product_interval(0.0, 1.0, 0.0, 1.0, correlation=0.0, level=0.95)
    assert found.high == pytest.approx(2.18, abs=0.01)
    assert found.low == pytest.approx(-found.high, rel=1e-9)


def test_two_independent_standard_normals_have_the_bessel_distribution():
    for z in (0.1, 1.0, 2.5):
        exact = 0.5 + quad(lambda t: k0(abs(t)) / math.pi, 0, z)[0]
        assert product_probability(z, a=0, se_a=1, b=0, se_b=1, correlation=0) == pytest.approx(
            exact, abs=1e-9
        )


def test_draws_agree_with_the_exact_interval():
    exact = product_interval(0.4, 0.2, -0.5, 0.3, correlation=0.4, level=0.9)
    cov = [[0.04, 0.4 * 0.06], [0.4 * 0.06, 0.09]]
    rng = np.random.default_rng(1)
    drawn = product_monte_carlo((0.4, -0.5), cov, level=0.9, n_draws=200_000, rng=rng)
    assert (drawn.low, drawn.high) == pytest.approx((exact.low, exact.high), abs=0.01 * exact.sd * 3)
    assert (drawn.mean, drawn.sd) == pytest.approx((exact.mean, exact.sd))
    assert (exact.method, exact.n_draws, drawn.method, drawn.n_draws) == (
        "quadrature",
        0,
        "monte-carlo",
        200_000,
    )
    at = product_probability([exact.low, exact.high], a=0.4, se_a=0.2, b=-0.5, se_b=0.3, correlation=0.4)
    np.testing.assert_allclose(at, [0.05, 0.95], atol=1e-9)


def test_unit_sign_and_exchange_of_the_paths():
    one = product_interval(0.3, 0.2, 0.5, 0.1, correlation=0.2, level=0.95)
    swapped = product_interval(0.5, 0.1, 0.3, 0.2, correlation=0.2, level=0.95)
    mirrored = product_interval(-3.0, 2.0, 0.5, 0.1, correlation=-0.2, level=0.95)
    assert (swapped.low, swapped.high) == pytest.approx((one.low, one.high), rel=1e-8)
    assert (mirrored.low, mirrored.high) == pytest.approx((-10 * one.high, -10 * one.low), rel=1e-8)


def test_sure_paths_have_the_normal_interval_and_sobels_error():
    found = product_interval(5.0, 0.001, 3.0, 0.001, correlation=0.0, level=0.95)
    assert found.high - 15 == pytest.approx(1.959964 * found.sobel_se, rel=1e-3)
    unsure = product_interval(0.1, 1.0, 0.1, 1.0, correlation=0.0, level=0.95)
    assert unsure.sobel_se < 0.2 * unsure.sd
    opposed = product_interval(1.0, 1.0, 1.0, 1.0, correlation=-0.999999, level=0.95)
    assert opposed.sobel_se == pytest.approx(0.0, abs=0.01)


def test_a_long_tail_is_searched_for():
    found = product_interval(0.0, 1.0, 0.0, 1.0, correlation=0.999, level=0.99999)
    assert found.high > 4 * found.sd


@pytest.mark.parametrize(
    "given",
    [(0.1, 0.0, 0.1, 1.0, 0.0), (0.1, 1.0, 0.1, -1.0, 0.0), (0.1, 1.0, 0.1, 1.0, 1.0)],
)
def test_paths_without_a_distribution_are_refused(given):
    a, se_a, b, se_b, correlation = given
    with pytest.raises(OutOfRange):
        product_interval(a, se_a, b, se_b, correlation=correlation, level=0.95)


def test_bad_draws_and_levels_are_refused():
    rng = np.random.default_rng(1)
    with pytest.raises(NotFinite):
        product_interval(math.nan, 1, 1, 1, correlation=0, level=0.95)
    with pytest.raises(OutOfRange, match="level"):
        product_interval(1, 1, 1, 1, correlation=0, level=95)
    with pytest.raises(OutOfRange, match="999 draws"):
        product_monte_carlo((1, 1), np.eye(2), level=0.95, n_draws=999, rng=rng)
    for cov in (np.eye(3), [[0, 0], [0, 1]], [[math.nan, 0], [0, 1]]):
        with pytest.raises(OutOfRange, match="covariance"):
            product_monte_carlo((1, 1), cov, level=0.95, n_draws=2000, rng=rng)


def test_indirect_and_direct_add_up_to_the_effect_without_the_mediator():
    data = sample()
    found = linear_mediation(data, level=0.95)
    plain = least_squares(data.outcome, data.mediator_design)
    assert found.total == pytest.approx(plain.coefficients[0], rel=1e-10)
    assert found.indirect.value + found.direct == pytest.approx(found.total)
    assert found.indirect.why == ()
    assert found.n_persons == 60


def test_units_of_a_sample_are_units_of_its_paths():
    one, other = (linear_mediation(sample(scale=s), level=0.95) for s in ((1, 1, 1), (1, -10, 3)))
    assert other.indirect.value == pytest.approx(3 * one.indirect.value)
    assert other.indirect.low == pytest.approx(3 * one.indirect.low, rel=1e-7)
    assert other.residual_sd_mediator == pytest.approx(10 * one.residual_sd_mediator)


def test_a_mediator_measured_after_the_outcome_is_refused():
    with pytest.raises(MediatorAfterOutcome, match="cannot have carried"):
        Order(treatment=0, mediator=3, outcome=2)
    with pytest.raises(OutOfOrder, match="came after the mediator"):
        Order(treatment=2, mediator=1, outcome=3)
    with pytest.raises(NotFinite):
        Order(treatment=0, mediator=math.nan, outcome=2)
    together = sample(order=Order(treatment=0, mediator=1, outcome=1))
    assert "measured together" in linear_mediation(together, level=0.95).indirect.why[0]


def test_the_order_may_be_told_by_dates():
    days = [date(2026, 1, day) for day in (1, 2, 3)]
    assert Order(treatment=days[0], mediator=days[1], outcome=days[2]).why == ()
    pd = pytest.importorskip("pandas")
    stamp = pd.Timestamp("2026-01-05")
    assert Order(treatment=datetime(2026, 1, 1), mediator=stamp, outcome=stamp).why
    with pytest.raises(MediatorAfterOutcome, match="at 2026-01-03, the outcome before it at 2026-01-02"):
        Order(treatment=days[0], mediator=days[2], outcome=days[1])
    with pytest.raises(OutOfOrder, match="dates of one kind"):
        Order(treatment=0, mediator=days[0], outcome=1)
    for unknown in (None, "day 1", np.datetime64("2026-01-01"), pd.NaT, math.inf):
        with pytest.raises(NotFinite, match=r"time of the mediator is .* give days, or dates"):
            Order(treatment=0, mediator=unknown, outcome=1)
    with pytest.raises(NotAChoice, match=r"order is \(0, 1, 2\); give Order"):
        sample(order=(0, 1, 2))


def test_a_far_zero_of_mediator_and_covariates_does_not_matter():
    data = sample()
    age = np.random.default_rng(4).normal(size=60)[:, None]
    near, far = (
        linear_mediation(
            mediation_sample(
                data.treatment, data.mediator + off, data.outcome, order=IN_TIME, covariates=age + off
            ),
            level=0.95,
        )
        for off in (0, 1e8)
    )
    assert far.indirect.value == pytest.approx(near.indirect.value, rel=1e-6)
    assert far.direct == pytest.approx(near.direct, rel=1e-6)
    with pytest.raises(Collinear):
        mediation_sample(
            data.treatment, data.mediator, data.outcome, order=IN_TIME, covariates=np.full((60, 1), 0.1)
        )


def test_samples_that_tell_no_path_are_refused():
    x, m, y = [0.0, 1, 0, 1, 0, 1], [1.0, 2, 1, 3, 2, 2], [1.0, 2, 3, 1, 2, 5]
    with pytest.raises(NoVariance, match="treatment"):
        mediation_sample([1.0] * 6, m, y, order=IN_TIME)
    with pytest.raises(Collinear):
        mediation_sample(x, [2 * value + 1 for value in x], y, order=IN_TIME)
    with pytest.raises(TooFew):
        mediation_sample(x[:4], m[:4], y[:4], order=IN_TIME, covariates=np.eye(4)[:, :1])
    with pytest.raises(WrongShape):
        mediation_sample(x, m, y[:5], order=IN_TIME)
    with pytest.raises(NoVariance, match="reproduces"):
        linear_mediation(
            mediation_sample(x, m, [2 * a + b for a, b in zip(x, m, strict=True)], order=IN_TIME), level=0.9
        )


def test_a_probit_of_one_share_has_its_quantile():
    y = np.array([1.0] * 30 + [0.0] * 70)
    found = probit(y, np.ones((100, 1)))
    # Phi^-1(0.3); variance p (1 - p) / (n phi(z)^2).
    assert found.coefficients[0] == pytest.approx(-0.524401, abs=1e-6)
    assert found.se[0] == pytest.approx(math.sqrt(0.21 / 100) / 0.347693, rel=1e-5)
    assert response(np.array([0.0]), "probit")[0] == 0.5
    assert response(np.array([0.3]), "linear")[0] == 0.3


def test_a_probit_without_a_maximum_is_refused(monkeypatch):
    x = np.arange(10.0)
    design = np.column_stack([np.ones(10), x])
    with pytest.raises(Separated):
        probit((x > 4).astype(float), design)
    with pytest.raises(OutOfRange, match="0 or 1"):
        outcome_regression(sample(), outcome_model="probit", interaction=False)
    monkeypatch.setattr("atlasplane.stats.mediation.sample._MOST_STEPS", 1)
    with pytest.raises(NotConverged):
        probit((x % 3 > 1).astype(float), design)


def test_one_treatment_is_no_contrast():
    with pytest.raises(OutOfRange, match="two treatments"):
        two_treatments((1.0, 1.0))
    with pytest.raises(OutOfRange):
        enough_draws(10, 100)
