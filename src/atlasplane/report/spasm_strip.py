"""The whole recording at a glance: left above right on one axis of time, with the burden of each hour."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.pathways.spasm.result import EventClass
from atlasplane.report.numbers import fixed
from atlasplane.report.palette import BLACK_INK, GRID, SOFT_INK
from atlasplane.report.spasm_svg import (
    CLASS_NAMES,
    COLOURS,
    LANES,
    LEFT,
    QUIET_INK,
    RIGHT,
    STAMP_INK,
    TimeAxis,
    boxes,
    framed,
    hatched,
    letters,
    opened,
    path,
    time_lines,
    united,
)

CURVE, LANE, ROW_GAP, HEAD, FOOT = 74.0, 13.0, 20.0, 14.0, 40.0
BARS, BARS_GAP = 96.0, 34.0
_LOW, _HIGH = -1.0, 5.0
"""Octaves around the threshold that the curve spans at least: from half of it to 32 times."""
_LEVELS, _LEVEL_STEP = 3, 2
"""Levels that are named, and how many octaves they lie apart at least."""
_LEAST_BAR = 1.6
_MEAN_INK, _PEAK_INK = "#8FA1AD", "#CBD5DB"
_HOUR_S = 3600.0
_NICE = (1.0, 2.0, 4.0, 6.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HourBar:
    """Burden of one hour of the recording, per cent, and the ends of its interval where it has one."""

    hour: int
    percent: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StripRow:
    """One channel.

    Attributes
    ----------
    name : str
    said : tuple of str
        Lines under the name, the first one large.
    step_s : float
        Of the course.
    mean, peak : array, shape (n,)
        Activity over the channel's own threshold; NaN where nothing was recorded.
    events : tuple of (class, start_s, stop_s)
    excluded : tuple of (start_s, stop_s)
    quiet : (start_s, stop_s) or None
        Where it lies in this recording.
    hours : tuple of HourBar
        Drawn from two on: of a shorter recording the burden as a whole says the same.
    """

    name: str
    said: tuple[str, ...]
    step_s: float
    mean: Floats
    peak: Floats
    events: tuple[tuple[EventClass, float, float], ...]
    excluded: tuple[tuple[float, float], ...]
    quiet: tuple[float, float] | None
    hours: tuple[HourBar, ...]


def strip_height(rows: Sequence[StripRow], *, with_bars: bool) -> float:
    """Height of the drawing."""
    one = CURVE + 4 + LANE * max(1, len(lanes_of(rows)))
    bars = BARS_GAP + BARS if with_bars else 0.0
    return HEAD + len(rows) * one + (len(rows) - 1) * ROW_GAP + bars + FOOT


def lanes_of(rows: Sequence[StripRow]) -> tuple[EventClass, ...]:
    """Classes that any of the rows has, in their order."""
    present = {kind for row in rows for kind, _, _ in row.events}
    return tuple(kind for kind in LANES if kind in present)


def strip(
    rows: Sequence[StripRow], axis: TimeAxis, title: str, *, most_percent: float = 0.0, stamp: str = ""
) -> str:
    """The drawing as SVG.

    Parameters
    ----------
    rows : sequence of StripRow
        Of one muscle, left first.
    axis : TimeAxis
    title : str
        For those who cannot see it.
    most_percent : float
        What the scale of the burden reaches at least, so that several recordings can have one scale.
    stamp : str
        Stands in the drawing itself, which may be copied out of its page.
    """
    lanes, with_bars = lanes_of(rows), any(len(row.hours) > 1 for row in rows)
    height, one = strip_height(rows, with_bars=with_bars), CURVE + 4 + LANE * max(1, len(lanes))
    foot, most = height - FOOT, _most_octaves(rows)
    parts = [opened(height, title), *time_lines(axis, HEAD - 6, foot)]
    for k, row in enumerate(rows):
        parts += _row(row, HEAD + k * (one + ROW_GAP), lanes, axis, most)
    if with_bars:
        parts += _bars(rows, foot - BARS, axis, most_percent)
    parts.append(letters((RIGHT, height - 5), axis.name, anchor="end", size=13))
    if stamp:
        parts.append(letters((LEFT, height - 5), stamp, colour=STAMP_INK, size=13, bold=True))
    return "".join([*parts, "</svg>"])


def _most_octaves(rows: Sequence[StripRow]) -> float:
    """What the curves span upwards: all that is judged lies within, so that none is cut flat."""
    highest = _HIGH
    for row in rows:
        judged = row.peak.astype(float)
        for start_s, stop_s in row.excluded:
            judged[math.floor(start_s / row.step_s) : math.ceil(stop_s / row.step_s)] = np.nan
        known = judged[np.isfinite(judged)]
        if len(known):
            highest = max(highest, math.ceil(math.log2(max(float(known.max()), 1.0))))
    return highest


def _row(
    row: StripRow, top: float, lanes: Sequence[EventClass], axis: TimeAxis, most: float
) -> Iterator[str]:
    foot = top + CURVE
    yield from _names(row, top)
    yield from _levels(top, most)
    yield _area(row, row.peak, axis, _Height(top=top, most=most), _PEAK_INK)
    yield _area(row, row.mean, axis, _Height(top=top, most=most), _MEAN_INK)
    yield path(f"M{LEFT} {_y(0.0, top, most):.1f}H{RIGHT}", BLACK_INK, 1.3, dash="6 4")
    y = foot + 4
    for kind in lanes:
        spans = [(axis.x(start), axis.x(stop)) for own, start, stop in row.events if own is kind]
        yield path(f"M{LEFT} {y + LANE - 1:.1f}H{RIGHT}", GRID, 0.6)
        yield boxes(united(spans, _LEAST_BAR), y + 1, LANE - 3, COLOURS[kind])
        yield boxes([(LEFT - 13, LEFT - 6)], y + LANE - 10, 7.0, COLOURS[kind])
        yield letters((LEFT - 18, y + LANE - 3), CLASS_NAMES[kind], anchor="end", size=11.5)
        y += LANE
    for low, high in united([(axis.x(a), axis.x(b)) for a, b in row.excluded], 2.0):
        yield hatched(low, top, high - low, y - top - 2)
    if row.quiet is not None:
        yield from _quiet(axis.x(row.quiet[0]), axis.x(row.quiet[1]), top, foot)
    yield framed(LEFT, top, RIGHT - LEFT, CURVE)


def _names(row: StripRow, top: float) -> Iterator[str]:
    if row.name:
        yield letters((0, top + 15), row.name, colour=BLACK_INK, size=17, bold=True)
    y = top + (41 if row.name else 24)
    for k, text in enumerate(row.said):
        yield letters(
            (0, y), text, colour=BLACK_INK if k == 0 else SOFT_INK, size=23 if k == 0 else 13, bold=k == 0
        )
        y += 17 if k == 0 else 15


def _levels(top: float, most: float) -> Iterator[str]:
    step = max(_LEVEL_STEP, math.ceil(most / _LEVELS))
    for octave in range(0, math.ceil(most), step):
        y = _y(float(octave), top, most)
        if octave:
            yield path(f"M{LEFT} {y:.1f}H{RIGHT}", GRID, 0.7)
        text = "threshold" if octave == 0 else f"{2**octave} ×"
        yield letters((LEFT - 8, y + 4), text, anchor="end", size=11.5)


def _y(octaves: float, top: float, most: float) -> float:
    share = (min(max(octaves, _LOW), most) - _LOW) / (most - _LOW)
    return top + CURVE * (1 - share)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Height:
    """Where a curve stands, and the octaves that it spans upwards."""

    top: float
    most: float


def _area(row: StripRow, values: Floats, axis: TimeAxis, at: _Height, colour: str) -> str:
    """The curve filled down to the foot; gaps stay open."""
    foot, ways = at.top + CURVE, []
    octaves = np.log2(np.maximum(values.astype(float), 2.0**_LOW))
    known = np.isfinite(octaves)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], known.astype(int), [0]))))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        points = [f"M{axis.x(first * row.step_s):.1f} {foot:.1f}"]
        for k in range(first, stop):
            points.append(f"V{_y(float(octaves[k]), at.top, at.most):.1f}H{axis.x((k + 1) * row.step_s):.1f}")
        ways.append("".join([*points, f"V{foot:.1f}z"]))
    return f'<path d="{"".join(ways)}" fill="{colour}"/>' if ways else ""


def _quiet(low: float, high: float, top: float, foot: float) -> Iterator[str]:
    width = max(high - low, 3.0)
    yield (
        f'<rect x="{low:.1f}" y="{top + 1:.1f}" width="{width:.1f}" height="{foot - top - 2:.1f}" '
        f'fill="{QUIET_INK}" fill-opacity="0.14" stroke="{QUIET_INK}" stroke-width="1.6"/>'
    )
    yield letters((min(low + width + 5, RIGHT - 40), top + 15), "quiet", colour=QUIET_INK, size=13, bold=True)


# ---- burden of each hour ----


def most_of(rows: Sequence[StripRow]) -> float:
    """The highest end of a bar or its interval, per cent; 0 where no bars are drawn."""
    hours = (bar for row in rows if len(row.hours) > 1 for bar in row.hours)
    return max((bar.high or bar.percent for bar in hours), default=0.0)


def _bars(rows: Sequence[StripRow], top: float, axis: TimeAxis, least: float) -> Iterator[str]:
    """Bars of the hours, the channels beside each other: full for the first, open for the second."""
    foot = top + BARS
    most = max(1.0, least, most_of(rows))
    high = next((nice for nice in _NICE if most <= nice), 100.0)
    yield from _bar_names(rows, top)
    for level in (0.0, high / 2, high):
        y = foot - BARS * level / high
        yield path(f"M{LEFT} {y:.1f}H{RIGHT}", GRID, 0.8)
        yield letters((LEFT - 8, y + 4), f"{fixed(level, 1 if high < 2 else 0)} %", anchor="end", size=11.5)
    for k, row in enumerate(rows):
        for bar in row.hours:
            yield from _bar(bar, k, len(rows), axis, foot, BARS / high)


def _bar_names(rows: Sequence[StripRow], top: float) -> Iterator[str]:
    yield letters((0, top + 15), "Burden", colour=BLACK_INK, size=15, bold=True)
    yield letters((0, top + 32), "of each hour,", size=13)
    yield letters((0, top + 47), "95 % interval", size=13)
    if len(rows) < 2:
        return
    for k, row in enumerate(rows):
        y = top + 57 + 17 * k
        yield _filled(0, y, 12, 12, k)
        yield letters((18, y + 11), row.name, size=13)


def _bar(bar: HourBar, k: int, of: int, axis: TimeAxis, foot: float, scale: float) -> Iterator[str]:
    begin, stop = axis.x(bar.hour * _HOUR_S), axis.x(min((bar.hour + 1) * _HOUR_S, axis.stop_s))
    room = (stop - begin) * 0.8 / of
    left = begin + (stop - begin) * 0.1 + k * room
    height = bar.percent * scale
    if height > 0:
        yield _filled(left + 0.06 * room, foot - height, 0.88 * room, height, k)
    else:
        yield path(f"M{left + 0.06 * room:.1f} {foot - 1:.1f}h{0.88 * room:.1f}", BLACK_INK, 2)
    if bar.low is not None and bar.high is not None:
        x, top, end = left + room / 2, foot - bar.high * scale, foot - bar.low * scale
        cap = min(5.0, room / 4)
        ends = "".join(f"M{x - cap:.1f} {y:.1f}h{2 * cap:.1f}" for y in (top, end))
        yield path(f"M{x:.1f} {top:.1f}V{end:.1f}{ends}", BLACK_INK, 1.4)


_FILLS = ("#3D5A6C", "#C9D6DE", "#7A8C98", "#E9EEF1")


def _filled(x: float, y: float, width: float, height: float, k: int) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{_FILLS[k % len(_FILLS)]}" stroke="#24384A" stroke-width="1"/>'
    )
