"""What the drawings of a recording share: the axis of time, classes with their colours, hatching, letters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from xml.sax.saxutils import escape

from atlasplane.pathways.spasm.result import EventClass
from atlasplane.report.numbers import NO_BREAK, fixed
from atlasplane.report.palette import FONT, GRID, SOFT_INK

WIDTH = 1000
LEFT, RIGHT = 178.0, 990.0
"""Ends of the axis of time."""
_STEPS_S = (
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0),
    *(3600.0, 7200.0, 10800.0, 14400.0, 21600.0),
)
_MOST_TICKS = 9
_MINUTE_S, _HOUR_S = 60.0, 3600.0
_SHORT_S = 600.0
"""A shorter recording is gone through second by second."""
LANES: tuple[EventClass, ...] = (
    EventClass.TONIC,
    EventClass.CLONUS,
    EventClass.MYOCLONUS,
    EventClass.UNIT,
    EventClass.MIXED,
    EventClass.CRAMP,
    EventClass.VOLUNTARY,
    EventClass.UNATTRIBUTED,
)
"""Order in which classes stand under each other: a place of its own tells a class without its colour."""
COLOURS: Mapping[EventClass, str] = MappingProxyType(
    {
        EventClass.TONIC: "#0072B2",
        EventClass.CLONUS: "#D55E00",
        EventClass.MYOCLONUS: "#B3568C",
        EventClass.UNIT: "#3A86B5",
        EventClass.MIXED: "#6A4FA0",
        EventClass.CRAMP: "#8E1B1B",
        EventClass.VOLUNTARY: "#00795A",
        EventClass.UNATTRIBUTED: "#5F6B74",
    }
)
CLASS_NAMES: Mapping[EventClass, str] = MappingProxyType(
    {
        EventClass.TONIC: "tonic spasm",
        EventClass.CLONUS: "clonus",
        EventClass.MYOCLONUS: "myoclonus",
        EventClass.UNIT: "single units",
        EventClass.MIXED: "mixed spasm",
        EventClass.CRAMP: "cramp",
        EventClass.VOLUNTARY: "voluntary",
        EventClass.UNATTRIBUTED: "unattributed",
    }
)
STAMP_INK = "#8A4B00"
EXCLUDED_INK, QUIET_INK, SIGNAL_INK, EVENT_GROUND = "#9AA5AD", "#1D6B43", "#7D8E9A", "#EEF2F4"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAxis:
    """Seconds of a recording across a drawing.

    Attributes
    ----------
    start_s, stop_s : float
        What is shown.
    started : datetime or None
        Time of day of the recording's start; ticks are times of day where it is known.
    left, right : float
        Ends in the drawing.
    """

    start_s: float
    stop_s: float
    started: datetime | None = None
    left: float = LEFT
    right: float = RIGHT

    def x(self, time_s: float) -> float:
        """Column of a time, held within the drawing."""
        share = (time_s - self.start_s) / (self.stop_s - self.start_s)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def ticks(self, *, most: int = _MOST_TICKS) -> list[tuple[float, str]]:
        """Times at which a line stands, and how they are written."""
        span = self.stop_s - self.start_s
        step = next((step for step in _STEPS_S if span / step <= most), _STEPS_S[-1])
        begin = self._seconds_of_day() if step >= _MINUTE_S else 0.0
        first = -(-(self.start_s + begin) // step) * step - begin
        count = int((self.stop_s - first) // step) + 1
        return [(first + k * step, self._label(first + k * step, step)) for k in range(max(count, 0))]

    @property
    def is_short(self) -> bool:
        """Whether tenths of a second matter to find an event again."""
        return self.stop_s - self.start_s < _SHORT_S

    def text(self, time_s: float, digits: int = 0) -> str:
        """A time as a reader finds it: of day where it is known, else since the start.

        Parameters
        ----------
        digits : int
            Decimals of a second.
        """
        rounded = round(time_s + self.start_fraction_s, digits)
        whole = math.floor(rounded)
        part = f"{rounded - whole:.{digits}f}"[1:] if digits else ""
        if self.started is not None:
            return f"{self.started.replace(microsecond=0) + timedelta(seconds=whole):%H:%M:%S}{part}"
        if self.is_short:
            return f"{fixed(rounded, digits)}{NO_BREAK}s"
        hours, rest = divmod(whole, int(_HOUR_S))
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}{part}"

    @property
    def start_fraction_s(self) -> float:
        """What the time of day of the start has beyond whole seconds; 0 where it is not known."""
        return 0.0 if self.started is None else self.started.microsecond / 1e6

    @property
    def name(self) -> str:
        """What the numbers of the axis are."""
        if self.started is not None and self.stop_s - self.start_s >= _MOST_TICKS * _MINUTE_S / 2:
            return "time of day"
        return "since the start"

    def _seconds_of_day(self) -> float:
        if self.started is None:
            return 0.0
        return (
            self.started.hour * _HOUR_S
            + self.started.minute * _MINUTE_S
            + (self.started.second + self.start_fraction_s)
        )

    def _label(self, time_s: float, step: float) -> str:
        if step >= _MINUTE_S:
            if self.started is not None:
                whole = round(time_s + self.start_fraction_s)
                return f"{self.started.replace(microsecond=0) + timedelta(seconds=whole):%H:%M}"
            minutes = round(time_s / _MINUTE_S)
            return f"{minutes // 60}:{minutes % 60:02d} h" if step >= _HOUR_S / 6 else f"{minutes} min"
        return f"{fixed(time_s, 0 if step >= 1 else 1)} s"


def opened(height: float, title: str, *, width: float = WIDTH) -> str:
    """Start of a drawing, with its name and the hatching that several parts use."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'font-family="{FONT}" role="img"><title>{escape(title)}</title>'
    )


def hatched(x: float, y: float, width: float, height: float, *, ink: str = EXCLUDED_INK) -> str:
    """A box of slanted lines, drawn one by one: a pattern is shared by every drawing of a page."""
    lines, step = [], 6.0
    start = x - height
    while start < x + width:
        low, high = max(start, x), min(start + height, x + width)
        if high > low:
            lines.append(
                f"M{low:.1f} {y + height - (low - start):.1f}L{high:.1f} {y + start + height - high:.1f}"
            )
        start += step
    edge = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="#ffffff" '
    edge += f'fill-opacity="0.75" stroke="{ink}" stroke-width="0.8"/>'
    return f'{edge}<path d="{"".join(lines)}" stroke="{ink}" stroke-width="1" fill="none"/>'


def path(way: str, colour: str, width: float, *, dash: str = "") -> str:
    """An open line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{way}" stroke="{colour}" stroke-width="{width:g}" fill="none"{dashed}/>'


def letters(
    at: tuple[float, float],
    text: str,
    *,
    colour: str = SOFT_INK,
    anchor: str = "start",
    size: float = 14,
    bold: bool = False,
) -> str:
    """A line of text."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" font-size="{size:g}" '
        f'fill="{colour}"{weight}>{escape(text)}</text>'
    )


def time_lines(axis: TimeAxis, top: float, foot: float, *, size: float = 14) -> Iterator[str]:
    """Upright lines at the ticks, and their times below."""
    for time_s, text in axis.ticks():
        x = axis.x(time_s)
        yield path(f"M{x:.1f} {top:.1f}V{foot:.1f}", GRID, 1)
        anchor = (
            "middle" if axis.left + 20 <= x <= axis.right - 20 else "start" if x < axis.right - 20 else "end"
        )
        yield letters((x, foot + 19), text, anchor=anchor, size=size)


def united(spans: Iterable[tuple[float, float]], least: float) -> list[tuple[float, float]]:
    """Spans of columns, each at least so wide, those that touch made one."""
    wide = sorted(
        (low, high) if high - low >= least else ((low + high - least) / 2, (low + high + least) / 2)
        for low, high in spans
    )
    found: list[tuple[float, float]] = []
    for low, high in wide:
        if found and low <= found[-1][1] + 0.2:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def framed(x: float, y: float, width: float, height: float) -> str:
    """A thin frame."""
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {size} fill="none" stroke="{GRID}"/>'


def boxes(spans: Iterable[tuple[float, float]], y: float, height: float, colour: str) -> str:
    """Filled boxes between columns, as one path."""
    ways = "".join(f"M{low:.1f} {y:.1f}H{high:.1f}v{height:.1f}H{low:.1f}z" for low, high in spans)
    return f'<path d="{ways}" fill="{colour}"/>' if ways else ""
