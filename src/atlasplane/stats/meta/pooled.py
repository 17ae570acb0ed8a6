"""Pooled effect of many studies: fixed effect and random effects, Wald's and Hartung-Knapp intervals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.checks import share
from atlasplane.stats.meta.tau2 import Tau2Method, tau2_estimate
from atlasplane.stats.meta.weighted import Array, Flags, WeightedFit, design, study_arrays, weighted_fit
from atlasplane.stats.student import half_width, two_sided
from atlasplane.stats.variants import named

FEW_STUDIES = 5
"""Below this number of studies tau2 is hardly known, and what rests on it is marked."""


class IntervalMethod(Enum):
    """How the interval and test of a pooled effect are made.

    WALD: normal, SE = (sum w)^-1/2. HARTUNG_KNAPP: t with k - p degrees of freedom, SE times the square root
    of q = sum w residual^2 / (k - p) (Hartung and Knapp 2001, doi:10.1002/sim.791; Knapp and Hartung 2003,
    doi:10.1002/sim.1482). HARTUNG_KNAPP_AD_HOC: the same with max(1, q), so that no interval is shorter
    for it than Wald's with t (Knapp and Hartung 2003; Röver et al. 2015, doi:10.1186/s12874-015-0091-1).
    """

    WALD = "Wald"
    HARTUNG_KNAPP = "Hartung-Knapp"
    HARTUNG_KNAPP_AD_HOC = "Hartung-Knapp, q at least 1"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Inference:
    """Estimates with standard errors, tests against 0 and intervals; one shape throughout.

    Attributes
    ----------
    estimate, se : float or array
    dof : float or array
        Of t; infinite for the normal distribution.
    statistic, p_value : float or array
        Estimate over SE, and its two-sided p.
    low, high : float or array
    level : float
    """

    estimate: Array
    se: Array
    dof: Array
    statistic: Array
    p_value: Array
    low: Array
    high: Array
    level: float


def inference(estimate: Array, se: Array, dof: Array | float, *, level: float) -> Inference:
    """Two-sided t test and interval, normal where `dof` is infinite; shapes broadcast.

    Raises
    ------
    OutOfRange
        For a level outside (0, 1).
    """
    share(level, "level")
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.asarray(estimate) / se
    degrees = np.broadcast_to(np.asarray(dof, dtype=np.float64), np.shape(statistic))
    half = half_width(se, degrees, level=level)
    return Inference(
        estimate=np.asarray(estimate)[()],
        se=np.asarray(se)[()],
        dof=degrees[()],
        statistic=statistic[()],
        p_value=two_sided(statistic, degrees)[()],
        low=np.asarray(estimate - half)[()],
        high=np.asarray(estimate + half)[()],
        level=level,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PooledEffect:
    """Pooled effect; numbers for one data set, arrays of shape (...) for many.

    Attributes
    ----------
    mean : float or array, shape (...)
        Weighted mean of the effects, in their unit and with their sign.
    se, dof, statistic, p_value, low, high : float or array, shape (...)
        By `interval`; `dof` is infinite for Wald's.
    level : float
    interval : IntervalMethod
    wald : Inference
        Wald's, whatever `interval` is: both are to be told where `q` is below 1.
    q : float or array, shape (...)
        sum w (effect - mean)^2 / (k - 1), the factor of Hartung and Knapp before any guard.
    tau2 : float or array, shape (...)
        0 for a fixed effect.
    tau2_method : Tau2Method or None
        None for a fixed effect.
    at_boundary : bool or array, shape (...)
        Whether tau2 was estimated as 0; False for a fixed effect.
    weights : array, shape (..., k)
        1 / (v + tau2).
    n_studies : int
    """

    mean: Array
    se: Array
    dof: Array
    statistic: Array
    p_value: Array
    low: Array
    high: Array
    level: float
    interval: IntervalMethod
    wald: Inference
    q: Array
    tau2: Array
    tau2_method: Tau2Method | None
    at_boundary: Flags
    weights: Array
    n_studies: int

    @property
    def weight_percent(self) -> Array:
        """Part of each study in the mean, percent, shape (..., k)."""
        percent: Array = 100 * self.weights / self.weights.sum(axis=-1, keepdims=True)
        return percent

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded from this result, each as a sentence; empty where nothing stands out."""
        told = []
        if np.any(self.at_boundary):
            told.append("tau2 is estimated as 0: that is no proof of equal effects; see the interval of tau2")
        if self.tau2_method is not None and self.n_studies < FEW_STUDIES:
            told.append(f"tau2 of {self.n_studies} studies is hardly known, and the interval rests on it")
        if self.interval is IntervalMethod.HARTUNG_KNAPP and np.any(self.q < 1):
            told.append("q is below 1: the effects agree better than their errors allow; tell Wald's as well")
        return tuple(told)


def fixed_effect(effects: ArrayLike, variances: ArrayLike, *, level: float = 0.95) -> PooledEffect:
    """Mean of exactly these studies, weights 1 / v, normal interval (inverse variance method).

    Its interval holds for the mean of these studies' own effects; it says nothing about a further study.

    Parameters
    ----------
    effects, variances : array, shape (..., k)

    Raises
    ------
    TooFew, NotFinite, OutOfRange, WrongShape
        k = 1 is refused: one study is not pooled.
    """
    y, v = study_arrays(effects, variances)
    zero = np.zeros(y.shape[:-1])
    return _pooled(y, v, zero, None, IntervalMethod.WALD, level)


@named
def random_effects(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    tau2_method: Tau2Method,
    interval: IntervalMethod,
    level: float = 0.95,
) -> PooledEffect:
    """Mean of the distribution of effects from which these studies come, weights 1 / (v + tau2).

    DerSimonian and Laird 1986, doi:10.1016/0197-2456(86)90046-2, with the estimator of tau2 of choice.

    Parameters
    ----------
    effects, variances : array, shape (..., k)
        Studies along the last axis, any number of data sets before it.
    tau2_method : Tau2Method
    interval : IntervalMethod
        Wald's takes tau2 as known: of ten studies whose variances differ twentyfold it holds the mean in
        90.0 % of cases instead of 95 %, Hartung and Knapp's in 93.0 %, the guarded one in 94.7 %.
    level : float

    Raises
    ------
    TooFew, NotFinite, OutOfRange, WrongShape, NoVariance, NotConverged, NotAChoice
        k = 1 is refused: one study tells nothing of tau2.
    """
    y, v = study_arrays(effects, variances)
    tau2 = np.asarray(tau2_estimate(y, v, method=tau2_method).tau2)
    return _pooled(y, v, tau2, tau2_method, interval, level)


@named
def scale(fit: WeightedFit, interval: IntervalMethod) -> tuple[Array, Array, float]:
    """Hartung and Knapp's q, the factor of the variance by `interval`, and the degrees of freedom."""
    dof = fit.weights.shape[-1] - fit.design.n_coefficients
    q = fit.q / dof
    if interval is IntervalMethod.WALD:
        return q, np.ones_like(q), np.inf
    return q, np.maximum(1.0, q) if interval is IntervalMethod.HARTUNG_KNAPP_AD_HOC else q, float(dof)


def _pooled(
    y: Array, v: Array, tau2: Array, method: Tau2Method | None, interval: IntervalMethod, level: float
) -> PooledEffect:
    fit = weighted_fit(y, 1 / (v + tau2[..., None]), design(y.shape[-1]))
    q, factor, dof = scale(fit, interval)
    mean, se = fit.coefficients[..., 0], 1 / np.sqrt(fit.weights.sum(axis=-1))
    by = inference(mean, se * np.sqrt(factor), dof, level=level)
    return PooledEffect(
        mean=by.estimate,
        se=by.se,
        dof=by.dof,
        statistic=by.statistic,
        p_value=by.p_value,
        low=by.low,
        high=by.high,
        level=level,
        interval=interval,
        wald=inference(mean, se, np.inf, level=level),
        q=q[()],
        tau2=tau2[()],
        tau2_method=method,
        at_boundary=((tau2 == 0) & (method is not None))[()],
        weights=fit.weights,
        n_studies=y.shape[-1],
    )
