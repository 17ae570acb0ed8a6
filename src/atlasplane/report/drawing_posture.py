"""Photographs: from the side (x anterior, y superior), and from front or back (z right, y superior)."""

from __future__ import annotations

import numpy as np

from atlasplane.pathways.alignment.film_analysis import ReadFilm
from atlasplane.pathways.alignment.posture import PostureLines
from atlasplane.report.drawing import Drawing
from atlasplane.report.palette import ORANGE, SKY, WHITE

UP = np.array([0.0, 1.0])
RIGHT = np.array([1.0, 0.0])


def draw_profile(read: ReadFilm) -> Drawing:
    """Craniovertebral angle of the side that the photograph shows."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, PostureLines)
    for letter, word in (("R", "right"), ("L", "left")):
        tragus = f"TRAGUS_{letter}"
        if lines.marks.has(("C7_SP", tragus)):
            nape, ear = lines.marks["C7_SP"], lines.marks[tragus]
            middle = sheet.slope(nape, ear, ORANGE, reach=0.6 * float(np.linalg.norm(ear - nape)))
            sheet.line(nape, nape + 1.1 * (ear - nape), ORANGE, width=1.3)
            key = f"craniovertebral_angle/{word}"
            sheet.label("CVA", middle, RIGHT, ORANGE, key=key)
            sheet.legend(ORANGE, "CVA", "skin over C7 to the tragus, against the horizontal", key)
    return sheet


def draw_facing(read: ReadFilm) -> Drawing:
    """Tilt of head and shoulders."""
    sheet, lines = Drawing(), read.lines
    assert isinstance(lines, PostureLines)
    head = "EYE" if lines.marks.has(("EYE_R", "EYE_L")) else "EARLOBE"
    what = {"EYE": "outer corners of the eyes", "EARLOBE": "ear lobes"}[head]
    pairs = (
        (head, "head", f"{what} to the horizontal", "head_tilt_photo", SKY),
        ("ACR", "shoulders", "tips of the shoulders to the horizontal", "shoulder_tilt", ORANGE),
    )
    for name, label, text, key, colour in pairs:
        if lines.marks.has((f"{name}_R", f"{name}_L")):
            left, right = lines.marks[f"{name}_L"], lines.marks[f"{name}_R"]
            sheet.through(left, right, colour, past=(0.25, 0.25), width=1.3)
            level = (right - left) * [1.0, 0.0]
            sheet.line(left - 0.25 * level, left + 1.25 * level, WHITE, width=0.8, dashed=True)
            sheet.label(label, right + 0.25 * (right - left), UP, colour, key=key)
            sheet.legend(colour, label, text, key)
    return sheet
