"""Grey values on a regular grid in patient space, and parts and coarser copies of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.geometry.types import Array

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class GreyGrid:
    """Grey values and where they lie.

    Attributes
    ----------
    values : array, shape (nx, ny, nz), any numeric type
    affine_lps : array, shape (4, 4)
        Voxel index (i, j, k) of a voxel's centre to LPS mm.
    """

    values: NDArray[Any]
    affine_lps: Array

    @property
    def spacing_mm(self) -> Array:
        """Edges of a voxel, shape (3,), mm."""
        edges: Array = np.linalg.norm(self.affine_lps[:3, :3], axis=0)
        return edges

    def index_of(self, points_mm: Array) -> Array:
        """Fractional voxel indices of LPS points, shape (..., 3)."""
        back = np.linalg.inv(self.affine_lps)
        return np.asarray(np.asarray(points_mm, dtype=float) @ back[:3, :3].T + back[:3, 3])

    def place_of(self, index: NDArray[Any]) -> Array:
        """LPS mm of voxel indices, shape (..., 3)."""
        return np.asarray(index, dtype=float) @ self.affine_lps[:3, :3].T + self.affine_lps[:3, 3]

    def corners_mm(self) -> tuple[Array, Array]:
        """Lowest and highest LPS coordinates of any voxel's centre, each shape (3,)."""
        sizes = np.array(self.values.shape) - 1
        corners = self.place_of(np.array(np.meshgrid(*[(0, s) for s in sizes])).reshape(3, -1).T)
        return corners.min(axis=0), corners.max(axis=0)

    def box(self, low_mm: Array, high_mm: Array) -> Box:
        """Slices of the voxels that a box along the LPS axes touches; empty ones where it lies outside."""
        corners = np.array(np.meshgrid(*zip(low_mm, high_mm, strict=True))).reshape(3, -1).T
        index = self.index_of(corners)
        first = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
        last = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, self.values.shape)
        last = np.maximum(first, last)
        return (slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2]))

    def part(self, box: Box) -> GreyGrid:
        """The voxels of a box, float32."""
        affine = self.affine_lps.copy()
        affine[:3, 3] = self.place_of(np.array([s.start for s in box]))
        return GreyGrid(np.asarray(self.values[box], dtype=np.float32), affine)


def widened(box: Sequence[slice], voxels: int, shape: tuple[int, ...]) -> Box:
    """A box with a margin, within a grid of that shape."""
    x, y, z = (
        slice(max(s.start - voxels, 0), min(s.stop + voxels, n)) for s, n in zip(box, shape, strict=True)
    )
    return (x, y, z)


def coarser(grid: GreyGrid, step_mm: float) -> GreyGrid:
    """Means of whole blocks of voxels, the largest blocks whose edges stay within `step_mm`; float32."""
    factors = np.minimum(np.maximum((step_mm / grid.spacing_mm).astype(int), 1), grid.values.shape)
    kept = tuple(s - s % f for s, f in zip(grid.values.shape, factors, strict=True))
    blocks = grid.values[: kept[0], : kept[1], : kept[2]].reshape(
        *(n for s, f in zip(kept, factors, strict=True) for n in (s // f, f))
    )
    affine = grid.affine_lps.copy()
    affine[:3, :3] = affine[:3, :3] * factors
    affine[:3, 3] = grid.place_of((factors - 1) / 2)
    return GreyGrid(blocks.mean(axis=(1, 3, 5), dtype=np.float32), affine)


def along_axes(grid: GreyGrid, low_mm: Array, high_mm: Array, step_mm: float, *, outside: float) -> GreyGrid:
    """The grid resampled along the LPS axes with cubic voxels; `outside` where there is none."""
    source = coarser(grid, step_mm)
    size = np.maximum(np.ceil((np.asarray(high_mm) - low_mm) / step_mm).astype(int) + 1, 1)
    affine = np.diag([step_mm, step_mm, step_mm, 1.0])
    affine[:3, 3] = low_mm
    index = np.linalg.inv(source.affine_lps) @ affine
    values = ndimage.affine_transform(
        np.asarray(source.values, dtype=np.float32),
        index[:3, :3],
        index[:3, 3],
        output_shape=tuple(size),
        order=1,
        cval=outside,
    )
    return GreyGrid(values, affine)
