"""Line integrals through padded voxels along the rays of a pinhole camera, with their first derivatives.

Joseph 1982 (doi:10.1109/TMI.1982.4307572): a ray is sampled once in every slice across the axis that it runs
most along, bilinearly within the slice, and each sample stands for the way from slice to slice. The
derivatives are those of this very sum. Only the two gradients within the slice are sampled. The third follows
from the integral of a gradient along a whole ray p(s) = S + s r, s = 0 .. 1, with nothing at both ends: with
G0 = integral of grad f ds and G1 = integral of s grad f ds, G0.r = 0 and G1.r = -(integral of f ds).

Pixels are worked out in small squares. The slices in which the rays of a square can meet anything are looked
up once for all of them; for every ray the places of its samples are then found in one loop that the compiler
turns into vector instructions, and the samples gathered and summed in another.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.types import Array
from atlasplane.xray.occupied import BRICK

TILE = 8
"""Edge of a square of pixels that are worked out together; their rays share cache lines."""
_NARROW = 0.3
"""The rays of a square advance along its main axis by at least this share of their largest component."""

_fast: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "nogil": True}
Film32 = NDArray[np.float32]


@numba.njit(inline="always", **_fast)
def _main_axis(ray):  # type: ignore[no-untyped-def]
    x, y, z = abs(ray[0]), abs(ray[1]), abs(ray[2])
    if x >= y and x >= z:
        return 0
    return 1 if y >= z else 2


@numba.njit(inline="always", **_fast)
def _set_ray(rays, column, row, ray):  # type: ignore[no-untyped-def]
    for k in range(3):
        ray[k] = rays[1, k] + column * rays[2, k] + row * rays[3, k]


@numba.njit(**_fast)
def _corner_slopes(rays, square, ray, slopes):  # type: ignore[no-untyped-def]
    """Main axis of a square of pixels and the slopes of its four corner rays along it; -1: rays too wide."""
    top, bottom, left, right = square
    _set_ray(rays, 0.5 * (left + right - 1), 0.5 * (top + bottom - 1), ray)
    a = _main_axis(ray)
    for n in range(4):
        _set_ray(rays, left if n % 2 == 0 else right - 1, top if n < 2 else bottom - 1, ray)
        if abs(ray[a]) < _NARROW * max(abs(ray[0]), abs(ray[1]), abs(ray[2])):
            return -1
        for k in range(3):
            slopes[n, k] = ray[k] / ray[a]
    return a


@numba.njit(**_fast)
def _met(bricks, axes, layer, rows, columns):  # type: ignore[no-untyped-def]
    """Whether any of a rectangle of bricks across a layer holds anything."""
    for j in range(rows[0], rows[1] + 1):
        for i in range(columns[0], columns[1] + 1):
            if axes[0] == 0:
                found = bricks[layer, j, i]
            elif axes[0] == 1:
                found = bricks[j, layer, i]
            else:
                found = bricks[j, i, layer]
            if found:
                return True
    return False


@numba.njit(**_fast)
def _slices_met(bricks, shape, axes, stride, source, slopes, near, number):  # type: ignore[no-untyped-def]
    """Slices in which rays between the corner rays may meet anything: flat starts, numbers; how many."""
    a, v, w = axes
    found = 0
    for layer in range(bricks.shape[a]):
        first, last = max(layer * BRICK, 1), min(layer * BRICK + BRICK, shape[a] - 1) - 1
        v_low, v_high, w_low, w_high = np.inf, -np.inf, np.inf, -np.inf
        for c in range(4):
            for end in (first - source[a], last - source[a]):
                at_v, at_w = source[v] + end * slopes[c, v], source[w] + end * slopes[c, w]
                v_low, v_high = min(v_low, at_v), max(v_high, at_v)
                w_low, w_high = min(w_low, at_w), max(w_high, at_w)
        if v_high < 0.5 or w_high < 0.5 or v_low > shape[v] - 1.5 or w_low > shape[w] - 1.5:
            continue
        rows = int(max(v_low, 0.0)) // BRICK, int(min(v_high + 1.0, shape[v] - 1.0)) // BRICK
        columns = int(max(w_low, 0.0)) // BRICK, int(min(w_high + 1.0, shape[w] - 1.0)) // BRICK
        if _met(bricks, axes, layer, rows, columns):
            for n in range(first, last + 1):
                near[found], number[found] = n * stride, n
                found += 1
    return found


@numba.njit(**_fast)
def _places(count, near, number, sides, line, tops, samples):  # type: ignore[no-untyped-def]
    """Flat index of the voxel before each sample of a ray, and the sample's offsets from it in the slice."""
    place, part_v, part_w = samples
    v, dv, w, dw = line
    top_v, top_w = tops
    low = np.float32(0.5)
    for n in range(np.int32(count)):
        k = number[n]
        y, z = v + k * dv, w + k * dw
        j, i = np.int32(y), np.int32(z)
        within = (y >= low) & (y <= top_v) & (z >= low) & (z <= top_w)
        # Voxel 0 lies in the rim: a sample there is nothing.
        place[n] = near[n] + j * sides[0] + i * sides[1] if within else np.int32(0)
        part_v[n] = y - np.float32(j)
        part_w[n] = z - np.float32(i)


@numba.njit(**_fast)
def _summed(flat, sides, count, samples):  # type: ignore[no-untyped-def]
    """Sum of the samples' values."""
    place, part_v, part_w = samples
    # Unsigned indices spare the check for negative ones.
    below, beside = np.uint64(sides[0]), np.uint64(sides[1])
    total = np.float32(0.0)
    for n in range(np.int32(count)):
        near = np.uint64(np.uint32(place[n]))
        a, b = flat[near], flat[near + beside]
        c, d = flat[near + below], flat[near + below + beside]
        a += part_w[n] * (b - a)
        c += part_w[n] * (d - c)
        total += a + part_v[n] * (c - a)
    return total


@numba.njit(**_fast)
def _derived(flat, sides, count, number, samples):  # type: ignore[no-untyped-def]
    """Sums of the samples' values, gradients along v and w, and slice numbers times these gradients."""
    place, part_v, part_w = samples
    below, beside = np.uint64(sides[0]), np.uint64(sides[1])
    zero = np.float32(0.0)
    total, by_v, by_w, k_by_v, k_by_w = zero, zero, zero, zero, zero
    for n in range(np.int32(count)):
        near = np.uint64(np.uint32(place[n]))
        k, v, w = number[n], part_v[n], part_w[n]
        a, b = flat[near], flat[near + beside]
        c, d = flat[near + below], flat[near + below + beside]
        upper, lower = b - a, d - c
        a += w * upper
        c += w * lower
        along_v, along_w = c - a, upper + v * (lower - upper)
        total += a + v * along_v
        by_v += along_v
        by_w += along_w
        k_by_v += k * along_v
        k_by_w += k * along_w
    return total, by_v, by_w, k_by_v, k_by_w


@numba.njit(**_fast)
def _cut(flat, sides, count, number, low, high, samples):  # type: ignore[no-untyped-def]
    """Drop samples that do not lie between the ends of the ray, where source or detector lie in the body.

    Returns what the outermost samples left miss or have too much, since their slices are cut.
    """
    place, part_v, part_w = samples
    first, last = 0, count - 1
    while first <= last and number[first] < low:
        place[first] = 0
        first += 1
    while last >= first and number[last] > high:
        place[last] = 0
        last -= 1
    extra = np.float32(0.0)
    if first <= last:
        for n, way in ((first, number[first] - low), (last, high - number[last])):
            if way < 1.0:
                near, beside, below = place[n], sides[1], sides[0]
                upper = flat[near] + part_w[n] * (flat[near + beside] - flat[near])
                near += below
                lower = flat[near] + part_w[n] * (flat[near + beside] - flat[near])
                extra += np.float32(way - 0.5) * (upper + part_v[n] * (lower - upper))
    return extra


@numba.njit(**_fast)
def _derivatives(sums, to_camera, ray_mm, arm_mm, camera, length, out):  # type: ignore[no-untyped-def]
    """Derivatives of one pixel by pose (w, d) and camera, into `out`; arguments as in `line_integrals`.

    `sums` holds the integrals of f, grad f and s grad f over s, gradients per voxel index.
    """
    g0, g1 = out[10:13], out[13:16]
    for k in range(3):
        g0[k] = (to_camera[k, 0] * sums[1] + to_camera[k, 1] * sums[2] + to_camera[k, 2] * sums[3]) * length
        g1[k] = (to_camera[k, 0] * sums[4] + to_camera[k, 1] * sums[5] + to_camera[k, 2] * sums[6]) * length
    by_length = sums[0] / length
    by_pitch = 0.0
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        out[k] = -(arm_mm[i] * g0[j] - arm_mm[j] * g0[i] + ray_mm[i] * g1[j] - ray_mm[j] * g1[i])
        out[3 + k] = -g0[k]
        by_pitch += (g1[k] + by_length * ray_mm[k]) * (ray_mm[k] - camera[3, k])
    for c in range(3):
        moved = 0.0
        for k in range(3):
            moved += camera[c, k] * (g0[k] - g1[k] - by_length * ray_mm[k])
        out[6 + c] = moved
    out[9] = by_pitch


@numba.njit(**_fast)
def _square(voxels, geometry, wanted, filled, square, axis, room):  # type: ignore[no-untyped-def]
    """Pixels of a square (top, bottom, left, right), the second and fourth excluded; rays along `axis`."""
    (values, bricks), (rays, rays_mm, to_camera, camera), (image, derivatives) = voxels, geometry, filled
    near, number, samples, slopes, work = room
    ray, ray_mm, sums, by, source = work[0], work[1], work[2], work[3], rays[0]
    flat, shape = values.reshape(-1), values.shape
    a, v, w = axis, (1 if axis == 0 else 0), (1 if axis == 2 else 2)
    stride = shape[1] * shape[2], shape[2], 1
    sides = np.int32(stride[v]), np.int32(stride[w])
    tops = np.float32(shape[v] - 1.5), np.float32(shape[w] - 1.5)
    count = _slices_met(bricks, shape, (a, v, w), np.int32(stride[a]), source, slopes, near, number)
    if count == 0:
        return
    for r in range(square[0], square[1]):
        for c in range(square[2], square[3]):
            if wanted.size > 0 and not wanted[r, c]:
                continue
            _set_ray(rays, c, r, ray)
            _set_ray(rays_mm, c, r, ray_mm)
            ds = 1.0 / ray[a]
            dv, dw = ray[v] * ds, ray[w] * ds
            v0, w0 = source[v] - source[a] * dv, source[w] - source[a] * dw
            line = np.float32(v0), np.float32(dv), np.float32(w0), np.float32(dw)
            _places(count, near, number, sides, line, tops, samples)
            low, high = min(source[a], source[a] + ray[a]), max(source[a], source[a] + ray[a])
            extra = np.float32(0.0)
            if number[0] - low < 1.0 or high - number[count - 1] < 1.0:
                extra = _cut(flat, sides, count, number, low, high, samples)
            length = np.sqrt(ray_mm[0] ** 2 + ray_mm[1] ** 2 + ray_mm[2] ** 2)
            width = abs(ds)
            if derivatives.size == 0:
                total = _summed(flat, sides, count, samples)
                image[r, c] = (total + extra) * width * length
                continue
            total, gv, gw, kgv, kgw = _derived(flat, sides, count, number, samples)
            if total == 0.0 and gv == 0.0 and gw == 0.0:
                continue
            sums[0] = (total + extra) * width
            image[r, c] = sums[0] * length
            sums[1 + v], sums[1 + w] = gv * width, gw * width
            sums[4 + v], sums[4 + w] = (
                (kgv - source[a] * gv) * ds * width,
                (kgw - source[a] * gw) * ds * width,
            )
            sums[1 + a] = -(sums[1 + v] * dv + sums[1 + w] * dw)
            sums[4 + a] = -(sums[4 + v] * dv + sums[4 + w] * dw) - sums[0] * ds
            _derivatives(sums, to_camera, ray_mm, rays_mm[0], camera, length, by)
            for k in range(10):
                derivatives[k, r, c] = by[k]


@numba.njit(cache=True, **_fast)
def line_integrals(
    voxels: tuple[NDArray[np.float32], NDArray[np.bool_]],
    geometry: tuple[Array, Array, Array, Array],
    wanted: NDArray[np.bool_],
    filled: tuple[Film32, Film32],
    share: tuple[int, int],
) -> None:
    """Line integrals, and their derivatives where there is room for them.

    Parameters
    ----------
    voxels : values, bricks
        As in `occupied.OccupiedVoxels`.
    geometry : rays, rays_mm, to_camera, camera
        rays, shape (4, 3), voxel indices: source; ray to pixel (0, 0); its change per column; per row.
        rays_mm, shape (4, 3), frame of the camera: from the origin of the solid to the source; the rest as in
        rays. to_camera, shape (3, 3): from a gradient per voxel index to one per mm on the camera's axes.
        camera, shape (4, 3): away from the detector along the central ray, column axis, row axis (unit
        vectors); way from the source to the detector's `centre_mm`, mm.
    wanted : array, shape (rows, columns) or (0, 0)
        Pixels to work out; (0, 0): all.
    filled : image, derivatives
        Zeros, shape (rows, columns) and (10, rows, columns) or (0, 0, 0): pose (w, d), then camera.
    share : (k, n)
        Every n-th row of squares is worked out, from the k-th on.
    """
    values, rays = voxels[0], geometry[0]
    rows, columns = filled[0].shape
    most = max(values.shape[0], values.shape[1], values.shape[2])
    slopes, work = np.empty((4, 3)), np.empty((4, 16))
    near, number = np.empty(most, np.int32), np.empty(most, np.float32)
    samples = np.empty(most, np.int32), np.empty(most, np.float32), np.empty(most, np.float32)
    room = near, number, samples, slopes, work
    for top in range(share[0] * TILE, rows, share[1] * TILE):
        for left in range(0, columns, TILE):
            square = top, min(top + TILE, rows), left, min(left + TILE, columns)
            # Rays too wide for a common main axis are taken one by one.
            edge = TILE if _corner_slopes(rays, square, work[0], slopes) >= 0 else 1
            for r in range(top, square[1], edge):
                for c in range(left, square[3], edge):
                    part = r, min(r + edge, rows), c, min(c + edge, columns)
                    axis = _corner_slopes(rays, part, work[0], slopes)
                    _square(voxels, geometry, wanted, filled, part, axis, room)
