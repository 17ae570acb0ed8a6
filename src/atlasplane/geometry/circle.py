"""Circle through many points (Taubin 1991, doi:10.1109/34.103273).

Newton form after Chernov 2010, ISBN 978-1-4398-3590-6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array

_NEWTON_STEPS = 12
"""Newton's iteration from 0 gains digits quadratically; 12 steps exhaust double precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Circle:
    """Centre, shape (..., 2), and radius, shape (...), in the points' unit."""

    centre: Array
    radius: Array

    def covariance(self, points: Array, sd: float) -> Array:
        """Covariance of (centre, radius) for independent isotropic point errors, shape (3, 3).

        First order about the geometric fit: (J'J)^-1 sd^2 with rows (unit radius, 1). `points` has shape (n,
        2).
        """
        radial = points - self.centre
        radial = radial / np.linalg.norm(radial, axis=-1, keepdims=True)
        design = np.column_stack([radial, np.ones(len(points))])
        cov: Array = sd**2 * np.linalg.inv(design.T @ design)
        return cov

    def residuals(self, points: Array) -> Array:
        """Radial distance of points, shape (..., n, 2), from the circle; + outside."""
        distance: Array = np.linalg.norm(points - self.centre[..., None, :], axis=-1)
        return distance - self.radius[..., None]


def taubin_circle(points: Array) -> Circle:
    """Taubin circle of points, shape (..., n, 2), n >= 3; infinite or NaN radius for points on one line."""
    mean = points.mean(axis=-2)
    x, y = np.moveaxis(points - mean[..., None, :], -1, 0)
    z = x * x + y * y

    def moment(a: Array, b: Array) -> Array:
        averaged: Array = np.mean(a * b, axis=-1)
        return averaged

    xx, yy, xy = moment(x, x), moment(y, y), moment(x, y)
    xz, yz, zz = moment(x, z), moment(y, z), moment(z, z)
    spread = xx + yy
    area = xx * yy - xy * xy
    a2 = -3 * spread**2 - zz
    a1 = zz * spread + 4 * area * spread - xz**2 - yz**2 - spread**3
    a0 = xz**2 * yy + yz**2 * xx - zz * area - 2 * xz * yz * xy + spread**2 * area
    root = np.zeros_like(spread)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_NEWTON_STEPS):
            value = a0 + root * (a1 + root * (a2 + root * 4 * spread))
            slope = a1 + root * (2 * a2 + root * 12 * spread)
            root = root - np.where(slope == 0, 0.0, value / slope)
        determinant = 2 * (root**2 - root * spread + area)
        offset = (
            np.stack([xz * (yy - root) - yz * xy, yz * (xx - root) - xz * xy], axis=-1)
            / determinant[..., None]
        )
    radius = np.sqrt(np.sum(offset**2, axis=-1) + spread)
    return Circle(mean + offset, radius)
