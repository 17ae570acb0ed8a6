"""Lateral film: S-line, palate, sagittal atlas plane. Film coordinates (x, y): anterior, superior."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks


@dataclass(frozen=True, eq=False)
class LateralLines:
    """Lines of a lateral film, drawn when asked for."""

    marks: Marks

    @cached_property
    def s_line(self) -> Array:
        """Unit vector of the S-line, arch forward (Eriksen, Analyzing the Lateral Cervical X-Ray)."""
        return planar.unit(self.marks["C1_ARCH_LM"] - self.marks["C1_ARCH_13"])

    @cached_property
    def palate(self) -> Array:
        """Unit vector along the hard palate, anteriorly."""
        return planar.unit(self.marks["HP_ANT"] - self.marks["HP_POST"])

    @cached_property
    def palate_point(self) -> Array:
        """Mid-point of the hard palate."""
        return (self.marks["HP_ANT"] + self.marks["HP_POST"]) / 2

    @cached_property
    def atlas_plane(self) -> Array:
        """Unit vector from the posterior to the anterior tubercle."""
        return planar.unit(self.marks["C1_AT"] - self.marks["C1_PT"])

    def below_s_line(self, point: Array) -> Array:
        """How far a point lies below the S-line."""
        return -planar.signed_distance(point, self.marks["C1_ARCH_13"], self.s_line)

    def s_class(self) -> str:
        """S0 when the S-line meets the palate, S above, I below its mid-point; for one film only."""
        anterior, posterior = (
            self.below_s_line(self.marks["HP_ANT"]),
            self.below_s_line(self.marks["HP_POST"]),
        )
        if anterior * posterior <= 0:
            return "S0"
        return "S" if self.below_s_line(self.palate_point) > 0 else "I"


_S_LINE = ("C1_ARCH_LM", "C1_ARCH_13")
_PALATE = ("HP_ANT", "HP_POST")

LATERAL: tuple[Construction[LateralLines], ...] = (
    Construction("s_line_angle", _S_LINE, lambda film: planar.direction_deg(film.s_line)),
    Construction(
        "s_palate_angle", _S_LINE + _PALATE, lambda film: planar.signed_angle_deg(film.palate, film.s_line)
    ),
    Construction("s_offset", _S_LINE + _PALATE, lambda film: film.below_s_line(film.palate_point)),
    Construction(
        "atlas_plane_sagittal", ("C1_AT", "C1_PT"), lambda film: planar.direction_deg(film.atlas_plane)
    ),
    # Head pitch of the nasium against the lateral is not measured: it counts as 0, its spread is in u.
    Construction("nasium_tube_angle", _S_LINE, lambda film: planar.direction_deg(film.s_line)),
)


def lateral_contradictions(marks: Marks) -> list[str]:
    """Pairs of marks that lie the wrong way round for the stored `patient_anterior`."""
    pairs = [("C1_ARCH_LM", "C1_ARCH_13"), ("C1_AT", "C1_PT"), ("HP_ANT", "HP_POST")]
    return [
        f"{front} lies behind {back}"
        for front, back in pairs
        if marks.has((front, back)) and not np.all(marks[front][..., 0] > marks[back][..., 0])
    ]
