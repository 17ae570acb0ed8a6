"""Steps of the segmentation on small made-up volumes, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.volume.grid import GreyGrid, along_axes, coarser
from atlasplane.volume.meshes import bone_surface, iso_surface, lighter, surface_distances, vertex_normals
from atlasplane.volume.segmentation import seeds_from_landmarks, segment
from atlasplane.volume.separation import filled
from atlasplane.volume.settings import setting, table
from atlasplane.volume.threshold import body_levels, surface_levels

EYE = np.eye(4)


def ball(size: int, middle: float, radius: float, edge: float = 1.0) -> np.ndarray:
    """A ball of grey 1000 in soft tissue of grey 40, half at the radius of a ramp of `edge` voxels."""
    at = np.indices((size,) * 3) - middle
    inside = np.clip((radius - np.linalg.norm(at, axis=0)) / edge + 0.5, 0, 1)
    return (40 + 960 * inside).astype(np.float32)


def test_grid_knows_its_place_and_part() -> None:
    affine = np.array([[0, -2.0, 0, 5], [1.0, 0, 0, 6], [0, 0, 3.0, 7], [0, 0, 0, 1]])
    grid = GreyGrid(np.arange(24.0).reshape(2, 3, 4), affine)
    np.testing.assert_allclose(grid.spacing_mm, [1, 2, 3])
    np.testing.assert_allclose(grid.place_of(np.array([1, 2, 3])), [1, 7, 16])
    np.testing.assert_allclose(grid.index_of(np.array([1, 7, 16])), [1, 2, 3])
    part = grid.part((slice(1, 2), slice(1, 3), slice(2, 4)))
    np.testing.assert_allclose(part.place_of(np.zeros(3)), grid.place_of(np.array([1, 1, 2])))
    assert part.values[0, 0, 0] == grid.values[1, 1, 2]


def test_coarser_blocks_keep_mean_and_place() -> None:
    grid = GreyGrid(np.arange(64.0).reshape(4, 4, 4), EYE)
    block = coarser(grid, 2.0)
    assert block.values.shape == (2, 2, 2)
    assert block.values[0, 0, 0] == pytest.approx(grid.values[:2, :2, :2].mean())
    np.testing.assert_allclose(block.place_of(np.zeros(3)), [0.5, 0.5, 0.5])


def test_resampling_turns_axes_onto_the_patient() -> None:
    """Greys that are a linear map of the place come back exactly, whatever the grid's own axes are."""
    affine = np.array([[0, -1.0, 0, 20], [1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]])
    index = np.indices((21, 21, 21)).reshape(3, -1).T
    place = index @ affine[:3, :3].T + affine[:3, 3]
    grid = GreyGrid((place @ [1.0, 10.0, 100.0]).reshape(21, 21, 21).astype(np.float32), affine)
    found = along_axes(grid, np.full(3, 4.0), np.full(3, 10.0), 1.5, outside=0.0)
    inside = np.indices(found.values.shape).reshape(3, -1).T * 1.5 + 4.0
    keep = np.all(inside <= 19, axis=1)
    np.testing.assert_allclose(found.values.reshape(-1)[keep], (inside @ [1.0, 10.0, 100.0])[keep], rtol=1e-4)


def test_surface_level_is_half_way_between_soft_tissue_and_bone() -> None:
    rng = np.random.default_rng(1)
    grey = ball(60, 29.5, 14.0) + 8 * rng.standard_normal((60, 60, 60)).astype(np.float32)
    first = body_levels(grey, hounsfield=True, name="scan")
    assert first.soft == pytest.approx(40, abs=6)  # one bin of the histogram is 2.6 wide
    assert first.spread == pytest.approx(8, rel=0.25)
    levels = surface_levels(grey, np.ones(3), first)
    assert levels.surface == pytest.approx(520, rel=0.05)


def test_surface_is_found_between_voxels() -> None:
    mesh = iso_surface(GreyGrid(ball(40, 19.3, 10.2, 4.0), EYE), 520.0)
    radius = np.linalg.norm(mesh.vertices_mm - 19.3, axis=1)
    assert abs(radius.mean() - 10.2) < 0.02
    assert mesh.volume_mm3 == pytest.approx(4 / 3 * math.pi * 10.2**3, rel=0.01)
    outwards = np.einsum("ij,ij->i", vertex_normals(mesh), mesh.vertices_mm - 19.3)
    assert (outwards > 0.9 * radius).all()


def test_two_bones_without_a_gap_meet_half_way() -> None:
    grey = np.full((20, 20, 20), 40, dtype=np.float32)
    grey[5:15, 5:15, 4:16] = 1000
    lower = np.zeros(grey.shape, dtype=bool)
    lower[5:15, 5:15, 4:10] = True
    upper = np.zeros_like(lower)
    upper[5:15, 5:15, 10:16] = True
    meshes = [bone_surface(GreyGrid(grey, EYE), 520.0, a, b) for a, b in ((lower, upper), (upper, lower))]
    assert meshes[0].vertices_mm[:, 2].max() == pytest.approx(9.5, abs=0.01)
    assert meshes[1].vertices_mm[:, 2].min() == pytest.approx(9.5, abs=0.01)


def test_a_shell_with_a_leak_is_filled_and_a_canal_stays_open() -> None:
    middle = np.indices((40, 40, 40)) - 19.5
    radius = np.linalg.norm(middle, axis=0)
    shell = (radius < 14) & (radius > 12)
    shell &= ~((np.abs(middle[0]) < 1) & (np.abs(middle[1]) < 1) & (middle[2] > 0))
    tube = np.linalg.norm(middle[:2], axis=0) < 5
    everywhere = np.ones(shell.shape, dtype=bool)
    whole = filled(shell, everywhere, np.zeros_like(shell), np.ones(3))
    assert whole[radius < 12].all()
    assert not whole[radius > 15].any()
    ring = (radius < 14) & ~tube
    assert not filled(ring, everywhere, np.zeros_like(shell), np.ones(3))[tube & (radius < 10)].any()


def test_lighter_meshes_keep_the_surface() -> None:
    mesh = iso_surface(GreyGrid(ball(40, 19.5, 12.0, 4.0), EYE), 520.0)
    light = lighter(mesh, 800)
    assert len(light.faces) <= 900 < len(mesh.faces)
    assert surface_distances(light, mesh).mean() < 0.1
    assert lighter(light, 10_000) is light


def test_distance_between_two_spheres_is_the_difference_of_their_radii() -> None:
    small, large = (iso_surface(GreyGrid(ball(40, 19.5, r, 4.0), EYE), 520.0) for r in (10.0, 12.0))
    assert surface_distances(small, large).mean() == pytest.approx(2.0, abs=0.03)
    assert surface_distances(small, small).max() == pytest.approx(0.0, abs=1e-9)


def test_an_empty_mask_has_an_empty_surface() -> None:
    nothing = np.zeros((5, 5, 5), dtype=bool)
    mesh = bone_surface(GreyGrid(np.zeros((5, 5, 5), dtype=np.float32), EYE), 1.0, nothing, nothing)
    assert isinstance(mesh, TriangleMesh) and not len(mesh.faces)


def test_seeds_come_from_landmarks_that_lie_in_bone() -> None:
    seeds = seeds_from_landmarks({"BA": np.ones(3), "LMv_R": np.zeros(3), "TF_R": np.zeros(3)})
    assert {bone: len(points) for bone, points in seeds.items()} == {"skull": 1, "c1": 1}


SOFT = np.full((60, 60, 60), 40, dtype=np.float32)


def _with_nan() -> np.ndarray:
    grey = ball(60, 30, 10)
    grey[3, 4, 5] = np.nan
    return grey


@pytest.mark.parametrize(
    ("voxels", "affine", "says"),
    [
        (SOFT, EYE, "one grey"),
        (SOFT[0], EYE, "no volume"),
        (SOFT, np.zeros((4, 4)), "place in space"),
        (SOFT[:20], EYE, "too little"),
        (_with_nan(), EYE, "no numbers"),
        (np.broadcast_to(np.int16(0), (1000, 1000, 1000)), EYE, "million voxels"),
    ],
)
def test_what_is_no_scan_of_a_neck_is_refused(voxels: np.ndarray, affine: np.ndarray, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        segment(voxels, affine, hounsfield=True, name="neck.nii.gz")
    assert caught.value.file == "neck.nii.gz" and says in caught.value.what and caught.value.remedy


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ({"c3": np.zeros((1, 3))}, "c3"),
        ({"c1": np.zeros(3)}, "three numbers"),
        ({"c1": np.full((1, 3), np.nan)}, "three numbers"),
        ({"c1": np.full((1, 3), 900.0)}, "outside"),
    ],
)
def test_impossible_seeds_are_refused(seeds: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        segment(ball(60, 30, 10), EYE, hounsfield=True, seeds=seeds)
    assert says in caught.value.what


def test_a_ball_of_bone_is_not_proposed_as_a_neck() -> None:
    grey = ball(110, 55, 20) + 10 * np.random.default_rng(2).standard_normal((110,) * 3).astype(np.float32)
    try:
        found = segment(grey, EYE, hounsfield=True)
    except BadInput as refused:
        assert refused.remedy
    else:
        assert not found.usable


def test_every_number_of_the_tables_has_unit_tag_and_source() -> None:
    for name in ("segmentation", "shape_check"):
        for entry in table(name).values():
            assert set(entry) == {"value", "unit", "tag", "source"}
            assert entry["tag"] in {"published", "reproduced", "derived", "proposed", "unverified"}
    assert setting("surface_share") == 0.5
