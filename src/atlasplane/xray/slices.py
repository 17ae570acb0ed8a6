"""Slices of a volume in any direction, by trilinear interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SlicePlane:
    """A picture in space.

    Attributes
    ----------
    centre_mm : array, shape (3,)
        Its middle, LPS.
    right, down : array, shape (3,)
        Unit vectors along its columns and rows.
    width, height : int
        Pixels.
    mm_per_px : float
    """

    centre_mm: Array
    right: Array
    down: Array
    width: int
    height: int
    mm_per_px: float

    def __post_init__(self) -> None:
        turned = np.array([self.right, self.down])
        if not np.all(np.isfinite([*turned.ravel(), *self.centre_mm, self.mm_per_px])):
            raise ValueError("the plane's numbers must be finite")
        if not np.allclose(turned @ turned.T, np.eye(2), atol=1e-6):
            raise ValueError("right and down must be unit vectors at right angles")
        if not (self.width > 0 and self.height > 0 and self.mm_per_px > 0):
            raise ValueError("the plane must have a size")

    def corner_and_steps(self) -> tuple[Array, Array, Array]:
        """LPS mm of pixel (0, 0), and the steps to the next column and row, each of shape (3,)."""
        across, along = self.right * self.mm_per_px, self.down * self.mm_per_px
        corner = self.centre_mm - (self.width - 1) / 2 * across - (self.height - 1) / 2 * along
        return corner, across, along


def oblique_slice(
    voxels: NDArray[np.generic], index_from_lps: Array, plane: SlicePlane, *, outside: float
) -> NDArray[np.float32]:
    """Greys of a volume in a plane, shape (height, width).

    Parameters
    ----------
    voxels : array, shape (nx, ny, nz)
    index_from_lps : array, shape (4, 4)
        LPS mm to voxel index (i, j, k), whose whole numbers are centres of voxels.
    plane : SlicePlane
    outside : float
        Grey of what lies beyond the outermost centres.
    """
    corner, across, along = plane.corner_and_steps()
    turn, shift = index_from_lps[:3, :3], index_from_lps[:3, 3]
    # The affine maps (row, column) to an index: the interpolation never sees a list of points.
    matrix = np.column_stack([turn @ along, turn @ across, np.zeros(3)])
    found: NDArray[np.float32] = ndimage.affine_transform(
        voxels,
        matrix,
        offset=turn @ corner + shift,
        output_shape=(plane.height, plane.width, 1),
        output=np.float32,
        order=1,
        mode="constant",
        cval=outside,
        prefilter=False,
    )
    return found[:, :, 0]
