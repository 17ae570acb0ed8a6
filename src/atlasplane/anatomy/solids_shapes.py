"""Simple bodies as signed distances: negative inside, zero on the surface, positive outside (mm).

Near its surface every distance is true to first order, which is all that a thin cortex and a soft edge need;
far away it only keeps its sign. Coordinates come as three arrays that broadcast against each other, so a body
is evaluated on a block of a grid without building the grid's points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Field32 = NDArray[np.float32]
Point = tuple[float, float, float]
Box3 = tuple[NDArray[np.float64], NDArray[np.float64]]

CORE = np.float32(1e-4)
"""Values of a quadratic form below this count as this: its gradient vanishes in the centre."""
UNTURNED: tuple[Point, Point, Point] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


class Shape(Protocol):
    """A body with a distance and a box around it."""

    def bounds(self) -> Box3:
        """Lowest and highest corner of a box that holds the body, each of shape (3,), mm."""
        ...

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Signed distance in mm at broadcast coordinates."""
        ...

    def mirrored(self) -> Shape:
        """The same body on the other side of the plane z = 0."""
        ...


def sagittal_axes(lean_deg: float) -> tuple[Point, Point, Point]:
    """Axes of a body turned about Z: + lifts the front (extension)."""
    c, s = float(np.cos(np.radians(lean_deg))), float(np.sin(np.radians(lean_deg)))
    return ((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0))


def frontal_axes(lean_deg: float) -> tuple[Point, Point, Point]:
    """Axes of a body turned about X: + lowers the right side (right side bending)."""
    c, s = float(np.cos(np.radians(lean_deg))), float(np.sin(np.radians(lean_deg)))
    return ((1.0, 0.0, 0.0), (0.0, c, s), (0.0, -s, c))


def _flip(point: Point) -> Point:
    return point[0], point[1], -point[2]


def _flip_axes(axes: tuple[Point, Point, Point]) -> tuple[Point, Point, Point]:
    return _flip(axes[0]), _flip(axes[1]), _flip(axes[2])


def _local(
    x: Field32, y: Field32, z: Field32, centre: Point, axes: tuple[Point, Point, Point]
) -> list[Field32]:
    x, y, z = x - np.float32(centre[0]), y - np.float32(centre[1]), z - np.float32(centre[2])
    if axes == UNTURNED:
        return [x, y, z]
    return [np.float32(a[0]) * x + np.float32(a[1]) * y + np.float32(a[2]) * z for a in axes]


def _turned_bounds(centre: Point, axes: tuple[Point, Point, Point], half: Point) -> Box3:
    reach = np.abs(np.array(axes)).T @ np.array(half)
    return np.array(centre) - reach, np.array(centre) + reach


@dataclass(frozen=True, slots=True)
class Egg:
    """Ellipsoid with half-extents `half` (mm) along its own axes (rows of `axes`)."""

    centre: Point
    half: Point
    axes: tuple[Point, Point, Point] = UNTURNED

    def mirrored(self) -> Egg:
        """The same body on the other side."""
        return replace(self, centre=_flip(self.centre), axes=_flip_axes(self.axes))

    def bounds(self) -> Box3:
        """Box around the body."""
        return _turned_bounds(self.centre, self.axes, self.half)

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Value over gradient of the quadratic form: true to first order at the surface."""
        u, v, w = (
            q / np.float32(h) for q, h in zip(_local(x, y, z, self.centre, self.axes), self.half, strict=True)
        )
        level = np.maximum(np.sqrt(u * u + v * v + w * w), CORE)
        a, b, c = (np.float32(1 / h) for h in self.half)
        steep = np.sqrt((a * u) ** 2 + (b * v) ** 2 + (c * w) ** 2) + np.float32(1e-6)
        distance: Field32 = level * (level - 1) / steep
        return distance


@dataclass(frozen=True, slots=True)
class Quadric:
    """Ellipsoid given by its symmetric matrix (p - centre)' shape^-1 (p - centre) = 1, mm^2."""

    centre: Point
    shape_mm2: NDArray[np.float64]

    def mirrored(self) -> Quadric:
        """The same body on the other side."""
        sign = np.array([1.0, 1.0, -1.0])
        return replace(self, centre=_flip(self.centre), shape_mm2=self.shape_mm2 * sign * sign[:, None])

    def bounds(self) -> Box3:
        """Box around the body."""
        half = np.sqrt(np.diag(self.shape_mm2))
        return np.array(self.centre) - half, np.array(self.centre) + half

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Value over gradient of the quadratic form."""
        inverse = np.linalg.inv(self.shape_mm2)
        u, v, w = _local(x, y, z, self.centre, UNTURNED)
        grad = [np.float32(row[0]) * u + np.float32(row[1]) * v + np.float32(row[2]) * w for row in inverse]
        level2 = np.maximum(grad[0] * u + grad[1] * v + grad[2] * w, CORE**2)
        steep = np.sqrt(grad[0] ** 2 + grad[1] ** 2 + grad[2] ** 2) + np.float32(1e-6)
        distance: Field32 = (level2 - np.sqrt(level2)) / steep
        return distance


@dataclass(frozen=True, slots=True)
class Rod:
    """Tapered capsule from a to b with end radii (mm); `flat` squashes it along the unit vector `along`.

    A cross-section has the radius r across `along` and `flat * r` along it.
    """

    a: Point
    b: Point
    radius_a: float
    radius_b: float
    along: Point = (0.0, 0.0, 1.0)
    flat: float = 1.0

    def mirrored(self) -> Rod:
        """The same body on the other side."""
        return replace(self, a=_flip(self.a), b=_flip(self.b), along=_flip(self.along))

    def bounds(self) -> Box3:
        """Box around the body."""
        reach = max(self.radius_a, self.radius_b) * max(1.0, self.flat)
        ends = np.array([self.a, self.b])
        return ends.min(axis=0) - reach, ends.max(axis=0) + reach

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Distance to the axis less the radius there, in the squashed metric."""
        axis = np.array(self.b) - np.array(self.a)
        length2 = max(float(axis @ axis), 1e-9)
        q = _local(x, y, z, self.a, UNTURNED)
        share = sum(np.float32(k / length2) * p for k, p in zip(axis, q, strict=True))
        share = np.clip(share, 0, 1)
        q = [p - np.float32(k) * share for k, p in zip(axis, q, strict=True)]
        radius = np.float32(self.radius_a) + share * np.float32(self.radius_b - self.radius_a)
        if self.flat == 1.0:
            round_one: Field32 = np.sqrt(q[0] ** 2 + q[1] ** 2 + q[2] ** 2) - radius
            return round_one
        extra = np.float32(1 / self.flat**2 - 1)
        along = extra * sum(np.float32(k) * p for k, p in zip(self.along, q, strict=True))
        grad = [p + np.float32(k) * along for k, p in zip(self.along, q, strict=True)]
        level2 = sum(g * p for g, p in zip(grad, q, strict=True))
        level = np.maximum(np.sqrt(np.maximum(level2, 0)), CORE)
        steep = np.sqrt(grad[0] ** 2 + grad[1] ** 2 + grad[2] ** 2) + np.float32(1e-6)
        distance: Field32 = (level - radius) * level / steep
        return distance


@dataclass(frozen=True, slots=True)
class Block:
    """Box with half-extents `half` and rounded edges of radius `edge`, mm, along its own axes."""

    centre: Point
    half: Point
    edge: float
    axes: tuple[Point, Point, Point] = UNTURNED

    def mirrored(self) -> Block:
        """The same body on the other side."""
        return replace(self, centre=_flip(self.centre), axes=_flip_axes(self.axes))

    def bounds(self) -> Box3:
        """Box around the body."""
        return _turned_bounds(self.centre, self.axes, self.half)

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Exact distance of the rounded box."""
        q = _local(x, y, z, self.centre, self.axes)
        u, v, w = (np.abs(p) - np.float32(h - self.edge) for p, h in zip(q, self.half, strict=True))
        out = np.sqrt(np.maximum(u, 0) ** 2 + np.maximum(v, 0) ** 2 + np.maximum(w, 0) ** 2)
        distance: Field32 = out + np.minimum(np.maximum(np.maximum(u, v), w), 0) - np.float32(self.edge)
        return distance


@dataclass(frozen=True, slots=True)
class Drum:
    """Elliptic cylinder, axis along its second axis, waisted like a vertebral body.

    Parameters
    ----------
    half : (x, y, z) half-extents in mm
    edge : rounding of the rims in mm
    waist : how far the side wall draws in half-way up, mm
    """

    centre: Point
    half: Point
    edge: float
    waist: float = 0.0
    axes: tuple[Point, Point, Point] = UNTURNED

    def mirrored(self) -> Drum:
        """The same body on the other side."""
        return replace(self, centre=_flip(self.centre), axes=_flip_axes(self.axes))

    def bounds(self) -> Box3:
        """Box around the body."""
        return _turned_bounds(self.centre, self.axes, self.half)

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Distance of the rounded intersection of side wall and end plates."""
        u, v, w = _local(x, y, z, self.centre, self.axes)
        a, b, c = (np.float32(h) for h in self.half)
        level = np.maximum(np.sqrt((u / a) ** 2 + (w / c) ** 2), CORE)
        steep = np.sqrt((u / (a * a)) ** 2 + (w / (c * c)) ** 2) + np.float32(1e-6)
        edge = np.float32(self.edge)
        side = level * (level - 1) / steep + np.float32(self.waist) * np.maximum(1 - (v / b) ** 2, 0) + edge
        end = np.abs(v) - b + edge
        out = np.sqrt(np.maximum(side, 0) ** 2 + np.maximum(end, 0) ** 2)
        distance: Field32 = out + np.minimum(np.maximum(side, end), 0) - edge
        return distance


@dataclass(frozen=True, slots=True)
class Wall:
    """Upright plate along the segment a -> b of a plan, between two heights that vary along it.

    Parameters
    ----------
    up : the coordinate (0, 1 or 2) in which the heights run; the plan holds the other two, in order
    a, b : plan points, mm
    low, high : heights at a and at b, mm
    half : half-thickness at a and at b, mm
    """

    up: int
    a: tuple[float, float]
    b: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]
    half: tuple[float, float]

    def mirrored(self) -> Wall:
        """The same body on the other side."""
        if self.up == 2:
            low, high = (-self.high[0], -self.high[1]), (-self.low[0], -self.low[1])
            return replace(self, low=low, high=high)
        return replace(self, a=(self.a[0], -self.a[1]), b=(self.b[0], -self.b[1]))

    def bounds(self) -> Box3:
        """Box around the body."""
        plan = np.array([self.a, self.b])
        reach = max(self.half)
        lowest = np.insert(plan.min(axis=0) - reach, self.up, min(self.low))
        highest = np.insert(plan.max(axis=0) + reach, self.up, max(self.high))
        return lowest, highest

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Rounded intersection of the distance in plan and in height."""
        coordinates = [x, y, z]
        height = coordinates.pop(self.up)
        u, v = coordinates[0] - np.float32(self.a[0]), coordinates[1] - np.float32(self.a[1])
        du, dv = self.b[0] - self.a[0], self.b[1] - self.a[1]
        share = np.clip(
            (np.float32(du) * u + np.float32(dv) * v) / np.float32(max(du * du + dv * dv, 1e-9)), 0, 1
        )
        half = np.float32(self.half[0]) + share * np.float32(self.half[1] - self.half[0])
        plan = np.sqrt((u - np.float32(du) * share) ** 2 + (v - np.float32(dv) * share) ** 2) - half
        low = np.float32(self.low[0]) + share * np.float32(self.low[1] - self.low[0])
        high = np.float32(self.high[0]) + share * np.float32(self.high[1] - self.high[0])
        edge = np.float32(0.8 * min(self.half))
        level = np.abs(height - 0.5 * (low + high)) - 0.5 * (high - low) + edge
        plan = plan + edge
        out = np.sqrt(np.maximum(plan, 0) ** 2 + np.maximum(level, 0) ** 2)
        distance: Field32 = out + np.minimum(np.maximum(plan, level), 0) - edge
        return distance


@dataclass(frozen=True, slots=True)
class Meet:
    """What two bodies have in common."""

    one: Shape
    other: Shape

    def mirrored(self) -> Meet:
        """The same body on the other side."""
        return Meet(self.one.mirrored(), self.other.mirrored())

    def bounds(self) -> Box3:
        """Box around the body."""
        (low, high), (low2, high2) = self.one.bounds(), self.other.bounds()
        return np.maximum(low, low2), np.minimum(high, high2)

    def distance(self, x: Field32, y: Field32, z: Field32) -> Field32:
        """Larger of the two distances."""
        return np.maximum(self.one.distance(x, y, z), self.other.distance(x, y, z))


def both(shapes: Sequence[Shape]) -> list[Shape]:
    """Shapes of the right side and their mirror images."""
    return [*shapes, *(shape.mirrored() for shape in shapes)]


def tube(
    points: Sequence[Point], radii: Sequence[float], *, along: Point = (0.0, 0.0, 1.0), flat: float = 1.0
) -> list[Rod]:
    """Rods through points with a radius at each."""
    pairs = pairwise(zip(points, radii, strict=True))
    return [Rod(a, b, ra, rb, along, flat) for (a, ra), (b, rb) in pairs]


def bent(points: Sequence[Point], *, per_span: int = 4) -> list[Point]:
    """Points on the Catmull-Rom curve through `points`, `per_span` to a span, both ends included."""
    p = np.array([points[0], *points, points[-1]], dtype=float)
    t = np.linspace(0, 1, per_span, endpoint=False)[:, None]
    spans = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    curve = np.vstack([*spans, p[-1:]])
    return [(float(q[0]), float(q[1]), float(q[2])) for q in curve]
