"""The example of Huitema and McKean 2000: level and slope change of one case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.single_case.piecewise import Errors, Terms, TimeCoding, piecewise_regression
from atlasplane.stats.single_case.series import ab_series


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Coefficients, standard errors and R squared of least squares."""
    values, n_baseline = case["data"]["y"], case["data"]["n_A"]
    fit = piecewise_regression(
        ab_series(values[:n_baseline], values[n_baseline:]),
        coding=TimeCoding.FROM_ZERO,
        terms=Terms.LEVELS_AND_SLOPES,
        errors=Errors.INDEPENDENT,
        level=0.95,
    )
    return {
        "coefficients [intercept, trend, level, slope change]; time 0.., counter 0 at first B": (
            fit.coefficients.tolist()
        ),
        "SE": fit.u.tolist(),
        "R2": fit.r_squared,
    }
