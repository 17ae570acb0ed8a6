"""The worked example of a review of nonoverlap indices, and its second example for Tau-U."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.single_case.nonoverlap import NapInterval, NapVariance, Nonoverlap, nap, pairs, tau
from atlasplane.stats.single_case.old_literature import PandMethod, ird, pand, pem, pnd
from atlasplane.stats.single_case.series import Improvement, PhasedSeries, ab_series
from atlasplane.stats.single_case.tau_u import TauUDenominator, TauUTest, TauUVariant, tau_u


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected number; the unbiased standard error is the one that takes no notice of ties."""
    first, second = (case["data"][name] for name in ("example_1", "example_2"))
    improvement = Improvement(first["improvement"])
    series, other = ab_series(first["A"], first["B"]), ab_series(second["A"], second["B"])
    minimum = pand(series, method=PandMethod.MINIMUM_REMOVALS, improvement=improvement)
    counted = pairs(series, improvement=improvement)
    half = nap(
        series,
        improvement=improvement,
        variance=NapVariance.PUSTEJOVSKY,
        interval=NapInterval.NEWCOMBE,
    )
    unbiased = _tau(series, improvement, NapVariance.PUSTEJOVSKY)
    return {
        "1 PND": pnd(series, improvement=improvement).value,
        "1 PAND (minimum removals)": minimum.value,
        "1 PAND phi": minimum.phi,
        "1 PEM": pem(series, improvement=improvement).value,
        "1 robust IRD": ird(series, improvement=improvement).robust,
        "1 NAP": half.value,
        "1 Tau": unbiased.value,
        "1 pairs pos/neg/tie": [counted.improved, counted.worsened, counted.tied],
        "1 Tau SE unbiased": unbiased.se,
        "1 Tau SE Hanley-McNeil": _tau(series, improvement, NapVariance.HANLEY_MCNEIL).se,
        "1 NAP SE unbiased": half.se,
        "2 Tau": _tau(other, improvement, NapVariance.SEN).value,
        "2 Tau-U (A vs B minus baseline trend, /mn)": tau_u(
            other,
            variant=TauUVariant.A_VS_B_MINUS_TREND_A,
            denominator=TauUDenominator.PARKER_2011,
            improvement=improvement,
            test=TauUTest.NORMAL_TIES_CORRECTED,
        ).value,
    }


def _tau(series: PhasedSeries, improvement: Improvement, variance: NapVariance) -> Nonoverlap:
    return tau(series, improvement=improvement, variance=variance, interval=NapInterval.NEWCOMBE)
