"""The Tau-U family on the published series of one pupil; standard deviation of S as printed, ties ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.single_case.series import Improvement, ab_series
from atlasplane.stats.single_case.tau_u import TauU, TauUDenominator, TauUTest, TauUVariant, tau_u


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected number."""
    series = ab_series(case["data"]["A"], case["data"]["B"])

    def of(variant: TauUVariant) -> TauU:
        return tau_u(
            series,
            variant=variant,
            denominator=TauUDenominator.PARKER_2011,
            improvement=Improvement.INCREASE,
            test=TauUTest.NORMAL_TIES_IGNORED,
        )

    between = of(TauUVariant.A_VS_B)
    trend_a, trend_b = of(TauUVariant.TREND_A), of(TauUVariant.TREND_B)
    combined = {
        f"{variant.value} (parker): S, D, tau": [own.s, own.pairs, own.value]
        for variant in (
            TauUVariant.A_VS_B_MINUS_TREND_A,
            TauUVariant.A_VS_B_PLUS_TREND_B,
            TauUVariant.A_VS_B_PLUS_TREND_B_MINUS_TREND_A,
        )
        for own in (of(variant),)
    }
    return {
        "A vs B: S, pairs, tau": [between.s, between.pairs, between.value],
        "trend A: S, pairs": [trend_a.s, trend_a.pairs],
        "trend B: S, pairs": [trend_b.s, trend_b.pairs],
        **combined,
        "SD_S A vs B": between.sd_s,
        "Z A vs B": between.z,
    }
