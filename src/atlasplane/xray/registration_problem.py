"""What a registration starts from: bones of a CT, films with their cameras, and where the bones are expected.

Frames: every bone is a solid in its own frame, placed in the volume (ISB axes, mm). The skull's pose leads
from the volume to the room of a film; the motion of another bone leads from the volume to the volume and says
how it moved in the skull since the scan (identity: the posture of the scan). A change xi = (w, d) of either
turns about the bone's own centre (see `about_centre`), so that turn and shift are told apart by the films.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.core.errors import BadInput
from atlasplane.geometry.bundle_problem import SKULL, CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.se3 import cross_matrix, rotation_from_vector, vector_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_settings import setting

if TYPE_CHECKING:
    from atlasplane.xray.film_signal import FilmSignal

Rig = Literal["fixed", "free"]
RIGS: tuple[Rig, ...] = ("fixed", "free")
PER_POSE, PER_CAMERA = 6, 4
"""Unknowns of a pose (turn, shift) and of a camera (distance, source along columns and rows, pitch)."""
_SAME_POSE = 1e-9


class OneFilm(BadInput):
    """A single film does not tell depth."""


class OneDirection(BadInput):
    """All films look along one line, or one film was given twice."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BoneModel:
    """One rigid bone, cut out of the CT by its mask.

    Attributes
    ----------
    bone : str
        ``"skull"``, ``"c1"``, ``"c2"``.
    solid : Solid
        Attenuation over what surrounds it, per mm, in its own frame.
    to_volume : RigidTransform
        Frame of the solid -> volume (ISB axes, mm).
    centre_mm : array, shape (3,)
        Centroid of the attenuation in the volume: what changes of its pose turn about.

    Raises
    ------
    BadInput
        When the solid holds no bone, or a number that is not finite.
    """

    bone: str
    solid: Solid
    to_volume: RigidTransform
    centre_mm: Array = field(init=False)

    def __post_init__(self) -> None:
        values = self.solid.attenuation_per_mm
        name = f"bone {self.bone!r}"
        if values.ndim != 3 or min(values.shape, default=0) < 2:
            raise BadInput(
                name, f"its block of voxels has shape {values.shape}", "Check the mask of the bone"
            )
        if not np.all(np.isfinite(values)):
            raise BadInput(name, "a voxel is not finite", "Check the CT volume")
        if not np.any(values > 0):
            raise BadInput(name, "its mask is empty: no voxel is denser than water", "Segment the bone")
        object.__setattr__(self, "centre_mm", self.to_volume.apply(_centroid_mm(self.solid)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmImage:
    """One film as it is compared with projections.

    Attributes
    ----------
    file : str
        As the user named it.
    signal : FilmSignal
        Log image, bone bright.
    camera : PinholeCamera
        As stated, in film pixels; room of this film (ISB axes, mm).
    camera_sd : CameraSd
        All 0: calibrated.
    """

    file: str
    signal: FilmSignal
    camera: PinholeCamera
    camera_sd: CameraSd

    def __post_init__(self) -> None:
        image, valid = self.signal.log_image, self.signal.valid
        if image.ndim != 2 or image.shape != valid.shape:
            what = f"its log image {image.shape} and its valid pixels {valid.shape} differ in shape"
            raise BadInput(self.file, what, "Read the film again")
        if not np.any(valid):
            raise BadInput(self.file, "it has no usable pixel", "Take the film out of the visit")
        if not np.all(np.isfinite(image[valid])):
            raise BadInput(self.file, "a usable pixel is not finite", "Read the film again")

    @property
    def camera_sds(self) -> Array:
        """Standard deviations of distance, source along columns and rows (mm), pitch (relative), (4,)."""
        sd = self.camera_sd
        return np.array([sd.sid_mm, sd.principal_mm, sd.principal_mm, sd.pitch_rel])

    @property
    def shape_px(self) -> tuple[int, int]:
        """Rows and columns of the film that `camera` speaks of; the signal may be coarser."""
        rows, columns = self.signal.log_image.shape
        return rows * self.signal.pixel_step, columns * self.signal.pixel_step


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Start:
    """Where the bones are expected, as the fit of the landmarks says.

    Attributes
    ----------
    skull : tuple of RigidTransform
        Volume -> room, one per film; in a fixed rig all the same.
    bones : mapping bone -> RigidTransform
        Motion of every other bone in the volume since the scan.
    cov : array, shape (p, p)
        Of changes (w rad, d mm) about the bones' centres: the distinct skull poses (one in a fixed rig, else
        one per film), then the other bones in the order of the problem's.
    """

    skull: tuple[RigidTransform, ...]
    bones: Mapping[str, RigidTransform]
    cov: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "bones", MappingProxyType(dict(self.bones)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RegistrationProblem:
    """Bones, films and a start that fit together.

    Attributes
    ----------
    bones : tuple of BoneModel
        ``"skull"`` first.
    films : tuple of FilmImage
        At least two, from different directions.
    rig : "fixed" or "free"
        Whether the films share one room and the head did not move between them.
    start : Start

    Raises
    ------
    OneFilm, OneDirection
        When the films cannot tell a pose in space, whatever the start says.
    BadInput
        Bones without skull or named twice; a start that does not belong to the bones and films.
    """

    bones: tuple[BoneModel, ...]
    films: tuple[FilmImage, ...]
    rig: Rig
    start: Start

    def __post_init__(self) -> None:
        _check_bones(self.bones)
        _check_films(self.films)
        if self.rig not in RIGS:
            raise BadInput("rig", f"{self.rig!r} is neither fixed nor free", "State how the films were taken")
        _check_start(self)
        if view_angle_deg(self) < setting("views", "same_direction"):
            raise OneDirection(
                ", ".join(film.file for film in self.films),
                "all films look along one line: they tell no more than one film does",
                "Add a film from another direction",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Bones in order, skull first."""
        return tuple(model.bone for model in self.bones)

    @property
    def skulls(self) -> int:
        """Number of distinct poses of the skull."""
        return 1 if self.rig == "fixed" else len(self.films)

    @property
    def poses(self) -> int:
        """Number of poses that are sought: `Start.cov` has six rows for each."""
        return self.skulls + len(self.bones) - 1


def about_centre(pose: RigidTransform, change: Array, centre_mm: Array) -> RigidTransform:
    """The pose after a change that turns it about the centre of its bone.

    Parameters
    ----------
    pose : RigidTransform
        Volume -> room (or, for a motion, volume -> volume).
    change : array, shape (6,)
        (w, d): x_to = exp([w]x) (T x - T c) + T c + d; rad and mm, on the axes that the pose leads to.
    centre_mm : array, shape (3,)
        c, in the volume.
    """
    turn, pivot = rotation_from_vector(change[:3]), placed(pose, centre_mm)
    return RigidTransform(
        turn @ pose.rotation, turn @ (pose.translation_mm - pivot) + pivot + np.asarray(change[3:])
    )


def change_about_centre(start: RigidTransform, end: RigidTransform, centre_mm: Array) -> Array:
    """The change, shape (6,), that makes `end` of `start`: the inverse of `about_centre`."""
    turn = vector_from_rotation(end.rotation @ start.rotation.T)
    return np.concatenate([turn, placed(end, centre_mm) - placed(start, centre_mm)])


def placed(pose: RigidTransform, point_mm: Array) -> Array:
    """One point, shape (3,), after a transform; `RigidTransform.apply` takes ten times as long for one."""
    moved: Array = pose.rotation @ point_mm + pose.translation_mm
    return moved


def to_centre(pose: RigidTransform, centre_mm: Array) -> Array:
    """Matrix, shape (6, 6), from changes about the centre to changes in the convention of `geometry.se3`."""
    matrix = np.eye(6)
    matrix[3:, :3] = -cross_matrix(pose.translation_mm - pose.apply(centre_mm))
    return matrix


def view_angle_deg(problem: RegistrationProblem) -> float:
    """Largest angle between two films' beams as the skull is expected to see them, 0 to 90 deg.

    The beam is the line from the source to the skull's centre; opposite beams are one line.
    """
    centre = problem.bones[0].centre_mm
    beams = []
    for film, skull in zip(problem.films, problem.start.skull, strict=True):
        ray = skull.rotation.T @ (skull.apply(centre) - film.camera.source_mm)
        beams.append(ray / np.linalg.norm(ray))
    along = min(abs(float(a @ b)) for a, b in combinations(beams, 2))
    return float(np.degrees(np.arccos(min(along, 1.0))))


def _centroid_mm(solid: Solid) -> Array:
    """Centroid of the attenuation (air cells left out) in the frame of the solid, shape (3,)."""
    values = np.maximum(solid.attenuation_per_mm, 0)
    total = float(values.sum(dtype=float))
    centroid = np.empty(3)
    for axis, size in enumerate(values.shape):
        profile = values.sum(axis=tuple(k for k in range(3) if k != axis), dtype=float)
        centroid[axis] = profile @ np.arange(size) / total
    at: Array = solid.origin_mm + centroid * solid.spacing_mm
    return at


def _check_bones(bones: tuple[BoneModel, ...]) -> None:
    names = [model.bone for model in bones]
    if not names or names[0] != SKULL:
        raise BadInput(
            "bones", f"the first one is not the skull: {', '.join(names) or 'none'}", "Segment the skull too"
        )
    if len(names) < 2:
        raise BadInput("bones", "there is no vertebra besides the skull", "Segment C1 or C2 too")
    if len(set(names)) != len(names):
        raise BadInput("bones", f"one is named twice: {', '.join(names)}", "Give each bone once")


def _check_films(films: tuple[FilmImage, ...]) -> None:
    names = ", ".join(film.file for film in films) or "films"
    if len(films) < 2:
        raise OneFilm(
            names,
            f"{len(films)} film(s): a pose in space needs two films from two directions",
            "Add a film from another direction",
        )
    if len({film.file for film in films}) != len(films):
        raise OneDirection(names, "one film is given twice", "Give each film once")


def _check_start(problem: RegistrationProblem) -> None:
    start, films = problem.start, len(problem.films)
    if len(start.skull) != films:
        what = f"{len(start.skull)} poses of the skull for {films} films"
        raise BadInput("start", what, "Give the skull's pose in the room of every film")
    if set(start.bones) != set(problem.names[1:]):
        what = f"it places {', '.join(start.bones) or 'no bone'}, the CT has {', '.join(problem.names[1:])}"
        raise BadInput("start", what, "Give every bone but the skull one motion")
    size = PER_POSE * problem.poses
    if start.cov.shape != (size, size) or not np.all(np.isfinite(start.cov)):
        what = f"its covariance has shape {start.cov.shape} or is not finite; ({size}, {size}) is needed"
        raise BadInput("start", what, "State the covariance of all poses together")
    first = start.skull[0]
    if problem.rig == "fixed" and any(_differ(first, pose) for pose in start.skull[1:]):
        what = "the skull has different poses in one room"
        raise BadInput("start", what, "State rig = free, or one pose for all films")


def _differ(one: RigidTransform, other: RigidTransform) -> bool:
    turned = np.abs(one.rotation - other.rotation).max()
    shifted = np.abs(one.translation_mm - other.translation_mm).max()
    return bool(turned > _SAME_POSE or shifted > _SAME_POSE * 1e3)
