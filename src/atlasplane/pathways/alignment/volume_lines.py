"""Lines of a volume (CT, CBCT) and what is read from them. Points in ISB axes: anterior, superior, right.

Sagittal measures are those of the lateral film, drawn on the mid-sagittal plane of the skull, where nothing
is enlarged and nothing turned. Open-mouth measures along a pair's own line need no plane. Rotations are read
in space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.craniocervical import CRANIOCERVICAL
from atlasplane.pathways.alignment.lateral import lateral_contradictions
from atlasplane.pathways.alignment.lateral_lines import LateralLines
from atlasplane.pathways.alignment.marks import (
    Construction,
    LinesT,
    Marks,
    order_reversed,
    sides_exchanged,
)
from atlasplane.pathways.alignment.open_mouth import OPEN_MOUTH, OpenMouthLines
from atlasplane.pathways.alignment.sagittal import SAGITTAL

MIDLINE = ("N", "BA", "INC_F", "OP", "HP_ANT", "HP_POST", "CLIV_SUP")
"""Mid-line points of the skull; three of them carry its mid-sagittal plane, the more the better."""
_RIGHT = np.array([0.0, 0.0, 1.0])
_FORWARD = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True, eq=False)
class VolumeLines:
    """Planes and axes of a marked volume; points of shape (..., 3), contours (..., n, 3)."""

    marks: Marks

    @property
    def midline(self) -> tuple[str, ...]:
        """Mid-line points of the skull that are marked."""
        return tuple(id_ for id_ in MIDLINE if id_ in self.marks.points)

    @cached_property
    def midline_spread_mm(self) -> Array:
        """RMS distances of the mid-line points from their centre along three axes, largest first."""
        spread: Array = np.asarray(np.linalg.svd(self._midline_points(), compute_uv=False), dtype=float)
        return np.asarray(spread / len(self.midline) ** 0.5)

    @cached_property
    def sagittal_normal(self) -> Array:
        """Unit normal of the mid-sagittal plane (least squares), to the patient's right; shape (..., 3)."""
        normal = np.linalg.svd(self._midline_points())[2][..., -1, :]
        return normal * np.sign(planar.dot(normal, _RIGHT))[..., None]

    @cached_property
    def profile(self) -> LateralLines:
        """All points drawn on the mid-sagittal plane: (anterior, superior), mm."""
        normal = self.sagittal_normal
        forward = planar.unit(_FORWARD - planar.dot(normal, _FORWARD)[..., None] * normal)
        upward = np.cross(normal, forward)
        points = {
            id_: np.stack([planar.dot(at, forward), planar.dot(at, upward)], axis=-1)
            for id_, at in self.marks.points.items()
        }
        return LateralLines(Marks(points, {}))

    @cached_property
    def open_mouth(self) -> OpenMouthLines:
        """The open-mouth measures in space: they are lengths along a pair's line, or gaps of two surfaces."""
        return OpenMouthLines(self.marks)

    def c1_c2_rotation_deg(self) -> Array:
        """Rotation of C1 on C2 about the axis of C2, + to the left (right side anterior).

        With the axes of C2 as reference this is the first angle of the Y-X-Z sequence, so that neither pitch
        nor side bending of C1 enters it.
        """
        at = self.marks
        axis = at["DENS_TIP"] - (at["C2_AI"] + at["C2_PI"]) / 2
        across = planar.unit(at["C2_TF_R"] - at["C2_TF_L"])
        forward = planar.unit(np.cross(axis, across))
        atlas = at["TF_R"] - at["TF_L"]
        return np.degrees(np.arctan2(planar.dot(atlas, forward), planar.dot(atlas, across)))

    def c0_c1_rotation_deg(self) -> Array:
        """Angle of the atlas' tubercles out of the mid-sagittal plane, + front end to the left.

        An angle to a plane, so that the pitch of C1 does not enter it.
        """
        forward = planar.unit(self.marks["C1_AT"] - self.marks["C1_PT"])
        return -np.degrees(np.arcsin(planar.dot(forward, self.sagittal_normal)))

    def _midline_points(self) -> Array:
        points = np.stack([self.marks[id_] for id_ in self.midline], axis=-2)
        centred: Array = points - points.mean(axis=-2, keepdims=True)
        return centred


def _in_profile(construction: Construction[LateralLines]) -> Construction[VolumeLines]:
    return carried_over(construction, lambda lines: lines.profile)


def _in_space(construction: Construction[OpenMouthLines]) -> Construction[VolumeLines]:
    return carried_over(construction, lambda lines: lines.open_mouth)


WholeT = TypeVar("WholeT")


def carried_over(
    construction: Construction[LinesT], view: Callable[[WholeT], LinesT]
) -> Construction[WholeT]:
    """A construction on part of a whole as one on the whole; `view` gives the part."""
    smooth = construction.smooth
    return Construction(
        construction.key,
        construction.needs,
        lambda lines: construction.value(view(lines)),
        smooth=None if smooth is None else lambda lines: smooth(view(lines)),
    )


def _is_posture(construction: Construction[LateralLines]) -> bool:
    return quantity(ObservationKey.parse(construction.key).quantity).posture


PROFILE: tuple[Construction[VolumeLines], ...] = tuple(
    _in_profile(c) for c in (*CRANIOCERVICAL, *SAGITTAL) if not _is_posture(c)
)
"""Sagittal measures; those of posture are left out, since a volume is taken lying down as a rule."""

ROTATIONS: tuple[Construction[VolumeLines], ...] = (
    Construction(
        "c1_c2_rotation",
        ("TF_R", "TF_L", "C2_TF_R", "C2_TF_L", "DENS_TIP", "C2_AI", "C2_PI"),
        VolumeLines.c1_c2_rotation_deg,
    ),
    Construction("c0_c1_rotation", ("C1_AT", "C1_PT"), VolumeLines.c0_c1_rotation_deg),
)

VOLUME: tuple[Construction[VolumeLines], ...] = (*PROFILE, *(_in_space(c) for c in OPEN_MOUTH), *ROTATIONS)

NEEDS_MIDLINE = frozenset(c.key for c in PROFILE) | {"c0_c1_rotation"}
"""Constructions that also need the mid-sagittal plane."""


_BILATERAL = (
    *("PO", "OR", "TF", "C1_SF", "C1_IF", "C2_TF", "AXIS", "C1_LMM", "C1_LML", "C2_FL", "DENS_LAT"),
    *("C0_FACET", "C1_FACET"),
    *(f"C{k}_PED" for k in range(3, 8)),
)


def volume_contradictions(marks: Marks) -> list[str]:
    """Pairs of marks that lie the wrong way round for the volume's own axes."""
    front = (("N", "BA"), ("INC_F", "BA"))
    from_the_side = Marks({id_: at[..., :2] for id_, at in marks.points.items()}, {})
    return [
        *sides_exchanged(marks, _BILATERAL, axis=2),
        *order_reversed(marks, front, axis=0, word="behind"),
        *lateral_contradictions(from_the_side),
    ]
