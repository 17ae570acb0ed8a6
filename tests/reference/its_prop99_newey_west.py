"""Cigarette sales in California before and after Proposition 99, with Newey-West standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.series.hac import DofMethod, SmallSample, newey_west_regression
from atlasplane.stats.single_case.piecewise import Terms, TimeCoding, piecewise_design
from atlasplane.stats.single_case.series import ab_series


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Coefficients, standard errors of lag 1 with the factor n/(n-k), and Durbin-Watson."""
    data = case["data"]
    before = data["interruption"] - data["first_year"]
    series = ab_series(data["cigsale"][:before], data["cigsale"][before:])
    design, _ = piecewise_design(series, coding=TimeCoding.FROM_ZERO, terms=Terms.LEVELS_AND_SLOPES)
    fit = newey_west_regression(
        series.values,
        design,
        n_lags=1,
        small_sample=SmallSample.RESIDUAL_DOF,
        dof_method=DofMethod.RESIDUAL,
        level=0.95,
    )
    names = ("intercept (time 0 = 1970)", "trend", "level change", "slope change")
    return {
        **dict(zip(names, fit.coefficients.tolist(), strict=True)),
        "Newey-West lag-1 SE [cons, trend, level, slope]": fit.u.tolist(),
        "Durbin-Watson OLS": fit.durbin_watson,
    }
