"""Piecewise regression of one case: change of level and of slope where a phase begins.

    y = b0 + b1 t + sum_p [ level_p D_p + slope_p D_p (t - start_p) ] + e

with D_p = 1 from the first session of phase p on (Huitema and McKean 2000, Educ Psychol Meas 60:38-58).
Every change is against the phase before, so an ABAB series has three of each. What a level change means
depends on the coding of time, which therefore stands in the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from atlasplane.stats.checks import Array, share
from atlasplane.stats.refusal import NoVariance, TooFew
from atlasplane.stats.single_case.ar1 import Ar1Dof, ar1_regression
from atlasplane.stats.single_case.series import PhasedSeries
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named

_FEW_DOF = 3.0


class TimeCoding(Enum):
    """What time 0 and the counter of a phase are."""

    FROM_ZERO = "first session 0, first session of a phase 0"
    """The intercept is the level at the first session; a level change the jump at the first session of the
    phase (Huitema and McKean 2000)."""
    FROM_ONE = "first session 1, first session of a phase 1"
    """Intercept and level change are those one session earlier, as if the change had come just before the
    phase (Wagner and others 2002, doi:10.1046/j.1365-2710.2002.00430.x)."""


class Terms(Enum):
    """Which coefficients the model has."""

    LEVELS = "levels"
    """No trend: means of phases."""
    LEVELS_AND_TREND = "levels and one trend"
    LEVELS_AND_SLOPES = "levels and slopes"


class Errors(Enum):
    """What is assumed of the errors, and the interval that follows from it."""

    INDEPENDENT = "independent, t(n-k)"
    AR1_SATTERTHWAITE = "AR(1) by REML, Satterthwaite"
    """Intervals of a level change that hold in 0.91 to 0.93 instead of 0.95 where phi is 0.6."""
    AR1_KENWARD_ROGER = "AR(1) by REML, Kenward-Roger 2009"
    """The one whose intervals hold from 20 sessions on."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PiecewiseRegression:
    """Coefficients of one case, in the unit of the values (and per unit of the sessions).

    Attributes
    ----------
    names : tuple of str, length k
        "intercept", "trend", then "level change 1" and "slope change 1" of the first change of phase, ...
    coefficients, u, dof, low, high : array, shape (k,)
        + where values rise.
    level : float
    coding : TimeCoding
    terms : Terms
    errors : Errors
    phi : float or None
        Autocorrelation of sessions the smallest gap apart; None where errors are taken as independent.
    phi_at_boundary : bool
    sigma : float
        Standard deviation of one value about the regression.
    r_squared : float
        Share of the squares about the mean that the regression takes up; descriptive.
    residuals : array, shape (n,)
    why : tuple of str
        What cannot be concluded, or only with care.
    """

    names: tuple[str, ...]
    coefficients: Array
    u: Array
    dof: Array
    low: Array
    high: Array
    level: float
    coding: TimeCoding
    terms: Terms
    errors: Errors
    phi: float | None
    phi_at_boundary: bool
    sigma: float
    r_squared: float
    residuals: Array
    why: tuple[str, ...]

    def index(self, name: str) -> int:
        """Place of a coefficient by its name."""
        return self.names.index(name)


@named
def piecewise_design(
    series: PhasedSeries, *, coding: TimeCoding, terms: Terms
) -> tuple[Array, tuple[str, ...]]:
    """The design of shape (n, k) and the names of its columns.

    Raises
    ------
    TooFew
        A phase of one session where it has a slope, or a series of one phase.
    """
    stretches = series.stretches
    if len(stretches) < 2:
        raise TooFew("the series has one phase; a change needs a baseline and another phase")
    wanted = 2 if terms is Terms.LEVELS_AND_SLOPES else 1
    for run in stretches:
        if len(run) < wanted:
            raise TooFew(
                f"phase {run.label!r} has {len(run)} session; a slope needs 2 or more. Ask for levels alone"
            )
    offset = 0.0 if coding is TimeCoding.FROM_ZERO else 1.0
    columns = {"intercept": np.ones(series.n_sessions)}
    if terms is not Terms.LEVELS:
        columns["trend"] = series.sessions - series.sessions[0] + offset
    for number, run in enumerate(stretches[1:], start=1):
        since = (np.arange(series.n_sessions) >= run.start).astype(float)
        columns[f"level change {number}"] = since
        if terms is Terms.LEVELS_AND_SLOPES:
            counter = series.sessions - series.sessions[run.start] + offset
            columns[f"slope change {number}"] = since * counter
    return np.column_stack(list(columns.values())), tuple(columns)


@named
def piecewise_regression(
    series: PhasedSeries, *, coding: TimeCoding, terms: Terms, errors: Errors, level: float
) -> PiecewiseRegression:
    """Changes of level and slope with their intervals.

    Parameters
    ----------
    series : PhasedSeries
    level : float
        Of the intervals, e.g. 0.95.

    Raises
    ------
    TooFew
        A phase of one session where it has a slope; no more sessions than coefficients, or with AR(1)
        errors fewer than four more.
    NoVariance
        The regression fits every value exactly.
    """
    share(level, "level")
    design, names = piecewise_design(series, coding=coding, terms=terms)
    if errors is Errors.INDEPENDENT:
        coefficients, u, dof, sigma = _ordinary(series.values, design)
        phi, at_boundary = None, False
    else:
        method = Ar1Dof.SATTERTHWAITE if errors is Errors.AR1_SATTERTHWAITE else Ar1Dof.KENWARD_ROGER
        fit = ar1_regression(series.values, design, series.sessions, method=method, level=level)
        coefficients, u, dof, sigma = fit.coefficients, fit.u, fit.dof, fit.sigma
        phi, at_boundary = fit.phi, fit.at_boundary
    half = half_width(u, dof, level=level)
    residuals = series.values - design @ coefficients
    about_mean = float(np.sum((series.values - series.values.mean()) ** 2))
    return PiecewiseRegression(
        names=names,
        coefficients=coefficients,
        u=u,
        dof=dof,
        low=coefficients - half,
        high=coefficients + half,
        level=level,
        coding=coding,
        terms=terms,
        errors=errors,
        phi=phi,
        phi_at_boundary=at_boundary,
        sigma=sigma,
        r_squared=1 - float(residuals @ residuals) / about_mean,
        residuals=residuals,
        why=_why(names, dof, at_boundary),
    )


def _ordinary(values: Array, design: Array) -> tuple[Array, Array, Array, float]:
    """Coefficients, standard errors, degrees of freedom and residual standard deviation of least squares."""
    n_sessions, n_coefficients = design.shape
    dof = n_sessions - n_coefficients
    if dof < 1:
        raise TooFew(f"{n_sessions} sessions for {n_coefficients} coefficients; more sessions are needed")
    bread = np.linalg.inv(design.T @ design)
    coefficients = np.asarray(np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)
    residuals = values - design @ coefficients
    if float(np.abs(residuals).max()) <= 1e-12 * float(np.abs(values).max()):
        raise NoVariance("the regression fits every value exactly; there is no error to estimate")
    variance = float(residuals @ residuals) / dof
    return (
        coefficients,
        np.sqrt(variance * np.diag(bread)),
        np.full(n_coefficients, float(dof)),
        variance**0.5,
    )


def _why(names: tuple[str, ...], dof: Array, at_boundary: bool) -> tuple[str, ...]:
    why = []
    if at_boundary:
        why.append(
            "phi lies at the end of its range: a change cannot be told from drift; use the local level"
        )
    few = [name for name, own in zip(names, dof, strict=True) if own < _FEW_DOF]
    if few:
        why.append(
            f"fewer than {_FEW_DOF:g} degrees of freedom: next to nothing is known of {', '.join(few)}"
        )
    return tuple(why)
