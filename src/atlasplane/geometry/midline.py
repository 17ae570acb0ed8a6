"""Mid-lines: a robust total-least-squares line through points, and the central line between two walls.

The central line between walls is the fixed point of: measure the widths across the trial line, put a line
through their mid-points, take it as the next trial line. Each pass multiplies the remaining error by

    kappa = -1/2 d2(w2)/dy2      (w half width, y along the line; 0 for straight parallel walls)

so noise grows by 1 / (1 - kappa) and from kappa = 1 no line exists. That is a property of the walls, not of
the algorithm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.types import Array

_MOST_PASSES = 12
_SETTLED_RAD = 1e-9
_MOST_WALKS = 200
_WALKED_RAD = 2e-4
"""Plain passes stop at 0.01 deg (the technique's own patience); the secant does the rest."""
_STEEPEST_RAD = 0.6
"""A line that leans more than 35 deg is no midline of a skull."""
_REJECT_AT = 2.5
_SCALED_MAD = 1.4826
"""Makes the median absolute deviation an estimate of a normal standard deviation."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A robust line.

    Attributes
    ----------
    point : array, shape (2,)
        Centroid of the points that were kept.
    direction : array, shape (2,)
        Unit vector, second component >= 0.
    rms : float
        Root mean square distance of the kept points.
    kept : boolean array, shape (n,)
    """

    point: Array
    direction: Array
    rms: float
    kept: NDArray[np.bool_]


def robust_line(points: Array, *, floor: float) -> Line:
    """Total-least-squares line without outliers.

    Points farther than 2.5 scaled MAD (never under 2.5 `floor`) are left out, until stable.

    Parameters
    ----------
    points : array, shape (n, 2), n >= 2
    floor : float
        Scale below which deviations count as noise, same unit.
    """
    kept = np.ones(len(points), dtype=bool)
    for _ in range(len(points)):
        centre = points[kept].mean(axis=0)
        direction = np.linalg.svd(points[kept] - centre, full_matrices=False)[2][0]
        distance = (points - centre) @ np.array([-direction[1], direction[0]])
        now = kept_residuals(distance, floor=floor)
        if now.sum() < 2 or np.array_equal(now, kept):
            break
        kept = now
    direction = direction if direction[1] >= 0 else -direction
    return Line(centre, direction, float(np.sqrt(np.mean(distance[kept] ** 2))), kept)


def kept_residuals(residuals: Array, *, floor: float) -> NDArray[np.bool_]:
    """Which residuals, shape (n,), lie within 2.5 scaled MAD of zero (never under 2.5 `floor`)."""
    scale = max(_SCALED_MAD * float(np.median(np.abs(residuals))), floor)
    inside: NDArray[np.bool_] = np.abs(residuals) <= _REJECT_AT * scale
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Where the widths are measured: fixed once for a film, so that repeats of it are comparable.

    Attributes
    ----------
    anchor : array, shape (2,)
        Point that the trial lines turn about.
    along : array, shape (k,)
        Distances of the levels from the anchor along the line.
    weights : array, shape (k,)
        1 for a level that counts, 0 for one that was rejected.
    right_below, left_below : integer array, shape (k,)
        Vertex of each wall below each level; the segment from it is used (and prolonged where need be).
    lean_rad : float
        Lean at which the walls were bracketed; the solver starts there. NaN where the walk did not settle.
    """

    anchor: Array
    along: Array
    weights: Array
    right_below: NDArray[np.intp]
    left_below: NDArray[np.intp]
    lean_rad: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class CentralLine:
    """Central line between two walls, one or many at once.

    Attributes
    ----------
    point : array, shape (..., 2)
        Mean mid-point.
    lean_deg : array, shape (...)
        Against the second axis, + towards the first; NaN where no fixed point was reached.
    residuals : array, shape (..., k)
        Distance of the mid-points from the line.
    kappa : array, shape (...)
    split_half_deg : array, shape (...)
        Lean of the upper half of the levels minus that of the lower half.
    """

    point: Array
    lean_deg: Array
    residuals: Array
    kappa: Array
    split_half_deg: Array

    @property
    def direction(self) -> Array:
        """Unit vector of the line, second component > 0, shape (..., 2)."""
        lean = np.radians(self.lean_deg)
        return np.stack([np.sin(lean), np.cos(lean)], axis=-1)


def central_line(right: Array, left: Array, levels: Levels) -> CentralLine:
    """Central line between a right and a left wall.

    Parameters
    ----------
    right, left : array, shape (..., n, 2) and (..., m, 2)
        Polylines from the lower to the upper end; the right wall has the larger first coordinates.
    levels : Levels
    """
    settled = not np.isnan(levels.lean_rad)
    walls = _both(right, left, levels)
    previous = np.full(
        np.broadcast_shapes(right.shape[:-2], left.shape[:-2]), levels.lean_rad if settled else 0.0
    )
    slope_before, _, _ = _midpoint_slope(*walls, levels, previous)
    lean = previous + np.arctan(slope_before)
    # The pass is nearly linear in the lean, so the secant reaches its fixed point where plain passes would
    # creep (or diverge).
    for _ in range(_MOST_PASSES):
        slope, middle, width = _midpoint_slope(*walls, levels, lean)
        change = slope - slope_before
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(np.abs(change) > 1e-15, -slope * (lean - previous) / change, 0.0)
        if np.all(np.abs(correction) < _SETTLED_RAD):
            break
        previous, slope_before, lean = lean, slope, lean + correction
    # Without a fixed point there is no line, but kappa and the residuals still tell why.
    found = settled & (np.abs(correction) < _SETTLED_RAD) & (np.abs(lean) < _STEEPEST_RAD)
    return _measured(middle, width, levels, np.where(found, lean, np.nan))


def plan_levels(right: Array, left: Array, *, low: float, high: float, step: float, floor: float) -> Levels:
    """Levels for `central_line` on one film, with outlying mid-points rejected.

    Parameters
    ----------
    right, left : array, shape (n, 2) and (m, 2)
        Polylines from the lower to the upper end.
    low, high : float
        Second coordinates between which the walls may be used.
    step : float
        Distance between levels.
    floor : float
        Scale of mid-point deviations that counts as noise.

    Raises
    ------
    ValueError
        When fewer than three levels lie on both walls between the limits.
    """
    bottom = max(low, right[:, 1].min(), left[:, 1].min())
    top = min(high, right[:, 1].max(), left[:, 1].max())
    count = int((top - bottom) / step) + 1 if top > bottom else 0
    if count < 3:
        raise ValueError(
            f"the two walls share only {max(top - bottom, 0.0):.1f}; three levels {step:g} apart are needed"
        )
    middle = (bottom + top) / 2
    at_middle = [float(np.interp(middle, wall[:, 1], wall[:, 0])) for wall in (right, left)]
    anchor = np.array([sum(at_middle) / 2, middle])
    along = step * (np.arange(count, dtype=np.float64) - (count - 1) / 2)
    levels = Levels(anchor, along, np.ones(count), *_NO_BRACKETS)
    for _ in range(count):
        levels = _walked(right, left, levels)
        line = central_line(right, left, levels)
        kept = (kept_residuals(line.residuals, floor=floor) & _reached(right, left, levels)).astype(float)
        if kept.sum() < 3 or np.array_equal(kept, levels.weights):
            break
        levels = replace(levels, weights=kept)
    return levels


def _reached(right: Array, left: Array, levels: Levels) -> NDArray[np.bool_]:
    """Levels, across the leaning line, that both walls were drawn to (a quarter of a step is prolonged)."""
    if not np.isfinite(levels.lean_rad):
        return np.ones(len(levels.along), dtype=bool)
    direction = np.array([np.sin(levels.lean_rad), np.cos(levels.lean_rad)])
    spans = [(wall - levels.anchor) @ direction for wall in (right, left)]
    slack = (levels.along[1] - levels.along[0]) / 4
    low, high = max(span.min() for span in spans) - slack, min(span.max() for span in spans) + slack
    reached: NDArray[np.bool_] = (levels.along >= low) & (levels.along <= high)
    return reached


def _walked(right: Array, left: Array, levels: Levels) -> Levels:
    """Brackets at the fixed point, found by the technique's plain passes, which follow leaning walls."""
    lean = 0.0
    for _ in range(_MOST_WALKS):
        levels = _bracketed(right, left, levels, lean)
        slope, _, _ = _midpoint_slope(*_both(right, left, levels), levels, np.asarray(lean))
        step = float(np.arctan(slope))
        if abs(lean + step) > _STEEPEST_RAD:
            break
        lean += step
        if abs(step) < _WALKED_RAD:
            return replace(_bracketed(right, left, levels, lean), lean_rad=lean)
    return replace(_bracketed(right, left, levels, 0.0), lean_rad=np.nan)


_NO_BRACKETS = (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp))


def _bracketed(right: Array, left: Array, levels: Levels, lean_rad: float) -> Levels:
    direction = np.array([np.sin(lean_rad), np.cos(lean_rad)])
    below = [
        np.clip(
            np.searchsorted((wall - levels.anchor) @ direction, levels.along, "right") - 1, 0, len(wall) - 2
        )
        for wall in (right, left)
    ]
    return replace(levels, right_below=below[0], left_below=below[1])


def _both(right: Array, left: Array, levels: Levels) -> tuple[_Segments, _Segments]:
    return _segments(right, levels.right_below, levels), _segments(left, levels.left_below, levels)


def _midpoint_slope(
    right: _Segments, left: _Segments, levels: Levels, lean: Array
) -> tuple[Array, Array, Array]:
    """Slope of the mid-points against a trial line, the mid-points and the half widths (both (..., k))."""
    across_right = _wall_at(right, levels, lean)
    across_left = _wall_at(left, levels, lean)
    middle = (across_right + across_left) / 2
    w = levels.weights / levels.weights.sum()
    along = levels.along - w @ levels.along
    slope = (middle @ (w * along)) / float(w @ along**2)
    return slope, middle, (across_right - across_left) / 2


_Segments = tuple[Array, Array, Array, Array]
"""Start and direction (z, y, dz, dy) of the wall's segment at each level, from the anchor, each (..., k)."""


def _segments(wall: Array, below: NDArray[np.intp], levels: Levels) -> _Segments:
    z, y = wall[..., 0] - levels.anchor[0], wall[..., 1] - levels.anchor[1]
    z0, y0 = z[..., below], y[..., below]
    return z0, y0, z[..., below + 1] - z0, y[..., below + 1] - y0


def _wall_at(segments: _Segments, levels: Levels, lean: Array) -> Array:
    """Distance of a wall from the trial line at each level, shape (..., k)."""
    sine, cosine = np.sin(lean)[..., None], np.cos(lean)[..., None]
    z, y, dz, dy = segments
    share = (levels.along - z * sine - y * cosine) / (dz * sine + dy * cosine)
    at: Array = (z + share * dz) * cosine - (y + share * dy) * sine
    return at


def _measured(middle: Array, width: Array, levels: Levels, lean: Array) -> CentralLine:
    w = levels.weights / levels.weights.sum()
    centre = middle @ w
    mean_along = float(w @ levels.along)
    sine, cosine = np.sin(lean), np.cos(lean)
    point = levels.anchor + np.stack(
        [centre * cosine + mean_along * sine, -centre * sine + mean_along * cosine], axis=-1
    )
    half = levels.along > np.median(levels.along)
    lower, upper = levels.weights * (levels.along < np.median(levels.along)), levels.weights * half
    split = np.degrees(
        np.arctan(_slope(middle, levels.along, upper)) - np.arctan(_slope(middle, levels.along, lower))
    )
    return CentralLine(
        point=point,
        lean_deg=np.degrees(lean),
        residuals=middle - centre[..., None],
        kappa=-_curvature(width**2, levels.along, levels.weights),
        split_half_deg=split,
    )


def _slope(values: Array, along: Array, weights: Array) -> Array:
    if weights.sum() < 2:
        return np.full(values.shape[:-1], np.nan)
    w = weights / weights.sum()
    centred = along - w @ along
    slope: Array = values @ (w * centred) / float(w @ centred**2)
    return slope


def _curvature(values: Array, along: Array, weights: Array) -> Array:
    """Half the second derivative of a weighted parabola through values, shape (...)."""
    scale = float(np.abs(along).max())
    design = np.vander(along / scale, 3)  # columns: square, line, constant
    root = np.sqrt(weights)
    solver = np.linalg.pinv(design * root[:, None])
    fitted: Array = (values * root) @ solver[0] / scale**2
    return fitted
