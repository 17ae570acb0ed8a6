"""Masks of bones as NIfTI files on the grid of their volume: read, and written whole or not at all.

A mask holds one bone (every voxel 0 or one other number), or several, one label each. Axes may be stored in
another order or direction than the volume's, as other programs do; the voxels themselves must be the same.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.geometry.frames import LPS_FROM_RAS
from atlasplane.geometry.types import Array
from atlasplane.io.atomic import write_bytes
from atlasplane.io.limits import agreement
from atlasplane.io.nifti import read_nifti
from atlasplane.io.volume_file import NIFTI_ENDS
from atlasplane.io.volume_grid import Grid
from atlasplane.io.volume_image import VolumeImage

_REMEDY = "Make the mask on the very grid of the volume, without resampling"


class EmptyMask(BadInput):
    """A mask without a voxel of the bone."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Turn:
    """How a file's axes become those of the volume: `axes` in that order, then those in `flipped` turned."""

    axes: tuple[int, int, int]
    flipped: tuple[int, ...]


def check_mask(path: Path, *, name: str, grid: Grid) -> None:
    """Refuse a mask that does not lie on the volume's grid; only its header is read.

    Raises
    ------
    BadInput
        Naming file, fault and remedy.
    """
    _turn(_image(path, name), name, grid)


def read_mask(path: Path, *, name: str, grid: Grid, label: int | None = None) -> NDArray[np.bool_]:
    """One bone of a mask file, booleans of the volume's shape.

    Parameters
    ----------
    label : int, optional
        Number of the bone in a file of several; without it the file must hold one bone only.

    Raises
    ------
    BadInput
        When the grid is another than the volume's, the values are no labels, several labels stand without one
        being named; EmptyMask when no voxel belongs to the bone.
    """
    image = _image(path, name)
    turn = _turn(image, name, grid)
    found = _labelled(np.asarray(image.load_voxels()), name, label)
    turned = np.flip(np.transpose(found, turn.axes), turn.flipped)
    return np.ascontiguousarray(turned)


def mask_bytes(mask: NDArray[np.bool_], affine_lps: Array) -> bytes:
    """A mask as .nii.gz: 0 outside, 1 inside, in the volume's own order of axes.

    The same mask gives the same bytes, so a digest stands for it.
    """
    library: Any = nibabel
    affine = np.diag([*np.diag(LPS_FROM_RAS), 1.0]) @ np.asarray(affine_lps, dtype=float)
    image = library.Nifti1Image(mask.astype(np.uint8), affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=4, mtime=0)


def write_mask(path: Path, mask: NDArray[np.bool_], affine_lps: Array) -> None:
    """Write a mask as .nii.gz, whole or not at all; raises OutputFailed."""
    write_bytes(path, mask_bytes(mask, affine_lps))


def _image(path: Path, name: str) -> VolumeImage:
    if not path.name.lower().endswith(NIFTI_ENDS):
        raise BadInput(name, "is no NIfTI file", "Save the mask as .nii.gz")
    return read_nifti(path, name=name, hounsfield=False)


def _turn(image: VolumeImage, name: str, grid: Grid) -> _Turn:
    """How the mask's axes lie in the volume; raises BadInput where the voxels are not the same."""
    moves = np.linalg.inv(grid.affine_lps) @ image.affine_lps
    whole = np.rint(moves[:3, :3])
    is_turn = np.array_equal(np.abs(whole).sum(axis=0), [1, 1, 1]) and np.array_equal(
        np.abs(whole).sum(axis=1), [1, 1, 1]
    )
    if not is_turn:
        raise BadInput(name, f"has other voxels than {grid.file} (turned or of another size)", _REMEDY)
    axes = np.abs(whole).argmax(axis=1)
    if tuple(image.shape[axis] for axis in axes) != grid.shape:
        sizes = " x ".join(map(str, image.shape)), " x ".join(map(str, grid.shape))
        raise BadInput(name, f"has {sizes[0]} voxels, {grid.file} has {sizes[1]}", _REMEDY)
    flipped = tuple(int(axis) for axis in range(3) if whole[axis].sum() < 0)
    away = _corner_distance(moves, whole, image.shape, grid.shape, flipped)
    if away > agreement("mask_grid_voxel"):
        raise BadInput(name, f"lies {away:.2g} voxels beside {grid.file}", _REMEDY)
    return _Turn(axes=(int(axes[0]), int(axes[1]), int(axes[2])), flipped=flipped)


def _corner_distance(
    moves: Array,
    whole: Array,
    mask_shape: tuple[int, int, int],
    shape: tuple[int, int, int],
    flipped: tuple[int, ...],
) -> float:
    """Farthest corner of the mask from where a plain turn of its axes puts it, in voxels of the volume."""
    corners = np.array(list(product(*[(0, n - 1) for n in mask_shape])), dtype=float)
    found = corners @ moves[:3, :3].T + moves[:3, 3]
    ends = np.array([shape[axis] - 1 if axis in flipped else 0 for axis in range(3)])
    return float(np.abs(found - (corners @ whole.T + ends)).max())


def _labelled(values: NDArray[np.generic], name: str, label: int | None) -> NDArray[np.bool_]:
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise BadFile(name, "holds fractions, not labels", "Save it as a mask of whole numbers")
    if label is not None:
        found: NDArray[np.bool_] = values == label
        missing = f"has no voxel of label {label}"
    else:
        found = values != 0
        inside = values[found]
        missing = "has no voxel that belongs to the bone"
        if inside.size and inside.min() != inside.max():
            what = "holds several labels, and none is named"
            raise BadInput(name, what, 'Name one in case.toml: { file = "…", label = 3 }')
    if not found.any():
        raise EmptyMask(name, missing, "Check that this is the right file")
    return found
