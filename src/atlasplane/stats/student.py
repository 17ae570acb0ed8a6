"""Student's t, the normal distribution where the degrees of freedom are infinite; shapes broadcast."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from atlasplane.stats.checks import Array, share


def quantile(probability: float, dof: ArrayLike) -> Array:
    """Value below which t with these degrees of freedom lies with this probability."""
    finite, endless = _parted(dof)
    found: Array = np.where(endless, ndtri(probability), stdtrit(finite, probability))
    return found


def half_width(se: ArrayLike, dof: ArrayLike, *, level: float) -> Array:
    """Half of the two-sided interval of an estimate with this standard error.

    Raises
    ------
    OutOfRange
        For a level outside (0, 1).
    """
    share(level, "level")
    found: Array = quantile((1 + level) / 2, dof) * np.asarray(se)
    return found


def two_sided(statistic: ArrayLike, dof: ArrayLike) -> Array:
    """Probability of a value at least so far from 0."""
    finite, endless = _parted(dof)
    below = -np.abs(statistic)
    p: Array = 2 * np.where(endless, ndtr(below), stdtr(finite, below))
    return p


def _parted(dof: ArrayLike) -> tuple[Array, Array]:
    endless = np.isinf(dof)
    return np.where(endless, 1.0, dof), endless
