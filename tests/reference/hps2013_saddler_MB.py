"""Multiple baseline of Saddler and others, after Hedges, Pustejovsky and Shadish 2013."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.single_case.between_case import Design, SmdInterval, between_case_smd
from atlasplane.stats.single_case.series import PhasedSeries, phased_series


def series_of(rows: list[list[Any]]) -> list[PhasedSeries]:
    """One series for each case of rows (case, time, treatment, outcome)."""
    names = list(dict.fromkeys(row[0] for row in rows))
    own = {name: [row for row in rows if row[0] == name] for name in names}
    return [
        phased_series(
            [row[3] for row in own[name]],
            [row[2] for row in own[name]],
            baseline="baseline",
            sessions=[row[1] for row in own[name]],
        )
        for name in names
    ]


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every printed quantity of the example."""
    smd = between_case_smd(
        series_of(case["data"]["rows"]),
        design=Design.MULTIPLE_BASELINE,
        interval=SmdInterval.SYMMETRIC_T,
        level=0.95,
    )
    return {
        "g_dotdot": smd.n_observations,
        "K": smd.n_cells,
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
