"""From stored values to the grey of a film: modality table, polarity, padding; the window stays apart.

The modality transform belongs to the values and is applied. The window (VOI) belongs to a display: it is
never applied to what is measured, and is handed on as a proposal for showing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut

from atlasplane.core.errors import BadFile
from atlasplane.io.image_film import luminance
from atlasplane.sources.film import PixelArray

GREY_TAGS = (
    "PhotometricInterpretation",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
)


def film_grey(stored: NDArray[np.generic], header: Dataset, *, name: str) -> PixelArray:
    """Grey values, shape (rows, columns), bright = more attenuation.

    Parameters
    ----------
    stored : array, shape (rows, columns[, 3])
        Values as decoded; colour becomes luminance.
    header : Dataset
        With at least GREY_TAGS.
    name : str
        How messages call the file.

    Raises
    ------
    BadFile
        When the whole image is padding.
    """
    padding = _padding(stored, header)
    grey = luminance(stored)
    if _is_rescaled(header):
        grey = np.asarray(apply_modality_lut(grey, header))
    if header.PhotometricInterpretation == "MONOCHROME1":
        grey = _turned(grey, _pivot(header))
    if padding is None or not padding.any():
        return grey
    if padding.all():
        raise BadFile(name, "holds nothing but padding", "Export the film with its image")
    # What is no film is shown as dark as the darkest film, and so takes no part in a window.
    return np.where(padding, grey[~padding].min(), grey).astype(grey.dtype)


def shown_window(header: Dataset) -> tuple[float, float] | None:
    """Lowest and highest grey that the header asks a display to tell apart, as `film_grey` gives them.

    A table (VOI LUT) gives the ends of its input; of several windows the first counts.
    """
    ends = _table_ends(header) or _window_ends(header)
    if ends is None or header.get("PhotometricInterpretation") != "MONOCHROME1":
        return ends
    pivot = _pivot(header)
    return pivot - ends[1], pivot - ends[0]


def _window_ends(header: Dataset) -> tuple[float, float] | None:
    centre, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if centre is None or width is None or width < 1:
        return None
    linear = str(header.get("VOILUTFunction") or "LINEAR") == "LINEAR"
    # The standard's linear window is half a grey off centre and one grey narrower (PS3.3 C.11.2.1.2).
    middle, half = (centre - 0.5, (width - 1) / 2) if linear else (centre, width / 2)
    return (middle - half, middle + half) if half > 0 else None


def _table_ends(header: Dataset) -> tuple[float, float] | None:
    tables = header.get("VOILUTSequence")
    if not tables or "LUTDescriptor" not in tables[0]:
        return None
    entries, first, _bits = (int(part) for part in tables[0].LUTDescriptor)
    return float(first), float(first + (entries or 1 << 16) - 1)


def _first(header: Dataset, keyword: str) -> float | None:
    value = header.get(keyword)
    if value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) else float(next(iter(value)))
    except (TypeError, ValueError, StopIteration):
        return None
    return number if np.isfinite(number) else None


def _padding(stored: NDArray[np.generic], header: Dataset) -> NDArray[np.bool_] | None:
    """Where the stored values are padding: one value, or all between two."""
    if stored.ndim != 2 or header.get("PixelPaddingValue") is None:
        return None
    one = _as_stored(int(header.PixelPaddingValue), header)
    limit = header.get("PixelPaddingRangeLimit")
    other = one if limit is None else _as_stored(int(limit), header)
    low, high = sorted((one, other))
    values: NDArray[Any] = stored
    return np.asarray((values >= low) & (values <= high))


def _as_stored(value: int, header: Dataset) -> int:
    """A padding value in the sign that the pixels have; some writers give the other one."""
    bits = int(header.BitsAllocated)
    if header.PixelRepresentation == 1:
        return value - (1 << bits) if value >= 1 << (bits - 1) else value
    return value % (1 << bits)


def _is_rescaled(header: Dataset) -> bool:
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    identity = slope in (None, "", 1) and intercept in (None, "", 0)
    return bool(header.get("ModalityLUTSequence")) or not identity


def _pivot(header: Dataset) -> float:
    """Sum of the lowest and highest value that the film can hold: v of MONOCHROME1 becomes pivot - v."""
    bits, signed = int(header.BitsStored), header.PixelRepresentation == 1
    low = -(1 << (bits - 1)) if signed else 0
    ends = np.array([low, low + (1 << bits) - 1], dtype=np.int32 if bits > 15 else np.int16)
    if not _is_rescaled(header):
        return float(ends.sum())
    return float(np.asarray(apply_modality_lut(ends, header), dtype=float).sum())


def _turned(grey: NDArray[np.generic], pivot: float) -> PixelArray:
    if np.issubdtype(grey.dtype, np.integer) and pivot == int(pivot):
        return np.asarray(int(pivot) - grey.astype(np.int64)).astype(grey.dtype)
    return np.asarray(pivot - grey.astype(float))
