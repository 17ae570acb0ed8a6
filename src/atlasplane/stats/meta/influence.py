"""What each study does to the pooled effect: leave-one-out and case diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.meta.heterogeneity import Heterogeneity, heterogeneity
from atlasplane.stats.meta.pooled import IntervalMethod, PooledEffect, random_effects
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.meta.weighted import Array, Flags, one_set
from atlasplane.stats.variants import named

_FEWEST = 3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LeaveOneOut:
    """The whole analysis again without each study in turn.

    Attributes
    ----------
    pooled : PooledEffect
        Arrays of shape (k,); entry i is without study i.
    heterogeneity : Heterogeneity
        The same.
    """

    pooled: PooledEffect
    heterogeneity: Heterogeneity


@named
def leave_one_out(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    tau2_method: Tau2Method,
    interval: IntervalMethod,
    level: float = 0.95,
) -> LeaveOneOut:
    """Random-effects mean and heterogeneity without each of k studies; tau2 is estimated anew.

    Parameters
    ----------
    effects, variances : array, shape (k,)
    tau2_method : Tau2Method
    interval : IntervalMethod
    level : float

    Raises
    ------
    TooFew
        Below 3 studies.
    NotFinite, OutOfRange, WrongShape, NoVariance, NotConverged
    """
    y, v = (_without_each(a) for a in one_set(effects, variances, at_least=_FEWEST))
    return LeaveOneOut(
        pooled=random_effects(y, v, tau2_method=tau2_method, interval=interval, level=level),
        heterogeneity=heterogeneity(y, v, tau2_method=tau2_method),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Influence:
    """Diagnostics of each study, shape (k,) all (Viechtbauer and Cheung 2010, doi:10.1002/jrsm.11).

    With m, SE^2 and tau2 of all studies, m_i, SE_i^2 and tau2_i without study i, and h its hat value:

    Attributes
    ----------
    studentised : array
        (y - m_i) / sqrt(v + tau2_i + SE_i^2): how far the study lies from where the others expect it.
    dffits : array
        (m - m_i) / sqrt(h (v + tau2_i)).
    cook : array
        (m - m_i)^2 / SE^2.
    covariance_ratio : array
        SE_i^2 / SE^2; below 1 where the mean is surer without the study.
    tau2_without, q_without : array
        Without the study.
    hat : array
        w / sum w; they add up to 1.
    tau2_method : Tau2Method
    """

    studentised: Array
    dffits: Array
    cook: Array
    covariance_ratio: Array
    tau2_without: Array
    q_without: Array
    hat: Array
    tau2_method: Tau2Method

    @property
    def stands_out(self) -> Flags:
        """Studies past a usual mark, shape (k,): |dffits| > 3 sqrt(1 / (k - 1)) or hat > 3 / k.

        A mark is a reason to look at the study, none to leave it out.
        """
        k = len(self.hat)
        marked: Flags = (np.abs(self.dffits) > 3 * np.sqrt(1 / (k - 1))) | (self.hat > 3 / k)
        return marked


@named
def influence(effects: ArrayLike, variances: ArrayLike, *, tau2_method: Tau2Method) -> Influence:
    """Case diagnostics of a random-effects mean, with Wald's standard errors.

    Parameters
    ----------
    effects, variances : array, shape (k,)
    tau2_method : Tau2Method

    Raises
    ------
    TooFew
        Below 3 studies.
    NotFinite, OutOfRange, WrongShape, NoVariance, NotConverged
    """
    y, v = one_set(effects, variances, at_least=_FEWEST)
    whole = random_effects(y, v, tau2_method=tau2_method, interval=IntervalMethod.WALD)
    without = leave_one_out(y, v, tau2_method=tau2_method, interval=IntervalMethod.WALD)
    rest, hat = without.pooled, whole.weights / whole.weights.sum()
    moved = whole.mean - rest.mean
    return Influence(
        studentised=(y - rest.mean) / np.sqrt(v + rest.tau2 + rest.se**2),
        dffits=moved / np.sqrt(hat * (v + rest.tau2)),
        cook=moved**2 / whole.se**2,
        covariance_ratio=rest.se**2 / whole.se**2,
        tau2_without=rest.tau2,
        q_without=without.heterogeneity.q,
        hat=hat,
        tau2_method=tau2_method,
    )


def _without_each(values: Array) -> Array:
    """Row i is without value i, shape (k, k - 1)."""
    k = len(values)
    return np.broadcast_to(values, (k, k))[~np.eye(k, dtype=bool)].reshape(k, k - 1)
