"""Vertex film: atlas rotation. Film coordinates (x, z): anterior, to the patient's right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks, order_reversed, sides_exchanged


@dataclass(frozen=True, eq=False)
class VertexLines:
    """Lines of a vertex film, drawn when asked for."""

    marks: Marks

    @cached_property
    def atlas_line(self) -> Array:
        """Unit vector through the transverse foramina, from left to right (NUCCA workbook part 3)."""
        return planar.unit(self.marks["TF_R"] - self.marks["TF_L"])

    @cached_property
    def skull_line(self) -> Array:
        """Unit vector from the centre of the foramen magnum forward to the cribriform plate."""
        return planar.unit(self.marks["CRIB"] - self.marks["FM_C"])


VERTEX: tuple[Construction[VertexLines], ...] = (
    Construction(
        "atlas_rotation",
        ("TF_R", "TF_L", "CRIB", "FM_C"),
        # A dot product, not a signed angle: the frame (x, z) is left-handed about Y.
        lambda film: np.degrees(np.arcsin(planar.dot(film.atlas_line, film.skull_line))),
    ),
)


def vertex_contradictions(marks: Marks) -> list[str]:
    """Pairs of marks that lie the wrong way round for the stored directions of the patient."""
    return [
        *sides_exchanged(marks, ("TF", "LMv"), axis=1),
        *order_reversed(marks, [("CRIB", "FM_C")], axis=0, word="behind"),
    ]
