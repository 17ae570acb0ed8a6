"""Whether masks can be the bones that they are named after.

A mask is held against a plausible volume and extent, against the fitted template, and against its
neighbours: is it there, in one piece, inside the scan, in its place, and was it parted by the image or only
by the template. Limits are proposals; each stands in the data folder with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.volume.grid import GreyGrid
from atlasplane.volume.settings import table
from atlasplane.volume.template_fit import TemplateFit
from atlasplane.volume.threshold import GreyLevels

Mask = NDArray[np.bool_]
NAMES = {"skull": "skull", "c1": "C1", "c2": "C2"}
JOINTS = {
    "c0_c1_right": ("skull", "c1", "right joint of skull and C1"),
    "c0_c1_left": ("skull", "c1", "left joint of skull and C1"),
    "c1_c2_right": ("c1", "c2", "right joint of C1 and C2"),
    "c1_c2_left": ("c1", "c2", "left joint of C1 and C2"),
    "dens_arch": ("c1", "c2", "joint of dens and anterior arch"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JointParting:
    """How two bones were parted at one joint.

    Attributes
    ----------
    joint : key of `JOINTS`
    facing : number of voxels of the first bone that face the second within the reach of a joint space
    touching : share of them that touch the second bone without a voxel below the surface level between
    unseen : share of them that touch it where the image shows no darker valley either
    """

    joint: str
    facing: int
    touching: float
    unseen: float

    @property
    def fused(self) -> bool:
        """Whether the threshold alone joins the two bones here."""
        return self.touching > 0


def joint_partings(
    neck: GreyGrid, levels: GreyLevels, masks: Mapping[str, Mask], fit: TemplateFit
) -> tuple[JointParting, ...]:
    """Every joint between the three bones; a joint whose bones do not face each other has `facing` 0."""
    found = []
    for joint, (one, other, _) in JOINTS.items():
        facing, distance = _facing(neck, masks[one], masks[other])
        at = _at_joint(joint, fit.frames["c1"].inverse().apply(neck.place_of(facing)))
        here, near = facing[at], distance[at]
        touching = near <= 1.01 * neck.spacing_mm.max()
        blind = touching & ~_valley(neck, levels, masks, (one, other), here) if len(here) else touching
        count = max(len(here), 1)
        found.append(
            JointParting(
                joint=joint,
                facing=len(here),
                touching=float(touching.sum() / count),
                unseen=float(blind.sum() / count),
            )
        )
    return tuple(found)


def _facing(neck: GreyGrid, one: Mask, other: Mask) -> tuple[NDArray[np.int64], Array]:
    """Voxels of one bone's surface near the other bone, and their distances to it, mm."""
    rims = [np.argwhere(m & ~ndimage.binary_erosion(m, border_value=1)) for m in (one, other)]
    if not all(len(r) for r in rims):
        return np.zeros((0, 3), dtype=np.int64), np.zeros(0)
    reach = _limit("joint_reach")
    distance, _ = cKDTree(neck.place_of(rims[1])).query(
        neck.place_of(rims[0]), distance_upper_bound=max(reach, 1.5 * float(neck.spacing_mm.max()))
    )
    near = np.isfinite(distance)
    return rims[0][near], distance[near]


def _at_joint(joint: str, isb_mm: Array) -> Mask:
    """Which places (frame of C1: X anterior, Z right) belong to a joint."""
    _, _, side = isb_mm.reshape(-1, 3).T
    inner = _limit("dens_half_width")
    if joint == "dens_arch":
        return np.asarray((np.abs(side) <= inner) & (isb_mm[:, 0] > 0))
    return np.asarray(side > inner if joint.endswith("right") else side < -inner)


def _valley(
    neck: GreyGrid,
    levels: GreyLevels,
    masks: Mapping[str, Mask],
    pair: tuple[str, str],
    at: NDArray[np.int64],
) -> Mask:
    """Whether the grey dips between the two bones at each voxel, against the lower of their two ridges."""
    low, high = at.min(axis=0), at.max(axis=0)
    reach = np.ceil(_limit("joint_reach") / neck.spacing_mm).astype(int)
    box = tuple(
        slice(max(a - 2 * r, 0), min(b + 2 * r + 1, n))
        for a, b, r, n in zip(low, high, reach, neck.values.shape, strict=True)
    )
    grey = levels.share(ndimage.gaussian_filter(np.asarray(neck.values[box], dtype=np.float32), 0.5))
    ridges = [ndimage.maximum_filter(np.where(masks[b][box], grey, 0), tuple(2 * reach + 1)) for b in pair]
    # The dip lies on either side of the boundary between the two labels.
    edge = ndimage.minimum_filter(grey, footprint=ndimage.generate_binary_structure(3, 1))
    index = tuple((at - [s.start for s in box]).T)
    lower = np.minimum(*(r[index] for r in ridges))
    return np.asarray(lower - edge[index] > _limit("least_valley"))


def joint_findings(partings: tuple[JointParting, ...]) -> Iterator[Finding]:
    """What a person should know of each joint."""
    for parting in partings:
        name = JOINTS[parting.joint][2]
        touching, unseen = (f"{100 * share:.0f} %" for share in (parting.touching, parting.unseen))
        if parting.unseen > _limit("unseen_share"):
            yield _finding(
                "mask.joint_unseen",
                Severity.WARN,
                f"{name}: the threshold fuses the bones, and over {unseen} of the joint the scan shows no "
                f"gap (limit {100 * _limit('unseen_share'):.0f} %); there the template parts them. Look at "
                "the joint, and set seeds where the parting is wrong.",
                parting.unseen,
                "unseen_share",
            )
        elif parting.touching > _limit("fused_share"):
            yield _finding(
                "mask.joint_fused",
                Severity.INFO,
                f"{name}: the threshold fuses the bones over {touching} of the joint; they were parted at "
                "the darkest place between them.",
                parting.touching,
                "fused_share",
            )


def shape_findings(
    masks: Mapping[str, Mask], grid: GreyGrid, meshes: Mapping[str, TriangleMesh], fit: TemplateFit
) -> Iterator[Finding]:
    """What speaks against a mask being its bone; nothing where nothing does."""
    if fit.score < _limit("least_score"):
        yield _finding(
            "mask.no_neck",
            Severity.STOP,
            f"The pattern of skull base, C1 and C2 is not found in the scan (likeness {fit.score:.2f}, "
            f"at least {_limit('least_score'):.2f}): is the upper neck in it? No mask is proposed as good.",
            fit.score,
            "least_score",
        )
    for bone in NAMES:
        yield from _bone_findings(bone, masks[bone], grid, meshes[bone], fit)
    yield from _order_findings(masks, grid)


def _bone_findings(
    bone: str, mask: Mask, grid: GreyGrid, mesh: TriangleMesh, fit: TemplateFit
) -> Iterator[Finding]:
    name = NAMES[bone]
    if not mask.any():
        yield _finding(
            "mask.missing", Severity.STOP, f"{name}: no bone was found at its place.", 0.0, "least_score"
        )
        return
    if bone == "skull":
        return
    yield from _size_findings(bone, mesh)
    yield from _piece_findings(bone, mask, grid)
    unlike = _unlikeness(mesh, fit, bone)
    if unlike > _limit("unlike"):
        yield _finding(
            "mask.unlike",
            Severity.STOP if unlike > _limit("far_unlike") else Severity.WARN,
            f"{name}: its surface lies {unlike:.1f} mm from the template on average (limit "
            f"{_limit('unlike'):.1f} mm): another bone, a leak, or an unusual shape.",
            unlike,
            "unlike",
        )


def _size_findings(bone: str, mesh: TriangleMesh) -> Iterator[Finding]:
    name = NAMES[bone]
    low, high = (_limit(f"{bone}_{end}_volume") for end in ("least", "most"))
    volume = mesh.volume_mm3 / 1000
    if not low <= volume <= high:
        yield _finding(
            "mask.volume",
            Severity.STOP,
            f"{name}: {volume:.1f} ml; between {low:g} and {high:g} ml are expected. Bone is missing, or "
            "another is with it.",
            volume,
            f"{bone}_least_volume" if volume < low else f"{bone}_most_volume",
        )
    extent = np.ptp(mesh.vertices_mm, axis=0)
    for axis, across in enumerate(("wide", "deep", "high")):
        least, most = _limit(f"{bone}_least_{across}"), _limit(f"{bone}_most_{across}")
        if not least <= extent[axis] <= most:
            yield _finding(
                "mask.extent",
                Severity.WARN,
                f"{name}: {extent[axis]:.0f} mm {across}; between {least:g} and {most:g} mm are expected.",
                float(extent[axis]),
                f"{bone}_{'least' if extent[axis] < least else 'most'}_{across}",
            )


def _piece_findings(bone: str, mask: Mask, grid: GreyGrid) -> Iterator[Finding]:
    name = NAMES[bone]
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    largest = float(np.bincount(labels.ravel())[1:].max() / mask.sum())
    if count > 1 and largest < _limit("one_piece"):
        yield _finding(
            "mask.pieces",
            Severity.WARN,
            f"{name}: the largest of {count} pieces holds {100 * largest:.0f} % of it (at least "
            f"{100 * _limit('one_piece'):.0f} % expected): the threshold breaks it.",
            largest,
            "one_piece",
        )
    cut = sum(int(np.take(mask, end, axis=axis).sum()) for axis in range(3) for end in (0, -1))
    if cut:
        yield _finding(
            "mask.cut",
            Severity.STOP,
            f"{name}: {cut} of its voxels lie on the border of the scan: the bone is not whole in it.",
            float(cut),
            "cut_voxels",
        )
    edge = float(grid.spacing_mm.max())
    if edge > _limit("coarsest_voxel"):
        yield _finding(
            "mask.coarse",
            Severity.STOP if edge > _limit("too_coarse_voxel") else Severity.WARN,
            f"{name}: voxels of {edge:.1f} mm are coarser than the joint spaces (limit "
            f"{_limit('coarsest_voxel'):.1f} mm); its surface and partings are rough.",
            edge,
            "coarsest_voxel",
        )


def _unlikeness(mesh: TriangleMesh, fit: TemplateFit, bone: str) -> float:
    """Mean of both ways between a mask's surface and the fitted template, mm."""
    every = max(len(mesh.vertices_mm) // 4000, 1)
    points = mesh.vertices_mm[::every]
    template = fit.surfaces[bone].points_mm
    there, _ = cKDTree(template).query(points)
    back, _ = cKDTree(mesh.vertices_mm).query(template)
    return float((there.mean() + back.mean()) / 2)


def _order_findings(masks: Mapping[str, Mask], grid: GreyGrid) -> Iterator[Finding]:
    heights = {}
    for bone in ("c1", "c2"):
        if not masks[bone].any():
            return
        heights[bone] = float(grid.place_of(np.argwhere(masks[bone]).mean(axis=0))[2])
    step = heights["c1"] - heights["c2"]
    low, high = _limit("least_step"), _limit("most_step")
    if not low <= step <= high:
        yield _finding(
            "mask.order",
            Severity.STOP,
            f"C1 lies {step:.0f} mm above C2; between {low:g} and {high:g} mm are expected: exchanged, or of "
            "another level.",
            step,
            "least_step" if step < low else "most_step",
        )


def _limit(name: str) -> float:
    return float(table("shape_check")[name]["value"])


def _finding(code: str, severity: Severity, text: str, value: float, limit: str) -> Finding:
    entry = table("shape_check")[limit]
    return Finding(
        code=code,
        severity=severity,
        text=text,
        value=value,
        limit=float(entry["value"]),
        source=entry["source"],
    )
