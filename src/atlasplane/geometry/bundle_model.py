"""Where the points of the bones project on every film, and how that changes with every unknown.

The unknowns are standard normal under the priors. In their order: for each film the skull's pose (6) and the
camera (distance, foot along column and row, pitch), for each joint the bone's pose (6), then the shape (r).
All clicks of all films go through one set of array operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.bundle_problem import SKULL, BundleFilm, Problem, covariance_root
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.se3 import cross_matrix, left_jacobian, perturbed
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

PER_FILM, PER_JOINT = 10, 6
"""Unknowns of one film (pose 6, camera 4) and of one joint."""
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """The unknowns as poses, cameras and points.

    Attributes
    ----------
    skull : RigidTransform
        Skull -> room of V films.
    skull_left : array, shape (V, 3, 3)
        `left_jacobian` of the turns off the expected poses.
    camera : array, shape (V, 4)
        Off the stated cameras: distance, foot along column and row (mm), pitch (relative).
    joint, joint_left
        The same of the skull in itself (index 0) and of K bones in the skull.
    points_mm : array, shape (n, 3)
    """

    skull: RigidTransform
    skull_left: Array
    camera: Array
    joint: RigidTransform
    joint_left: Array
    points_mm: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Derivatives:
    """Whitened change of N clicks by what stands behind them, one block a click.

    Attributes
    ----------
    film, joint : array, shape (N, 2, 6)
        By a change of the skull's pose in the room, of the bone's pose in the skull (`geometry.se3`).
    camera : array, shape (N, 2, 4)
    point : array, shape (N, 2, 3)
        By the point in the frame of its bone, per mm.
    """

    film: Array
    joint: Array
    camera: Array
    point: Array


class BundleModel:
    """Projection of a problem's points as a function of its standardised unknowns."""

    def __init__(self, problem: Problem) -> None:
        films, shape = problem.films, problem.shape
        number = {id_: k for k, id_ in enumerate(shape.ids)}
        bone = {name: k for k, name in enumerate((SKULL, *problem.bones))}
        self.film_of: Index = np.repeat(np.arange(len(films)), [len(film.ids) for film in films])
        self.point_of: Index = np.array([number[id_] for film in films for id_ in film.ids])
        self.bone_of: Index = np.array([bone[shape.bones[k]] for k in self.point_of])
        self.at_px = np.concatenate([film.at_px for film in films])
        self.whiten: Array = np.linalg.inv(np.linalg.cholesky(np.concatenate([f.cov_px for f in films])))
        self.film_roots = np.array([_film_root(film) for film in films])
        self.joint_roots = np.array(
            [np.zeros((6, 6)), *(_square_root(joint.cov) for joint in problem.joints)]
        )
        self.shape_root = shape.root_mm
        self._mean_mm = shape.points_mm
        self._cameras = _Cameras.of(films)
        self._expected = _stacked(
            [
                *(film.skull for film in films),
                RigidTransform.identity(),
                *(joint.pose for joint in problem.joints),
            ]
        )
        self.nuisances = PER_FILM * len(films) + PER_JOINT * len(problem.joints)
        self.size = self.nuisances + self.shape_root.shape[1]

    def scene(self, unknowns: Array) -> Scene:
        """Poses, cameras and points at given unknowns, shape (p,)."""
        of_films = unknowns[: PER_FILM * len(self.film_roots)].reshape(-1, PER_FILM, 1)
        joints = unknowns[of_films.size : self.nuisances].reshape(-1, PER_JOINT, 1)
        film = (self.film_roots @ of_films)[..., 0]
        joint = np.concatenate([np.zeros((1, 6)), (self.joint_roots[1:] @ joints)[..., 0]])
        change = np.concatenate([film[:, :6], joint])
        pose, left = perturbed(self._expected, change), left_jacobian(change[:, :3])
        films = len(film)
        return Scene(
            skull=RigidTransform(pose.rotation[:films], pose.translation_mm[:films]),
            skull_left=left[:films],
            camera=film[:, 6:],
            joint=RigidTransform(pose.rotation[films:], pose.translation_mm[films:]),
            joint_left=left[films:],
            points_mm=self._mean_mm + (self.shape_root @ unknowns[self.nuisances :]).reshape(-1, 3),
        )

    def __call__(self, unknowns: Array) -> tuple[Array, Array]:
        """Whitened residuals (projected minus clicked), shape (2 N,), and their derivative (2 N, p)."""
        scene = self.scene(unknowns)
        residual, blocks = self.evaluate(scene)
        return residual.ravel(), self.jacobian(scene, blocks)

    def evaluate(self, scene: Scene) -> tuple[Array, Derivatives]:
        """Whitened residuals, shape (N, 2), and the derivatives of the clicks; NaN behind a source."""
        film, bone = self.film_of, self.bone_of
        turned_mm = _times(scene.joint.rotation[bone], scene.points_mm[self.point_of])
        in_skull_mm = turned_mm + scene.joint.translation_mm[bone]
        rotation = scene.skull.rotation[film]
        carried_mm = _times(rotation, in_skull_mm)
        at_px, by_room, by_camera = self._cameras.project(
            carried_mm + scene.skull.translation_mm[film], film, scene.camera
        )
        by_room = self.whiten @ by_room
        by_skull = by_room @ rotation
        blocks = Derivatives(
            film=np.concatenate([-by_room @ cross_matrix(carried_mm), by_room], axis=2),
            joint=np.concatenate([-by_skull @ cross_matrix(turned_mm), by_skull], axis=2),
            camera=self.whiten @ by_camera,
            point=by_skull @ scene.joint.rotation[bone],
        )
        return _times(self.whiten, at_px - self.at_px), blocks

    def jacobian(self, scene: Scene, blocks: Derivatives) -> Array:
        """Derivative of the whitened clicks by the unknowns, shape (2 N, p)."""
        count, film, bone = len(self.film_of), self.film_of, self.bone_of
        whole = np.zeros((count, 2, self.size))
        by_film = np.concatenate([blocks.film, blocks.camera], axis=2)
        by_film[:, :, :3] = blocks.film[:, :, :3] @ scene.skull_left[film]
        rows = np.arange(count)[:, None]
        # Axes of indices around a slice come first: (click, unknown, 2).
        whole[rows, :, PER_FILM * film[:, None] + np.arange(PER_FILM)] = np.swapaxes(
            by_film @ self.film_roots[film], 1, 2
        )
        on = bone > 0
        by_joint = self.by_joint(scene, blocks.joint[on], bone[on])
        first = PER_FILM * len(self.film_roots) + PER_JOINT * (bone[on, None] - 1)
        whole[rows[on], :, first + np.arange(PER_JOINT)] = np.swapaxes(by_joint, 1, 2)
        root = self.shape_root.reshape(len(self._mean_mm), 3, -1)
        whole[:, :, self.nuisances :] = blocks.point @ root[self.point_of]
        return whole.reshape(2 * count, self.size)

    def by_joint(self, scene: Scene, by_pose: Array, bone: Index) -> Array:
        """From derivatives by changes of bones' poses, (..., k, 6), to those by unknowns."""
        by_turn = by_pose[..., :3] @ scene.joint_left[bone]
        whole: Array = np.concatenate([by_turn, by_pose[..., 3:]], axis=-1) @ self.joint_roots[bone]
        return whole

    def by_point(self, blocks: Derivatives) -> Array:
        """Derivative of the whitened clicks by all coordinates of the shape, shape (2 N, 3 n)."""
        whole = np.zeros((len(self.film_of), 2, self._mean_mm.size))
        rows = np.arange(len(self.film_of))[:, None]
        whole[rows, :, 3 * self.point_of[:, None] + np.arange(3)] = np.swapaxes(blocks.point, 1, 2)
        return whole.reshape(-1, self._mean_mm.size)

    def camera(self, film: BundleFilm, off: Array) -> PinholeCamera:
        """A stated camera changed by (distance, foot along column and row, pitch), shape (4,)."""
        stated = film.camera
        away = (stated.source_mm - stated.centre_mm) / stated.sid_mm
        moved = off[0] * away + off[1] * stated.column_axis + off[2] * stated.row_axis
        return replace(stated, source_mm=stated.source_mm + moved, pitch_mm=stated.pitch_mm * (1 + off[3]))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Cameras:
    """Cameras of V films, in the axes of their detectors: along column, along row, towards the source."""

    axes: Array
    centre_mm: Array
    source_mm: Array
    away: Array
    pitch_mm: Array
    principal_px: Array

    @classmethod
    def of(cls, films: Sequence[BundleFilm]) -> _Cameras:
        cameras = [film.camera for film in films]
        axes = np.array([[c.column_axis, c.row_axis, -c.normal] for c in cameras])
        centre = np.array([c.centre_mm for c in cameras])
        source = _times(axes, np.array([c.source_mm for c in cameras]) - centre)
        return cls(
            axes=axes,
            centre_mm=centre,
            source_mm=source,
            away=source / np.linalg.norm(source, axis=1, keepdims=True),
            pitch_mm=np.array([c.pitch_mm for c in cameras]),
            principal_px=np.array([c.principal_px for c in cameras]),
        )

    def project(self, points_mm: Array, film: Index, off: Array) -> tuple[Array, Array, Array]:
        """Pixels (N, 2) of room points; derivatives by the point (N, 2, 3) and the camera (N, 2, 4)."""
        source = self.source_mm + off[:, :1] * self.away
        source[:, :2] += off[:, 1:3]
        scale = 1 / (self.pitch_mm * (1 + off[:, 3:]))[film]
        axes, source = self.axes[film], source[film]
        local = _times(axes, points_mm - self.centre_mm[film])
        depth = source[:, 2] - local[:, 2]
        depth = np.where(depth > 0, depth, np.nan)
        magnified = (source[:, 2] / depth)[:, None]
        beside = local[:, :2] - source[:, :2]
        offset_mm = source[:, :2] + beside * magnified
        by_local = np.zeros((len(film), 2, 3))
        by_local[:, 0, 0] = by_local[:, 1, 1] = magnified[:, 0]
        by_local[:, :, 2] = beside * magnified / depth[:, None]
        by_source = -by_local
        by_source[:, 0, 0] += 1
        by_source[:, 1, 1] += 1
        by_source[:, :, 2] = -beside * (local[:, 2] / depth**2)[:, None]
        by_camera = np.empty((len(film), 2, 4))
        by_camera[:, :, 0] = _times(by_source, self.away[film])
        by_camera[:, :, 1:3] = by_source[:, :, :2]
        by_camera[:, :, 3] = -offset_mm / (1 + off[film, 3:])
        at_px = offset_mm * scale + self.principal_px[film]
        return at_px, scale[:, :, None] * (by_local @ axes), scale[:, :, None] * by_camera


def _film_root(film: BundleFilm) -> Array:
    sd = film.camera_sd
    root = np.zeros((PER_FILM, PER_FILM))
    root[:6, :6] = _square_root(film.skull_cov)
    np.fill_diagonal(root[6:, 6:], [sd.sid_mm, sd.principal_mm, sd.principal_mm, sd.pitch_rel])
    return root


def _square_root(cov: Array) -> Array:
    """A root of a (6, 6) covariance that is square, whatever its rank."""
    root = covariance_root(cov)
    return np.pad(root, ((0, 0), (0, len(cov) - root.shape[1])))


def _stacked(poses: Sequence[RigidTransform]) -> RigidTransform:
    return RigidTransform(
        np.array([pose.rotation for pose in poses]), np.array([pose.translation_mm for pose in poses])
    )


def _times(matrix: Array, vector: Array) -> Array:
    """Matrix times vector, one pair at a time: (N, i, j) and (N, j) -> (N, i)."""
    product: Array = (matrix @ vector[..., None])[..., 0]
    return product
