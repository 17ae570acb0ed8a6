"""Limits of agreement of two methods that read each subject once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import brentq
from scipy.special import chdtrc, chndtrix, ndtri, stdtrit

from atlasplane.stats.checks import Array, same_length, share, vector
from atlasplane.stats.refusal import OutOfRange, TooFew
from atlasplane.stats.reliability.agreement_checks import (
    ROUNDING,
    Slope,
    heteroscedasticity,
    proportional_bias,
)
from atlasplane.stats.reliability.mover import VarianceTerm, variance_sum_interval
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named


class LimitInterval(Enum):
    """How the interval of a limit of agreement is made.

    `BLAND_ALTMAN_1986` is t with SE^2 = 3 s^2 / n, `BLAND_ALTMAN_1999` t with s^2 (1/n + f^2 / (2 (n - 1))),
    f the factor; both are even about a limit that is not. `EXACT` is the non-central t of Carkeet 2015, of
    plain pairs only. `MOVER` is Zou's of 2013, with a normal quantile for the mean as printed;
    with Student's it would hold more often than it says.
    """

    BLAND_ALTMAN_1986 = "Bland-Altman 1986"
    BLAND_ALTMAN_1999 = "Bland-Altman 1999"
    EXACT = "exact"
    MOVER = "MOVER"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfAgreement:
    """Between which differences of two single readings lie.

    Attributes
    ----------
    bias : float
        Mean of second - first.
    se_bias : float
    bias_interval : (float, float)
        By t with n_subjects - 1 degrees of freedom.
    sd : float
        Of the difference of two single readings.
    low, high : float
        bias -+ factor sd.
    low_interval, high_interval : (float, float) or None
        None where nothing scatters.
    factor : float
    interval : LimitInterval
    level : float
        Of the intervals.
    n_subjects, n_differences : int
    proportional_bias, heteroscedasticity : Slope
        Look at them first: with either the limits are no straight lines.
    why : tuple of str
        What cannot be concluded.
    """

    bias: float
    se_bias: float
    bias_interval: tuple[float, float]
    sd: float
    low: float
    high: float
    low_interval: tuple[float, float] | None
    high_interval: tuple[float, float] | None
    factor: float
    interval: LimitInterval
    level: float
    n_subjects: int
    n_differences: int
    proportional_bias: Slope
    heteroscedasticity: Slope
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToleranceLimits:
    """Limits that hold at least a share of all differences, with the given confidence.

    Attributes
    ----------
    low, high : float
        bias -+ factor sd.
    factor : float
    content, level : float
        Share held, and confidence that it is.
    n_subjects : int
    """

    low: float
    high: float
    factor: float
    content: float
    level: float
    n_subjects: int


@named
def limits_of_agreement(
    first: ArrayLike, second: ArrayLike, *, factor: float, interval: LimitInterval, level: float = 0.95
) -> LimitsOfAgreement:
    """Limits of agreement of plain pairs, d -+ factor s.

    Bland and Altman 1986, Lancet i:307, doi:10.1016/S0140-6736(86)90837-8; 1999, Stat Methods Med Res 8:135,
    doi:10.1177/096228029900800204. Exact intervals: Carkeet 2015, Optom Vis Sci 92:e71,
    doi:10.1097/OPX.0000000000000513.

    Parameters
    ----------
    first, second : array, shape (n_subjects,)
    factor : float
        1.96 for 95 % of normal differences; 2 as in the paper of 1986.
    interval : LimitInterval
    """
    a, b = vector(first, "first", at_least=2), vector(second, "second", at_least=2)
    same_length(first=a, second=b)
    differences = b - a
    n, sd = len(differences), float(differences.std(ddof=1))
    if sd <= ROUNDING * max(np.abs(a).max(), np.abs(b).max()):
        sd = 0.0
    return composed_limits(
        means=(a, b),
        bias=float(differences.mean()),
        se_bias=sd / math.sqrt(n),
        terms=[VarianceTerm(value=sd**2, dof=n - 1)],
        n_differences=n,
        factor=factor,
        interval=interval,
        level=level,
    )


@named
def composed_limits(
    *,
    means: tuple[Array, Array],
    bias: float,
    se_bias: float,
    terms: list[VarianceTerm],
    n_differences: int,
    factor: float,
    interval: LimitInterval,
    level: float,
) -> LimitsOfAgreement:
    """Limits from the bias and the variance of a single difference, a sum of independent terms.

    Parameters
    ----------
    means : (array, array), shape (n_subjects,)
        Each subject's mean of first and second, for the checks.
    """
    share(level, "level")
    if not 0 < factor < math.inf:
        raise OutOfRange(f"factor must be above 0 and finite; it is {factor:g}")
    n, sd = len(means[0]), math.sqrt(sum(term.value for term in terms))
    half = float(half_width(se_bias, n - 1, level=level))
    low, high = bias - factor * sd, bias + factor * sd
    ends = None
    if sd > 0:
        below, above = _reach(se_bias, terms, n, factor, interval, level)
        ends = (low - above, low + below), (high - below, high + above)
    return LimitsOfAgreement(
        bias=bias,
        se_bias=se_bias,
        bias_interval=(bias - half, bias + half),
        sd=sd,
        low=low,
        high=high,
        low_interval=ends[0] if ends else None,
        high_interval=ends[1] if ends else None,
        factor=factor,
        interval=interval,
        level=level,
        n_subjects=n,
        n_differences=n_differences,
        proportional_bias=proportional_bias(*means, level=level),
        heteroscedasticity=heteroscedasticity(*means, level=level),
        why=() if ends else ("all differences are equal: their spread is not known",),
    )


@named
def limit_se(sd: float, n_subjects: int, *, factor: float, interval: LimitInterval) -> float:
    """Standard error of a limit of plain pairs, as Bland and Altman wrote it in 1986 or 1999."""
    if interval is LimitInterval.BLAND_ALTMAN_1986:
        return sd * math.sqrt(3 / n_subjects)
    if interval is LimitInterval.BLAND_ALTMAN_1999:
        return sd * math.sqrt(1 / n_subjects + factor**2 / (2 * (n_subjects - 1)))
    raise OutOfRange(f"an interval by {interval.value} is made without a standard error of the limit")


def _reach(
    se_bias: float,
    terms: list[VarianceTerm],
    n: int,
    factor: float,
    interval: LimitInterval,
    level: float,
) -> tuple[float, float]:
    """How far the interval of the upper limit reaches below and above it."""
    sd = math.sqrt(sum(term.value for term in terms))
    upper = (1 + level) / 2
    if interval is LimitInterval.MOVER:
        of_mean = float(ndtri(upper)) * se_bias
        low, high = variance_sum_interval(terms, level=level)
        return (
            math.hypot(of_mean, factor * (sd - math.sqrt(low))),
            math.hypot(of_mean, factor * (math.sqrt(high) - sd)),
        )
    if interval is LimitInterval.EXACT:
        # bias + f sigma is a quantile of the differences: (mean - quantile) / s is a non-central t.
        root = math.sqrt(n)
        ends = stats.nct.ppf([1 - upper, upper], n - 1, factor * root) / root
        return sd * (factor - float(ends[0])), sd * (float(ends[1]) - factor)
    half = float(stdtrit(n - 1, upper)) * limit_se(sd, n, factor=factor, interval=interval)
    return half, half


def tolerance_limits(
    first: ArrayLike, second: ArrayLike, *, content: float, level: float = 0.95
) -> ToleranceLimits:
    """Outer limits of both limits of agreement together: exact two-sided tolerance interval.

    Carkeet 2015, Optom Vis Sci 92:e71, doi:10.1097/OPX.0000000000000513.

    Parameters
    ----------
    first, second : array, shape (n_subjects,)
    content : float
        Share of all differences that is held, 0.95 for limits of agreement at 1.96.
    """
    a, b = vector(first, "first", at_least=2), vector(second, "second", at_least=2)
    same_length(first=a, second=b)
    differences = b - a
    factor = tolerance_factor(len(differences), content=content, level=level)
    bias, reach = float(differences.mean()), factor * float(differences.std(ddof=1))
    return ToleranceLimits(
        low=bias - reach,
        high=bias + reach,
        factor=factor,
        content=content,
        level=level,
        n_subjects=len(differences),
    )


def tolerance_factor(n_values: int, *, content: float, level: float) -> float:
    """Exact factor of a two-sided normal tolerance interval.

    Solves E[P(chi2(n - 1) >= (n - 1) r(x)^2 / factor^2)] = level over x ~ N(0, 1/n), where x -+ r holds the
    content of a standard normal (Wald and Wolfowitz 1946, Ann Math Stat 17:208,
    doi:10.1214/aoms/1177730981).
    """
    share(content, "content")
    share(level, "level")
    if n_values < 2:
        raise TooFew(f"{n_values} values have no spread; two or more are needed")
    nodes, weights = np.polynomial.legendre.leggauss(80)
    # The density of x is even, and nothing of it is left beyond eight standard errors.
    z = 4 * (nodes + 1)
    density = 8 * weights * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    # (Z - x)^2 is non-central chi-squared: its quantile is the squared half-width about x.
    reach2 = chndtrix(content, 1, z**2 / n_values)
    dof = n_values - 1

    def excess(factor: float) -> float:
        return float(density @ chdtrc(dof, dof * reach2 / factor**2)) - level

    return float(brentq(excess, 1e-3, 1e5, xtol=1e-12))
