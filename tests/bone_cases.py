"""A case with a scan of three balls that stand for skull, C1 and C2, and a segmentation that finds balls."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.chain.segment_worker import serve
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from tests.bad_input.cases import CASE, make_case

SHAPE = (60, 64, 72)
SPACING = (1.0, 1.0, 1.5)
ORIGIN = (-30.0, -32.0, -54.0)
"""LPS mm of voxel (0, 0, 0); axes grow with the index."""
BALLS: dict[str, tuple[tuple[float, float, float], float]] = {
    "skull": ((0.0, -4.0, 30.0), 17.0),
    "c1": ((2.0, 0.0, 0.0), 9.0),
    "c2": ((-1.0, 2.0, -30.0), 11.0),
}
"""Middle in LPS mm and radius."""
VOLUME = CASE + '[[volume]]  # the scan\nfile = "ct/head.nii.gz"\n'


@dataclass(frozen=True, eq=False)
class Found:
    """What the stand-in returns."""

    masks: Mapping[str, NDArray[np.bool_]]
    meshes: Mapping[str, TriangleMesh]
    checks: tuple[Finding, ...]
    seeds: Mapping[str, Array]


def affine_lps() -> Array:
    """Voxel index to LPS mm of the scan."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = ORIGIN
    return affine


def places() -> Array:
    """LPS mm of every voxel."""
    return np.moveaxis(np.indices(SHAPE), 0, -1) * np.array(SPACING) + np.array(ORIGIN)


def ball(bone: str) -> NDArray[np.bool_]:
    """The true mask of a bone."""
    middle, radius = BALLS[bone]
    inside: NDArray[np.bool_] = np.linalg.norm(places() - np.array(middle), axis=-1) < radius
    return inside


def ball_mesh(middle: Array, radius: float) -> TriangleMesh:
    """A sphere."""
    made = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    return TriangleMesh(np.asarray(made.vertices) + middle, np.asarray(made.faces, dtype=np.int64))


def save_nifti(path: Path, values: NDArray[np.generic], affine: Array) -> None:
    """Values on an LPS grid as NIfTI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine), path)


def bone_case(root: Path) -> Path:
    """A case with the scan as its only volume."""
    make_case(root, case=VOLUME)
    bones = np.any([ball(bone) for bone in BALLS], axis=0)
    greys = np.where(bones, 1000.0, 40.0) + np.random.default_rng(3).normal(0, 12, SHAPE)
    greys[:, :, :2] = -1000  # air, from which Hounsfield units are known
    save_nifti(root / "ct" / "head.nii.gz", greys.astype(np.int16), affine_lps())
    return root


def segment_balls(
    voxels: NDArray[np.generic],
    affine: Array,
    *,
    hounsfield: bool,
    seeds: Mapping[str, Array] | None,
    name: str,
) -> Found:
    """The ball about the first seed of each bone; without seeds, from the top down: skull, C1, C2."""
    label, count = ndimage.label(voxels > 200)
    middles = np.array(ndimage.center_of_mass(label > 0, label, range(1, count + 1)))
    from_above = np.argsort(-middles[:, 2])
    own = {b: affine[:3, :3] @ middles[n] + affine[:3, 3] for b, n in zip(BALLS, from_above, strict=False)}
    used = {bone: at[None] for bone, at in own.items()} if seeds is None else dict(seeds)
    masks, meshes, checks = {}, {}, []
    for bone, points in used.items():
        index = tuple(np.rint(np.linalg.solve(affine[:3, :3], points[0] - affine[:3, 3])).astype(int))
        if not label[index]:
            text = f"A seed of {bone} does not lie in bone: the mask of {bone} is that of the nearest one."
            checks.append(Finding(code="bones.seed", severity=Severity.STOP, text=text))
        number = int(label[index] or 1)
        masks[bone] = label == number
        centre = affine[:3, :3] @ middles[number - 1] + affine[:3, 3]
        meshes[bone] = ball_mesh(centre, float(np.cbrt(masks[bone].sum() * 1.5 * 0.75 / np.pi)))
    return Found(masks, meshes, tuple(checks), used)


def segment_slowly(voxels: NDArray[np.generic], affine: Array, **given: object) -> Found:
    """Never done: for what is to be stopped."""
    time.sleep(600)
    raise AssertionError("nobody stopped it")


if __name__ == "__main__":  # in place of the worker of the page
    serve(segment_slowly if "slowly" in sys.argv else segment_balls)  # type: ignore[arg-type]
