"""A CT, CBCT or MRI volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn, get_args

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadInput
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.sources.reading import Reading

BoneName = Literal["skull", "c1", "c2", "c3", "c4", "c5", "c6", "c7"]
BONES: tuple[str, ...] = get_args(BoneName)
"""The bones that a volume can have masks and meshes of."""


def _without_masks(bone: str) -> NoReturn:
    raise BadInput(
        bone, "has no mask in this volume", "Name one in case.toml (masks), or run atlasplane segment"
    )


def _without_meshes(bone: str) -> NoReturn:
    raise BadInput(
        bone, "has no mesh in this volume", "Name one in case.toml (meshes), or run atlasplane segment"
    )


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
    masks, meshes : mapping bone -> file
        What a person accepted, or named by hand; a proposal that waits is not among them.
    load_mask : callable
        Bone to its mask, booleans of shape `shape`; raises BadInput for a bone without one, or one on another
        grid.
    load_mesh : callable
        Bone to its surface, LPS mm; raises BadInput for a bone without one.
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
    meshes: Mapping[str, str] = field(default_factory=dict)
    load_mask: Callable[[str], NDArray[np.bool_]] = _without_masks
    load_mesh: Callable[[str], TriangleMesh] = _without_meshes
    modality: str = "ct"
    visit: str | None = None
