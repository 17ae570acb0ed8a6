"""Neck and whole spine from the side: the lines of both lateral films (x anterior, y superior)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import ReadFilm
from atlasplane.pathways.alignment.lateral_lines import LateralLines
from atlasplane.report.drawing import Drawing, Stroke
from atlasplane.report.palette import GREEN, ORANGE, PINK, SKY, VERMILLION, WHITE, YELLOW

Draw = Callable[[Drawing, LateralLines], None]

FORWARD = np.array([1.0, 0.0])
UP = np.array([0.0, 1.0])
_LEVELS = tuple(f"C{k}" for k in range(2, 8))
_CORNERS = ("AS", "PS", "AI", "PI")
_HIPS = ("FHC_R", "FHC_L")
_SACRUM = ("S1_P", "S1_A")


def draw_neck(read: ReadFilm) -> Drawing:
    """Curve, balance and inlet of the neck."""
    return _drawn(read, _NECK)


def draw_spine(read: ReadFilm) -> Drawing:
    """Balance, curves and pelvis of the whole spine, with the curve of the neck."""
    return _drawn(read, _SPINE)


def _drawn(read: ReadFilm, constructions: Sequence[tuple[tuple[str, ...], Draw]]) -> Drawing:
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, LateralLines)
    for needs, draw in constructions:
        if lines.marks.has(needs):
            draw(sheet, lines)
    return sheet


def _carried(sheet: Drawing, lower: tuple[Array, Array], upper: tuple[Array, Array], colour: str) -> Array:
    """Two lines, the upper one's direction carried over to the lower one; middle of the arc between."""
    (a, b), (p, q) = lower, upper
    sheet.through(p, q, colour, past=(0.6, 0.6))
    size = 2.2 * float(np.linalg.norm(b - a))
    u, v = (b - a) / np.linalg.norm(b - a), (q - p) / np.linalg.norm(q - p)
    sheet.line(a - 0.25 * size * u, a + 1.15 * size * u, colour, width=1.1)
    sheet.line(a, a + 1.15 * size * v, colour, width=0.8, dashed=True)
    return sheet.arc(a, u, v, size, colour)


def _tangents(sheet: Drawing, lines: LateralLines) -> None:
    marks = lines.marks
    lower, upper = ((marks[f"{bone}_PI"], marks[f"{bone}_PS"]) for bone in ("C7", "C2"))
    middle = _carried(sheet, lower, upper, ORANGE)
    sheet.label("ARA", middle, UP - FORWARD, ORANGE, key="ara_c2_c7")
    sheet.legend(
        ORANGE, "ARA", "posterior tangents of C2 and C7, the upper carried to the lower", "ara_c2_c7"
    )


def _cobb(sheet: Drawing, lines: LateralLines) -> None:
    marks = lines.marks
    lower, upper = ((marks[f"{bone}_PI"], marks[f"{bone}_AI"]) for bone in ("C7", "C2"))
    middle = _carried(sheet, lower, upper, SKY)
    sheet.label("Cobb", middle, FORWARD, SKY, key="cobb_c2_c7")
    sheet.legend(SKY, "Cobb", "lower endplates of C2 and C7, the upper carried to the lower", "cobb_c2_c7")


def _axis_plumb(sheet: Drawing, lines: LateralLines) -> None:
    centre = lines.middle(*(f"C2_{corner}" for corner in _CORNERS))
    middle = sheet.plumb(centre, lines.marks["C7_PS"], WHITE)
    sheet.label("C2-C7 SVA", middle, -UP - 0.4 * FORWARD, WHITE, key="sva_c2_c7")
    keys = ("sva_c2_c7", "anterior_head_translation")
    sheet.legend(WHITE, "C2-C7 SVA", "plumb line of C2 against the back of C7", *keys, dashed=True)


def _head_plumb(sheet: Drawing, lines: LateralLines) -> None:
    ear, corner = lines.marks["EAM_C"], lines.marks["C7_PS"]
    sheet.plumb(ear, corner, YELLOW)
    sheet.label("head", np.array([ear[0], (ear[1] + corner[1]) / 2]), FORWARD, YELLOW, key="eam_c7_sva")
    sheet.legend(YELLOW, "head", "plumb line of the ear canal against C7", "eam_c7_sva", dashed=True)


def _inlet(sheet: Drawing, lines: LateralLines) -> None:
    back, front = lines.marks["T1_PS"], lines.marks["T1_AS"]
    middle = sheet.slope(back, front, GREEN, reach=2.2 * float(np.linalg.norm(front - back)))
    sheet.label("T1 slope", middle, FORWARD, GREEN, key="t1_slope")
    sheet.legend(GREEN, "T1 slope", "upper endplate of T1 to the horizontal", "t1_slope", "t1_slope_mismatch")
    if lines.marks.has(("STERN_TOP",)):
        sheet.line((back + front) / 2, lines.marks["STERN_TOP"], GREEN, width=0.9, dashed=True)
        text = "middle of that endplate to the sternum"
        sheet.legend(GREEN, "", text, "neck_tilt", "thoracic_inlet_angle", dashed=True)


def _posterior_line(sheet: Drawing, lines: LateralLines) -> None:
    """The arc of the posterior corners, and the names of the vertebrae along it."""
    ids = [f"{bone}_{end}" for bone in _LEVELS for end in ("PS", "PI") if lines.marks.has((f"{bone}_{end}",))]
    at = np.stack([lines.marks[id_] for id_ in ids])
    sheet.strokes.append(Stroke(at=at, colour=PINK, width=0.9))
    sheet.legend(PINK, "", "posterior corners of the bodies (George's line)")
    for bone in _LEVELS:
        if lines.marks.has(tuple(f"{bone}_{corner}" for corner in _CORNERS)):
            front = lines.middle(f"{bone}_AS", f"{bone}_AI")
            sheet.label(bone, front, FORWARD, PINK)


def _spinolaminar_line(sheet: Drawing, lines: LateralLines) -> None:
    levels = [bone for bone in ("C1", *_LEVELS) if lines.marks.has((f"SLL_{bone}",))]
    at = np.stack([lines.marks[f"SLL_{bone}"] for bone in levels])
    sheet.strokes.append(Stroke(at=at, colour=PINK, width=0.9, dashed=True))
    sheet.legend(PINK, "", "spinolaminar line: back of the canal", dashed=True)


def _k_line(sheet: Drawing, lines: LateralLines) -> None:
    upper, lower = (
        (lines.middle(f"{bone}_PS", f"{bone}_PI") + lines.marks[f"SLL_{bone}"]) / 2 for bone in ("C2", "C7")
    )
    sheet.line(upper, lower, VERMILLION)
    sheet.label("K-line", upper, UP - FORWARD, VERMILLION, key="k_line_distance")
    sheet.legend(
        VERMILLION, "K-line", "middles of the canal at C2 and C7; ossification before it", "k_line_distance"
    )


def _trunk_plumb(sheet: Drawing, lines: LateralLines) -> None:
    centre = lines.middle(*(f"C7_{corner}" for corner in _CORNERS))
    middle = sheet.plumb(centre, lines.marks["S1_P"], WHITE)
    sheet.label("C7-S1 SVA", middle, -UP, WHITE, key="sva_c7_s1")
    text = "plumb line of C7 against the back of the sacral plate"
    sheet.legend(WHITE, "C7-S1 SVA", text, "sva_c7_s1", dashed=True)


def _kyphosis(sheet: Drawing, lines: LateralLines) -> None:
    marks = lines.marks
    middle = _carried(sheet, (marks["T12_PI"], marks["T12_AI"]), (marks["T4_PS"], marks["T4_AS"]), VERMILLION)
    sheet.label("TK", middle, FORWARD, VERMILLION, key="thoracic_kyphosis")
    sheet.legend(VERMILLION, "TK", "endplates of T4 and T12", "thoracic_kyphosis")


def _lordosis(sheet: Drawing, lines: LateralLines) -> None:
    marks = lines.marks
    middle = _carried(sheet, (marks["S1_P"], marks["S1_A"]), (marks["L1_PS"], marks["L1_AS"]), SKY)
    sheet.label("LL", middle, FORWARD + UP, SKY, key="lumbar_lordosis")
    sheet.legend(SKY, "LL", "sacral plate and upper endplate of L1", "lumbar_lordosis")


def _sacrum(sheet: Drawing, lines: LateralLines) -> None:
    back, front = (lines.marks[id_] for id_ in _SACRUM)
    middle = sheet.slope(back, front, GREEN, reach=1.5 * float(np.linalg.norm(front - back)))
    sheet.label("SS", middle, FORWARD - UP, GREEN, key="sacral_slope")
    sheet.legend(GREEN, "SS", "sacral plate to the horizontal", "sacral_slope")


def _pelvis(sheet: Drawing, lines: LateralLines) -> None:
    plate, hips = lines.middle(*_SACRUM), lines.middle(*_HIPS)
    sheet.line(plate, hips, YELLOW, width=1.3)
    height = float(plate[1] - hips[1])
    sheet.line(hips, hips + 1.1 * height * UP, WHITE, width=0.8, dashed=True)
    middle = sheet.arc(hips, UP, plate - hips, 0.7 * height, YELLOW)
    sheet.label("PT", middle, FORWARD, YELLOW, key="pelvic_tilt")
    text = "hip axis to the middle of the sacral plate, against the vertical and the plate's normal"
    sheet.legend(YELLOW, "PT", text, "pelvic_tilt", "pelvic_incidence")


_C2_BODY, _C7_BODY = (tuple(f"{bone}_{corner}" for corner in _CORNERS) for bone in ("C2", "C7"))
_BALANCE: tuple[tuple[tuple[str, ...], Draw], ...] = (
    (("C2_PS", "C2_PI", "C7_PS", "C7_PI"), _tangents),
    ((*_C2_BODY, "C7_PS"), _axis_plumb),
    (("EAM_C", "C7_PS"), _head_plumb),
    (("T1_AS", "T1_PS"), _inlet),
)
_NECK: tuple[tuple[tuple[str, ...], Draw], ...] = (
    (("C2_PS", "C3_PS"), _posterior_line),
    (("SLL_C3", "SLL_C4"), _spinolaminar_line),
    *_BALANCE,
    (("C2_AI", "C2_PI", "C7_AI", "C7_PI"), _cobb),
    (("C2_PS", "C2_PI", "SLL_C2", "C7_PS", "C7_PI", "SLL_C7", "OPLL"), _k_line),
)
_SPINE: tuple[tuple[tuple[str, ...], Draw], ...] = (
    *_BALANCE,
    ((*_C7_BODY, "S1_P"), _trunk_plumb),
    (("T4_AS", "T4_PS", "T12_AI", "T12_PI"), _kyphosis),
    (("L1_AS", "L1_PS", *_SACRUM), _lordosis),
    (_SACRUM, _sacrum),
    ((*_HIPS, *_SACRUM), _pelvis),
)
"""What is drawn, with the marks that it needs."""
