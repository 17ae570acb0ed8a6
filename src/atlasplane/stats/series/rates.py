"""Rates of events: exact intervals, mid-P intervals, and those of clustered events.

A rate is events over exposure. Where events come independently of one another their number is Poisson, and
the intervals are exact (Garwood 1936, doi:10.1093/biomet/28.3-4.437): coverage is the level or more, whatever
the rate. They are wider than they must be, since counts are whole; mid-P intervals count the observed number
half and cover the level on the average over rates, not at each (Cohen and Yang 1994,
Statistics in Medicine 13:2189-2203). Events that cluster scatter more: then the counts of several equal or
unequal stretches are needed, whose scatter tells by how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammainc, gammaincinv, stdtrit

from atlasplane.stats.checks import share
from atlasplane.stats.series.events import dispersion, single_count, single_exposure, stretches
from atlasplane.stats.variants import named


class Exactness(Enum):
    """How a discrete count is dealt with."""

    EXACT = "exact"
    """Both tails at most half of 1 - level: Garwood for a rate, Clopper-Pearson for the share of a ratio."""
    MID_P = "mid-p"
    """The observed count counts half in either tail."""


class Dispersed(Enum):
    """How the scatter between stretches enters the interval."""

    SCORE_T = "score-t"
    """Inverted quasi-score test, with the quantile of t in place of the normal one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInterval:
    """A rate with its interval.

    Attributes
    ----------
    n_events : int
    exposure : float
        Time, or whatever the rate is per.
    low, high : float
        Ends of the interval, events per unit of exposure; `low` is 0 without events.
    level : float
    method : Exactness or Dispersed
    dispersion : float
        Variance over mean of counts, at least 1; 1 for `Exactness`.
    dof : float
        Degrees of freedom of the dispersion; infinite for `Exactness`.
    why : tuple of str
        What cannot be concluded, or is assumed for want of data.
    """

    n_events: int
    exposure: float
    low: float
    high: float
    level: float
    method: Exactness | Dispersed
    dispersion: float
    dof: float
    why: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Events per unit of exposure."""
        return self.n_events / self.exposure


@named
def rate_interval(n_events: int, exposure: float, *, method: Exactness, level: float) -> RateInterval:
    """Interval of a Poisson rate from one count.

    Exact: gamma quantiles, low = G^-1(tail; n) / exposure and high = G^-1(1 - tail; n + 1) / exposure, with
    tail = (1 - level) / 2 (Garwood 1936, doi:10.1093/biomet/28.3-4.437). Mid-P: the rates at which
    P(X > n) + P(X = n) / 2 and P(X < n) + P(X = n) / 2 are the tail (Cohen and Yang 1994,
    Statistics in Medicine 13:2189-2203).

    Parameters
    ----------
    n_events : int
        0 or more.
    exposure : float
        Above 0.

    Raises
    ------
    OutOfRange
        A negative or broken count, or no exposure.
    """
    share(level, "level")
    over = single_exposure(exposure, "exposure")
    count, tail = single_count(n_events, "n_events"), (1 - level) / 2
    low, high = _poisson_limits(count, tail, method)
    return RateInterval(
        n_events=count,
        exposure=over,
        low=low / over,
        high=high / over,
        level=level,
        method=method,
        dispersion=1.0,
        dof=math.inf,
        why=_why_zero(count),
    )


@named
def overdispersed_rate_interval(
    counts: ArrayLike, exposures: ArrayLike, *, method: Dispersed, level: float
) -> RateInterval:
    """Interval of the rate of events that may cluster, from the counts of several stretches.

    With n events over the exposure E, m stretches and the Pearson dispersion
    d = max(1, sum (y - n e / E)^2 / (n e / E) / (m - 1)), the rates r with (n - r E)^2 <= t^2 d r E, t being
    Student's quantile of m - 1 degrees of freedom: the inverted quasi-score test (Wilson 1927,
    doi:10.1080/01621459.1927.10502953; McCullagh 1983, Annals of Statistics 11:59-67).

    Stretches that follow each other closely must not be alike: few and long ones keep what hangs together in
    time within one stretch.

    Parameters
    ----------
    counts : array, shape (m,)
        Events of each stretch; 2 stretches or more.
    exposures : array, shape (m,)

    Raises
    ------
    TooFew
        A single stretch.
    """
    share(level, "level")
    own = stretches(counts, exposures, "counts", "exposures", at_least=2)
    n_events, exposure, dof = own.n_events, own.exposure, len(own.counts) - 1.0
    scatter, why = dispersion([own], dof)
    added = float(stdtrit(dof, (1 + level) / 2)) ** 2 * scatter / 2
    half = math.sqrt(added * (2 * n_events + added))
    # The product of both ends is n^2: so the lower one has no cancellation.
    high = n_events + added + half
    return RateInterval(
        n_events=int(n_events),
        exposure=exposure,
        low=n_events**2 / high / exposure,
        high=high / exposure,
        level=level,
        method=method,
        dispersion=scatter,
        dof=dof,
        why=why + _why_zero(int(n_events)),
    )


def _poisson_limits(count: int, tail: float, method: Exactness) -> tuple[float, float]:
    """Both ends for the expectation of a Poisson count."""
    low = float(gammaincinv(count, tail)) if count else 0.0
    high = float(gammaincinv(count + 1, 1 - tail))
    if method is Exactness.EXACT:
        return low, high

    def at_least(mean: float) -> float:
        """P(X > count) + P(X = count) / 2."""
        reached = float(gammainc(count, mean)) if count else 1.0
        return (reached + float(gammainc(count + 1, mean))) / 2

    inner = _root(lambda mean: at_least(mean) - tail, low, high) if count else 0.0
    return inner, _root(lambda mean: 1 - at_least(mean) - tail, low, high)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-14, rtol=1e-13))


def _why_zero(n_events: int) -> tuple[str, ...]:
    return () if n_events else ("no event: the rate has an upper bound only",)
