"""Ellipsoids and their outlines on a film in closed form (dual quadrics; Hartley and Zisserman 2004, 8.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False)
class Ellipsoid:
    """All x with (x - centre)' shape^-1 (x - centre) = 1.

    Attributes
    ----------
    centre_mm : array, shape (..., 3)
    shape_mm2 : array, shape (..., 3, 3)
        Symmetric positive definite; the diagonal holds the squared half-extents along the axes.
    """

    centre_mm: Array
    shape_mm2: Array

    def moved(self, pose: RigidTransform) -> Ellipsoid:
        """The ellipsoid in the frame that `pose` leads to."""
        turned = pose.rotation @ self.shape_mm2 @ np.swapaxes(pose.rotation, -1, -2)
        return Ellipsoid(pose.apply(self.centre_mm), turned)

    def dual(self) -> Array:
        """Dual quadric, shape (..., 4, 4)."""
        return _dual(self.centre_mm, self.shape_mm2)


@dataclass(frozen=True, slots=True, eq=False)
class Ellipse:
    """All p with (p - centre)' shape^-1 (p - centre) = 1, in the plane.

    Attributes
    ----------
    centre_mm : array, shape (..., 2)
    shape_mm2 : array, shape (..., 2, 2)
    """

    centre_mm: Array
    shape_mm2: Array

    def long_axis_lean_deg(self) -> Array:
        """Lean of the axis nearest the second coordinate, shape (...); + towards the first coordinate."""
        s = self.shape_mm2
        return np.degrees(0.5 * np.arctan2(2 * s[..., 0, 1], s[..., 1, 1] - s[..., 0, 0]))

    def points(self, second_mm: Array, side: int) -> Array:
        """Outline points at second coordinates, shape (n,) -> (..., n, 2); `side` is the sign of the first.

        Points beyond the ellipse come out as NaN.
        """
        s = self.shape_mm2
        y = np.asarray(second_mm, dtype=float) - self.centre_mm[..., 1, None]
        slope = (s[..., 0, 1] / s[..., 1, 1])[..., None]
        half2 = (s[..., 0, 0] - s[..., 0, 1] ** 2 / s[..., 1, 1])[..., None] * (1 - y**2 / s[..., 1, 1, None])
        with np.errstate(invalid="ignore"):
            first = slope * y + side * np.sqrt(half2)
        return np.stack([first + self.centre_mm[..., 0, None], y + self.centre_mm[..., 1, None]], axis=-1)


def outline(ellipsoid: Ellipsoid, matrix: Array) -> Ellipse:
    """Outline of an ellipsoid under a projection matrix of shape (..., 3, 4); unit of that matrix' image."""
    conic = matrix @ ellipsoid.dual() @ np.swapaxes(matrix, -1, -2)
    conic = conic / conic[..., 2:, 2:]
    centre = conic[..., :2, 2]
    return Ellipse(centre, centre[..., :, None] * centre[..., None, :] - conic[..., :2, :2])


def _dual(centre: Array, shape: Array) -> Array:
    size = centre.shape[-1]
    dual = np.ones((*np.broadcast_shapes(centre.shape[:-1], shape.shape[:-2]), size + 1, size + 1))
    dual[..., :size, :size] = centre[..., :, None] * centre[..., None, :] - shape
    dual[..., :size, size] = dual[..., size, :size] = centre
    return dual
