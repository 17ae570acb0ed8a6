"""The unknowns of a registration: poses and cameras, how a step changes them, how images follow.

Order of the unknowns: the distinct skull poses, the other bones (six each, turning about the bone's centre),
then four of every camera.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_problem import (
    PER_CAMERA,
    PER_POSE,
    RegistrationProblem,
    about_centre,
    change_about_centre,
    placed,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Poses:
    """One value of all unknowns.

    Attributes
    ----------
    skull : tuple of RigidTransform
        Volume -> room; one in a fixed rig, else one per film.
    bones : tuple of RigidTransform
        Motions in the volume, in the order of the problem's bones without the skull.
    camera : array, shape (films, 4)
        Off the stated cameras: distance, source along columns and rows (mm), pitch (relative).
    """

    skull: tuple[RigidTransform, ...]
    bones: tuple[RigidTransform, ...]
    camera: Array

    @classmethod
    def start(cls, problem: RegistrationProblem) -> Poses:
        """The poses of the start, with the cameras as stated."""
        return cls(
            skull=problem.start.skull[: problem.skulls],
            bones=tuple(problem.start.bones[bone] for bone in problem.names[1:]),
            camera=np.zeros((len(problem.films), PER_CAMERA)),
        )

    def skull_of(self, film: int) -> RigidTransform:
        """Pose of the skull in the room of a film."""
        return self.skull[min(film, len(self.skull) - 1)]

    def motion(self, bone: int) -> RigidTransform:
        """Motion of a bone in the volume; bone 0 is the skull, which has none."""
        return self.bones[bone - 1] if bone else RigidTransform.identity()


def changed(problem: RegistrationProblem, poses: Poses, step: Array) -> Poses:
    """The poses after a step of all unknowns, shape (size,)."""
    centres, count = _centres(problem), len(poses.skull)
    parts = step[: PER_POSE * problem.poses].reshape(-1, PER_POSE)
    moved = [
        about_centre(pose, part, centre)
        for pose, part, centre in zip((*poses.skull, *poses.bones), parts, centres, strict=True)
    ]
    camera = step[PER_POSE * problem.poses :].reshape(-1, PER_CAMERA)
    return Poses(skull=tuple(moved[:count]), bones=tuple(moved[count:]), camera=poses.camera + camera)


def change(problem: RegistrationProblem, start: Poses, end: Poses) -> Array:
    """The step, shape (size,), from one value of the unknowns to another: the inverse of `changed`."""
    pairs = zip((*start.skull, *start.bones), (*end.skull, *end.bones), _centres(problem), strict=True)
    parts = [change_about_centre(one, other, centre) for one, other, centre in pairs]
    return np.concatenate([*parts, (end.camera - start.camera).ravel()])


def size(problem: RegistrationProblem) -> int:
    """Number of unknowns."""
    return PER_POSE * problem.poses + PER_CAMERA * len(problem.films)


def bone_pose(problem: RegistrationProblem, poses: Poses, film: int, bone: int) -> RigidTransform:
    """Solid of a bone -> room of a film."""
    return poses.skull_of(film) @ poses.motion(bone) @ problem.bones[bone].to_volume


def chain(problem: RegistrationProblem, poses: Poses, film: int, bone: int) -> Array:
    """Change (`geometry.se3`) of `bone_pose` by all unknowns, shape (6, size)."""
    model = problem.bones[bone]
    skull, motion = poses.skull_of(film), poses.motion(bone)
    in_volume = placed(motion, model.to_volume.translation_mm)
    in_room = placed(skull, in_volume)
    matrix = np.zeros((PER_POSE, size(problem)))
    at = PER_POSE * min(film, problem.skulls - 1)
    matrix[:, at : at + PER_POSE] = _turned_about(in_room - placed(skull, problem.bones[0].centre_mm))
    if bone:
        own = _turned_about(in_volume - placed(motion, model.centre_mm))
        columns = bone_columns(problem, bone)
        matrix[:3, columns] = skull.rotation @ own[:3]
        matrix[3:, columns] = skull.rotation @ own[3:]
    return matrix


def _turned_about(arm_mm: Array) -> Array:
    """Change of a frame by one of its bone (w, d), shape (6, 6); its origin is `arm_mm` off the centre."""
    matrix = np.eye(PER_POSE)
    x, y, z = arm_mm
    # d + w x arm.
    matrix[3, 1], matrix[3, 2] = z, -y
    matrix[4, 0], matrix[4, 2] = -z, x
    matrix[5, 0], matrix[5, 1] = y, -x
    return matrix


def bone_columns(problem: RegistrationProblem, bone: int) -> slice:
    """Where the unknowns of a bone stand; of the skull those of all films."""
    if not bone:
        return slice(0, PER_POSE * problem.skulls)
    at = PER_POSE * (problem.skulls + bone - 1)
    return slice(at, at + PER_POSE)


def camera_columns(problem: RegistrationProblem, film: int) -> slice:
    """Where the unknowns of a film's camera stand."""
    at = PER_POSE * problem.poses + PER_CAMERA * film
    return slice(at, at + PER_CAMERA)


def moved_camera(camera: PinholeCamera, change: Array) -> PinholeCamera:
    """The camera after a change, shape (4,), in the meaning of `geometry.bundle_problem.CameraSd`."""
    if not np.any(change):
        return camera
    ray = (camera.source_mm - camera.centre_mm) / camera.sid_mm
    shift = change[0] * ray + change[1] * camera.column_axis + change[2] * camera.row_axis
    return replace(camera, source_mm=camera.source_mm + shift, pitch_mm=camera.pitch_mm * (1 + change[3]))


def _centres(problem: RegistrationProblem) -> list[Array]:
    first, *others = (model.centre_mm for model in problem.bones)
    return [first] * problem.skulls + others
