"""Counts, burden and means of a channel with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, stdtrit

from atlasplane.core.observation import Interval
from atlasplane.pathways.spasm.result import Estimate, SpasmCount

Floats = NDArray[np.float64]

LEVEL = 0.95
_TAIL = 0.5 * (1 - LEVEL)

STRETCHES = 10
"""Equal stretches of the analysed time whose scatter tells the uncertainty.

Few and long ones hold what hangs together in time, restless hours included, and Student's factor pays for
their number (batch means; Schmeiser 1982, Oper Res 30:556, doi 10.1287/opre.30.3.556).
"""
_PRIOR_WEIGHT = 2.0
"""Values that the prior of the squared coefficient of variation of durations counts for."""


def mean_estimate(values: Sequence[float], *, skewed: bool = False) -> Estimate | None:
    """Mean of what is positive, Student's interval on the scale of the logarithm; None without values.

    The interval is positive and longer upwards. It is None for a single value.

    Parameters
    ----------
    values : sequence of float
    skewed : bool
        For durations, whose few values seldom hold the longest that may come: their squared coefficient of
        variation is drawn towards 1, that of the exponential law, with the weight of two values.
    """
    n = len(values)
    if not n:
        return None
    mean = float(np.mean(values))
    if n < 2 or not mean > 0:
        return Estimate(value=mean, interval=None)
    weight = _PRIOR_WEIGHT if skewed else 0.0
    squares = float(np.sum(np.square(np.asarray(values) / mean - 1)))
    relative = math.sqrt((squares + weight) / (n - 1 + weight) / n)
    if not relative > 0:
        return Estimate(value=mean, interval=None)
    u, dof = mean * relative, n - 1 + weight
    return Estimate(value=mean, interval=log_interval(mean, u, dof), u=u, dof=dof)


def log_interval(value: float, u: float, dof: float) -> Interval:
    """Student's interval of what is positive, on the scale of the logarithm."""
    factor = math.exp(min(float(stdtrit(dof, 1 - _TAIL)) * u / value, _LARGEST))
    return Interval(level=LEVEL, low=value / factor, high=value * factor)


def burden_estimate(on_s: Floats, total_s: float, *, independent_s: float) -> Estimate:
    """Share of the time in spasm, percent, from the seconds of spasm in equal stretches of it.

    The interval is Student's of the stretches' scatter, on the scale of the log odds. Where all or none of
    the time is spasm nothing scatters; the bound then is one-sided, exact for stretches of `independent_s`
    that are spasm or not independently of each other.

    Parameters
    ----------
    on_s : array, shape (k,)
    total_s : float
        Of all stretches.
    independent_s : float
        Taken in the one-sided case only.
    """
    if not total_s > 0:
        return Estimate(value=0.0, interval=None)
    share = float(on_s.sum()) / total_s
    if share <= _ROUNDING or share >= 1 - _ROUNDING:
        least = 100 * (2 * _TAIL) ** (independent_s / total_s)
        low, high = (least, 100.0) if share > 0.5 else (0.0, 100 - least)
        return Estimate(
            value=100.0 if share > 0.5 else 0.0, interval=Interval(level=LEVEL, low=low, high=high)
        )
    u = math.sqrt(len(on_s) * float(np.var(on_s, ddof=1))) / total_s
    if not u > 0:
        return Estimate(value=100 * share, interval=None)
    half = float(stdtrit(len(on_s) - 1, 1 - _TAIL)) * u / (share * (1 - share))
    odds = math.log(share / (1 - share))
    low, high = (100 / (1 + math.exp(min(-(odds + sign * half), _LARGEST))) for sign in (-1, 1))
    interval = Interval(level=LEVEL, low=low, high=high)
    return Estimate(value=100 * share, interval=interval, u=100 * u, dof=len(on_s) - 1)


_ROUNDING = 1e-9
_LARGEST = 700.0
"""Exponent that a float still holds."""


def spasm_count(counts: NDArray[np.int64], exposure_h: float) -> SpasmCount:
    """Spasms of equal stretches as one count, with the interval of their rate per hour.

    The interval is Garwood's exact one of count / dispersion (core.observation.Count).
    """
    n, dispersion = int(counts.sum()), dispersion_of(counts)
    scale = dispersion / exposure_h
    low = float(gammaincinv(n / dispersion, _TAIL)) * scale if n else 0.0
    high = float(gammaincinv(n / dispersion + 1, 1 - _TAIL)) * scale
    interval = Interval(level=LEVEL, low=low, high=high)
    return SpasmCount(n=n, exposure_h=exposure_h, dispersion=dispersion, interval=interval)


def dispersion_of(counts: NDArray[np.int64]) -> float:
    """Variance over mean of the counts of equal stretches, at least 1; 1 where nothing tells it."""
    if len(counts) < 2 or not counts.sum() > 1:
        return 1.0
    return max(1.0, float(np.var(counts, ddof=1) / np.mean(counts)))
