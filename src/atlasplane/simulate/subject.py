"""Who is filmed: the phantom, posed as wanted, or a real CT, moved as one piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from atlasplane.anatomy.phantom import Phantom, Posture, posture
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.quadric import outline
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

if TYPE_CHECKING:
    from atlasplane.anatomy.solids_field import Solid
    from atlasplane.xray.render import Part


class Walls(Protocol):
    """Outline of the skull on a film."""

    def side(self, heights_mm: Array, sign: int) -> Array:
        """Outline at film heights, shape (n,) -> (n, 2), film axes, detector mm; sign +1 right, -1 left."""

    def axis(self) -> tuple[float, Array]:
        """Lean of the central line (deg, + right) and a point of it (2,)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Posed:
    """A subject in the room (ISB axes, mm, origin at the neutral C1 origin).

    Attributes
    ----------
    points_mm : mapping id -> array, shape (3,)
    contours_mm : mapping id -> array, shape (n, 3)
    room_from : mapping bone -> RigidTransform
    walls : callable
        From a projection matrix to film axes (3, 4) to the skull's outline; None where it is not known.
    wall_heights : callable
        From a camera in film axes to (lower, upper) film heights between suture and turn.
    parts : callable
        Solids for the ray-caster; imports numba only when called.
    """

    points_mm: Mapping[str, Array]
    contours_mm: Mapping[str, Array]
    room_from: Mapping[str, RigidTransform]
    walls: Callable[[PinholeCamera], Walls]
    wall_heights: Callable[[PinholeCamera], tuple[float, float]]
    parts: Callable[[], list[Part]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Angles:
    """Pose of a simulated patient on one film, degrees.

    Attributes
    ----------
    head : array, shape (3,)
        yaw, pitch, roll: + = right side anterior, extension, right side bending.
    atlas, axis, trunk : array, shape (3,)
        flexion, laterality, rotation in the skull, signs of the `_3d` quantities.
    """

    head: Array
    atlas: Array
    axis: Array
    trunk: Array


class Subject(Protocol):
    """Somebody who can be posed."""

    @property
    def simulated_bones(self) -> bool:
        """False where the bones are a real person's."""

    def atlas_deg(self, requested: Array) -> Array:
        """Pose of C1 in the skull (flexion, laterality, rotation) that a request leads to."""

    def posed(self, angles: Angles) -> Posed:
        """The subject in a pose."""


class _EllipsoidWalls:
    def __init__(self, phantom: Phantom, pose: Posture, camera: PinholeCamera) -> None:
        self._ellipse = outline(phantom.vault.moved(pose.room_from("skull")), camera.matrix(pixels=False))

    def side(self, heights_mm: Array, sign: int) -> Array:
        return self._ellipse.points(heights_mm, sign)

    def axis(self) -> tuple[float, Array]:
        # Principal axis of the outline: the only line whose perpendicular chords it bisects.
        values, vectors = np.linalg.eigh(self._ellipse.shape_mm2)
        upright = vectors[:, np.argmax(np.abs(vectors[1]))]
        del values
        upright = upright * np.sign(upright[1])
        return float(np.degrees(np.arctan2(upright[0], upright[1]))), self._ellipse.centre_mm


@dataclass(frozen=True, eq=False)
class PhantomSubject:
    """A procedural phantom; its solids are made once, when the first film is rendered."""

    phantom: Phantom
    solids: Callable[[], Mapping[str, Solid]]
    simulated_bones: bool = True

    def atlas_deg(self, requested: Array) -> Array:
        """As requested."""
        return np.asarray(requested, dtype=float)

    def posed(self, angles: Angles) -> Posed:
        """The phantom in a pose."""
        phantom = self.phantom
        pose = posture(
            phantom,
            head_deg=angles.head,
            atlas_deg=angles.atlas,
            axis_deg=angles.axis,
            trunk_deg=angles.trunk,
        )
        room = {bone: pose.room_from(bone) for bone in phantom.origins_mm}

        def heights(camera: PinholeCamera) -> tuple[float, float]:
            levels = np.array([phantom.squamous_y_mm, phantom.turn_y_mm])
            middle = np.array([[phantom.vault.centre_mm[0], y, 0.0] for y in levels])
            low, high = camera.project_mm(room["skull"].apply(middle))[:, 1]
            return float(low), float(high)

        def parts() -> list[Part]:
            from atlasplane.xray.render import Part

            made = self.solids()
            return [Part(solid=made[name], pose=room.get(name, room["skull"])) for name in made]

        return Posed(
            points_mm={id_: room[bone].apply(at) for id_, (bone, at) in phantom.points_mm.items()},
            contours_mm={id_: room[bone].apply(at) for id_, (bone, at) in phantom.arcs_mm.items()},
            room_from=room,
            walls=lambda camera: _EllipsoidWalls(phantom, pose, camera),
            wall_heights=heights,
            parts=parts,
        )
