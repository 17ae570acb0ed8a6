"""Skull base, atlas and axis: lateral film (x anterior, y superior) and open mouth (z right, y superior)."""

from __future__ import annotations

import numpy as np

from atlasplane.geometry.planar import foot, intersection
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import ReadFilm
from atlasplane.pathways.alignment.lateral_lines import LateralLines
from atlasplane.pathways.alignment.open_mouth import OpenMouthLines
from atlasplane.report.drawing import Drawing, Stroke
from atlasplane.report.palette import GREEN, ORANGE, PINK, SKY, VERMILLION, WHITE, YELLOW

FORWARD = np.array([1.0, 0.0])
UP = np.array([0.0, 1.0])
_AXIAL = ("DENS_POST_SUP", "DENS_POST_INF")
_CLIVUS = ("CLIV_SUP", "BA")


def draw_junction(read: ReadFilm) -> Drawing:
    """Everything about skull base, atlas and axis that the marks of a lateral film allow."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, LateralLines)
    for needs, draw in _CONSTRUCTIONS:
        if lines.marks.has(needs):
            draw(sheet, lines)
    return sheet


def _mcgregor(sheet: Drawing, lines: LateralLines) -> None:
    back, front = lines.marks["OCC_INF"], lines.marks["HP_POST"]
    ends = sheet.through(back, front, SKY, past=(0.06, 0.06), width=1.3)
    sheet.label("McGregor", ends[0], UP - FORWARD, SKY)
    keys = ("mcgregor", "redlund_johnell", "mcgregor_slope")
    sheet.legend(
        SKY, "McGregor", "hard palate to the lowest point of the occiput; tip and base of C2 to it", *keys
    )


def _chamberlain(sheet: Drawing, lines: LateralLines) -> None:
    sheet.line(lines.marks["OP"], lines.marks["HP_POST"], YELLOW, dashed=True)
    text = "Chamberlain's line, hard palate to opisthion; tip of the dens to it"
    sheet.legend(YELLOW, "", text, "chamberlain", dashed=True)


def _mcrae(sheet: Drawing, lines: LateralLines) -> None:
    back, front = lines.marks["OP"], lines.marks["BA"]
    sheet.line(back, front, GREEN, width=1.4)
    sheet.label("McRae", back + 0.4 * (front - back), UP, GREEN, key="mcrae")
    sheet.legend(
        GREEN, "McRae", "foramen magnum, opisthion to basion; tip of the dens to it, and its diameter",
        "mcrae", "foramen_magnum_diameter",
    )  # fmt: skip


def _clivus(sheet: Drawing, lines: LateralLines) -> None:
    top, base = (lines.marks[id_] for id_ in _CLIVUS)
    past = 0.9
    if lines.marks.has(("DENS_TIP",)):
        past = max(past, 1.2 * float((lines.marks["DENS_TIP"] - base) @ (base - top)) / _square(base - top))
    sheet.through(top, base, ORANGE, past=(0.05, past), width=1.3)
    sheet.label("clivus", top, FORWARD, ORANGE)
    sheet.legend(ORANGE, "clivus", "Wackenheim's line along the clivus; tip of the dens to it", "wackenheim")


def _square(v: Array) -> float:
    return float(v @ v)


def _axial(sheet: Drawing, lines: LateralLines) -> None:
    """The posterior axial line, with what is measured from it."""
    top, base = (lines.marks[id_] for id_ in _AXIAL)
    past = 0.55
    if lines.marks.has(("BA",)):
        past = max(past, 1.1 * float((lines.marks["BA"] - top) @ (top - base)) / _square(top - base))
    sheet.through(top, base, PINK, past=(past, 0.1), width=1.3)
    sheet.legend(PINK, "", "posterior axial line, back of dens and body of C2; basion to it", "bai")
    if lines.marks.has(_CLIVUS):
        _clivoaxial(sheet, lines)
    if lines.marks.has(("SLL_C1",)):
        arch = lines.marks["SLL_C1"]
        on_line = foot(arch, top, lines.posterior_axial)
        sheet.line(arch, on_line, VERMILLION, width=1.5)
        sheet.label("PADI", (arch + on_line) / 2, -UP, VERMILLION, key="padi")
        sheet.legend(VERMILLION, "PADI", "back of the dens to the posterior arch of the atlas", "padi")
    if lines.marks.has(("C1_AA", "DENS_ANT")):
        _interval_in_front(sheet, lines)


def _clivoaxial(sheet: Drawing, lines: LateralLines) -> None:
    clivus, base = lines.direction("BA", "CLIV_SUP"), lines.marks["DENS_POST_SUP"]
    meet = intersection(lines.marks["BA"], clivus, base, lines.posterior_axial)
    size = 0.5 * float(np.linalg.norm(lines.marks["CLIV_SUP"] - lines.marks["BA"]))
    middle = sheet.arc(meet, clivus, lines.posterior_axial, size, WHITE)
    sheet.label("CXA", middle, FORWARD, WHITE, key="clivoaxial_angle")
    sheet.legend(WHITE, "CXA", "clivus line against the posterior axial line", "clivoaxial_angle")


def _interval_in_front(sheet: Drawing, lines: LateralLines) -> None:
    dens, arch = lines.marks["DENS_ANT"], lines.marks["C1_AA"]
    square = np.array([-lines.posterior_axial[1], lines.posterior_axial[0]])
    end = dens + float((arch - dens) @ square) * square
    sheet.line(dens, end, WHITE, width=2.0)
    sheet.label("ADI", end, FORWARD - UP, WHITE, key="adi")
    text = "front of the dens to the anterior arch, square to the posterior axial line"
    sheet.legend(WHITE, "ADI", text, "adi", "powers_ratio")


def _basion_dens(sheet: Drawing, lines: LateralLines) -> None:
    base, tip = lines.marks["BA"], lines.marks["DENS_TIP"]
    sheet.line(base, tip, YELLOW, width=2.0)
    sheet.label("BDI", (base + tip) / 2, FORWARD + 0.4 * UP, YELLOW, key="bdi")
    sheet.legend(YELLOW, "BDI", "basion to the tip of the dens", "bdi")


def _ranawat(sheet: Drawing, lines: LateralLines) -> None:
    pedicle = lines.marks["C2_PED"]
    up = lines.marks["DENS_TIP"] - lines.middle("C2_AI", "C2_PI")
    meet = intersection(pedicle, up, lines.marks["C1_PT"], lines.atlas_plane)
    sheet.line(pedicle, meet, SKY, width=1.5)
    sheet.legend(SKY, "", "pedicle of C2 to the line of the atlas, along C2 (Ranawat)", "ranawat")


def _angles(sheet: Drawing, lines: LateralLines) -> None:
    """Atlas plane and endplate of C2, which the angles between the bones are of."""
    sheet.through(lines.marks["C1_PT"], lines.marks["C1_AT"], WHITE, past=(0.1, 0.2), width=0.9)
    sheet.through(lines.marks["C2_PI"], lines.marks["C2_AI"], WHITE, past=(0.5, 0.7), width=0.9)
    text = "atlas plane and lower endplate of C2: angles of skull (McGregor), atlas and axis"
    sheet.legend(WHITE, "", text, "c0_c1_angle", "c1_c2_angle", "c0_c2_angle")


def _dura(sheet: Drawing, lines: LateralLines) -> None:
    base, corner = lines.marks["BA"], lines.marks["C2_PI"]
    sheet.line(base, corner, GREEN, width=0.8, dashed=True)
    on_line = foot(lines.marks["DURA_C2"], base, lines.direction("BA", "C2_PI"))
    sheet.line(lines.marks["DURA_C2"], on_line, GREEN, width=1.6)
    sheet.legend(
        GREEN, "", "dura behind the line from basion to C2 (Grabb-Oakes)", "grabb_oakes", dashed=True
    )


_CONSTRUCTIONS = (
    (("OCC_INF", "HP_POST"), _mcgregor),
    (("OP", "HP_POST"), _chamberlain),
    (("BA", "OP"), _mcrae),
    (_CLIVUS, _clivus),
    (_AXIAL, _axial),
    (("BA", "DENS_TIP"), _basion_dens),
    (("C2_PED", "C1_PT", "C1_AT", "DENS_TIP", "C2_AI", "C2_PI"), _ranawat),
    (("BA", "C2_PI", "DURA_C2"), _dura),
    (("C1_PT", "C1_AT", "C2_PI", "C2_AI", "OCC_INF", "HP_POST"), _angles),
)
"""What is drawn, with the marks that it needs."""


def draw_open_mouth(read: ReadFilm) -> Drawing:
    """Dens, lateral masses and joints: everything that the marks of an open-mouth film allow."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, OpenMouthLines)
    for side, word, out in (("R", "right", 1.0), ("L", "left", -1.0)):
        _lateral_interval(sheet, lines, (side, word, out))
        _joint(sheet, lines, (side, word, out))
    if lines.marks.has(("DENS_LAT_R", "DENS_LAT_L", "C1_LMM_R", "C1_LMM_L")):
        sheet.legend(ORANGE, "", "right interval minus left", "ladi_asymmetry")
    if lines.marks.has(("C1_LML_R", "C1_LML_L", "C2_FL_R", "C2_FL_L")):
        _overhang(sheet, lines)
    return sheet


def _lateral_interval(sheet: Drawing, lines: OpenMouthLines, side: tuple[str, str, float]) -> None:
    letter, word, out = side
    if not lines.marks.has((f"DENS_LAT_{letter}", "C1_LMM_R", "C1_LMM_L")):
        return
    across = lines.marks["C1_LMM_R"] - lines.marks["C1_LMM_L"]
    across = across / np.linalg.norm(across)
    dens, mass = lines.marks[f"DENS_LAT_{letter}"], lines.marks[f"C1_LMM_{letter}"]
    end = dens + float((mass - dens) @ across) * across
    key = f"ladi/{word}"
    sheet.line(dens, end, ORANGE, width=2.0)
    sheet.label(f"LADI {letter}", end, out * FORWARD + UP, ORANGE, key=key)
    sheet.legend(ORANGE, f"LADI {letter}", f"dens to the lateral mass, {word}", key)


def _joint(sheet: Drawing, lines: OpenMouthLines, side: tuple[str, str, float]) -> None:
    letter, word, out = side
    names = (f"C0_FACET_{letter}", f"C1_FACET_{letter}")
    if not lines.marks.has(names):
        return
    for name in names:
        sheet.strokes.append(Stroke(at=lines.marks.contours[name], colour=SKY, width=1.2))
    middle = lines.marks.contours[names[0]].mean(axis=0)
    key = f"condyle_c1_interval/{word}"
    sheet.label(f"CCI {letter}", middle, UP + out * FORWARD, SKY, key=key)
    sheet.legend(SKY, f"CCI {letter}", f"condyle to the facet of the atlas, {word}", key)


def _overhang(sheet: Drawing, lines: OpenMouthLines) -> None:
    right, left = lines.marks["C2_FL_R"], lines.marks["C2_FL_L"]
    along = (right - left) / np.linalg.norm(right - left)
    sheet.line(left, right, GREEN, width=0.8, dashed=True)
    for letter, corner in (("R", right), ("L", left)):
        mass = lines.marks[f"C1_LML_{letter}"]
        sheet.line(corner, corner + float((mass - corner) @ along) * along, VERMILLION, width=2.2)
    sheet.label("overhang", right, FORWARD - UP, VERMILLION, key="lateral_mass_overhang")
    text = "lateral masses beyond the facets of C2, both sides together (rule of Spence)"
    sheet.legend(VERMILLION, "overhang", text, "lateral_mass_overhang")
