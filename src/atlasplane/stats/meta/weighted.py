"""Weighted least squares of many data sets on one design: what every estimator of this room is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atlasplane.stats.checks import numbers, vector
from atlasplane.stats.refusal import Collinear, NotFinite, OutOfRange, TooFew, WrongShape

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SMALLEST_PIVOT = 1e-10
"""A moderator of which less than this part is not told by the others cannot have a slope of its own."""

_LARGEST = 1e60
"""Of effects, variances and weights: w^3 y^2 is summed, and must stay finite and above 0."""


def study_arrays(effects: ArrayLike, variances: ArrayLike, *, at_least: int = 2) -> tuple[Array, Array]:
    """Both as float64 of one shape (..., k), the studies along the last axis.

    Parameters
    ----------
    effects : array, shape (..., k)
    variances : array, shape (..., k)
        Sampling variances, the squares of the standard errors; broadcast against the effects.
    at_least : int
        Studies that the procedure needs.

    Raises
    ------
    WrongShape, TooFew, NotFinite, OutOfRange
        A variance of 0 is refused too: it would take all the weight; and one below 1e-60 or above 1e60,
        as an effect above it, whose weights' powers are no numbers any more.
    """
    y, v = numbers(effects, "effects"), numbers(variances, "variances")
    if not y.ndim or not v.ndim or not _fits(y.shape, v.shape):
        raise WrongShape(
            f"effects {y.shape} and variances {v.shape} do not hold the same studies; give one of each"
        )
    if y.shape[-1] < at_least:
        raise TooFew(_too_few(y.shape[-1], at_least))
    if not (np.isfinite(y).all() and np.isfinite(v).all()):
        raise NotFinite("an effect or variance is missing or infinite; leave that study out first")
    if (v <= 0).any():
        raise OutOfRange(f"variances must be above 0; the least is {v.min():g}: check its standard error")
    if v.min() < 1 / _LARGEST or v.max() > _LARGEST or np.abs(y).max() > _LARGEST:
        raise OutOfRange(
            f"variances from {v.min():g} to {v.max():g}, effects up to {np.abs(y).max():g}: weights are 1 / "
            f"variance, and beyond {_LARGEST:g} their powers leave the range of numbers; take another unit"
        )
    y, v = np.broadcast_arrays(y, v)
    return y.copy(), v.copy()


def one_set(effects: ArrayLike, variances: ArrayLike, *, at_least: int = 2) -> tuple[Array, Array]:
    """One data set alone: both as float64 of shape (k,), refused by name as `study_arrays` refuses them."""
    return study_arrays(vector(effects, "effects"), vector(variances, "variances"), at_least=at_least)


def _too_few(n_studies: int, at_least: int) -> str:
    told = f"{n_studies} {'study' if n_studies == 1 else 'studies'}; {at_least} or more are needed"
    return f"{told}: one study is not pooled, report its own effect" if n_studies == 1 else told


def _fits(effects: tuple[int, ...], variances: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(effects, variances)
    except ValueError:
        return False
    return effects[-1] == variances[-1]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Design:
    """Intercept and moderators of the studies, the same for all data sets.

    Attributes
    ----------
    matrix : array, shape (k, p)
        Columns of the coefficients; the first is 1.
    basis : array, shape (k, p)
        Orthonormal columns of the same span, in which the sums are taken: moderators of any unit do no harm.
    change : array, shape (p, p)
        matrix = basis @ inverse(change): coefficients are change @ those of the basis.
    products : array, shape (k, p * p)
        Products of the basis' columns.
    """

    matrix: Array
    basis: Array
    change: Array
    products: Array

    @property
    def n_coefficients(self) -> int:
        """Columns p."""
        return int(self.matrix.shape[1])

    def moment(self, weights: Array) -> Array:
        """Basis' diag(weights) basis, shape (..., p, p)."""
        p = self.n_coefficients
        moment: Array = (weights @ self.products).reshape(*weights.shape[:-1], p, p)
        return moment


def design(n_studies: int, moderators: ArrayLike | None = None) -> Design:
    """The design of `n_studies`, with an intercept before the moderators.

    Parameters
    ----------
    n_studies : int
    moderators : array, shape (k,) or (k, m), optional

    Raises
    ------
    WrongShape, NotFinite, TooFew, Collinear
    """
    columns = [np.ones((n_studies, 1))]
    if moderators is not None:
        given = numbers(moderators, "moderators")
        given = given[:, None] if given.ndim == 1 else given
        if given.ndim != 2 or len(given) != n_studies:
            raise WrongShape(f"moderators {given.shape} do not fit {n_studies} studies; give one row a study")
        if not np.isfinite(given).all():
            raise NotFinite("a moderator is missing or infinite; leave that study out first")
        columns.append(given)
    matrix = np.hstack(columns)
    if len(matrix) <= matrix.shape[1]:
        raise TooFew(f"{len(matrix)} studies for {matrix.shape[1]} coefficients; leave moderators out")
    basis, upper = np.linalg.qr(matrix)
    sizes = np.linalg.norm(matrix, axis=0)
    if (np.abs(np.diag(upper)) <= _SMALLEST_PIVOT * sizes).any():
        raise Collinear("a moderator is constant, or follows from the others; leave it out")
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    return Design(matrix=matrix, basis=basis, change=np.linalg.inv(upper), products=products)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WeightedFit:
    """Weighted least squares of each data set; P = W - W X (X'WX)^-1 X'W, so that P y = W residuals.

    Attributes
    ----------
    design : Design
    weights, residuals : array, shape (..., k)
    basis_coefficients : array, shape (..., p)
    inverse : array, shape (..., p, p)
        (X'WX)^-1 in the design's orthonormal basis.
    """

    design: Design
    weights: Array
    residuals: Array
    basis_coefficients: Array
    inverse: Array

    @property
    def coefficients(self) -> Array:
        """Shape (..., p)."""
        coefficients: Array = self.basis_coefficients @ self.design.change.T
        return coefficients

    @property
    def covariance(self) -> Array:
        """(X'WX)^-1, shape (..., p, p)."""
        covariance: Array = self.design.change @ self.inverse @ self.design.change.T
        return covariance

    @property
    def q(self) -> Array:
        """Sum of w residual^2 = y'Py, shape (...)."""
        q: Array = np.sum(self.weights * self.residuals**2, axis=-1)
        return q

    @property
    def slope(self) -> Array:
        """Sum of (w residual)^2 = y'PPy: what q falls by, per unit of tau2, for w = 1 / (v + tau2)."""
        slope: Array = np.sum((self.weights * self.residuals) ** 2, axis=-1)
        return slope

    @property
    def bend(self) -> Array:
        """Value of y'PPPy, shape (...): half of what `slope` falls by, per unit of tau2."""
        pulls = self.weights * self.residuals
        inner = (self.weights * pulls) @ self.design.basis
        told = (inner[..., None, :] @ self.inverse @ inner[..., None])[..., 0, 0]
        bend: Array = np.sum(self.weights * pulls**2, axis=-1) - told
        return bend

    def trace(self, variances: Array | float = 1.0) -> Array:
        """tr(P S) for S = diag(variances), shape (...)."""
        w = self.weights
        inner = self.design.moment(w * w * variances)
        trace: Array = np.sum(w * variances, axis=-1) - np.sum(self.inverse * inner, axis=(-2, -1))
        return trace

    def squared_trace(self, variances: Array | float = 1.0) -> Array:
        """tr(P S P S) for S = diag(variances), shape (...): half the variance of q for normal effects."""
        w, s = self.weights, variances
        inner = self.inverse @ self.design.moment(w * w * s)
        cross = self.inverse * self.design.moment(w**3 * s * s)
        trace: Array = (
            np.sum((w * s) ** 2, axis=-1)
            - 2 * np.sum(cross, axis=(-2, -1))
            + np.sum(inner * np.swapaxes(inner, -1, -2), axis=(-2, -1))
        )
        return trace


def weighted_fit(effects: Array, weights: Array, of: Design) -> WeightedFit:
    """Fit of effects (..., k) with weights (..., k), both of one shape, on a design of k studies."""
    inverse = np.asarray(np.linalg.inv(of.moment(weights)), dtype=np.float64)
    right = (weights * effects) @ of.basis
    coefficients = (inverse @ right[..., None])[..., 0]
    return WeightedFit(
        design=of,
        weights=weights,
        residuals=effects - coefficients @ of.basis.T,
        basis_coefficients=coefficients,
        inverse=inverse,
    )
