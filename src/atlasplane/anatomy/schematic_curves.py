"""Smooth curves of the schematic person: through drawn points, round an ellipsoid, over an arc."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from atlasplane.geometry.quadric import Ellipsoid
from atlasplane.geometry.types import Array


def smooth_curve(points: Array | Sequence[Sequence[float]], *, closed: bool = False, n: int = 6) -> Array:
    """Centripetal Catmull-Rom curve through points; a point written twice is a corner.

    Parameters
    ----------
    points : array, shape (m, d)
    closed : bool
        Whether the curve returns to its first point.
    n : int
        Pieces between two points.

    Returns
    -------
    array, shape (k, d)
    """
    at = np.asarray(points, dtype=float)
    if closed and not np.allclose(at[0], at[-1]):
        at = np.concatenate([at, at[:1]])
    same = np.all(np.isclose(at[1:], at[:-1]), axis=1)
    breaks = [0, *(np.flatnonzero(same) + 1), len(at)]
    pieces = [at[i:j] for i, j in pairwise(breaks) if j - i > 1]
    corner_first = bool(same[0])
    if len(pieces) == 1:
        return _catmull_rom(pieces[0], n, wrap=closed and not corner_first)
    if closed and not corner_first:
        pieces = [*pieces[1:-1], np.concatenate([pieces[-1], pieces[0][1:]])]
    return np.concatenate([_catmull_rom(piece, n, wrap=False) for piece in pieces])


def outline_on_ellipsoid(
    ellipsoid: Ellipsoid, source_mm: Array, *, scale: float = 1.0, n: int = 361
) -> Array:
    """Where rays from a source graze an ellipsoid: a closed curve, shape (n, 3).

    Where the ellipsoid is the unit sphere, the grazing points u satisfy u . v = 1 with v the source.
    """
    spread = np.linalg.cholesky(ellipsoid.shape_mm2) * scale
    v = np.linalg.solve(spread, source_mm - ellipsoid.centre_mm)
    first = np.cross(v, [0.0, 0.0, 1.0] if abs(v[2]) < 0.5 * np.linalg.norm(v) else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(v, first) / np.linalg.norm(v)
    turn = np.linspace(0, 2 * np.pi, n)[:, None]
    around = np.cos(turn) * first + np.sin(turn) * second
    on_sphere = v / (v @ v) + np.sqrt(1 - 1 / (v @ v)) * around
    rim: Array = ellipsoid.centre_mm + on_sphere @ spread.T
    return rim


def arc_between(ring: Array, centre: Array, start: Array, stop: Array) -> Array:
    """Part of a closed curve above the line from start to stop, in that order, by direction from a centre.

    Parameters
    ----------
    ring : array, shape (n, 2)
    centre, start, stop : array, shape (2,)
    """

    def direction(at: Array) -> Array:
        """Angle counted from straight down, so that an arc over the top never wraps."""
        turned: Array = (np.arctan2(*(at - centre)[..., ::-1].T) + np.pi / 2) % (2 * np.pi)
        return turned

    around, first, last = direction(ring), direction(start), direction(stop)
    order = np.argsort(around)
    inside = order[(around[order] > min(first, last)) & (around[order] < max(first, last))]
    part: Array = ring[inside if first < last else inside[::-1]]
    return part


def _catmull_rom(at: Array, n: int, *, wrap: bool) -> Array:
    if len(at) == 2:
        return at
    before, after = (at[-2], at[1]) if wrap else (2 * at[0] - at[1], 2 * at[-1] - at[-2])
    knots = np.concatenate([[before], at, [after]])
    step = np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1))
    t = np.concatenate([[0], np.cumsum(np.maximum(step, 1e-6))])
    pieces = [_segment(knots[i - 1 : i + 3], t[i - 1 : i + 3], n) for i in range(1, len(knots) - 2)]
    return np.concatenate([*pieces, at[-1:]])


def _segment(p: Array, t: Array, n: int) -> Array:
    """Points of a Catmull-Rom segment from p[1] up to, not including, p[2] (Barry and Goldman's pyramid)."""
    x = np.linspace(t[1], t[2], n, endpoint=False)[:, None]

    def between(a: Array, b: Array, i: int, j: int) -> Array:
        mixed: Array = ((t[j] - x) * a + (x - t[i]) * b) / (t[j] - t[i])
        return mixed

    a1, a2, a3 = (between(p[k], p[k + 1], k, k + 1) for k in range(3))
    return between(between(a1, a2, 0, 2), between(a2, a3, 1, 3), 1, 2)
