"""The constructions of a nasium film. Film coordinates (z, y): to the patient's right, superior."""

from __future__ import annotations

import math

import numpy as np

from atlasplane.geometry.circle import Circle
from atlasplane.geometry.planar import intersection
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import ReadFilm
from atlasplane.pathways.alignment.nasium import NasiumLines
from atlasplane.report.drawing import Dot, Drawing, Legend, Stroke, arc_points
from atlasplane.report.palette import GREEN, ORANGE, PINK, SKY, VERMILLION, WHITE, YELLOW

UP = np.array([0.0, 1.0])
RIGHT = np.array([1.0, 0.0])
_PAST = 1.55
"""How far a line is drawn beyond the points it goes through, as a share of their distance."""


def draw_nasium(read: ReadFilm) -> Drawing:
    """Skull line, laterality, lower line and plumb line: the whole of the head and neck."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, NasiumLines)
    has = lines.marks.has
    if lines.skull is not None and has(("PL_R", "PL_L")):
        _laterality(sheet, lines)
    if read.skull is not None:
        _skull(sheet, read)
    if has(("PL_R", "PL_L")):
        _plane(sheet, lines)
    if has(("OD_BASE", "C2_SPB", "C7_C")):
        _lower(sheet, lines)
    if has(("PL_R", "PL_L", "C7_C")):
        _plumb(sheet, lines)
    return sheet


def draw_atlas(read: ReadFilm) -> Drawing:
    """Atlas plane line, joint circles, dens and spinous: the region of atlas and axis."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, NasiumLines)
    has = lines.marks.has
    if has(("COND_R", "COND_L")):
        _circle(sheet, lines, ("COND_R", "COND_L"), ("C", "condylar circle", "condylar_radius"), VERMILLION)
    if has(("AXIS_R", "AXIS_L")):
        _circle(sheet, lines, ("AXIS_R", "AXIS_L"), ("A", "axial circle", "axial_radius"), PINK)
    if has(("PL_R", "PL_L")):
        _tilted_plane(sheet, lines)
        _on_plane(sheet, lines)
    if has(("PLU_R", "PLU_L")):
        _check_line(sheet, lines)
    return sheet


def _half(lines: NasiumLines) -> float:
    return float(np.linalg.norm(lines.marks["PL_R"] - lines.marks["PL_L"])) / 2


def _plane(sheet: Drawing, lines: NasiumLines) -> None:
    a, half, middle = lines.atlas_plane, _half(lines), lines.middle
    sheet.line(middle - _PAST * half * a, middle + _PAST * half * a, ORANGE, width=1.3)
    way = 1.0 if lines.skull is None or lines.laterality_deg < 0 else -1.0
    sheet.label("APL", middle + way * _PAST * half * a, way * RIGHT, ORANGE)
    sheet.legends.append(Legend(colour=ORANGE, label="APL", text="atlas plane line"))


def _tilted_plane(sheet: Drawing, lines: NasiumLines) -> None:
    a, half, middle = lines.atlas_plane, _half(lines), lines.middle
    sheet.line(middle - 1.25 * half * a, middle + _PAST * half * a, ORANGE, width=1.3)
    sheet.line(middle, middle + _PAST * half * RIGHT, WHITE, width=0.8, dashed=True)
    end = sheet.arc(middle, RIGHT, a, 1.5 * half, ORANGE)
    sheet.label("APL", end, RIGHT + UP, ORANGE, key="atlas_plane_tilt")
    text = "atlas plane line; its tilt to the horizontal"
    sheet.legends.append(Legend(colour=ORANGE, label="APL", text=text, keys=("atlas_plane_tilt",)))


def _check_line(sheet: Drawing, lines: NasiumLines) -> None:
    right, left = lines.marks["PLU_R"], lines.marks["PLU_L"]
    reach = (right - left) * 0.12
    sheet.line(left - reach, right + reach, YELLOW, dashed=True)
    sheet.legends.append(
        Legend(colour=YELLOW, label="", text="atlas check line, through the upper attachments", dashed=True)
    )


def _skull(sheet: Drawing, read: ReadFilm) -> None:
    """Central skull line with its level mid-points; a refused line is said to be one and not drawn."""
    lines, levels, skull = read.lines, read.levels, read.skull
    assert isinstance(lines, NasiumLines) and skull is not None
    for name in ("SKULL_R", "SKULL_L"):
        sheet.strokes.append(Stroke(at=lines.marks.contours[name], colour=SKY, width=0.8))
    if levels is None:
        sheet.legends.append(
            Legend(colour=SKY, label="", text="skull outline; no central skull line (refused)")
        )
        return
    c = skull.direction
    across = np.array([c[1], -c[0]])
    along = levels.along - levels.weights @ levels.along / levels.weights.sum()
    middles = skull.point + along[:, None] * c + skull.residuals[:, None] * across
    for middle, weight in zip(middles, levels.weights, strict=True):
        ends = [_wall(lines.marks.contours[name], middle, c, across) for name in ("SKULL_L", "SKULL_R")]
        sheet.line(ends[0], ends[1], SKY, width=0.4)
        sheet.dots.append(Dot(at=middle, colour=SKY, shape="disc" if weight > 0 else "ring"))
    top, foot = skull.point + (along.max() * 1.25) * c, _foot(lines, skull.point, c, float(along.min()))
    sheet.line(foot, top, SKY, width=1.3)
    sheet.label("CSL", top, UP, SKY)
    _tilt(sheet, skull.point + along.min() * c, c, float(along.max() - along.min()))
    rejected = "; open: rejected" if np.any(levels.weights == 0) else ""
    sheet.legends.append(
        Legend(
            colour=SKY,
            label="CSL",
            text=f"central skull line, mid-points of its levels{rejected}; its tilt to the vertical",
            keys=("head_tilt",),
        )
    )


def _tilt(sheet: Drawing, start: Array, direction: Array, length: float) -> None:
    reach = 1.18 * length
    sheet.line(start, start + reach * UP, WHITE, width=0.8, dashed=True)
    middle = sheet.arc(start, UP, direction, 0.9 * reach, SKY)
    sheet.label("HT", middle, RIGHT if direction[0] > 0 else -RIGHT, SKY, key="head_tilt")


def _wall(contour: Array, middle: Array, along: Array, across: Array) -> Array:
    """Where the chord through a mid-point meets a wall."""
    heights, reaches = (contour - middle) @ along, (contour - middle) @ across
    at: Array = middle + float(np.interp(0.0, heights, reaches)) * across
    return at


def _foot(lines: NasiumLines, point: Array, direction: Array, lowest: float) -> Array:
    """Lower end of the skull line: a little below the atlas plane line where there is one."""
    if not lines.marks.has(("PL_R", "PL_L")):
        return point + (lowest * 1.4) * direction
    meet = intersection(lines.middle, lines.atlas_plane, point, direction)
    return meet - 0.35 * _half(lines) * direction


def _laterality(sheet: Drawing, lines: NasiumLines) -> None:
    """The skull line's perpendicular and the wedge between it and the atlas plane line, on the acute side."""
    c, a, half = lines.central_skull.direction, lines.atlas_plane, _half(lines)
    meet = intersection(lines.middle, a, lines.central_skull.point, c)
    way = 1.0 if float(c @ a) > 0 else -1.0
    square = way * np.array([c[1], -c[0]])
    sheet.line(meet, meet + 1.5 * half * square, SKY, width=0.9, dashed=True)
    middle = sheet.arc(meet, square, way * a, 1.4 * half, WHITE)
    sheet.label("AL", middle, way * RIGHT + 0.5 * UP, WHITE, key="atlas_laterality")
    corner = 0.1 * half
    box = meet + np.stack([corner * square, corner * (square + c), corner * c])
    sheet.strokes.append(Stroke(at=box, colour=SKY, width=0.8))
    sheet.legends.append(
        Legend(
            colour=WHITE,
            label="AL",
            text="atlas plane line against the perpendicular of the skull line, on the acute side",
            keys=("atlas_laterality",),
        )
    )


def _lower(sheet: Drawing, lines: NasiumLines) -> None:
    top, foot = lines.axis_centre, lines.marks["C7_C"]
    up = lines.lower_line
    if not lines.marks.has(("PL_R", "PL_L")):
        sheet.line(foot, top, GREEN, width=1.3)
        return
    a, half = lines.atlas_plane, _half(lines)
    meet = intersection(lines.middle, a, top, up)
    sheet.line(foot, meet, GREEN, width=1.3)
    side = 1.0 if float(-up @ a) > 0 else -1.0
    middle = sheet.arc(meet, -up, side * a, 0.55 * half, GREEN)
    sheet.label("LA", middle, side * RIGHT - UP, GREEN, key="lower_angle")
    sheet.legends.append(
        Legend(
            colour=GREEN,
            label="LA",
            text="lower line, C7 to the centre of C2; 90° minus its acute angle to the atlas plane line",
            keys=("lower_angle", "cervical_lean"),
        )
    )


def _on_plane(sheet: Drawing, lines: NasiumLines) -> None:
    """Offsets of dens, spinous and C7 from the middle of the atlas plane line."""
    a, middle = lines.atlas_plane, lines.middle
    named = {"OD_BASE": "odontoid_offset", "C2_SPB": "spinous_offset"}
    marked = {id_: lines.marks[id_] for id_ in named if lines.marks.has((id_,))}
    down = np.array([a[1], -a[0]])
    if marked:
        depth = max(float((at - middle) @ down) for at in marked.values())
        sheet.line(middle, middle + 1.15 * depth * down, ORANGE, width=0.7, dashed=True)
    for id_, at in marked.items():
        reach = float(lines.along_atlas(at))
        sheet.line(at - reach * a, at, ORANGE, width=1.6)
        short = {"OD_BASE": "OD", "C2_SPB": "SP"}[id_]
        sheet.label(short, at, math.copysign(1.0, reach) * a, ORANGE, key=named[id_])
    if marked:
        keys = tuple(named[id_] for id_ in marked)
        sheet.legends.append(
            Legend(
                colour=ORANGE,
                label="OD, SP",
                text="dens base and C2 spinous from the atlas centre",
                keys=keys,
            )
        )


def _plumb(sheet: Drawing, lines: NasiumLines) -> None:
    middle, c7 = lines.middle, lines.marks["C7_C"]
    foot = np.array([middle[0], c7[1]])
    sheet.line(middle, foot, WHITE, width=0.8, dashed=True)
    sheet.line(foot, c7, WHITE, width=1.4)
    sheet.label("C7", c7, RIGHT * math.copysign(1.0, float(c7[0] - middle[0])), WHITE, key="c7_offset")
    sheet.legends.append(
        Legend(
            colour=WHITE,
            label="C7",
            text="C7 from the plumb line through the atlas centre",
            keys=("c7_offset",),
            dashed=True,
        )
    )


def _circle(
    sheet: Drawing, lines: NasiumLines, contours: tuple[str, str], named: tuple[str, str, str], colour: str
) -> None:
    label, text, key = named
    circle: Circle = lines.circle(contours)
    points = np.concatenate([lines.marks.contours[name] for name in contours])
    if not math.isfinite(float(circle.radius)):
        return
    spokes = points - circle.centre
    mean = spokes.mean(axis=0)
    start = math.atan2(mean[1], mean[0])
    spread = [math.remainder(math.atan2(y, x) - start, 2 * math.pi) for x, y in spokes]
    past = 0.12 * (max(spread) - min(spread))
    arc = arc_points(
        circle.centre, float(circle.radius), start + min(spread) - past, start + max(spread) + past
    )
    sheet.strokes.append(Stroke(at=arc, colour=colour, width=1.1))
    for point in points:
        sheet.dots.append(Dot(at=point, colour=colour, shape="disc"))
    end = arc[-1] if label == "C" else arc[0]
    sheet.label(label, end, end - circle.centre, colour, key=key)
    sheet.legends.append(Legend(colour=colour, label=label, text=f"{text}, radius", keys=(key,)))
