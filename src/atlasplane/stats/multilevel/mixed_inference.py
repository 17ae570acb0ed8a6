"""Intervals from a mixed model: of a fixed effect, of each person's own effect, of a person yet unseen.

The variances are estimated too. For fixed effects that is minded by Satterthwaite's degrees of freedom
(Fai and Cornelius 1996, doi:10.1080/00949659608811740; Kuznetsova et al. 2017, doi:10.18637/jss.v082.i13);
for persons by the third term of the mean squared error of Prasad and Rao (1990,
doi:10.1080/01621459.1990.10475320; for REML: Datta and Lahiri 2000, Statistica Sinica 10, 613-627).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from atlasplane.stats.checks import Array, share, vector
from atlasplane.stats.multilevel.likelihood import Likelihood, Profile, hessian, random_effects
from atlasplane.stats.multilevel.mixed_model import MixedModel
from atlasplane.stats.refusal import WrongShape
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named

FixedInterval = Literal["satterthwaite", "persons", "normal"]
_FEWEST_DOF = 1.0
_MOST_DOF = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """A combination of fixed effects with its interval.

    Attributes
    ----------
    value, se : float
    dof : float
        Of Student's t; infinite for "normal".
    low, high, level : float
    interval : str
        "satterthwaite", "persons" (number of persons - 1) or "normal".
    """

    value: float
    se: float
    dof: float
    low: float
    high: float
    level: float
    interval: FixedInterval


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonEffects:
    """Each person's own effect, shrunken towards the mean of all.

    Attributes
    ----------
    values, rmse, dof, low, high : array, shape (n_persons,)
        Prediction, root mean squared error of it, degrees of freedom and ends of the interval.
    shrinkage : array, shape (n_persons,)
        Part of the distance between a person's own data and the mean that is kept: 1 - g1 / tau^2, where g1
        is what the data leave open of the person; 0 where tau is 0.
    level : float
    interval : str
        "prasad-rao": value +- t_dof rmse, rmse^2 = g1 + g2 + 2 g3 (person, coefficients, variances).
    """

    values: Array
    rmse: Array
    dof: Array
    low: Array
    high: Array
    shrinkage: Array
    level: float
    interval: Literal["prasad-rao"]

    def probability_below(self, threshold: float) -> Array:
        """Probability that each person's effect lies below a threshold, shape (n_persons,).

        Student's t around the prediction: an approximation of what is known of the person, 0 to 1.
        """
        spread = np.where(self.rmse > 0, self.rmse, 1.0)
        smooth = stdtr(self.dof, (threshold - self.values) / spread)
        below: Array = np.where(self.rmse > 0, smooth, (self.values < threshold).astype(float))
        return below


@named
def coefficient(
    model: MixedModel, weights: ArrayLike, *, level: float, interval: FixedInterval
) -> Coefficient:
    """Value and interval of weights . beta.

    Parameters
    ----------
    model : MixedModel
    weights : array, shape (n_fixed,)
    level : float
        E.g. 0.95.
    interval : {"satterthwaite", "persons", "normal"}
        Degrees of freedom 2 V^2 / Var(V) of the variance V of the estimate; persons - 1, exact in balanced
        designs and too long where much of V is residual; or none, too short with few persons. Of 2000
        studies of 10 to 20 persons the intervals held the mean in 95.2, 96.7 and 94.3 %: "satterthwaite" is
        the better one.
    """
    share(level, "level")
    c = _weights(weights, len(model.coefficients), "weights")
    se = math.sqrt(float(c @ model.covariance @ c))
    value = float(c @ model.coefficients)
    return _coefficient(
        model, value, se, lambda at: np.array([at.sigma2 * c @ at.unscaled @ c]), (level, interval)
    )


def person_effects(
    model: MixedModel, *, fixed_weights: ArrayLike, random_weights: ArrayLike, level: float
) -> PersonEffects:
    """Predictions of fixed_weights . beta + random_weights . u_i of every person i.

    Parameters
    ----------
    model : MixedModel
    fixed_weights, random_weights : array, shape (n_fixed,) and (n_random,)
    level : float
    """
    share(level, "level")
    c = _weights(fixed_weights, len(model.coefficients), "fixed_weights")
    d = _weights(random_weights, model.effects.shape[1], "random_weights")
    likelihood, found = _at_maximum(model)
    values = _predicted(found, c, d)
    open_, mse = _errors(found, c, d)
    spread = covariance_of_parameters(likelihood, model)
    slopes = _slopes(likelihood, model, lambda at: _predicted(at, c, d))
    variances = np.maximum(np.einsum("ij,jk,ik->i", slopes, spread, slopes), 0.0)
    dof = _satterthwaite(model, lambda at: _errors(at, c, d)[1], likelihood=likelihood, spread=spread)
    rmse = np.sqrt(mse + 2 * variances)
    half = half_width(rmse, dof, level=level)
    tau2 = float(d @ model.random_covariance @ d)
    return PersonEffects(
        values=values,
        rmse=rmse,
        dof=dof,
        low=values - half,
        high=values + half,
        shrinkage=1 - open_ / tau2 if tau2 > 0 else np.zeros(len(values)),
        level=level,
        interval="prasad-rao",
    )


@named
def new_person(
    model: MixedModel,
    *,
    fixed_weights: ArrayLike,
    random_weights: ArrayLike,
    level: float,
    interval: FixedInterval,
) -> Coefficient:
    """Interval that holds fixed_weights . beta + random_weights . u of a person yet unseen.

    value +- t sqrt(tau^2 + SE^2) (Higgins et al. 2009, doi:10.1111/j.1467-985X.2008.00552.x). With
    persons - 1 degrees of freedom it is a little short where sessions are few and tau is hardly known, with
    Satterthwaite's of tau^2 + SE^2 a little long: 93.9 and 96.1 % of new persons in 2000 studies of 10 to
    20, and 91.8 % for "normal".
    """
    share(level, "level")
    c = _weights(fixed_weights, len(model.coefficients), "fixed_weights")
    d = _weights(random_weights, model.effects.shape[1], "random_weights")

    def variance(at: Profile) -> Array:
        return np.array([at.sigma2 * (c @ at.unscaled @ c + float(((at.factor.T @ d) ** 2).sum()))])

    se = math.sqrt(float(c @ model.covariance @ c + d @ model.random_covariance @ d))
    return _coefficient(model, float(c @ model.coefficients), se, variance, (level, interval))


def _coefficient(
    model: MixedModel,
    value: float,
    se: float,
    variance: Callable[[Profile], Array],
    wanted: tuple[float, FixedInterval],
) -> Coefficient:
    level, interval = wanted
    if interval == "satterthwaite":
        dof = float(_satterthwaite(model, variance)[0])
    else:
        dof = model.rows.n_persons - 1.0 if interval == "persons" else math.inf
    half = float(stdtrit(min(dof, _MOST_DOF), (1 + level) / 2)) * se
    return Coefficient(
        value=value, se=se, dof=dof, low=value - half, high=value + half, level=level, interval=interval
    )


def _weights(weights: ArrayLike, size: int, name: str) -> Array:
    found = vector(weights, name)
    if len(found) != size:
        raise WrongShape(f"{name} has {len(found)} values; the model has {size}")
    return found


def _at_maximum(model: MixedModel) -> tuple[Likelihood, Profile]:
    likelihood = Likelihood(
        model.rows, criterion=model.criterion, structure=model.structure, residual=model.residual
    )
    return likelihood, likelihood.profile(model.parameters)


def _predicted(at: Profile, c: Array, d: Array) -> Array:
    predicted: Array = c @ at.coefficients + random_effects(at) @ d
    return predicted


def _errors(at: Profile, c: Array, d: Array) -> tuple[Array, Array]:
    """What is open of each person with beta known (g1), and with beta estimated (g1 + g2)."""
    at_person = np.linalg.solve(
        at.inner, np.broadcast_to((at.factor.T @ d)[:, None], (*at.inner.shape[:2], 1))
    )
    g1 = at.sigma2 * (at_person[..., 0] ** 2).sum(axis=1)
    # X_i' V_i^-1 Z_i Lambda d = to_fixed' (inner^-1 L' d).
    carried = c - np.einsum("ijk,ij->ik", at.to_fixed[..., :-1], at_person[..., 0])
    g2 = at.sigma2 * np.einsum("ij,jk,ik->i", carried, at.unscaled, carried)
    return g1, g1 + g2


def covariance_of_parameters(likelihood: Likelihood, model: MixedModel) -> Array:
    """Of parameters and ln sigma; 0 in directions in which the likelihood is flat."""
    values, vectors = np.linalg.eigh(hessian(likelihood, model.parameters))
    kept = values > 1e-6 * values[-1]
    inverse = np.where(kept, 2 / np.where(kept, values, 1.0), 0.0)
    spread: Array = (vectors * inverse) @ vectors.T
    return spread


def _slopes(likelihood: Likelihood, model: MixedModel, of: Callable[[Profile], Array]) -> Array:
    """Derivatives of what follows from a profile by parameters and ln sigma, by central differences."""
    columns = []
    for k, value in enumerate(model.parameters):
        step = np.zeros(len(model.parameters))
        step[k] = 1e-4 * max(abs(value), 0.1)
        ends = [_rescaled(likelihood.profile(model.parameters + sign * step), model) for sign in (1, -1)]
        columns.append((of(ends[0]) - of(ends[1])) / (2 * step[k]))
    at, step_sigma = likelihood.profile(model.parameters), 1e-4
    ends = [_rescaled(at, model, math.exp(2 * sign * step_sigma)) for sign in (1, -1)]
    columns.append((of(ends[0]) - of(ends[1])) / (2 * step_sigma))
    return np.stack(columns, axis=-1)


def _rescaled(at: Profile, model: MixedModel, ratio: float = 1.0) -> Profile:
    """A profile with sigma^2 of the fit, times a ratio, in place of its own."""
    sigma2 = model.residual_sds[0] ** 2 * ratio
    return Profile(
        value=at.value,
        coefficients=at.coefficients,
        unscaled=at.unscaled,
        sigma2=sigma2,
        rss=at.rss,
        factor=at.factor,
        inner=at.inner,
        to_fixed=at.to_fixed,
    )


def _satterthwaite(
    model: MixedModel,
    variance: Callable[[Profile], Array],
    *,
    likelihood: Likelihood | None = None,
    spread: Array | None = None,
) -> Array:
    """2 V^2 / Var(V) for each variance V that follows from a profile."""
    known, found = _at_maximum(model)
    likelihood = known if likelihood is None else likelihood
    spread = covariance_of_parameters(likelihood, model) if spread is None else spread
    slopes = _slopes(likelihood, model, variance)
    of_variance = np.einsum("ij,jk,ik->i", slopes, spread, slopes)
    at = variance(found)
    with np.errstate(divide="ignore", invalid="ignore"):
        dof = np.where(of_variance > 0, 2 * at**2 / of_variance, _MOST_DOF)
    return np.clip(dof, _FEWEST_DOF, _MOST_DOF)
