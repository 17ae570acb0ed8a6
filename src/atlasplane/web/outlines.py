"""Outlines of bones on a slice: where the plane cuts the surface of each mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.geometry.types import Array
from atlasplane.xray.slices import SlicePlane

TENTHS = 10
"""Outlines are sent in whole tenths of a pixel of the slice."""
_LEVEL = 0.5
_SLANTED_STRIDE = 2
"""Slanted slices cost several times as much: they are sampled at every second pixel."""
_STRAIGHT = 1e-9
"""Voxels that a pixel of an upright slice may stray along another axis of the grid."""
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
_ENDS = {
    1: ((_LEFT, _TOP),),
    2: ((_TOP, _RIGHT),),
    3: ((_LEFT, _RIGHT),),
    4: ((_RIGHT, _BOTTOM),),
    5: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)),
    6: ((_TOP, _BOTTOM),),
    7: ((_LEFT, _BOTTOM),),
    8: ((_LEFT, _BOTTOM),),
    9: ((_TOP, _BOTTOM),),
    10: ((_TOP, _RIGHT), (_LEFT, _BOTTOM)),
    11: ((_RIGHT, _BOTTOM),),
    12: ((_LEFT, _RIGHT),),
    13: ((_TOP, _RIGHT),),
    14: ((_LEFT, _TOP),),
}
"""Sides of a cell that an outline joins, by the corners that lie inside: 1 top left, 2 top right, 4 bottom
right, 8 bottom left."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BoneMask:
    """A mask cut to its box: `voxels` of 0 and 1 with an empty border, `start` the index of the first."""

    voxels: NDArray[np.uint8]
    start: Array


def cut_mask(mask: NDArray[np.bool_]) -> BoneMask:
    """A mask without the empty space about it; it must not be empty."""
    sides = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    box = tuple(slice(int(side[0]), int(side[-1]) + 1) for side in sides)
    start = np.array([side[0] - 1 for side in sides], dtype=float)
    return BoneMask(voxels=np.pad(mask[box].astype(np.uint8), 1), start=start)


def outlines(
    masks: Mapping[str, BoneMask], index_from_lps: Array, plane: SlicePlane
) -> dict[str, NDArray[np.int32]]:
    """Outline of each bone that the plane cuts: line pieces, in no order.

    Returns
    -------
    mapping bone -> array of int, shape (n, 4)
        Column and row of both ends of each piece, in tenths of a pixel of the slice.
    """
    found = {bone: _outline(mask, index_from_lps, plane) for bone, mask in masks.items()}
    return {bone: pieces for bone, pieces in found.items() if len(pieces)}


def _outline(mask: BoneMask, index_from_lps: Array, plane: SlicePlane) -> NDArray[np.int32]:
    corner, across, along = plane.corner_and_steps()
    turn, shift = index_from_lps[:3, :3], index_from_lps[:3, 3]
    first = turn @ corner + shift - mask.start
    steps = np.column_stack([turn @ along, turn @ across])
    window = _window(mask, first, steps, plane)
    if window is None:
        return np.zeros((0, 4), dtype=np.int32)
    (row, rows), (column, columns) = window
    stride = 1 if _is_straight(steps) else _SLANTED_STRIDE
    inside = _cut(
        mask.voxels,
        first + steps @ np.array([row, column], dtype=float),
        steps * stride,
        (-(-rows // stride), -(-columns // stride)),
    )
    pieces = _pieces(inside) * stride + np.array([column, row, column, row])
    whole: NDArray[np.int32] = np.rint(pieces * TENTHS).astype(np.int32)
    return whole


def _cut(
    voxels: NDArray[np.uint8], first: Array, steps: Array, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """The mask between its voxels, by trilinear interpolation, shape (rows, columns)."""
    if _is_straight(steps):
        return _straight_cut(voxels, first, steps, shape)
    found: NDArray[np.float32] = ndimage.affine_transform(
        voxels,
        np.column_stack([steps, np.zeros(3)]),
        offset=first,
        output_shape=(*shape, 1),
        output=np.float32,
        order=1,
        mode="constant",
        prefilter=False,
    )[:, :, 0]
    return found


def _is_straight(steps: Array) -> bool:
    """Whether rows and columns each run along an axis of the grid."""
    moves = np.abs(steps) > _STRAIGHT
    return bool(np.all(moves.sum(axis=0) == 1) and np.all(moves.sum(axis=1) <= 1))


def _straight_cut(
    voxels: NDArray[np.uint8], first: Array, steps: Array, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """The same along the axes of the grid: one axis after the other, many times as quick."""
    of_rows, of_columns = (int(axis) for axis in np.abs(steps).argmax(axis=0))
    depth = 3 - of_rows - of_columns
    part = _between(voxels, depth, np.array([first[depth]]))
    for way, axis in enumerate((of_rows, of_columns)):
        part = _between(part, axis, first[axis] + steps[axis, way] * np.arange(shape[way]))
    flat: NDArray[np.float32] = np.take(part, 0, axis=depth)
    return flat.T if of_rows > of_columns else flat


def _between(values: NDArray[np.generic], axis: int, at: Array) -> NDArray[np.float32]:
    """Values at these indices of one axis, linear between its voxels, nothing beyond its ends."""
    last = values.shape[axis] - 1
    low = np.clip(np.floor(at).astype(int), 0, max(last - 1, 0))
    share = np.where((at < 0) | (at > last), 0.0, at - low).astype(np.float32)
    whole = ((at >= 0) & (at <= last)).astype(np.float32)
    form = [1] * values.ndim
    form[axis] = len(at)
    upper, lower = share.reshape(form), (whole - share).reshape(form)
    found: NDArray[np.float32] = np.take(values, low, axis) * lower + np.take(values, low + 1, axis) * upper
    return found


def _window(
    mask: BoneMask, first: Array, steps: Array, plane: SlicePlane
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """First row and number of rows, then of columns, that the bone's box covers; None where it is not cut."""
    ends = np.array(list(product(*[(0.0, n - 1.0) for n in mask.voxels.shape])))
    normal = np.cross(steps[:, 0], steps[:, 1])
    heights = (ends - first) @ normal
    if heights.min() > 0 or heights.max() < 0:
        return None
    at = np.linalg.lstsq(steps, (ends - first).T, rcond=None)[0]
    low = np.maximum(np.floor(at.min(axis=1)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(at.max(axis=1)).astype(int) + 2, [plane.height, plane.width])
    if np.any(high - low < 2):
        return None
    return (int(low[0]), int(high[0] - low[0])), (int(low[1]), int(high[1] - low[1]))


def _pieces(inside: NDArray[np.float32]) -> Array:
    """Marching squares: (column, row, column, row) of each piece of the line at one half, shape (n, 4)."""
    over = inside >= _LEVEL
    kind = over[:-1, :-1] + 2 * over[:-1, 1:] + 4 * over[1:, 1:] + 8 * over[1:, :-1]
    rows, columns = np.nonzero((kind > 0) & (kind < 15))
    kind = kind[rows, columns]
    corners = [inside[rows + r, columns + c] for r, c in ((0, 0), (0, 1), (1, 1), (1, 0))]
    a, b, c, d = (each.astype(float) for each in corners)
    zero, one = np.zeros(len(rows)), np.ones(len(rows))
    sides = np.array(
        [
            [_crossing(a, b), zero],
            [one, _crossing(b, c)],
            [_crossing(d, c), one],
            [zero, _crossing(a, d)],
        ]
    )
    sides = sides.transpose(2, 0, 1) + np.column_stack([columns, rows])[:, None, :]
    pieces = [
        sides[kind == number][:, list(ends)].reshape(-1, 4)
        for number, joined in _ENDS.items()
        for ends in joined
    ]
    return np.concatenate(pieces) if pieces else np.zeros((0, 4))


def _crossing(start: Array, end: Array) -> Array:
    """Share of the way from one corner to the next at which the level is crossed; 0.5 where it is not."""
    apart = end - start
    safe = np.where(np.abs(apart) > 0, apart, 1.0)
    return np.clip(np.where(np.abs(apart) > 0, (_LEVEL - start) / safe, 0.5), 0.0, 1.0)
