"""Least squares with priors: Levenberg-Marquardt in coordinates in which every prior is standard normal.

Minimised is sum_i rho(|e_i|) + |z|^2, where e_i are groups of whitened residuals (one click has two) and z
the unknowns, divided by their prior standard deviations. So the damping 1 + lambda is a
trust region in units of the prior, and no unknown can be singular: what the data do not tell stays at its
prior. Damping: Nocedal and Wright 2006, ch. 10; robust weights: Huber 1964,
doi:10.1214/aoms/1177703732.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from atlasplane.geometry.types import Array

Model = Callable[[Array], tuple[Array, Array]]
"""From unknowns (p,) to whitened residuals (m,) and their derivative (m, p)."""
_ENOUGH, _ROUNDING = 1e-7, 1e-13
"""Expected decrease of the objective at which the search ends, and the part of it that is rounding.

A step of one standard deviation decreases it by 1: what is left is some 0.0003 standard deviations.
"""
_POOR, _GOOD = 0.5, 0.75
"""Part of the expected decrease below which steps are shortened, above which they are let go again."""
_LEAST_DAMPING = 0.25
_MOST_ITERATIONS = 500
"""Where residuals stay large and the model bends, the curvature that Gauss-Newton leaves out makes steps too
short: they shrink by a constant factor, in hard fits of bones to films by 0.93, and go on for some 70."""


class NotConverged(ValueError):
    """No minimum was found; there is no result."""


class NotFinite(ValueError):
    """A number that goes in is NaN or infinite, or a point lies behind the source."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Minimum:
    """Where the objective is smallest.

    Attributes
    ----------
    unknowns : array, shape (p,)
        In units of the prior standard deviations.
    residuals : array, shape (m,)
        Whitened, without robust weights.
    jacobian : array, shape (m, p)
        Of the residuals.
    weights : array, shape (m,)
        Robust weight of each residual in (0, 1]; all 1 without robustness.
    objective : float
    iterations : int
    """

    unknowns: Array
    residuals: Array
    jacobian: Array
    weights: Array
    objective: float
    iterations: int


def minimise(
    model: Model,
    size: int,
    *,
    robust_k: float | None = None,
    group: int = 2,
    most_iterations: int = _MOST_ITERATIONS,
) -> Minimum:
    """The minimum, started at the prior (all unknowns 0).

    Parameters
    ----------
    model : callable
        See `Model`; a model that cannot be evaluated there returns residuals that are not finite.
    size : int
        Number p of unknowns.
    robust_k : float, optional
        Huber's constant: of a group of length d beyond k, rho is 2 k d - k^2; below k, and without the
        constant, it is d^2. The objective stays convex in the residuals: no second minimum arises.
    group : int
        Number of residuals of one observation.
    most_iterations : int
        Evaluations of the model after the first.

    Raises
    ------
    NotFinite
        When the model is not finite at the prior.
    NotConverged
        When the search ends without a minimum.
    """
    state = _State.at(model, np.zeros(size), robust_k, group)
    if not np.isfinite(state.objective):
        raise NotFinite(
            "the model is not finite at the prior: NaN among the numbers, or a point behind a source"
        )
    damping = 0.0
    for iteration in range(1, most_iterations + 1):
        step, expected, most = state.step(damping)
        if most < _ENOUGH + _ROUNDING * state.objective:
            return state.minimum(iteration)
        trial = _State.at(model, state.unknowns + step, robust_k, group)
        gain = (state.objective - trial.objective) / expected
        damping = _next_damping(damping, gain)
        if gain > 0:
            state = trial
    raise NotConverged(f"no minimum within {most_iterations} steps; objective {state.objective:.6g}")


def _next_damping(damping: float, gain: float) -> float:
    """Damping after a step that made `gain` times the decrease expected of it."""
    if not gain > 0:
        return max(_LEAST_DAMPING, 10 * damping)
    if gain < _POOR:
        return max(_LEAST_DAMPING, 2 * damping)
    if gain > _GOOD:
        return damping / 3 if damping > _LEAST_DAMPING else 0.0
    return damping


def innovation_factor(jacobian: Array, *, damping: float = 0.0) -> tuple[Array, bool]:
    """Cholesky factor, for `scipy.linalg.cho_solve`, of (1 + damping) I + J J', shape (m, m).

    Without damping this is the covariance of whitened data about their expectation under the priors.
    """
    matrix = jacobian @ jacobian.T
    matrix[np.diag_indices_from(matrix)] += 1 + damping
    factor: tuple[Array, bool] = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    return factor


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _State:
    unknowns: Array
    residuals: Array
    jacobian: Array
    weights: Array
    objective: float

    @classmethod
    def at(cls, model: Model, unknowns: Array, robust_k: float | None, group: int) -> _State:
        residuals, jacobian = model(unknowns)
        squares = np.sum(residuals.reshape(-1, group) ** 2, axis=1)
        limit = np.inf if robust_k is None else robust_k
        lengths = np.sqrt(squares)
        far = lengths > limit
        weights = np.where(far, limit / np.where(far, lengths, 1.0), 1.0)
        objective = float(np.sum(np.where(far, limit * (2 * lengths - limit), squares)) + unknowns @ unknowns)
        return cls(
            unknowns=unknowns,
            residuals=residuals,
            jacobian=jacobian,
            weights=np.repeat(weights, group),
            objective=objective if np.isfinite(objective) else np.inf,
        )

    def step(self, damping: float) -> tuple[Array, float, float]:
        """Step, the decrease that the linear model expects of it, and a bound of what is left to gain."""
        root = np.sqrt(self.weights)
        j, e = root[:, None] * self.jacobian, root * self.residuals
        downhill = -(j.T @ e + self.unknowns)
        scale = 1 + damping
        if j.shape[0] < j.shape[1]:
            # Woodbury: there are fewer residuals than unknowns.
            inner = cho_solve(innovation_factor(j, damping=damping), j @ downhill, check_finite=False)
            step = (downhill - j.T @ inner) / scale
        else:
            step = cho_solve(innovation_factor(j.T, damping=damping), downhill, check_finite=False)
        along = float(downhill @ step)
        return step, along + damping * float(step @ step), along * scale

    def minimum(self, iterations: int) -> Minimum:
        return Minimum(
            unknowns=self.unknowns,
            residuals=self.residuals,
            jacobian=self.jacobian,
            weights=self.weights,
            objective=self.objective,
            iterations=iterations,
        )
