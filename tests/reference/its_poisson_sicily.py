"""Counts of a month with a standard population, interrupted at month 37."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.series.count_regression import CountFamily
from atlasplane.stats.series.counts import (
    CountCovariance,
    InterruptedCounts,
    RatioOfMeans,
    Reference,
    interrupted_counts,
)
from atlasplane.stats.series.interrupted_design import LEVEL_CHANGE, interrupted_design


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected number; intervals as (low, high)."""
    columns = dict(zip(case["data"]["columns"], np.array(case["data"]["rows"]).T, strict=True))
    start = float(columns["time"][columns["smokban"] == 1][0])

    def fit(family: CountFamily, covariance: CountCovariance, n_harmonics: int = 0) -> InterruptedCounts:
        design = interrupted_design(
            columns["time"], start=start, slope_change=False, n_harmonics=n_harmonics, period=12
        )
        return interrupted_counts(
            columns["aces"],
            design,
            exposure=columns["stdpop"],
            family=family,
            covariance=covariance,
            reference=Reference.NORMAL,
            level=0.95,
        )

    poisson = fit(CountFamily.POISSON, CountCovariance.MODEL)
    quasi = fit(CountFamily.POISSON, CountCovariance.QUASI).ratio(LEVEL_CHANGE)
    harmonic = fit(CountFamily.POISSON, CountCovariance.QUASI, 2).ratio(LEVEL_CHANGE)
    nb2 = fit(CountFamily.NB2, CountCovariance.MODEL).regression
    step = poisson.ratio(LEVEL_CHANGE)
    return {
        "Poisson step model: beta smokban": poisson.regression.coefficients[2],
        "RR": step.ratio,
        "RR 95 % CI": _ends(step),
        "beta time": poisson.regression.coefficients[1],
        "Pearson dispersion": poisson.regression.dispersion,
        "quasi-Poisson RR 95 % CI": _ends(quasi),
        "quasi-Poisson + 2 harmonic pairs: RR": harmonic.ratio,
        "harmonic RR 95 % CI": _ends(harmonic),
        "NB2: beta smokban": nb2.coefficients[2],
        "NB2: alpha": nb2.alpha,
    }


def _ends(ratio: RatioOfMeans) -> tuple[float, float]:
    return ratio.low, ratio.high
