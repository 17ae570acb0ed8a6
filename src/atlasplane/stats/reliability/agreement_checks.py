"""Whether limits of agreement may be drawn as straight lines: bias or spread that grows with the size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from atlasplane.stats.checks import Array, same_length, share, vector
from atlasplane.stats.student import half_width

ROUNDING = 1e-15
"""A scatter of differences this small against the readings themselves is that of their last digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A least squares slope with Student's interval and test of no slope.

    Attributes
    ----------
    value : float or None
        None where it cannot be told; `why` says so.
    low, high : float or None
    p_value : float or None
        Two-sided.
    level : float
    n_subjects : int
    why : tuple of str
    """

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    level: float
    n_subjects: int
    why: tuple[str, ...]


def proportional_bias(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Slope:
    """Slope of second - first on the mean of both; + where second reads higher on larger values.

    Bland and Altman 1999, Stat Methods Med Res 8:135, doi:10.1177/096228029900800204, section 3.2. The slope
    is also that of unequal variances: two methods with the same level but unequal scatter show one. There is
    none where all differences are equal: what is left of them is rounding.

    Parameters
    ----------
    first, second : array, shape (n_subjects,)
    """
    differences, means, equal = _paired(first, second)
    return _on_means(means, differences, equal=equal, level=level)


def heteroscedasticity(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Slope:
    """Slope of the scatter of the differences on the mean; + where large values scatter more.

    The absolute residuals of the regression of `proportional_bias`, regressed on the mean: Bland and Altman
    1999, section 3.2; Glejser 1969, J Am Stat Assoc 64:316, doi:10.1080/01621459.1969.10500976. There is no
    slope where all differences are equal: what is left of them is rounding.

    Parameters
    ----------
    first, second : array, shape (n_subjects,)
    """
    differences, means, equal = _paired(first, second)
    centred = means - means.mean()
    spread = float(centred @ centred)
    if not spread > 0:
        return _on_means(means, differences, equal=equal, level=level)
    residuals = differences - differences.mean() - centred * float(centred @ differences) / spread
    return _on_means(means, np.abs(residuals), equal=equal, level=level)


def slope(x: Array, y: Array, *, level: float) -> Slope:
    """Slope of y on x, b = sum (x - x.)(y - y.) / sum (x - x.)^2, with n - 2 degrees of freedom."""
    share(level, "level")
    n, centred = len(x), x - x.mean()
    spread = float(centred @ centred)
    why: tuple[str, ...] = ()
    if n < 3:
        why = ("two subjects or fewer make a line of any slope",)
    elif not spread > 0:
        why = ("all subjects are of one size",)
    if why:
        return _untold(n, level, why)
    value = float(centred @ y) / spread
    residuals = y - y.mean() - value * centred
    se = math.sqrt(float(residuals @ residuals) / (n - 2) / spread)
    half = float(half_width(se, n - 2, level=level))
    exact = 0.0 if value else 1.0
    p_value = 2 * float(stdtr(n - 2, -abs(value) / se)) if se > 0 else exact
    return Slope(
        value=value,
        low=value - half,
        high=value + half,
        p_value=p_value,
        level=level,
        n_subjects=n,
        why=(),
    )


def _on_means(means: Array, y: Array, *, equal: bool, level: float) -> Slope:
    """Slope of what was made of the differences; none where they are all equal."""
    if not equal:
        return slope(means, y, level=level)
    share(level, "level")
    return _untold(len(means), level, ("all differences are equal",))


def _untold(n_subjects: int, level: float, why: tuple[str, ...]) -> Slope:
    return Slope(value=None, low=None, high=None, p_value=None, level=level, n_subjects=n_subjects, why=why)


def _paired(first: ArrayLike, second: ArrayLike) -> tuple[Array, Array, bool]:
    """Differences, means of both, and whether the differences are equal up to rounding."""
    a, b = vector(first, "first", at_least=2), vector(second, "second", at_least=2)
    same_length(first=a, second=b)
    differences = b - a
    equal = differences.std(ddof=1) <= ROUNDING * max(np.abs(a).max(), np.abs(b).max())
    return differences, (a + b) / 2, bool(equal)
