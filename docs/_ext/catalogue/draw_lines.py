"""Constructions of few kinds that most measures are made of: point and line, angle, slope, distance.

Each function returns what draws it. A place is the id of a landmark, or several places for their middle.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from atlasplane.anatomy.schematic_film import Film
from atlasplane.geometry.types import Array

from . import drawing as d
from .marking import RIGHT, UP, Draw, mark, says

Place = str | tuple["Place", ...]
Line = tuple[Place, Place]
LABEL = 24.0
"""How far a label stands from its mark, points of type."""


def beside_line(point: Place, line: Line, word: str, note: str) -> Draw:
    """Perpendicular distance of a point from a line through two others."""

    def draw(axes: Axes, sheet: Film) -> str:
        a, b = _line(axes, sheet, line, d.LINE, reach=0.3)
        at = _place(axes, sheet, point)
        along = d.unit(b - a)
        foot = a + along * ((at - a) @ along)
        _reach(axes, a, b, foot)
        _dimension(axes, at, foot, word)
        return note

    return draw


def along_line(
    first: Place, second: Place, line: Line, word: str, note: str, *, square: bool = False
) -> Draw:
    """Distance of two points, measured along a line or square to it."""

    def draw(axes: Axes, sheet: Film) -> str:
        a, b = _line(axes, sheet, line, d.LINE, reach=0.15)
        p, q = _place(axes, sheet, first), _place(axes, sheet, second)
        along = d.across(d.unit(b - a)) if square else d.unit(b - a)
        end = p + along * ((q - p) @ along)
        d.segment(axes, end, q, color=d.GUIDE, style=":", width=1.1)
        _dimension(axes, p, end, word)
        return note

    return draw


def along_to_line(point: Place, direction: Line, line: Line, word: str, note: str) -> Draw:
    """Distance of a point from a line, measured in the direction of another."""

    def draw(axes: Axes, sheet: Film) -> str:
        a, b = _line(axes, sheet, line, d.LINE, reach=0.3)
        p, q = _line(axes, sheet, direction, d.GUIDE, reach=0.1)
        at = _place(axes, sheet, point)
        _dimension(axes, at, d.crossing(at, d.unit(q - p), a, d.unit(b - a)), word)
        return note

    return draw


def together(*parts: Draw) -> Draw:
    """Several constructions on one drawing; the note is the last one's."""

    def draw(axes: Axes, sheet: Film) -> str:
        return [part(axes, sheet) for part in parts][-1]

    return draw


def gap(contours: tuple[str, str], word: str, note: str) -> Draw:
    """Two contours that face each other, and the gap between their middles."""

    def draw(axes: Axes, sheet: Film) -> str:
        first, second = (mark(axes, sheet, id_) for id_ in contours)
        p, q = first[len(first) // 2], second[len(second) // 2]
        d.label(axes, first[0], contours[0], (-14, 22), color=d.INK, size=7)
        d.label(axes, second[-1], contours[1], (-24, -16), color=d.INK, size=7)
        _dimension(axes, p, q, "")
        d.label(axes, (p + q) / 2, word, (-60, 4), size=10)
        return note

    return draw


def normal_angle(plate: Line, target: Place, word: str, note: str) -> Draw:
    """Angle from the caudal normal of an endplate to the line from its middle to a point."""

    def draw(axes: Axes, sheet: Film) -> str:
        a, b = _line(axes, sheet, plate, d.LINE, reach=0.4)
        middle = (a + b) / 2
        end = _place(axes, sheet, target)
        normal = -d.across(d.unit(b - a))
        size = float(np.linalg.norm(end - middle))
        d.segment(axes, middle, middle + size * normal, color=d.GUIDE, style="--", width=1.1)
        d.segment(axes, middle, end, color=d.SECOND)
        way = d.angle(axes, middle, normal, d.unit(end - middle), 0.6 * size)
        says(axes, middle + (0.6 * size + _gap(axes)) * way, word)
        return note

    return draw


def crossing_angle(first: Line, second: Line, word: str, note: str, *, radius: float) -> Draw:
    """Angle where two lines meet, from the way back along the first to the way along the second."""

    def draw(axes: Axes, sheet: Film) -> str:
        (a, b), (p, q) = (_line(axes, sheet, line, d.LINE, reach=0.2) for line in (first, second))
        u, v = d.unit(b - a), d.unit(q - p)
        met = d.crossing(a, u, p, v)
        for start in (a, p):
            d.segment(axes, start, met)
        middle = d.angle(axes, met, u, v, radius)
        says(axes, met + (radius + _gap(axes)) * middle, word)
        return note

    return draw


def between(first: Line, second: Line, word: str, note: str, *, radius: float | None = None) -> Draw:
    """Angle from one line to another, drawn where the second is carried over to the first."""

    def draw(axes: Axes, sheet: Film) -> str:
        a, b = _line(axes, sheet, first, d.LINE, reach=0.6)
        p, q = _line(axes, sheet, second, d.SECOND, reach=0.6)
        u, v = d.unit(b - a), d.unit(q - p)
        size = radius or 1.3 * float(np.linalg.norm(b - a))
        d.segment(axes, a, a + 1.25 * size * v, color=d.SECOND, style="--", width=1.1)
        d.segment(axes, a, a + 1.15 * size * u, color=d.LINE)
        middle = d.angle(axes, a, u, v, size)
        says(axes, a + (size + _gap(axes)) * middle, word)
        return note

    return draw


def slope(line: Line, word: str, note: str, *, of: str = "horizontal", radius: float | None = None) -> Draw:
    """Angle of a line to the horizontal or the vertical of the picture."""

    def draw(axes: Axes, sheet: Film) -> str:
        a, b = _line(axes, sheet, line, d.LINE, reach=0.25)
        u = d.unit(b - a)
        fixed = RIGHT * np.sign(u[0]) if of == "horizontal" else UP * np.sign(u[1])
        size = radius or 0.85 * float(np.linalg.norm(b - a))
        d.segment(axes, a, a + 1.3 * size * fixed, color=d.GUIDE, style="--", width=1.1)
        d.segment(axes, a, a + 1.15 * size * u)
        middle = d.angle(axes, a, u, fixed, size)
        says(axes, a + (size + _gap(axes)) * middle, word)
        return note

    return draw


def forward(upper: Place, lower: Place, word: str, note: str) -> Draw:
    """Horizontal distance of an upper point from a lower one, at the height of the lower."""

    def draw(axes: Axes, sheet: Film) -> str:
        top, foot = _place(axes, sheet, upper), _place(axes, sheet, lower)
        fall = np.array([top[0], foot[1]])
        d.segment(axes, top, fall + 0.06 * (fall - top), color=d.LINE, style="--", width=1.3)
        _dimension(axes, foot, fall, word)
        return note

    return draw


def upward(first: Place, second: Place, word: str, note: str) -> Draw:
    """Difference in height of two points."""

    def draw(axes: Axes, sheet: Film) -> str:
        p, q = _place(axes, sheet, first), _place(axes, sheet, second)
        level = np.array([(p[0] + q[0]) / 2, q[1]])
        corner = np.array([level[0], p[1]])
        for at, end in ((p, corner), (q, level)):
            d.segment(axes, at, end, color=d.LINE, style="--", width=1.1)
        _dimension(axes, level, corner, word)
        return note

    return draw


def distances(pairs: tuple[tuple[Place, Place, str], ...], note: str) -> Draw:
    """Straight distances, each with its word."""

    def draw(axes: Axes, sheet: Film) -> str:
        for (first, second, word), color in zip(pairs, (d.MARK, d.SECOND, d.LINE), strict=False):
            p, q = _place(axes, sheet, first), _place(axes, sheet, second)
            _dimension(axes, p, q, word, color=color)
        return note

    return draw


def _place(axes: Axes, sheet: Film, place: Place) -> Array:
    """Mark a landmark, or the middle of several places; where it lies."""
    if isinstance(place, str):
        return mark(axes, sheet, place, _away(axes, sheet.landmark(place)))
    points = [_place(axes, sheet, part) for part in place]
    for one in points[1:]:
        d.segment(axes, points[0], one, color=d.SECOND, width=0.7, style=":")
    middle: Array = np.mean(points, axis=0)
    d.dot(axes, middle, color=d.SECOND)
    return middle


def _line(axes: Axes, sheet: Film, line: Line, color: str, *, reach: float) -> tuple[Array, Array]:
    a, b = (_place(axes, sheet, place) for place in line)
    more = reach * float(np.linalg.norm(b - a))
    d.through(axes, a, b, more, more, color=color)
    return a, b


def _reach(axes: Axes, a: Array, b: Array, foot: Array) -> None:
    """Carry a line on to the foot of a perpendicular where that lies beyond it."""
    share = float((foot - a) @ (b - a) / ((b - a) @ (b - a)))
    if not -0.3 < share < 1.3:
        d.segment(axes, b if share > 1 else a, foot + 0.1 * (foot - a), color=d.LINE)


def _dimension(axes: Axes, p: Array, q: Array, word: str, *, color: str = d.MARK) -> None:
    """A red length with its word beside it; a short one is written beside without arrow heads."""
    gap = _gap(axes)
    length = float(np.linalg.norm(q - p))
    if length > gap:
        d.arrow(axes, p, q, both=True, color=color)
    else:
        d.segment(axes, p, q, color=color, width=2.2)
    side = d.across(d.unit(q - p)) if length > 0 else UP
    side = side if side[1] > 0 or (side[1] == 0 and side[0] > 0) else -side
    says(axes, (p + q) / 2 + 1.1 * gap * side, word, color=color, size=10)


def _gap(axes: Axes) -> float:
    """Room for one word, mm: a share of what the axes show."""
    left, right = axes.get_xlim()
    return 0.055 * abs(right - left)


def _away(axes: Axes, at: Array) -> tuple[float, float]:
    """Direction of a label: out of the middle of the picture."""
    centre = np.array([np.mean(axes.get_xlim()), np.mean(axes.get_ylim())])
    out = at - centre
    length = float(np.linalg.norm(out))
    way = out / length if length > 1e-6 else np.array([0.7, 0.7])
    return float(LABEL * way[0]), float(LABEL * way[1])
