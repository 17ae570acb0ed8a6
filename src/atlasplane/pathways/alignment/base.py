"""Base-posterior film: convergence of the condyles. Film coordinates (x, z): anterior, to the right."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks, order_reversed, sides_exchanged

_INWARD = {"R": -1.0, "L": 1.0}


@dataclass(frozen=True, eq=False)
class BaseLines:
    """Lines of a base-posterior film, drawn when asked for."""

    marks: Marks

    @property
    def midline(self) -> Array:
        """From the posterior to the anterior point of the mid-sagittal plane."""
        return self.marks["MSP_A"] - self.marks["MSP_P"]

    def convergence_deg(self, side: str) -> Array:
        """Long axis of a condyle to the mid-sagittal plane (Blair), + anterior end medial."""
        axis = self.marks[f"CONV_A_{side}"] - self.marks[f"CONV_P_{side}"]
        return _INWARD[side] * planar.signed_angle_deg(self.midline, axis)


_MIDLINE = ("MSP_A", "MSP_P")

BASE: tuple[Construction[BaseLines], ...] = (
    Construction(
        "blair_convergence/right",
        ("CONV_A_R", "CONV_P_R", *_MIDLINE),
        lambda film: film.convergence_deg("R"),
    ),
    Construction(
        "blair_convergence/left", ("CONV_A_L", "CONV_P_L", *_MIDLINE), lambda film: film.convergence_deg("L")
    ),
)


def base_contradictions(marks: Marks) -> list[str]:
    """Marks that lie the wrong way round for the stored directions of the patient."""
    ahead = [("MSP_A", "MSP_P"), ("CONV_A_R", "CONV_P_R"), ("CONV_A_L", "CONV_P_L")]
    return [
        *sides_exchanged(marks, ("CONV_A", "CONV_P"), axis=1),
        *order_reversed(marks, ahead, axis=0, word="behind"),
    ]
