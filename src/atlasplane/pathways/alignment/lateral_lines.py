"""Lines of a lateral film. Film coordinates (x, y): anterior, superior.

In this frame a counter-clockwise angle is an extension, and a line that is directed forward has what lies
above it on its left, one that is directed downward what lies in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Marks


@dataclass(frozen=True, eq=False)
class LateralLines:
    """Lines of a lateral film, drawn when asked for."""

    marks: Marks

    def middle(self, *ids: str) -> Array:
        """Mean of marks, shape (..., 2)."""
        total: Array = sum((self.marks[id_] for id_ in ids[1:]), start=self.marks[ids[0]]) / len(ids)
        return total

    def direction(self, start: str, end: str) -> Array:
        """Unit vector from one mark to another, shape (..., 2)."""
        return planar.unit(self.marks[end] - self.marks[start])

    def forward(self, front: str, back: str) -> Array:
        """How far one mark lies before another along the film's horizontal, shape (...)."""
        return self.marks[front][..., 0] - self.marks[back][..., 0]

    @cached_property
    def s_line(self) -> Array:
        """Unit vector of the S-line, arch forward (Eriksen, Analyzing the Lateral Cervical X-Ray)."""
        return self.direction("C1_ARCH_13", "C1_ARCH_LM")

    @cached_property
    def palate(self) -> Array:
        """Unit vector along the hard palate, anteriorly."""
        return self.direction("HP_POST", "HP_ANT")

    @cached_property
    def palate_point(self) -> Array:
        """Mid-point of the hard palate."""
        return self.middle("HP_ANT", "HP_POST")

    @cached_property
    def atlas_plane(self) -> Array:
        """Unit vector from the posterior to the anterior tubercle."""
        return self.direction("C1_PT", "C1_AT")

    @cached_property
    def mcgregor(self) -> Array:
        """Unit vector of McGregor's line, from the lowest point of the occiput forward to the palate."""
        return self.direction("OCC_INF", "HP_POST")

    @cached_property
    def posterior_axial(self) -> Array:
        """Unit vector of the posterior axial line, from the dens down to the corner of the body of C2."""
        return self.direction("DENS_POST_SUP", "DENS_POST_INF")

    @cached_property
    def axis_base(self) -> Array:
        """Unit vector of the lower endplate of C2, anteriorly."""
        return self.direction("C2_PI", "C2_AI")

    def below_s_line(self, point: Array) -> Array:
        """How far a point lies below the S-line."""
        return -planar.signed_distance(point, self.marks["C1_ARCH_13"], self.s_line)

    def before_axis(self, id_: str, origin: str = "DENS_POST_SUP") -> Array:
        """How far a mark lies before the posterior axial line, or its parallel through another mark."""
        return planar.signed_distance(self.marks[id_], self.marks[origin], self.posterior_axial)

    def s_class(self) -> str:
        """S0 when the S-line meets the palate, S above, I below its mid-point; for one film only."""
        anterior, posterior = (
            self.below_s_line(self.marks["HP_ANT"]),
            self.below_s_line(self.marks["HP_POST"]),
        )
        if anterior * posterior <= 0:
            return "S0"
        return "S" if self.below_s_line(self.palate_point) > 0 else "I"


def slope_deg(forward: Array) -> Array:
    """Slope of a line that is directed forward, degrees to the horizontal, + anterior end lower."""
    return -planar.direction_deg(forward)


def ratio(part: Array, whole: Array) -> Array:
    """Quotient of two lengths, NaN or inf where the marks of `whole` coincide."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Array = part / whole
    return quotient
