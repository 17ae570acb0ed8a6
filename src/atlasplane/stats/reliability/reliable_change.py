"""Reliable and clinically significant change of one person (Jacobson and Truax 1991)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from scipy.special import ndtr, stdtr

from atlasplane.stats.refusal import NotFinite, NoVariance, OutOfRange
from atlasplane.stats.reliability.sem import Quantile, detectable_factor
from atlasplane.stats.variants import named


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliableChange:
    """A change against what measurement error alone makes.

    Attributes
    ----------
    change : float
        post - pre, in the unit of the measurement.
    low, high : float
        Interval of the true change: change -+ threshold.
    index : float
        RC = change / s_difference.
    s_difference : float
        sqrt(2) SEM: the standard error of a difference of two measurements.
    threshold : float
        The minimal detectable change, the same test in the measurement's own unit.
    p_value : float
        Two-sided.
    quantile : Quantile
    dof : float
        Of the SEM; infinite for one taken as known.
    level : float
    """

    change: float
    low: float
    high: float
    index: float
    s_difference: float
    threshold: float
    p_value: float
    quantile: Quantile
    dof: float
    level: float

    @property
    def reliable(self) -> bool:
        """Whether the change is beyond the threshold."""
        return abs(self.change) > self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Mean and standard deviation of a group of people."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.sd)):
            raise NotFinite("mean and standard deviation must be numbers; leave out who has none")
        if not self.sd > 0:
            raise OutOfRange(f"the standard deviation must be above 0; it is {self.sd:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOffs:
    """Values beyond which a person belongs rather to those who function well.

    Attributes
    ----------
    a : float
        Two standard deviations of the dysfunctional beyond their mean, towards function.
    b : float
        Two standard deviations of the functional short of their mean.
    c : float
        Where both are equally many standard deviations away; to be preferred where the groups overlap.
    up : bool
        Whether larger values are functional.
    """

    a: float
    b: float
    c: float
    up: bool


class Verdict(Enum):
    """What became of a person: both tests, one, neither, or reliably worse."""

    RECOVERED = "recovered"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    DETERIORATED = "deteriorated"


def sem_from_reliability(*, sd: float, reliability: float) -> float:
    """SEM = sd sqrt(1 - reliability), both of the same group; the reliability that of a retest.

    Take it only where no repeat measurements are at hand: the form of the reliability is usually unsaid.
    """
    if not sd > 0:
        raise OutOfRange(f"sd must be above 0; it is {sd:g}")
    if not 0 <= reliability <= 1:
        raise OutOfRange(f"reliability must lie between 0 and 1; it is {reliability:g}")
    return sd * math.sqrt(1 - reliability)


@named
def reliable_change(
    pre: float, post: float, *, sem: float, dof: float, quantile: Quantile, level: float = 0.95
) -> ReliableChange:
    """Reliable change index, (post - pre) / (sqrt(2) SEM).

    Jacobson and Truax 1991, J Consult Clin Psychol 59:12, doi:10.1037/0022-006X.59.1.12, who take the normal
    quantile. It tells change from measurement error, not from the course without care, nor that it matters.

    Parameters
    ----------
    pre, post, sem : float
        In one unit.
    dof : float
        Of the SEM; `math.inf` where it is taken as known. The normal quantile leaves it out of account.
    """
    if not (math.isfinite(pre) and math.isfinite(post)):
        raise NotFinite("pre and post must be numbers; there is no change without both")
    if not 0 < sem < math.inf:
        raise NoVariance(
            f"sem must be above 0 and finite; it is {sem:g}: estimate it from repeat measurements"
        )
    if quantile is Quantile.STUDENT and not dof > 0:
        raise OutOfRange(
            f"dof must be above 0; it is {dof:g}: take those of the sem, or math.inf if it is known"
        )
    exact = quantile is Quantile.STUDENT and math.isfinite(dof)
    factor = detectable_factor(dof, quantile=Quantile.STUDENT if exact else Quantile.NORMAL, level=level)
    s_difference, change = math.sqrt(2) * sem, post - pre
    index = change / s_difference
    tail = float(stdtr(dof, -abs(index)) if exact else ndtr(-abs(index)))
    return ReliableChange(
        change=change,
        low=change - factor * s_difference,
        high=change + factor * s_difference,
        index=index,
        s_difference=s_difference,
        threshold=factor * s_difference,
        p_value=2 * tail,
        quantile=quantile,
        dof=dof,
        level=level,
    )


def cut_offs(*, dysfunctional: Population, functional: Population) -> CutOffs:
    """The three cut-offs of Jacobson and Truax 1991.

    Towards function: a = m1 + 2 s1, b = m0 - 2 s0, c = (s0 m1 + s1 m0) / (s0 + s1), where 1 is
    dysfunctional and 0 functional; with signs turned where smaller values are functional.

    Raises
    ------
    OutOfRange
        Both groups have one mean: there is no way towards function.
    """
    one, nought = dysfunctional, functional
    if one.mean == nought.mean:
        raise OutOfRange("both groups have the same mean; no value parts them")
    towards = math.copysign(1.0, nought.mean - one.mean)
    return CutOffs(
        a=one.mean + towards * 2 * one.sd,
        b=nought.mean - towards * 2 * nought.sd,
        c=(nought.sd * one.mean + one.sd * nought.mean) / (nought.sd + one.sd),
        up=towards > 0,
    )


def verdict(change: ReliableChange, *, pre: float, cut_off: float, up: bool) -> Verdict:
    """Recovered: reliably changed towards function and across the cut-off; improved: reliably only.

    Parameters
    ----------
    change : ReliableChange
    pre : float
        Who was beyond the cut-off before cannot recover across it.
    cut_off : float
        One of `CutOffs`, the same for everybody.
    up : bool
        Whether larger values are functional.
    """
    towards = 1.0 if up else -1.0
    if not change.reliable:
        return Verdict.UNCHANGED
    if towards * change.change < 0:
        return Verdict.DETERIORATED
    before, after = (towards * (value - cut_off) for value in (pre, pre + change.change))
    return Verdict.RECOVERED if before <= 0 < after else Verdict.IMPROVED
