"""Sums of four inputs, JCGM 101, 9.2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.core.observation import coverage_factor
from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import covariance, jacobian
from atlasplane.uncertainty.monte_carlo import Distribution, Normal, Rectangular, monte_carlo
from tests.uncertainty_cases import DRAWS, independent


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the case."""
    data = case["data"]

    def total(x: Array) -> Array:
        return x.sum(axis=-1, keepdims=True)

    found: dict[str, Any] = {}
    for seed, configuration in enumerate(data["configurations"]):
        id_, u = configuration["id"], np.array(configuration["u"], dtype=float)
        rectangular = configuration["pdf"] == "rectangular"
        inputs: list[Distribution] = [
            Rectangular(-s * math.sqrt(3), s * math.sqrt(3)) if rectangular else Normal(0.0, s) for s in u
        ]
        run = monte_carlo(total, independent(inputs), draws=DRAWS, rng=np.random.default_rng(seed))
        u_c = math.sqrt(covariance(jacobian(total, np.zeros(4), 0.1 * u), np.diag(u**2))[0, 0])
        half = coverage_factor(0.95, math.inf) * u_c
        found[f"{id_}: u(y)"] = run.u[0]
        found[f"{id_}: 95 % {'MCM ' if rectangular else ''}interval"] = (run.low[0], run.high[0])
        if rectangular:
            found[f"{id_}: 95 % GUM interval"] = (-half, half)
    return found
