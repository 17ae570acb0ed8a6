"""Cervical and full-length film from the front. Film coordinates (z, y): right, superior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks, order_reversed, sides_exchanged


@dataclass(frozen=True, eq=False)
class CoronalLines:
    """Lines of a film from the front, drawn when asked for."""

    marks: Marks

    def tilt_deg(self, name: str) -> Array:
        """Line from the left to the right of a pair, to the horizontal; + right end superior."""
        return planar.direction_deg(self.marks[f"{name}_R"] - self.marks[f"{name}_L"])

    @property
    def axis_centre(self) -> Array:
        """Mid-point of dens base and spinous bifurcation (NUCCA workbook part 1)."""
        return (self.marks["OD_BASE"] + self.marks["C2_SPB"]) / 2

    def neck_offset(self) -> Array:
        """Centre of C2 to the right of C7."""
        offset: Array = (self.axis_centre - self.marks["C7_C"])[..., 0]
        return offset

    def cobb_deg(self) -> Array:
        """Angle between the end plates of the two end vertebrae (Cobb), + curve convex to the right."""
        turn = np.radians(self.tilt_deg("COBB_U") - self.tilt_deg("COBB_L"))
        return np.degrees(np.arctan2(np.sin(turn), np.cos(turn)))

    def plumb_offset(self) -> Array:
        """C7 to the right of the vertical through the middle of the sacral endplate."""
        offset: Array = (self.marks["C7_C"] - self.marks["S1_MID"])[..., 0]
        return offset

    def hip_difference(self) -> Array:
        """Right femoral head above the left one."""
        difference: Array = (self.marks["FHT_R"] - self.marks["FHT_L"])[..., 1]
        return difference


def _pair(name: str) -> tuple[str, str]:
    return f"{name}_R", f"{name}_L"


AP_CERVICAL: tuple[Construction[CoronalLines], ...] = (
    Construction("coronal_c2_c7_offset", ("OD_BASE", "C2_SPB", "C7_C"), CoronalLines.neck_offset),
    Construction("coronal_cobb", _pair("COBB_U") + _pair("COBB_L"), CoronalLines.cobb_deg),
    Construction("t1_tilt", _pair("T1_SUP"), lambda film: film.tilt_deg("T1_SUP")),
    Construction("clavicle_angle", _pair("CLAV"), lambda film: film.tilt_deg("CLAV")),
)
AP_FULL: tuple[Construction[CoronalLines], ...] = (
    *AP_CERVICAL,
    Construction("c7_plumb_offset", ("C7_C", "S1_MID"), CoronalLines.plumb_offset),
    Construction("pelvic_obliquity", _pair("CREST"), lambda film: film.tilt_deg("CREST")),
    Construction("femoral_head_difference", _pair("FHT"), CoronalLines.hip_difference),
)


def coronal_contradictions(marks: Marks) -> list[str]:
    """Marks that lie the wrong way round for the stored `patient_right` and the head's direction."""
    pairs = ("T1_SUP", "CLAV", "COBB_U", "COBB_L", "CREST", "FHT")
    upright = [("OD_BASE", "C7_C"), ("C2_SPB", "C7_C"), ("C7_C", "S1_MID")]
    upright += [(f"COBB_U_{side}", f"COBB_L_{side}") for side in "RL"]
    return [
        *sides_exchanged(marks, pairs, axis=0),
        *order_reversed(marks, upright, axis=1, word="below"),
    ]
