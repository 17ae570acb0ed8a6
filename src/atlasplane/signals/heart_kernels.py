"""Inner loops of the heart filter: a shape averaged over beats, fitted to each beat and taken off."""

from __future__ import annotations

import numba
import numpy as np

_FAST = {"reassoc", "contract", "arcp", "nsz"}


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def gathered(samples, firsts, weights, total):  # type: ignore[no-untyped-def]
    """Add weighted pieces of the samples to the total."""
    for k in range(firsts.size):
        part = samples[firsts[k] : firsts[k] + total.size]
        weight = weights[k]
        for i in range(part.size):
            total[i] += weight * part[i]


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def residual_power(samples, firsts, shape, out):  # type: ignore[no-untyped-def]
    """Mean square of each piece less the shape."""
    for k in range(firsts.size):
        part = samples[firsts[k] : firsts[k] + shape.size]
        total = np.float32(0)
        for i in range(part.size):
            rest = part[i] - shape[i]
            total += rest * rest
        out[k] = total / np.float32(shape.size)


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def projections(samples, firsts, shape, slope, out):  # type: ignore[no-untyped-def]
    """Products of each piece, less the shape, with the shape and its slope."""
    for k in range(firsts.size):
        part = samples[firsts[k] : firsts[k] + shape.size]
        with_shape, with_slope, rest_squares = np.float32(0), np.float32(0), np.float32(0)
        for i in range(part.size):
            rest = part[i] - shape[i]
            with_shape += rest * shape[i]
            with_slope += rest * slope[i]
            rest_squares += rest * rest
        out[k, 0], out[k, 1], out[k, 2] = with_shape, with_slope, rest_squares


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def take_off(samples, firsts, shape, slope, factors, taken):  # type: ignore[no-untyped-def]
    """Subtract, in place, shape and slope by the factors of each beat; `taken` adds up what was."""
    for k in range(firsts.size):
        part = samples[firsts[k] : firsts[k] + shape.size]
        into = taken[firsts[k] : firsts[k] + shape.size]
        by_shape, by_slope = factors[k, 0], factors[k, 1]
        for i in range(part.size):
            value = by_shape * shape[i] + by_slope * slope[i]
            part[i] -= value
            into[i] += value


@numba.njit(nogil=True, cache=True)
def follow(muscle, heart, spacing, step, forget, weights, level, out):  # type: ignore[no-untyped-def]
    """Normalised least mean squares; both inputs start with what came before, `weights` and `level` are kept.

    ``out[i]`` is ``muscle[i + reach]``, the middle of the taps, less what the taps explain.
    `level` holds the power of the taps over some beats, uV2, and one far under which they teach nothing.
    """
    n_taps = weights.size
    reach = spacing * (n_taps // 2)
    for i in range(out.size):
        estimate, power = 0.0, 0.0
        for j in range(n_taps):
            value = heart[i + j * spacing]
            estimate += weights[j] * value
            power += value * value
        error = muscle[i + reach] - estimate
        out[i] = error
        level[0] += forget * (power - level[0])
        if np.isnan(error):
            continue
        gain = step * error / (level[1] + level[0] + power)
        for j in range(n_taps):
            weights[j] += gain * heart[i + j * spacing]
