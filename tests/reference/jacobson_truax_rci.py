"""Jacobson and Truax 1991: the worked example of the reliable change index and the cut-offs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from atlasplane.stats.reliability.reliable_change import (
    Population,
    cut_offs,
    reliable_change,
    sem_from_reliability,
)
from atlasplane.stats.reliability.sem import Quantile


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """One value for every expected name."""
    data = case["data"]
    sem = sem_from_reliability(sd=data["s1"], reliability=data["r_xx"])
    change = reliable_change(
        data["pre"], data["post"], sem=sem, dof=math.inf, quantile=Quantile.NORMAL, level=0.95
    )
    cuts = cut_offs(
        dysfunctional=Population(mean=data["m_dysfunctional"], sd=data["s1"]),
        functional=Population(mean=data["m_functional"], sd=data["s0"]),
    )
    return {
        "SEM = s1*sqrt(1-r)": sem,
        "S_diff = sqrt(2)*SEM": change.s_difference,
        "RC": change.index,
        "reliable (|RC|>1.96)": change.reliable,
        "cut-off a": cuts.a,
        "cut-off b": cuts.b,
        "cut-off c": cuts.c,
    }
