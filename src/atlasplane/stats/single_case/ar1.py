"""Regression with first-order autocorrelated errors, by restricted maximum likelihood.

y = X beta + e, corr(e_s, e_t) = phi^|s - t| over the times s, t of the sessions in units of the smallest gap
between two (a missed session is a gap of 2). Maximised is the restricted likelihood, over sigma^2 in closed
form and over phi by a search of its whole range, so that no second maximum is missed.

Standard errors that take phi as known are too small in short series. The two corrections offered:
Satterthwaite's degrees of freedom, from the variance of the estimated variance; and Kenward and Roger's
covariance with the same degrees of freedom, here in their second form (2009, doi:10.1016/j.csda.2008.12.013),
which does not depend on how phi is parametrised:

    C_A = C + 2 C [sum_ij W_ij (Q_ij - P_i C P_j - R_ij / 4)] C + sum_i b_i C P_i C
    b   = -W [tr(G V_i G sum_jk W_jk V_jk)]_i / 4,  G = V^-1 - V^-1 X C X' V^-1

with V_i, V_jk derivatives of the covariance by (phi, sigma^2), P_i = -X'V^-1 V_i V^-1 X,
Q_ij = X'V^-1 V_i V^-1 V_j V^-1 X, R_ij = X'V^-1 V_ij V^-1 X and W the inverse of the expected information
W^-1 = [tr(G V_i G V_j) / 2]. It is an expansion for small errors of phi. Near phi = 1 it can make a variance
smaller than C, or negative; there C is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from atlasplane.stats.checks import Array, matrix, same_length, share, vector
from atlasplane.stats.refusal import Collinear, Duplicate, NoVariance, OutOfOrder, TooFew
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named

PHI_LIMIT = 0.99
"""The search ends here: beyond it a level cannot be told from a random walk."""
LEAST_DOF = 4
"""Sessions less coefficients below which phi is not estimated."""
_LEAST_UNEVEN = 0.01
"""Least phi where gaps are no multiples of the smallest: a negative one has no such power."""
_GRID, _WHOLE = 67, 1e-9


class Ar1Dof(Enum):
    """How standard errors and degrees of freedom account for phi being estimated."""

    SATTERTHWAITE = "satterthwaite"
    KENWARD_ROGER = "kenward-roger 2009"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ar1Regression:
    """Coefficients with what they rest on.

    Attributes
    ----------
    coefficients, u, dof, low, high : array, shape (k,)
        In the order of the design. `dof` is 1 at least.
    level : float
    method : Ar1Dof
    phi : float
        Autocorrelation of two sessions that are the smallest gap apart.
    at_boundary : bool
        Whether phi lies at the end of the range searched; intervals are then not to be relied upon.
    sigma : float
        Standard deviation of one value about the regression.
    log_likelihood : float
        Restricted, up to a constant of the design.
    residuals : array, shape (n,)
        Values less regression, correlated as they are.
    """

    coefficients: Array
    u: Array
    dof: Array
    low: Array
    high: Array
    level: float
    method: Ar1Dof
    phi: float
    at_boundary: bool
    sigma: float
    log_likelihood: float
    residuals: Array


@named
def ar1_regression(
    values: ArrayLike, design: ArrayLike, sessions: ArrayLike, *, method: Ar1Dof, level: float
) -> Ar1Regression:
    """Generalised least squares of `values` on `design`, errors AR(1), phi by restricted likelihood.

    Parameters
    ----------
    values : array, shape (n,)
    design : array, shape (n, k)
        Of full rank; n is k + 4 at least.
    sessions : array, shape (n,)
        Strictly increasing. Where gaps are no multiples of the smallest one, phi is 0.01 or more.
    level : float
        Of the intervals, e.g. 0.95.

    Raises
    ------
    TooFew, OutOfOrder, Duplicate
    Collinear
        A column of the design follows from the others.
    NoVariance
        The design fits every value exactly.
    """
    share(level, "level")
    y, x, when = vector(values, "values"), matrix(design, "design"), vector(sessions, "sessions")
    same_length(values=y, design=x, sessions=when)
    if len(y) < x.shape[1] + LEAST_DOF:
        raise TooFew(
            f"{len(y)} sessions for {x.shape[1]} coefficients; AR(1) errors need {x.shape[1] + LEAST_DOF}"
        )
    gaps = np.diff(when)
    if (gaps < 0).any():
        raise OutOfOrder("sessions go back in time; sort them together with the values")
    if (gaps == 0).any():
        raise Duplicate("a session has two values; choose one or average them yourself")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise Collinear("the columns of the design depend on one another; leave one out")
    exact = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    if float(np.abs(exact).max()) <= 1e-12 * float(np.abs(y).max()):
        raise NoVariance("the design fits every value exactly; there is no error to estimate")
    gaps = gaps / gaps.min()
    if np.abs(gaps - np.round(gaps)).max() < _WHOLE:
        gaps = np.round(gaps)
    when = np.concatenate([[0.0], np.cumsum(gaps)])
    return _fit(y, x, when, _phi(y, x, gaps), method=method, level=level)


def _fit(
    y: Array, x: Array, when: Array, found: tuple[float, float, bool], *, method: Ar1Dof, level: float
) -> Ar1Regression:
    phi, log_likelihood, at_boundary = found
    derivatives = _correlation_derivatives(when, phi)
    inverse = np.linalg.inv(derivatives[0])
    weighted = x.T @ inverse
    c = np.linalg.inv(weighted @ x)
    coefficients = c @ (weighted @ y)
    residuals = y - x @ coefficients
    variance = float(residuals @ inverse @ residuals) / (len(y) - x.shape[1])
    relative, dof = _small_sample(x, derivatives, method=method)
    u = np.sqrt(variance * relative)
    half = half_width(u, dof, level=level)
    return Ar1Regression(
        coefficients=coefficients,
        u=u,
        dof=dof,
        low=coefficients - half,
        high=coefficients + half,
        level=level,
        method=method,
        phi=phi,
        at_boundary=at_boundary,
        sigma=float(np.sqrt(variance)),
        log_likelihood=log_likelihood,
        residuals=residuals,
    )


def _restricted_log_likelihood(values: Array, design: Array, gaps: Array, phi: Array) -> Array:
    """Of phi, shape (m,), maximised over sigma^2; up to a constant of the design.

    `gaps` (n - 1,) are the differences of the sessions. The whitened row t is
    (row_t - r row_{t-1}) / sqrt(1 - r^2) with r = phi^gap.
    """
    n, k = design.shape
    r = phi[:, None] ** gaps
    scale = np.sqrt(1 - r**2)
    rows = np.column_stack([design, values])
    white = np.empty((len(phi), n, k + 1))
    white[:, 0] = rows[0]
    white[:, 1:] = (rows[1:] - r[:, :, None] * rows[:-1]) / scale[:, :, None]
    factor = np.linalg.qr(white, mode="r")
    diagonal = np.abs(np.diagonal(factor, axis1=1, axis2=2))
    likelihood: Array = -(
        (n - k) * np.log(diagonal[:, k]) + np.log(scale).sum(axis=1) + np.log(diagonal[:, :k]).sum(axis=1)
    )
    return likelihood


def _correlation_derivatives(sessions: Array, phi: float) -> tuple[Array, Array, Array]:
    """The correlations phi^|s - t|, shape (n, n), and their first and second derivative by phi."""
    apart = np.abs(np.subtract.outer(sessions, sessions))
    first = np.where(apart > 0, apart * _power(phi, apart - 1), 0.0)
    second = np.where(apart > 0, apart * (apart - 1) * _power(phi, apart - 2), 0.0)
    return _power(phi, apart), first, second


def _small_sample(
    design: Array, derivatives: tuple[Array, Array, Array], *, method: Ar1Dof
) -> tuple[Array, Array]:
    """Variances of the coefficients in units of sigma^2, and degrees of freedom, both of shape (k,)."""
    v, by_phi, twice = derivatives
    inverse = np.linalg.inv(v)
    weighted = design.T @ inverse
    c = np.linalg.inv(weighted @ design)
    g = inverse - weighted.T @ c @ weighted
    first = (by_phi, v)
    second = ((twice, by_phi), (by_phi, np.zeros_like(v)))
    information = [[np.sum((g @ a) * (g @ b).T) / 2 for b in first] for a in first]
    w = np.linalg.inv(np.array(information))
    p = [-weighted @ a @ weighted.T for a in first]
    slopes = np.stack([np.diag(c @ own @ c) for own in p], axis=1)
    plain = np.diag(c)
    dof = np.maximum(1.0, 2 * plain**2 / np.einsum("ji,il,jl->j", slopes, w, slopes))
    if method is Ar1Dof.SATTERTHWAITE:
        return plain, dof
    curved = sum(w[i, j] * second[i][j] for i in range(2) for j in range(2))
    spread = sum(
        w[i, j] * (weighted @ first[i] @ inverse @ first[j] @ weighted.T - p[i] @ c @ p[j])
        for i in range(2)
        for j in range(2)
    )
    bias = -w @ np.array([np.sum((g @ own) * (g @ curved).T) for own in first]) / 4
    inner = 2 * spread - weighted @ curved @ weighted.T / 2 + bias[0] * p[0] + bias[1] * p[1]
    return np.maximum(plain, plain + np.diag(c @ inner @ c)), dof


def _phi(y: Array, x: Array, gaps: Array) -> tuple[float, float, bool]:
    """Where the restricted likelihood is largest, its value there, and whether the range ends there."""
    whole = bool((gaps == np.round(gaps)).all())
    grid = np.linspace(-PHI_LIMIT if whole else _LEAST_UNEVEN, PHI_LIMIT, _GRID)
    heights = _restricted_log_likelihood(y, x, gaps, grid)
    top = int(np.argmax(heights))
    ends = grid[max(top - 1, 0)], grid[min(top + 1, _GRID - 1)]
    found = minimize_scalar(
        lambda phi: -float(_restricted_log_likelihood(y, x, gaps, np.array([phi]))[0]),
        bounds=ends,
        method="bounded",
        options={"xatol": 1e-10},
    )
    phi, height = float(found.x), -float(found.fun)
    if heights[top] >= height:
        phi, height = float(grid[top]), float(heights[top])
    return phi, height, bool(min(abs(phi - grid[0]), abs(phi - grid[-1])) < 1e-6)


def _power(phi: float, exponent: NDArray[np.float64]) -> Array:
    """phi^exponent; 0 where the exponent is negative and phi is 0, as its factor vanishes there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power: Array = np.where((exponent < 0) & (phi == 0), 0.0, np.power(phi, exponent))
    return power
