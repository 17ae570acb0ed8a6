"""Small changes of poses and what they do: the one convention of every pose covariance.

A change xi = (w, d) of a pose turns it by w (rad, an axis times an angle, left perturbation) and shifts it by
d (mm, added): R -> exp([w]x) R, t -> t + d, both on the axes that the pose leads to. The rotation is not
about the common origin: a turned pose keeps its t. Rotation vectors and their derivatives: Sola et al. 2018,
arXiv:1812.01537.
"""

from __future__ import annotations

import math

import numpy as np

from atlasplane.geometry.rotation import zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

_FAR_FROM_HALF_A_TURN = 0.5
"""Trace of a matrix that turns by less than 105 deg."""
_SERIES_BELOW = 1e-4
"""Angle, rad, below which the first terms of the series are exact to rounding."""


def cross_matrix(vector: Array) -> Array:
    """[v]x with [v]x u = v x u, shape (..., 3) -> (..., 3, 3)."""
    vector = np.asarray(vector, dtype=float)
    matrix = np.zeros((*vector.shape, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        matrix[..., i, j] = -vector[..., k]
        matrix[..., j, i] = vector[..., k]
    return matrix


def rotation_from_vector(vector: Array) -> Array:
    """exp([w]x): rotation by |w| rad about w, shape (..., 3) -> (..., 3, 3)."""
    first, second, _ = _series(vector)
    turn = cross_matrix(vector)
    rotation: Array = np.eye(3) + first * turn + second * (turn @ turn)
    return rotation


def vector_from_rotation(rotation: Array) -> Array:
    """The vector w, rad, of the rotation exp([w]x), |w| <= pi, shape (..., 3, 3) -> (..., 3).

    By the unit quaternion that fits the matrix best, so that half a turn is no special case (Bar-Itzhack
    2000, doi:10.2514/2.4654).
    """
    rotation = np.asarray(rotation, dtype=float)
    if rotation.ndim == 2 and np.trace(rotation) > _FAR_FROM_HALF_A_TURN:
        return _vector_of_less_than_half_a_turn(rotation)
    fit = np.zeros((*rotation.shape[:-2], 4, 4))
    trace = np.trace(rotation, axis1=-2, axis2=-1)[..., None, None]
    fit[..., :3, :3] = rotation + np.swapaxes(rotation, -1, -2) - trace * np.eye(3)
    fit[..., 3, 3] = trace[..., 0, 0]
    for k, (i, j) in enumerate(((2, 1), (0, 2), (1, 0))):
        fit[..., k, 3] = fit[..., 3, k] = rotation[..., i, j] - rotation[..., j, i]
    quaternion = np.linalg.eigh(fit)[1][..., -1]
    quaternion = quaternion * np.where(quaternion[..., 3:] < 0, -1.0, 1.0)
    sine = np.linalg.norm(quaternion[..., :3], axis=-1, keepdims=True)
    half_angle = np.arctan2(sine, quaternion[..., 3:])
    # At no turn at all the ratio is its limit.
    ratio = np.where(sine > 0, 2 * half_angle / np.where(sine > 0, sine, 1.0), 2.0)
    vector: Array = quaternion[..., :3] * ratio
    return vector


def _vector_of_less_than_half_a_turn(rotation: Array) -> Array:
    """The same for one matrix, shape (3, 3): the part that changes its sign under transposition, by sine."""
    doubled = rotation - rotation.T
    axis = 0.5 * np.array([doubled[2, 1], doubled[0, 2], doubled[1, 0]])
    sine = math.sqrt(axis @ axis)
    return axis * (math.atan2(sine, 0.5 * (np.trace(rotation) - 1)) / sine if sine > 0 else 1.0)


def left_jacobian(vector: Array) -> Array:
    """J with exp([w + dw]x) = exp([J dw]x) exp([w]x) to first order, shape (..., 3) -> (..., 3, 3)."""
    _, second, third = _series(vector)
    turn = cross_matrix(vector)
    jacobian: Array = np.eye(3) + second * turn + third * (turn @ turn)
    return jacobian


def perturbed(transform: RigidTransform, change: Array) -> RigidTransform:
    """The pose after a change, shape (..., 6): turn in rad, then shift in mm."""
    change = np.asarray(change, dtype=float)
    return RigidTransform(
        rotation_from_vector(change[..., :3]) @ transform.rotation,
        transform.translation_mm + change[..., 3:],
    )


def difference(start: RigidTransform, end: RigidTransform) -> Array:
    """The change, shape (..., 6), that makes `end` of `start`: the inverse of `perturbed`."""
    turn = end.rotation @ np.swapaxes(start.rotation, -1, -2)
    shift = end.translation_mm - start.translation_mm
    return np.concatenate([vector_from_rotation(turn), shift], axis=-1)


def product_jacobians(outer: RigidTransform, inner: RigidTransform) -> tuple[Array, Array]:
    """Derivatives of `outer @ inner` by changes of the outer and of the inner pose, each of shape (6, 6)."""
    by_outer, by_inner = np.eye(6), np.zeros((6, 6))
    by_outer[3:, :3] = -cross_matrix(outer.rotation @ inner.translation_mm)
    by_inner[:3, :3] = by_inner[3:, 3:] = outer.rotation
    return by_outer, by_inner


def relative_jacobians(reference: RigidTransform, moving: RigidTransform) -> tuple[Array, Array]:
    """Derivatives of `reference.inverse() @ moving` by changes of the two, each of shape (6, 6)."""
    back = reference.rotation.T
    by_moving = np.zeros((6, 6))
    by_moving[:3, :3] = by_moving[3:, 3:] = back
    by_reference = -by_moving
    by_reference[3:, :3] = back @ cross_matrix(moving.translation_mm - reference.translation_mm)
    return by_reference, by_moving


def relative_pose(
    reference: RigidTransform,
    reference_cov: Array,
    moving: RigidTransform,
    moving_cov: Array,
    cross_cov: Array | None = None,
) -> tuple[RigidTransform, Array]:
    """`reference.inverse() @ moving` and its covariance, shape (6, 6), to first order.

    Parameters
    ----------
    reference, moving : RigidTransform
        Poses of two bones in one frame.
    reference_cov, moving_cov : array, shape (6, 6)
        rad and mm.
    cross_cov : array, shape (6, 6), optional
        Covariance of the reference's change (rows) with the moving one's (columns); default none.
    """
    by_reference, by_moving = relative_jacobians(reference, moving)
    cov = by_reference @ reference_cov @ by_reference.T + by_moving @ moving_cov @ by_moving.T
    if cross_cov is not None:
        mixed = by_reference @ cross_cov @ by_moving.T
        cov = cov + mixed + mixed.T
    return reference.inverse() @ moving, cov


def zxy_jacobian(rotation: Array) -> Array:
    """d(alpha, beta, gamma) in deg by the turn in rad, shape (..., 3, 3) -> (..., 3, 3).

    Angles of Rz(alpha) Rx(beta) Ry(gamma) as in `geometry.rotation`; singular at beta = +-90 deg.
    """
    alpha, beta, _ = (np.radians(angle) for angle in zxy_from_rotation(rotation))
    axes = np.zeros((*alpha.shape, 3, 3))
    # Columns: the axes, in the fixed frame, that alpha, beta and gamma turn about.
    axes[..., 2, 0] = 1.0
    axes[..., 0, 1], axes[..., 1, 1] = np.cos(alpha), np.sin(alpha)
    axes[..., 0, 2], axes[..., 1, 2] = -np.sin(alpha) * np.cos(beta), np.cos(alpha) * np.cos(beta)
    axes[..., 2, 2] = np.sin(beta)
    return np.degrees(np.linalg.inv(axes))


def _series(vector: Array) -> tuple[Array, Array, Array]:
    """sin(a)/a, (1 - cos a)/a^2, (a - sin a)/a^3 of the length a of vectors, each of shape (..., 1, 1)."""
    angle = np.linalg.norm(np.asarray(vector, dtype=float), axis=-1)[..., None, None]
    small = angle < _SERIES_BELOW
    a = np.where(small, 1.0, angle)
    square = angle**2
    first = np.where(small, 1 - square / 6, np.sin(a) / a)
    second = np.where(small, 0.5 - square / 24, 2 * np.sin(a / 2) ** 2 / a**2)
    third = np.where(small, 1 / 6 - square / 120, (a - np.sin(a)) / a**3)
    return first, second, third
