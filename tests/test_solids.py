"""Solids of the phantom: every landmark lies on its own bone, and the mean person is symmetric."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from scipy import ndimage

from atlasplane.anatomy.phantom import Phantom, mean_phantom, phantom_population, random_phantom
from atlasplane.anatomy.solids import SOFT, WATER_PER_MM, Solid, solids
from atlasplane.anatomy.solids_person import joint_surface
from atlasplane.anatomy.solids_shapes import (
    Block,
    Drum,
    Egg,
    Quadric,
    Rod,
    Shape,
    Wall,
    both,
    frontal_axes,
    tube,
)

HOLES = {"FM_C": 8.0, "TF_R": 1.8, "TF_L": 1.8, "C2_TF_R": 1.5, "C2_TF_L": 1.5}
"""Landmarks at the centre of a hole, and the least distance (mm) to its bony wall."""
SEEN_FROM_THE_SIDE = {"C1_ARCH_LM", "C1_ARCH_13"}
"""Points of the mid-plane at which a lateral film shows the posterior arch of either side."""
NO_BONE = ("TRAGUS", "EYE", "EARLOBE", "DURA", "OPLL", "C7_SP", "EAM_C")
"""Skin, membranes, and the middle between two ear canals."""
ON_A_RIM_MM = {"C1_LML": 4.0, "CONV": 3.0}
"""Rims of joint surfaces, which the solids round off; every other landmark lies within 2 mm."""
LOWEST_BONE_MM = -152.0
"""Solids end with T1 (and hold neither clavicles nor sternum)."""

Person = tuple[Phantom, Mapping[str, Solid]]


@pytest.fixture(scope="module")
def mean() -> Person:
    phantom = mean_phantom()
    return phantom, solids(phantom, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def varied() -> Person:
    phantom = random_phantom(np.random.default_rng(20))
    return phantom, solids(phantom, rng=np.random.default_rng(1))


def indices(solid: Solid, points_mm: np.ndarray) -> np.ndarray:
    return (points_mm - solid.origin_mm) / solid.spacing_mm


def distance_to_bone_mm(solid: Solid, point_mm: np.ndarray) -> float:
    """Distance to the nearest bony voxel (its cube), at most about 20 mm."""
    at = indices(solid, point_mm)
    reach = np.ceil(20 / solid.spacing_mm).astype(int)
    low = np.maximum(np.round(at).astype(int) - reach, 0)
    part = solid.attenuation_per_mm[tuple(slice(a, a + 2 * r + 1) for a, r in zip(low, reach, strict=True))]
    bone = np.argwhere(part > 0.004) + low
    gap = np.maximum(np.abs((bone - at) * solid.spacing_mm) - 0.5 * solid.spacing_mm, 0)
    return float(np.linalg.norm(gap, axis=1).min())


@pytest.mark.parametrize("who", ["mean", "varied"])
def test_every_landmark_lies_on_its_own_bone(who: str, request: pytest.FixtureRequest) -> None:
    phantom, parts = request.getfixturevalue(who)
    far = {
        name: distance_to_bone_mm(parts[bone], at)
        for name, (bone, at) in phantom.points_mm.items()
        if name not in HOLES
        and name not in SEEN_FROM_THE_SIDE
        and not name.startswith((*NO_BONE, "CLAV", "ACR", "STERN", "MSP"))
        and at[1] > LOWEST_BONE_MM
    }
    allowed = {name: next((mm for k, mm in ON_A_RIM_MM.items() if name.startswith(k)), 2.0) for name in far}
    assert {name: gap for name, gap in far.items() if gap > allowed[name]} == {}


@pytest.mark.parametrize("who", ["mean", "varied"])
@pytest.mark.parametrize("name", HOLES)
def test_centre_of_a_hole_is_open(who: str, name: str, request: pytest.FixtureRequest) -> None:
    phantom, parts = request.getfixturevalue(who)
    bone, at = phantom.points_mm[name]
    assert distance_to_bone_mm(parts[bone], at) > HOLES[name]


@pytest.mark.parametrize("name", sorted(SEEN_FROM_THE_SIDE))
def test_lateral_points_of_the_arch_have_an_arch_on_either_side(mean: Person, name: str) -> None:
    phantom, parts = mean
    bone, at = phantom.points_mm[name]
    z = np.arange(10.0, 28.0, 0.5)
    for side in (1, -1):
        line = np.column_stack([np.full_like(z, at[0]), np.full_like(z, at[1]), side * z])
        values = ndimage.map_coordinates(
            parts[bone].attenuation_per_mm, indices(parts[bone], line).T, order=1
        )
        assert values.max() > 0.01


@pytest.mark.parametrize("who", ["mean", "varied"])
@pytest.mark.parametrize(("name", "outwards"), [("COND_R", -1), ("COND_L", -1), ("AXIS_R", 1), ("AXIS_L", 1)])
def test_joint_surfaces_are_the_arcs(
    who: str, name: str, outwards: int, request: pytest.FixtureRequest
) -> None:
    phantom, parts = request.getfixturevalue(who)
    bone, arc = phantom.arcs_mm[name]
    # One voxel to either side of the surface: bone within, nothing beyond (a tenth of a cortex is blur).
    step = np.array([0.0, 1.3 * parts[bone].spacing_mm[1], 0.0])
    volume = parts[bone].attenuation_per_mm
    within, beyond = (
        ndimage.map_coordinates(volume, indices(parts[bone], arc + sign * step).T, order=1)
        for sign in (-outwards, outwards)
    )
    assert within.min() > 0.008
    assert beyond.max() < 0.004


def test_outer_table_is_the_ellipsoid_at_the_sides(varied: Person) -> None:
    phantom, parts = varied
    vault, skull = phantom.vault, parts["skull"]
    size = phantom.points_mm["N"][1][0] / 90.0
    for level in (
        phantom.squamous_y_mm,
        phantom.turn_y_mm,
        0.5 * (phantom.squamous_y_mm + phantom.turn_y_mm),
    ):
        y = float(level)
        lean = vault.shape_mm2[0, 1] / vault.shape_mm2[1, 1]
        rise = y - vault.centre_mm[1]
        x = vault.centre_mm[0] + lean * rise
        z = float(np.sqrt(vault.shape_mm2[2, 2] * (1 - rise**2 / vault.shape_mm2[1, 1])))
        depths = np.arange(-2.0, 2.0, 0.05) * size
        line = np.column_stack([np.full_like(depths, x), np.full_like(depths, y), z + depths])
        values = ndimage.map_coordinates(skull.attenuation_per_mm, indices(skull, line).T, order=1)
        # The half-way point of the blurred edge lies on the surface, to a fraction of the voxel.
        edge = depths[np.flatnonzero(values > 0.5 * 0.034)[-1]]
        assert abs(edge) < 0.5 * skull.spacing_mm[2]


def test_mean_person_is_symmetric(mean: Person) -> None:
    _, parts = mean
    for name, solid in parts.items():
        flipped = solid.attenuation_per_mm[:, :, ::-1]
        assert np.allclose(solid.attenuation_per_mm, flipped, atol=1e-6), name
        middle = solid.origin_mm[2] + 0.5 * (solid.attenuation_per_mm.shape[2] - 1) * solid.spacing_mm[2]
        assert abs(middle) < 1e-9


def test_bones_end_inside_their_blocks(mean: Person, varied: Person) -> None:
    for _, parts in (mean, varied):
        for name in set(parts) - {SOFT}:
            volume = parts[name].attenuation_per_mm
            for axis in range(3):
                assert np.abs(np.take(volume, [0, -1], axis=axis)).max() < 1e-3, name


def test_attenuations_add_up_to_those_of_tissue(mean: Person) -> None:
    _, parts = mean
    assert parts[SOFT].attenuation_per_mm.min() == 0
    assert parts[SOFT].attenuation_per_mm.max() == pytest.approx(WATER_PER_MM)
    skull = parts["skull"].attenuation_per_mm
    assert skull.min() >= -WATER_PER_MM - 1e-7
    # Enamel is the densest of all.
    assert 0.07 < skull.max() < 0.085


def test_voxels_are_as_large_as_asked(varied: Person) -> None:
    _, parts = varied
    assert parts["skull"].spacing_mm == pytest.approx([1.0] * 3)
    assert parts["c1"].spacing_mm == pytest.approx([0.7] * 3)
    assert parts[SOFT].spacing_mm == pytest.approx([2.5] * 3)


def test_texture_comes_from_the_generator_alone() -> None:
    coarse = {"skull_voxel_mm": 4.0, "spine_voxel_mm": 2.0, "soft_voxel_mm": 8.0}
    first, again, other = (
        solids(mean_phantom(), rng=np.random.default_rng(seed), **coarse)["c2"].attenuation_per_mm
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_many_persons_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="one person"):
        solids(phantom_population(2, np.random.default_rng(0)), rng=np.random.default_rng(0))


SHAPES: list[tuple[Shape, tuple[float, float, float]]] = [
    (Egg((1, 2, 3), (4, 5, 6)), (5, 2, 3)),
    (Egg((1, 2, 3), (4, 5, 6), frontal_axes(90.0)), (1, 8, 3)),
    (Quadric((1, 2, 3), np.diag([16.0, 25.0, 36.0])), (1, 7, 3)),
    (Rod((0, 0, 2), (10, 0, 2), 2, 3), (10, 3, 2)),
    (Rod((0, 0, 2), (10, 0, 2), 2, 2, (0, 1, 0), 1.5), (5, 3, 2)),
    (Block((1, 2, 3), (4, 5, 6), 1.0), (5, 2, 3)),
    (Drum((1, 2, 3), (4, 5, 6), 1.0), (1, 7, 3)),
    (Wall(1, (0, 4), (10, 4), (-5, -5), (5, 5), (2, 2)), (5, 0, 6)),
    (Wall(2, (0, 0), (10, 0), (1, 1), (5, 5), (2, 2)), (5, 0, 5)),
]


@pytest.mark.parametrize(("shape", "on_surface"), SHAPES)
def test_distance_is_zero_on_the_surface_and_mirrors(
    shape: Shape, on_surface: tuple[float, float, float]
) -> None:
    def distance(body: Shape, point: np.ndarray) -> float:
        x, y, z = (np.array([k], dtype=np.float32) for k in point)
        return float(body.distance(x, y, z)[0])

    point = np.array(on_surface, dtype=float)
    low, high = shape.bounds()
    inwards = 0.5 * (low + high) - point
    inwards /= np.linalg.norm(inwards)
    assert distance(shape, point) == pytest.approx(0.0, abs=1e-5)
    assert distance(shape, point + 0.2 * inwards) < 0 < distance(shape, point - 0.2 * inwards)
    assert np.all(point >= low - 1e-9) and np.all(point <= high + 1e-9)
    flip = np.array([1.0, 1.0, -1.0])
    for at in (point + 0.2 * inwards, point - 0.7 * inwards):
        assert distance(shape.mirrored(), at * flip) == pytest.approx(distance(shape, at), abs=1e-5)


def test_both_sides_and_tubes_are_lists_of_shapes() -> None:
    rods = tube([(0, 0, 1), (1, 0, 1), (2, 0, 1)], [1.0, 2.0, 3.0])
    assert [rod.radius_b for rod in rods] == [2.0, 3.0]
    assert [shape.bounds()[0][2] for shape in both(rods[:1])] == [-1.0, -3.0]


def test_joint_surface_holds_its_arc() -> None:
    z = np.linspace(9.0, 22.0, 8)
    arc = np.column_stack([np.full(8, 2.0), 27.0 - np.sqrt(1600 - z**2), z])
    centre, half = joint_surface(arc, 20.0)
    assert centre == pytest.approx((2.0, 27.0, 0.0))
    assert half == pytest.approx((np.sqrt(800.0), 40.0, 40.0))


def test_solids_need_no_optional_part() -> None:
    code = "import sys; sys.modules['numba'] = None; import atlasplane.anatomy.solids"
    subprocess.run([sys.executable, "-c", code], check=True)
