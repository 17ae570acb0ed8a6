"""Ends of a recorder's range, where its samples pile up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from atlasplane.signals.settings import setting

Samples = NDArray[np.float32]


def rails(samples: Samples) -> tuple[float, float]:
    """Lowest and highest sample where more lie at it than near it; infinite where none do.

    Samples of an unclipped signal thin out towards its extremes; a clipped one has a heap there. A channel of
    few steps tells nothing, nor does a constant one.

    Parameters
    ----------
    samples : array of float32, shape (n,)
        NaN where nothing was recorded.
    """
    low, high = (
        float(np.fmin.reduce(samples, initial=np.inf)),
        float(np.fmax.reduce(samples, initial=-np.inf)),
    )
    span = high - low
    if not span > 0 or not np.isfinite(span):
        return -np.inf, np.inf
    if np.unique(samples[:: samples.size // _LOOKED_AT + 1]).size < setting("rail_steps"):
        return -np.inf, np.inf
    near = np.float32(setting("rail_near") * span)
    top = samples[samples >= np.float32(high) - near]
    bottom = samples[samples <= np.float32(low) + near]
    return (low if _heap(bottom, low) else -np.inf), (high if _heap(top, high) else np.inf)


_LOOKED_AT = 4096
"""Samples, spread over all, that tell how fine the recorder's steps are."""


def _heap(near: Samples, end: float) -> bool:
    """Whether more samples lie at the end than near it, and as many as chance does not bring."""
    at_end = int(np.count_nonzero(near == np.float32(end)))
    return at_end >= setting("rail_samples") and at_end > near.size - at_end
