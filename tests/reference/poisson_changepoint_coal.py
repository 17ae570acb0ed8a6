"""Disasters of a year; every year but the last as likely to be the last before the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.series.change_point import RatePrior, poisson_change_point, uniform_change_prior
from atlasplane.stats.series.change_test import change_test


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected number."""
    counts = np.array(case["data"]["counts"])
    exposure, first_year = np.ones(len(counts)), case["data"]["first_year"]
    found = poisson_change_point(
        counts,
        exposure=exposure,
        prior=uniform_change_prior(len(counts), no_change=0.0),
        rate_prior=RatePrior(shape=1.0, rate=1.0),
        level=0.95,
    )
    test = change_test(counts, exposure=exposure, n_draws=1, rng=np.random.default_rng(1))
    return {
        "total": int(counts.sum()),
        "posterior mode k": found.mode,
        "P(k=41)": found.p_within(41, 41),
        "P(k=40)": found.p_within(40, 40),
        "P(1887<=year<=1892)": found.p_within(1887 - first_year + 1, 1892 - first_year + 1),
        "posterior mean early rate": found.before.mean,
        "posterior mean late rate": found.after.mean,
        "ML k": test.last_before,
        "ML rates": (test.rate_before, test.rate_after),
        "2*log likelihood ratio vs no change": test.statistic,
    }
