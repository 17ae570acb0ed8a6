"""Masks that another program made of a scan: given surfaces, and held against the template like our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.types import Array
from atlasplane.volume.grid import GreyGrid, along_axes
from atlasplane.volume.meshes import bone_surface
from atlasplane.volume.segmentation import BONES, Segmentation
from atlasplane.volume.settings import setting
from atlasplane.volume.shape_check import NAMES, joint_findings, joint_partings, shape_findings
from atlasplane.volume.template_fit import bone_surfaces, fitted, found_neck
from atlasplane.volume.threshold import body_levels, surface_levels

Mask = NDArray[np.bool_]


def checked_masks(
    voxels: NDArray[np.generic],
    affine_lps: Array,
    masks: Mapping[str, Mask],
    *,
    hounsfield: bool,
    looked_for: Iterable[str],
    name: str,
) -> Segmentation:
    """Surfaces and checks of masks; the template is fitted to the scan without looking at them.

    Parameters
    ----------
    voxels : array, shape (nx, ny, nz)
    affine_lps : array, shape (4, 4)
        Voxel index to LPS mm.
    masks : mapping bone -> array of bool, shape of the volume
    hounsfield : bool
    looked_for : iterable of str
        Bones that the program can find: of these a missing one is a finding.
    name : str
        What errors call the volume.

    Raises
    ------
    BadInput
        When the volume holds no bone.
    """
    grid = GreyGrid(voxels, np.asarray(affine_lps, dtype=float))
    first = body_levels(grid.values, hounsfield=hounsfield, name=name)
    score, placed = found_neck(grid, first, {})
    middle = placed["c1"].points_mm.mean(axis=0)
    low, high = grid.corners_mm()
    reach = setting("fit_box")
    near = along_axes(
        grid,
        np.maximum(middle - reach, low),
        np.minimum(middle + reach, high),
        setting("fit_step"),
        outside=first.soft,
    )
    levels = surface_levels(np.asarray(near.values, dtype=np.float32), near.spacing_mm, first)
    fit = fitted(placed, bone_surfaces(near, levels.surface), score)
    empty = np.zeros(grid.values.shape, dtype=bool)
    whole = {bone: masks.get(bone, empty) for bone in BONES}
    meshes = {
        bone: bone_surface(grid, levels.surface, own, _others(whole, bone)) for bone, own in whole.items()
    }
    unsought = {NAMES[bone] for bone in BONES if bone not in set(looked_for)}
    checks = [
        found
        for found in shape_findings(whole, grid, meshes, fit)
        if not (found.code == "mask.missing" and found.text.partition(":")[0] in unsought)
    ]
    joints = joint_partings(grid, levels, whole, fit)
    return Segmentation(
        masks=dict(masks),
        meshes={bone: meshes[bone] for bone in masks},
        checks=(*checks, *joint_findings(joints)),
        seeds={},
        joints=joints,
        levels=levels,
    )


def _others(masks: Mapping[str, Mask], bone: str) -> Mask:
    found: Mask = np.any([mask for other, mask in masks.items() if other != bone], axis=0)
    return found
