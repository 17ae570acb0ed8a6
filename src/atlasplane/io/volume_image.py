"""A volume whose grid is known and whose greys wait on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile
from atlasplane.geometry.types import Array
from atlasplane.io.dicom_header import Person

VOXEL_MM = (0.02, 20.0)
"""A voxel outside this is not given in millimetres."""
FLAT = 1e-3
"""Volume of a voxel over the product of its edges; below this the grid has lost a dimension."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VolumeImage:
    """A volume as read from its file or folder.

    Attributes
    ----------
    shape : (int, int, int)
    affine_lps : array, shape (4, 4)
        Voxel index (i, j, k) to LPS mm.
    hounsfield : bool
        Whether the greys are Hounsfield units.
    load_voxels : callable
        Reads the greys, shape `shape`.
    person : Person or None
        Whom a DICOM header speaks of.
    """

    shape: tuple[int, int, int]
    affine_lps: Array
    hounsfield: bool
    load_voxels: Callable[[], NDArray[np.generic]]
    person: Person | None = None


def check_grid(affine: Array, shape: tuple[int, int, int], name: str) -> None:
    """Refuse a grid that is not finite, flat, or not in millimetres; raises BadFile."""
    again = "Convert the scan again from its DICOM files"
    if not np.all(np.isfinite(affine)):
        raise BadFile(name, "has a position in space that is no number", again)
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.all((edges >= VOXEL_MM[0]) & (edges <= VOXEL_MM[1])):
        shown = " x ".join(f"{edge:g}" for edge in edges)
        raise BadFile(name, f"has voxels of {shown} mm ({' x '.join(map(str, shape))} of them)", again)
    if abs(np.linalg.det(affine[:3, :3])) < FLAT * float(np.prod(edges)):
        raise BadFile(name, "has a grid without depth", again)
