"""Constructions on the vertex film, and the correction vector."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from atlasplane.anatomy.schematic_film import Film

from . import drawing as d
from .marking import UP, mark, says


def rotation(axes: Axes, sheet: Film) -> str:
    """Line of the transverse foramina against the skull line."""
    front, rear = mark(axes, sheet, "CRIB", (28, 10)), mark(axes, sheet, "FM_C", (30, -22))
    right, left = mark(axes, sheet, "TF_R", (-20, 20)), mark(axes, sheet, "TF_L", (22, -18))
    d.through(axes, rear, front, 46, 20, color=d.SECOND)
    d.through(axes, right, left, 46, 46)
    k, a = d.unit(front - rear), d.unit(right - left)
    met = d.crossing(rear, k, left, a)
    square = d.across(k)
    d.segment(axes, met, met + 98 * square, color=d.GUIDE, style="--", width=1)
    towards = d.angle(axes, met, square, a, 82)
    says(axes, met + 95 * towards, "AR", size=13)
    return "+ : right side anterior (atlas turned left); dashed: square to the skull line"


def _drive(axes: Axes, sheet: Film, names: tuple[str, str, str]) -> None:
    process = mark(axes, sheet, "TP_R", None)
    out = np.array([-1.0, 0.0])
    corner = process + 118 * out
    notch = corner + 62 * UP
    d.arrow(axes, notch, process, width=2.4)
    d.segment(axes, process, corner, color=d.LINE)
    d.segment(axes, corner, notch, color=d.SECOND)
    d.dot(axes, notch, color=d.INK, size=6)
    d.words(axes, notch + 9 * UP, "N  notch of the adjuster", size=8, bold=True, ha="left")
    d.words(axes, process + np.array([6, -9]), "T", size=9, bold=True, color=d.MARK)
    says(axes, (process + corner) / 2 - [0, 8], names[0], color=d.LINE, size=10)
    says(axes, (corner + notch) / 2 - [8, 0], names[1], color=d.SECOND, size=13)
    towards = d.angle(axes, process, out, d.unit(notch - process), 52)
    says(axes, process + 64 * towards, names[2], size=12)


def height(axes: Axes, sheet: Film) -> str:
    """Vertical component of the line of drive."""
    _drive(axes, sheet, ("D  (not to scale)", "H", "θh"))
    return "H = D tan θh, + : notch higher, force downward; right laterality drawn"


def turning(axes: Axes, sheet: Film) -> str:
    """Horizontal component of the line of drive."""
    _drive(axes, sheet, ("D  (not to scale)", "R", "θr"))
    return "R = D tan θr, + : notch further forward, force backward; seen along the vertex beam"
