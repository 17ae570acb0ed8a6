"""One event near by: the cleaned signal, its envelope, and the threshold that it was found with."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from atlasplane.chain.spasms_details import EventDetail
from atlasplane.report.numbers import fixed
from atlasplane.report.palette import BLACK_INK, GRID, SOFT_INK
from atlasplane.report.spasm_svg import COLOURS, TimeAxis, boxes, letters, opened, path

EVENT_WIDTH, EVENT_HEIGHT = 480.0, 190.0
_LEFT, _RIGHT, _TOP, _FOOT = 50.0, 474.0, 22.0, 164.0
_COLUMNS = 424
_ENVELOPE_INK, _GROUND = "#B4490A", "#EEF2F4"
_NICE = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5)

Floats = NDArray[np.float32]


def event_plot(detail: EventDetail, title: str, *, raw: bool = False) -> str:
    """The drawing as SVG; + and - the threshold are dashed, the event itself is on a pale ground.

    Parameters
    ----------
    raw : bool
        Whether the samples are steps of a converter, not microvolts.
    """
    stop_s = detail.start_s + len(detail.signal_uV) / detail.rate_hz
    axis = TimeAxis(start_s=0.0, stop_s=stop_s - detail.start_s, left=_LEFT, right=_RIGHT)
    top_uV = _top(detail)
    event = detail.event
    begin, end = (axis.x(t - detail.start_s) for t in (event.start_s, event.stop_s))
    parts = [
        opened(EVENT_HEIGHT, title, width=EVENT_WIDTH),
        boxes([(begin, end)], _TOP, _FOOT - _TOP, _GROUND),
        boxes([(begin, end)], _TOP, 4.0, COLOURS[event.class_]),
        *_ruled(axis, top_uV, "steps" if raw else "µV"),
        f'<path d="{_outline(detail.signal_uV, top_uV)}" fill="#7D8E9A"/>',
        *_thresholds(detail.threshold_uV, top_uV),
        path(_course(detail.envelope_uV, top_uV), _ENVELOPE_INK, 2),
        *_key(),
        "</svg>",
    ]
    return "".join(parts)


def _top(detail: EventDetail) -> float:
    """End of the upward axis: all but the rarest samples, and twice the threshold, lie below it."""
    known = np.abs(detail.signal_uV[np.isfinite(detail.signal_uV)])
    high = max(float(np.quantile(known, 0.999)) if len(known) else 0.0, 2 * detail.threshold_uV)
    decade = 10.0 ** math.floor(math.log10(high))
    return next(nice * decade for nice in (*_NICE, 10.0) if nice * decade >= high)


def _y(value_uV: float, top_uV: float) -> float:
    middle, half = (_TOP + _FOOT) / 2, (_FOOT - _TOP) / 2
    return middle - half * min(max(value_uV / top_uV, -1.0), 1.0)


def _ruled(axis: TimeAxis, top_uV: float, unit: str) -> Iterator[str]:
    digits = next(d for d in range(6) if math.isclose(round(top_uV, d), top_uV))
    for level in (-top_uV, 0.0, top_uV):
        y = _y(level, top_uV)
        yield path(f"M{_LEFT} {y:.1f}H{_RIGHT}", GRID, 0.8)
        yield letters((_LEFT - 6, y + 4), fixed(level, digits), anchor="end", size=11.5)
    yield letters((0, _TOP - 7), unit, size=11.5)
    for time_s, text in axis.ticks(most=6):
        yield path(f"M{axis.x(time_s):.1f} {_FOOT}v4", SOFT_INK, 1)
        anchor = "end" if axis.x(time_s) > _RIGHT - 14 else "middle"
        yield letters((axis.x(time_s), _FOOT + 18), text, anchor=anchor, size=11.5)


def _columns(values: Floats) -> NDArray[np.int64]:
    return np.minimum(np.arange(len(values)) * _COLUMNS // max(len(values), 1), _COLUMNS - 1)


def _outline(signal_uV: Floats, top_uV: float) -> str:
    """From the lowest to the highest sample of each column."""
    place, values = _columns(signal_uV), np.nan_to_num(signal_uV.astype(float))
    low, high = np.full(_COLUMNS, np.inf), np.full(_COLUMNS, -np.inf)
    np.minimum.at(low, place, values)
    np.maximum.at(high, place, values)
    ways = []
    for k in np.flatnonzero(np.isfinite(low)):
        above, below = _y(high[k], top_uV), _y(low[k], top_uV)
        ways.append(f"M{_LEFT + k:.0f} {above:.1f}h1V{max(below, above + 0.5):.1f}h-1z")
    return "".join(ways)


def _course(envelope_uV: Floats, top_uV: float) -> str:
    place = _columns(envelope_uV)
    n = np.bincount(place, minlength=_COLUMNS)
    mean = np.bincount(place, weights=envelope_uV.astype(float), minlength=_COLUMNS) / np.maximum(n, 1)
    held = np.flatnonzero(n)
    points = (f"{_LEFT + k + 0.5:.1f} {_y(mean[k], top_uV):.1f}" for k in held)
    return f"M{'L'.join(points)}" if len(held) else ""


def _thresholds(threshold_uV: float, top_uV: float) -> Iterator[str]:
    y = _y(threshold_uV, top_uV)
    yield path(f"M{_LEFT} {y:.1f}H{_RIGHT}", BLACK_INK, 1.2, dash="5 3")


def _key() -> Iterator[str]:
    yield path(f"M{_LEFT + 6} {_TOP - 11}h18", _ENVELOPE_INK, 2.4)
    yield letters((_LEFT + 29, _TOP - 7), "root mean square", size=11.5)
    yield path(f"M{_LEFT + 140} {_TOP - 11}h18", BLACK_INK, 1.2, dash="5 3")
    yield letters((_LEFT + 163, _TOP - 7), "threshold", size=11.5)
