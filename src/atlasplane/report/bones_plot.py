"""The three angles of C1 side by side: a point and its 95 % interval for every visit and every way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.observation import Measurement, coverage_factor
from atlasplane.report.bones_numbers import Way
from atlasplane.report.bones_scene import ANGLES, AngleKind
from atlasplane.report.film_svg import escape
from atlasplane.report.numbers import LEVEL, fixed
from atlasplane.report.palette import BAND, BLACK_INK, FONT, GRID, SOFT_INK, WITHIN

PLOT_WIDTH = 1000
_NAMES, _GAP = 236, 36
_COLUMN = (PLOT_WIDTH - _NAMES - 3 * _GAP - 16) / 3
_HEAD, _ROW, _FOOT = 84, 26, 34
_STEPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 45.0, 90.0)
_INKS = (SOFT_INK, "#8A4B00", WITHIN, WITHIN, WITHIN)
"""Lines, films together, volumes."""
_FINE = f'font-size="14.5" fill="{SOFT_INK}"'
_GROUND = f'fill="{BAND}" fill-opacity="0.45"'


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    name: str
    ink: str
    angles: tuple[Measurement | None, ...]


def angle_plot(visits: Sequence[MeasuredVisit], ways: Sequence[Way]) -> str:
    """The plot as SVG text; empty where nothing is measured."""
    groups = [lines for visit in visits if (lines := _lines(visit, ways))]
    if not groups:
        return ""
    height = _HEAD + sum(_ROW * len(lines) + 10 for lines in groups) + _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PLOT_WIDTH} {height}" font-family="{FONT}" '
        f'font-size="17" fill="{BLACK_INK}" role="img">',
        "<title>Angles of C1 in the skull with their 95 % intervals</title>",
    ]
    for k, kind in enumerate(ANGLES):
        left = _NAMES + _GAP + k * (_COLUMN + _GAP)
        parts += _column(groups, k, kind, left, height)
    parts += _names(groups)
    return "".join([*parts, "</svg>"])


def _lines(visit: MeasuredVisit, ways: Sequence[Way]) -> list[_Line]:
    """Ways that give an angle of this visit."""
    found = []
    for way, ink in zip(ways, _INKS, strict=False):
        angles = tuple(way.angle(visit, kind) for kind in ANGLES)
        if any(angles):
            found.append(_Line(f"{visit.visit.id}, {way.name}", ink, angles))
    return found


def _rows(groups: Sequence[Sequence[_Line]]) -> Iterator[tuple[float, _Line]]:
    y = _HEAD + _ROW / 2
    for lines in groups:
        for line in lines:
            yield y, line
            y += _ROW
        y += 10


def _names(groups: Sequence[Sequence[_Line]]) -> Iterator[str]:
    for y, line in _rows(groups):
        yield f'<circle cx="8" cy="{y:.1f}" r="5" fill="{line.ink}"/>'
        yield f'<text x="22" y="{y + 6:.1f}">{escape(line.name)}</text>'


def _column(
    groups: Sequence[Sequence[_Line]], k: int, kind: AngleKind, left: float, height: float
) -> Iterator[str]:
    reach, step = _scale([line.angles[k] for lines in groups for line in lines])
    middle, foot = left + _COLUMN / 2, height - _FOOT

    def x(value: float) -> float:
        return middle + _COLUMN / 2 * value / reach

    title, (plus, minus) = kind.id.capitalize(), kind.words
    yield f'<text x="{middle:.1f}" y="20" text-anchor="middle" font-weight="bold">{title}</text>'
    yield f'<text x="{left:.1f}" y="46" {_FINE}>← {escape(minus)}</text>'
    yield f'<text x="{left + _COLUMN:.1f}" y="66" text-anchor="end" {_FINE}>{escape(plus)} →</text>'
    size = f'width="{_COLUMN:.1f}" height="{foot - _HEAD + 8:.1f}"'
    yield f'<rect x="{left:.1f}" y="{_HEAD - 8}" {size} {_GROUND}/>'
    for n in range(-int(reach / step), int(reach / step) + 1):
        at = x(n * step)
        ink = f'stroke="{SOFT_INK}" stroke-width="1.6"' if n == 0 else f'stroke="{GRID}"'
        yield f'<line x1="{at:.1f}" y1="{_HEAD - 8}" x2="{at:.1f}" y2="{foot:.1f}" {ink}/>'
        number = f"{fixed(abs(n * step), 0)}°"
        yield f'<text x="{at:.1f}" y="{foot + 19:.1f}" text-anchor="middle" {_FINE}>{number}</text>'
    for y, line in _rows(groups):
        yield _mark(line.angles[k], line.ink, y, x, middle)


def _scale(angles: Sequence[Measurement | None]) -> tuple[float, float]:
    """Reach to either side of 0 and step of the ruling, in degrees, so that every interval is in it."""
    most = max((abs(a.value) + _half(a) for a in angles if a is not None), default=1.0)
    step = next((s for s in _STEPS if most <= 3 * s), _STEPS[-1])
    return step * max(1, math.ceil(most / step)) * 1.04, step


def _half(measured: Measurement) -> float:
    return 0.0 if measured.u is None else coverage_factor(LEVEL, measured.dof) * measured.u


def _mark(
    measured: Measurement | None, ink: str, y: float, x: Callable[[float], float], middle: float
) -> str:
    if measured is None:
        return (
            f'<text x="{middle:.1f}" y="{y + 5:.1f}" text-anchor="middle" font-size="13.5" '
            f'fill="{SOFT_INK}">not measured</text>'
        )
    half = _half(measured)
    low, high = x(measured.value - half), x(measured.value + half)
    bar = f'<line x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}" stroke="{ink}" stroke-width="4"/>'
    dot = f'<circle cx="{x(measured.value):.1f}" cy="{y:.1f}" r="6.5" fill="{ink}" stroke="#fff"/>'
    return bar + dot if half else dot
