r"""Gradual effects: a treatment whose effect builds up over sessions and wears off when it is withdrawn.

With D_i = 1 in treated sessions, session t has the linear predictor

.. math:: \eta_t = \beta_0 + \delta f_t(\omega), \quad
   f_t(\omega) = \frac{(1 - \omega) \sum_{i \le t} \omega^{t - i} D_i}{1 - \omega^m}

(Swan & Pustejovsky 2018, Multivariate Behav Res 53:574, doi 10.1080/00273171.2018.1466681). In the s-th
session of a first treatment phase f = (1 - omega^s) / (1 - omega^m); v sessions after it ended, that is
omega^v times what it had reached. So delta is the change of the log mean after m treated sessions, a log
response ratio; omega = 0 is an effect that is there at once, omega -> 1 one that grows by the same step with
every session (f -> treated sessions so far / m, to which the formula is continued here).

For a given omega the model is a regression with a log link, so that omega is found by its profile. The
intervals hold every value that the profile quasi-likelihood ratio does not reject, with an F distribution of
1 and n - 3 degrees of freedom for the estimated dispersion (McCullagh & Nelder 1989, Generalized Linear
Models, 2nd ed., 9.2); the delta method of the paper fails where omega lies at a boundary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import fdtri

from atlasplane.stats.checks import Array, positive, share
from atlasplane.stats.refusal import NotConverged, NoVariance, OutOfRange, TooFew
from atlasplane.stats.single_case.series import PhasedSeries
from atlasplane.stats.variants import named

_GRID = np.linspace(0.0, 1.0, 101)
"""Of omega, among which the best is refined."""
_FINER, _REFINEMENTS = 41, 4
"""Each refinement narrows the step to a twentieth: 0.01 / 20^3 is about 1e-6."""
_HALVINGS = 36
"""Bisections of 40 units of the log mean: below 1e-9."""
_BOUNDARY = 1e-5
_FARTHEST = 20.0
"""Largest change of the log mean that is sought for: a factor of 5e8."""
_NEWTON_STEPS = 60
_LEAST_SPREAD = 1e-12


class Family(Enum):
    """Scatter of the values round their mean."""

    QUASI_POISSON = "quasi-Poisson"
    """Counts, of variance dispersion * mean; delta is a ratio of means."""
    LOG_NORMAL = "log-normal"
    """Positive values, the logarithm Gaussian of one variance; delta is a ratio of medians."""


class Boundary(Enum):
    """Where the estimate of omega lies."""

    INSIDE = "inside"
    IMMEDIATE = "omega = 0: the effect is there at once"
    WITHOUT_END = "omega = 1: the effect grows with every session and does not level off"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradualEffect:
    """Estimates of a gradual effect.

    Attributes
    ----------
    log_baseline : float
        beta_0, logarithm of the mean (quasi-Poisson) or median (log-normal) before treatment.
    log_ratio, log_ratio_low, log_ratio_high : float
        delta after `reference_sessions` treated sessions, + is a rise; ends -inf or inf where no value
        within a factor of e^20 is rejected.
    delay, delay_low, delay_high : float
        omega in 0 to 1.
    reference_sessions : int
        m.
    dispersion : float
        Pearson chi-squared, or residual sum of squares of the logarithms, over n - 3.
    level : float
    interval : str
        "profile F".
    family : Family
    boundary : Boundary
    n_sessions : int
    """

    log_baseline: float
    log_ratio: float
    log_ratio_low: float
    log_ratio_high: float
    delay: float
    delay_low: float
    delay_high: float
    reference_sessions: int
    dispersion: float
    level: float
    interval: str
    family: Family
    boundary: Boundary
    n_sessions: int

    @property
    def ratio(self) -> float:
        """exp(delta): factor on the mean or median after the reference sessions."""
        return math.exp(self.log_ratio)

    @property
    def lasting_log_ratio(self) -> float:
        """Delta / (1 - omega^m): what the effect would come to in the end; infinite for omega = 1."""
        rest = 1 - self.delay**self.reference_sessions
        return self.log_ratio / rest if rest > 0 else math.copysign(math.inf, self.log_ratio)

    @property
    def half_life(self) -> float:
        """Sessions in which half of the effect wears off, ln 0.5 / ln omega; 0 at once, inf never."""
        if self.delay == 0:
            return 0.0
        return math.log(0.5) / math.log(self.delay) if self.delay < 1 else math.inf

    @property
    def why(self) -> tuple[str, ...]:
        """What the series does not tell; empty where it tells all."""
        words = []
        if self.boundary is not Boundary.INSIDE:
            words.append(f"the estimate lies at {self.boundary.value}")
        if self.log_ratio_low <= 0 <= self.log_ratio_high:
            words.append("the interval of the effect holds 0, where a delay has no meaning")
        if math.isinf(self.log_ratio_low) or math.isinf(self.log_ratio_high):
            words.append("an end of the effect's interval is infinite")
        return tuple(words)


@named
def gradual_effect(
    series: PhasedSeries, *, reference_sessions: int, family: Family, level: float
) -> GradualEffect:
    """The gradual effects model of one case, for phase and reversal designs.

    Sessions are counted as equally spaced and independent; residual autocorrelation makes the intervals too
    narrow.

    Parameters
    ----------
    series : PhasedSeries
        Counts, or positive values for `Family.LOG_NORMAL`; it begins in the baseline.
    reference_sessions : int
        m: after how many treated sessions the effect is stated; the same for all cases that are compared.
    family : Family
    level : float
        Of the intervals.

    Raises
    ------
    OutOfRange
        For values that the family cannot have, a level outside 0 to 1, or no reference session.
    TooFew
        For fewer than 6 sessions, 2 in the baseline before treatment, or 2 treated.
    NoVariance
        When all values are equal, or a condition holds nothing but zeros: its log mean is infinite.
    NotConverged
        When the best effect is infinite.
    """
    share(level, "level")
    if reference_sessions < 1:
        raise OutOfRange(f"reference_sessions is {reference_sessions}; give 1 or more treated sessions")
    _check(series, family)
    treated = series.treated
    fit = _FITS[family](series.values)
    profile = _Profile(fit, treated, reference_sessions)
    delay = profile.best_delay()
    best = gradual_shape(treated, [delay], reference_sessions=reference_sessions)
    deviance, intercept, log_ratio = (float(part[0]) for part in fit.free(best))
    if abs(log_ratio) * best.max() >= _FARTHEST:
        raise NotConverged(
            "the effect runs to infinity: nothing was counted but where it is largest; "
            "report the counts themselves"
        )
    dispersion = fit.dispersion(intercept + log_ratio * best[0])
    limit = deviance + dispersion * float(fdtri(1, len(treated) - 3, level))
    low, high = profile.ratio_interval(limit)
    delay_low, delay_high = profile.delay_interval(delay, limit)
    return GradualEffect(
        log_baseline=intercept,
        log_ratio=log_ratio,
        log_ratio_low=low,
        log_ratio_high=high,
        delay=delay,
        delay_low=delay_low,
        delay_high=delay_high,
        reference_sessions=reference_sessions,
        dispersion=dispersion,
        level=level,
        interval="profile F",
        family=family,
        boundary=_boundary(delay),
        n_sessions=len(treated),
    )


def gradual_shape(treated: ArrayLike, delays: ArrayLike, *, reference_sessions: int) -> Array:
    """f_t(omega), shape (n_delays, n_sessions): 0 before treatment, 1 after m treated sessions in a row.

    Parameters
    ----------
    treated : array of bool, shape (n_sessions,)
    delays : array, shape (n_delays,)
        omega, 0 to 1; at 1 the limit, treated sessions so far / m.
    reference_sessions : int
    """
    own = np.asarray(treated, dtype=np.float64)
    omega = np.asarray(delays, dtype=np.float64)
    # (1 - omega) / (1 - omega^m) is one over this sum, which has no gap at 1.
    scale = np.sum(omega[:, None] ** np.arange(reference_sessions), axis=1)
    found = np.empty((len(omega), len(own)))
    so_far = np.zeros(len(omega))
    for session, now in enumerate(own):
        so_far = omega * so_far + now
        found[:, session] = so_far / scale
    return found


class _QuasiPoisson:
    """Regression of counts on a shape with a log link; deviances are those of Poisson counts."""

    def __init__(self, values: Array) -> None:
        self._y = values
        self._saturated = float(np.sum(np.where(values > 0, values * np.log(np.maximum(values, 1e-300)), 0)))
        self._total = float(values.sum())

    def fixed(self, shape: Array, log_ratio: Array) -> Array:
        """Deviance with the effect given, for each row of shapes; the baseline is in closed form."""
        eta = log_ratio[:, None] * shape
        top = eta.max(axis=1, keepdims=True)
        log_sum = top[:, 0] + np.log(np.exp(eta - top).sum(axis=1))
        deviance: Array = 2 * (
            self._saturated - self._total * (math.log(self._total) - log_sum) - eta @ self._y
        )
        return deviance

    def free(self, shape: Array) -> tuple[Array, Array, Array]:
        """Least deviance, baseline and effect, for each row of shapes.

        With the baseline in closed form the deviance is convex in the effect, and its Newton step is
        (observed - expected mean of the shape) / variance of the shape, both weighted by the means.
        """
        effect = np.zeros(len(shape))
        wanted = shape @ self._y / self._total
        for _ in range(_NEWTON_STEPS):
            eta = effect[:, None] * shape
            weight = np.exp(eta - eta.max(axis=1, keepdims=True))
            weight /= weight.sum(axis=1, keepdims=True)
            mean = (weight * shape).sum(axis=1)
            spread = (weight * (shape - mean[:, None]) ** 2).sum(axis=1)
            step = np.clip((wanted - mean) / np.maximum(spread, _LEAST_SPREAD), -1.0, 1.0)
            effect += step
            if np.max(np.abs(step)) < 1e-12:
                break
        eta = effect[:, None] * shape
        intercept = math.log(self._total) - np.log(np.exp(eta).sum(axis=1))
        mean = np.exp(intercept[:, None] + eta)
        deviance = 2 * (
            self._saturated - (intercept[:, None] + eta) @ self._y + mean.sum(axis=1) - self._total
        )
        return deviance, intercept, effect

    def dispersion(self, eta: Array) -> float:
        """Pearson chi-squared over n - 3."""
        mean = np.exp(eta)
        return float(np.sum((self._y - mean) ** 2 / mean)) / (len(mean) - 3)


class _LogNormal:
    """Least squares of the logarithms on a shape; deviances are residual sums of squares."""

    def __init__(self, values: Array) -> None:
        self._z = np.log(values)

    def fixed(self, shape: Array, log_ratio: Array) -> Array:
        """Residual sum of squares with the effect given, for each row of shapes."""
        rest = self._z - log_ratio[:, None] * shape
        squares: Array = ((rest - rest.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        return squares

    def free(self, shape: Array) -> tuple[Array, Array, Array]:
        """Least residual sum of squares, baseline and effect, for each row of shapes."""
        mean = shape.mean(axis=1)
        centred = shape - mean[:, None]
        effect = centred @ self._z / (centred**2).sum(axis=1)
        intercept = self._z.mean() - effect * mean
        rest = self._z - intercept[:, None] - effect[:, None] * shape
        return (rest**2).sum(axis=1), intercept, effect

    def dispersion(self, eta: Array) -> float:
        """Residual sum of squares over n - 3."""
        return float(np.sum((self._z - eta) ** 2)) / (len(eta) - 3)


_Fit = _QuasiPoisson | _LogNormal
_FITS: dict[Family, Callable[[Array], _Fit]] = {
    Family.QUASI_POISSON: _QuasiPoisson,
    Family.LOG_NORMAL: _LogNormal,
}


class _Profile:
    """Deviance of a series over omega and delta."""

    def __init__(self, fit: _Fit, treated: NDArray[np.bool_], reference_sessions: int) -> None:
        self._fit, self._treated, self._m = fit, treated, reference_sessions

    def best_delay(self) -> float:
        """Omega of the least deviance."""
        return self._least(lambda omega: self._free(omega)[0])[0]

    def ratio_interval(self, limit: float) -> tuple[float, float]:
        """Lowest and highest effect that any omega has within the limit."""
        low = self._least(lambda omega: self._end(omega, limit, -1.0))[1]
        return low, -self._least(lambda omega: -self._end(omega, limit, 1.0))[1]

    def delay_interval(self, delay: float, limit: float) -> tuple[float, float]:
        """Lowest and highest omega whose least deviance over the effect is within the limit."""

        def excess(omega: float) -> float:
            return float(self._free(np.array([omega]))[0][0]) - limit

        within = _GRID[self._free(_GRID)[0] <= limit]
        low, high = min(delay, *within), max(delay, *within)
        below, above = max(low - _GRID[1], 0.0), min(high + _GRID[1], 1.0)
        if excess(below) > 0:
            below = float(brentq(excess, below, low))
        if excess(above) > 0:
            above = float(brentq(excess, high, above))
        return below, above

    def _end(self, omega: Array, limit: float, side: float) -> Array:
        """Effect at which the deviance reaches the limit on one side, by bisection: it is convex there.

        Infinite where the limit is not reached; infinite on the other side, so that it is never chosen, for
        an omega that has no effect within the limit.
        """
        shape = self._shape(omega)
        deviance, _, best = self._fit.free(shape)
        farthest = side * _FARTHEST / shape.max(axis=1)
        near, far = best, farthest
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            is_within = self._fit.fixed(shape, middle) <= limit
            near, far = np.where(is_within, middle, near), np.where(is_within, far, middle)
        end = np.where(far == farthest, side * math.inf, near)
        return np.where(deviance <= limit, end, -side * math.inf)

    def _least(self, function: Callable[[Array], Array]) -> tuple[float, float]:
        """Omega and value of a function's minimum: the best of a grid, then of finer ones round it."""
        grid = _GRID
        for _ in range(_REFINEMENTS):
            values = function(grid)
            best = int(np.argmin(values))
            found = float(grid[best]), float(values[best])
            grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], _FINER)
        return found

    def _free(self, omega: Array) -> tuple[Array, Array, Array]:
        return self._fit.free(self._shape(omega))

    def _shape(self, omega: Array) -> Array:
        return gradual_shape(self._treated, omega, reference_sessions=self._m)


def _boundary(delay: float) -> Boundary:
    if delay < _BOUNDARY:
        return Boundary.IMMEDIATE
    return Boundary.WITHOUT_END if delay > 1 - _BOUNDARY else Boundary.INSIDE


def _check(series: PhasedSeries, family: Family) -> None:
    values, treated = series.values, series.treated
    positive(values, "values", zero=family is Family.QUASI_POISSON)
    before = int(np.argmax(treated)) if treated.any() else len(treated)
    if len(treated) < 6 or before < 2 or treated.sum() < 2:
        raise TooFew(
            f"{before} baseline and {int(treated.sum())} treated of {len(treated)} sessions; 6 sessions are "
            "needed, 2 of baseline before 2 treated"
        )
    if np.ptp(values) == 0:
        raise NoVariance("all values are equal; nothing changes that could be gradual")
    if not values[treated].any() or not values[~treated].any():
        raise NoVariance(
            "a condition holds nothing but zeros, whose log mean is infinite; report the counts themselves"
        )
