"""Inner loops over frames: sums of squares, and samples that are missing, flat or at an end of the range."""

from __future__ import annotations

import numba
import numpy as np

_FAST = {"reassoc", "contract", "arcp", "nsz"}


@numba.njit(nogil=True, cache=True)
def bridge(samples, reach, longest_flat, trusted):  # type: ignore[no-untyped-def]
    """Fill in place what is NaN or repeats for too long, from the mean before it to the mean after it.

    The means are of `reach` samples. `trusted` is made False where that was done.
    """
    n = samples.size
    i = 0
    while i < n:
        missing = np.isnan(samples[i])
        stop = i + 1
        while stop < n and (np.isnan(samples[stop]) if missing else samples[stop] == samples[i]):
            stop += 1
        if missing or stop - i > longest_flat:
            before, n_before = _mean(samples, max(i - reach, 0), i)
            after, n_after = _mean(samples, stop, min(stop + reach, n))
            if n_before == 0:
                before = after
            if n_after == 0:
                after = before
            trusted[i:stop] = False
            for j in range(i, stop):
                samples[j] = before + (after - before) * np.float32((j - i + 1) / (stop - i + 1))
        i = stop


@numba.njit(nogil=True, cache=True)
def _mean(samples, first, stop):  # type: ignore[no-untyped-def]
    """Mean up to what is missing, and of how many."""
    total, count = 0.0, 0
    for j in range(first, stop):
        if np.isnan(samples[j]):
            break
        total += samples[j]
        count += 1
    return np.float32(total / max(count, 1)), count


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def needs_bridge(samples, longest_flat):  # type: ignore[no-untyped-def]
    """Whether anything may be missing or flat for so long: a fast look before the careful one."""
    part = max(longest_flat // 2, 1)
    for first in range(0, samples.size, part):
        now, then = samples[first : first + part], samples[first + 1 : first + part + 1]
        missing, changes = np.int32(0), np.int32(0)
        for i in range(then.size):
            missing += np.int32(now[i] != now[i])
            changes += np.int32(then[i] != now[i])
        if missing or not changes:
            return True
    return bool(np.isnan(samples[-1]))


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def shares(samples, edges, low, high, out):  # type: ignore[no-untyped-def]
    """Rows of `out`: shares of each frame that are missing, at an end of the range, repeating.

    `edges` may not start at the very first sample, which has none before it.
    """
    for f in range(out.shape[1]):
        now, before = samples[edges[f] : edges[f + 1]], samples[edges[f] - 1 : edges[f + 1] - 1]
        missing, ends, flat = np.int32(0), np.int32(0), np.int32(0)
        for i in range(now.size):
            missing += np.int32(now[i] != now[i])
            ends += np.int32((now[i] <= low) | (now[i] >= high))
            flat += np.int32(now[i] == before[i])
        part = np.float32(1 / max(edges[f + 1] - edges[f], 1))
        out[0, f] = missing * part
        out[1, f] = ends * part
        out[2, f] = flat * part


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def mean_squares(samples, edges, missing, out):  # type: ignore[no-untyped-def]
    """Mean square of each frame over what was recorded of it; NaN where nothing was.

    What bridges a gap is zero after the filter, up to the filter's reach, and adds nothing.
    """
    for f in range(out.size):
        part = samples[edges[f] : edges[f + 1]]
        total = np.float32(0)
        for i in range(part.size):
            total += part[i] * part[i]
        recorded = np.float32(edges[f + 1] - edges[f]) * (np.float32(1) - missing[f])
        out[f] = total / recorded if recorded > np.float32(0.5) else np.nan
