"""Estimators of the variance between studies, each over many data sets at once.

With w = 1 / (v + tau2), P = W - W X (X'WX)^-1 X'W and p coefficients (1 without moderators):

- DL (DerSimonian and Laird 1986, doi:10.1016/0197-2456(86)90046-2): (y'Py - (k - p)) / tr P at w = 1 / v.
- HE (Hedges and Olkin 1985): (y'Py - tr PV) / tr P at w = 1.
- HS (Hunter and Schmidt 1990): (y'Py - k) / sum w at w = 1 / v.
- PM (Paule and Mandel 1982, doi:10.6028/jres.087.022), the same as empirical Bayes (Morris 1983): the root
  of y'Py = k - p.
- ML, REML: the greatest (restricted) likelihood over tau2 >= 0.
- SJ (Sidik and Jonkman 2005, doi:10.1111/j.1467-9876.2005.00489.x): t0 y'Py / (k - p) at w = 1 / (v + t0),
  where t0 is the mean square of the effects about their mean.

They are compared in Viechtbauer 2005, doi:10.3102/10769986030003261, and in Veroniki et al. 2016,
doi:10.1002/jrsm.1164.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.meta.weighted import (
    Array,
    Design,
    Flags,
    WeightedFit,
    design,
    study_arrays,
    weighted_fit,
)
from atlasplane.stats.refusal import NotConverged, NoVariance, OutOfRange
from atlasplane.stats.variants import named

_GRID = 25
"""Values of tau2 at which the likelihood is looked at first: it may have more than one summit."""
_LEAST_OF_GRID = 1e-2
"""First value above 0, in units of the least variance: below it the likelihood hardly changes."""
_MOST_STEPS = 100
_CLOSE = 1e-12
"""Part of v + tau2 that a last step may still move."""


class Tau2Method(Enum):
    """Name of the estimator; `EB` is another name of `PM`."""

    DL = "DL"
    PM = "PM"
    EB = "PM"
    REML = "REML"
    ML = "ML"
    HE = "HE"
    HS = "HS"
    SJ = "SJ"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tau2Estimate:
    """Variance between studies; numbers for one data set, arrays of shape (...) for many.

    Attributes
    ----------
    tau2 : float or array, shape (...)
        In squared units of the effect; 0 or more.
    se : float or array, shape (...)
        Its standard error for normal effects at this tau2. No interval is made of it: that of
        `heterogeneity.q_profile` is exact.
    at_boundary : bool or array, shape (...)
        Whether the estimate is 0 because nothing above 0 fits better. That is no proof of equal effects.
    method : Tau2Method
    n_studies : int
    n_coefficients : int
    """

    tau2: Array
    se: Array
    at_boundary: Flags
    method: Tau2Method
    n_studies: int
    n_coefficients: int


@named
def tau2_estimate(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    method: Tau2Method,
    moderators: ArrayLike | None = None,
) -> Tau2Estimate:
    """Variance between studies that their own errors, and the moderators, leave unexplained.

    Parameters
    ----------
    effects, variances : array, shape (..., k)
        Studies along the last axis, any number of data sets before it.
    method : Tau2Method
    moderators : array, shape (k,) or (k, m), optional
        The same for all data sets.

    Raises
    ------
    TooFew
        With one study, or not more studies than coefficients.
    NotFinite, OutOfRange, WrongShape, NotConverged, NotAChoice
    NoVariance
        SJ of effects that are all equal: it starts from their spread.
    """
    y, v = study_arrays(effects, variances)
    of = design(y.shape[-1], moderators)
    tau2, se = _ESTIMATORS[method](y, v, of)
    return Tau2Estimate(
        tau2=tau2[()],
        se=se[()],
        at_boundary=(tau2 == 0)[()],
        method=method,
        n_studies=y.shape[-1],
        n_coefficients=of.n_coefficients,
    )


def moment_tau2(
    effects: ArrayLike, variances: ArrayLike, weights: ArrayLike, *, moderators: ArrayLike | None = None
) -> Array:
    """Method of moments with weights of choice: max(0, (y'Py - tr PV) / tr P), shape (...).

    Weights 1 / v give DL, equal ones HE; weights 1 / (v + tau2) with its own result give PM in the end
    (DerSimonian and Kacker 2007, doi:10.1016/j.cct.2006.04.004).

    Raises
    ------
    OutOfRange
        For weights that are not above 0; else as `tau2_estimate`.
    """
    y, v = study_arrays(effects, variances)
    w = np.broadcast_to(np.asarray(weights, dtype=np.float64), y.shape)
    if not (w > 0).all():
        raise OutOfRange("weights must be above 0; leave out what is to have none")
    fit = weighted_fit(y, w, design(y.shape[-1], moderators))
    tau2: Array = np.maximum(0.0, (fit.q - fit.trace(v)) / fit.trace())[()]
    return tau2


def tau2_at_q(effects: Array, variances: Array, of: Design, target: Array | float) -> Array:
    """The tau2 >= 0 at which Q(tau2) = y'Py is `target` > 0, shape (...); 0 where Q is below it already.

    Newton's steps on 1 / Q from 0: it is a line for equal variances, and concave for any, since
    (y'PPy)^2 <= y'Py y'PPPy, so that they come up to the root and never pass it.

    Raises
    ------
    NotConverged
    """
    tau2 = np.zeros(effects.shape[:-1])
    floor = variances.min(axis=-1)
    for _ in range(_MOST_STEPS):
        fit = weighted_fit(effects, 1 / (variances + tau2[..., None]), of)
        excess = fit.q - target
        with np.errstate(invalid="ignore", divide="ignore"):
            step = np.where(excess > 0, excess / fit.slope * (fit.q / target), 0.0)
        tau2 = tau2 + step
        if (step <= _CLOSE * (floor + tau2)).all():
            return tau2
    raise NotConverged("Q does not come down to its target; check that the effects are of sensible size")


def _moments(y: Array, v: Array, of: Design, weights: Array) -> tuple[Array, Array]:
    fit = weighted_fit(y, weights, of)
    tau2 = np.maximum(0.0, (fit.q - fit.trace(v)) / fit.trace())
    return tau2, np.sqrt(2 * fit.squared_trace(v + tau2[..., None])) / fit.trace()


def _dl(y: Array, v: Array, of: Design) -> tuple[Array, Array]:
    return _moments(y, v, of, 1 / v)


def _he(y: Array, v: Array, of: Design) -> tuple[Array, Array]:
    return _moments(y, v, of, np.ones_like(v))


def _hs(y: Array, v: Array, of: Design) -> tuple[Array, Array]:
    fit = weighted_fit(y, 1 / v, of)
    total = fit.weights.sum(axis=-1)
    tau2 = np.maximum(0.0, (fit.q - y.shape[-1]) / total)
    return tau2, np.sqrt(2 * fit.squared_trace(v + tau2[..., None])) / total


def _sj(y: Array, v: Array, of: Design) -> tuple[Array, Array]:
    start = y.var(axis=-1)
    if (start == 0).any():
        raise NoVariance("all effects are equal: SJ starts from their spread; take REML or PM")
    fit = weighted_fit(y, 1 / (v + start[..., None]), of)
    scale = start / (y.shape[-1] - of.n_coefficients)
    tau2 = scale * fit.q
    return tau2, scale * np.sqrt(2 * fit.squared_trace(v + tau2[..., None]))


def _pm(y: Array, v: Array, of: Design) -> tuple[Array, Array]:
    k, p = y.shape[-1], of.n_coefficients
    tau2 = tau2_at_q(y, v, of, k - p)
    return tau2, np.sqrt(2 * k**2 / (k - p)) / np.sum(1 / (v + tau2[..., None]), axis=-1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Likelihood:
    """Restricted or full, of many data sets, as a function of tau2 of shape (...)."""

    effects: Array
    variances: Array
    of: Design
    restricted: bool

    def fit(self, tau2: Array) -> WeightedFit:
        return weighted_fit(self.effects, 1 / (self.variances + tau2[..., None]), self.of)

    def log(self, fit: WeightedFit) -> Array:
        """Without its constants."""
        total: Array = np.sum(np.log(fit.weights), axis=-1) - fit.q
        if self.restricted:
            total = total + np.linalg.slogdet(fit.inverse)[1]
        return 0.5 * total

    def score(self, fit: WeightedFit) -> Array:
        """Twice the derivative of the logarithm."""
        return fit.slope - (fit.trace() if self.restricted else fit.weights.sum(axis=-1))

    def information(self, fit: WeightedFit) -> Array:
        """Twice the expected information."""
        return fit.squared_trace() if self.restricted else np.sum(fit.weights**2, axis=-1)

    def falling(self, fit: WeightedFit) -> Array:
        """What the score falls by, per unit of tau2: twice the observed information."""
        return 2 * fit.bend - self.information(fit)

    def most(self) -> Array:
        """A tau2 above which the score is negative: residual mean square plus the greatest variance.

        y'PPy <= RSS / (least v + tau2)^2 and tr P >= (k - p) / (greatest v + tau2), RSS of equal weights.
        """
        k, p = self.effects.shape[-1], self.of.n_coefficients
        plain = weighted_fit(self.effects, np.ones_like(self.effects), self.of)
        most: Array = plain.q / (k - p) + self.variances.max(axis=-1)
        return most

    def bracket(self) -> tuple[Array, Array]:
        """Two values of tau2 with the greatest summit between them, both 0 where that is the summit."""
        least = _LEAST_OF_GRID * self.variances.min(axis=-1)
        ratio = (self.most() / least) ** (1 / (_GRID - 2))
        grid = np.stack([np.zeros_like(least), *(least * ratio**j for j in range(_GRID - 1))])
        best = np.argmax(np.stack([self.log(self.fit(tau2)) for tau2 in grid]), axis=0)
        at_best = np.take_along_axis(grid, best[None], axis=0)[0]
        rising = self.score(self.fit(at_best)) > 0
        beside = np.clip(np.where(rising, best + 1, best - 1), 0, _GRID - 1)
        at_beside = np.take_along_axis(grid, beside[None], axis=0)[0]
        return np.minimum(at_best, at_beside), np.maximum(at_best, at_beside)


def _maximum(likelihood: _Likelihood) -> Array:
    """Newton's steps to the root of the score between two bounds that close in; else they are halved."""
    low, high = likelihood.bracket()
    tau2 = 0.5 * (low + high)
    floor = likelihood.variances.min(axis=-1)
    for _ in range(_MOST_STEPS):
        fit = likelihood.fit(tau2)
        score = likelihood.score(fit)
        low, high = np.where(score > 0, tau2, low), np.where(score > 0, high, tau2)
        with np.errstate(divide="ignore", invalid="ignore"):
            ahead = tau2 + score / likelihood.falling(fit)
        inside = (ahead >= low) & (ahead <= high)
        ahead = np.where(inside, ahead, 0.5 * (low + high))
        moved, tau2 = np.abs(ahead - tau2), ahead
        if (moved <= _CLOSE * (floor + tau2)).all():
            return tau2
    raise NotConverged("the likelihood of tau2 has no clear summit; take PM")


def _ml(y: Array, v: Array, of: Design) -> tuple[Array, Array]:
    return _likeliest(_Likelihood(effects=y, variances=v, of=of, restricted=False))


def _reml(y: Array, v: Array, of: Design) -> tuple[Array, Array]:
    return _likeliest(_Likelihood(effects=y, variances=v, of=of, restricted=True))


def _likeliest(likelihood: _Likelihood) -> tuple[Array, Array]:
    tau2 = _maximum(likelihood)
    return tau2, np.sqrt(2 / likelihood.information(likelihood.fit(tau2)))


_ESTIMATORS: dict[Tau2Method, Callable[[Array, Array, Design], tuple[Array, Array]]] = {
    Tau2Method.DL: _dl,
    Tau2Method.PM: _pm,
    Tau2Method.REML: _reml,
    Tau2Method.ML: _ml,
    Tau2Method.HE: _he,
    Tau2Method.HS: _hs,
    Tau2Method.SJ: _sj,
}
