"""The Kalman filter of a drifting level with an unknown start and one change, for many variances at once.

y_t = mu_t + lambda D_t + e_t,  mu_{t+1} = mu_t + eta_t,  e ~ N(0, noise), eta ~ N(0, drift per session)

The first level is unknown; for this model the exact diffuse filter (de Jong 1991,
doi:10.1214/aos/1176348139) is the ordinary one started at the first value. Values and D go through it
together: lambda is the regression of the innovations of one on those of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.optimize import brentq

from atlasplane.stats.checks import Array
from atlasplane.stats.refusal import NoVariance, TooFew
from atlasplane.stats.single_case.series import PhasedSeries

LEAST_SESSIONS = 6
"""Below it noise and drift are not estimated."""


class Likelihood(Enum):
    """What is maximised over the angle."""

    DIFFUSE = "diffuse"
    """The first level is diffuse, lambda a parameter (maximum likelihood)."""
    RESTRICTED = "restricted"
    """Lambda is diffuse as well: variances are not too small for having fitted it."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Filtered:
    """What the filter leaves for each of m pairs of noise and drift.

    Attributes
    ----------
    n_sessions : int
    effect : array, shape (m,)
        Lambda, by generalised least squares.
    information : array, shape (m,)
        1 over its variance.
    squares : array, shape (m,)
        Of the innovations at `effect`, each over its variance.
    log_scale : array, shape (m,)
        Half the sum of the logarithms of the variances of the innovations.
    """

    n_sessions: int
    effect: Array
    information: Array
    squares: Array
    log_scale: Array

    def dof(self, likelihood: Likelihood) -> int:
        """Values that are not used up by the first level, and by lambda where it is diffuse."""
        return self.n_sessions - (1 if likelihood is Likelihood.DIFFUSE else 2)

    def log_likelihood(self, likelihood: Likelihood) -> Array:
        """Maximised over a common factor of both variances, shape (m,)."""
        dof = self.dof(likelihood)
        height: Array = -(dof / 2) * (np.log(2 * np.pi * self.squares / dof) + 1) - self.log_scale
        return height if likelihood is Likelihood.DIFFUSE else height - np.log(self.information) / 2


def level_filter(series: PhasedSeries, noise: Array, drift: Array) -> Filtered:
    """The filter over all sessions.

    Parameters
    ----------
    series : PhasedSeries
        D is 1 where the session is treated; missed sessions are gaps over which the level drifts on.
    noise, drift : array, shape (m,)
        Variances, 0 or more and not both 0.
    """
    rows = np.column_stack([series.values, series.treated])
    state = np.repeat(rows[:1], len(noise), axis=0)
    variance = noise.copy()
    products = np.zeros((3, len(noise)))
    log_scale = np.zeros(len(noise))
    for row, gap in zip(rows[1:], np.diff(series.sessions), strict=True):
        variance = variance + drift * gap
        total = variance + noise
        innovation = row - state
        y, d = innovation.T
        products += np.stack([y * y, y * d, d * d]) / total
        log_scale += np.log(total) / 2
        state = state + (variance / total)[:, None] * innovation
        variance = variance * noise / total
    yy, yd, dd = products
    return Filtered(
        n_sessions=series.n_sessions,
        effect=yd / dd,
        information=dd,
        squares=yy - yd**2 / dd,
        log_scale=log_scale,
    )


def check_usable(series: PhasedSeries) -> None:
    """Refuse a series in which noise, drift and change cannot all be estimated (TooFew, NoVariance)."""
    if series.n_sessions < LEAST_SESSIONS:
        raise TooFew(f"{series.n_sessions} sessions; noise and drift need {LEAST_SESSIONS} or more")
    treated = series.treated
    if not treated.any():
        raise TooFew("no session is treated; there is no change to estimate")
    spread = max(float(np.ptp(series.values[own])) for own in (treated, ~treated))
    if spread <= 1e-12 * float(np.abs(series.values).max()):
        raise NoVariance("values do not vary within the phases; there is no error to estimate")


def quantile(below: Callable[[float], float], probability: float, centre: float, scale: float) -> float:
    """Where a distribution function reaches a probability, sought ever further from the centre."""
    reach = 4 * scale
    while not below(centre - reach) < probability < below(centre + reach):
        reach *= 2
    return float(brentq(lambda x: below(x) - probability, centre - reach, centre + reach, xtol=1e-12 * reach))
