"""Inner loops of the filters: recursive filters side by side over stretches, and sums of few taps."""

from __future__ import annotations

import numba
import numpy as np

# What may be rearranged for speed; NaN keeps its meaning.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
TAPS = 32
"""Their number is a multiple of this, for wide instructions without a rest."""
LANES = 32
"""Stretches that are filtered side by side: a recursion waits for itself, 32 of them fill the processor."""


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def forward_and_back(samples, step, settle, sections, from_level, out):  # type: ignore[no-untyped-def]
    """Zero-phase filtering by 1, 2 or 4 sections; `samples` hold `settle` more on either side than `out`.

    Lane k makes ``out[k step : (k + 1) step]`` and starts `settle` before it: with `from_level` as if its
    first sample had stood for ever, which is right for a filter that passes no offset, else from zero.
    """
    count = step + 2 * settle
    n_sections = sections.shape[0]
    sections = sections.copy()
    between = np.empty(count * LANES, dtype=np.float32)
    # One array, its first part the samples of now: with places that are known beforehand the loops over lanes
    # become wide instructions.
    state = np.zeros((2 * n_sections + 1) * LANES)
    start = np.zeros(LANES)
    if from_level:
        for k in range(LANES):
            start[k] = samples[k * step]
    for t in range(count):
        for k in range(LANES):
            state[k] = samples[k * step + t] - start[k]
        _sections(sections, n_sections, state)
        for k in range(LANES):
            between[t * LANES + k] = state[k]
    state[:] = 0
    for t in range(count - 1, settle - 1, -1):
        for k in range(LANES):
            state[k] = between[t * LANES + k]
        _sections(sections, n_sections, state)
        if t < step + settle:
            for k in range(LANES):
                out[k * step + t - settle] = state[k]


@numba.njit(nogil=True, fastmath=_FAST, cache=True, inline="always")
def _sections(sections, n_sections, state):  # type: ignore[no-untyped-def]
    """One sample of each lane through all sections; written out, for the compiler to see every place."""
    _section(sections, 0, state)
    if n_sections > 1:
        _section(sections, 1, state)
    if n_sections > 2:
        _section(sections, 2, state)
        _section(sections, 3, state)


@numba.njit(nogil=True, fastmath=_FAST, cache=True, inline="always")
def _section(sections, s, state):  # type: ignore[no-untyped-def]
    """Transposed direct form II of second order."""
    b0, b1, b2 = sections[s, 0], sections[s, 1], sections[s, 2]
    a1, a2 = sections[s, 4], sections[s, 5]
    first = (2 * s + 1) * LANES
    for k in range(LANES):
        value = state[k]
        filtered = b0 * value + state[first + k]
        state[first + k] = b1 * value - a1 * filtered + state[first + LANES + k]
        state[first + LANES + k] = b2 * value - a2 * filtered
        state[k] = filtered


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def every(samples, taps, step, out):  # type: ignore[no-untyped-def]
    """``out[m]`` is the sum of taps times the samples from m step on."""
    for m in range(out.size):
        # Of a slice the compiler knows where it begins.
        part = samples[m * step : m * step + taps.size]
        total = np.float32(0)
        for j in range(taps.size):
            total += taps[j] * part[j]
        out[m] = total
