"""Tau, Tau-U and baseline-corrected Tau where they disagree.

The number "long corrected tau-b, p" of the case is not met, and rightly: see `DISPUTED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.single_case.corrected_tau import CorrectedTau, corrected_tau
from atlasplane.stats.single_case.nonoverlap import NapInterval, NapVariance, tau
from atlasplane.stats.single_case.series import Improvement, PhasedSeries, ab_series
from atlasplane.stats.single_case.tau_u import TauUDenominator, TauUTest, TauUVariant, tau_u

DISPUTED = {
    "long corrected tau-b, p": (
        "The slope is -6/5, so 5 y + 6 t are whole numbers and have 4 tied pairs: S = 28, tau-b = "
        "28 / sqrt(140 x 272) = 0.143486, p = 0.411948. The case's 0.143223 and 0.41205 count 3 ties, 1 of "
        "them torn apart by rounding of y + 1.2 t; tests/test_stats_corrected_tau.py has the proof."
    )
}
"""Expected numbers that are wrong, and why."""


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected number."""
    data = case["data"]
    linear, example, long = (
        ab_series(data[name]["A"], data[name]["B"]) for name in ("linear", "example_b", "long")
    )
    of_linear, of_example, of_long = (_corrected(series) for series in (linear, example, long))
    return {
        "linear Tau": _tau(linear),
        "linear Tau-U": _tau_u(linear),
        "linear Tau-BC": of_linear.chosen.tau,
        "example_b Tau": _tau(example),
        "example_b Tau-U": _tau_u(example),
        "example_b Theil-Sen slope": of_example.baseline.slope,
        "example_b corrected tau-b": of_example.corrected.tau_b,
        "long Theil-Sen slope": of_long.baseline.slope,
        "long baseline tau-b, p": [of_long.baseline.tau_b, of_long.baseline.p_value],
        "long uncorrected tau-b": of_long.uncorrected.tau_b,
        "long corrected tau-b, p": [of_long.corrected.tau_b, of_long.corrected.p_value],
        "long corrected Tau (pairs)": of_long.corrected.tau,
    }


def _corrected(series: PhasedSeries) -> CorrectedTau:
    return corrected_tau(series, improvement=Improvement.INCREASE, pretest_level=0.05)


def _tau(series: PhasedSeries) -> float:
    return tau(
        series,
        improvement=Improvement.INCREASE,
        variance=NapVariance.NULL,
        interval=NapInterval.NEWCOMBE,
    ).value


def _tau_u(series: PhasedSeries) -> float:
    return tau_u(
        series,
        variant=TauUVariant.A_VS_B_MINUS_TREND_A,
        denominator=TauUDenominator.PARKER_2011,
        improvement=Improvement.INCREASE,
        test=TauUTest.NORMAL_TIES_CORRECTED,
    ).value
