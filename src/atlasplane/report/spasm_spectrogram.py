"""The spectrum over the whole recording: left above right, darker where there is more than the noise."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.chain.spasms_details import Spectrum
from atlasplane.report.palette import BLACK_INK, GRID
from atlasplane.report.spasm_svg import (
    LEFT,
    RIGHT,
    STAMP_INK,
    TimeAxis,
    framed,
    letters,
    opened,
    path,
    time_lines,
)

LOW_dB, HIGH_dB = 0.0, 30.0
_ROW, _GAP, _HEAD, _FOOT = 92.0, 16.0, 38.0, 45.0
_TICKS_HZ = (100, 200, 300, 400)
_RAMP = ((0.0, (255, 255, 255)), (0.35, (156, 198, 212)), (0.7, (35, 98, 134)), (1.0, (11, 28, 48)))
"""From white to nearly black, even in grey."""
_MISSING = (228, 228, 228)

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpectrumRow:
    """The spectrum of one channel, and its name."""

    name: str
    spectrum: Spectrum


def spectrogram_height(rows: Sequence[SpectrumRow]) -> float:
    """Height of the drawing."""
    return _HEAD + len(rows) * _ROW + (len(rows) - 1) * _GAP + _FOOT


def spectrogram(rows: Sequence[SpectrumRow], axis: TimeAxis, title: str, *, stamp: str = "") -> str:
    """The drawing as SVG, with a small picture for each channel; `stamp` as in `spasm_strip.strip`."""
    height = spectrogram_height(rows)
    parts = [opened(height, title), *_scale()]
    for k, row in enumerate(rows):
        top = _HEAD + k * (_ROW + _GAP)
        parts += _row(row, top, axis)
    parts += time_lines(axis, height - _FOOT, height - _FOOT + 4)
    parts.append(letters((RIGHT, height - 5), axis.name, anchor="end", size=13))
    if stamp:
        parts.append(letters((LEFT, height - 5), stamp, colour=STAMP_INK, size=13, bold=True))
    return "".join([*parts, "</svg>"])


def _row(row: SpectrumRow, top: float, axis: TimeAxis) -> Iterator[str]:
    spectrum = row.spectrum
    yield letters((0, top + 15), row.name, colour=BLACK_INK, size=17, bold=True)
    start, stop = (
        axis.x(spectrum.start_s + spectrum.step_s * column) for column in (0, spectrum.level_dB.shape[1])
    )
    yield (
        f'<image x="{start:.1f}" y="{top:.1f}" width="{stop - start:.1f}" height="{_ROW}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{_png(_coloured(spectrum))}"/>'
    )
    for hz in _TICKS_HZ:
        if spectrum.low_hz < hz < spectrum.high_hz:
            y = top + _ROW * (1 - (hz - spectrum.low_hz) / (spectrum.high_hz - spectrum.low_hz))
            yield path(f"M{LEFT} {y:.1f}h-5", GRID, 1)
            yield letters((LEFT - 8, y + 4), f"{hz} Hz", anchor="end", size=11.5)
    yield framed(LEFT, top, RIGHT - LEFT, _ROW)


def _scale() -> Iterator[str]:
    """What white and dark mean."""
    width, left = 180, RIGHT - 250
    yield letters((left - 10, 18), "power over the quiet noise", anchor="end", size=13)
    for k in range(36):
        colour = "#" + "".join(f"{c:02x}" for c in _ramp(np.array([[k / 35]]))[0, 0])
        yield f'<rect x="{left + 5 * k}" y="7" width="5.2" height="13" fill="{colour}"/>'
    yield framed(left, 7, width, 13)
    yield letters((left, 32), f"{LOW_dB:.0f}", anchor="middle", size=11.5)
    yield letters((left + width, 32), f"{HIGH_dB:.0f} dB", anchor="middle", size=11.5)


def _coloured(spectrum: Spectrum) -> Picture:
    """The picture, high frequencies on top, shape (bands, columns, 3)."""
    level = spectrum.level_dB[::-1].astype(float)
    shown = _ramp(np.nan_to_num((level - LOW_dB) / (HIGH_dB - LOW_dB)))
    shown[np.isnan(level)] = _MISSING
    return shown


def _ramp(share: NDArray[np.float64]) -> Picture:
    places = [place for place, _ in _RAMP]
    channels = [np.interp(share, places, [colour[c] for _, colour in _RAMP]) for c in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _png(pixels: Picture) -> str:
    from PIL import Image  # here, so that a report without recordings needs no library

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
