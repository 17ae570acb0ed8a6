"""Randomisation test over all admissible starts of one case (Bulte & Onghena 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.single_case.design import ab_design
from atlasplane.stats.single_case.phase_statistics import MEDIAN_DIFFERENCE
from atlasplane.stats.single_case.randomisation import Alternative, randomisation_test
from atlasplane.stats.single_case.series import ab_series


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected number of the case, by its name."""
    data = case["data"]
    values, n_baseline = data["y"], data["n_A"]
    design = ab_design(n_sessions=len(values), least_baseline=data["min_A"], least_treatment=data["min_B"])
    test = randomisation_test(
        ab_series(values[:n_baseline], values[n_baseline:]),
        design,
        statistic=MEDIAN_DIFFERENCE,
        alternative=Alternative.GREATER,
        monte_carlo=None,
    )
    return {
        "observed": test.observed,
        "number of permutations": test.n_compared,
        "mean of distribution": float(test.distribution.mean()),
        "SD of distribution": float(test.distribution.std(ddof=1)),
        "p (>=)": test.p_value,
    }
