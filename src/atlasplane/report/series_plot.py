"""The plot of one quantity over the visits: points at their dates, and what a change must exceed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from atlasplane.report.numbers import day_text, fixed, with_unit
from atlasplane.report.palette import BAND, BEYOND, BLACK_INK, FONT, GRID, SOFT_INK, WITHIN

PLOT_WIDTH, PLOT_HEIGHT = 480, 220
_LEFT, _RIGHT, _TOP, _FOOT = 92, 428, 38, 180
_EDGE, _END = 64, 448
"""From here to there the ground is ruled."""
_GAP = 22
"""Least distance of two visits, so that before and after of one day stand apart."""
_LABEL_GAP = 96
_TICKS = 3
"""At least so many lines are ruled."""
_STEPS = (5.0, 2.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotPoint:
    """One visit.

    Attributes
    ----------
    time : datetime
    value : float
        In the quantity's unit.
    low, high : float or None
        Ends of the 95 % interval; None where there is none.
    mdc : float or None
        Minimal detectable change against the first visit; None for the first and without one.
    beyond : bool
        Whether the change against the first visit exceeds it.
    """

    time: datetime
    value: float
    low: float | None = None
    high: float | None = None
    mdc: float | None = None
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values from `low` to `high` between the foot and the top of the plot."""

    low: float
    high: float

    def y(self, value: float) -> float:
        return _FOOT - (_FOOT - _TOP) * (value - self.low) / (self.high - self.low)

    @property
    def step(self) -> float:
        """The widest of 1, 2, 5, 10, ... that leaves at least three lines."""
        widest = (self.high - self.low) / _TICKS
        decade = 10.0 ** math.floor(math.log10(widest))
        return next(step * decade for step in _STEPS if step * decade <= widest * (1 + 1e-9))

    def ticks(self) -> Iterator[float]:
        step = self.step
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        yield from (k * step for k in range(first, last + 1))


def series_plot(points: Sequence[PlotPoint], *, unit: str) -> str:
    """The plot as SVG.

    Parameters
    ----------
    points : sequence of PlotPoint
        Two or more in time order, one of them with an interval or a minimal detectable change.
    unit : str
        UCUM code of the values.
    """
    scale, places = _scale(points), _places([point.time for point in points])
    ways = " L".join(f"{x:.1f} {scale.y(p.value):.1f}" for x, p in zip(places, points, strict=True))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" '
        f'font-family="{FONT}">',
        _band(points, places, scale),
        *_ruled(scale, unit),
        *_dates(points, places),
        f'<path d="M{ways}" stroke="{SOFT_INK}" stroke-width="1.3" fill="none"/>',
        *(_point(point, x, scale) for x, point in zip(places, points, strict=True)),
        *_key(any(point.beyond for point in points)),
        "</svg>",
    ]
    return "".join(parts)


def _scale(points: Sequence[PlotPoint]) -> _Scale:
    first = points[0].value
    shown = [end for p in points for end in (p.value, p.low, p.high) if end is not None]
    shown += [first + sign * p.mdc for p in points if p.mdc is not None for sign in (-1, 1)]
    margin = 0.05 * (max(shown) - min(shown))
    return _Scale(min(shown) - margin, max(shown) + margin)


def _places(times: Sequence[datetime]) -> list[float]:
    """Columns to the scale of time, but none nearer to another than a mark is wide."""
    span = (times[-1] - times[0]).total_seconds()
    gap = min(_GAP, (_RIGHT - _LEFT) / (len(times) - 1))
    places: list[float] = []
    for time in times:
        share = (time - times[0]).total_seconds() / span if span > 0 else 0.0
        after = places[-1] + gap if places else _LEFT
        places.append(max(_LEFT + (_RIGHT - _LEFT) * share, after))
    limit = float(_RIGHT)
    for k in reversed(range(len(places))):
        places[k] = min(places[k], limit)
        limit = places[k] - gap
    return places


def _band(points: Sequence[PlotPoint], places: Sequence[float], scale: _Scale) -> str:
    """First value ± the MDC of each visit; level where the ruled ground goes on beyond the visits."""
    first = points[0].value
    known = [(x, p.mdc) for x, p in zip(places, points, strict=True) if p.mdc is not None]
    if not known:
        return ""
    ends = [(_EDGE, known[0][1]), *known, (_END, known[-1][1])]
    edge = [f"{x:.1f} {scale.y(first + mdc):.1f}" for x, mdc in ends]
    edge += [f"{x:.1f} {scale.y(first - mdc):.1f}" for x, mdc in reversed(ends)]
    return f'<path d="M{" L".join(edge)}Z" fill="{BAND}"/>'


def _ruled(scale: _Scale, unit: str) -> Iterator[str]:
    digits = max(0, -math.floor(math.log10(scale.step) + 1e-9))
    for tick in scale.ticks():
        y = scale.y(tick)
        yield f'<path d="M{_EDGE} {y:.1f}H{_END}" stroke="{GRID}" stroke-width="1"/>'
        yield _text((_EDGE - 6, y + 4.5), with_unit(fixed(tick, digits), unit), anchor="end")


def _dates(points: Sequence[PlotPoint], places: Sequence[float]) -> Iterator[str]:
    """A notch for every visit; first and last day, and those between that have room."""
    for x in places:
        yield f'<path d="M{x:.1f} {_FOOT + 4}v6" stroke="{SOFT_INK}" stroke-width="1.3"/>'
    days = [day_text(point.time) for point in points]
    yield _text((places[0], _FOOT + 27), days[0], anchor="middle")
    if days[-1] == days[0]:
        return
    yield _text((places[-1], _FOOT + 27), days[-1], anchor="middle")
    taken = places[0]
    for x, day in zip(places[1:-1], days[1:-1], strict=True):
        if x - taken >= _LABEL_GAP and places[-1] - x >= _LABEL_GAP:
            taken = x
            yield _text((x, _FOOT + 27), day, anchor="middle")


def _point(point: PlotPoint, x: float, scale: _Scale) -> str:
    """The mark with its bar; an open end of an interval reaches the border."""
    colour, y, bar = BEYOND if point.beyond else WITHIN, scale.y(point.value), ""
    if point.low is not None or point.high is not None:
        low = scale.y(scale.low if point.low is None else point.low)
        high = scale.y(scale.high if point.high is None else point.high)
        bar = f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="2"/>'
    return bar + _mark(x, y, beyond=point.beyond)


def _mark(x: float, y: float, *, beyond: bool) -> str:
    """A full diamond beyond the MDC, an open circle within, as in the plot of the changes."""
    if beyond:
        return f'<path d="M{x - 7:.1f} {y:.1f}l7 -7l7 7l-7 7Z" fill="{BEYOND}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#ffffff" stroke="{WITHIN}" stroke-width="2.3"/>'


def _key(beyond: bool) -> Iterator[str]:
    """What the band and the mark mean, from border to border: without the font its stand-in is wider."""
    yield f'<rect x="4" y="7" width="20" height="13" fill="{BAND}"/>'
    yield _text((30, 18), "first value ± MDC95", size=12)
    yield _mark(PLOT_WIDTH - 11, 13.5, beyond=beyond)
    said = "distinguishable from the first visit" if beyond else "not distinguishable from the first visit"
    yield _text((PLOT_WIDTH - 23, 18), said, colour=BLACK_INK, anchor="end", size=12)


def _text(
    at: tuple[float, float], text: str, *, colour: str = SOFT_INK, anchor: str = "start", size: float = 13
) -> str:
    place = f'x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"
