"""The prediction interval over all tau2: closed forms, another integration, invariances, boundaries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from atlasplane.stats.meta.heterogeneity import heterogeneity, q_profile
from atlasplane.stats.meta.pooled import fixed_effect
from atlasplane.stats.meta.prediction import prediction_over_tau2
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.refusal import NotFinite, OutOfRange, TooFew, WrongShape
from tests.meta_cases import BCG_EFFECTS, BCG_VARIANCES, TEN_EFFECTS, TEN_VARIANCES

CLOSE = [0.1, 0.3, 0.2, 0.6, -0.2], [0.2, 0.1, 0.3, 0.05, 0.1]


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("n_studies", [3, 10])
def test_without_errors_of_studies_it_is_the_t_interval_of_a_further_value(n_studies, level) -> None:
    """Normal values: mean +- t(k - 1) s sqrt(1 + 1 / k), exactly (any textbook; NIST handbook 7.2.1.4)."""
    y = np.array(TEN_EFFECTS[:n_studies])
    found = prediction_over_tau2(y, np.full(n_studies, 1e-12), level=level)
    half = stats.t.ppf(0.5 + level / 2, n_studies - 1) * y.std(ddof=1) * np.sqrt(1 + 1 / n_studies)
    assert (found.low, found.high) == pytest.approx((y.mean() - half, y.mean() + half), rel=1e-6)
    assert found.median == pytest.approx(y.mean(), rel=1e-9)


def below(theta: float, y: np.ndarray, v: np.ndarray) -> float:
    """Distribution of a further effect: integral over chi-squared, tau2 by bisection of Q."""

    def fit(tau2: float) -> tuple[float, float, float]:
        w = 1 / (v + tau2)
        mean = float(np.sum(w * y) / w.sum())
        return float(np.sum(w * (y - mean) ** 2)), mean, float(w.sum())

    def given(share: float) -> float:
        x = stats.chi2.ppf(share, len(y) - 1)
        tau2 = 0.0 if fit(0.0)[0] <= x else optimize.brentq(lambda t: fit(t)[0] - x, 0.0, 1e9, xtol=1e-13)
        _, mean, total = fit(tau2)
        return float(stats.norm.cdf((theta - mean) / np.sqrt(tau2 + 1 / total)))

    zero = stats.chi2.cdf(fit(0.0)[0], len(y) - 1)
    return float(integrate.quad(given, 0, zero, epsabs=1e-9, limit=200)[0] + (1 - zero) * given(1.0 - 1e-12))


@pytest.mark.parametrize("data", [(BCG_EFFECTS, BCG_VARIANCES), (TEN_EFFECTS, TEN_VARIANCES), CLOSE])
def test_both_tails_by_another_integration(data) -> None:
    y, v = (np.asarray(a, dtype=float) for a in data)
    found = prediction_over_tau2(y, v)
    assert below(found.low, y, v) == pytest.approx(0.025, abs=2e-7)
    assert below(found.high, y, v) == pytest.approx(0.975, abs=2e-7)
    assert below(found.median, y, v) == pytest.approx(0.5, abs=2e-7)


def test_tau_is_the_median_of_q_profile_and_zero_has_the_p_of_q() -> None:
    found = prediction_over_tau2(TEN_EFFECTS, TEN_VARIANCES)
    ends = q_profile(TEN_EFFECTS, TEN_VARIANCES, level=1e-9)
    assert (ends.low, ends.high) == pytest.approx((found.tau**2, found.tau**2), rel=1e-6)
    q = heterogeneity(*CLOSE, tau2_method=Tau2Method.DL)
    assert prediction_over_tau2(*CLOSE).zero_share == pytest.approx(q.p_value, rel=1e-12)


def test_unit_sign_origin_and_order_do_not_matter() -> None:
    plain = prediction_over_tau2(TEN_EFFECTS, TEN_VARIANCES)
    turned = prediction_over_tau2(7 - 3e6 * TEN_EFFECTS[::-1], 9e12 * TEN_VARIANCES[::-1])
    assert (turned.low, turned.high) == pytest.approx((7 - 3e6 * plain.high, 7 - 3e6 * plain.low), rel=1e-9)
    assert (turned.tau, turned.zero_share) == pytest.approx((3e6 * plain.tau, plain.zero_share), rel=1e-8)


def test_many_data_sets_are_each_as_alone() -> None:
    y = np.stack([TEN_EFFECTS, 0.1 * TEN_EFFECTS, np.ones(10)]).reshape(3, 1, 10)
    found = prediction_over_tau2(y, TEN_VARIANCES)
    assert found.low.shape == found.tau.shape == found.zero_share.shape == (3, 1)
    for row in range(3):
        alone = prediction_over_tau2(y[row, 0], TEN_VARIANCES)
        assert (alone.low, alone.high) == pytest.approx((found.low[row, 0], found.high[row, 0]), rel=1e-12)


def test_of_equal_effects_it_is_the_interval_of_their_mean() -> None:
    v = [0.1, 0.2, 0.3, 0.4, 0.5]
    found, mean = prediction_over_tau2(np.full(5, 2.0), v), fixed_effect(np.full(5, 2.0), v)
    assert (found.low, found.high) == pytest.approx((mean.low, mean.high), rel=1e-8)
    assert (found.tau, found.zero_share) == (0, pytest.approx(1))
    assert "equal effects are not ruled out" in found.why[0]


def test_a_wider_level_holds_the_narrower_and_few_studies_are_told() -> None:
    narrow, wide = (prediction_over_tau2(BCG_EFFECTS, BCG_VARIANCES, level=level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.median < narrow.high < wide.high
    assert narrow.why == ()
    assert (narrow.level, narrow.n_studies) == (0.8, 13)
    few = prediction_over_tau2(BCG_EFFECTS[:4], BCG_VARIANCES[:4])
    assert few.why[0].startswith("4 studies")


@pytest.mark.parametrize(
    ("effects", "variances", "level", "refused"),
    [
        ([1.0, 2.0], [0.1, 0.1], 0.95, TooFew),
        ([1.0, 2.0, np.nan], [0.1, 0.1, 0.1], 0.95, NotFinite),
        ([1.0, 2.0, 3.0], [0.1, 0.1], 0.95, WrongShape),
        ([1.0, 2.0, 3.0], [0.1, 0.1, 0.0], 0.95, OutOfRange),
        ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1], 95, OutOfRange),
    ],
)
def test_what_predicts_nothing_is_refused_by_name(effects, variances, level, refused) -> None:
    with pytest.raises(refused):
        prediction_over_tau2(effects, variances, level=level)
