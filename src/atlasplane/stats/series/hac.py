"""Newey-West covariance of regression coefficients: standard errors where neighbouring sessions are alike.

cov = f * B (G_0 + sum_l w_l (G_l + G_l')) B, with G_l = sum_t s_t s_{t-l}' over the scores s_t (one row for
each session), the Bartlett weights w_l = 1 - l / (n_lags + 1), the bread B (inverse of the information) and
the small-sample factor f (Newey and West 1987, doi:10.2307/1913610).

The scores of least squares are x_t e_t, and B = (X'X)^-1. Those of a generalised linear model are x_t times
the derivative of the log-likelihood by the linear predictor, and B the inverse of the expected information,
both at the fitted coefficients and both at the same dispersion (which cancels).

The sum is cut at `n_lags`, and the residuals are less correlated than the errors: standard errors of short
series stay too small. Below 50 sessions prefer piecewise regression with AR(1) errors or the local level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.checks import Array, matrix, same_length, share, vector
from atlasplane.stats.refusal import Collinear, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named

SHORT_SERIES = 50
"""Sessions below which the covariance is known to be too small to rely on."""


_ROUNDING = 1e-9


class SmallSample(Enum):
    """The factor by which the covariance is multiplied."""

    NONE = "none"
    """1, as Newey and West."""
    RESIDUAL_DOF = "n/(n-k)"
    """n sessions over n less k coefficients, as Stata's newey and `use_correction=True` of statsmodels."""


class DofMethod(Enum):
    """The degrees of freedom of the t that makes the interval."""

    RESIDUAL = "n-k"
    """Sessions less coefficients: as if the variance were that of independent errors."""
    SATTERTHWAITE = "satterthwaite"
    """Those of the variance estimate itself, matched to its first two moments under independent errors,
    with its bias under them taken out."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NeweyWest:
    """Covariance of k coefficients from n sessions.

    Attributes
    ----------
    cov : array, shape (k, k)
    n_lags : int
    small_sample : SmallSample
    factor : float
        What `small_sample` amounts to.
    n_sessions : int
    why : tuple of str
        What speaks against relying on it; empty where nothing does.
    """

    cov: Array
    n_lags: int
    small_sample: SmallSample
    factor: float
    n_sessions: int
    why: tuple[str, ...]

    @property
    def u(self) -> Array:
        """Standard errors, shape (k,)."""
        return np.sqrt(np.diag(self.cov))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NeweyWestRegression:
    """Least squares with Newey-West standard errors and intervals.

    Attributes
    ----------
    coefficients, u, dof, low, high : array, shape (k,)
        Estimates, standard errors, degrees of freedom and ends of the intervals, in the order of the design.
    level : float
    dof_method : DofMethod
    covariance : NeweyWest
        As published, without the correction of bias that `DofMethod.SATTERTHWAITE` makes in `u`.
    residuals : array, shape (n,)
    durbin_watson : float
        Near 2 where neighbouring residuals are unrelated, below where they are alike
        (Durbin and Watson 1950, doi:10.1093/biomet/37.3-4.409).
    """

    coefficients: Array
    u: Array
    dof: Array
    low: Array
    high: Array
    level: float
    dof_method: DofMethod
    covariance: NeweyWest
    residuals: Array
    durbin_watson: float


def least_lags(n_sessions: int) -> int:
    """The least lag to be taken seriously: the cube root of the number of sessions, rounded up.

    Its order is that at which the error of the Bartlett kernel is smallest
    (Andrews 1991, doi:10.2307/2938229).
    """
    if n_sessions < 1:
        raise TooFew(f"{n_sessions} sessions have no lag; give 1 or more")
    root = round(math.cbrt(n_sessions))
    return root if root**3 >= n_sessions else root + 1


@named
def newey_west(scores: ArrayLike, bread: ArrayLike, *, n_lags: int, small_sample: SmallSample) -> NeweyWest:
    """Newey-West covariance from scores and bread (see above), for least squares and for scores of a GLM.

    Parameters
    ----------
    scores : array, shape (n, k)
        One row for each session, in order, without gaps.
    bread : array, shape (k, k)
        Inverse of the information; symmetric.
    n_lags : int
        0 leaves the covariance that is robust to unequal variances only.

    Raises
    ------
    TooFew
        Not more sessions than coefficients.
    OutOfRange
        `n_lags` negative, or not below the number of sessions.
    """
    rows = matrix(scores, "scores")
    n_sessions, n_coefficients = rows.shape
    middle = matrix(bread, "bread")
    if middle.shape != (n_coefficients, n_coefficients):
        raise WrongShape(
            f"bread is {middle.shape}, the scores have {n_coefficients} columns; they must agree"
        )
    if n_sessions <= n_coefficients:
        raise TooFew(f"{n_sessions} sessions for {n_coefficients} coefficients; more sessions are needed")
    if not 0 <= n_lags < n_sessions:
        raise OutOfRange(f"n_lags is {n_lags}; give 0 or more, and less than the {n_sessions} sessions")
    total = rows.T @ rows
    for lag in range(1, n_lags + 1):
        products = rows[lag:].T @ rows[:-lag]
        total += (1 - lag / (n_lags + 1)) * (products + products.T)
    factor = 1.0
    if small_sample is SmallSample.RESIDUAL_DOF:
        factor = n_sessions / (n_sessions - n_coefficients)
    cov = factor * middle @ total @ middle
    return NeweyWest(
        cov=(cov + cov.T) / 2,
        n_lags=n_lags,
        small_sample=small_sample,
        factor=factor,
        n_sessions=n_sessions,
        why=_why(n_sessions, n_lags),
    )


@named
def newey_west_regression(
    values: ArrayLike,
    design: ArrayLike,
    *,
    n_lags: int,
    small_sample: SmallSample,
    dof_method: DofMethod,
    level: float,
) -> NeweyWestRegression:
    """Least squares of `values` on `design` with Newey-West standard errors and t intervals.

    With `DofMethod.SATTERTHWAITE` the variance of each coefficient, y'Qy, has the degrees of freedom
    2 E^2 / var = tr(Q)^2 / tr(QQ), and is divided by tr(Q) / [(X'X)^-1]_jj: both as they are where the errors
    are independent and of equal variance. It is the device of Bell and McCaffrey (2002, Survey Methodology
    28:169-181) and Imbens and Kolesar (2016, doi:10.1162/REST_a_00552), here for the Bartlett kernel.

    Parameters
    ----------
    values : array, shape (n,)
        In session order, without gaps.
    design : array, shape (n, k)
        Of full rank.
    level : float
        Of the intervals, e.g. 0.95.

    Raises
    ------
    Collinear
        A column of the design follows from the others.
    NoVariance
        The residuals are all zero.
    """
    share(level, "level")
    y, x = vector(values, "values"), matrix(design, "design")
    same_length(values=y, design=x)
    base, inverse = _orthogonal(x)
    n_sessions, n_coefficients = x.shape
    coefficients = inverse @ (base.T @ y)
    residuals = y - base @ (base.T @ y)
    squares = float(residuals @ residuals)
    if squares <= (1e-12 * float(np.abs(y).max())) ** 2 * n_sessions:
        raise NoVariance("the design fits every value exactly; there is no error to estimate")
    covariance = newey_west(
        base * residuals[:, None], np.eye(n_coefficients), n_lags=n_lags, small_sample=small_sample
    )
    covariance = replace(
        covariance,
        cov=inverse @ covariance.cov @ inverse.T,
        why=covariance.why + _why_alone(np.sum(base**2, axis=1)),
    )
    u, dof = covariance.u, np.full(n_coefficients, float(n_sessions - n_coefficients))
    if dof_method is DofMethod.SATTERTHWAITE:
        dof, bias = _moments(base, inverse, n_lags)
        u = u / np.sqrt(covariance.factor * bias)
    half = half_width(u, dof, level=level)
    return NeweyWestRegression(
        coefficients=coefficients,
        u=u,
        dof=dof,
        low=coefficients - half,
        high=coefficients + half,
        level=level,
        dof_method=dof_method,
        covariance=covariance,
        residuals=residuals,
        durbin_watson=float(np.sum(np.diff(residuals) ** 2)) / squares,
    )


def _orthogonal(design: Array) -> tuple[Array, Array]:
    """Orthonormal columns and what turns their coefficients into the design's.

    Far from 0, as years are, X'X would lose half of the digits.
    """
    n_sessions, n_coefficients = design.shape
    if n_sessions <= n_coefficients:
        raise TooFew(f"{n_sessions} sessions for {n_coefficients} coefficients; more sessions are needed")
    lengths = np.linalg.norm(design, axis=0)
    if not lengths.all() or np.linalg.matrix_rank(design / lengths) < n_coefficients:
        raise Collinear("the columns of the design depend on one another; leave one out")
    base, triangle = np.linalg.qr(design / lengths)
    return base, np.linalg.inv(triangle) / lengths[:, None]


def _moments(base: Array, inverse: Array, n_lags: int) -> tuple[Array, Array]:
    """Degrees of freedom, and expectation over the true variance, of each variance; both of shape (k,).

    The variance of coefficient j is e' D W D e with D = diag(X B)_j, Bartlett weights W and the residuals
    e = M y; so Q = M D W D M. X is `base` @ R, and `inverse` that of R.
    """
    lags = np.abs(np.subtract.outer(np.arange(len(base)), np.arange(len(base))))
    weights = np.maximum(0.0, 1 - lags / (n_lags + 1))
    dof, bias = np.empty(len(inverse)), np.empty(len(inverse))
    for j, row in enumerate(inverse):
        influence = base @ row
        inner = weights * np.outer(influence, influence)
        inner -= base @ (base.T @ inner)
        inner -= (inner @ base) @ base.T
        trace = float(np.trace(inner))
        dof[j] = trace**2 / float(np.sum(inner * inner))
        bias[j] = trace / float(row @ row)
    return dof, bias


def _why_alone(leverage: Array) -> tuple[str, ...]:
    """Of sessions that are fitted exactly, whatever their value: their error is not in the covariance."""
    alone = np.flatnonzero(leverage > 1 - _ROUNDING)
    if not len(alone):
        return ()
    which = ", ".join(str(k + 1) for k in alone)
    return (f"a coefficient rests on session {which} alone, whose error is not seen; lengthen that phase",)


def _why(n_sessions: int, n_lags: int) -> tuple[str, ...]:
    why = []
    if n_sessions < SHORT_SERIES:
        why.append(f"only {n_sessions} sessions: the standard errors are too small; prefer AR(1) errors")
    if n_lags < least_lags(n_sessions):
        why.append(
            f"{n_lags} lags are fewer than the {least_lags(n_sessions)} that {n_sessions} sessions want"
        )
    return tuple(why)
