"""Comparison loss with uncorrelated inputs, JCGM 101, 9.4."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import covariance, jacobian
from atlasplane.uncertainty.monte_carlo import Distribution, MonteCarloResult, Normal, monte_carlo
from tests.uncertainty_cases import DRAWS, independent


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the case."""
    data = case["data"]

    def loss(x: Array) -> Array:
        return np.sum(x**2, axis=-1, keepdims=True)

    found: dict[str, Any] = {}
    for x1, label in zip(data["x1"], ("0", "0.010", "0.050"), strict=True):
        inputs: list[Distribution] = [Normal(x1, data["u"]), Normal(data["x2"], data["u"])]
        run: MonteCarloResult = monte_carlo(
            loss, independent(inputs), draws=DRAWS, rng=np.random.default_rng(94), interval="shortest"
        )
        found[f"x1={label}: mean*1e6"] = run.mean[0] * 1e6
        found[f"x1={label}: u*1e6"] = run.u[0] * 1e6
        found[f"x1={label}: shortest 95 % *1e6"] = (run.low[0] * 1e6, run.high[0] * 1e6)
    u = np.full(2, data["u"])
    at_zero = covariance(jacobian(loss, np.zeros(2), 0.1 * u), np.diag(u**2))
    return {**found, "first-order GUM u at x1=0": math.sqrt(at_zero[0, 0])}
