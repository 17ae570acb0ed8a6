"""Effects of a few persons with a half-normal prior on their spread, integrated by quadrature.

effect_i ~ N(theta_i, se_i^2), theta_i ~ N(mu, tau^2), mu flat, tau ~ half-normal(scale). Given tau everything
is normal (Gelman et al. 2013, Bayesian Data Analysis 3rd ed., 5.4); what is left is one integral over tau.
The prior: Röver et al. 2021, doi:10.1002/jrsm.1475.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from atlasplane.stats.checks import Array, number, positive, same_length, share, vector
from atlasplane.stats.refusal import OutOfRange

_NODES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Credible:
    """Posterior of one number: mean, SD and ends of the central interval."""

    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HalfNormalPooling:
    """Posterior of mean effect, spread, persons and a new person.

    Attributes
    ----------
    scale : float
        Of the half-normal prior on tau: its median is 0.674 scale.
    level : float
    mean : Credible
        mu, in the unit of the effects and with their sign.
    tau : Credible
        SD of the true effects.
    persons : tuple of Credible
        theta_i.
    new_person : Credible
        True effect of a further person.
    mdc : float
    probability_below_mdc, probability_above_mdc : array, shape (n_persons,)
        P(theta_i < -mdc) and P(theta_i > mdc).
    """

    scale: float
    level: float
    mean: Credible
    tau: Credible
    persons: tuple[Credible, ...]
    new_person: Credible
    mdc: float
    probability_below_mdc: Array
    probability_above_mdc: Array


def half_normal_pooling(
    effects: ArrayLike, standard_errors: ArrayLike, *, scale: float, mdc: float, level: float
) -> HalfNormalPooling:
    """Posterior under a half-normal prior on tau.

    Parameters
    ----------
    effects, standard_errors : array, shape (n_persons,)
        Of each person's own series; standard errors are taken as known.
    scale : float
        Scale of the prior, in the unit of the effects: with scale = mdc, persons who differ by an SD above
        2 mdc are thought unlikely (0.05).
    mdc : float
        Minimal detectable change, > 0.
    level : float

    Raises
    ------
    NotFinite, WrongShape
    TooFew
        With fewer than two persons.
    OutOfRange
        When a standard error, scale or mdc is not above 0.
    """
    y, se = vector(effects, "effects", at_least=2), vector(standard_errors, "standard_errors", at_least=2)
    same_length(effects=y, standard_errors=se)
    positive(se, "standard_errors")
    share(level, "level")
    for name, value in (("scale", scale), ("mdc", mdc)):
        number(value, name, remedy="give one number, in the unit of the effects")
        if not (value > 0 and math.isfinite(value)):
            raise OutOfRange(f"{name} must be above 0; it is {value:g}")
    tau, share_of_node = _posterior_of_tau(y, se, scale)
    weight = 1 / (se**2 + tau[:, None] ** 2)
    var_mu = 1 / weight.sum(axis=1)
    mu = (weight * y).sum(axis=1) * var_mu
    kept = tau[:, None] ** 2 * weight
    means = kept * y + (1 - kept) * mu[:, None]
    variances = kept * se**2 + (1 - kept) ** 2 * var_mu[:, None]
    sds = np.sqrt(variances)
    return HalfNormalPooling(
        scale=scale,
        level=level,
        mean=_credible(share_of_node, mu, np.sqrt(var_mu), level),
        tau=_of_tau(share_of_node, tau, level),
        persons=tuple(_credible(share_of_node, means[:, i], sds[:, i], level) for i in range(len(y))),
        new_person=_credible(share_of_node, mu, np.sqrt(var_mu + tau**2), level),
        mdc=mdc,
        probability_below_mdc=share_of_node @ ndtr((-mdc - means) / sds),
        probability_above_mdc=share_of_node @ ndtr((means - mdc) / sds),
    )


def scale_sensitivity(
    effects: ArrayLike, standard_errors: ArrayLike, *, scales: Sequence[float], mdc: float, level: float
) -> tuple[HalfNormalPooling, ...]:
    """The posterior under each of several scales, e.g. half, once and twice the mdc, in the effects' unit.

    What changes with the scale is told by the prior and not by the persons.
    """
    return tuple(
        half_normal_pooling(effects, standard_errors, scale=scale, mdc=mdc, level=level)
        for scale in vector(scales, "scales").tolist()
    )


def _posterior_of_tau(y: Array, se: Array, scale: float) -> tuple[Array, Array]:
    """Nodes of tau and the posterior probability at each; tau = c x / (1 - x), x from 0 to 1."""
    reach = min(scale, math.sqrt(float(np.mean(se**2))) + float(np.std(y)))
    x = (np.arange(_NODES) + 0.5) / _NODES
    tau = reach * x / (1 - x)
    weight = 1 / (se**2 + tau[:, None] ** 2)
    total = weight.sum(axis=1)
    mu = (weight * y).sum(axis=1) / total
    log_likelihood = 0.5 * (np.log(weight).sum(axis=1) - np.log(total))
    log_likelihood -= 0.5 * (weight * (y - mu[:, None]) ** 2).sum(axis=1)
    log_density = log_likelihood - 0.5 * (tau / scale) ** 2 - 2 * np.log1p(-x)
    density = np.exp(log_density - log_density.max())
    return tau, density / density.sum()


def _credible(share_of_node: Array, means: Array, sds: Array, level: float) -> Credible:
    """Summary of a mixture of normal distributions."""
    mean = float(share_of_node @ means)
    sd = math.sqrt(float(share_of_node @ (sds**2 + (means - mean) ** 2)))
    ends = []
    for probability in ((1 - level) / 2, (1 + level) / 2):
        inside = means + ndtri(probability) * sds
        low, high = float(inside.min()) - sd, float(inside.max()) + sd

        def excess(at: float, wanted: float = probability) -> float:
            return float(share_of_node @ ndtr((at - means) / sds)) - wanted

        ends.append(float(brentq(excess, low, high, xtol=1e-12 * (abs(mean) + sd))))
    return Credible(mean=mean, sd=sd, low=ends[0], high=ends[1])


def _of_tau(share_of_node: Array, tau: Array, level: float) -> Credible:
    mean = float(share_of_node @ tau)
    edges = np.concatenate([[0.0], np.cumsum(share_of_node)])
    x = np.arange(_NODES + 1) / _NODES
    reach = tau[0] * (1 - 0.5 / _NODES) / (0.5 / _NODES)
    at = np.interp([(1 - level) / 2, (1 + level) / 2], edges, x)
    low, high = (float(value) for value in reach * at / (1 - at))
    sd = math.sqrt(float(share_of_node @ (tau - mean) ** 2))
    return Credible(mean=mean, sd=sd, low=low, high=high)
