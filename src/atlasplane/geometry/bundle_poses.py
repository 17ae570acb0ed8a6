"""From fitted points and body poses to the poses of anatomical frames, and what those depend on.

A body's pose carries the frame that its points are given in; what is reported is the pose of the frame built
from the points. So an error of a point moves a reported pose twice: through the fit, and through the frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.bundle_model import PER_FILM, PER_JOINT, BundleModel, Scene
from atlasplane.geometry.bundle_problem import SKULL, FrameNeedsPoint, Problem
from atlasplane.geometry.least_squares import NotFinite
from atlasplane.geometry.se3 import product_jacobians, relative_jacobians
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

_STEP_MM = 1e-3
"""Central differences over this step err by its square: a millionth of the frame's curvature."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FramePoses:
    """Poses of K bones' anatomical frames in the skull's, and their derivatives.

    Attributes
    ----------
    poses : tuple of RigidTransform
        Anatomical frame of the bone -> anatomical frame of the skull.
    by_unknowns : array, shape (6 K, p)
        By the standardised unknowns of the model, frames included.
    by_points : array, shape (6 K, 3 n)
        By the points alone, the bodies' poses held, per mm: what frames contribute.
    """

    poses: tuple[RigidTransform, ...]
    by_unknowns: Array
    by_points: Array


def frame_poses(problem: Problem, model: BundleModel, scene: Scene) -> FramePoses:
    """Poses of the anatomical frames of all joints at a state of the fit."""
    skull, skull_by_points = _frame(problem, SKULL, scene.points_mm)
    count, films = len(problem.joints), len(problem.films)
    by_unknowns = np.zeros((6 * count, model.size))
    by_points = np.zeros((6 * count, scene.points_mm.size))
    poses = []
    for k, bone in enumerate(problem.bones):
        frame, frame_by_points = _frame(problem, bone, scene.points_mm)
        body = RigidTransform(scene.joint.rotation[k + 1], scene.joint.translation_mm[k + 1])
        placed = body @ frame
        by_body, by_frame = product_jacobians(body, frame)
        by_skull, by_placed = relative_jacobians(skull, placed)
        poses.append(skull.inverse() @ placed)
        rows = slice(6 * k, 6 * k + 6)
        first = PER_FILM * films + PER_JOINT * k
        by_unknowns[rows, first : first + PER_JOINT] = model.by_joint(
            scene, by_placed @ by_body, np.array(k + 1)
        )
        by_points[rows] = by_placed @ by_frame @ frame_by_points + by_skull @ skull_by_points
    by_unknowns[:, model.nuisances :] = by_points @ model.shape_root
    return FramePoses(poses=tuple(poses), by_unknowns=by_unknowns, by_points=by_points)


def _frame(problem: Problem, bone: str, points_mm: Array) -> tuple[RigidTransform, Array]:
    """Frame of a bone from its points, and its derivative by all coordinates, shape (6, 3 n)."""
    shape, frame_of = problem.shape, problem.frames[bone]
    read = _Read(shape.points_of(bone, points_mm))
    try:
        frame = frame_of(read)
    except KeyError as missing:
        raise FrameNeedsPoint(f"the frame of {bone} needs the point {missing}") from missing
    if not np.all(np.isfinite(frame.rotation)):
        raise NotFinite(f"the frame of {bone} cannot be built: its points coincide or lie on one line")
    used = [k for k, id_ in enumerate(shape.ids) if id_ in read.ids]
    columns = np.array([3 * k + axis for k in used for axis in range(3)])
    steps = np.zeros((2, len(columns), points_mm.size))
    steps[0, np.arange(len(columns)), columns] = _STEP_MM
    steps[1] = -steps[0]
    moved = frame_of(shape.points_of(bone, points_mm + steps.reshape(2, len(columns), -1, 3)))
    turned = (moved.rotation[0] - moved.rotation[1]) @ frame.rotation.T / (2 * _STEP_MM)
    by_points = np.zeros((6, points_mm.size))
    by_points[:3, columns] = [turned[:, 2, 1], turned[:, 0, 2], turned[:, 1, 0]]
    by_points[3:, columns] = (moved.translation_mm[0] - moved.translation_mm[1]).T / (2 * _STEP_MM)
    return frame, by_points


class _Read(Mapping[str, Array]):
    """Points that remember which of them were asked for: only those can move a frame."""

    def __init__(self, points: Mapping[str, Array]) -> None:
        self._points = points
        self.ids: set[str] = set()

    def __getitem__(self, id_: str) -> Array:
        self.ids.add(id_)
        return self._points[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)
