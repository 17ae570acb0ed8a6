"""Line integrals of voxel solids along the rays of a pinhole camera.

Each part is sampled trilinearly at half-voxel steps between entry and exit of its block (the span of its
outermost voxel centres; beyond it the part is nothing), on the rectangle of the film that it can reach. A
part whose voxels appear many pixels wide is worked out on every second, third ... pixel and interpolated: the
film holds no more detail than the voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.solids import Solid
from atlasplane.core.errors import MissingExtra
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

try:
    import numba
except ImportError as missing:
    raise MissingExtra("ct", "rendering radiographs") from missing

Film32 = NDArray[np.float32]

SAMPLES_PER_VOXEL = 2.5
"""The image of a voxel is sampled at least this often across when pixels are left out."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Part:
    """A solid and where it stands: `pose` leads from its own frame to the frame of the camera (mm)."""

    solid: Solid
    pose: RigidTransform


@dataclass(frozen=True, slots=True)
class _Window:
    """Pixels first .. first + stride * (count - 1), [column, row], that a part is worked out on."""

    first: tuple[int, int]
    count: tuple[int, int]
    stride: int


def render(parts: Sequence[Part], camera: PinholeCamera, shape_px: tuple[int, int]) -> Film32:
    """Line integrals of all parts, added.

    Parameters
    ----------
    parts : sequence of Part
        Solids whose attenuations add (bones hold their excess over water).
    camera : PinholeCamera
        In the frame that the parts' poses lead to.
    shape_px : (rows, columns)

    Returns
    -------
    array of float32, shape (rows, columns)
        Dimensionless: -ln of the transmitted share of a monochromatic beam.
    """
    film = np.zeros(shape_px, dtype=np.float32)
    for part in parts:
        window = _window(part, camera, shape_px)
        if window is not None:
            _spread(film, _cast(part, camera, window), window)
    return film


def _corners_mm(part: Part) -> Array:
    """The eight outermost voxel centres in the frame of the camera, shape (8, 3)."""
    solid = part.solid
    last = np.array(solid.attenuation_per_mm.shape) - 1
    index = np.stack(np.meshgrid(*[(0, k) for k in last], indexing="ij"), axis=-1).reshape(-1, 3)
    return part.pose.apply(solid.origin_mm + index * solid.spacing_mm)


def _window(part: Part, camera: PinholeCamera, shape_px: tuple[int, int]) -> _Window | None:
    corners = _corners_mm(part)
    depth = (corners - camera.source_mm) @ camera.normal
    size = np.array([shape_px[1], shape_px[0]])
    if depth.max() <= 0:
        return None
    if depth.min() <= 1.0:
        # The block reaches round the source: no bounding rectangle, every pixel may see it.
        return _Window((0, 0), (int(size[0]), int(size[1])), 1)
    reach = (camera.centre_mm - camera.source_mm) @ camera.normal
    voxel_px = part.solid.spacing_mm.min() * (reach / depth.max()) / camera.pitch_mm.max()
    stride = max(1, int(voxel_px / SAMPLES_PER_VOXEL))
    pixels = camera.project(corners)
    first = np.clip(np.floor(pixels.min(axis=0)).astype(int), 0, size)
    last = np.clip(np.ceil(pixels.max(axis=0)).astype(int) + 1, 0, size)
    if np.any(last <= first):
        return None
    # One sample beyond the last pixel, so that interpolation never has to reach outside.
    count = (last - first - 2) // stride + 2
    return _Window((int(first[0]), int(first[1])), (int(count[0]), int(count[1])), stride)


def _cast(part: Part, camera: PinholeCamera, window: _Window) -> Film32:
    """Line integrals on the samples of the window, shape (count rows, count columns)."""
    solid, back = part.solid, part.pose.inverse()
    first = np.array(window.first, dtype=float)
    grid_px = first + window.stride * np.array([[0, 0], [1, 0], [0, 1]])
    points = np.vstack([camera.source_mm, camera.detector_points_mm(grid_px)])
    index = (back.apply(points) - solid.origin_mm) / solid.spacing_mm
    source, corner = index[0], index[1]
    rays = np.stack([corner - source, index[2] - corner, index[3] - corner])
    out = np.zeros((window.count[1], window.count[0]), dtype=np.float32)
    volume = np.ascontiguousarray(solid.attenuation_per_mm, dtype=np.float32).reshape(-1)
    step_mm = 0.5 * float(solid.spacing_mm.min())
    shape = solid.attenuation_per_mm.shape
    _cast_rows(volume, shape, source, rays, solid.spacing_mm.astype(float), step_mm, out)
    return out


def _spread(film: Film32, samples: Film32, window: _Window) -> None:
    """Add the samples to the film, interpolated linearly between them."""
    (column, row), stride = window.first, window.stride
    rows = min(film.shape[0] - row, (window.count[1] - 1) * stride + 1)
    columns = min(film.shape[1] - column, (window.count[0] - 1) * stride + 1)
    if stride == 1:
        film[row : row + rows, column : column + columns] += samples[:rows, :columns]
        return
    _spread_rows(samples, stride, film[row : row + rows, column : column + columns])


@numba.njit(parallel=True, fastmath=True, cache=True)
def _spread_rows(samples: Film32, stride: int, out: Film32) -> None:
    rows, columns = out.shape
    for r in numba.prange(rows):
        i = min(r // stride, samples.shape[0] - 2)
        v = np.float32(r - i * stride) / np.float32(stride)
        for c in range(columns):
            j = min(c // stride, samples.shape[1] - 2)
            u = np.float32(c - j * stride) / np.float32(stride)
            upper = samples[i, j] + u * (samples[i, j + 1] - samples[i, j])
            lower = samples[i + 1, j] + u * (samples[i + 1, j + 1] - samples[i + 1, j])
            out[r, c] += upper + v * (lower - upper)


@numba.njit(inline="always", fastmath=True)
def _span(source: Array, ray: Array, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Shares of the ray, source 0 and detector 1, at which it enters and leaves the block."""
    enter, leave = 0.0, 1.0
    for k in range(3):
        top = shape[k] - 1.0
        if abs(ray[k]) < 1e-12:
            if source[k] < 0.0 or source[k] > top:
                return 1.0, 0.0
        else:
            near, far = -source[k] / ray[k], (top - source[k]) / ray[k]
            enter, leave = max(enter, min(near, far)), min(leave, max(near, far))
    return enter, leave


@numba.njit(fastmath=True, error_model="numpy")
def _ray_sum(volume: Film32, shape: tuple[int, int, int], start: Film32, step: Film32, steps: int) -> float:
    """Sum of trilinear values at start, start + step ... in voxel indices; the volume is flat, C order."""
    tops = np.uint32(shape[0] - 2), np.uint32(shape[1] - 2), np.uint32(shape[2] - 2)
    row, plane = np.uintp(shape[2]), np.uintp(shape[1] * shape[2])
    one = np.uintp(1)
    total = np.float32(0.0)
    for s in range(steps):
        at = np.float32(s)
        x, y, z = start[0] + at * step[0], start[1] + at * step[1], start[2] + at * step[2]
        # Unsigned indices spare the check for negative ones in the innermost loop.
        i, j, k = min(np.uint32(x), tops[0]), min(np.uint32(y), tops[1]), min(np.uint32(z), tops[2])
        u, v, w = x - np.float32(i), y - np.float32(j), z - np.float32(k)
        near = np.uintp(i) * plane + np.uintp(j) * row + np.uintp(k)
        far = near + plane
        a = volume[near] + w * (volume[near + one] - volume[near])
        b = volume[near + row] + w * (volume[near + row + one] - volume[near + row])
        c = volume[far] + w * (volume[far + one] - volume[far])
        d = volume[far + row] + w * (volume[far + row + one] - volume[far + row])
        a += v * (b - a)
        c += v * (d - c)
        total += a + u * (c - a)
    return float(total)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _cast_rows(
    volume: Film32,
    shape: tuple[int, int, int],
    source: Array,
    rays: Array,
    spacing: Array,
    step_mm: float,
    out: Film32,
) -> None:
    """Mid-point sums along the rays: ray (r, c) = rays[0] + c rays[1] + r rays[2], in voxel indices."""
    rows, columns = out.shape
    for r in numba.prange(rows):
        start, step = np.empty(3, dtype=np.float32), np.empty(3, dtype=np.float32)
        for c in range(columns):
            ray = rays[0] + c * rays[1] + r * rays[2]
            enter, leave = _span(source, ray, shape)
            if leave <= enter:
                continue
            length_mm = np.sqrt(np.sum((ray * spacing) ** 2)) * (leave - enter)
            steps = int(length_mm / step_mm) + 1
            share = (leave - enter) / steps
            for k in range(3):
                # Rounding may put the first sample a hair outside: zero is the first voxel centre.
                start[k] = max(source[k] + ray[k] * (enter + 0.5 * share), 0.0)
                step[k] = ray[k] * share
            out[r, c] = _ray_sum(volume, shape, start, step, steps) * length_mm / steps
