"""Likelihood of a linear mixed model, beta and sigma profiled out, with its derivatives.

Bates et al. 2015, doi:10.18637/jss.v067.i01, eqs. 34 and 41. What is left are the Cholesky factor of Lambda,
the autocorrelation phi (R_st = phi^|s - t|; Pinheiro and Bates 2000, doi:10.1007/b98882, 5.3) and, with two
stacked equations, the ratio of their residual SDs. Every sum is over persons at once.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from atlasplane.stats.checks import Array
from atlasplane.stats.multilevel.grouped_rows import GroupedRows, whole_sessions

Criterion = Literal["REML", "ML"]
Structure = Literal["full", "diagonal"]
Residual = Literal["independent", "ar1"]

MOST_PHI = 0.99
_MOST_LOG_RATIO = 12.0
_NO_RESIDUAL = 1e-20
_STEP = 1e-5
_START_PHI = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """The model at given parameters, beta and sigma profiled out.

    Attributes
    ----------
    value : float
        -2 log-likelihood (restricted or not).
    coefficients : array, shape (n_fixed,)
    unscaled : array, shape (n_fixed, n_fixed)
        Covariance of the coefficients over sigma^2.
    sigma2 : float
    rss : float
        Weighted residual sum of squares of response and random effects.
    factor : array, shape (n_random, n_random)
        Cholesky factor of Lambda.
    inner : array, shape (n_persons, n_random, n_random)
        Cholesky factor of I + L' Z_i' R_i^-1 Z_i L.
    to_fixed : array, shape (n_persons, n_random, n_fixed + 1)
        inner^-1 L' Z_i' R_i^-1 (X_i, y_i).
    """

    value: float
    coefficients: Array
    unscaled: Array
    sigma2: float
    rss: float
    factor: Array
    inner: Array
    to_fixed: Array


class Likelihood:
    """-2 log-likelihood of a model's parameters, for rows that are summed once where they can be."""

    def __init__(
        self, rows: GroupedRows, *, criterion: Criterion, structure: Structure, residual: Residual
    ) -> None:
        if residual == "ar1":
            whole_sessions(rows.sessions)
        self.rows, self.criterion, self.residual = rows, criterion, residual
        q = rows.random.shape[1]
        self.places = np.tril_indices(q) if structure == "full" else (np.arange(q), np.arange(q))
        rms = np.sqrt((rows.random**2).mean(axis=0))
        self.unit = np.where(rms > 0, rms, 1.0)
        self.n_factor = len(self.places[0])
        # Scaled to a unit response: searches and tolerances then do not depend on the unit.
        self.scale = float(np.sqrt(np.mean((rows.response - rows.response.mean()) ** 2)))
        # What least squares explain changes no likelihood; left in, a far zero of the scale costs all digits.
        self._least_squares = np.linalg.lstsq(rows.fixed, rows.response, rcond=None)[0]
        response = (rows.response - rows.fixed @ self._least_squares) / self.scale
        self._columns = np.column_stack([rows.random, rows.fixed, response])
        self._gaps = np.diff(rows.sessions, prepend=0.0)
        first = rows.equation == 0
        self._sums = [self._crossproducts(self._columns * keep[:, None]) for keep in (first, ~first)]

    @property
    def diagonal(self) -> list[int]:
        """Places of the factor's diagonal among the parameters."""
        return [k for k, (row, column) in enumerate(zip(*self.places, strict=True)) if row == column]

    def start(self, size: float) -> Array:
        """Parameters from which a search sets out."""
        parameters = np.zeros(self.n_factor + (self.residual == "ar1") + self.rows.n_equations - 1)
        parameters[self.diagonal] = size
        if self.residual == "ar1":
            # At 0 the derivative of phi^2 vanishes: a search would stay where all sessions are two apart.
            parameters[self.n_factor] = _START_PHI
        if self.rows.n_equations == 2:
            sds = [np.std(self.rows.response[self.rows.equation == k]) for k in (0, 1)]
            parameters[-1] = math.log(max(sds[1], 1e-6 * sds[0]) / max(sds[0], 1e-6 * sds[1]))
        return parameters

    def bounds(self) -> list[tuple[float | None, float | None]]:
        """Range of each parameter."""
        # A column of the factor may change its sign and nothing changes. Free, the search passes through 0,
        # where the derivative vanishes, instead of ending there.
        found: list[tuple[float | None, float | None]] = [(None, None)] * self.n_factor
        if self.residual == "ar1":
            found.append((-MOST_PHI, MOST_PHI))
        if self.rows.n_equations == 2:
            found.append((-_MOST_LOG_RATIO, _MOST_LOG_RATIO))
        return found

    def phi(self, parameters: Array) -> float:
        """Autocorrelation of neighbouring sessions."""
        return float(parameters[self.n_factor]) if self.residual == "ar1" else 0.0

    def log_ratio(self, parameters: Array) -> float:
        """Logarithm of the second equation's residual SD over the first's."""
        return float(parameters[-1]) if self.rows.n_equations == 2 else 0.0

    def __call__(self, parameters: Array) -> float:
        """-2 log-likelihood; infinite where it cannot be computed."""
        try:
            value = self.profile(parameters).value
        except np.linalg.LinAlgError:
            return math.inf
        return value if math.isfinite(value) else math.inf

    def profile(self, parameters: Array) -> Profile:
        """Everything that follows from the parameters."""
        sums, log_det = self._whitened(parameters)
        return self._profile(self._factor(parameters), sums, log_det)

    def with_gradient(self, parameters: Array) -> tuple[float, Array]:
        """The value and its derivatives: exact by the factor, by central differences by phi and the ratio."""
        gradient = np.zeros(len(parameters))
        try:
            sums, log_det = self._whitened(parameters)
            at = self._profile(self._factor(parameters), sums, log_det)
        except np.linalg.LinAlgError:
            return math.inf, gradient
        if not math.isfinite(at.value):
            return math.inf, gradient
        gradient[: self.n_factor] = self._by_factor(at, sums)[self.places] / self.unit[self.places[0]]
        for k in range(self.n_factor, len(parameters)):
            step = np.zeros(len(parameters))
            step[k] = _STEP
            gradient[k] = (self(parameters + step) - self(parameters - step)) / (2 * _STEP)
        return at.value, gradient

    @property
    def n_left(self) -> int:
        """Divisor of the residual sum of squares."""
        lost = self.rows.fixed.shape[1] if self.criterion == "REML" else 0
        return self.rows.n_rows - self.rows.n_absorbed - lost

    def _factor(self, parameters: Array) -> Array:
        factor = np.zeros((len(self.unit), len(self.unit)))
        factor[self.places] = parameters[: self.n_factor]
        factor /= self.unit[:, None]
        return factor

    def _profile(self, factor: Array, sums: Array, log_det: float) -> Profile:
        q, p = self.rows.random.shape[1], self.rows.fixed.shape[1]
        inner: Array = np.linalg.cholesky(np.eye(q) + factor.T @ sums[:, :q, :q] @ factor).astype(np.float64)
        to_fixed: Array = np.linalg.solve(inner, factor.T @ sums[:, :q, q:]).astype(np.float64)
        log_det += 2 * float(np.log(np.diagonal(inner, axis1=1, axis2=2)).sum())
        left = sums[:, q:, q:].sum(axis=0) - np.einsum("ijk,ijl->kl", to_fixed, to_fixed)
        unscaled: Array = np.linalg.inv(left[:p, :p]).astype(np.float64)
        coefficients = unscaled @ left[:p, p]
        rss = max(float(left[p, p] - left[:p, p] @ coefficients), _NO_RESIDUAL)
        n = self.n_left
        if self.criterion == "REML":
            log_det += 2 * float(np.log(np.diag(np.linalg.cholesky(left[:p, :p]))).sum())
        value = log_det + n * (1 + math.log(2 * math.pi * rss / n)) + 2 * n * math.log(self.scale)
        return Profile(
            value=value,
            coefficients=self._least_squares + coefficients * self.scale,
            unscaled=unscaled,
            sigma2=rss / n * self.scale**2,
            rss=rss * self.scale**2,
            factor=factor,
            inner=inner,
            to_fixed=self._with_response(to_fixed),
        )

    def _with_response(self, to_fixed: Array) -> Array:
        """The last column for the response itself, its unit and what least squares explain put back."""
        columns, rest = to_fixed[..., :-1], to_fixed[..., -1] * self.scale
        return np.concatenate([columns, (columns @ self._least_squares + rest)[..., None]], axis=2)

    def _by_factor(self, at: Profile, sums: Array) -> Array:
        """Derivatives of the value by the elements of the factor L, shape (n_random, n_random).

        With A = I + L'CL and M = L A^-1 L', ln|A| moves by 2 tr(A^-1 L'C dL), and every B'MB by
        B'(I - MC) dL A^-1 L'B and its transpose.
        """
        q, L = len(self.unit), at.factor
        C, B = sums[:, :q, :q], sums[:, :q, q:]
        onto = np.broadcast_to(L.T, at.inner.shape)
        carried = np.linalg.solve(np.swapaxes(at.inner, 1, 2), np.linalg.solve(at.inner, onto))
        Q = carried @ B
        P = B - C @ (L @ Q)
        gradient = 2 * (C @ np.swapaxes(carried, 1, 2)).sum(axis=0)
        w = np.append((self._least_squares - at.coefficients) / self.scale, 1.0)
        gradient -= 2 * self.n_left * self.scale**2 / at.rss * np.einsum("ij,ik->jk", P @ w, Q @ w)
        if self.criterion == "REML":
            gradient -= 2 * np.einsum("ijk,kl,iml->jm", P[..., :-1], at.unscaled, Q[..., :-1])
        found: Array = gradient
        return found

    def _whitened(self, parameters: Array) -> tuple[Array, float]:
        """Sums of products of all columns, R_i^-1 between them, and the sum of ln|R_i|."""
        log_ratio = self.log_ratio(parameters)
        if self.residual == "independent":
            sums = self._sums[0]
            if self.rows.n_equations == 2:
                sums = sums + math.exp(-2 * log_ratio) * self._sums[1]
            return sums, 2 * log_ratio * self._n_second
        columns = self._columns * np.exp(-log_ratio * self.rows.equation)[:, None]
        weight = np.where(self.rows.first_of_series, 0.0, self.phi(parameters) ** np.abs(self._gaps))
        innovation = np.sqrt(1 - weight**2)
        before = np.concatenate([columns[:1], columns[:-1]])
        columns = (columns - weight[:, None] * before) / innovation[:, None]
        log_det = 2 * float(np.log(innovation).sum()) + 2 * log_ratio * self._n_second
        return self._crossproducts(columns), log_det

    @property
    def _n_second(self) -> float:
        """Independent rows of the second equation."""
        share = self.rows.n_absorbed / self.rows.n_equations
        return float((self.rows.equation == 1).sum()) - (share if self.rows.n_equations == 2 else 0.0)

    def _crossproducts(self, columns: Array) -> Array:
        products = columns[:, :, None] * columns[:, None, :]
        summed: Array = np.add.reduceat(products, self.rows.starts, axis=0)
        return summed


def random_effects(found: Profile) -> Array:
    """Best linear unbiased predictions of the random effects, shape (n_persons, n_random)."""
    left = found.to_fixed[..., -1] - found.to_fixed[..., :-1] @ found.coefficients
    spherical = np.linalg.solve(np.swapaxes(found.inner, 1, 2), left[..., None])[..., 0]
    effects: Array = spherical @ found.factor.T
    return effects


def hessian(likelihood: Likelihood, parameters: Array) -> Array:
    """Second derivatives of -2 log-likelihood by parameters and ln sigma, shape (n + 1, n + 1).

    By central differences; sigma is the last. At the maximum its inverse, doubled, is the covariance of
    the estimates.
    """
    found = likelihood.profile(parameters)
    n = likelihood.n_left

    def full(point: Array) -> float:
        at = likelihood.profile(point[:-1])
        # The profiled value holds n (1 + ln(rss / n)); put sigma back in its place.
        ratio = at.rss / found.sigma2 * math.exp(-2 * point[-1])
        return float(at.value - n * (1 + math.log(at.rss / n)) + n * 2 * point[-1] + ratio)

    at = np.append(parameters, 0.0)
    step = 1e-4 * np.maximum(np.abs(at), 0.1)
    size = len(at)
    out = np.empty((size, size))
    centre = full(at)
    for row, column in itertools.combinations_with_replacement(range(size), 2):
        one, two = np.zeros(size), np.zeros(size)
        one[row], two[column] = step[row], step[column]
        if row == column:
            value = (full(at + one) - 2 * centre + full(at - one)) / step[row] ** 2
        else:
            signs = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            value = sum(s * full(at + i * one + j * two) for i, j, s in signs) / (
                4 * step[row] * step[column]
            )
        out[row, column] = out[column, row] = value
    return out
