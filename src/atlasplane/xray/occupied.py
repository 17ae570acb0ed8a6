"""Voxels made ready for rays: the occupied box, padded, with a table of the bricks that hold anything.

Rays that know where a solid is empty skip it, and a rim of zeros lets them run without asking what lies
beyond the last voxel: the attenuation falls to nothing over one voxel there.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.types import Array

RIM = 2
"""Layers of zeros around the occupied voxels; rays are sampled up to the middle of the outer one."""
BRICK = 4
"""Edge of a brick in voxels."""
_MOST_VOXELS = 2**31 - 1
_FAR_END = np.array(list(itertools.product((False, True), repeat=3)))
"""Which corners of a box lie at its far end, along each axis."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OccupiedVoxels:
    """What rays need of a voxel block.

    Attributes
    ----------
    values : array of float32, shape (nx, ny, nz)
        Attenuation per mm of the occupied box within a rim of zeros, C order.
    first : array, shape (3,)
        Index of `values[0, 0, 0]` in the block; negative where the rim lies outside of it.
    bricks : array of bool, shape (bx, by, bz)
        Whether `values` holds anything but zeros in the `BRICK`^3 voxels from `BRICK` * (i, j, k) on.
    """

    values: NDArray[np.float32]
    first: Array
    bricks: NDArray[np.bool_]

    def corners_mm(self, solid: Solid) -> Array:
        """Corners of the box beyond which the interpolated attenuation is nothing, shape (8, 3)."""
        last = np.array(self.values.shape) - RIM
        index = np.where(_FAR_END, last, RIM - 1)
        corners: Array = solid.origin_mm + (self.first + index) * solid.spacing_mm
        return corners


_made: dict[int, OccupiedVoxels | None] = {}


def occupied_voxels(solid: Solid) -> OccupiedVoxels | None:
    """The voxels of a solid made ready for rays; None when all are zero.

    Made once and kept as long as the array of the solid lives: its values must not be changed in place after
    the first projection.

    Raises
    ------
    ValueError
        When the block has more voxels than a 32-bit index can name.
    """
    block = solid.attenuation_per_mm
    key = id(block)
    if key not in _made:
        _made[key] = _ready(block)
        weakref.finalize(block, _made.pop, key, None).atexit = False
    return _made[key]


def _ready(block: NDArray[np.float32]) -> OccupiedVoxels | None:
    filled = block != 0
    ends = []
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        at = np.flatnonzero(filled.any(axis=others))
        if not at.size:
            return None
        ends.append((int(at[0]), int(at[-1]) + 1))
    box = tuple(slice(first, last) for first, last in ends)
    shape = [last - first + 2 * RIM for first, last in ends]
    check_size(shape)
    values = np.zeros(shape, dtype=np.float32)
    values[(slice(RIM, -RIM),) * 3] = block[box]
    return OccupiedVoxels(
        values=values, first=np.array([first - RIM for first, _ in ends], dtype=float), bricks=_bricks(values)
    )


def check_size(shape: Sequence[int]) -> None:
    """Refuse a block whose voxels a 32-bit index cannot name.

    Raises
    ------
    ValueError
    """
    if math.prod(shape) > _MOST_VOXELS:
        raise ValueError(f"a block of {tuple(shape)} voxels is too large to be projected")


def _bricks(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    filled = values != 0
    for axis in range(3):
        filled = np.logical_or.reduceat(filled, np.arange(0, values.shape[axis], BRICK), axis=axis)
    return np.ascontiguousarray(filled)
