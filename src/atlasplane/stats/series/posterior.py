"""The distribution of a positive number, and the summary of it that results carry."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

_LARGEST_LOG = math.log(sys.float_info.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """One number's posterior.

    Attributes
    ----------
    mean : float
        Infinite where it does not exist.
    median, low, high : float
        `low` and `high` leave (1 - level) / 2 on either side; infinite beyond the largest number.
    level : float
    """

    mean: float
    median: float
    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Distribution:
    """A positive number's distribution, by its function on the scale of the logarithm.

    Attributes
    ----------
    log_below : callable
        P(number < exp(t)) of t; continuous and rising.
    ends : tuple of float
        Two t between which nearly all of it lies.
    mean : float
    """

    log_below: Callable[[float], float]
    ends: tuple[float, float]
    mean: float

    def below(self, value: float) -> float:
        """P(number < value)."""
        return self.log_below(math.log(value))

    def posterior(self, level: float, *, at_one: float = 0.0) -> Posterior:
        """Summary, with the mass `at_one` of a number that is 1 mixed in."""
        tail = (1 - level) / 2
        low, median, high = (self._quantile(p, at_one) for p in (tail, 0.5, 1 - tail))
        mean = at_one + (1 - at_one) * self.mean if at_one < 1 else 1.0
        return Posterior(mean=mean, median=median, low=low, high=high, level=level)

    def _quantile(self, p: float, at_one: float) -> float:
        below_one = (1 - at_one) * self.log_below(0.0) if at_one else 0.0
        if below_one < p <= below_one + at_one:
            return 1.0
        wanted = p if p <= below_one or not at_one else p - at_one
        wanted = wanted / (1 - at_one)
        low, high = self.ends
        while self.log_below(low) > wanted:
            low -= 1
        while self.log_below(high) < wanted:
            high += 1
        found = float(brentq(lambda t: self.log_below(t) - wanted, low, high, xtol=1e-13))
        return exponential(found)


def exponential(log: float) -> float:
    """exp, infinite where it exceeds the largest number."""
    return math.exp(log) if log < _LARGEST_LOG else math.inf
