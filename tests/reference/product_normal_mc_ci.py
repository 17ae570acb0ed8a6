"""Ends of the interval of a product of two normal estimates, by quadrature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.mediation.product import product_interval


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected value of the case."""
    found = [
        product_interval(t["a"], t["se_a"], t["b"], t["se_b"], correlation=case["data"]["cov_ab"], level=0.95)
        for t in case["data"]["triples"]
    ]
    return {
        "exact 2.5 % and 97.5 %": [[one.low, one.high] for one in found],
        "exact SD": [one.sd for one in found],
    }
