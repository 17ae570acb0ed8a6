"""Inner loops of the mains filter: waves fitted to short pieces, smoothed, and taken off."""

from __future__ import annotations

import numba
import numpy as np

_FAST = {"reassoc", "contract", "arcp", "nsz"}


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def fitted(samples, solver, out):  # type: ignore[no-untyped-def]
    """Least-squares amplitudes of consecutive pieces; rows of `solver` are as long as a piece."""
    length = solver.shape[1]
    for k in range(out.shape[0]):
        part = samples[k * length : (k + 1) * length]
        for j in range(solver.shape[0]):
            row = solver[j]
            total = np.float32(0)
            for i in range(length):
                total += row[i] * part[i]
            out[k, j] = total


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def smoothed(sums, variances, compared, level, limit, taps, out, out_variances):  # type: ignore[no-untyped-def]
    """Sums and variances of each piece and those around it that agree with it, by symmetric taps.

    Two pieces agree when the squares of what they differ by in `compared` are within `limit` times both
    levels of noise: at a step of the mains only the pieces on one's own side count. Where the weight, the
    last column of `sums`, lies to one side, the taps are tilted so that a straight course keeps its value
    (local linear regression; Fan 1992, J Am Stat Assoc 87:998, doi 10.1080/01621459.1992.10476255).
    """
    half = taps.size // 2
    count = sums.shape[0]
    used = np.empty(taps.size, dtype=np.float32)
    for k in range(count):
        into, into_variances, own = out[k], out_variances[k], compared[k]
        into[:] = 0
        into_variances[:] = 0
        first, stop = max(k - half, 0), min(k + half + 1, count)
        moment, spread = np.float32(0), np.float32(0)
        for j in range(first, stop):
            other = compared[j]
            apart = np.float32(0)
            for i in range(own.size):
                off = other[i] - own[i]
                apart += off * off
            agrees = apart <= limit * (level[j] + level[k])
            tap = taps[j - k + half] if agrees else np.float32(0)
            used[j - first] = tap
            weight = tap * sums[j, -1] * np.float32(j - k)
            moment += weight
            spread += weight * np.float32(j - k)
        tilt = moment / spread if spread > 0 else np.float32(0)
        for j in range(first, stop):
            tap = used[j - first]
            if tap == 0:
                continue
            tap *= np.float32(1) - tilt * np.float32(j - k)
            row = sums[j]
            for i in range(into.size):
                into[i] += tap * row[i]
            row, tap = variances[j], tap * tap
            for i in range(into_variances.size):
                into_variances[i] += tap * row[i]


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def take_off(samples, amplitudes, waves):  # type: ignore[no-untyped-def]
    """Subtract, in place, waves of the amplitudes of each piece."""
    length = waves.shape[1]
    for k in range(amplitudes.shape[0]):
        part = samples[k * length : (k + 1) * length]
        for j in range(waves.shape[0]):
            amplitude = amplitudes[k, j]
            if amplitude != 0:
                row = waves[j]
                for i in range(part.size):
                    part[i] -= amplitude * row[i]
