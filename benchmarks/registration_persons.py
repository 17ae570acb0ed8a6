"""Persons whose bones are known exactly, and the CBCT of them that a registration is given.

The truth is finer than the scan and stands on other voxels: bones of the phantom, or C1 and C2 of BodyParts3D
filled with cortex and sponge. The scan adds the bones up, blurs them, and has noise and a gain of its own; a
bone is cut out of it by a mask a voxel too wide, from which the neighbours' bone is taken away.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.phantom import Phantom, Posture, posture, random_phantom
from atlasplane.anatomy.solids import CANCELLOUS_PER_MM, CORTICAL_PER_MM, SOFT, WATER_PER_MM, Solid
from atlasplane.anatomy.solids_cervical import atlas, axis, trunk
from atlasplane.anatomy.solids_field import Block3, grain
from atlasplane.anatomy.solids_person import person_of
from atlasplane.anatomy.solids_skull import skull
from atlasplane.anatomy.solids_soft import soft_tissue
from atlasplane.geometry.frames import ISB_FROM_LPS
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_problem import BoneModel

BONES = ("skull", "c1", "c2")
BEHIND = ("trunk", SOFT)
"""Shown by the films and held by no model: bones below C2, soft tissue."""
CORTEX_MM = 1.2
"""Of bones made of surfaces."""
_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Grey = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Voxels:
    """Edges of voxels in mm: of the truth, and of the scan's bones."""

    skull: float = 0.75
    spine: float = 0.35
    behind: float = 0.8
    soft: float = 2.5
    scan: Mapping[str, float] | None = None

    def of_scan(self, bone: str) -> float:
        """Of one bone in the scan."""
        return (self.scan or SCAN_VOXELS)[bone]


SCAN_VOXELS: Mapping[str, float] = {"skull": 0.8, "c1": 0.4, "c2": 0.4}
FINE = Voxels()
COARSE = Voxels(skull=1.4, spine=0.7, behind=1.6, soft=5.0, scan={"skull": 1.6, "c1": 0.8, "c2": 0.8})
"""For the test run."""


@dataclass(frozen=True, kw_only=True)
class ScanQuality:
    """What a scan does to the truth.

    Attributes
    ----------
    blur_mm : 1 sd
    noise : 1 sd of a voxel as a share of what dense cortex holds over water
    gain : factor of all attenuations less 1
    field_mm : diameter of the field, a standing cylinder; it ends just above the nasion
    """

    blur_mm: float = 0.35
    noise: float = 0.10
    gain: float = 0.03
    field_mm: float = 170.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Person:
    """True bones and soft tissue of one person, each in the frame of its bone."""

    phantom: Phantom
    solids: Mapping[str, Solid]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scan:
    """A scan of a person.

    Attributes
    ----------
    bones : tuple of BoneModel
        Skull, C1, C2 as cut out of the scan.
    placed : mapping name -> RigidTransform
        True frame of every solid of the person -> volume, as scanned.
    """

    bones: tuple[BoneModel, ...]
    placed: Mapping[str, RigidTransform]

    def centre_mm(self, bone: str) -> Array:
        """Point of the volume that changes of the bone's pose turn about."""
        return next(model.centre_mm for model in self.bones if model.bone == bone)


def random_person(
    rng: np.random.Generator, *, voxels: Voxels = FINE, surfaces: Mapping[str, TriangleMesh] | None = None
) -> Person:
    """A person of the phantom population; with surfaces, C1 and C2 have those in place of the phantom's.

    Parameters
    ----------
    surfaces : mapping bone -> TriangleMesh, optional
        Closed, LPS mm, anywhere.
    """
    phantom = random_phantom(rng)
    mean_size = person_of(phantom)
    edges = {name: v / mean_size.size for name, v in vars(voxels).items() if name != "scan"}
    blocks: dict[str, Block3] = {
        "skull": skull(mean_size, edges["skull"], rng),
        "trunk": trunk(mean_size, edges["behind"], rng),
        SOFT: soft_tissue(mean_size, edges["soft"]),
    }
    if surfaces is None:
        blocks |= {"c1": atlas(mean_size, edges["spine"], rng), "c2": axis(mean_size, edges["spine"], rng)}
    made = {name: _sized(block, mean_size.size) for name, block in blocks.items()}
    if surfaces is not None:
        made |= _surface_solids(rng, surfaces, phantom, voxels.spine)
    return Person(phantom=phantom, solids=made)


def bodyparts_surfaces() -> dict[str, TriangleMesh] | None:
    """C1 and C2 of BodyParts3D, LPS mm; None where they are not there (ATLASPLANE_DATA)."""
    from tests.mask_cases import bodyparts

    folder = Path(os.environ.get("ATLASPLANE_DATA", _DATA))
    if not (folder / "meshes").is_dir():
        return None
    parts = bodyparts(folder)
    return {bone: parts[bone][0] for bone in ("c1", "c2")}


def scan_of(
    rng: np.random.Generator,
    person: Person,
    *,
    voxels: Voxels = FINE,
    quality: ScanQuality | None = None,
) -> Scan:
    """A scan of a person who sits with the neck by chance bent a little."""
    quality = quality or ScanQuality()
    stands = posture(
        person.phantom,
        head_deg=rng.normal(0.0, (2.0, 4.0, 2.0)),
        atlas_deg=rng.normal((-12.0, 0.0, 0.0), (4.0, 2.0, 2.0)),
        axis_deg=rng.normal(0.0, (5.0, 2.0, 3.0)),
        trunk_deg=rng.normal(0.0, (8.0, 2.0, 3.0)),
    )
    placed = {name: _place(stands, name) for name in person.solids}
    bones = tuple(_scanned(rng, bone, person, placed, voxels.of_scan(bone), quality) for bone in BONES)
    return Scan(bones=bones, placed=placed)


def _place(stands: Posture, name: str) -> RigidTransform:
    return stands.room_from("skull" if name == SOFT else name)


def _sized(block: Block3, size: float) -> Solid:
    made = block.solid()
    return Solid(
        attenuation_per_mm=made.attenuation_per_mm,
        origin_mm=made.origin_mm * size,
        spacing_mm=made.spacing_mm * size,
    )


def _surface_solids(
    rng: np.random.Generator, surfaces: Mapping[str, TriangleMesh], phantom: Phantom, edge_mm: float
) -> dict[str, Solid]:
    """Cortex and sponge inside surfaces, which stand where the phantom's bones do."""
    solids = {}
    place = phantom.origins_mm["c1"]
    upper = surfaces["c1"].vertices_mm.mean(axis=0) @ ISB_FROM_LPS.T
    for bone, mesh in surfaces.items():
        vertices = mesh.vertices_mm @ ISB_FROM_LPS.T - upper + place - phantom.origins_mm[bone]
        solids[bone] = _filled(rng, TriangleMesh(vertices, mesh.faces), edge_mm)
    return solids


def _filled(rng: np.random.Generator, mesh: TriangleMesh, edge_mm: float) -> Solid:
    from tests.mask_cases import coverage

    low = mesh.vertices_mm.min(axis=0) - 2 * edge_mm
    count = np.ceil((mesh.vertices_mm.max(axis=0) + 2 * edge_mm - low) / edge_mm).astype(int) + 1
    size = (int(count[0]), int(count[1]), int(count[2]))
    share = coverage(mesh, low, edge_mm, size)
    depth = ndimage.distance_transform_edt(share > 0.5).astype(np.float32) * np.float32(edge_mm)
    core = np.clip((depth - CORTEX_MM) / edge_mm + 0.5, 0, 1).astype(np.float32)
    sponge = np.float32(CANCELLOUS_PER_MM - WATER_PER_MM) * (1 + np.float32(0.35) * grain(size, rng))
    dense = np.float32(CORTICAL_PER_MM - WATER_PER_MM)
    value = share * (core * sponge + (1 - core) * dense)
    return Solid(attenuation_per_mm=value.astype(np.float32), origin_mm=low, spacing_mm=np.full(3, edge_mm))


def _scanned(
    rng: np.random.Generator,
    bone: str,
    person: Person,
    placed: Mapping[str, RigidTransform],
    edge_mm: float,
    quality: ScanQuality,
) -> BoneModel:
    """One bone as it is cut out of the scan, on voxels along the volume's axes."""
    low, high = _reach(bone, person, placed, quality)
    first = low - edge_mm * rng.uniform(1.0, 2.0, 3)
    count = np.ceil((high + edge_mm - first) / edge_mm).astype(int) + 1
    size = (int(count[0]), int(count[1]), int(count[2]))
    shares = {
        name: resampled(person.solids[name], placed[name], first, edge_mm, size) for name in (*BONES, "trunk")
    }
    mask = _mask(bone, shares)
    total: Grey = np.sum(list(shares.values()), axis=0, dtype=np.float32)
    total = ndimage.gaussian_filter(total, quality.blur_mm / edge_mm, truncate=3.0)
    total *= np.float32(1 + quality.gain)
    noise_per_mm = np.float32(quality.noise * (CORTICAL_PER_MM - WATER_PER_MM))
    total += noise_per_mm * rng.standard_normal(size, dtype=np.float32)
    solid = Solid(
        attenuation_per_mm=np.where(mask, total, np.float32(0)),
        origin_mm=first,
        spacing_mm=np.full(3, edge_mm),
    )
    return BoneModel(bone=bone, solid=solid, to_volume=RigidTransform.identity())


def _mask(bone: str, shares: Mapping[str, Grey]) -> NDArray[np.bool_]:
    """Where the bone is, a voxel too wide, less where a neighbour is."""
    least = np.float32(0.25 * (CANCELLOUS_PER_MM - WATER_PER_MM))
    own = shares[bone]
    wide: NDArray[np.bool_] = ndimage.binary_dilation(own > least)
    for name, other in shares.items():
        if name != bone:
            wide &= ~((other > least) & (other > own))
    return wide


def _reach(
    bone: str, person: Person, placed: Mapping[str, RigidTransform], quality: ScanQuality
) -> tuple[Array, Array]:
    """Corners of the bone's block in the volume; the skull ends at the border of the field."""
    solid = person.solids[bone]
    last = np.array(solid.attenuation_per_mm.shape) - 1
    index = np.stack(np.meshgrid(*[(0, k) for k in last], indexing="ij"), axis=-1).reshape(-1, 3)
    corners = placed[bone].apply(solid.origin_mm + index * solid.spacing_mm)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if bone != "skull":
        return low, high
    nasion, nape = (placed[bone].apply(person.phantom.points_mm[id_][1]) for id_ in ("N", "OCC_INF"))
    middle, half = 0.5 * (nasion + nape), 0.5 * quality.field_mm
    field_low = np.array([middle[0] - half, -np.inf, middle[2] - half])
    field_high = np.array([middle[0] + half, nasion[1] + 8.0, middle[2] + half])
    return np.maximum(low, field_low), np.minimum(high, field_high)


def resampled(
    solid: Solid, placed: RigidTransform, first_mm: Array, edge_mm: float, size: tuple[int, int, int]
) -> Grey:
    """Values of a solid on a grid of the volume, trilinear, 0 where it does not reach."""
    back = placed.inverse()
    turn = back.rotation * edge_mm / solid.spacing_mm[:, None]
    start = (back.apply(first_mm) - solid.origin_mm) / solid.spacing_mm
    values: Grey = np.zeros(size, dtype=np.float32)
    # Only the part of the grid that the solid reaches.
    last = np.array(solid.attenuation_per_mm.shape) - 1
    corners = np.stack(np.meshgrid(*[(0, k) for k in last], indexing="ij"), axis=-1).reshape(-1, 3)
    reached = np.linalg.solve(turn, (corners - start).T).T
    low = np.clip(np.floor(reached.min(axis=0)).astype(int), 0, size)
    high = np.clip(np.ceil(reached.max(axis=0)).astype(int) + 1, 0, size)
    if np.any(high <= low):
        return values
    values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = ndimage.affine_transform(
        solid.attenuation_per_mm,
        turn,
        offset=start + turn @ low,
        output_shape=tuple(high - low),
        output=np.float32,
        order=1,
        mode="constant",
        cval=0.0,
        prefilter=False,
    )
    return values
