"""One event near by: the cleaned signal above, its root mean square against the threshold below."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.chain.spasms_details import EventDetail
from atlasplane.report.numbers import fixed
from atlasplane.report.palette import BLACK_INK, GRID
from atlasplane.report.spasm_numbers import RAW_UNIT
from atlasplane.report.spasm_svg import (
    COLOURS,
    EVENT_GROUND,
    SIGNAL_INK,
    STAMP_INK,
    TimeAxis,
    boxes,
    letters,
    opened,
    path,
)

EVENT_WIDTH, EVENT_HEIGHT = 480.0, 272.0
_LEFT, _RIGHT = 50.0, 474.0
_TOP, _MIDDLE = 24.0, 128.0
"""Of the signal."""
_HEAD, _FOOT = 160.0, 228.0
"""Of its root mean square."""
_COLUMNS = 424
_ENVELOPE_INK = "#B4490A"
_NICE = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5)
_SPAN = 4.0
"""The lower axis reaches at least from a half to so many times the threshold."""
_ONE_TO_TEN, _ONE_TWO_FIVE, _DECADES = (1.0,), (1.0, 2.0, 5.0), 1.6
"""Lines of the lower axis: powers of ten where it spans more than so many."""
_APART = 12.0
"""Least distance of two numbers at the lower axis."""

Floats = NDArray[np.float32]
Columns = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Levels:
    """The lower axis: logarithmic, so that the threshold and the strongest moment can both be read."""

    low_uV: float
    high_uV: float

    def y(self, value_uV: float) -> float:
        value = min(max(value_uV, self.low_uV), self.high_uV)
        share = math.log(value / self.low_uV) / math.log(self.high_uV / self.low_uV)
        return _FOOT - (_FOOT - _HEAD) * share


def event_plot(detail: EventDetail, title: str, *, raw: bool = False, stamp: str = "") -> str:
    """The drawing as SVG; the event itself is on a pale ground, and time counts from its start.

    Parameters
    ----------
    raw : bool
        Whether the samples are not in microvolts.
    stamp : str
        As in `spasm_strip.strip`.
    """
    event, unit = detail.event, RAW_UNIT if raw else "µV"
    stop_s = detail.start_s + len(detail.signal_uV) / detail.rate_hz
    axis = TimeAxis(
        start_s=detail.start_s - event.start_s, stop_s=stop_s - event.start_s, left=_LEFT, right=_RIGHT
    )
    span = (axis.x(0.0), axis.x(event.duration_s))
    top_uV, envelope = _top(detail), _means(detail.envelope_uV)
    levels = _levels(envelope, detail.threshold_uV)
    parts = [
        opened(EVENT_HEIGHT, title, width=EVENT_WIDTH),
        boxes([span], _TOP, _MIDDLE - _TOP, EVENT_GROUND),
        boxes([span], _HEAD, _FOOT - _HEAD, EVENT_GROUND),
        boxes([span], _TOP, 4.0, COLOURS[event.class_]),
        *_seconds(axis),
        *_amplitudes(top_uV),
        letters((0, _TOP - 10), f"cleaned signal, {unit}", size=11.5),
        f'<path d="{_outline(detail.signal_uV, top_uV)}" fill="{SIGNAL_INK}"/>',
        *_powers(levels, detail.threshold_uV),
        path(_course(envelope, levels), _ENVELOPE_INK, 2),
        *_key(detail.threshold_uV, unit),
        letters((_LEFT, _FOOT + 36), stamp, colour=STAMP_INK, size=11.5, bold=True),
        "</svg>",
    ]
    return "".join(parts)


# ---- axes ----


def _top(detail: EventDetail) -> float:
    """End of the upward axis: all but the rarest samples, and twice the threshold, lie below it."""
    known = np.abs(detail.signal_uV[np.isfinite(detail.signal_uV)])
    high = max(float(np.quantile(known, 0.999)) if len(known) else 0.0, 2 * detail.threshold_uV)
    decade = 10.0 ** math.floor(math.log10(high))
    return next(nice * decade for nice in (*_NICE, 10.0) if nice * decade >= high)


def _levels(envelope: Columns, threshold_uV: float) -> _Levels:
    known = envelope[np.isfinite(envelope) & (envelope > 0)]
    low = min([threshold_uV / 2, *known[known > threshold_uV / 8]])
    return _Levels(low_uV=low, high_uV=max([_SPAN * threshold_uV, *(1.15 * known)]))


def _y(value_uV: float, top_uV: float) -> float:
    middle, half = (_TOP + _MIDDLE) / 2, (_MIDDLE - _TOP) / 2
    return middle - half * min(max(value_uV / top_uV, -1.0), 1.0)


def _seconds(axis: TimeAxis) -> Iterator[str]:
    for time_s, text in axis.ticks(most=6):
        x = axis.x(time_s)
        yield path(f"M{x:.1f} {_TOP}V{_MIDDLE}M{x:.1f} {_HEAD}V{_FOOT + 4}", GRID, 0.8)
        anchor = "end" if x > _RIGHT - 14 else "middle"
        yield letters((x, _FOOT + 18), text, anchor=anchor, size=11.5)
    yield letters((_RIGHT, _FOOT + 36), "from its start", anchor="end", size=11.5)


def _amplitudes(top_uV: float) -> Iterator[str]:
    digits = next(d for d in range(6) if math.isclose(round(top_uV, d), top_uV))
    for level in (-top_uV, 0.0, top_uV):
        y = _y(level, top_uV)
        yield path(f"M{_LEFT} {y:.1f}H{_RIGHT}", GRID, 0.8)
        yield letters((_LEFT - 6, y + 4), fixed(level, digits), anchor="end", size=11.5)


def _powers(levels: _Levels, threshold_uV: float) -> Iterator[str]:
    """Lines at round levels, and the threshold."""
    y = levels.y(threshold_uV)
    taken = [y]
    for level, digits in _rounds(levels):
        own = levels.y(level)
        if all(abs(own - other) >= _APART for other in taken):
            taken.append(own)
            yield path(f"M{_LEFT} {own:.1f}H{_RIGHT}", GRID, 0.8)
            yield letters((_LEFT - 6, own + 4), fixed(level, digits), anchor="end", size=11.5)
    yield path(f"M{_LEFT} {y:.1f}H{_RIGHT}", BLACK_INK, 1.2, dash="5 3")
    text = fixed(threshold_uV, 1 if threshold_uV < 100 else 0)
    yield letters((_LEFT - 6, y + 4), text, colour=BLACK_INK, anchor="end", size=11.5)


def _rounds(levels: _Levels) -> Iterator[tuple[float, int]]:
    """Round levels within the lower axis, and their decimals."""
    low, high = math.log10(levels.low_uV), math.log10(levels.high_uV)
    for power in range(math.floor(low), math.ceil(high)):
        for step in _ONE_TO_TEN if high - low > _DECADES else _ONE_TWO_FIVE:
            level = step * 10.0**power
            if levels.low_uV <= level <= levels.high_uV:
                yield level, max(-power, 0)


# ---- signal and envelope ----


def _columns(n: int) -> NDArray[np.int64]:
    return np.minimum(np.arange(n) * _COLUMNS // max(n, 1), _COLUMNS - 1)


def _outline(signal_uV: Floats, top_uV: float) -> str:
    """From the lowest to the highest sample of each column."""
    place, values = _columns(len(signal_uV)), np.nan_to_num(signal_uV.astype(float))
    low, high = np.full(_COLUMNS, np.inf), np.full(_COLUMNS, -np.inf)
    np.minimum.at(low, place, values)
    np.maximum.at(high, place, values)
    ways = []
    for k in np.flatnonzero(np.isfinite(low)):
        above, below = _y(high[k], top_uV), _y(low[k], top_uV)
        ways.append(f"M{_LEFT + k:.0f} {above:.1f}h1V{max(below, above + 0.5):.1f}h-1z")
    return "".join(ways)


def _means(envelope_uV: Floats) -> Columns:
    """Mean of each column, NaN where none of the samples lies."""
    place = _columns(len(envelope_uV))
    n = np.bincount(place, minlength=_COLUMNS)
    total = np.bincount(place, weights=envelope_uV.astype(float), minlength=_COLUMNS)
    return np.asarray(np.divide(total, n, out=np.full(_COLUMNS, np.nan), where=n > 0))


def _course(envelope: Columns, levels: _Levels) -> str:
    held = np.flatnonzero(np.isfinite(envelope))
    points = (f"{_LEFT + k + 0.5:.1f} {levels.y(envelope[k]):.1f}" for k in held)
    return f"M{'L'.join(points)}" if len(held) else ""


def _key(threshold_uV: float, unit: str) -> Iterator[str]:
    y = _HEAD - 10
    digits = 2 if threshold_uV < 10 else 1 if threshold_uV < 100 else 0
    yield path(f"M0 {y - 1}h18", _ENVELOPE_INK, 2.4)
    yield letters((24, y + 3), f"root mean square over 0.1 s, {unit}", size=11.5)
    yield path(f"M236 {y - 1}h18", BLACK_INK, 1.2, dash="5 3")
    yield letters((260, y + 3), f"threshold {fixed(threshold_uV, digits)} {unit}", size=11.5)
