"""Masks of C1 and C2 on scans: made from surfaces of known truth, and of a real head against a correction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.io.volume_file import open_volume
from atlasplane.volume.grid import GreyGrid
from atlasplane.volume.meshes import bone_surface, surface_distances
from atlasplane.volume.segmentation import Segmentation, segment
from tests.mask_cases import Scene, bodyparts, neck_scene

CORRECTION = Path(__file__).parent / "data" / "visible_human_male_head.masks.json"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(data_dir: Path) -> Scene:
    return neck_scene(bodyparts(data_dir), 1.0, seed=2)


@pytest.fixture(scope="module")
def made(scene: Scene) -> Segmentation:
    return segment(scene.voxels, scene.affine_lps, hounsfield=True)


@pytest.mark.parametrize("bone", ["c1", "c2"])
def test_surface_lies_within_half_a_voxel_of_the_truth(made: Segmentation, scene: Scene, bone: str) -> None:
    assert made.usable and made.status == "proposed"
    distances = surface_distances(made.meshes[bone], scene.truth[bone][0])
    assert distances.mean() <= 0.5 * scene.spacing_mm


def test_masks_share_no_voxel_and_touching_bones_are_reported(made: Segmentation) -> None:
    """C1 and C2 of these surfaces touch each other: no threshold can part them."""
    assert not (made.masks["c1"] & made.masks["c2"]).any()
    assert not (made.masks["skull"] & (made.masks["c1"] | made.masks["c2"])).any()
    fused = {parting.joint for parting in made.joints if parting.fused}
    assert {"c1_c2_right", "c1_c2_left", "dens_arch"} <= fused
    assert "mask.joint_fused" in {check.code for check in made.checks}


def test_handed_out_seeds_lie_in_their_bones(made: Segmentation, scene: Scene) -> None:
    grid = GreyGrid(scene.voxels, scene.affine_lps)
    for bone, points in made.seeds.items():
        index = np.round(grid.index_of(points)).astype(int)
        assert made.masks[bone][tuple(index.T)].all()


def test_a_scan_without_c1_is_not_proposed_as_good(scene: Scene) -> None:
    """Only what lies 12 mm and more above the middle of C1: the skull base."""
    first = int((12 - scene.affine_lps[2, 3]) / scene.spacing_mm)
    affine = scene.affine_lps.copy()
    affine[2, 3] += first * scene.spacing_mm
    voxels = np.concatenate([scene.voxels[:, :, first:], np.full((110, 95, 30), 45, dtype=np.int16)], axis=2)
    try:
        found = segment(voxels, affine, hounsfield=True)
    except BadInput as refused:
        assert refused.remedy
    else:
        assert not found.usable


@pytest.mark.parametrize("name", ["headsq_quarter", "openkbp_pt160"])
def test_coarse_scans_are_not_usable(data_dir: Path, name: str) -> None:
    volume = open_volume(data_dir / "ct" / f"{name}.nii.gz")
    found = segment(volume.load_voxels(), volume.affine_lps, hounsfield=volume.hounsfield)
    assert not found.usable
    assert "mask.coarse" in {check.code for check in found.checks}


def test_real_head_against_a_corrected_mask(data_dir: Path) -> None:
    """Mean distance of at most one voxel, taken as its smallest edge (1.58 x 0.996 x 1.008 mm)."""
    volume = open_volume(data_dir / "ct" / "visible_human_male_head.nii.gz")
    voxels = volume.load_voxels()
    proposed = segment(voxels, volume.affine_lps, hounsfield=volume.hounsfield)
    assert proposed.usable
    record = json.loads(CORRECTION.read_text(encoding="utf-8"))
    seeds = {bone: np.array(points) for bone, points in record["seeds"].items()}
    seeded = segment(voxels, volume.affine_lps, hounsfield=volume.hounsfield, seeds=seeds)
    grid = GreyGrid(voxels, volume.affine_lps)
    corrected = {bone: _stroked(seeded, bone, record, grid) for bone in ("c1", "c2")}
    assert any((proposed.masks[b] ^ mask).sum() > 100 for b, (mask, _) in corrected.items())
    for bone, (_, surface) in corrected.items():
        assert surface_distances(proposed.meshes[bone], surface).mean() <= 0.996


def _stroked(seeded: Segmentation, bone: str, record: dict, grid: GreyGrid) -> tuple[Array, TriangleMesh]:
    """Mask and surface of one bone after the strokes of the correction."""
    mask = seeded.masks[bone].copy()
    for stroke in record["strokes"]:
        if stroke["bone"] != bone:
            continue
        box = grid.box(
            np.array(stroke["at"]) - stroke["radius_mm"], np.array(stroke["at"]) + stroke["radius_mm"]
        )
        index = np.argwhere(np.ones([s.stop - s.start for s in box])) + [s.start for s in box]
        near = (
            np.linalg.norm(grid.place_of(index.astype(float)) - stroke["at"], axis=1) <= stroke["radius_mm"]
        )
        at = tuple(index[near].T)
        if stroke["what"] == "add":
            mask[at] |= grid.values[at] > record["least_grey"]
        else:
            mask[at] = False
    others = np.zeros_like(mask)
    for other in {"skull", "c1", "c2"} - {bone}:
        others |= seeded.masks[other]
    assert seeded.levels is not None
    return mask, bone_surface(grid, seeded.levels.surface, mask, others & ~mask)
