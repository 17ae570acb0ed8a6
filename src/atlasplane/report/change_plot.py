"""The plot of changes: each in units of its own minimal detectable change, so that one band serves all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from atlasplane.report.palette import BAND, BEYOND, BLACK_INK, FONT, GRID, SOFT_INK, WITHIN

PLOT_WIDTH = 1000
_ROW = 31
_TOP = 58
_BOTTOM = 74
_LEFT = 320
_RIGHT = 735
_REACH = 3.0
"""Ratios beyond this are drawn at the border as an arrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotRow:
    """One change: printed texts, and change / MDC as its place."""

    name: str
    change: str
    mdc: str
    ratio: float
    kind: str


def plot_height(rows: int) -> int:
    """Height of the plot."""
    return _TOP + rows * _ROW + _BOTTOM


def change_plot(rows: Sequence[PlotRow]) -> str:
    """The plot as SVG; half a 95 % interval is one minimal detectable change, so a bar is two units long."""
    height = plot_height(len(rows))
    foot = _TOP + len(rows) * _ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PLOT_WIDTH} {height}" font-family="{FONT}">',
        f'<rect x="{_x(-1):.1f}" y="{_TOP - 8}" width="{_x(1) - _x(-1):.1f}" '
        f'height="{foot - _TOP + 16}" fill="{BAND}"/>',
        *(_tick(t, foot) for t in (-3, -2, -1, 0, 1, 2, 3)),
        _text((_x(0), _TOP - 34), "within ± MDC95: not distinguishable", SOFT_INK, anchor="middle", size=17),
        _text((PLOT_WIDTH - 6, _TOP - 34), "change (MDC95)", SOFT_INK, anchor="end", size=17),
        *(_row(row, _TOP + (k + 0.5) * _ROW) for k, row in enumerate(rows)),
        _text(
            (_x(0), foot + 56),
            "change, in units of its own MDC95; bar: 95 % interval",
            SOFT_INK,
            anchor="middle",
            size=17,
        ),
        "</svg>",
    ]
    return "".join(parts)


def _x(ratio: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (ratio + _REACH) / (2 * _REACH)


def _tick(at: int, foot: float) -> str:
    x, weight = _x(at), 2 if at == 0 else 1
    colour = SOFT_INK if at == 0 else GRID
    line = _path(f"M{x:.1f} {_TOP - 8}V{foot + 8:.1f}", colour, weight)
    sign = "\N{MINUS SIGN}" if at < 0 else "+" if at > 0 else ""
    return line + _text((x, foot + 29), f"{sign}{abs(at)}", SOFT_INK, anchor="middle", size=17)


def _path(way: str, colour: str, width: float) -> str:
    return f'<path d="{way}" stroke="{colour}" stroke-width="{width:g}" fill="none"/>'


def _row(row: PlotRow, y: float) -> str:
    colour = BEYOND if row.kind == "beyond" else WITHIN
    low, high = max(row.ratio - 1, -_REACH), min(row.ratio + 1, _REACH)
    parts = [_text((_LEFT - 14, y + 7), row.name, BLACK_INK, anchor="end", size=17)]
    if low < high:
        parts.append(_path(f"M{_x(low):.1f} {y:.1f}H{_x(high):.1f}", colour, 4))
    parts.append(_mark(row, y, colour))
    bold = ' font-weight="bold"' if row.kind == "beyond" else ""
    parts.append(
        _text(
            (PLOT_WIDTH - 6, y + 7), f"{row.change} ({row.mdc})", BLACK_INK, anchor="end", size=17, more=bold
        )
    )
    return "".join(parts)


def _mark(row: PlotRow, y: float, colour: str) -> str:
    """A full diamond beyond the MDC, an open circle within, an arrow head where the plot ends."""
    if abs(row.ratio) > _REACH:
        x, way = (_x(_REACH), 1) if row.ratio > 0 else (_x(-_REACH), -1)
        tip, back = x + 12 * way, x - 4 * way
        return f'<path d="M{tip:.1f} {y:.1f}L{back:.1f} {y - 9:.1f}V{y + 9:.1f}Z" fill="{colour}"/>'
    x = _x(row.ratio)
    if row.kind == "beyond":
        return f'<path d="M{x - 10:.1f} {y:.1f}l10 -10l10 10l-10 10Z" fill="{colour}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7.5" fill="#ffffff" stroke="{colour}" stroke-width="3.5"/>'


def _text(
    at: tuple[float, float],
    text: str,
    colour: str,
    *,
    anchor: str = "start",
    size: float = 19,
    more: str = "",
) -> str:
    place = f'x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f"<text {place}{more}>{escape(text)}</text>"
