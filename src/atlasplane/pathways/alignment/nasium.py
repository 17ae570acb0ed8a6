"""Nasium film: atlas plane line, central skull line, lower line, axis, circles.

Film coordinates (z, y): right, superior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from atlasplane.core.units import MM_PER_INCH
from atlasplane.geometry import planar
from atlasplane.geometry.circle import Circle, taubin_circle
from atlasplane.geometry.midline import CentralLine, Levels, central_line
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks, sides_exchanged

AXIS_LENGTH_MM = 40.0
"""Dens base to spinous bifurcation, from memory and unverified.

Part of the quantity's definition, see the catalogue.
"""


class SkullLine(Protocol):
    """What a construction needs of the central skull line."""

    @property
    def point(self) -> Array:
        """A point of the line, shape (..., 2)."""

    @property
    def direction(self) -> Array:
        """Unit vector upwards, shape (..., 2)."""

    @property
    def lean_deg(self) -> Array:
        """Against the vertical, + towards the patient's right, shape (...)."""


@dataclass(frozen=True, eq=False)
class NasiumLines:
    """Lines of a nasium film, drawn when asked for.

    Attributes
    ----------
    marks : Marks
    skull : SkullLine or None
        Central skull line, where the film allows one.
    """

    marks: Marks
    skull: SkullLine | None = None

    @cached_property
    def atlas_plane(self) -> Array:
        """Unit vector of the atlas plane line, from left to right."""
        return planar.unit(self.marks["PL_R"] - self.marks["PL_L"])

    @cached_property
    def check_line(self) -> Array:
        """The same through the upper attachments (NUCCA workbook part 1, atlas check line)."""
        return planar.unit(self.marks["PLU_R"] - self.marks["PLU_L"])

    @cached_property
    def middle(self) -> Array:
        """Mid-point of the two attachments."""
        return (self.marks["PL_R"] + self.marks["PL_L"]) / 2

    @cached_property
    def plane_tilt_deg(self) -> Array:
        """Atlas plane line to the horizontal, + right side superior."""
        return planar.direction_deg(self.atlas_plane)

    @property
    def central_skull(self) -> SkullLine:
        """The skull line of a film that has one."""
        if self.skull is None:
            raise ValueError("this film has no central skull line")
        return self.skull

    @cached_property
    def laterality_deg(self) -> Array:
        """asin(c . a), + = acute upper angle on the right."""
        return np.degrees(np.arcsin(planar.dot(self.central_skull.direction, self.atlas_plane)))

    @cached_property
    def axis_centre(self) -> Array:
        """Mid-point of dens base and spinous bifurcation."""
        return (self.marks["OD_BASE"] + self.marks["C2_SPB"]) / 2

    @cached_property
    def lower_line(self) -> Array:
        """Unit vector from C7 up to the centre of C2."""
        return planar.unit(self.axis_centre - self.marks["C7_C"])

    def along_atlas(self, point: Array) -> Array:
        """Position of a point along the atlas plane line, from the middle, + to the right."""
        return planar.dot(point - self.middle, self.atlas_plane)

    def circle(self, contours: Sequence[str]) -> Circle:
        """Taubin circle through the vertices of contours."""
        return taubin_circle(np.concatenate([self.marks.contours[id_] for id_ in contours], axis=-2))

    @cached_property
    def condylar(self) -> Circle:
        """Circle of the C0/C1 joint surfaces of both sides."""
        return self.circle(("COND_R", "COND_L"))

    @cached_property
    def axial(self) -> Circle:
        """Circle of the superior facets of the axis of both sides."""
        return self.circle(("AXIS_R", "AXIS_L"))

    def axis_rotation_deg(self) -> Array:
        """Rotation of C2 from the spread of dens base and spinous along the atlas plane line."""
        spread = self.along_atlas(self.marks["C2_SPB"]) - self.along_atlas(self.marks["OD_BASE"])
        with np.errstate(invalid="ignore"):
            return np.degrees(np.arcsin(spread / AXIS_LENGTH_MM))


_PLANE = ("PL_R", "PL_L")
_SKULL = ("SKULL_R", "SKULL_L")
_AXIS = ("OD_BASE", "C2_SPB")
_CONDYLES = ("COND_R", "COND_L")
_FACETS = ("AXIS_R", "AXIS_L")

NASIUM: tuple[Construction[NasiumLines], ...] = (
    Construction("atlas_plane_tilt", _PLANE, lambda film: film.plane_tilt_deg),
    Construction("head_tilt", _SKULL, lambda film: film.central_skull.lean_deg),
    Construction("atlas_laterality", _PLANE + _SKULL, lambda film: film.laterality_deg),
    Construction(
        "lower_angle",
        (*_PLANE, *_AXIS, "C7_C"),
        lambda film: np.degrees(np.arcsin(-planar.dot(film.lower_line, film.atlas_plane))),
    ),
    Construction(
        "cervical_lean",
        (*_AXIS, "C7_C"),
        lambda film: np.degrees(np.arctan2(film.lower_line[..., 0], film.lower_line[..., 1])),
    ),
    Construction(
        "odontoid_offset", (*_PLANE, "OD_BASE"), lambda film: film.along_atlas(film.marks["OD_BASE"])
    ),
    Construction("spinous_offset", (*_PLANE, "C2_SPB"), lambda film: film.along_atlas(film.marks["C2_SPB"])),
    Construction("axis_rotation", _PLANE + _AXIS, lambda film: film.axis_rotation_deg()),
    Construction("condylar_radius", _CONDYLES, lambda film: film.condylar.radius),
    Construction("condylar_radius/right", ("COND_R",), lambda film: film.circle(("COND_R",)).radius),
    Construction("condylar_radius/left", ("COND_L",), lambda film: film.circle(("COND_L",)).radius),
    Construction("axial_radius", _FACETS, lambda film: film.axial.radius),
    Construction("axial_radius/right", ("AXIS_R",), lambda film: film.circle(("AXIS_R",)).radius),
    Construction("axial_radius/left", ("AXIS_L",), lambda film: film.circle(("AXIS_L",)).radius),
    Construction("circle_ratio", _CONDYLES + _FACETS, lambda film: film.condylar.radius / film.axial.radius),
    Construction(
        "circle_difference",
        _CONDYLES + _FACETS,
        lambda film: 2 * (film.condylar.radius - film.axial.radius) / MM_PER_INCH,
    ),
    Construction(
        "condylar_centre_offset", _PLANE + _CONDYLES, lambda film: film.along_atlas(film.condylar.centre)
    ),
    Construction("axial_centre_offset", _PLANE + _FACETS, lambda film: film.along_atlas(film.axial.centre)),
    Construction(
        "skull_offset",
        _PLANE + _SKULL,
        lambda film: film.along_atlas(
            planar.intersection(
                film.middle, film.atlas_plane, film.central_skull.point, film.central_skull.direction
            )
        ),
    ),
    Construction(
        "transverse_offset/right", (*_PLANE, "TP_R"), lambda film: film.along_atlas(film.marks["TP_R"])
    ),
    Construction(
        "transverse_offset/left", (*_PLANE, "TP_L"), lambda film: film.along_atlas(film.marks["TP_L"])
    ),
    Construction(
        "c7_offset", (*_PLANE, "C7_C"), lambda film: film.marks["C7_C"][..., 0] - film.middle[..., 0]
    ),
)


def skull_line(marks: Marks, levels: Levels) -> CentralLine:
    """Central skull line of the two walls on planned levels."""
    return central_line(marks.contours["SKULL_R"], marks.contours["SKULL_L"], levels)


def nasium_contradictions(marks: Marks) -> list[str]:
    """Pairs of marks that lie the wrong way round for the stored `patient_right`."""
    pairs = ("PL", "PLU", "SQ", "TURN", "TP", "ORB", "RAM", "SKULL", "COND", "AXIS")
    return sides_exchanged(marks, pairs, axis=0)
