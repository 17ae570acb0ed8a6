"""The voxels of a volume, against which masks are held."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grid:
    """The voxels of a volume.

    Attributes
    ----------
    file : how messages call the volume
    shape : (int, int, int)
    affine_lps : array, shape (4, 4)
        Voxel index (i, j, k) to LPS mm.
    """

    file: str
    shape: tuple[int, int, int]
    affine_lps: Array
