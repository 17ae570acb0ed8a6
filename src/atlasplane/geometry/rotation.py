"""Rotations in the Z-X'-Y'' sequence that fits flexion, side bending, then axial rotation.

Signs by the right-hand rule on ISB axes: + about Z is extension, + about X right side bending, + about Y left
axial rotation (right side goes anterior). Sequence: Grood and Suntay 1983, doi:10.1115/1.3138397; Wu et al.
2002.
"""

from __future__ import annotations

import numpy as np

from atlasplane.geometry.types import Array


def _elementary_rotation(angle_deg: Array | float, axis: int) -> Array:
    angle = np.radians(np.asarray(angle_deg, dtype=float))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., axis, axis] = 1.0
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -np.sin(angle)
    return matrix


def rotation_from_zxy(alpha_deg: Array | float, beta_deg: Array | float, gamma_deg: Array | float) -> Array:
    """Rotation matrix Rz(alpha) Rx(beta) Ry(gamma), shape (..., 3, 3).

    Parameters
    ----------
    alpha_deg, beta_deg, gamma_deg : array, shape (...)
        Extension +, right side bending +, left axial rotation + (ISB axes).
    """
    product: Array = (
        _elementary_rotation(alpha_deg, 2)
        @ _elementary_rotation(beta_deg, 0)
        @ _elementary_rotation(gamma_deg, 1)
    )
    return product


def zxy_from_rotation(rotation: Array) -> tuple[Array, Array, Array]:
    """Angles (alpha, beta, gamma) in degrees of Rz(alpha) Rx(beta) Ry(gamma), each of shape (...).

    Singular at beta = +-90 deg, far outside any cervical joint.
    """
    rotation = np.asarray(rotation, dtype=float)
    beta = np.arcsin(np.clip(rotation[..., 2, 1], -1.0, 1.0))
    alpha = np.arctan2(-rotation[..., 0, 1], rotation[..., 1, 1])
    gamma = np.arctan2(-rotation[..., 2, 0], rotation[..., 2, 2])
    return np.degrees(alpha), np.degrees(beta), np.degrees(gamma)


def is_rotation(matrix: Array, *, tolerance: float = 1e-6) -> bool:
    """Whether a (3, 3) matrix is orthonormal with determinant +1 within `tolerance` per element."""
    matrix = np.asarray(matrix, dtype=float)
    return (
        matrix.shape == (3, 3)
        and bool(np.all(np.isfinite(matrix)))
        and bool(np.all(np.abs(matrix @ matrix.T - np.eye(3)) < tolerance))
        and bool(np.linalg.det(matrix) > 0)
    )


def rotation_angle_deg(rotation: Array) -> float:
    """Angle of a (3, 3) rotation about its helical axis, in [0, 180] degrees; independent of any sequence."""
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1.0, 1.0))))
