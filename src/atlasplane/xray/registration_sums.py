"""Sums over the pixels of a film that the fit needs, each in one walk through memory.

Compiled and without calls of a linear algebra library, whose threads wait for each other on a busy machine.
Products are added in single precision over a few hundred pixels and in double precision from there on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import MissingExtra
from atlasplane.geometry.types import Array

try:
    import numba
except ImportError as missing:
    raise MissingExtra("ct", "registration") from missing

Film32 = NDArray[np.float32]
_CHUNK = 512
_PRODUCT = 8
"""Factors, each below the fourth power of the largest residual, whose logarithm is taken at once."""
_fast: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "nogil": True, "cache": True}


def weighted_sums(
    columns: Film32,
    lines: NDArray[np.int64],
    gain: Film32,
    target: Film32,
    scaled: tuple[Film32, Film32],
    robust: tuple[Film32, Film32, float],
) -> Array:
    """Sums over pixels of weighted products of all pairs of images.

    Parameters
    ----------
    columns : array, shape (p, rows, columns)
        Each is multiplied by `gain` first; nothing outside of its lines.
    lines : array, shape (p, 2)
        First row and the one behind the last in which a column may hold anything.
    gain, target : array, shape (rows, columns)
    scaled : model, basis
        (rows, columns) and (m, rows, columns): the products of the model and each image of the basis.
    robust : usable, residual, factor
        Weights usable / (1 + (factor residual)^2).

    Returns
    -------
    array, shape (p + m + 1,) * 2
        Symmetric; in the order of columns, scaled images, target.
    """
    count = len(columns) + len(scaled[1]) + 1
    sums = np.zeros((count, count))
    stacked = columns.reshape(len(columns), target.size)
    width = target.shape[1]
    flat = gain.reshape(-1), target.reshape(-1), scaled[0].reshape(-1), robust[0].reshape(-1)
    basis = scaled[1].reshape(len(scaled[1]), target.size)
    _weighted_sums(stacked, lines * width, flat, basis, (robust[1].reshape(-1), np.float32(robust[2])), sums)
    upper: Array = np.triu(sums, 1)
    return sums + upper.T


def explained(film: Film32, model: Film32, basis: Film32, gains: Array) -> tuple[Film32, Film32]:
    """The gain, gains times basis, and the residual: film less gain times model; both (rows, columns)."""
    gain, residual = np.empty_like(film), np.empty_like(film)
    _explained(film, model, basis, gains.astype(np.float32), gain, residual)
    return gain, residual


def log_cost(residual: Film32, factor: float) -> float:
    """Sum of ln(1 + (factor residual)^2)."""
    return float(_log_cost(residual.reshape(-1), factor))


def robust_weights(usable: Film32, residual: Film32, factor: float) -> Film32:
    """Weights usable / (1 + (factor residual)^2)."""
    weights = np.empty_like(residual)
    _robust_weights(usable, residual, np.float32(factor), weights)
    return weights


@numba.njit(**_fast)
def _weighted_sums(columns, spans, flat, basis, robust, sums):  # type: ignore[no-untyped-def]
    """`weighted_sums` on flat images; adds to the upper triangle of `sums`."""
    gain, target, model, usable = flat
    residual, factor = robust
    one = np.float32(1)
    p, m, size = columns.shape[0], basis.shape[0], target.size
    line = np.empty((p + m + 1, _CHUNK), np.float32)
    root, steep = np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32)
    which = np.empty(p + m + 1, np.int64)
    for start in range(0, size, _CHUNK):
        n = min(_CHUNK, size - start)
        for c in range(n):
            off = factor * residual[start + c]
            root[c] = np.sqrt(usable[start + c] / (one + off * off))
            steep[c] = root[c] * gain[start + c]
        used = 0
        for k in range(p):
            if spans[k, 0] < start + n and spans[k, 1] > start:
                own, made = columns[k, start : start + n], line[used]
                for c in range(n):
                    made[c] = steep[c] * own[c]
                which[used] = k
                used += 1
        for k in range(m):
            own, made = basis[k, start : start + n], line[used]
            for c in range(n):
                made[c] = root[c] * own[c] * model[start + c]
            which[used] = p + k
            used += 1
        for c in range(n):
            line[used, c] = root[c] * target[start + c]
        which[used] = p + m
        _add_products(line, which, used + 1, n, sums)


@numba.njit(**_fast)
def _add_products(line, which, used, n, sums):  # type: ignore[no-untyped-def]
    """Add the products of the first `used` lines with each other, n pixels, to the upper triangle."""
    zero = np.float32(0)
    for i in range(used):
        one, j = line[i], i
        # Four at a time: every value that is read is used as often.
        while j + 4 <= used:
            a, b, c, d = line[j], line[j + 1], line[j + 2], line[j + 3]
            s, t, u, v = zero, zero, zero, zero
            for k in range(n):
                s += one[k] * a[k]
                t += one[k] * b[k]
                u += one[k] * c[k]
                v += one[k] * d[k]
            sums[which[i], which[j]] += s
            sums[which[i], which[j + 1]] += t
            sums[which[i], which[j + 2]] += u
            sums[which[i], which[j + 3]] += v
            j += 4
        while j < used:
            a, s = line[j], zero
            for k in range(n):
                s += one[k] * a[k]
            sums[which[i], which[j]] += s
            j += 1


@numba.njit(**_fast)
def _explained(film, model, basis, gains, gain, residual):  # type: ignore[no-untyped-def]
    for r in range(film.shape[0]):
        for c in range(film.shape[1]):
            own = np.float32(0)
            for k in range(basis.shape[0]):
                own += gains[k] * basis[k, r, c]
            gain[r, c] = own
            residual[r, c] = film[r, c] - own * model[r, c]


@numba.njit(**_fast)
def _log_cost(residual, factor):  # type: ignore[no-untyped-def]
    total = 0.0
    for start in range(0, residual.size, _PRODUCT):
        product = 1.0
        for k in range(start, min(start + _PRODUCT, residual.size)):
            off = factor * residual[k]
            product *= 1.0 + off * off
        total += np.log(product)
    return total


@numba.njit(**_fast)
def _robust_weights(usable, residual, factor, weights):  # type: ignore[no-untyped-def]
    one = np.float32(1)
    for r in range(residual.shape[0]):
        for c in range(residual.shape[1]):
            off = factor * residual[r, c]
            weights[r, c] = usable[r, c] / (one + off * off)
