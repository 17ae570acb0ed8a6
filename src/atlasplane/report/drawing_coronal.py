"""Films from the front (z right, y superior), and the condyles from below (x anterior, z right)."""

from __future__ import annotations

import numpy as np

from atlasplane.geometry.planar import intersection
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.base import BaseLines
from atlasplane.pathways.alignment.coronal import CoronalLines
from atlasplane.pathways.alignment.film_analysis import ReadFilm
from atlasplane.report.drawing import Drawing
from atlasplane.report.palette import GREEN, ORANGE, PINK, SKY, VERMILLION, WHITE, YELLOW

RIGHT = np.array([1.0, 0.0])
UP = np.array([0.0, 1.0])
_TILTS = (
    ("CLAV", "clavicles", "highest points of the clavicles to the horizontal", "clavicle_angle", YELLOW),
    ("T1_SUP", "T1", "upper endplate of T1 to the horizontal", "t1_tilt", GREEN),
    ("CREST", "crests", "tops of the iliac crests to the horizontal", "pelvic_obliquity", VERMILLION),
)
"""Pairs whose line is held against the horizontal: landmark, label, text, quantity, colour."""


def draw_front(read: ReadFilm) -> Drawing:
    """Everything that the marks of a film from the front allow."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, CoronalLines)
    has = lines.marks.has
    for name, label, text, key, colour in _TILTS:
        if has((f"{name}_R", f"{name}_L")):
            _tilt(sheet, (lines.marks[f"{name}_L"], lines.marks[f"{name}_R"]), (label, text, key), colour)
    if has(("OD_BASE", "C2_SPB", "C7_C")):
        _neck(sheet, lines)
    if has(("COBB_U_R", "COBB_U_L", "COBB_L_R", "COBB_L_L")):
        _curve(sheet, lines)
    if has(("C7_C", "S1_MID")):
        _plumb(sheet, lines)
    if has(("FHT_R", "FHT_L")):
        _hips(sheet, lines)
    return sheet


def _tilt(sheet: Drawing, ends: tuple[Array, Array], named: tuple[str, str, str], colour: str) -> None:
    left, right = ends
    label, text, key = named
    sheet.through(left, right, colour, past=(0.06, 0.06), width=1.3)
    level = np.array([right[0], left[1]])
    sheet.line(left, left + 1.06 * (level - left), WHITE, width=0.8, dashed=True)
    sheet.label(label, right, UP + RIGHT, colour, key=key)
    sheet.legend(colour, label, text, key)


def _neck(sheet: Drawing, lines: CoronalLines) -> None:
    c7 = lines.marks["C7_C"]
    middle = sheet.plumb(lines.axis_centre, c7, SKY)
    sheet.label("C2-C7", middle, -UP, SKY, key="coronal_c2_c7_offset")
    sheet.legend(SKY, "C2-C7", "plumb line of C2 against C7", "coronal_c2_c7_offset", dashed=True)


def _curve(sheet: Drawing, lines: CoronalLines) -> None:
    """Both end plates, and where their perpendiculars meet beside the spine."""
    marks = lines.marks
    ends = {name: (marks[f"{name}_L"], marks[f"{name}_R"]) for name in ("COBB_U", "COBB_L")}
    for left, right in ends.values():
        sheet.through(left, right, ORANGE, past=(0.7, 0.7), width=1.3)
    (a, b), (p, q) = ends["COBB_L"], ends["COBB_U"]
    size = 1.8 * float(np.linalg.norm(b - a))
    hollow = -1.0 if lines.cobb_deg() > 0 else 1.0
    start = b if hollow > 0 else a
    u, v = (hollow * (end - begin) / np.linalg.norm(end - begin) for begin, end in ((a, b), (p, q)))
    sheet.line(start, start + 1.1 * size * u, ORANGE, width=0.9)
    sheet.line(start, start + 1.1 * size * v, ORANGE, width=0.8, dashed=True)
    middle = sheet.arc(start, u, v, size, ORANGE)
    sheet.label("Cobb", middle, hollow * RIGHT, ORANGE, key="coronal_cobb")
    sheet.legend(
        ORANGE, "Cobb", "end plates of the end vertebrae, the upper carried to the lower", "coronal_cobb"
    )


def _plumb(sheet: Drawing, lines: CoronalLines) -> None:
    middle = sheet.plumb(lines.marks["C7_C"], lines.marks["S1_MID"], PINK)
    sheet.label("C7 plumb", middle, UP, PINK, key="c7_plumb_offset")
    text = "plumb line of C7 against the middle of the sacral plate"
    sheet.legend(PINK, "C7 plumb", text, "c7_plumb_offset", dashed=True)


def _hips(sheet: Drawing, lines: CoronalLines) -> None:
    right, left = lines.marks["FHT_R"], lines.marks["FHT_L"]
    middle = (right[0] + left[0]) / 2
    for at in (right, left):
        sheet.line(at, np.array([middle, at[1]]), GREEN, width=1.0, dashed=True)
    sheet.line(np.array([middle, right[1]]), np.array([middle, left[1]]), GREEN, width=2.0)
    centre = np.array([middle, (right[1] + left[1]) / 2])
    sheet.label("hips", centre, -UP, GREEN, key="femoral_head_difference")
    sheet.legend(GREEN, "hips", "height of the femoral heads, right minus left", "femoral_head_difference")


def draw_base(read: ReadFilm) -> Drawing:
    """Mid-sagittal plane and the long axes of the condyles."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, BaseLines)
    marks = lines.marks
    if not marks.has(("MSP_A", "MSP_P")):
        return sheet
    rear, front = marks["MSP_P"], marks["MSP_A"]
    sheet.through(rear, front, WHITE, past=(0.03, 0.05), width=1.1)
    sheet.legend(WHITE, "", "mid-sagittal plane of the skull")
    for letter, word, colour in (("R", "right", ORANGE), ("L", "left", SKY)):
        names = (f"CONV_P_{letter}", f"CONV_A_{letter}")
        if marks.has(names):
            _condyle(sheet, lines, (letter, word), colour)
    return sheet


def _condyle(sheet: Drawing, lines: BaseLines, side: tuple[str, str], colour: str) -> None:
    letter, word = side
    marks, midline = lines.marks, lines.midline
    back, front = marks[f"CONV_P_{letter}"], marks[f"CONV_A_{letter}"]
    axis = front - back
    meet = intersection(marks["MSP_P"], midline, back, axis)
    size = 1.25 * float(np.linalg.norm(meet - back))
    sheet.line(back - 0.3 * axis, meet, colour, width=1.3)
    middle = sheet.arc(meet, -midline, -axis, 0.5 * size, colour)
    outward = np.array([0.0, 1.0 if letter == "R" else -1.0])
    key = f"blair_convergence/{word}"
    sheet.label(letter, middle, outward, colour, key=key)
    sheet.legend(colour, letter, f"long axis of the {word} condyle against the mid-sagittal plane", key)
