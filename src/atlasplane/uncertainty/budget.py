"""Uncertainty budgets: named contributions to a combined u (JCGM 100:2008, 5.1 and clause 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping


def combined_u(contributions: Mapping[str, float]) -> float:
    """Combined standard uncertainty of independent contributions |c_i u_i|, same unit."""
    return math.sqrt(sum(part**2 for part in contributions.values()))


def variance_shares(contributions: Mapping[str, float]) -> dict[str, float]:
    """Share of the variance of each contribution, adding up to 1; all 0 where nothing contributes."""
    total = combined_u(contributions)
    return {name: (part / total) ** 2 if total > 0 else 0.0 for name, part in contributions.items()}
