"""Interrupted series of counts: change of level and of slope as rate ratios, with a covariance that is named.

ln E(y_t) = ln(exposure_t) + b0 + b1 t + b2 D_t + b3 D_t (t - start) + harmonics, D_t = 1 from `start` on
(Lopez Bernal, Cummins and Gasparrini 2017, doi:10.1093/ije/dyw098). exp(b2) is the rate ratio at the start,
exp(b3) the ratio by which each unit of time multiplies it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, stdtr, stdtrit

from atlasplane.stats.checks import Array, share, vector
from atlasplane.stats.refusal import NotConverged, NotFinite, NoVariance, OutOfRange, Refusal
from atlasplane.stats.series.count_regression import CountFamily, CountRegression, count_regression
from atlasplane.stats.series.hac import (
    DofMethod,
    NeweyWest,
    NeweyWestRegression,
    SmallSample,
    newey_west_regression,
)
from atlasplane.stats.series.interrupted_design import LEVEL_CHANGE, SLOPE_CHANGE, InterruptedDesign
from atlasplane.stats.series.posterior import exponential
from atlasplane.stats.variants import named

_LEAST_DISPERSION = 1e-12
_ALARM = 0.05
"""p-value below which scatter or likeness of neighbours is told."""


class Unsuitable(Refusal):
    """Two variants were asked for that do not go together."""


class CountCovariance(Enum):
    """Covariance of the coefficients, where neighbouring counts are unrelated given the model."""

    MODEL = "model"
    """As the family has it."""
    QUASI = "quasi"
    """Poisson's, times the Pearson dispersion (Wedderburn 1974, doi:10.1093/biomet/61.3.439)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HacCovariance:
    """Newey-West covariance, where neighbours may be alike.

    Attributes
    ----------
    n_lags : int
    small_sample : SmallSample
    """

    n_lags: int
    small_sample: SmallSample


class Reference(Enum):
    """What the interval takes its quantile from."""

    NORMAL = "normal"
    RESIDUAL_DOF = "t, n-k"
    SATTERTHWAITE = "t, satterthwaite"
    """Of `HacCovariance` only: degrees of freedom of the variance estimate, which is also freed of its bias
    under unrelated neighbours (series.hac)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioOfMeans:
    """A ratio of expected counts.

    Attributes
    ----------
    ratio, low, high : float
    u_log : float
        Standard error of its logarithm.
    dof : float
        Of the quantile; infinite for the normal one.
    level : float
    p_value : float
        Two-sided, of a ratio of 1.
    """

    ratio: float
    low: float
    high: float
    u_log: float
    dof: float
    level: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Counterfactual:
    """What the model expects had nothing changed at the start, at the treated sessions.

    Attributes
    ----------
    time : array, shape (m,)
    expected, low, high : array, shape (m,)
        Expected count and the interval of this expectation (not of a count).
    fitted : array, shape (m,)
        Expected with the change.
    level : float
    """

    time: Array
    expected: Array
    low: Array
    high: Array
    fitted: Array
    level: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InterruptedCounts:
    """An interrupted series of counts, fitted.

    Attributes
    ----------
    design : InterruptedDesign
    regression : CountRegression
        Coefficients, fitted means, residuals, dispersion, alpha.
    exposure : array, shape (n,)
    covariance : CountCovariance or HacCovariance
    reference : Reference
    level : float
        Of every interval.
    cov : array, shape (k, k)
        Of the coefficients. With `Reference.SATTERTHWAITE` each interval takes it without its bias.
    residual_acf : array, shape (h,)
        Autocorrelation of the Pearson residuals at lags 1 to h; h = min(10, n // 4).
    why : tuple of str
        What speaks against relying on the intervals; empty where nothing does.
    """

    design: InterruptedDesign
    regression: CountRegression
    exposure: Array
    covariance: CountCovariance | HacCovariance
    reference: Reference
    level: float
    cov: Array
    residual_acf: Array
    why: tuple[str, ...]

    @property
    def u(self) -> Array:
        """Standard errors of the coefficients by `cov`, shape (k,)."""
        return np.sqrt(np.diag(self.cov))

    def ratio(self, name: str) -> RatioOfMeans:
        """What one unit of a column, e.g. "level change", multiplies by: exp of its coefficient."""
        if name not in self.design.names:
            raise OutOfRange(f"there is no column {name!r}; the design has {', '.join(self.design.names)}")
        return self._ratio(np.array([float(own == name) for own in self.design.names]))

    def ratio_at(self, time: float) -> RatioOfMeans:
        """Expected count over the one without the change, at a time from the start on."""
        if not math.isfinite(time):
            raise NotFinite(f"time is {time}; give a number")
        if time < self.design.start:
            raise OutOfRange(
                f"time {time:g} lies before the start {self.design.start:g}; nothing has changed"
            )
        along = {LEVEL_CHANGE: 1.0, SLOPE_CHANGE: time - self.design.start}
        return self._ratio(np.array([along.get(name, 0.0) for name in self.design.names]))

    def counterfactual(self) -> Counterfactual:
        """Expectation without the change; interval on the scale of the logarithm."""
        treated = self.design.treated > 0
        rows = self.design.without_change[treated]
        of_logs = [self._ratio(row) for row in rows]
        expected, low, high = (
            self.exposure[treated] * np.array([getattr(one, end) for one in of_logs])
            for end in ("ratio", "low", "high")
        )
        return Counterfactual(
            time=self.design.time[treated],
            expected=expected,
            low=low,
            high=high,
            fitted=self.regression.means[treated],
            level=self.level,
        )

    def _ratio(self, contrast: Array) -> RatioOfMeans:
        log_ratio = float(contrast @ self.regression.coefficients)
        u, dof = self._u_and_dof(contrast)
        half = float(stdtrit(dof, (1 + self.level) / 2)) * u
        return RatioOfMeans(
            ratio=exponential(log_ratio),
            low=exponential(log_ratio - half),
            high=exponential(log_ratio + half),
            u_log=u,
            dof=dof,
            level=self.level,
            p_value=2 * float(stdtr(dof, -abs(log_ratio) / u)),
        )

    def _u_and_dof(self, contrast: Array) -> tuple[float, float]:
        """Standard error of contrast @ coefficients and the degrees of freedom of its quantile."""
        if self.reference is Reference.SATTERTHWAITE and isinstance(self.covariance, HacCovariance):
            return _satterthwaite(self.regression, self.design.matrix, contrast, self.covariance)
        u = math.sqrt(float(contrast @ self.cov @ contrast))
        return u, math.inf if self.reference is Reference.NORMAL else float(self.regression.dof)


@named
def interrupted_counts(
    counts: ArrayLike,
    design: InterruptedDesign,
    *,
    exposure: ArrayLike,
    family: CountFamily,
    covariance: CountCovariance | HacCovariance,
    reference: Reference,
    level: float,
) -> InterruptedCounts:
    """Fit of an interrupted series of counts.

    Parameters
    ----------
    counts, exposure : array, shape (n,)
        In the order of the design. Ones as exposure where every session is equally long.
    level : float
        Of the intervals, e.g. 0.95.

    Raises
    ------
    Unsuitable
        The quasi covariance of NB2, which has its scatter already; Satterthwaite's degrees of freedom
        without Newey-West.
    NotConverged
        No finite estimate, as where there is no event before or after the start.
    NoVariance
        The quasi or the Newey-West covariance where every count is fitted exactly.
    """
    share(level, "level")
    _check_variants(family, covariance, reference)
    y = vector(counts, "counts")
    if len(y) == len(design.time) and not (y @ design.treated and y @ (1 - design.treated)):
        raise NotConverged("no event before or after the start: the ratio is had from rate_ratio")
    regression = count_regression(y, design.matrix, exposure=exposure, family=family)
    if covariance is not CountCovariance.MODEL and regression.dispersion < _LEAST_DISPERSION:
        raise NoVariance("every count is fitted exactly; there is no scatter to estimate; take MODEL")
    hac = _newey_west(regression, design.matrix, covariance)
    cov = regression.bread if hac is None else hac.cov
    if covariance is CountCovariance.QUASI:
        cov = regression.dispersion * cov
    acf = residual_autocorrelation(regression.residuals, n_lags=max(1, min(10, len(y) // 4)))
    return InterruptedCounts(
        design=design,
        regression=regression,
        exposure=vector(exposure, "exposure"),
        covariance=covariance,
        reference=reference,
        level=level,
        cov=cov,
        residual_acf=acf,
        why=_why(regression, design, covariance, acf) + (() if hac is None else hac.why),
    )


def residual_autocorrelation(residuals: ArrayLike, *, n_lags: int) -> Array:
    """Autocorrelation at lags 1 to `n_lags`: sum of the products of deviations over the sum of their squares.

    Some 95 % of those of unrelated values lie within 1.96 / sqrt(n) (Bartlett 1946, doi:10.2307/2983611).

    Raises
    ------
    OutOfRange
        A lag that the series does not have.
    NoVariance
        Values that are all equal.
    """
    values = vector(residuals, "residuals", at_least=2)
    if not 1 <= n_lags < len(values):
        raise OutOfRange(f"{n_lags} lags of {len(values)} values; give 1 or more, and fewer than the values")
    centred = values - values.mean()
    squares = float(centred @ centred)
    if squares <= (1e-14 * float(np.abs(values).max())) ** 2 * len(values):
        raise NoVariance("the values are all equal; they have no autocorrelation")
    return np.array([float(centred[lag:] @ centred[:-lag]) / squares for lag in range(1, n_lags + 1)])


def _check_variants(
    family: CountFamily, covariance: CountCovariance | HacCovariance, reference: Reference
) -> None:
    if family is CountFamily.NB2 and covariance is CountCovariance.QUASI:
        raise Unsuitable("NB2 has its scatter in alpha; take the quasi covariance with Poisson")
    if reference is Reference.SATTERTHWAITE and not isinstance(covariance, HacCovariance):
        raise Unsuitable(
            "Satterthwaite's degrees of freedom are those of HacCovariance; take the residual ones"
        )


def _newey_west(
    regression: CountRegression, matrix: Array, covariance: CountCovariance | HacCovariance
) -> NeweyWest | None:
    if not isinstance(covariance, HacCovariance):
        return None
    return _last_step(regression, matrix, covariance).covariance


def _last_step(regression: CountRegression, columns: Array, covariance: HacCovariance) -> NeweyWestRegression:
    """Least squares of the Pearson residuals on sqrt(w) x: the step from the fit, which is none.

    Its scores and its bread are those of the fit.
    """
    roots = np.sqrt(regression.weights)
    return newey_west_regression(
        regression.residuals,
        roots[:, None] * columns,
        n_lags=covariance.n_lags,
        small_sample=covariance.small_sample,
        dof_method=DofMethod.SATTERTHWAITE,
        level=0.95,
    )


def _satterthwaite(
    regression: CountRegression, matrix: Array, contrast: Array, covariance: HacCovariance
) -> tuple[float, float]:
    """Standard error and degrees of freedom of a contrast.

    A column is put in the place of the largest of the contrast whose coefficient is the contrast itself.
    """
    place = int(np.argmax(np.abs(contrast)))
    turn = np.eye(len(contrast))
    turn[place] = contrast
    found = _last_step(regression, matrix @ np.linalg.inv(turn), covariance)
    return float(found.u[place]), float(found.dof[place])


def _why(
    regression: CountRegression,
    design: InterruptedDesign,
    covariance: CountCovariance | HacCovariance,
    acf: Array,
) -> tuple[str, ...]:
    why, n_sessions = [], len(design.time)
    squares = regression.dispersion * regression.dof
    if covariance is CountCovariance.MODEL and float(chdtrc(regression.dof, squares)) < _ALARM:
        why.append(
            f"the counts scatter {regression.dispersion:.2g} times as much as the model: its intervals are "
            "too narrow; take QUASI, or NB2"
        )
    if regression.family is CountFamily.NB2 and not regression.alpha:
        why.append("the counts scatter no more than Poisson: alpha lies on its boundary 0")
    if not isinstance(covariance, HacCovariance) and acf[0] > 1.96 / math.sqrt(n_sessions):
        why.append(f"neighbouring residuals are alike ({acf[0]:.2f} at lag 1): the intervals are too narrow")
    if min(int(design.treated.sum()), n_sessions - int(design.treated.sum())) < 3:
        why.append("fewer than 3 sessions on one side: its level is told from its scatter by the model alone")
    return tuple(why)
