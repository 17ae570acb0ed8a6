"""Masks of C1 and C2 on scans made from surfaces of known truth: distance of the surfaces, in voxels."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from atlasplane.volume.meshes import surface_distances
from atlasplane.volume.segmentation import Segmentation, segment
from benchmarks.bar import Bar, at_most
from tests.mask_cases import Scene, bodyparts, neck_scene

SEEDS = {0.4: 1, 1.0: 2}
LIMIT_VOXELS = 0.5
_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def bars() -> Iterator[Bar]:
    """Two scans, of 0.4 and 1.0 mm; nothing where the surfaces are not there (ATLASPLANE_DATA)."""
    folder = Path(os.environ.get("ATLASPLANE_DATA", _DATA))
    if not (folder / "meshes").is_dir():
        return
    parts = bodyparts(folder)
    for spacing, seed in SEEDS.items():
        scene = neck_scene(parts, spacing, seed=seed)
        start = time.perf_counter()
        made = segment(scene.voxels, scene.affine_lps, hounsfield=True)
        seconds = time.perf_counter() - start
        name = f"{spacing:g}mm" if spacing < 1 else f"{spacing:.1f}mm"
        yield Bar(id=f"3d.masks.seconds.{name}", value=seconds, unit="s", seed=seed)
        for bone in ("c1", "c2"):
            yield from _bone(made, scene, bone, f"{bone}.{name}", seed)
        yield Bar(id=f"3d.masks.skull.{name}.dice", value=_dice(made, scene, "skull"), unit="1", seed=seed)


def _bone(made: Segmentation, scene: Scene, bone: str, name: str, seed: int) -> Iterator[Bar]:
    distances = surface_distances(made.meshes[bone], scene.truth[bone][0]) / scene.spacing_mm
    count = len(distances)
    yield at_most(f"3d.masks.{name}", float(distances.mean()), LIMIT_VOXELS, "voxel", n=count, seed=seed)
    p95 = float(np.quantile(distances, 0.95))
    yield Bar(id=f"3d.masks.{name}.p95", value=p95, unit="voxel", n=count, seed=seed)
    yield Bar(id=f"3d.masks.{name}.dice", value=_dice(made, scene, bone), unit="1", seed=seed)


def _dice(made: Segmentation, scene: Scene, bone: str) -> float:
    truth, mask = scene.occupied[bone] > 0.5, made.masks[bone]
    return float(2 * (truth & mask).sum() / (truth.sum() + mask.sum()))
