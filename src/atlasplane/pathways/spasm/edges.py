"""Where a contraction begins and ends, finer than a frame: at half of its amplitude."""

from __future__ import annotations

import numpy as np

from atlasplane.pathways.spasm.segmentation import Floats

_HALF_AMPLITUDE = 0.25
"""Of the power."""
_WHOLE = 0.6
"""Share of the power of what follows from which on a frame is taken to be active throughout."""


def rising_edge(power: Floats, first: int, stop: int, reach: int) -> float:
    """Frame, with its fraction, at which active muscle reaches half the amplitude of what follows.

    Parameters
    ----------
    power : array, shape (n,)
        Without that of the noise, uV^2.
    first, stop : int
        Active frames.
    reach : int
        Frames from the edge on that tell the amplitude.

    Returns
    -------
    float
        Seconds are ``start_s + hop_s`` times it. A step within a frame is placed by the share of the power
        that the frame holds, where that is less than a whole frame's is likely to be by chance.
    """
    head = power[first : min(first + reach, stop)]
    level = float(head.mean())
    if not level > 0:
        return float(first)
    k = first + int(np.argmax(head >= _HALF_AMPLITUDE * level))
    after = power[k + 1 : min(k + 1 + reach // 2, stop)]
    plateau = max(float(after.mean()), 0.0) if len(after) else level
    if not plateau * _WHOLE > power[k]:
        return float(k)
    return k + 1 - float(power[k]) / plateau


def falling_edge(power: Floats, first: int, stop: int, reach: int) -> float:
    """The same at the end: seen from behind."""
    n = len(power)
    return n - rising_edge(power[::-1], n - stop, n - first, reach)
