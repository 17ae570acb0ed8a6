"""Plane to plane through a pinhole: what turns a rectangle into the four corners of its photograph."""

from __future__ import annotations

import math

import numpy as np

from atlasplane.geometry.types import Array

WEAK = 0.02
"""Change of depth across the rectangle, relatively, below which a photograph tells no focal length."""
_UNIT_SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def homography(source: Array, target: Array) -> Array:
    """The 3 x 3 matrix that takes four points of one plane to four of another, last entry 1.

    Parameters
    ----------
    source, target : array, shape (4, 2)

    Raises
    ------
    ValueError
        When three points of one side lie on a line.
    """
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    if min(_triangles(source)) <= _flat(source) or min(_triangles(target)) <= _flat(target):
        raise ValueError("three of the four points lie on a line")
    solved = np.linalg.solve(np.array(rows, dtype=float), np.asarray(target, dtype=float).ravel())
    return np.append(solved, 1.0).reshape(3, 3)


def mapped(matrix: Array, points: Array) -> Array:
    """Points, shape (n, 2), taken to the other plane."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    moved: Array = homogeneous[:, :2] / homogeneous[:, 2:]
    return moved


def turns_clockwise(corners: Array) -> bool:
    """Whether four corners, shape (4, 2) as [column, row], run clockwise round a convex field."""
    ahead = np.roll(corners, -1, axis=0) - corners
    after = np.roll(ahead, -1, axis=0)
    return bool(np.all(ahead[:, 0] * after[:, 1] - ahead[:, 1] * after[:, 0] > 0))


def rectangle_aspect(corners: Array, centre: Array) -> float | None:
    """Width over height of the rectangle whose photograph has these corners; None where it cannot be told.

    A camera with square pixels that looks through `centre` sees the two sides as K r1 w and K r2 h, with r1
    and r2 at right angles: that gives the focal length, and then the ratio (the idea is that of Zhang & He
    2007, Digit Signal Process 17:414). Where depth hardly changes, it is that of the sides in the picture.

    Parameters
    ----------
    corners : array, shape (4, 2)
        Top left, top right, bottom right, bottom left of the rectangle, [column, row].
    centre : array, shape (2,)
        Where the lens' axis meets the picture.
    """
    matrix = homography(_UNIT_SQUARE, corners - centre)
    wide, high = matrix[:, 0], matrix[:, 1]
    if max(abs(wide[2]), abs(high[2])) < WEAK:
        return float(np.hypot(*wide[:2]) / np.hypot(*high[:2]))
    if min(abs(wide[2]), abs(high[2])) < WEAK:
        return None
    focal2 = -float(wide[:2] @ high[:2]) / (wide[2] * high[2])
    if focal2 <= 0:
        return None
    return math.sqrt(
        (float(wide[:2] @ wide[:2]) / focal2 + wide[2] ** 2)
        / (float(high[:2] @ high[:2]) / focal2 + high[2] ** 2)
    )


def _triangles(points: Array) -> list[float]:
    """Areas, doubled, of the four triangles of three of the points."""
    areas = []
    for left_out in range(4):
        a, b, c = np.delete(np.asarray(points, dtype=float), left_out, axis=0)
        areas.append(abs(float((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0])))
    return areas


def _flat(points: Array) -> float:
    """Area below which three of these points count as on a line."""
    return 1e-6 * float(np.ptp(points, axis=0).max()) ** 2
