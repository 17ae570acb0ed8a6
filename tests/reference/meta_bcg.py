"""BCG vaccine, 13 trials (Colditz et al. 1994): each expected number from the public functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.meta.effects import EffectSizes, GroupCounts, log_risk_ratio
from atlasplane.stats.meta.heterogeneity import heterogeneity, q_profile
from atlasplane.stats.meta.pooled import IntervalMethod, PooledEffect, fixed_effect, random_effects
from atlasplane.stats.meta.prediction import PredictionMethod, prediction_interval
from atlasplane.stats.meta.regression import meta_regression
from atlasplane.stats.meta.small_study import egger_linear, egger_mixed
from atlasplane.stats.meta.tau2 import Tau2Method, moment_tau2, tau2_estimate


def effects_of(case: Mapping[str, Any]) -> tuple[EffectSizes, np.ndarray]:
    """Log risk ratios and the latitude of each trial."""
    rows = np.array(case["data"]["rows"], dtype=float)
    treated = GroupCounts(events=rows[:, 1], n_subjects=rows[:, 1] + rows[:, 2])
    control = GroupCounts(events=rows[:, 3], n_subjects=rows[:, 3] + rows[:, 4])
    return log_risk_ratio(treated, control), rows[:, 5]


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """One value for each expected name."""
    sizes, latitude = effects_of(case)
    y, v = sizes.effects, sizes.variances
    return {**_pooled(y, v), **_spread(y, v), **_reml(y, v), **_moderated(y, v, latitude)}


def _random(y: np.ndarray, v: np.ndarray, method: Tau2Method, interval: IntervalMethod) -> PooledEffect:
    return random_effects(y, v, tau2_method=method, interval=interval)


def _pooled(y: np.ndarray, v: np.ndarray) -> dict[str, Any]:
    fixed = fixed_effect(y, v)
    dl, pm = (_random(y, v, method, IntervalMethod.WALD) for method in (Tau2Method.DL, Tau2Method.PM))
    return {
        "FE: mu, se": [fixed.mean, fixed.se],
        "DL: mu, se": [dl.mean, dl.se],
        "DL: CI": [dl.low, dl.high],
        "PM mu, se": [pm.mean, pm.se],
    }


def _spread(y: np.ndarray, v: np.ndarray) -> dict[str, Any]:
    told: dict[str, Any] = {
        f"{method.name} tau2": tau2_estimate(y, v, method=method).tau2 for method in Tau2Method
    }
    dl, reml = (heterogeneity(y, v, tau2_method=method) for method in (Tau2Method.DL, Tau2Method.REML))
    profile = q_profile(y, v)
    iterated = np.float64(0.0)
    for _ in range(60):
        iterated = moment_tau2(y, v, 1 / (v + iterated))
    return told | {
        "Q": dl.q,
        "DL: I2": dl.i2_percent,
        "DL: H2": dl.h2,
        "Q-profile CI of tau2": [profile.low, profile.high],
        "REML: I2, H2": [reml.i2_percent, reml.h2],
        "DLIT = SJIT tau2": iterated,
    }


def _reml(y: np.ndarray, v: np.ndarray) -> dict[str, Any]:
    wald, hk = (
        _random(y, v, Tau2Method.REML, interval)
        for interval in (IntervalMethod.WALD, IntervalMethod.HARTUNG_KNAPP)
    )
    normal = prediction_interval(wald, method=PredictionMethod.NORMAL)
    higgins = prediction_interval(wald, method=PredictionMethod.T_K_MINUS_2)
    with_hk = prediction_interval(hk, method=PredictionMethod.T_K_MINUS_1)
    return {
        "REML: mu, se, z": [wald.mean, wald.se, wald.statistic],
        "REML: CI": [wald.low, wald.high],
        "REML prediction interval (z)": [normal.low, normal.high],
        "REML prediction interval (t, k-2)": [higgins.low, higgins.high],
        "REML Hartung-Knapp: se, t(12), p": [hk.se, hk.statistic, hk.p_value],
        "REML Hartung-Knapp CI": [hk.low, hk.high],
        "REML Hartung-Knapp prediction interval (t, k-1)": [with_hk.low, with_hk.high],
    }


def _moderated(y: np.ndarray, v: np.ndarray, latitude: np.ndarray) -> dict[str, Any]:
    choice = {"tau2_method": Tau2Method.REML, "interval": IntervalMethod.WALD}
    found = meta_regression(y, v, latitude, **choice)
    mixed, linear = egger_mixed(y, v, **choice), egger_linear(y, v)
    name = "REML meta-regression on ablat: tau2, b0, b1, se0, se1"
    return {
        name: [found.tau2, *found.coefficients.estimate, *found.coefficients.se],
        "Egger, mixed model with SE as moderator: z": mixed.slope.statistic,
        "Egger, weighted lm: slope, t(11), p": [
            linear.slope.estimate,
            linear.slope.statistic,
            linear.slope.p_value,
        ],
    }
