"""Photographs of posture.

Coordinates: from the side (x, y), anterior and superior; else (z, y), right and superior.
"""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks, order_reversed, sides_exchanged


@dataclass(frozen=True, eq=False)
class PostureLines:
    """Lines of a photograph, drawn when asked for."""

    marks: Marks

    def rise_deg(self, start: str, end: str) -> Array:
        """Line from one mark to another, to the horizontal; + end superior."""
        return planar.direction_deg(self.marks[end] - self.marks[start])


def _craniovertebral(side: str, letter: str) -> Construction[PostureLines]:
    tragus = f"TRAGUS_{letter}"
    return Construction(
        f"craniovertebral_angle/{side}", ("C7_SP", tragus), lambda photo: photo.rise_deg("C7_SP", tragus)
    )


def _head_tilt(name: str) -> Construction[PostureLines]:
    """A head that leans to the right lowers its right side: the sign is that of side bending."""
    right, left = f"{name}_R", f"{name}_L"
    return Construction("head_tilt_photo", (right, left), lambda photo: -photo.rise_deg(left, right))


_SHOULDERS: Construction[PostureLines] = Construction(
    "shoulder_tilt", ("ACR_R", "ACR_L"), lambda photo: photo.rise_deg("ACR_L", "ACR_R")
)

PHOTO_LATERAL: tuple[Construction[PostureLines], ...] = (
    _craniovertebral("right", "R"),
    _craniovertebral("left", "L"),
)
PHOTO_FRONT: tuple[Construction[PostureLines], ...] = (_head_tilt("EYE"), _SHOULDERS)
PHOTO_BACK: tuple[Construction[PostureLines], ...] = (_head_tilt("EARLOBE"), _SHOULDERS)


def profile_contradictions(marks: Marks) -> list[str]:
    """Marks that lie the wrong way round for the stored `patient_anterior`, or are of both sides."""
    faults = order_reversed(marks, [("TRAGUS_R", "C7_SP"), ("TRAGUS_L", "C7_SP")], axis=0, word="behind")
    if marks.has(("TRAGUS_R", "TRAGUS_L")):
        faults.append("TRAGUS_R and TRAGUS_L are both marked, and one photograph shows one side")
    return faults


def facing_contradictions(marks: Marks) -> list[str]:
    """Pairs of marks that lie the wrong way round for the stored `patient_right`."""
    return sides_exchanged(marks, ("EYE", "EARLOBE", "ACR"), axis=0)
