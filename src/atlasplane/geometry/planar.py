"""Lines and angles in a plane; points of shape (..., 2), every function broadcasts over the leading axes."""

from __future__ import annotations

import numpy as np

from atlasplane.geometry.types import Array


def unit(vector: Array) -> Array:
    """Unit vector of the same direction, shape (..., 2); NaN for a zero vector."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled: Array = vector / np.linalg.norm(vector, axis=-1, keepdims=True)
    return scaled


def perpendicular(vector: Array) -> Array:
    """(-b, a) of (a, b): a quarter turn counter-clockwise."""
    return np.stack([-vector[..., 1], vector[..., 0]], axis=-1)


def cross(u: Array, v: Array) -> Array:
    """u1 v2 - u2 v1, shape (...); + when v lies counter-clockwise of u."""
    product: Array = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return product


def dot(u: Array, v: Array) -> Array:
    """Scalar product, shape (...)."""
    product: Array = np.sum(u * v, axis=-1)
    return product


def signed_angle_deg(u: Array, v: Array) -> Array:
    """Angle from u to v in (-180, 180], counter-clockwise +."""
    return np.degrees(np.arctan2(cross(u, v), dot(u, v)))


def direction_deg(vector: Array) -> Array:
    """Angle of a directed line from the first axis in (-180, 180], counter-clockwise +."""
    return np.degrees(np.arctan2(vector[..., 1], vector[..., 0]))


def undirected_deg(angle_deg: Array | float) -> Array:
    """Angle of a line without direction, wrapped to (-90, 90]."""
    wrapped: Array = 90.0 - np.mod(90.0 - np.asarray(angle_deg, dtype=float), 180.0)
    return wrapped


def signed_distance(point: Array, on_line: Array, direction: Array) -> Array:
    """Distance of a point from a line, + on the left of its direction; `direction` is a unit vector."""
    return cross(direction, point - on_line)


def foot(point: Array, on_line: Array, direction: Array) -> Array:
    """Foot of the perpendicular from a point on a line with unit `direction`."""
    return on_line + dot(point - on_line, direction)[..., None] * direction


def intersection(a: Array, u: Array, b: Array, v: Array) -> Array:
    """Where the line through `a` along `u` meets the one through `b` along `v`; NaN or inf for parallels."""
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = cross(b - a, v) / cross(u, v)
        meeting: Array = a + reach[..., None] * u
    return meeting
