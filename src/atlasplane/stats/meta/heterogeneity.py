"""How far the studies differ beyond their own errors: Q, I2, H2, and the exact interval of tau2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri

from atlasplane.stats.checks import share
from atlasplane.stats.meta.tau2 import Tau2Method, tau2_at_q, tau2_estimate
from atlasplane.stats.meta.weighted import Array, Design, Flags, design, study_arrays, weighted_fit
from atlasplane.stats.variants import named


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Heterogeneity:
    """Cochran's Q and what follows from tau2; numbers for one data set, arrays (...) for many.

    Attributes
    ----------
    q : float or array, shape (...)
        sum (effect - weighted mean)^2 / v, of the residuals where there are moderators.
    dof : int
        k - p.
    p_value : float or array
        Of Q under equal effects, chi-squared.
    tau2 : float or array
    tau2_method : Tau2Method
    typical_variance : float
        s2 = (k - p) / tr P, the variance of a typical study (Higgins and Thompson 2002); without moderators
        (k - 1) sum w / ((sum w)^2 - sum w^2), w = 1 / v.
    n_studies : int
    """

    q: Array
    dof: int
    p_value: Array
    tau2: Array
    tau2_method: Tau2Method
    typical_variance: Array
    n_studies: int

    @property
    def tau(self) -> Array:
        """Standard deviation of true effects between studies, in their unit: the size of heterogeneity."""
        tau: Array = np.sqrt(self.tau2)
        return tau

    @property
    def i2_percent(self) -> Array:
        """100 tau2 / (tau2 + s2): part of the spread that is not the studies' own error.

        It is no size of heterogeneity: with large studies it is near 100 for any tau.
        """
        return 100 * self.tau2 / (self.tau2 + self.typical_variance)

    @property
    def h2(self) -> Array:
        """(tau2 + s2) / s2, 1 without heterogeneity."""
        return (self.tau2 + self.typical_variance) / self.typical_variance


@named
def heterogeneity(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    tau2_method: Tau2Method,
    moderators: ArrayLike | None = None,
) -> Heterogeneity:
    """Q with its test, and I2 and H2 of the estimate of tau2.

    Higgins and Thompson 2002, doi:10.1002/sim.1186. With `Tau2Method.DL`, I2 is (Q - dof) / Q and H2 is
    Q / dof, never below 0 and 1.

    Parameters
    ----------
    effects, variances : array, shape (..., k)
    tau2_method : Tau2Method
    moderators : array, shape (k,) or (k, m), optional

    Raises
    ------
    TooFew, NotFinite, OutOfRange, WrongShape, Collinear, NoVariance, NotConverged
    """
    y, v = study_arrays(effects, variances)
    of = design(y.shape[-1], moderators)
    fit = weighted_fit(y, 1 / v, of)
    dof = y.shape[-1] - of.n_coefficients
    return Heterogeneity(
        q=fit.q[()],
        dof=dof,
        p_value=chdtrc(dof, fit.q)[()],
        tau2=tau2_estimate(y, v, method=tau2_method, moderators=moderators).tau2,
        tau2_method=tau2_method,
        typical_variance=(dof / fit.trace())[()],
        n_studies=y.shape[-1],
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tau2Interval:
    """Interval of tau2; numbers for one data set, arrays (...) for many.

    Attributes
    ----------
    low, high : float or array, shape (...)
        A low end of 0 says that equal effects are not ruled out.
    is_empty : bool or array, shape (...)
        Whether no tau2 agrees with the data, because the effects agree better than their errors allow; both
        ends are 0 then. The errors may be overstated or dependent.
    level : float
    typical_variance : float or array
        See `Heterogeneity`.
    n_studies : int
    """

    low: Array
    high: Array
    is_empty: Flags
    level: float
    typical_variance: Array
    n_studies: int

    @property
    def i2_percent(self) -> tuple[Array, Array]:
        """Both ends as I2, percent."""
        low, high = (100 * t / (t + self.typical_variance) for t in (self.low, self.high))
        return low, high

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded, each as a sentence."""
        told = []
        if np.any(self.is_empty):
            told.append("no tau2 agrees with effects so close together: the errors may be overstated")
        elif np.any(self.low == 0):
            told.append("equal effects are not ruled out")
        return tuple(told)


def q_profile(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    level: float = 0.95,
    moderators: ArrayLike | None = None,
) -> Tau2Interval:
    """Interval of all tau2 with Q(tau2) between the two chi-squared quantiles, k - p degrees of freedom.

    Exact for normal effects with known variances (Viechtbauer 2007, doi:10.1002/sim.2514; with moderators
    Jackson et al. 2014, doi:10.1002/jrsm.1081).

    Parameters
    ----------
    effects, variances : array, shape (..., k)
    level : float
        Equal tails.
    moderators : array, shape (k,) or (k, m), optional

    Raises
    ------
    TooFew, NotFinite, OutOfRange, WrongShape, Collinear, NotConverged
    """
    share(level, "level")
    y, v = study_arrays(effects, variances)
    of = design(y.shape[-1], moderators)
    fit = weighted_fit(y, 1 / v, of)
    dof = y.shape[-1] - of.n_coefficients
    upper, lower = (_quantile(dof, tail) for tail in ((1 - level) / 2, (1 + level) / 2))
    return Tau2Interval(
        low=_profile(y, v, of, upper),
        high=_profile(y, v, of, lower),
        is_empty=(fit.q < lower)[()],
        level=level,
        typical_variance=(dof / fit.trace())[()],
        n_studies=y.shape[-1],
    )


def _quantile(dof: int, tail: float) -> float:
    """Value that chi-squared exceeds with this probability."""
    return float(chdtri(dof, tail))


def _profile(y: Array, v: Array, of: Design, target: float) -> Array:
    found: Array = tau2_at_q(y, v, of, target)[()]
    return found
