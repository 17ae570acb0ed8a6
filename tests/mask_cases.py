"""CT-like grey values made from closed surfaces whose truth is known: the cases of the segmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.types import Array

SKULL_PARTS = (
    "occipital",
    "sphenoid",
    "frontal",
    "ethmoid",
    "vomer",
    *(
        f"{part}_{side}"
        for part in ("temporal", "parietal", "maxilla", "palatine", "zygomatic")
        for side in "LR"
    ),
)
OTHER_PARTS = ("mandible", "C3", "C4", "hyoid")
SOFT_HU, AIR_HU, CORTICAL_HU, CANCELLOUS_HU = 45.0, -1000.0, 1250.0, 330.0
CORTEX_MM = 1.2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """A volume of grey values and the surfaces it was made from.

    `truth` holds each bone's parts, LPS mm; `occupied` the share of every voxel inside a bone.
    """

    voxels: NDArray[np.int16]
    affine_lps: Array
    truth: Mapping[str, tuple[TriangleMesh, ...]]
    occupied: Mapping[str, NDArray[np.float32]]

    @property
    def spacing_mm(self) -> float:
        return float(self.affine_lps[0, 0])


def bodyparts(data_dir: Path) -> dict[str, tuple[TriangleMesh, ...]]:
    """BodyParts3D skull, C1, C2 and the bones around them, LPS mm as stored."""
    folder = data_dir / "meshes" / "bones"
    parts = {"skull": SKULL_PARTS, "c1": ["C1_atlas"], "c2": ["C2_axis"], "other": OTHER_PARTS}
    return {
        bone: tuple(stl_mesh(next(folder.glob(f"{part}__*.stl"))) for part in names)
        for bone, names in parts.items()
    }


def stl_mesh(path: Path) -> TriangleMesh:
    """A binary STL with its doubled vertices joined."""
    raw = path.read_bytes()
    count = int(np.frombuffer(raw, "<u4", 1, 80)[0])
    facets = np.frombuffer(raw, np.dtype([("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")]), count, 84)
    corners, faces = np.unique(facets["v"].reshape(-1, 3), axis=0, return_inverse=True)
    return TriangleMesh(corners.astype(float), faces.reshape(-1, 3).astype(np.int64))


def turned(
    parts: Mapping[str, Sequence[TriangleMesh]], angles_deg: Array, about_mm: Array, to_mm: Array
) -> dict[str, tuple[TriangleMesh, ...]]:
    """All surfaces turned by Z, X, Y angles about one point, which is carried to `to_mm`."""
    turn = rotation_from_zxy(*np.asarray(angles_deg, dtype=float))
    return {
        bone: tuple(TriangleMesh((m.vertices_mm - about_mm) @ turn.T + to_mm, m.faces) for m in meshes)
        for bone, meshes in parts.items()
    }


def scene(
    parts: Mapping[str, Sequence[TriangleMesh]],
    box_mm: tuple[Sequence[float], Sequence[float]],
    spacing_mm: float,
    *,
    rng: np.random.Generator,
    blur_mm: float,
    noise_hu: float,
) -> Scene:
    """Partial volume, cortex on sponge, soft tissue and air, blur of the scanner, noise; axes along LPS."""
    fine = 3 if spacing_mm > 0.7 else 1
    low = np.asarray(box_mm[0], dtype=float)
    shape = tuple(int(np.ceil((b - a) / spacing_mm)) for a, b in zip(*box_mm, strict=True))
    step = spacing_mm / fine
    first = low + step / 2
    size = tuple(s * fine for s in shape)
    grey = np.full(size, SOFT_HU, dtype=np.float32)
    texture = ndimage.gaussian_filter(rng.standard_normal(size).astype(np.float32), 2.0 / step)
    grey += 30 * texture / texture.std()
    _add_air(grey, first, step)
    occupied = {}
    for bone, meshes in parts.items():
        share = np.zeros(size, dtype=np.float32)
        for mesh in meshes:
            np.maximum(share, coverage(mesh, first, step, size), out=share)
        inside = share > 0.5
        depth = ndimage.distance_transform_edt(inside).astype(np.float32) * step
        sponge = np.clip((depth - CORTEX_MM) / step + 0.5, 0, 1)
        bone_hu = CORTICAL_HU + (CANCELLOUS_HU - CORTICAL_HU) * sponge + 60 * sponge * texture / texture.std()
        grey += share * (bone_hu - grey)
        occupied[bone] = _block_mean(share, fine)
    blurred = ndimage.gaussian_filter(grey, blur_mm / step)
    coarse = _block_mean(blurred, fine)
    noisy = coarse + noise_hu * rng.standard_normal(shape).astype(np.float32)
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = low + spacing_mm / 2
    return Scene(
        voxels=np.round(noisy).astype(np.int16),
        affine_lps=affine,
        truth={bone: tuple(meshes) for bone, meshes in parts.items()},
        occupied=occupied,
    )


def _add_air(grey: NDArray[np.float32], first_mm: Array, step_mm: float) -> None:
    """Air outside the neck and in the throat, below the skull base."""
    x, y, z = np.ogrid[tuple(slice(0, s) for s in grey.shape)]
    x, y, z = (k * step_mm + at for k, at in zip((x, y, z), first_mm, strict=True))
    outside = ((x / 70) ** 2 + ((y - 5) / 62) ** 2 > 1) & (z < 0)
    throat = ((x / 11) ** 2 + ((y + 27) / 6) ** 2 < 1) & (z < 15)
    grey[outside | throat] = AIR_HU


def coverage(
    mesh: TriangleMesh, first_mm: Array, step_mm: float, size: tuple[int, ...]
) -> NDArray[np.float32]:
    """Share of every voxel inside a closed surface: exact along x, 2 x 2 lines a voxel across it."""
    lines = 2
    offsets = (np.arange(lines) + 0.5) / lines - 0.5
    total = np.zeros(size, dtype=np.float32)
    index = (mesh.vertices_mm - first_mm) / step_mm
    for k, dy in enumerate(offsets):
        for j, dz in enumerate(offsets):
            # The odd share keeps lines off vertices, which lie on a grid of their own.
            shifted = index - np.array([0.0, dy + 1e-5 * (k + 1), dz + 1.7e-5 * (j + 1)])
            _add_steps(shifted[mesh.faces], total)
    # Steps become shares from low x to high x.
    return np.clip(np.cumsum(total, axis=0, dtype=np.float32) / lines**2, 0, 1)


@numba.njit(cache=True)
def _add_steps(triangles: Array, total: NDArray[np.float32]) -> None:
    nx, ny, nz = total.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        area = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        if area == 0.0:
            continue
        for iy in range(
            max(0, int(np.ceil(min(a[1], b[1], c[1])))), min(ny - 1, int(max(a[1], b[1], c[1]))) + 1
        ):
            for iz in range(
                max(0, int(np.ceil(min(a[2], b[2], c[2])))), min(nz - 1, int(max(a[2], b[2], c[2]))) + 1
            ):
                u = ((iy - a[1]) * (c[2] - a[2]) - (iz - a[2]) * (c[1] - a[1])) / area
                v = ((b[1] - a[1]) * (iz - a[2]) - (b[2] - a[2]) * (iy - a[1])) / area
                if u < 0 or v < 0 or u + v > 1:
                    continue
                # Voxel i spans i - 1/2 .. i + 1/2; faces whose normal points to low x open the body.
                x = a[0] + u * (b[0] - a[0]) + v * (c[0] - a[0]) + 0.5
                sign = -1.0 if area > 0 else 1.0
                if x >= nx:
                    continue
                i = int(np.floor(x)) if x > 0 else 0
                share = 1.0 - (x - i) if x > 0 else 1.0
                total[i, iy, iz] += sign * share
                if i + 1 < nx:
                    total[i + 1, iy, iz] += sign * (1.0 - share)


def _block_mean(field: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    if k == 1:
        return field
    nx, ny, nz = (s // k for s in field.shape)
    return field.reshape(nx, k, ny, k, nz, k).mean(axis=(1, 3, 5), dtype=np.float32)


BOX_MM = ((-55.0, -45.0, -48.0), (55.0, 50.0, 42.0))
BLUR_MM = {0.4: 0.3, 1.0: 0.5}
NOISE_HU = {0.4: 60.0, 1.0: 25.0}


def neck_scene(parts: Mapping[str, Sequence[TriangleMesh]], spacing_mm: float, *, seed: int) -> Scene:
    """The upper neck of these surfaces, the head turned by up to 4 degrees about each axis."""
    rng = np.random.default_rng(seed)
    about = parts["c1"][0].vertices_mm.mean(axis=0)
    posed = turned(parts, rng.uniform(-4, 4, 3), about, rng.uniform(-0.5, 0.5, 3))
    return scene(
        posed, BOX_MM, spacing_mm, rng=rng, blur_mm=BLUR_MM[spacing_mm], noise_hu=NOISE_HU[spacing_mm]
    )
