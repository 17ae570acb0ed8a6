"""The grey picture of a film: cut to what is marked, made smaller, windowed, as a JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.sources.film import PixelArray

MOST_ROWS = 1200
_JPEG_QUALITY = 82
_WINDOW = (0.5, 99.6)
"""Percentiles of the greys that become black and white."""
_MARGIN = 0.09
"""Kept around the marks, as a share of the cut's larger side."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Part of a film that is shown: columns left .. right, rows top .. bottom, the ends left out."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top


def cut_around(points_px: Array, shape: tuple[int, int], aspect: float) -> Cut:
    """The cut of a film that shows all points with a margin; the whole film without points.

    Parameters
    ----------
    points_px : array, shape (n, 2)
    shape : (rows, columns)
    aspect : float
        Width over height, so that films stand side by side; kept where the film is large enough.
    """
    rows, columns = shape
    inside = points_px[np.all(np.isfinite(points_px), axis=1)] if len(points_px) else points_px
    if not len(inside):
        return Cut(0, 0, columns, rows)
    low, high = inside.min(axis=0), inside.max(axis=0)
    margin = _MARGIN * float((high - low).max())
    size = high - low + 2 * margin
    width, height = max(size[0], size[1] * aspect), max(size[1], size[0] / aspect)
    middle = (low + high) / 2
    left, right = _within(middle[0], width, columns)
    top, bottom = _within(middle[1], height, rows)
    return Cut(left, top, right, bottom)


def _within(middle: float, size: float, limit: int) -> tuple[int, int]:
    whole = min(round(size), limit)
    start = min(max(round(middle - whole / 2), 0), limit - whole)
    return start, start + max(whole, 1)


def film_jpeg(pixels: PixelArray, cut: Cut) -> bytes:
    """The cut as an 8-bit grey JPEG of at most `MOST_ROWS` rows, windowed by percentiles of its greys."""
    from PIL import Image  # here, so that the view-model can be used without an image library

    part = np.asarray(pixels)[cut.top : cut.bottom, cut.left : cut.right]
    step = max(1, int(max(part.shape) / 512))
    low, high = np.percentile(part[::step, ::step].astype(np.float32), _WINDOW)
    scale = np.float32(255.0 / max(float(high - low), 1e-6))
    grey = np.clip((part.astype(np.float32) - np.float32(low)) * scale, 0, 255).astype(np.uint8)
    picture = Image.fromarray(grey)
    if cut.height > MOST_ROWS:
        size = (max(1, round(cut.width * MOST_ROWS / cut.height)), MOST_ROWS)
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()
