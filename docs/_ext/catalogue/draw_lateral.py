"""Constructions on the lateral film."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from atlasplane.anatomy.schematic_film import Film
from atlasplane.geometry.types import Array

from . import drawing as d
from .marking import RIGHT, mark, says


def _s_line(axes: Axes, sheet: Film, ahead: float) -> tuple[Array, Array]:
    """The S-line with its two dots; the rear dot and the direction forward."""
    front = mark(axes, sheet, "C1_ARCH_LM", (-6, 30))
    rear = mark(axes, sheet, "C1_ARCH_13", (-46, 24))
    d.through(axes, rear, front, 26, ahead)
    return rear, d.unit(front - rear)


def s_line_angle(axes: Axes, sheet: Film) -> str:
    """S-line against the horizontal."""
    rear, s = _s_line(axes, sheet, 60)
    d.segment(axes, rear, rear + 74 * RIGHT, color=d.GUIDE, style="--", width=1)
    middle = d.angle(axes, rear, RIGHT, s, 58)
    says(axes, rear + 65 * middle, "S")
    d.words(axes, rear + np.array([60, -5]), "horizontal of the film", size=7, color=d.GUIDE)
    return "+ : anterior end of the line higher"


def _palate(axes: Axes, sheet: Film) -> tuple[Array, Array]:
    post = mark(axes, sheet, "HP_POST", (4, -20))
    ant = mark(axes, sheet, "HP_ANT", (8, -26))
    d.segment(axes, post, ant, color=d.SECOND, width=2.2)
    return post, ant


def s_line_class(axes: Axes, sheet: Film) -> str:
    """Where the S-line passes the palate."""
    post, ant = _palate(axes, sheet)
    rear, s = _s_line(axes, sheet, 150)
    reach = 168.0
    over, under = (rear + reach * d.unit(at - rear) for at in (post, ant))
    d.area(axes, (rear, over, under), color=d.SECOND)
    for end in (over, under):
        d.segment(axes, rear, end, color=d.GUIDE, style=":", width=1)
    for at, text in (
        (over + np.array([-10, 16]), "S"),
        ((over + under) / 2, "S0"),
        (under - np.array([6, 20]), "I"),
    ):
        says(axes, at, text, color=d.SECOND if text == "S0" else d.GUIDE, size=12)
    says(axes, rear + 118 * s + [-6, 8], "S-line", color=d.LINE, size=9)
    return "above the hard palate: S, through it: S0, below it: I; drawn: class S"


def s_palate_angle(axes: Axes, sheet: Film) -> str:
    """S-line against the palate line."""
    post, ant = _palate(axes, sheet)
    rear, s = _s_line(axes, sheet, 150)
    h = d.unit(ant - post)
    d.segment(axes, rear, rear + 140 * h, color=d.SECOND, style="--", width=1.2)
    middle = d.angle(axes, rear, h, s, 98)
    says(axes, rear + 122 * middle, "S-palate", size=9.5)
    return "dashed: parallel to the palate line; + : S-line rises above it"


def s_offset(axes: Axes, sheet: Film) -> str:
    """Distance of the palate point from the S-line."""
    post, ant = _palate(axes, sheet)
    rear, s = _s_line(axes, sheet, 150)
    mid = (post + ant) / 2
    foot = rear + s * ((mid - rear) @ s)
    d.dot(axes, mid, color=d.SECOND)
    d.label(axes, mid, "HP_MID", (2, -22), color=d.SECOND, size=7)
    d.arrow(axes, mid, foot, both=True)
    says(axes, (mid + foot) / 2 + [15, -1], "offset", size=9.5)
    return "+ : the line passes above the palate; divided by the magnification"


def atlas_plane_sagittal(axes: Axes, sheet: Film) -> str:
    """Line through both tubercles against the horizontal."""
    at, pt = mark(axes, sheet, "C1_AT", (10, 26)), mark(axes, sheet, "C1_PT", (-30, 20))
    d.through(axes, pt, at, 24, 22)
    d.segment(axes, pt, pt + 88 * RIGHT, color=d.GUIDE, style="--", width=1)
    middle = d.angle(axes, pt, RIGHT, d.unit(at - pt), 74)
    says(axes, pt + 84 * middle, "plane", size=10)
    return "+ : anterior tubercle higher; both tubercles, hence another line than the S-line"


def nasium_tube_angle(axes: Axes, sheet: Film) -> str:
    """Central ray of the nasium along the S-line."""
    rear, s = _s_line(axes, sheet, 128)
    tip = rear + 66 * s
    d.arrow(axes, rear + 168 * s, tip, color=d.SECOND, width=2.4)
    d.segment(axes, rear, rear + 165 * RIGHT, color=d.GUIDE, style="--", width=1)
    middle = d.angle(axes, rear, RIGHT, s, 116)
    says(axes, rear + 125 * middle, "τ", size=14)
    d.words(axes, rear + 152 * s + [0, 10], "central ray", color=d.SECOND, size=8.5, bold=True)
    return "+ : caudad; the beam of the nasium runs along the atlas plane"
