"""Vertex film: atlas rotation. Film coordinates (x, z): anterior, to the patient's right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks


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
    faults = [
        f"{name}_R lies to the patient's left of {name}_L"
        for name in ("TF", "LMv")
        if marks.has((f"{name}_R", f"{name}_L"))
        and not np.all(marks[f"{name}_R"][..., 1] > marks[f"{name}_L"][..., 1])
    ]
    if marks.has(("CRIB", "FM_C")) and not np.all(marks["CRIB"][..., 0] > marks["FM_C"][..., 0]):
        faults.append("CRIB lies behind FM_C")
    return faults
