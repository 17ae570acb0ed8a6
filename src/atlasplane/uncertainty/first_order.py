"""Law of propagation of uncertainty (JCGM 100:2008, clause 5; vector form JCGM 102:2011, clause 6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from scipy.special import ndtr

from atlasplane.geometry.types import Array

Model = Callable[[Array], Array]
"""Maps inputs of shape (..., n) to outputs of shape (..., m)."""


def jacobian(model: Model, mean: Array, step: Array) -> Array:
    """Derivatives of the outputs by central differences, shape (m, n).

    Parameters
    ----------
    model : callable
        Maps (..., n) to (..., m); called once with all 2 n shifted inputs.
    mean : array, shape (n,)
    step : array, shape (n,)
        Half-distance of each difference, > 0, same units as the inputs; a fraction of u keeps the difference
        local.
    """
    mean, step = np.asarray(mean, dtype=float), np.asarray(step, dtype=float)
    shifts = np.diag(step)
    plus, minus = model(mean + shifts), model(mean - shifts)
    derivative: Array = ((plus - minus) / (2 * step[:, None])).T
    return derivative


def covariance(sensitivity: Array, cov: Array) -> Array:
    """U_y = J U_x J', shape (m, m) (JCGM 102, 6.2)."""
    product: Array = sensitivity @ cov @ sensitivity.T
    return product


def second_order_u(model: Model, mean: Array, u: Sequence[float], *, relative_step: float = 0.1) -> float:
    """Standard uncertainty with the second-order term, one output (JCGM 100, note to 5.1.2).

    Adds sum_ij [ f_ij^2 / 2 + f_i f_ijj ] u_i^2 u_j^2 to the first-order variance, for independent inputs
    that are symmetric about their estimates.

    Parameters
    ----------
    model : callable
        Maps (..., n) to (..., 1).
    mean, u : shape (n,)
    relative_step : float
        Step of the differences in units of u.

    Raises
    ------
    ValueError
        When the model bends so much over the inputs' spread that the terms give a negative variance.
    """
    mean, spread = np.asarray(mean, dtype=float), np.asarray(u, dtype=float)
    n, h = len(mean), relative_step

    def at(*shifts: tuple[int, float]) -> float:
        offset = np.zeros(n)
        for i, amount in shifts:
            offset[i] += amount * h * spread[i]
        return float(model(mean + offset)[..., 0])

    centre = at()
    # Derivatives in units of u, so that u never appears again.
    first = np.array([(at((i, 1)) - at((i, -1))) / (2 * h) for i in range(n)])
    second = np.array([(at((i, 1)) - 2 * centre + at((i, -1))) / h**2 for i in range(n)])
    third = np.array(
        [(at((i, 2)) - 2 * at((i, 1)) + 2 * at((i, -1)) - at((i, -2))) / (2 * h**3) for i in range(n)]
    )
    variance = float(np.sum(first**2) + np.sum(second**2 / 2 + first * third))
    for i, j in combinations(range(n), 2):
        mixed = (at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))) / (
            4 * h**2
        )
        variance += mixed**2 + first[i] * _mixed_third(at, i, j, h) + first[j] * _mixed_third(at, j, i, h)
    if variance < 0:
        raise ValueError("the second-order expansion does not hold over so wide inputs; use Monte Carlo")
    return math.sqrt(variance)


def _mixed_third(at: Callable[..., float], i: int, j: int, h: float) -> float:
    """d3 f / di dj dj in units of u."""
    ahead = at((i, 1), (j, 1)) - 2 * at((i, 1)) + at((i, 1), (j, -1))
    behind = at((i, -1), (j, 1)) - 2 * at((i, -1)) + at((i, -1), (j, -1))
    return (ahead - behind) / (2 * h**3)


def effective_dof(u: float, contributions: Sequence[float], dofs: Sequence[float]) -> float:
    """Effective degrees of freedom, not truncated (Welch-Satterthwaite, JCGM 100 G.4.1).

    Holds for independent inputs only.

    Parameters
    ----------
    u : float
        Combined standard uncertainty.
    contributions : sequence of float
        |c_i u_i| of each input.
    dofs : sequence of float
        Their degrees of freedom; infinite where a standard uncertainty is taken as exactly known.
    """
    spent = sum((c**4) / dof for c, dof in zip(contributions, dofs, strict=True) if not math.isinf(dof))
    return u**4 / spent if spent > 0 else math.inf


def bias_widened_u(bias: Array | float, u: Array | float, *, k: float = 1.96) -> Array:
    """Standard uncertainty that lets value +- k u keep its coverage when a known bias is left uncorrected.

    The half-width h solves Phi((h - b) / u) - Phi((-h - b) / u) = 2 Phi(k) - 1, and h / k is returned,
    elementwise. It equals u for b = 0 and grows towards (|b| + 1.645 u) / k. (Magnusson and Ellison 2008,
    doi:10.1007/s00216-007-1693-1, compare the ways to treat an uncorrected bias; this one keeps the coverage
    exact.)

    Parameters
    ----------
    bias, u : array or float, shape (...)
        Same unit; u > 0.
    k : float
        Coverage factor at which the coverage is kept.
    """
    from_zero, spread = np.broadcast_arrays(np.abs(np.asarray(bias, dtype=float)), np.asarray(u, dtype=float))
    ratio = from_zero / spread
    wanted = math.erf(k / math.sqrt(2.0))
    low, high = np.full(ratio.shape, 0.0), k + ratio
    for _ in range(50):  # bisection: 50 halvings exhaust double precision
        middle = (low + high) / 2
        enough = ndtr(middle - ratio) - ndtr(-middle - ratio) >= wanted
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    widened: Array = high * spread / k
    return widened
