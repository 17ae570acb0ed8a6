"""End-gauge calibration of GUM H.1, and its Monte Carlo of JCGM 101, 9.5."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.core.observation import coverage_factor
from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import covariance, effective_dof, jacobian, second_order_u
from atlasplane.uncertainty.monte_carlo import (
    Arcsine,
    CurvilinearTrapezoid,
    Distribution,
    Normal,
    Rectangular,
    StudentT,
    monte_carlo,
)
from tests.uncertainty_cases import DRAWS, independent


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the case."""
    data = case["data"]
    inputs = data["inputs"]
    mean = np.array([entry["value"] for entry in inputs], dtype=float)
    u = np.array([entry["u"] for entry in inputs], dtype=float)
    dofs = [entry.get("dof", math.inf) for entry in inputs]

    def length(x: Array) -> Array:
        l_s, d0, d1, d2, alpha_s, theta0, cycle, d_alpha, d_theta = np.moveaxis(x, -1, 0)
        out = l_s + d0 + d1 + d2 - l_s * (d_alpha * (theta0 + cycle) + alpha_s * d_theta)
        return out[..., None]

    sensitivity = jacobian(length, mean, 0.1 * u)
    u_c = math.sqrt(covariance(sensitivity, np.diag(u**2))[0, 0])
    dof = math.floor(effective_dof(u_c, np.abs(sensitivity[0]) * u, dofs))
    repeats: list[Distribution] = [
        StudentT(m, s, nu) for m, s, nu in zip(mean[:4], u[:4], dofs[:4], strict=True)
    ]
    # The limits of JCGM 101, 9.5.2: half-widths 1e-6 known to 10 %, 0.05 known to 50 %.
    others: list[Distribution] = [
        Rectangular(9.5e-6, 13.5e-6),
        Normal(mean[5], u[5]),
        Arcsine(-0.5, 0.5),
        CurvilinearTrapezoid(-1e-6, 1e-6, 0.1e-6),
        CurvilinearTrapezoid(-0.05, 0.05, 0.025),
    ]
    run = monte_carlo(
        length, independent(repeats + others), draws=DRAWS, rng=np.random.default_rng(95), level=0.99
    )
    nominal = 50_000_000
    return {
        "estimate minus nominal": length(mean)[0] - nominal,
        "u_c first order": u_c,
        "u_c with second-order terms": second_order_u(length, mean, u),
        "effective dof (Welch-Satterthwaite, truncated)": dof,
        "U99 = t99(16)*u_c": coverage_factor(0.99, dof) * u_c,
        "Monte Carlo mean": run.mean[0] - nominal,
        "Monte Carlo u": run.u[0],
        "Monte Carlo 99 % coverage interval": (run.low[0] - nominal, run.high[0] - nominal),
    }
