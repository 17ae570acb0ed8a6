"""Nonoverlap of all pairs (NAP) and Tau of two phases, with standard error and interval.

With m sessions of baseline and n of treatment and U_ij = +1, -1 or 0 where session j of the treatment is
better than, worse than or equal to session i of the baseline:

    Tau = sum U_ij / (m n),   NAP = (1 + Tau) / 2 = P(better) + P(equal) / 2.

Parker and Vannest 2009, doi:10.1016/j.beth.2008.10.006. Variances and intervals take the sessions as
independent of each other; where neighbouring sessions are alike they are too small, however named.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from atlasplane.stats.checks import Array, share
from atlasplane.stats.single_case.series import Improvement, PhasedSeries
from atlasplane.stats.variants import named


class NapVariance(Enum):
    """Estimators of the sampling variance of NAP; that of Tau is four times as large.

    With T = Tau, Q1 = sum_i (sum_j U_ij)^2 / (m n^2), Q2 = sum_j (sum_i U_ij)^2 / (m^2 n),
    X = sum U_ij^2 / (m n), the variance of Tau is

    - SEN: (n Q1 + m Q2 - X - (m + n - 1) T^2) / ((m - 1)(n - 1)); unbiased, with ties too.
      Sen 1967, Sankhya A 29:95-102.
    - PUSTEJOVSKY: (1 + n Q1 + m Q2 - 2 X - (m + n - 1) T^2) / ((m - 1)(n - 1)), as single-case programs
      have it; the same without ties, with ties too large by (1 - X) / ((m - 1)(n - 1)).
      Pustejovsky 2019, doi:10.1037/met0000179.
    - HANLEY_MCNEIL: (1 - T^2 + (n - 1)(Q1 - T^2) + (m - 1)(Q2 - T^2)) / (m n).
      Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    - NULL: (m + n + 1) / (3 m n), which holds where the phases do not differ and nothing is tied.
    """

    SEN = "Sen"
    PUSTEJOVSKY = "Pustejovsky"
    HANLEY_MCNEIL = "Hanley-McNeil"
    NULL = "null"


class NapInterval(Enum):
    """Confidence intervals of NAP; that of Tau is 2 x - 1 of its ends.

    - NEWCOMBE: all theta with (NAP - theta)^2 <= z^2 theta (1 - theta) (1 + h ((1 - theta) / (2 - theta)
      + theta / (1 + theta))) / (m n), h = (m + n) / 2 - 1: a score interval that stays in [0, 1] and needs no
      variance estimate. Newcombe 2006, method 5, doi:10.1002/sim.2324.
    - LOGIT: logit NAP -+ z SE / (NAP (1 - NAP)) with the standard error asked for; nothing can be
      bounded by it where the phases do not overlap.
    """

    NEWCOMBE = "Newcombe 2006, method 5"
    LOGIT = "logit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of one session of the baseline and one of the treatment, by how they compare."""

    improved: int
    worsened: int
    tied: int

    @property
    def total(self) -> int:
        """Number of all pairs, m n."""
        return self.improved + self.worsened + self.tied


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonoverlap:
    """NAP or Tau of two phases.

    Attributes
    ----------
    index : str
        "NAP", in [0, 1] with 0.5 for no difference, or "Tau", in [-1, 1] with 0; + is improvement.
    value : float
    pairs : Pairs
    n_baseline, n_treatment : int
        Sessions.
    improvement : Improvement
    se : float or None
        Standard error for independent sessions; None where the estimator gives no positive variance.
    variance : NapVariance
    low, high : float
    interval : NapInterval
    level : float
    why : tuple of str
        What cannot be concluded; empty where nothing stands in the way.
    """

    index: Literal["NAP", "Tau"]
    value: float
    pairs: Pairs
    n_baseline: int
    n_treatment: int
    improvement: Improvement
    se: float | None
    variance: NapVariance
    low: float
    high: float
    interval: NapInterval
    level: float
    why: tuple[str, ...]


@named
def nap(
    series: PhasedSeries,
    *,
    improvement: Improvement,
    variance: NapVariance,
    interval: NapInterval,
    level: float = 0.95,
) -> Nonoverlap:
    """Nonoverlap of all pairs: share of pairs in which the treatment is better, ties counting half.

    Parameters
    ----------
    series : PhasedSeries
        One baseline and one treatment after it.

    Raises
    ------
    OutOfOrder
        When the series has other phases.
    OutOfRange
        When `level` is no probability.
    """
    share(level, "level")
    u = _comparisons(series, improvement=improvement)
    m, n = u.shape
    value = (1 + float(u.mean())) / 2
    se = _standard_error(u, variance)
    ends = _newcombe if interval is NapInterval.NEWCOMBE else _logit
    low, high = ends(value, m, n, se, float(ndtri((1 + level) / 2)))
    return Nonoverlap(
        index="NAP",
        value=value,
        pairs=_counted(u),
        n_baseline=m,
        n_treatment=n,
        improvement=improvement,
        se=se,
        variance=variance,
        low=low,
        high=high,
        interval=interval,
        level=level,
        why=_why(u, se),
    )


@named
def tau(
    series: PhasedSeries,
    *,
    improvement: Improvement,
    variance: NapVariance,
    interval: NapInterval,
    level: float = 0.95,
) -> Nonoverlap:
    """Tau = (improved - worsened pairs) / (m n) = 2 NAP - 1; its parameter is P(better) - P(worse).

    This is Tau "A vs B" over all m n pairs, and not Kendall's tau-b with the phase, which cannot reach 1.

    Raises
    ------
    OutOfOrder, OutOfRange
        As `nap`.
    """
    half = nap(series, improvement=improvement, variance=variance, interval=interval, level=level)
    return Nonoverlap(
        index="Tau",
        value=2 * half.value - 1,
        pairs=half.pairs,
        n_baseline=half.n_baseline,
        n_treatment=half.n_treatment,
        improvement=improvement,
        se=None if half.se is None else 2 * half.se,
        variance=variance,
        low=2 * half.low - 1,
        high=2 * half.high - 1,
        interval=interval,
        level=level,
        why=half.why,
    )


@named
def pairs(series: PhasedSeries, *, improvement: Improvement) -> Pairs:
    """Number of improved, worsened and tied pairs of the two phases.

    Raises
    ------
    OutOfOrder
        When the series has other phases than one baseline and one treatment after it.
    """
    return _counted(_comparisons(series, improvement=improvement))


def _comparisons(series: PhasedSeries, *, improvement: Improvement) -> Array:
    """U of all pairs, shape (n_baseline, n_treatment): + where the treatment session is better, 0 where tied.

    Raises
    ------
    OutOfOrder
        When the series has other phases than one baseline and one treatment after it.
    """
    m, values = len(series.ab()[0]), series.comparable
    u: Array = improvement.sign * np.sign(values[m:] - values[:m, None])
    return u


def _counted(u: Array) -> Pairs:
    return Pairs(improved=int((u > 0).sum()), worsened=int((u < 0).sum()), tied=int((u == 0).sum()))


def _why(u: Array, se: float | None) -> tuple[str, ...]:
    m, n = u.shape
    if not u.any():
        return ("all pairs are tied: the values do not tell the phases apart",)
    if min(m, n) < 2:
        return (f"phases of {m} and {n} sessions: a phase of one session tells no variance",)
    if abs(u.mean()) == 1:
        return (
            "the phases do not overlap: no variance can be estimated, nor is seen how far they are apart",
        )
    return () if se is not None else ("the variance estimate is not positive",)


def _sizes(u: Array) -> tuple[int, int]:
    return len(u), u.shape[1]


def _sen(u: Array) -> float:
    m, n = _sizes(u)
    squares = n * float((u.mean(axis=1) ** 2).mean()) + m * float((u.mean(axis=0) ** 2).mean())
    return (squares - float((u**2).mean()) - (m + n - 1) * float(u.mean()) ** 2) / ((m - 1) * (n - 1))


def _pustejovsky(u: Array) -> float:
    m, n = _sizes(u)
    return _sen(u) + (1 - float((u**2).mean())) / ((m - 1) * (n - 1))


def _hanley_mcneil(u: Array) -> float:
    m, n = _sizes(u)
    square = float(u.mean()) ** 2
    by_baseline = float((u.mean(axis=1) ** 2).mean()) - square
    by_treatment = float((u.mean(axis=0) ** 2).mean()) - square
    return (1 - square + (n - 1) * by_baseline + (m - 1) * by_treatment) / (m * n)


def _null(u: Array) -> float:
    m, n = _sizes(u)
    return (m + n + 1) / (3 * m * n)


_VARIANCES: dict[NapVariance, Callable[[Array], float]] = {
    NapVariance.SEN: _sen,
    NapVariance.PUSTEJOVSKY: _pustejovsky,
    NapVariance.HANLEY_MCNEIL: _hanley_mcneil,
    NapVariance.NULL: _null,
}
_ROUNDING = 1e-12
"""A variance below this is rounding: the least that two phases of 1000 sessions can show is some 1e-9."""


def _standard_error(u: Array, variance: NapVariance) -> float | None:
    """Of NAP; None for a variance that is not positive or not defined."""
    if variance is not NapVariance.NULL and min(u.shape) < 2:
        return None
    found = _VARIANCES[variance](u)
    return math.sqrt(found) / 2 if found > _ROUNDING else None


def _newcombe(value: float, m: int, n: int, _: float | None, z: float) -> tuple[float, float]:
    return _newcombe_low(value, m, n, z), 1 - _newcombe_low(1 - value, m, n, z)


def _newcombe_low(value: float, m: int, n: int, z: float) -> float:
    h = (m + n) / 2 - 1

    def spread(theta: float) -> float:
        return z**2 * theta * (1 + h * ((1 - theta) / (2 - theta) + theta / (1 + theta))) / (m * n)

    if value == 0:
        return 0.0
    if value == 1:
        # Both sides of the equation hold 1 - theta, whose root 1 is the other limit.
        return float(brentq(lambda theta: 1 - theta - spread(theta), 0.0, 1.0))
    return float(brentq(lambda theta: (value - theta) ** 2 - spread(theta) * (1 - theta), 0.0, value))


def _logit(value: float, _m: int, _n: int, se: float | None, z: float) -> tuple[float, float]:
    if se is None or value in (0.0, 1.0):
        return 0.0, 1.0
    centre, half = math.log(value / (1 - value)), z * se / (value * (1 - value))
    low, high = (1 / (1 + math.exp(min(-(centre + side * half), _LARGEST))) for side in (-1, 1))
    return low, high


_LARGEST = 700.0
"""Exponent that a float still holds."""
