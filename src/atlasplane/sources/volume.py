"""A CT, CBCT or MRI volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.types import Array
from atlasplane.sources.reading import Reading


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Volume:
    """Grey values on a regular grid.

    Attributes
    ----------
    file : str
        NIfTI file or DICOM folder, as the user named it.
    shape : (int, int, int)
    affine_lps : array, shape (4, 4)
        Voxel index (i, j, k) to LPS mm.
    hounsfield : bool
        Whether the greys are Hounsfield units.
    load_voxels : callable
        Reads the grey values, shape `shape`, when they are needed.
    readings : tuple of Reading
        Landmarks in LPS mm.
    masks : mapping bone -> file
    modality : "ct", "cbct" or "mri"
        The same bones have other reference values on each; the condition of what is measured.
    visit : str or None
        Id of the visit that what is measured belongs to; None where nobody said.
    """

    file: str
    shape: tuple[int, int, int]
    affine_lps: Array
    hounsfield: bool
    load_voxels: Callable[[], NDArray[np.generic]]
    readings: tuple[Reading, ...] = ()
    masks: Mapping[str, str] = field(default_factory=dict)
    modality: str = "ct"
    visit: str | None = None
