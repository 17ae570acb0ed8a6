"""Bland and Altman 1999, section 5: systolic pressure, 85 people read three times by each of two methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.reliability.bland_altman import LimitInterval, limits_of_agreement
from atlasplane.stats.reliability.bland_altman_repeated import repeated_limits, within_subject_sd


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """One value for every expected name; differences are J - S and J - R."""
    j, s, r = (np.array(case["data"][name], dtype=float) for name in "JSR")
    of_s, of_r = (repeated_limits(list(other), list(j), factor=1.96) for other in (s, r))
    of_means = limits_of_agreement(s.mean(axis=1), j.mean(axis=1), factor=1.96, interval=LimitInterval.EXACT)
    return {
        "bias J - S": of_s.bias,
        "within-subject variance J": within_subject_sd(list(j)) ** 2,
        "within-subject variance S": within_subject_sd(list(s)) ** 2,
        "variance of differences of means": of_means.sd**2,
        "variance for single readings": of_s.sd**2,
        "SD": of_s.sd,
        "LoA": [of_s.low, of_s.high],
        "J - R: bias": of_r.bias,
        "J - R: SD single readings": of_r.sd,
    }
