"""A small picture of where a landmark lies, as SVG: what the marking page shows beside its definition.

The bones are the schematic person's; the landmark stands out, its other side is marked faintly. Nothing in
the picture is measured on anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from xml.sax.saxutils import escape

import numpy as np

from atlasplane.anatomy.landmarks import Landmark, landmarks
from atlasplane.anatomy.schematic_film import (
    VIEWS,
    Film,
    Outline,
    is_drawn,
    schematic_film,
    schematic_table,
    special_subjects,
)
from atlasplane.geometry.types import Array

WIDTH, HEIGHT = 320, 240
"""Size of the picture's own coordinates."""

_GROUND = "#0f171e"
_PAPER = "#e8eef2"
_MARK = "#ffb000"
_MARK_HALO = "#1a1206"
_TINT: Mapping[str, str] = {
    "skull": "#a9bed2",
    "c1": "#f0aa45",
    "c2": "#78c99a",
    "vertebra": "#cdbfa9",
    "trunk": "#cdbfa9",
}
_FILL: Mapping[str, float] = {"bone": 0.30, "wash": 0.22, "faint": 0.12, "skin": 0.10}
_EDGE: Mapping[str, float] = {"bone": 0.95, "edge": 0.9, "faint": 0.5, "line": 0.6, "hole": 0.6, "skin": 0.4}
_INSET_WIDTH, _INSET_HEIGHT = 66.0, 88.0
_INSET_EDGE = 6.0
_INSET_BELOW = 0.72
"""The whole film is shown in a corner where the picture shows less than this share of its width."""
_INSET_LEAST = 2.0
"""Smaller shapes are left out there."""
_IN_INSET = ("bone", "skin", "wash")
_MARGIN = 1.25
"""Room round several points, times their spread."""


@dataclass(frozen=True, slots=True)
class _Window:
    """Part of the page and where it lands: picture = offset + scale (page, y up)."""

    left: float
    top: float
    scale: float
    x: float = 0.0
    y: float = 0.0

    def onto(self, at_mm: Array) -> Array:
        """Picture coordinates, y down."""
        flipped = (np.asarray(at_mm) - [self.left, self.top]) * [1.0, -1.0]
        placed: Array = flipped * self.scale + [self.x, self.y]
        return placed


@lru_cache(maxsize=512)
def landmark_svg(view: str, landmark_id: str) -> str:
    """Picture of a landmark on a view: a self-contained SVG of 320 x 240, without script or outside font.

    Parameters
    ----------
    view : str
        One of `schematic_film.VIEWS`, e.g. ``lateral``.
    landmark_id : str
        As written in landmark files, e.g. ``PL_R``.

    Raises
    ------
    KeyError
        When the view has no drawing, or the landmark is not in the catalogue or has no place on it.
    """
    entry = landmarks()[landmark_id]
    if view not in VIEWS or not is_drawn(landmark_id):
        raise KeyError(f"{view}: no picture of {landmark_id}")
    sheet = _sheet(view, entry.id if entry.id in special_subjects() else "")
    marks = {id_: np.atleast_2d(sheet.landmark(id_)) for id_ in _shown(entry, landmark_id)}
    window = _window(view, np.concatenate(list(marks.values())))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(entry.name)} ({escape(landmark_id)}), {escape(view)}: schematic</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{_GROUND}"/>',
        *_bones(sheet, window),
        *(_marked(window.onto(at), strong=id_ == landmark_id) for id_, at in marks.items()),
        *_inset(sheet, window),
        *_orientation(sheet, window),
        "</svg>",
    ]
    return "".join(parts)


@cache
def _sheet(view: str, subject: str) -> Film:
    """One drawing serves every landmark that it is the same for, so that its curves are worked out once."""
    return schematic_film(view, subject=subject)


def _shown(entry: Landmark, wanted: str) -> list[str]:
    """The other side first, so that the landmark itself lies on top."""
    return [*(id_ for id_ in entry.ids if id_ != wanted), wanted]


def _window(view: str, points_mm: Array) -> _Window:
    low, high = points_mm.min(axis=0), points_mm.max(axis=0)
    close = float(schematic_table()["view"][view]["close"])
    spread = (high - low) * _MARGIN
    width = max(close, spread[0], spread[1] * WIDTH / HEIGHT)
    middle = (low + high) / 2
    scale = WIDTH / width
    return _Window(middle[0] - width / 2, middle[1] + HEIGHT / scale / 2, scale)


def _bones(sheet: Film, window: _Window) -> Iterator[str]:
    for curve in sheet.outlines():
        at = window.onto(curve.at_mm)
        low, high = at.min(axis=0), at.max(axis=0)
        if low[0] < WIDTH and high[0] > 0 and low[1] < HEIGHT and high[1] > 0:
            yield _outline(curve, at)


def _outline(curve: Outline, at: Array) -> str:
    tint = _TINT[curve.bone]
    fill = "none"
    opacity = ""
    if curve.closed and curve.style == "hole":
        fill, opacity = _GROUND, ' fill-opacity="0.6"'
    elif curve.closed and curve.style in _FILL:
        fill, opacity = tint, f' fill-opacity="{_FILL[curve.style]}"'
    edge = _EDGE.get(curve.style, 0.0)
    stroke = f' stroke="{tint}" stroke-opacity="{edge}" stroke-width="1.2"' if edge else ""
    return f'<path d="{_path(at, closed=curve.closed)}" fill="{fill}"{opacity}{stroke}/>'


def _path(at: Array, *, closed: bool, step: float = 0.8) -> str:
    """Path data to a tenth of a unit, without points nearer than `step` to the one before."""
    kept = [at[0].tolist()]
    for x, y in at[1:-1].tolist():
        if abs(x - kept[-1][0]) > step or abs(y - kept[-1][1]) > step:
            kept.append([x, y])
    kept.append(at[-1].tolist())
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) + ("Z" if closed else "")


def _marked(at: Array, *, strong: bool) -> str:
    """A point as a ringed dot, a contour as a thick line; faint for the other side."""
    if len(at) > 1:
        path = _path(at, closed=False)
        weight = (4.0, 1.0) if strong else (2.0, 0.55)
        halo = f'<path d="{path}" fill="none" stroke="{_MARK_HALO}" stroke-width="{weight[0] + 2.5}"/>'
        line = f'stroke="{_MARK}" stroke-width="{weight[0]}" stroke-opacity="{weight[1]}"'
        return f'{halo if strong else ""}<path d="{path}" fill="none" {line} stroke-linecap="round"/>'
    x, y = at[0]
    if not strong:
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="none" stroke="{_MARK}" stroke-opacity="0.75"/>'
        )
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="12" fill="none" stroke="{_MARK_HALO}" stroke-width="4.5"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="12" fill="none" stroke="{_MARK}" stroke-width="2.2"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="{_MARK}" stroke="{_MARK_HALO}" stroke-width="1.4"/>'
    )


def _inset(sheet: Film, window: _Window) -> Iterator[str]:
    """The whole film in the lower right corner, with the picture's part of it framed."""
    left, right, bottom, top = schematic_table()["view"][sheet.view]["whole"]
    if WIDTH / window.scale > _INSET_BELOW * (right - left):
        return
    scale = min(_INSET_WIDTH / (right - left), _INSET_HEIGHT / (top - bottom))
    width, height = scale * (right - left), scale * (top - bottom)
    x, y = WIDTH - width - _INSET_EDGE, HEIGHT - height - _INSET_EDGE
    small = _Window(left, top, scale, x, y)
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    # A nested picture cuts off what lies outside it, and needs no id, so that many pictures can share a page.
    yield f'<svg {box} viewBox="{x:.1f} {y:.1f} {width:.1f} {height:.1f}">'
    yield f'<rect {box} rx="3" fill="{_GROUND}" fill-opacity="0.92"/>'
    for curve in sheet.outlines():
        at = small.onto(curve.at_mm)
        if curve.closed and curve.style in _IN_INSET and float(np.ptp(at, axis=0).max()) > _INSET_LEAST:
            path = _path(at, closed=True, step=1.0)
            yield f'<path d="{path}" fill="{_TINT[curve.bone]}" fill-opacity="{_FILL[curve.style] + 0.25}"/>'
    corners = small.onto(
        np.array([[window.left, window.top], [WIDTH / window.scale, HEIGHT / window.scale]])
        * [[1, 1], [1, -1]]
        + [[0, 0], [window.left, window.top]]
    )
    (a, b), (c, d) = corners
    frame = f'x="{a:.1f}" y="{b:.1f}" width="{c - a:.1f}" height="{d - b:.1f}"'
    yield f'<rect {frame} fill="none" stroke="{_MARK}" stroke-width="1.2"/></svg>'
    yield f'<rect {box} rx="3" fill="none" stroke="{_PAPER}" stroke-opacity="0.45"/>'


def _orientation(sheet: Film, window: _Window) -> Iterator[str]:
    """The letter R on the patient's right, or the way to the front."""
    text = f'fill="{_PAPER}" font-weight="bold"'
    if sheet.seen == "side":
        yield (
            f'<text x="10" y="20" {text}>anterior</text>'
            f'<path d="M72 16H90M85 11.5L90.5 16L85 20.5" fill="none" stroke="{_PAPER}" stroke-width="1.6"/>'
        )
        return
    x = WIDTH - 26 if sheet.seen == "back" else 10
    yield (
        f'<rect x="{x}" y="8" width="16" height="17" rx="2" fill="none" stroke="{_PAPER}"/>'
        f'<text x="{x + 8}" y="21" text-anchor="middle" {text}>R</text>'
    )
