"""Rays through the faces of closed triangle meshes: the innermost loops of `xray.surface_projection`.

Which face a ray meets is decided in whole numbers on the grid of the film (vertices rounded to a small part
of a sample, an edge belongs to one of its two sides), so of two faces with a common edge a ray never meets
both or neither, whatever is rounded. Strips of rows are worked out side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import MissingExtra
from atlasplane.geometry.types import Array

try:
    import numba
except ImportError as missing:
    raise MissingExtra("ct", "projecting surfaces") from missing

Film32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

FRACTION = 1 << 14
"""Parts of a sample that vertices are rounded to."""
MOST_SAMPLES = 1 << 14
"""Samples from the first that a vertex may lie away: beyond it, whole numbers of 64 bit would run over."""
_GRAZING = 0.03
"""Sine of the angle between face and ray below which the derivative is held: a face seen more edge-on than
this changes its rays by more than thirty times its own move, over less than a thirtieth of its depth."""
_TILE_ROWS = 16


@numba.njit(inline="always", error_model="numpy")
def _first_and_last(at: NDArray[np.int64], order: tuple[int, int, int], row: int) -> tuple[int, int]:
    """Samples of a row inside a triangle; `order` names its corners so that the inside lies on the + side."""
    first, last = -MOST_SAMPLES, MOST_SAMPLES
    for k in range(3):
        x, y = at[order[k], 0], at[order[k], 1]
        along, down = at[order[(k + 1) % 3], 0] - x, at[order[(k + 1) % 3], 1] - y
        # Inside: level - down * FRACTION * sample > 0; on the edge it counts for one of its directions.
        level = along * (row * FRACTION - y) + down * x
        if down > 0:
            last = min(last, (level - 1) // (down * FRACTION))
        elif down < 0:
            first = max(first, -(level // (-down * FRACTION)))
        elif level < 0 or (level == 0 and along <= 0):
            return 1, 0
    return first, last


@numba.njit(cache=True, error_model="numpy", nogil=True)
def face_planes(
    points: Array,
    faces: NDArray[np.int64],
    grid: Array,
    along: Array,
    corners: NDArray[np.int64],
    lines: NDArray[np.int64],
    planes: Array,
) -> None:
    """What the rasterisation needs of each face.

    Parameters
    ----------
    points : array, shape (n, 3)
        Vertices from the source, mm.
    faces : array of int, shape (m, 3)
    grid : array, shape (n, 2)
        [column, row] of the vertices in samples of the window.
    along : array, shape (n,)
        Place of the vertices between source, 0, and detector, 1.
    corners : array of int, shape (m, 3, 2)
        Filled: rounded `grid`, in parts of a sample.
    lines : array of int, shape (m, 2)
        Filled: first and last row of the window that the face reaches; none where it has no image.
    planes : array, shape (m, 7)
        The first six filled: g with g . x = 1 on the plane; lowest and highest `along` of the corners; length
        of g. The last is the attenuation, mm^-1, + where the corners turn from column to row axis on a face
        that rays leave by.
    """
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = points[i, 0], points[i, 1], points[i, 2]
        bx, by, bz = points[j, 0] - ax, points[j, 1] - ay, points[j, 2] - az
        cx, cy, cz = points[k, 0] - ax, points[k, 1] - ay, points[k, 2] - az
        nx, ny, nz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        reach = nx * ax + ny * ay + nz * az
        # A plane through the source is seen edge-on: its rounded corners enclose next to nothing.
        scale = 1.0 / reach if reach != 0.0 else 0.0
        planes[f, 0], planes[f, 1], planes[f, 2] = nx * scale, ny * scale, nz * scale
        planes[f, 3] = min(along[i], along[j], along[k])
        planes[f, 4] = max(along[i], along[j], along[k])
        planes[f, 5] = abs(scale) * np.sqrt(nx * nx + ny * ny + nz * nz)
        for corner in range(3):
            for axis in range(2):
                corners[f, corner, axis] = np.int64(np.rint(grid[faces[f, corner], axis] * FRACTION))
        x0, y0 = corners[f, 0, 0], corners[f, 0, 1]
        x1, y1 = corners[f, 1, 0] - x0, corners[f, 1, 1] - y0
        x2, y2 = corners[f, 2, 0] - x0, corners[f, 2, 1] - y0
        seen = x1 * y2 != y1 * x2
        lines[f, 0] = -(-(y0 + min(0, y1, y2)) // FRACTION)
        lines[f, 1] = (y0 + max(0, y1, y2)) // FRACTION if seen else lines[f, 0] - 1


@numba.njit(cache=True, error_model="numpy", nogil=True)
def _cast_face(
    at: NDArray[np.int64],
    plane: Array,
    rays: Array,
    pixels: Mask,
    rows: tuple[int, int, int],
    sums: Array,
) -> None:
    """Add one face to the sums of rows first .. last; `sums` begins with the third of `rows`."""
    area = (at[1, 0] - at[0, 0]) * (at[2, 1] - at[0, 1]) - (at[1, 1] - at[0, 1]) * (at[2, 0] - at[0, 0])
    order = (0, 1, 2) if area > 0 else (0, 2, 1)
    signed = plane[6] if area > 0 else -plane[6]
    start = plane[0] * rays[0, 0] + plane[1] * rays[0, 1] + plane[2] * rays[0, 2]
    per_column = plane[0] * rays[1, 0] + plane[1] * rays[1, 1] + plane[2] * rays[1, 2]
    per_row = plane[0] * rays[2, 0] + plane[1] * rays[2, 1] + plane[2] * rays[2, 2]
    # 1 / t is |g| |ray| times the sine of face and ray; held, it bounds the derivative alone.
    least = _GRAZING * plane[5] * np.sqrt(rays[0, 0] ** 2 + rays[0, 1] ** 2 + rays[0, 2] ** 2)
    for r in range(rows[0], rows[1] + 1):
        first, last = _first_and_last(at, order, r)
        for c in range(max(first, 0), min(last, sums.shape[1] - 1) + 1):
            if pixels.size > 0 and not pixels[r, c]:
                continue
            inverse = start + r * per_row + c * per_column
            # Rounded corners may let a ray pass beside the face it belongs to, never beyond its depth.
            t = plane[4] if inverse * plane[4] <= 1.0 else max(plane[3], 1.0 / inverse)
            sums[r - rows[2], c, 0] += signed * t
            if sums.shape[2] > 1:
                held = signed * t * min(1.0, abs(inverse) / least)
                for k in range(3):
                    sums[r - rows[2], c, 1 + k] += held * plane[k]
                    sums[r - rows[2], c, 4 + k] += held * t * plane[k]


@numba.njit(cache=True, error_model="numpy", nogil=True)
def _derivatives(sums: Array, ray: Array, length: float, start: Array, camera: Array, out: Array) -> None:
    """The ten derivatives of one ray's line integral from its seven sums."""
    total, once, twice = sums[0], sums[1:4], sums[4:7]
    by_length = 0.0
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        turn = start[i] * once[j] - start[j] * once[i] + ray[i] * twice[j] - ray[j] * twice[i]
        out[k], out[3 + k] = length * turn, length * once[k]
    for m in range(3):
        out[6 + m] = 0.0
        for k in range(3):
            out[6 + m] -= (length * (once[k] - twice[k]) + ray[k] * total / length) * camera[m, k]
    for k in range(3):
        by_length += (ray[k] * total / length - length * twice[k]) * (ray[k] - camera[3, k])
    out[9] = by_length


@numba.njit(cache=True, error_model="numpy", nogil=True)
def cast_faces(
    corners: NDArray[np.int64],
    lines: NDArray[np.int64],
    planes: Array,
    frame: Array,
    pixels: Mask,
    image: Film32,
    by: Film32,
    share: tuple[int, int],
) -> None:
    """Line integrals through the faces and their derivatives, on every n-th strip of rows.

    Parameters
    ----------
    corners, lines, planes : see `face_planes`
    frame : array, shape (8, 3)
        Ray from the source to sample (0, 0), and its change per column and per row, mm; from the point that
        turns keep to the source, mm; the source's unit moves: away along the central ray, along column and
        row axis; from the source to the detector's centre, mm.
    pixels : array of bool, shape (rows, columns), or empty
        Samples that are wanted.
    image : array of float32, shape (rows, columns)
        Filled.
    by : array of float32, shape (10, rows, columns), or empty
        Filled: by turn (3), shift (3), the three moves of the source, and relative pitch.
    share : (k, n)
        Strips k, k + n ... are worked out.
    """
    rows, columns = image.shape
    rays, source = frame[:3], frame[3:]
    # For every ray the sums of t and, for derivatives, of t g (3) and t^2 g (3), g being the face's plane.
    count = 7 if by.shape[0] else 1
    for tile in range(share[0], (rows + _TILE_ROWS - 1) // _TILE_ROWS, share[1]):
        top, bottom = tile * _TILE_ROWS, min(rows, (tile + 1) * _TILE_ROWS)
        sums = np.zeros((bottom - top, columns, count))
        for f in range(corners.shape[0]):
            first, last = max(top, lines[f, 0]), min(bottom - 1, lines[f, 1])
            if first <= last:
                _cast_face(corners[f], planes[f], rays, pixels, (first, last, top), sums)
        ray, out = np.empty(3), np.empty(10)
        for r in range(top, bottom):
            for c in range(columns):
                for k in range(3):
                    ray[k] = rays[0, k] + c * rays[1, k] + r * rays[2, k]
                length = np.sqrt(ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2)
                image[r, c] = length * sums[r - top, c, 0]
                if count > 1 and sums[r - top, c, 0] != 0.0:
                    _derivatives(sums[r - top, c], ray, length, source[0], source[1:], out)
                    for k in range(10):
                        by[k, r, c] = out[k]
