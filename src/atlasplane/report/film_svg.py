"""A film and its drawing on one sheet of SVG, the same for both faces of the report."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape as escape_markup

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.report.drawing import Dot, Label, Stroke
from atlasplane.report.label_places import WantedLabel, label_places
from atlasplane.report.numbers import NO_BREAK
from atlasplane.report.palette import FONT, LABEL_GROUND, WHITE

SHEET_WIDTH = 1000
TEXT = 26.0
"""Height of the letters: 6.5 pt where a sheet is 88 mm wide."""
_LINE = 2.6
_HALO = 3.0
_BOX = TEXT * 1.36
_LEADER_FROM = 26.0
"""A label farther from its point than this gets a leader."""
_SAMPLE_STEP = 14.0
# Advance widths in em, by kind of letter: those of DejaVu Sans, wide enough for any usual sans serif.
_NARROW, _WIDE = set(" .,:;|'!ilIjtfr()-\N{NO-BREAK SPACE}"), set("mwMW±%@")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sheet:
    """What goes on the paper, in units of the sheet (y down)."""

    height: int
    jpeg: bytes
    strokes: Sequence[Stroke]
    dots: Sequence[Dot]
    labels: Sequence[Label]
    corners: Sequence[tuple[str, str]]
    """Texts in the middle of a border: (border, text), border one of left, right, top, bottom."""
    banner: str
    """View and visit, top left."""
    stamp: str
    """Word at the foot, e.g. SIMULATED; empty for none."""


def sheet_svg(sheet: Sheet, title: str) -> str:
    """The sheet as SVG text; `title` is read to those who cannot see it."""
    picture = base64.b64encode(sheet.jpeg).decode("ascii")
    size = f'width="{SHEET_WIDTH}" height="{sheet.height}"'
    fixed = _fixed_boxes(sheet)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SHEET_WIDTH} {sheet.height}" '
        f'font-family="{FONT}" font-size="{TEXT:g}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<image href="data:image/jpeg;base64,{picture}" {size} preserveAspectRatio="none"/>',
        *(_stroke(s, halo=True) for s in sheet.strokes),
        *(_stroke(s, halo=False) for s in sheet.strokes),
        *(_dot(dot) for dot in sheet.dots),
        *_labels(sheet, [box for box, _ in fixed]),
        *(part for _, part in fixed),
        "</svg>",
    ]
    return "".join(parts)


def escape(text: str) -> str:
    """Text for SVG: markup escaped, and the control characters that XML forbids left out."""
    return escape_markup("".join(letter for letter in text if letter.isprintable() or letter == NO_BREAK))


def text_width(text: str, size: float = TEXT) -> float:
    """Width of a text in a wide sans serif, rounded up."""
    em = sum(0.4 if letter in _NARROW else 0.95 if letter in _WIDE else 0.66 for letter in text)
    return size * em


def _stroke(stroke: Stroke, *, halo: bool) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in stroke.at)
    width = _LINE * stroke.width
    if halo:
        shade = f'stroke="#000" stroke-opacity="0.45" stroke-width="{width + _HALO:.1f}"'
        return f'<polyline points="{points}" fill="none" {shade}/>'
    dash = ' stroke-dasharray="11 7"' if stroke.dashed else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{stroke.colour}" stroke-width="{width:.1f}"{dash}/>'
    )


def _dot(dot: Dot) -> str:
    x, y = dot.at
    if dot.shape == "disc":
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" fill="{dot.colour}" stroke="#000" stroke-width="1"/>'
        )
    if dot.shape == "ring":
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.6" fill="none" stroke="{dot.colour}" stroke-width="2"/>'
        )
    path = f"M{x - 8:.1f} {y:.1f}H{x + 8:.1f}M{x:.1f} {y - 8:.1f}V{y + 8:.1f}"
    return (
        f'<path d="{path}" stroke="#000" stroke-opacity="0.6" stroke-width="4.6"/>'
        f'<path d="{path}" stroke="{dot.colour}" stroke-width="2"/>'
    )


def _labels(sheet: Sheet, fixed: Sequence[Array]) -> list[str]:
    wanted = [
        WantedLabel(at=label.at, toward=label.toward, size=(text_width(label.text) + 16, _BOX))
        for label in sheet.labels
    ]
    points = [dot.at[None] for dot in sheet.dots] + [_samples(s.at) for s in sheet.strokes]
    points += [_filled(box) for box in fixed]
    obstacles = np.concatenate(points) if points else np.zeros((0, 2))
    places = label_places(wanted, obstacles, (SHEET_WIDTH, sheet.height))
    return [
        _label(label, want, place) for label, want, place in zip(sheet.labels, wanted, places, strict=True)
    ]


def _samples(line: Array) -> Array:
    """Points along a polyline every few units, so that labels keep off it."""
    pieces = []
    for start, stop in itertools.pairwise(line):
        count = max(1, int(np.linalg.norm(stop - start) / _SAMPLE_STEP))
        pieces.append(start + np.linspace(0, 1, count, endpoint=False)[:, None] * (stop - start))
    return np.concatenate(pieces)


def _filled(box: Array) -> Array:
    """A grid over a box that must stay free, dense enough to outweigh any other place."""
    across, down = np.meshgrid(np.linspace(box[0], box[2], 12), np.linspace(box[1], box[3], 6))
    return np.stack([across.ravel(), down.ravel()], axis=-1)


def _label(label: Label, want: WantedLabel, place: Array) -> str:
    width, height = want.size
    left, top = place[0] - width / 2, place[1] - height / 2
    near = np.clip(label.at, [left, top], [left + width, top + height])
    leader = ""
    if float(np.linalg.norm(near - label.at)) > _LEADER_FROM:
        leader = (
            f'<path d="M{near[0]:.1f} {near[1]:.1f}L{label.at[0]:.1f} {label.at[1]:.1f}" '
            f'stroke="{label.colour}" stroke-width="1.6" stroke-opacity="0.85"/>'
        )
    return leader + _boxed(label.text, (left, top), (width, height), label.colour)


def _boxed(
    text: str, corner: tuple[float, float], size: tuple[float, float], colour: str, *, bold: bool = False
) -> str:
    (left, top), (width, height) = corner, size
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="5" '
        f'fill="{LABEL_GROUND}" fill-opacity="0.84"/>'
        f'<text x="{left + width / 2:.1f}" y="{top + height * 0.74:.1f}" text-anchor="middle" '
        f'fill="{colour}"{weight}>{escape(text)}</text>'
    )


def _fixed_boxes(sheet: Sheet) -> list[tuple[Array, str]]:
    """Badges that stand where they must: sides, view, stamp; each with its box."""
    badges = [(text, _border(border, text, sheet.height)) for border, text in sheet.corners]
    badges.append((sheet.banner, (12.0, 12.0)))
    if sheet.stamp:
        badges.append((sheet.stamp, (SHEET_WIDTH - text_width(sheet.stamp) - 32, sheet.height - _BOX - 12)))
    boxes = []
    for text, (left, top) in badges:
        width = text_width(text) + 20
        box = np.array([left, top, left + width, top + _BOX])
        boxes.append((box, _boxed(text, (left, top), (width, _BOX), WHITE, bold=True)))
    return boxes


def _border(border: str, text: str, height: int) -> tuple[float, float]:
    width = text_width(text) + 20
    return {
        "left": (12.0, height / 2 - _BOX / 2),
        "right": (SHEET_WIDTH - width - 12, height / 2 - _BOX / 2),
        "top": (SHEET_WIDTH / 2 - width / 2, 12.0),
        "bottom": (SHEET_WIDTH / 2 - width / 2, height - _BOX - 12),
    }[border]
