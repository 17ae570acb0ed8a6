"""The bones of a scan as a registration takes them: each cut out by its mask, on its own axes.

Attenuation is counted over that of soft tissue, which the films show as a smooth veil. A mask ends half way
up the blur of the scanner: one voxel more is kept around it, but for air, and none of the neighbour's mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.solids import CORTICAL_PER_MM, WATER_PER_MM, Solid
from atlasplane.core.errors import BadInput
from atlasplane.geometry.frames import ISB_FROM_LPS
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.volume_poses import NAMES
from atlasplane.sources.case import Case
from atlasplane.sources.volume import Volume
from atlasplane.xray.ct import HOUNSFIELD, GreyMap, attenuation
from atlasplane.xray.registration_problem import BoneModel

Mask = NDArray[np.bool_]
REGISTERED = ("skull", "c1", "c2")
"""Bones that are registered, from above downwards."""
_NEIGHBOURS = ndimage.generate_binary_structure(3, 3)
_RING_VOXELS = (3, 8)
"""Soft tissue around the bones: nearest and farthest voxel from a mask."""
_DENSE = 0.9
"""Quantile of the greys in the masks that is taken for dense bone."""
_MOST_SHEAR = 1e-3
_SEGMENT = "Run atlasplane segment CASE and accept what it finds, or name masks in case.toml"


def registered_volume(case: Case) -> Volume:
    """The scan that films are registered to: the first with masks of skull, C1 and C2, and landmarks.

    Raises
    ------
    BadInput
        When there is none; names what is missing.
    """
    if not case.volumes:
        what = "has no CT or CBCT: nothing can be registered"
        raise BadInput(
            str(case.folder), what, "Add one: atlasplane add CASE SCAN, then atlasplane segment CASE"
        )
    masked = [volume for volume in case.volumes if set(REGISTERED) <= set(volume.masks)]
    if not masked:
        first = case.volumes[0]
        lacking = ", ".join(NAMES[bone] for bone in REGISTERED if bone not in first.masks)
        raise BadInput(first.file, f"has no accepted mask of {lacking}", _SEGMENT)
    marked = next((volume for volume in masked if volume.readings), None)
    if marked is None:
        what = "has no landmarks: what a pose of its bones means is not known"
        raise BadInput(masked[0].file, what, "Mark skull, C1 and C2 on it: atlasplane mark CASE")
    return marked


def bone_models(volume: Volume) -> tuple[BoneModel, ...]:
    """Skull, C1 and C2 of a scan.

    Raises
    ------
    BadInput
        When a mask is of another volume, empty, exchanged with another, or shares voxels with it; when the
        scan's axes are not square.
    """
    masks = {bone: np.asarray(volume.load_mask(bone), dtype=bool) for bone in REGISTERED}
    voxel_from_solid, spacing = _axes(volume)
    check_masks(volume, masks)
    boxes = {bone: _box(mask) for bone, mask in masks.items()}
    voxels = np.asarray(volume.load_voxels())
    greys = HOUNSFIELD if volume.hounsfield else _grey_map(voxels, masks, volume.file)
    taken = np.zeros(volume.shape, dtype=np.uint8)
    for mask in masks.values():
        taken += mask
    return tuple(
        BoneModel(
            bone=bone,
            solid=_solid(voxels, masks[bone], taken, boxes[bone], greys, spacing),
            to_volume=voxel_from_solid,
        )
        for bone in REGISTERED
    )


def check_masks(volume: Volume, masks: Mapping[str, Mask]) -> None:
    """Refuse masks that are empty, of another grid, in another order than bones are, or in each other.

    Raises
    ------
    BadInput
        Naming the mask.
    """
    named = {bone: volume.masks.get(bone, volume.file) for bone in masks}
    for bone, mask in masks.items():
        if mask.shape != volume.shape:
            what = f"has {_by(mask.shape)} voxels, {volume.file} has {_by(volume.shape)}"
            raise BadInput(named[bone], what, "Make the mask on the very grid of the volume")
        if not mask.any():
            raise BadInput(named[bone], f"holds no voxel of {NAMES[bone]}", _SEGMENT)
    size = {bone: int(np.count_nonzero(mask)) for bone, mask in masks.items()}
    height = {bone: _height_mm(volume, mask) for bone, mask in masks.items()}
    for upper, lower in pairwise(masks):
        if height[upper] <= height[lower]:
            what = f"the mask of {NAMES[upper]} lies below that of {NAMES[lower]} ({named[lower]})"
            raise BadInput(named[upper], what, "Exchange the two in case.toml (masks), or segment again")
        shared = int(np.count_nonzero(masks[upper] & masks[lower]))
        if 2 * shared > min(size[upper], size[lower]):
            what = f"the masks of {NAMES[upper]} and {NAMES[lower]} hold the same voxels"
            raise BadInput(named[lower], what, "Name another mask for one of them in case.toml (masks)")
    largest = max(size, key=lambda bone: size[bone])
    if largest != "skull":
        what = f"the mask of {NAMES[largest]} is larger than that of the skull"
        raise BadInput(named[largest], what, "Exchange the two in case.toml (masks), or segment again")


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _height_mm(volume: Volume, mask: Mask) -> float:
    """Height of a mask's middle, LPS z."""
    middle = [
        float(np.average(np.arange(n), weights=_profile(mask, axis))) for axis, n in enumerate(mask.shape)
    ]
    return float(volume.affine_lps[2, :3] @ np.array(middle) + volume.affine_lps[2, 3])


def _profile(mask: Mask, axis: int) -> Array:
    profile: Array = np.count_nonzero(mask, axis=tuple(k for k in range(3) if k != axis)).astype(float)
    return profile


def _axes(volume: Volume) -> tuple[RigidTransform, Array]:
    """From millimetres along the voxel axes to the volume (ISB), and the edges of a voxel.

    Axes that a scan stores left-handed are turned into a proper frame by running along the first one
    backwards: `_solid` flips its values.
    """
    linear = volume.affine_lps[:3, :3]
    spacing = np.linalg.norm(linear, axis=0)
    axes = linear / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > _MOST_SHEAR:
        what = "has axes that are not square to each other (a tilted gantry)"
        raise BadInput(volume.file, what, "Resample the scan to square axes, and segment it again")
    origin = volume.affine_lps[:3, 3]
    if np.linalg.det(axes) < 0:
        axes = axes * np.array([-1.0, 1.0, 1.0])
        spacing = spacing * np.array([-1.0, 1.0, 1.0])
    u, _, v = np.linalg.svd(axes)
    return RigidTransform(ISB_FROM_LPS @ u @ v, ISB_FROM_LPS @ origin), spacing


def _box(mask: Mask) -> tuple[slice, slice, slice]:
    """Index ranges that hold a mask and two voxels around it."""
    spans = []
    for axis, size in enumerate(mask.shape):
        hit = np.flatnonzero(_profile(mask, axis))
        spans.append(slice(max(int(hit[0]) - 2, 0), min(int(hit[-1]) + 3, size)))
    return spans[0], spans[1], spans[2]


def _solid(
    voxels: NDArray[np.generic],
    mask: Mask,
    taken: NDArray[np.uint8],
    box: tuple[slice, slice, slice],
    greys: GreyMap,
    spacing: Array,
) -> Solid:
    """One bone over soft tissue; `taken` counts the masks of a voxel, a negative edge runs backwards."""
    own = mask[box]
    over, _ = attenuation(voxels[box], greys)
    over = over - np.float32(WATER_PER_MM)
    around = ndimage.binary_dilation(own, _NEIGHBOURS) & (taken[box] == 0)
    values = np.where(own, over, np.where(around, np.maximum(over, 0), np.float32(0))).astype(np.float32)
    origin = np.array([s.start for s in box], dtype=float) * spacing
    if spacing[0] < 0:
        values = values[::-1]
        origin[0] += (values.shape[0] - 1) * spacing[0]
    return Solid(
        attenuation_per_mm=np.ascontiguousarray(values), origin_mm=origin, spacing_mm=np.abs(spacing)
    )


def _grey_map(voxels: NDArray[np.generic], masks: Mapping[str, Mask], name: str) -> GreyMap:
    """Greys of a scan without Hounsfield units: soft tissue around the bones, dense bone inside their masks.

    The scale between the two is that of dense bone; a film's gain is fitted, so what counts are shapes and
    the level of soft tissue. Air continues the same line.
    """
    bone = np.zeros(voxels.shape, dtype=bool)
    for each in ("c1", "c2"):
        bone |= masks[each]
    box = _box(ndimage.binary_dilation(bone, iterations=_RING_VOXELS[1]))
    inner = bone[box] | masks["skull"][box]
    near = ndimage.binary_dilation(inner, iterations=_RING_VOXELS[0])
    ring = ndimage.binary_dilation(bone[box], iterations=_RING_VOXELS[1]) & ~near
    if not ring.any():
        raise BadInput(
            name, "shows no soft tissue around C1 and C2", "Scan a larger field, or check the masks"
        )
    water = float(np.median(voxels[box][ring].astype(np.float32)))
    dense = float(np.quantile(voxels[bone].astype(np.float32), _DENSE))
    if not dense > water:
        raise BadInput(name, "is no brighter in the masks of C1 and C2 than around them", _SEGMENT)
    per_grey = (CORTICAL_PER_MM - WATER_PER_MM) / (dense - water)
    return GreyMap(air=water - WATER_PER_MM / per_grey, water=water, bone=dense, hounsfield=False)
