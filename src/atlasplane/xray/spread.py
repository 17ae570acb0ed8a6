"""Samples on every n-th pixel brought to every pixel."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Film32 = NDArray[np.float32]


@numba.njit(fastmath=True, cache=True)
def spread(samples: Film32, stride: int, out: Film32) -> None:
    """Add samples to an image, interpolated linearly between them.

    Parameters
    ----------
    samples : array, shape (m, n)
        Sample (0, 0) belongs to pixel (0, 0), the next ones `stride` pixels further.
    stride : int
        At least 1.
    out : array, shape (rows, columns)
        Added to; at most (m - 1) * stride + 1 by (n - 1) * stride + 1.
    """
    rows, columns = out.shape
    for r in range(rows):
        i = min(r // stride, samples.shape[0] - 2) if samples.shape[0] > 1 else 0
        below = min(i + 1, samples.shape[0] - 1)
        v = np.float32(r - i * stride) / np.float32(stride)
        for c in range(columns):
            j = min(c // stride, samples.shape[1] - 2) if samples.shape[1] > 1 else 0
            beside = min(j + 1, samples.shape[1] - 1)
            u = np.float32(c - j * stride) / np.float32(stride)
            upper = samples[i, j] + u * (samples[i, beside] - samples[i, j])
            lower = samples[below, j] + u * (samples[below, beside] - samples[below, j])
            out[r, c] += upper + v * (lower - upper)
