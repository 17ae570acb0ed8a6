"""Reversal design of Lambert and others, after Hedges, Pustejovsky and Shadish 2012."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.single_case.between_case import Design, SmdInterval, between_case_smd
from atlasplane.stats.single_case.series import PhasedSeries, phased_series


def series_of(rows: list[list[Any]]) -> list[PhasedSeries]:
    """One series for each case of rows (case, treatment, phase, time, outcome)."""
    names = list(dict.fromkeys(row[0] for row in rows))
    own = {name: [row for row in rows if row[0] == name] for name in names}
    return [
        phased_series(
            [row[4] for row in own[name]],
            [row[1] for row in own[name]],
            baseline="SSR",
            sessions=[row[3] for row in own[name]],
        )
        for name in names
    ]


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every printed quantity of the example."""
    smd = between_case_smd(
        series_of(case["data"]["rows"]),
        design=Design.REVERSAL,
        interval=SmdInterval.SYMMETRIC_T,
        level=0.95,
    )
    return {
        "M_dot": smd.n_cells,
        "D_bar": smd.change,
        "S_sq": smd.total_variance,
        "delta_hat_unadj": smd.unadjusted,
        "phi": smd.phi,
        "sigma_sq_w": smd.within_variance,
        "rho": smd.rho,
        "theta": smd.theta,
        "nu": smd.dof,
        "delta_hat": smd.value,
        "V_delta_hat": smd.variance,
    }
