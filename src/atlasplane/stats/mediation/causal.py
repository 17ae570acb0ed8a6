"""Causal mediation: what the mediator carries, what goes past it, and how the two depend on treatment.

ACME(t) = E[Y(t, M(1)) - Y(t, M(0))], ADE(t) = E[Y(1, M(t)) - Y(0, M(t))] (Imai, Keele and Tingley 2010,
doi:10.1037/a0020761), 0 and 1 standing for the two treatments compared. Linear mediator; linear or probit
outcome, with or without interaction of treatment and mediator. Expectations are in closed form:
E Phi(eta + beta e) = Phi(eta / sqrt(1 + beta^2 s_M^2)) for e ~ N(0, s_M^2). Identified only if nothing
unmeasured moves both mediator and outcome: randomised treatment does not buy that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.stats.checks import Array, generator, share
from atlasplane.stats.mediation.sample import (
    MediationSample,
    OutcomeModel,
    Regression,
    enough_draws,
    least_squares,
    outcome_regression,
    response,
    two_treatments,
)
from atlasplane.stats.variants import named

_BLOCK = 100
"""Draws at a time, so that memory stays small."""
_LEAST_DRAWS = 100
_EFFECTS = ("acme_0", "acme_1", "acme", "ade_0", "ade_1", "ade", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Estimate with its interval, in units of the outcome (a probability for probit)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalMediation:
    """Effects of moving treatment from `contrast[0]` to `contrast[1]`.

    Attributes
    ----------
    acme_0, acme_1, acme : Effect
        Carried by the mediator with treatment at `contrast[0]`, at `contrast[1]`, and their mean.
    ade_0, ade_1, ade : Effect
        Past the mediator, with the mediator as under `contrast[0]`, under `contrast[1]`, and their mean.
    total : Effect
        acme_1 + ade_0 = acme_0 + ade_1.
    contrast : (float, float)
    outcome_model : str
        "linear" or "probit".
    interaction : bool
    interval : str
        "quasi-Bayesian": central part of draws of all coefficients from their normal distributions and of
        the residual variance from its chi-squared (Imai et al. 2010, algorithm 1).
    level : float
    n_draws : int
    n_persons : int
    why : tuple of str
        What cannot be concluded.
    """

    acme_0: Effect
    acme_1: Effect
    acme: Effect
    ade_0: Effect
    ade_1: Effect
    ade: Effect
    total: Effect
    contrast: tuple[float, float]
    outcome_model: OutcomeModel
    interaction: bool
    interval: str
    level: float
    n_draws: int
    n_persons: int
    why: tuple[str, ...]


@named
def causal_mediation(
    sample: MediationSample,
    *,
    outcome_model: OutcomeModel,
    interaction: bool,
    contrast: tuple[float, float],
    level: float,
    n_draws: int,
    rng: np.random.Generator,
) -> CausalMediation:
    """ACME, ADE and total effect, averaged over the persons of the sample.

    Parameters
    ----------
    sample : MediationSample
    outcome_model : {"linear", "probit"}
    interaction : bool
        Whether the mediator's path may depend on treatment: ACME(0) and ACME(1) then differ.
    contrast : (float, float)
        The two treatments compared, e.g. (0, 1).
    level : float
    n_draws : int
        At least 100; 1000 or more for a report.
    rng : numpy.random.Generator

    Raises
    ------
    OutOfRange
        For equal treatments, a level outside (0, 1), too few draws, or a probit outcome other than 0 and 1.
    Separated, NotConverged, NoVariance
    """
    share(level, "level")
    two_treatments(contrast)
    enough_draws(n_draws, _LEAST_DRAWS)
    generator(rng)
    sample = sample.centred
    first = least_squares(sample.mediator, sample.mediator_design)
    second = outcome_regression(sample, outcome_model=outcome_model, interaction=interaction)
    means = _Means(sample, outcome_model=outcome_model, interaction=interaction, contrast=contrast)
    point = _effects(
        means(first.coefficients[None], second.coefficients[None], np.array([first.residual_variance]))
    )
    drawn = _effects(_drawn(means, first, second, n_draws, rng))
    found = central_parts([*point[:, 0]], drawn.T, level=level)
    return CausalMediation(
        **dict(zip(_EFFECTS, found, strict=True)),
        contrast=contrast,
        outcome_model=outcome_model,
        interaction=interaction,
        interval="quasi-Bayesian",
        level=level,
        n_draws=n_draws,
        n_persons=sample.n_persons,
        why=sample.order.why,
    )


def central_parts(values: list[float], draws: Array, *, level: float) -> list[Effect]:
    """Estimates, each with the central part of its draws, shape (n_draws, n_effects)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return [
        Effect(value=float(value), low=float(lo), high=float(hi))
        for value, lo, hi in zip(values, low, high, strict=True)
    ]


class _Means:
    """E[Y(t, M(s))] averaged over persons, for draws of the coefficients of both models."""

    def __init__(
        self,
        sample: MediationSample,
        *,
        outcome_model: OutcomeModel,
        interaction: bool,
        contrast: tuple[float, float],
    ) -> None:
        rest = np.column_stack([np.ones(sample.n_persons), sample.covariates])
        # A linear mean needs only the mean row of the covariates.
        self.rest = rest.mean(axis=0, keepdims=True) if outcome_model == "linear" else rest
        self.outcome_model, self.interaction, self.contrast = outcome_model, interaction, contrast

    def __call__(self, first: Array, second: Array, variance: Array) -> Array:
        """Shape (2, 2, n_draws): treatment of the outcome, treatment of the mediator, draw.

        first (n_draws, n), second (n_draws, n) and variance (n_draws,): coefficients and the residual
        variance of the mediator.
        """
        n_rest = self.rest.shape[1]
        out = np.empty((2, 2, len(first)))
        mediator_rest = self.rest @ first[:, 1:].T
        outcome_rest = self.rest @ second[:, 2 : 2 + n_rest].T
        for i, own in enumerate(self.contrast):
            slope = second[:, 0] + (second[:, -1] * own if self.interaction else 0.0)
            spread = 1.0 if self.outcome_model == "linear" else np.sqrt(1 + slope**2 * variance)
            for j, other in enumerate(self.contrast):
                mediator = mediator_rest + first[:, 0] * other
                eta = (outcome_rest + second[:, 1] * own + slope * mediator) / spread
                out[i, j] = response(eta, self.outcome_model).mean(axis=0)
        return out


def _drawn(
    means: _Means, first: Regression, second: Regression, n_draws: int, rng: np.random.Generator
) -> Array:
    """Means for draws of coefficients and residual variance."""
    parts = []
    for start in range(0, n_draws, _BLOCK):
        size = min(_BLOCK, n_draws - start)
        variance = first.residual_variance * first.dof / rng.chisquare(first.dof, size)
        parts.append(means(_normal(first, size, rng), _normal(second, size, rng), variance))
    return np.concatenate(parts, axis=2)


def _normal(fit: Regression, size: int, rng: np.random.Generator) -> Array:
    root = np.linalg.cholesky(fit.covariance)
    drawn: Array = fit.coefficients + rng.normal(size=(size, len(fit.coefficients))) @ root.T
    return drawn


def _effects(means: Array) -> Array:
    """One row for each of `_EFFECTS`: shape (7, n_draws)."""
    acme = means[:, 1] - means[:, 0]
    ade = means[1] - means[0]
    total = means[1, 1] - means[0, 0]
    return np.stack([*acme, acme.mean(axis=0), *ade, ade.mean(axis=0), total])
