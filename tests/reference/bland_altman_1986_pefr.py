"""Bland and Altman 1986: peak flow by two meters, each read twice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.reliability.bland_altman import LimitInterval, limit_se, limits_of_agreement
from atlasplane.stats.reliability.bland_altman_repeated import repeated_limits, within_subject_sd


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """One value for every expected name; differences are Wright - Mini."""
    rows = np.array(case["data"]["rows"], dtype=float)
    wright, mini = rows[:, :2], rows[:, 2:]
    usual, printed = (
        limits_of_agreement(mini[:, 0], wright[:, 0], factor=factor, interval=LimitInterval.BLAND_ALTMAN_1986)
        for factor in (1.96, 2.0)
    )
    of_wright, of_mini = within_subject_sd(list(wright)), within_subject_sd(list(mini))
    both = repeated_limits(list(mini), list(wright), factor=1.96)
    return {
        "bias first readings Wright - Mini": usual.bias,
        "SD of differences": usual.sd,
        "LoA with 2 SD (as printed)": [printed.low, printed.high],
        "LoA with 1.96 SD": [usual.low, usual.high],
        "SE of bias": usual.se_bias,
        "SE of LoA = sqrt(3 s^2/n)": limit_se(
            usual.sd, usual.n_subjects, factor=1.96, interval=LimitInterval.BLAND_ALTMAN_1986
        ),
        "within-meter SD Wright sqrt(mean(d^2)/2)": of_wright,
        "within-meter SD Mini": of_mini,
        # Twice the standard deviation of a difference of two readings.
        "coefficient of repeatability Wright": 2 * math.sqrt(2) * of_wright,
        "coefficient of repeatability Mini": 2 * math.sqrt(2) * of_mini,
        "SD of differences corrected for mean of two": both.sd,
    }
