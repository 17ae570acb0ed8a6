"""How large a hidden cause of both mediator and outcome must be to make the indirect effect vanish.

rho is the correlation of the errors of the two models; an unmeasured confounder makes it differ from 0.
With the coefficient b of the outcome model as it is fitted, the coefficient at rho is

- linear: b - rho / sqrt(1 - rho^2) s_Y / s_M, which is the form of Imai, Keele and Yamamoto (2010,
  doi:10.1214/10-STS321, theorem 4) (s_R / s_M) (rho~ - rho sqrt((1 - rho~^2) / (1 - rho^2))) with s_R the
  residual SD of the outcome without the mediator and rho~ the correlation of that residual with the
  mediator's;
- probit: b sqrt(1 - rho^2) - rho / s_M (Imai, Keele and Tingley 2010, doi:10.1037/a0020761, appendix).

ACME is 0 at rho = rho~: b s_M / sqrt(s_Y^2 + b^2 s_M^2), with s_Y = 1 for probit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from atlasplane.stats.checks import Array, generator, share, vector
from atlasplane.stats.mediation.sample import (
    MediationSample,
    OutcomeModel,
    Regression,
    enough_draws,
    least_squares,
    outcome_regression,
    two_treatments,
)
from atlasplane.stats.refusal import OutOfRange
from atlasplane.stats.variants import named

LatentCorrelation = Literal["exact", "medsens"]
_BLOCK = 50
_LEAST_DRAWS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensitivity:
    """The indirect effect as a function of the correlation of errors.

    Attributes
    ----------
    rho : array, shape (n_rho,)
        As given; between -1 and 1.
    acme_0, acme_1 : array, shape (n_rho,)
        With treatment at `contrast[0]` and `contrast[1]`; the same for a linear outcome.
    low_0, high_0, low_1, high_1 : array, shape (n_rho,)
        Ends of the quasi-Bayesian interval at each rho, rho taken as known.
    rho_at_zero : float
        Where the indirect effect is 0.
    contrast : (float, float)
    outcome_model : str
    latent_correlation : str
        "exact", or "medsens" (see `sensitivity`).
    level : float
    n_draws : int
    why : tuple of str
    """

    rho: Array
    acme_0: Array
    acme_1: Array
    low_0: Array
    high_0: Array
    low_1: Array
    high_1: Array
    rho_at_zero: float
    contrast: tuple[float, float]
    outcome_model: OutcomeModel
    latent_correlation: LatentCorrelation
    level: float
    n_draws: int
    why: tuple[str, ...]

    @property
    def r2_residual_at_zero(self) -> float:
        """Product of the parts of both residual variances that a hidden cause must explain."""
        return self.rho_at_zero**2

    @property
    def holds_zero(self) -> NDArray[np.bool_]:
        """Whether the interval of either effect holds 0, for each rho."""
        inside: NDArray[np.bool_] = ((self.low_0 <= 0) & (self.high_0 >= 0)) | (
            (self.low_1 <= 0) & (self.high_1 >= 0)
        )
        return inside


@named
def sensitivity(
    sample: MediationSample,
    rho: ArrayLike,
    *,
    outcome_model: OutcomeModel,
    latent_correlation: LatentCorrelation,
    contrast: tuple[float, float],
    level: float,
    n_draws: int,
    rng: np.random.Generator,
) -> Sensitivity:
    """ACME at each of several correlations of the two models' errors; no interaction.

    Parameters
    ----------
    sample : MediationSample
    rho : array, shape (n_rho,)
        Within (-1, 1). At 0 the curve is the indirect effect itself.
    outcome_model : {"linear", "probit"}
    latent_correlation : {"exact", "medsens"}
        Of a probit only. "exact": rho~ = b s_M / sqrt(1 + b^2 s_M^2). "medsens": b s_M / (1 + |b| s_M), which
        the R package mediation (4.5.0) prints: its curve at rho = 0 is not the indirect effect. For the
        comparison with published tables alone.
    contrast : (float, float)
    level : float
    n_draws : int
        At least 100.
    rng : numpy.random.Generator

    Raises
    ------
    OutOfRange
    Separated, NotConverged, NoVariance
    """
    share(level, "level")
    two_treatments(contrast)
    enough_draws(n_draws, _LEAST_DRAWS)
    generator(rng)
    grid = _grid(rho, outcome_model, latent_correlation)
    sample = sample.centred
    first = least_squares(sample.mediator, sample.mediator_design)
    second = outcome_regression(sample, outcome_model=outcome_model, interaction=False)
    curve = _Curve(sample, grid, outcome_model=outcome_model, form=latent_correlation, contrast=contrast)
    point, at_zero = curve(
        first.coefficients[None], second.coefficients[None], *_spreads(sample, first, second, outcome_model)
    )
    draws = [curve(*part)[0] for part in _parts(first, second, outcome_model, n_draws, rng)]
    low, high = np.quantile(np.concatenate(draws, axis=2), [(1 - level) / 2, (1 + level) / 2], axis=2)
    return Sensitivity(
        rho=grid,
        acme_0=point[0, :, 0],
        acme_1=point[1, :, 0],
        low_0=low[0],
        high_0=high[0],
        low_1=low[1],
        high_1=high[1],
        rho_at_zero=float(at_zero[0]),
        contrast=contrast,
        outcome_model=outcome_model,
        latent_correlation=latent_correlation,
        level=level,
        n_draws=n_draws,
        why=sample.order.why,
    )


def _grid(rho: ArrayLike, outcome_model: OutcomeModel, latent_correlation: LatentCorrelation) -> Array:
    """Correlations of errors that can be; a linear outcome has one form of them."""
    grid = vector(rho, "rho")
    if (np.abs(grid) >= 1).any():
        raise OutOfRange("rho must lie between -1 and 1, both excluded; leave out the others")
    if outcome_model == "linear" and latent_correlation == "medsens":
        raise OutOfRange("a linear outcome has no latent error; latent_correlation must be 'exact'")
    return grid


class _Curve:
    """ACME(0) and ACME(1) at each rho, for draws of the coefficients and residual SDs."""

    def __init__(
        self,
        sample: MediationSample,
        grid: Array,
        *,
        outcome_model: OutcomeModel,
        form: LatentCorrelation,
        contrast: tuple[float, float],
    ) -> None:
        self.rest = np.column_stack([np.ones(sample.n_persons), sample.covariates])
        self.grid, self.model, self.form, self.contrast = grid, outcome_model, form, contrast

    def __call__(self, first: Array, second: Array, s_m: Array, s_y: Array) -> tuple[Array, Array]:
        """Effects (2, n_rho, n_draws) and the rho at which they vanish (n_draws,)."""
        a, b = first[:, 0], second[:, 0]
        step = self.contrast[1] - self.contrast[0]
        if self.form == "exact":
            correlation = b * s_m / np.sqrt(s_y**2 + (b * s_m) ** 2)
        else:
            correlation = b * s_m / (s_y + np.abs(b) * s_m)
        rho = self.grid[:, None]
        left = np.sqrt((1 - rho**2) / (1 - correlation**2))
        if self.model == "linear":
            reduced_sd = np.sqrt(s_y**2 + (b * s_m) ** 2)
            effect = a * step * reduced_sd / s_m * (correlation - rho / left)
            return np.stack([effect, effect]), correlation
        # The probit without the mediator, and how far its linear predictor moves with the mediator.
        reduced = second[:, 1:] * np.sqrt(1 - correlation**2)[:, None] + first * (correlation / s_m)[:, None]
        moved = a * step * (-rho + correlation * left) / s_m / left
        out = np.empty((2, len(self.grid), len(a)))
        for k, treatment in enumerate(self.contrast):
            eta = self.rest @ reduced[:, 1:].T + reduced[:, 0] * treatment
            sign = 1 if k == 0 else -1
            for j in range(len(self.grid)):
                out[k, j] = sign * (ndtr(eta + sign * moved[j]) - ndtr(eta)).mean(axis=0)
        return out, correlation


def _spreads(
    sample: MediationSample, first: Regression, second: Regression, outcome_model: OutcomeModel
) -> tuple[Array, Array]:
    """Residual SDs of mediator and outcome.

    Linear: with one divisor, so that the curve at rho = 0 is a b. Probit: 1 for the outcome, and the
    unbiased SD of the mediator, as `causal_mediation` has it.
    """
    if outcome_model == "probit":
        return np.sqrt([first.residual_variance]), np.ones(1)
    s_m, s_y = (np.sqrt([fit.residual_variance * fit.dof / sample.n_persons]) for fit in (first, second))
    return s_m, s_y


def _parts(
    first: Regression,
    second: Regression,
    outcome_model: OutcomeModel,
    n_draws: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Draws of coefficients and residual SDs, a few at a time."""
    for start in range(0, n_draws, _BLOCK):
        size = min(_BLOCK, n_draws - start)
        (a, s_m), (b, s_y) = (_drawn(fit, size, rng) for fit in (first, second))
        yield a, b, s_m, s_y if outcome_model == "linear" else np.ones(size)


def _drawn(fit: Regression, size: int, rng: np.random.Generator) -> tuple[Array, Array]:
    root = np.linalg.cholesky(fit.covariance)
    coefficients = fit.coefficients + rng.normal(size=(size, len(fit.coefficients))) @ root.T
    return coefficients, np.sqrt(fit.residual_variance * fit.dof / rng.chisquare(fit.dof, size))
