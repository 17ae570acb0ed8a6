"""Gradual effects: the shape by its formula, fits against statsmodels, boundaries, invariances, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.optimize import minimize_scalar

from atlasplane.stats.refusal import NotConverged, NoVariance, OutOfRange, TooFew
from atlasplane.stats.single_case.gradual import (
    Boundary,
    Family,
    GradualEffect,
    gradual_effect,
    gradual_shape,
)
from atlasplane.stats.single_case.series import PhasedSeries, phased_series

PHASES = "A" * 6 + "B" * 7 + "A" * 6 + "B" * 7
TREATED = np.array([phase == "B" for phase in PHASES])
COUNTS = np.array(
    [21, 18, 25, 20, 23, 19, 17, 15, 12, 13, 9, 11, 10, 13, 15, 19, 17, 22, 20, 16, 13, 14, 10, 11, 8, 10]
)


def of(values, phases=PHASES) -> PhasedSeries:
    return phased_series(values, phases, baseline="A")


def fitted(values, family=Family.QUASI_POISSON, reference=7, level=0.95, phases=PHASES) -> GradualEffect:
    return gradual_effect(of(values, phases), reference_sessions=reference, family=family, level=level)


def shape(omega: float, reference: int = 7) -> np.ndarray:
    """By the printed formula, session by session (Swan & Pustejovsky 2018)."""
    found = [
        (1 - omega) * sum(omega ** (t - i) * TREATED[i] for i in range(t + 1)) / (1 - omega**reference)
        for t in range(len(TREATED))
    ]
    return np.array(found)


def test_shape_is_that_of_the_paper() -> None:
    got = gradual_shape(TREATED, [0.0, 0.3, 0.85], reference_sessions=7)
    np.testing.assert_allclose(got, [shape(0.0), shape(0.3), shape(0.85)], atol=1e-12)
    np.testing.assert_allclose(got[0], TREATED)
    # Builds up as (1 - omega^s) / (1 - omega^m), is 1 after m sessions and decays as omega^v.
    for omega, row in zip((0.3, 0.85), got[1:], strict=True):
        s, v = np.arange(1, 8), np.arange(1, 7)
        np.testing.assert_allclose(row[6:13], (1 - omega**s) / (1 - omega**7))
        np.testing.assert_allclose(row[13:19], omega**v, atol=1e-12)


def test_shape_has_a_limit_where_the_effect_never_levels_off() -> None:
    got = gradual_shape(TREATED, [1.0, 1 - 1e-9], reference_sessions=4)
    np.testing.assert_allclose(got[0], np.cumsum(TREATED) / 4)
    np.testing.assert_allclose(got[1], got[0], atol=1e-7)


def deviance_of(omega: float, effect: float | None = None):
    """statsmodels' Poisson regression on the shape; with the effect given, it is an offset."""
    row = shape(omega)
    if effect is not None:
        return sm.GLM(COUNTS, np.ones((26, 1)), family=sm.families.Poisson(), offset=effect * row).fit()
    return sm.GLM(COUNTS, sm.add_constant(row), family=sm.families.Poisson()).fit()


def test_quasi_poisson_fit_is_the_regression_with_the_best_delay() -> None:
    got = fitted(COUNTS)
    peer = minimize_scalar(lambda omega: deviance_of(omega).deviance, bounds=(0, 0.999), method="bounded")
    assert got.delay == pytest.approx(peer.x, abs=2e-5)
    at_best = deviance_of(got.delay)
    assert (got.log_baseline, got.log_ratio) == pytest.approx(tuple(at_best.params), abs=1e-8)
    assert got.dispersion == pytest.approx(at_best.pearson_chi2 / 23, rel=1e-8)
    assert (got.boundary, got.interval, got.n_sessions) == (Boundary.INSIDE, "profile F", 26)
    assert got.why == ()
    assert got.ratio == pytest.approx(math.exp(got.log_ratio))
    assert got.lasting_log_ratio == pytest.approx(got.log_ratio / (1 - got.delay**7))
    assert got.delay**got.half_life == pytest.approx(0.5)


def test_intervals_end_where_the_profile_reaches_the_limit_of_f() -> None:
    got = fitted(COUNTS)
    limit = deviance_of(got.delay).deviance + got.dispersion * stats.f.ppf(0.95, 1, 23)
    for end in (got.log_ratio_low, got.log_ratio_high):
        least = minimize_scalar(
            lambda omega, end=end: deviance_of(omega, end).deviance, bounds=(0, 0.999), method="bounded"
        )
        assert least.fun == pytest.approx(limit, abs=1e-4)
    for end in (got.delay_low, got.delay_high):
        assert deviance_of(end).deviance == pytest.approx(limit, abs=1e-6)


def test_log_normal_fit_is_least_squares_of_the_logarithms() -> None:
    got = fitted(COUNTS, Family.LOG_NORMAL)
    line = sm.OLS(np.log(COUNTS), sm.add_constant(shape(got.delay))).fit()
    assert (got.log_baseline, got.log_ratio) == pytest.approx(tuple(line.params), abs=1e-9)
    assert got.dispersion == pytest.approx(line.ssr / 23)
    near = [
        sm.OLS(np.log(COUNTS), sm.add_constant(shape(got.delay + step))).fit().ssr for step in (-0.01, 0.01)
    ]
    assert min(near) > line.ssr
    limit = line.ssr + got.dispersion * stats.f.ppf(0.95, 1, 23)
    for end in (got.delay_low, got.delay_high):
        ssr = sm.OLS(np.log(COUNTS), sm.add_constant(shape(end))).fit().ssr
        assert ssr == pytest.approx(limit, rel=1e-6)


@pytest.mark.parametrize("family", list(Family))
def test_unit_and_reference_change_what_they_should(family) -> None:
    got = fitted(COUNTS, family)
    scaled = fitted(COUNTS * 10, family)
    assert scaled.log_ratio == pytest.approx(got.log_ratio, abs=1e-6)
    assert scaled.log_baseline == pytest.approx(got.log_baseline + math.log(10), abs=1e-6)
    assert scaled.delay == pytest.approx(got.delay, abs=1e-4)
    longer = fitted(COUNTS, family, reference=14)
    # Another reference states the same curve after another number of sessions.
    assert longer.lasting_log_ratio == pytest.approx(got.lasting_log_ratio, rel=1e-3)
    assert longer.log_ratio == pytest.approx(got.lasting_log_ratio * (1 - got.delay**14), rel=1e-3)


def test_an_effect_that_is_there_at_once_lies_at_the_boundary() -> None:
    jump = np.where(TREATED, 10, 20) + np.tile([1, -1], 13)
    # Built so that the first treated and the first untreated session overshoot: no delay fits.
    jump[[6, 19]] -= 3
    jump[13] += 3
    got = fitted(jump)
    assert (got.delay, got.boundary, got.half_life) == (0.0, Boundary.IMMEDIATE, 0.0)
    assert got.delay_low == 0.0
    assert got.lasting_log_ratio == got.log_ratio
    assert "omega = 0" in got.why[0]


def test_an_effect_that_never_levels_off_lies_at_the_other_boundary() -> None:
    phases = "A" * 8 + "B" * 12
    values = np.exp(3 - 0.004 * np.maximum(0, np.arange(20) - 7) ** 2 + np.tile([0.02, -0.02], 10))
    got = fitted(values, Family.LOG_NORMAL, reference=12, phases=phases)
    assert (got.boundary, got.delay_high, got.half_life) == (Boundary.WITHOUT_END, 1.0, math.inf)
    assert got.lasting_log_ratio == -math.inf
    assert got.log_ratio < 0


def test_without_effect_the_delay_has_no_meaning() -> None:
    values = np.round(20 + 3 * np.random.default_rng(5).normal(size=26))
    got = fitted(values)
    assert got.log_ratio_low < 0 < got.log_ratio_high
    assert "holds 0" in got.why[0]


def test_an_effect_without_bound_is_infinite_and_said() -> None:
    # Four counts in all: at so high a level nearly any fall is compatible.
    values = [2, 0, 1, 0, 0, 1, 0, 0]
    got = fitted(values, reference=4, phases="AAAABBBB", level=0.9999)
    assert got.log_ratio_low == -math.inf
    assert "infinite" in got.why[-1]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"values": COUNTS * 1.0 - 30}, OutOfRange),
        ({"values": COUNTS * 0}, NoVariance),
        ({"values": np.where(TREATED, 0, COUNTS)}, NoVariance),
        ({"values": np.where(TREATED, COUNTS, 0)}, NoVariance),
        ({"values": COUNTS * 0, "family": Family.LOG_NORMAL}, OutOfRange),
        # Counts only from the last treated session on: the effect would be infinite and never wear off.
        ({"values": [0] * 7 + [5, 4, 6, 5, 5], "phases": "AAAABBBBAAAA", "reference": 4}, NotConverged),
        ({"values": COUNTS, "reference": 0}, OutOfRange),
        ({"values": COUNTS, "level": 1.0}, OutOfRange),
        ({"values": [4, 5, 3, 3, 2], "phases": "AABBB"}, TooFew),
        ({"values": [4, 5, 3, 3, 2, 2], "phases": "ABBBBB"}, TooFew),
        ({"values": [4, 5, 3, 3, 2, 2], "phases": "BBAAAA"}, TooFew),
        ({"values": [4, 5, 3, 3, 2, 2], "phases": "AAAAAA"}, TooFew),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, refusal) -> None:
    with pytest.raises(refusal):
        fitted(**change)
