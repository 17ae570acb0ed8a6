"""Proposed masks and surfaces of skull, C1 and C2 from a CT or CBCT; a person accepts them or edits seeds.

Threshold, place of the neck, template fit, parting at the joints, filling, surfaces, checks: each step is a
module of this room. What comes out is a proposal with its checks, never a measurement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.volume.grid import Box, GreyGrid, along_axes
from atlasplane.volume.meshes import bone_surface
from atlasplane.volume.separation import LABELS, Labels, Priors, filled, parted, priors, sponge_inside
from atlasplane.volume.settings import setting
from atlasplane.volume.shape_check import JointParting, joint_findings, joint_partings, shape_findings
from atlasplane.volume.template_fit import TemplateFit, bone_surfaces, fitted, found_neck
from atlasplane.volume.threshold import GreyLevels, body_levels, surface_levels

BONES = LABELS[:3]
Mask = NDArray[np.bool_]
_LANDMARKS: Mapping[str, tuple[str, ...]] = {
    "skull": ("BA", "OP"),
    "c1": ("C1_AT", "C1_PT", "LMv_R", "LMv_L"),
    "c2": ("DENS_TIP", "DENS_Cv", "OD_BASE", "C2_AI", "C2_PI"),
}
"""Landmarks that lie on or in their bone; foramina and points between bones do not."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segmentation:
    """Masks and surfaces of the three bones, proposed by the program.

    Attributes
    ----------
    masks : mapping of "skull", "c1", "c2" to array of bool, shape of the volume
        Whole bones, sponge included; no voxel is in two of them.
    meshes : mapping bone -> TriangleMesh
        LPS mm; at the grey where bone begins, half way to the other bone where no gap is seen.
    checks : tuple of Finding
        What a person should look at; any of severity `STOP` means that a mask is not its bone.
    seeds : mapping bone -> array, shape (k, 3)
        LPS mm: those given, and for a bone without any, points well inside its mask.
    joints : tuple of JointParting
    levels : GreyLevels
    status : "proposed"
        Until a person accepts it.
    """

    masks: Mapping[str, Mask]
    meshes: Mapping[str, TriangleMesh]
    checks: tuple[Finding, ...]
    seeds: Mapping[str, Array]
    joints: tuple[JointParting, ...] = ()
    levels: GreyLevels | None = None
    status: str = field(default="proposed")

    @property
    def usable(self) -> bool:
        """Whether no check speaks against the masks being their bones."""
        return not any(check.severity is Severity.STOP for check in self.checks)


def seeds_from_landmarks(points_mm: Mapping[str, Array]) -> dict[str, Array]:
    """Seeds of each bone from the landmarks of a volume, LPS mm; bones without any are left out."""
    found = {}
    for bone, names in _LANDMARKS.items():
        at = [np.asarray(points_mm[name], dtype=float) for name in names if name in points_mm]
        if at:
            found[bone] = np.stack(at)
    return found


def segment(
    voxels: NDArray[np.generic],
    affine_lps: Array,
    *,
    hounsfield: bool,
    seeds: Mapping[str, Array] | None = None,
    name: str = "CT volume",
) -> Segmentation:
    """Masks of skull, C1 and C2 with their surfaces and checks.

    Parameters
    ----------
    voxels : array, shape (nx, ny, nz), any numeric type
    affine_lps : array, shape (4, 4)
        Voxel index to LPS mm; any spacing and direction.
    hounsfield : bool
        Whether the greys are Hounsfield units. Without them the levels are read off the histogram.
    seeds : mapping of "skull", "c1", "c2" or "other" to array, shape (k, 3), optional
        Points of a person in LPS mm; they override the templates around them. A seed of another bone, or of
        "other" (bone that is none of the three), says "not this bone".
    name : str
        What errors and findings call the volume.

    Returns
    -------
    Segmentation
        The skull's mask holds the mandible where the scan does not part them.

    Raises
    ------
    BadInput
        When the volume is empty, flat, not finite, too large or too small, without bone, or a seed is
        outside it.
    """
    grid = _checked(voxels, affine_lps, name)
    given = _checked_seeds(seeds or {}, grid, name)
    first = body_levels(grid.values, hounsfield=hounsfield, name=name)
    score, placed = found_neck(grid, first, given)
    middle = placed["c1"].points_mm.mean(axis=0)
    low, high = _within(grid, middle - setting("fit_box"), middle + setting("fit_box"), name)
    step = setting("fit_step")
    near = along_axes(grid, low, high, step, outside=first.soft)
    levels = surface_levels(np.asarray(near.values, dtype=np.float32), near.spacing_mm, first)
    fit = fitted(placed, bone_surfaces(near, levels.surface), score)
    box = _neck_box(grid, fit, name)
    neck = grid.part(box)
    levels = surface_levels(np.asarray(neck.values, dtype=np.float32), neck.spacing_mm, first)
    inside = _neck_masks(neck, levels, fit, given)
    masks = {bone: _placed(inside[bone], box, grid) for bone in ("c1", "c2")}
    masks["skull"] = _whole_skull(grid, levels, inside, box)
    meshes = {bone: _surface(bone, masks, grid, levels) for bone in BONES}
    joints = joint_partings(neck, levels, inside, fit)
    checks = (
        *shape_findings(masks, grid, meshes, fit),
        *joint_findings(joints),
        *_seed_findings(given, masks, grid),
    )
    return Segmentation(
        masks={bone: masks[bone] for bone in BONES},
        meshes=meshes,
        checks=checks,
        seeds={**_own_seeds(inside, neck), **given},
        joints=joints,
        levels=levels,
    )


def _checked(voxels: NDArray[np.generic], affine_lps: Array, name: str) -> GreyGrid:
    affine = np.asarray(affine_lps, dtype=float)
    if voxels.ndim != 3 or affine.shape != (4, 4):
        raise BadInput(
            name, f"is no volume: voxels {voxels.shape}, affine {affine.shape}", "Give one 3-D scan."
        )
    if not np.all(np.isfinite(affine)) or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise BadInput(name, "has no usable place in space", "Convert the scan again from its DICOM files.")
    if voxels.size > setting("most_voxels"):
        raise BadInput(
            name,
            f"has {voxels.size / 1e6:.0f} million voxels, over {setting('most_voxels') / 1e6:.0f} million",
            "Cut the scan to head and neck.",
        )
    grid = GreyGrid(voxels, affine)
    extent = grid.spacing_mm * np.array(voxels.shape)
    if np.any(extent < setting("least_extent")):
        shown = " x ".join(f"{e:.0f}" for e in extent)
        raise BadInput(
            name, f"covers {shown} mm, too little for C1 and C2", "Give the scan of the whole neck."
        )
    if voxels.dtype.kind == "f" and not all(np.all(np.isfinite(plane)) for plane in voxels):
        raise BadInput(name, "holds greys that are no numbers (NaN)", "Convert the scan again.")
    return grid


def _checked_seeds(seeds: Mapping[str, Array], grid: GreyGrid, name: str) -> dict[str, Array]:
    checked = {}
    for bone, points in seeds.items():
        at = np.asarray(points, dtype=float)
        if bone not in LABELS:
            raise BadInput(name, f"seeds of '{bone}'", f"Seeds are of {', '.join(LABELS)}.")
        if at.size == 0:
            continue
        if at.ndim != 2 or at.shape[1] != 3 or not np.all(np.isfinite(at)):
            raise BadInput(name, f"seeds of {bone} are not points of three numbers", "Give LPS millimetres.")
        index = grid.index_of(at)
        if np.any(index < -0.5) or np.any(index > np.array(grid.values.shape) - 0.5):
            raise BadInput(name, f"a seed of {bone} lies outside the scan", "Give LPS millimetres.")
        checked[bone] = at
    return checked


def _within(grid: GreyGrid, low_mm: Array, high_mm: Array, name: str) -> tuple[Array, Array]:
    first, last = grid.corners_mm()
    low, high = np.maximum(low_mm, first), np.minimum(high_mm, last)
    if np.any(high - low < setting("least_extent") / 2):
        raise BadInput(name, "ends where the neck was looked for", "Give a scan that holds C1 and C2.")
    return low, high


def _neck_box(grid: GreyGrid, fit: TemplateFit, name: str) -> Box:
    points = np.concatenate([fit.surfaces[bone].points_mm for bone in ("c1", "c2")])
    margin = setting("neck_margin")
    box = grid.box(points.min(axis=0) - margin, points.max(axis=0) + margin)
    count = int(np.prod([s.stop - s.start for s in box]))
    if count > setting("most_neck_voxels"):
        raise BadInput(
            name,
            f"holds {count / 1e6:.0f} million voxels around C1 and C2, more than "
            f"{setting('most_neck_voxels') / 1e6:.0f} million",
            "Resample the scan to 0.3 mm or more.",
        )
    if count == 0:
        raise BadInput(name, "does not hold the place of C1 and C2", "Give a scan of the upper neck.")
    return box


def _neck_masks(
    neck: GreyGrid, levels: GreyLevels, fit: TemplateFit, seeds: Mapping[str, Array]
) -> dict[str, Mask]:
    """Masks of the four labels in the neck; those of C1 and C2 are filled."""
    prior = priors(fit, *neck.corners_mm())
    labels = parted(neck, levels, fit, prior, seeds)
    masks = {"skull": labels == 1, "other": labels == 4}
    for bone in ("c1", "c2"):
        number = LABELS.index(bone) + 1
        depth = _depths(prior, bone, neck)
        masks[bone] = filled(
            labels == number,
            _free(labels, number, neck, levels),
            sponge_inside(neck, levels, depth),
            neck.spacing_mm,
        )
    masks["c2"] &= ~masks["c1"]
    masks["skull"] = ndimage.binary_fill_holes(ndimage.binary_closing(masks["skull"]) | masks["skull"]) & (
        masks["skull"] | _free(labels, 1, neck, levels)
    )
    masks["skull"] &= ~(masks["c1"] | masks["c2"] | masks["other"])
    return masks


def _depths(prior: Priors, bone: str, neck: GreyGrid) -> NDArray[np.float32]:
    """Signed distances to a template at every voxel of the neck, plane by plane to spare memory."""
    depth = np.empty(neck.values.shape, dtype=np.float32)
    plane = np.indices(neck.values.shape[1:]).reshape(2, -1).T
    for i in range(neck.values.shape[0]):
        index = np.column_stack([np.full(len(plane), i), plane])
        depth[i] = prior.at(bone, neck.place_of(index)).reshape(neck.values.shape[1:])
    return depth


def _free(labels: Labels, number: int, neck: GreyGrid, levels: GreyLevels) -> Mask:
    """Voxels that a bone may fill: its own, and unlabelled ones that are no air and not near another bone."""
    guard = max(1, round(setting("joint_guard") / float(neck.spacing_mm.min())))
    others = ndimage.binary_dilation((labels > 0) & (labels != number), iterations=guard)
    solid = neck.values > levels.soft - 6 * levels.spread
    return np.asarray((labels == number) | ((labels == 0) & ~others & solid))


def _placed(part: Mask, box: Box, grid: GreyGrid) -> Mask:
    whole = np.zeros(grid.values.shape, dtype=bool)
    whole[box] = part
    return whole


def _whole_skull(grid: GreyGrid, levels: GreyLevels, inside: Mapping[str, Mask], box: Box) -> Mask:
    """The skull of the neck with all bone of the scan that hangs together with it."""
    bone = np.asarray(grid.values > levels.surface)
    bone[box] = inside["skull"]
    labels, _ = ndimage.label(bone)
    touched = np.bincount(labels[box][inside["skull"]].ravel())
    touched[:1] = 0
    if not touched.any():
        return np.zeros(grid.values.shape, dtype=bool)
    # Specks of the neck that hang together with nothing are no skull.
    sizes = np.bincount(labels.ravel())[: len(touched)]
    kept = (touched > 0) & (sizes >= setting("least_body") * sizes[touched > 0].max())
    return np.asarray(np.append(kept, np.zeros(labels.max() + 1 - len(kept), dtype=bool))[labels])


def _surface(bone: str, masks: Mapping[str, Mask], grid: GreyGrid, levels: GreyLevels) -> TriangleMesh:
    others = np.zeros(grid.values.shape, dtype=bool)
    for other in BONES:
        if other != bone:
            others |= masks[other]
    return bone_surface(grid, levels.surface, masks[bone], others)


def _own_seeds(masks: Mapping[str, Mask], neck: GreyGrid) -> dict[str, Array]:
    """A few points of each bone, far from its surface and from each other."""
    found = {}
    for bone in BONES:
        inside = masks[bone]
        core = ndimage.binary_erosion(inside)
        index = np.argwhere(core if core.any() else inside)
        if not len(index):
            continue
        places = neck.place_of(index[:: max(len(index) // 5000, 1)])
        chosen = [places[int(np.argmin(np.linalg.norm(places - np.median(places, axis=0), axis=1)))]]
        for _ in range(int(setting("own_seeds")) - 1):
            away, _ = cKDTree(np.array(chosen)).query(places)
            chosen.append(places[int(np.argmax(away))])
        found[bone] = np.array(chosen)
    return found


def _seed_findings(
    seeds: Mapping[str, Array], masks: Mapping[str, Mask], grid: GreyGrid
) -> Iterator[Finding]:
    """Seeds that did not get their bone: too dark there, or too near to a seed of another bone."""
    reach = setting("seed_radius") + float(grid.spacing_mm.max())
    for bone in (b for b in BONES if b in seeds):
        rim = np.argwhere(masks[bone][grid.box(seeds[bone].min(0) - 5, seeds[bone].max(0) + 5)])
        first = [s.start for s in grid.box(seeds[bone].min(0) - 5, seeds[bone].max(0) + 5)]
        places = grid.place_of(rim + first) if len(rim) else np.full((1, 3), np.inf)
        missed = (
            cKDTree(places).query(seeds[bone])[0] > reach if len(rim) else np.ones(len(seeds[bone]), bool)
        )
        if missed.any():
            yield Finding(
                code="mask.seed_unused",
                severity=Severity.WARN,
                text=f"{int(missed.sum())} of {len(missed)} seeds of {bone} lie in no bone brighter than the "
                "surface level; they changed nothing. Put them on bright bone.",
                value=float(missed.sum()),
                limit=0.0,
                source="a seed labels the bone that it lies in",
            )
