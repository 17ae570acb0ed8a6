"""The constructions of a lateral film (x anterior, y superior) and of a vertex film (x anterior, z right)."""

from __future__ import annotations

import numpy as np

from atlasplane.geometry.planar import foot, intersection
from atlasplane.pathways.alignment.film_analysis import ReadFilm
from atlasplane.pathways.alignment.lateral import LateralLines
from atlasplane.pathways.alignment.vertex import VertexLines
from atlasplane.report.drawing import Drawing, Legend, Stroke
from atlasplane.report.palette import GREEN, ORANGE, SKY, WHITE

FORWARD = np.array([1.0, 0.0])
SECOND = np.array([0.0, 1.0])
_REACH_OF_ARCH = 4.5
"""Length of the S-line where there is no palate to draw it to, in lengths of its own two points."""


def draw_lateral(read: ReadFilm) -> Drawing:
    """Everything that the marks of a lateral film allow."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, LateralLines)
    if lines.marks.has(("C1_AT", "C1_PT")):
        _sagittal_plane(sheet, lines)
    if lines.marks.has(("HP_ANT", "HP_POST")):
        _palate(sheet, lines)
    if lines.marks.has(("C1_ARCH_LM", "C1_ARCH_13")):
        _s_line(sheet, lines)
    return sheet


def _s_line(sheet: Drawing, lines: LateralLines) -> None:
    s, start = lines.s_line, lines.marks["C1_ARCH_13"]
    reach = _REACH_OF_ARCH * float(np.linalg.norm(lines.marks["C1_ARCH_LM"] - start))
    palate = lines.marks.has(("HP_ANT", "HP_POST"))
    if palate:
        reach = 1.12 * float((lines.marks["HP_ANT"] - start) @ s)
    sheet.line(start - 0.08 * reach * s, start + reach * s, ORANGE, width=1.3)
    sheet.line(start, start + 0.62 * reach * FORWARD, WHITE, width=0.8, dashed=True)
    middle = sheet.arc(start, FORWARD, s, 0.55 * reach, ORANGE)
    sheet.label("S-line", middle, FORWARD - SECOND, ORANGE, key="s_line_angle")
    sheet.legends.append(
        Legend(
            colour=ORANGE,
            label="S-line",
            text="through both dots of the posterior arch; its angle to the horizontal",
            keys=("s_line_angle", "s_line_class"),
        )
    )
    if palate:
        _palate_offset(sheet, lines)


def _palate_offset(sheet: Drawing, lines: LateralLines) -> None:
    point = lines.palate_point
    on_line = foot(point, lines.marks["C1_ARCH_13"], lines.s_line)
    sheet.line(point, on_line, GREEN, width=1.4)
    sheet.label("offset", (point + on_line) / 2, FORWARD, GREEN, key="s_offset")


def _palate(sheet: Drawing, lines: LateralLines) -> None:
    front, back = lines.marks["HP_ANT"], lines.marks["HP_POST"]
    past = 0.15 * (front - back)
    sheet.line(back - past, front + past, GREEN, width=1.3)
    sheet.label("palate", back - past, SECOND - FORWARD, GREEN)
    sheet.legends.append(
        Legend(
            colour=GREEN,
            label="palate",
            text="hard palate; angle from it to the S-line, and how far the S-line passes above its middle",
            keys=("s_palate_angle", "s_offset"),
        )
    )


def _sagittal_plane(sheet: Drawing, lines: LateralLines) -> None:
    front, back = lines.marks["C1_AT"], lines.marks["C1_PT"]
    length = float(np.linalg.norm(front - back))
    sheet.line(back, front + 0.35 * length * lines.atlas_plane, SKY, width=1.1)
    sheet.line(back, back + 0.8 * length * FORWARD, WHITE, width=0.6, dashed=True)
    middle = sheet.arc(back, FORWARD, lines.atlas_plane, 0.72 * length, SKY)
    sheet.label("atlas plane", middle, -SECOND - 0.6 * FORWARD, SKY, key="atlas_plane_sagittal")
    sheet.legends.append(
        Legend(
            colour=SKY,
            label="atlas plane",
            text="posterior to anterior tubercle; its angle to the horizontal",
            keys=("atlas_plane_sagittal",),
        )
    )


def draw_vertex(read: ReadFilm) -> Drawing:
    """Everything that the marks of a vertex film allow."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, VertexLines)
    marks = lines.marks
    if marks.has(("TF_R", "TF_L")):
        past = 0.3 * (marks["TF_R"] - marks["TF_L"])
        sheet.line(marks["TF_L"] - past, marks["TF_R"] + past, ORANGE, width=1.3)
        sheet.label("atlas line", marks["TF_L"] - past, -SECOND, ORANGE)
        sheet.legends.append(
            Legend(colour=ORANGE, label="atlas line", text="through the transverse foramina")
        )
    if marks.has(("CRIB", "FM_C")):
        past = 0.15 * (marks["CRIB"] - marks["FM_C"])
        sheet.line(marks["FM_C"] - 1.5 * past, marks["CRIB"] + past, SKY, width=1.3)
        sheet.label("skull line", marks["CRIB"] + past, FORWARD, SKY)
        sheet.legends.append(
            Legend(
                colour=SKY, label="skull line", text="centre of the foramen magnum to the cribriform plate"
            )
        )
    if marks.has(("TF_R", "TF_L", "CRIB", "FM_C")):
        _rotation(sheet, lines)
    return sheet


def _rotation(sheet: Drawing, lines: VertexLines) -> None:
    """The wedge between the atlas line and the perpendicular of the skull line, on the patient's right."""
    a, k = lines.atlas_line, lines.skull_line
    half = float(np.linalg.norm(lines.marks["TF_R"] - lines.marks["TF_L"])) / 2
    meet = intersection(lines.marks["TF_L"], a, lines.marks["FM_C"], k)
    square = np.array([-k[1], k[0]])
    sheet.line(meet - 1.6 * half * square, meet + 1.6 * half * square, SKY, width=0.9, dashed=True)
    middle = sheet.arc(meet, square, a, 1.5 * half, WHITE)
    sheet.label("AR", middle, SECOND + 0.6 * FORWARD, WHITE, key="atlas_rotation")
    corner = 0.09 * half
    box = meet + np.stack([corner * square, corner * (square + k), corner * k])
    sheet.strokes.append(Stroke(at=box, colour=SKY, width=0.8))
    sheet.legends.append(
        Legend(
            colour=WHITE,
            label="AR",
            text="atlas line against the perpendicular of the skull line",
            keys=("atlas_rotation",),
        )
    )
