"""Grey values for the page: 16 bit without sign, and the window that it opens with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOP = 65535
_WINDOW = (0.5, 99.6)
"""Percentiles of the greys that become black and white, as in the report's pictures."""
_SAMPLED = 512
"""Rows and columns that the percentiles are taken from at least."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GreyImage:
    """A film as the page gets it.

    Attributes
    ----------
    stored : array of uint16, shape (rows, columns)
        Bright = more attenuation.
    window : (low, high)
        Greys of black and white.
    data : (low, high)
        Least and greatest grey.
    """

    stored: NDArray[np.uint16]
    window: tuple[float, float]
    data: tuple[int, int]


def grey_image(pixels: NDArray[np.generic]) -> GreyImage:
    """A film's grey values, moved above zero; fractions, or too wide a range, are spread over 16 bit."""
    stored = _stored(pixels)
    step = max(1, min(stored.shape) // _SAMPLED)
    low, high = (float(v) for v in np.percentile(stored[::step, ::step], _WINDOW))
    data = int(stored.min()), int(stored.max())
    window = (low, high) if high > low else (float(data[0]), data[1] + 1.0)
    return GreyImage(stored=stored, window=window, data=data)


def _stored(pixels: NDArray[np.generic]) -> NDArray[np.uint16]:
    values = np.asarray(pixels)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    low, high = values.min(), values.max()
    whole = values.dtype.kind in "iu" or bool(np.all(values == np.rint(values)))
    if whole and float(high) - min(float(low), 0.0) <= TOP:
        moved = values if low >= 0 else values.astype(np.int64) - int(low)
        return np.ascontiguousarray(moved, dtype="<u2")
    scale = TOP / max(float(high) - float(low), 1e-30)
    return np.ascontiguousarray(np.rint((values.astype(float) - float(low)) * scale), dtype="<u2")
