"""Constructions on the nasium film."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from atlasplane.anatomy.schematic_film import Film
from atlasplane.geometry.circle import taubin_circle
from atlasplane.geometry.midline import central_line, plan_levels
from atlasplane.geometry.types import Array

from . import drawing as d
from .marking import UP, Draw, mark, says


def _plane(axes: Axes, sheet: Film, *, reach: float = 26, labels: bool = True) -> tuple[Array, Array]:
    """The atlas plane line; its mid-point and its direction to the patient's right."""
    right = mark(axes, sheet, "PL_R", (-26, -20) if labels else None)
    left = mark(axes, sheet, "PL_L", (26, -20) if labels else None)
    d.through(axes, right, left, reach, reach)
    return (right + left) / 2, d.unit(right - left)


MIRROR = np.array([-1.0, 1.0])
"""Between the page and the film frame of a coronal view."""


def central_skull_line(sheet: Film, levels: int = 9) -> tuple[Array, Array, Array]:
    """A point of the central skull line, its upward direction, and chords across it, shape (n, 2, 2)."""
    right, left = (sheet.landmark(f"SKULL_{side}") * MIRROR for side in "RL")
    low, high = (float(end(np.concatenate([right, left])[:, 1])) for end in (np.min, np.max))
    line = central_line(right, left, plan_levels(right, left, low=low, high=high, step=6.35, floor=0.1))
    c = line.direction
    frame = np.stack([np.array([c[1], -c[0]]), c])
    walls = [wall @ frame.T for wall in (right, left)]
    bottom, top = (end(wall[:, 1]) for wall, end in ((walls[0], np.min), (walls[0], np.max)))
    bottom, top = max(bottom, walls[1][:, 1].min()), min(top, walls[1][:, 1].max())
    heights = np.linspace(bottom, top, levels)
    ends = [np.stack([np.interp(heights, wall[:, 1], wall[:, 0]), heights], axis=1) for wall in walls]
    return line.point * MIRROR, c * MIRROR, (np.stack(ends, axis=1) @ frame) * MIRROR


def _skull_line(axes: Axes, sheet: Film, *, chords: bool) -> tuple[Array, Array]:
    point, c, ends = central_skull_line(sheet)
    for side in ("R", "L"):
        d.trace(axes, sheet.landmark(f"SKULL_{side}"), dots=False)
    if chords:
        for right, left in ends:
            d.segment(axes, right, left, color=d.GUIDE, width=0.6)
            d.dot(axes, (right + left) / 2, color=d.SECOND, size=3)
    return point, c


def tilt(axes: Axes, sheet: Film) -> str:
    """Atlas plane line against the horizontal."""
    mid, a = _plane(axes, sheet, reach=34)
    centre = mid - 62 * a
    d.segment(axes, centre, centre + 124 * np.array([-1.0, 0]), color=d.GUIDE, style="--", width=1)
    middle = d.angle(axes, centre, np.array([-1.0, 0]), a, 112)
    says(axes, centre + 118 * middle, "φ", size=14)
    return "+ : right side higher; dashed: horizontal of the film"


def head_tilt(axes: Axes, sheet: Film) -> str:
    """Central skull line against the vertical."""
    middle, c = _skull_line(axes, sheet, chords=True)
    low, high = middle - 105 * c, middle + 85 * c
    d.segment(axes, low, high)
    d.segment(axes, low, low + 190 * UP, color=d.GUIDE, style="--", width=1)
    towards = d.angle(axes, low, UP, c, 160)
    says(axes, low + 172 * towards, "h", size=14)
    for id_, where in (("SQ_R", (-14, -16)), ("TURN_R", (-14, 16))):
        mark(axes, sheet, id_, where)
    return "+ : vertex leans to the patient's right"


def laterality(axes: Axes, sheet: Film) -> str:
    """Atlas plane line against the central skull line."""
    middle, c = _skull_line(axes, sheet, chords=True)
    mid, a = _plane(axes, sheet, reach=40)
    met = d.crossing(middle, c, mid, a)
    d.segment(axes, met - 18 * c, middle + 70 * c)
    square = d.across(c)
    d.segment(axes, met, met + 92 * square, color=d.GUIDE, style="--", width=1)
    upper = d.angle(axes, met, c, a, 48, color=d.SECOND)
    d.words(axes, met + 66 * upper + [0, 4], "upper angle\n(acute)", color=d.SECOND, size=8.5, bold=True)
    towards = d.angle(axes, met, square, a, 84)
    says(axes, met + 97 * towards, "AL", size=13)
    return "AL = 90° − upper angle, + : acute on the right; dashed: square to the skull line"


def _axis_centre(axes: Axes, sheet: Film) -> Array:
    base, fork = mark(axes, sheet, "OD_BASE", (40, 16)), mark(axes, sheet, "C2_SPB", (44, -12))
    d.segment(axes, base, fork, color=d.SECOND, width=1.1)
    centre = (base + fork) / 2
    d.dot(axes, centre, color=d.SECOND, size=4.6)
    return centre


def lower_angle(axes: Axes, sheet: Film) -> str:
    """Line of the lower neck against the atlas plane line."""
    mid, a = _plane(axes, sheet, reach=34)
    c7, centre = mark(axes, sheet, "C7_C", (26, -10)), _axis_centre(axes, sheet)
    line = d.unit(centre - c7)
    met = d.crossing(mid, a, c7, line)
    d.segment(axes, c7 - 14 * line, met + 16 * line)
    lower = d.angle(axes, met, -line, a, 44, color=d.SECOND)
    d.words(axes, met + 62 * lower, "lower angle\n(acute)", color=d.SECOND, size=8.5, bold=True)
    square = d.across(line)
    d.segment(axes, met, met + 84 * square, color=d.GUIDE, style="--", width=1)
    towards = d.angle(axes, met, square, a, 72)
    says(axes, met + 82 * towards, "LA", size=13)
    return "LA = 90° − lower angle, + : acute on the right"


def lean(axes: Axes, sheet: Film) -> str:
    """Line of the lower neck against the vertical."""
    c7, centre = mark(axes, sheet, "C7_C", (26, -10)), _axis_centre(axes, sheet)
    line = d.unit(centre - c7)
    d.segment(axes, c7 - 10 * line, centre + 34 * line)
    d.segment(axes, c7, c7 + 168 * UP, color=d.GUIDE, style="--", width=1)
    towards = d.angle(axes, c7, UP, line, 150)
    says(axes, c7 + 162 * towards, "g", size=14)
    return "+ : top of the neck to the patient's right of the vertical"


def offset(id_: str, text: str) -> Draw:
    """Drawing of an offset of a point from the atlas centre along the atlas plane line."""

    def draw(axes: Axes, sheet: Film) -> str:
        mid, a = _plane(axes, sheet)
        at = mark(axes, sheet, id_, (34, -26))
        _along_plane(axes, mid, a, at, text)
        return "+ : to the patient's right of the atlas centre; divided by the magnification"

    return draw


def _along_plane(axes: Axes, mid: Array, a: Array, at: Array, text: str, height: float = 30) -> None:
    """Dimension of a point's distance from the atlas centre, drawn above the line."""
    up = -d.across(a)
    foot = mid + a * ((at - mid) @ a)
    d.dot(axes, mid, color=d.SECOND)
    d.segment(axes, mid - 4 * up, mid + (height + 4) * up, color=d.SECOND, style="--", width=1)
    d.segment(axes, at, foot + (height + 4) * up, color=d.GUIDE, style=":", width=1)
    d.arrow(axes, mid + height * up, foot + height * up, both=True)
    says(axes, (mid + foot) / 2 + (height + 9) * up, text, size=10)
    d.words(axes, mid + (height - 8) * up - 3 * a, "atlas\ncentre", size=6.5, color=d.SECOND, ha="left")


def transverse(axes: Axes, sheet: Film) -> str:
    """Tip of the transverse process from the atlas centre."""
    mid, a = _plane(axes, sheet)
    _along_plane(axes, mid, a, mark(axes, sheet, "TP_R", (-2, -24)), "transverse")
    return "+ : to the patient's right of the atlas centre; drawn: site right"


def axis_rotation(axes: Axes, sheet: Film) -> str:
    """Spinous fork against the base of the dens."""
    _, a = _plane(axes, sheet)
    base, fork = mark(axes, sheet, "OD_BASE", (34, 14)), mark(axes, sheet, "C2_SPB", (36, -16))
    up = -d.across(a)
    level = base - 26 * up
    foot = level + a * ((fork - level) @ a)
    for at, end in ((base, level), (fork, foot)):
        d.segment(axes, at, end - 4 * up, color=d.GUIDE, style=":", width=1)
    d.arrow(axes, level, foot, both=True)
    says(axes, (level + foot) / 2 - 8 * up, "shift", size=9.5)
    return "rotation = arcsin(shift / 40 mm), + : spinous to the right, body turned left"


def _circle(axes: Axes, sheet: Film, name: str, color: str, text: str) -> Array:
    arcs = [mark(axes, sheet, f"{name}_{side}") for side in "RL"]
    circle = taubin_circle(np.concatenate(arcs))
    centre, radius = circle.centre, float(circle.radius)
    d.ring(axes, centre, radius, color=color)
    above = 1.0 if name == "COND" else -1.0
    shown = centre if name == "COND" else centre + 0.42 * radius * UP
    end = centre + radius * d.unit(np.array([0.62, -above]))
    d.arrow(axes, shown if name == "COND" else end + 0.30 * (centre - end), end, color=color)
    d.words(
        axes,
        end + (0.5 if name == "COND" else 0.22) * (centre - end) + [7, 2],
        text,
        color=color,
        size=11,
        bold=True,
        ha="left",
    )
    if name == "COND":
        d.dot(axes, centre, color=color)
    return centre


def condylar(axes: Axes, sheet: Film) -> str:
    """Circle through the condylar joint surfaces."""
    _circle(axes, sheet, "COND", d.LINE, "R condylar")
    return "one circle through both joint surfaces; divided by the magnification"


def axial(axes: Axes, sheet: Film) -> str:
    """Circle through the joint surfaces of the axis."""
    _circle(axes, sheet, "AXIS", d.SECOND, "R axial")
    return "one circle through both joint surfaces (its centre lies below the drawing)"


def both_circles(text: str) -> Draw:
    """Drawing of the two circles together."""

    def draw(axes: Axes, sheet: Film) -> str:
        _circle(axes, sheet, "COND", d.LINE, "C")
        _circle(axes, sheet, "AXIS", d.SECOND, "A")
        return text

    return draw


def centre_offset(name: str, color: str) -> Draw:
    """Drawing of the offset of a circle's centre from the atlas centre."""

    def draw(axes: Axes, sheet: Film) -> str:
        arcs = np.concatenate([mark(axes, sheet, f"{name}_{side}") for side in "RL"])
        circle = taubin_circle(arcs)
        centre, radius = circle.centre, float(circle.radius)
        d.ring(axes, centre, radius, color=color)
        mid, a = _plane(axes, sheet, labels=False)
        up = -d.across(a)
        foot = mid + a * ((centre - mid) @ a)
        height = 62.0 if name == "COND" else -34.0
        d.dot(axes, mid, color=d.SECOND)
        d.dot(axes, centre, color=color)
        d.segment(axes, mid, mid + (height + np.sign(height) * 4) * up, color=d.SECOND, style="--", width=1)
        d.segment(axes, centre, foot + (height + np.sign(height) * 4) * up, color=d.GUIDE, style=":", width=1)
        d.arrow(axes, mid + height * up, foot + height * up, both=True)
        says(axes, (mid + foot) / 2 + (height + 8 * np.sign(height)) * up, "offset", size=9.5)
        return "+ : centre of the circle to the right of the atlas centre"

    return draw


def skull_offset(axes: Axes, sheet: Film) -> str:
    """Central skull line from the atlas centre."""
    middle, c = _skull_line(axes, sheet, chords=True)
    mid, a = _plane(axes, sheet, reach=34)
    met = d.crossing(middle, c, mid, a)
    d.segment(axes, met - 14 * c, middle + 70 * c)
    down = d.across(a)
    d.dot(axes, mid, color=d.SECOND)
    for at in (mid, met):
        d.segment(axes, at, at + 34 * down, color=d.GUIDE, style=":", width=1)
    d.arrow(axes, mid + 30 * down, met + 30 * down, both=True)
    says(axes, (mid + met) / 2 + 40 * down, "offset", size=9.5)
    return "+ : skull line to the right of the atlas centre, along the atlas plane line"


def c7_offset(axes: Axes, sheet: Film) -> str:
    """C7 from the plumb line through the atlas centre."""
    mid, _ = _plane(axes, sheet)
    c7 = mark(axes, sheet, "C7_C", (30, -14))
    foot = np.array([mid[0], c7[1]])
    d.dot(axes, mid, color=d.SECOND)
    d.segment(axes, mid + 14 * UP, foot - 8 * UP, color=d.SECOND, style="--", width=1.2)
    d.arrow(axes, foot, c7, both=True)
    says(axes, (foot + c7) / 2 + [0, 8], "offset", size=9.5)
    return "+ : C7 to the right of the plumb line through the atlas centre"
