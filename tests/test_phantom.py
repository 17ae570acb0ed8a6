"""The phantom: symmetric mean person, postures with the quantities' signs, populations of known spread."""

from __future__ import annotations

import math
import tomllib
from importlib.resources import files

import numpy as np
import pytest

from atlasplane.anatomy.phantom import (
    ARC_POINTS,
    BONES,
    mean_phantom,
    phantom_population,
    posture,
    random_phantom,
)
from atlasplane.geometry.circle import taubin_circle
from atlasplane.geometry.rotation import zxy_from_rotation
from atlasplane.geometry.types import Array

PHANTOM = mean_phantom()
SHAPE = tomllib.loads(files("atlasplane.anatomy").joinpath("data/phantom.toml").read_text(encoding="utf-8"))
TABLE, RHO = SHAPE["variation"], SHAPE["vault"]["rho"]
PAIRS = sorted(id_[:-2] for id_ in PHANTOM.points_mm if id_.endswith("_R"))


def test_the_mean_person_is_exactly_symmetric() -> None:
    mirror = np.array([1, 1, -1])
    for name in PAIRS:
        bone, right = PHANTOM.points_mm[f"{name}_R"]
        assert PHANTOM.points_mm[f"{name}_L"][0] == bone
        np.testing.assert_array_equal(PHANTOM.points_mm[f"{name}_L"][1], right * mirror)
        assert right[2] > 0
    for name in ("COND", "AXIS"):
        np.testing.assert_array_equal(
            PHANTOM.arcs_mm[f"{name}_L"][1], PHANTOM.arcs_mm[f"{name}_R"][1] * mirror
        )
    middle = [at for id_, (_, at) in PHANTOM.points_mm.items() if not id_.endswith(("_R", "_L"))]
    assert np.all(np.array(middle)[:, 2] == 0)
    assert np.all(PHANTOM.vault.shape_mm2[:2, 2] == 0)


@pytest.mark.parametrize(("name", "radius", "above"), [("COND", 40.0, 1), ("AXIS", 80.0, -1)])
def test_joint_arcs_are_parts_of_one_circle(name: str, radius: float, above: int) -> None:
    both = np.concatenate([PHANTOM.arcs_mm[f"{name}_{side}"][1] for side in "RL"])
    assert len(both) == 2 * ARC_POINTS
    circle = taubin_circle(both[:, [2, 1]])
    assert float(circle.radius) == pytest.approx(radius, rel=1e-6)
    assert np.sign(circle.centre[1] - both[0, 1]) == above  # the condyles' centre above, the facets' below


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (-12.0, 3.0, -4.0)])
def test_atlas_angles_carry_the_signs_of_the_3d_quantities(angles) -> None:
    pose = posture(PHANTOM, head_deg=np.zeros(3), atlas_deg=np.array(angles))
    alpha, beta, gamma = (float(a) for a in zxy_from_rotation(pose.c1.rotation))
    # flexion = -alpha, laterality = -beta, rotation = gamma.
    assert (-alpha, -beta, gamma) == pytest.approx(angles, abs=1e-12)


def test_head_angles_turn_everything_about_the_atlas() -> None:
    pose = posture(PHANTOM, head_deg=np.array([2.0, -5.0, 3.0]), atlas_deg=np.zeros(3))
    assert [float(a) for a in zxy_from_rotation(pose.head.rotation)] == pytest.approx(
        [-5.0, 3.0, 2.0]
    )  # pitch, roll, yaw
    np.testing.assert_allclose(pose.room_from("c1").apply(np.zeros(3)), 0, atol=1e-12)
    for bone in BONES:
        np.testing.assert_allclose(pose.room_from(bone).rotation, pose.head.rotation, atol=1e-15)


def test_neutral_bones_keep_their_places() -> None:
    pose = posture(PHANTOM, head_deg=np.zeros(3), atlas_deg=np.zeros(3))
    for bone in BONES:
        at = pose.room_from(bone).apply(np.zeros(3))
        np.testing.assert_allclose(at, PHANTOM.origins_mm[bone] - PHANTOM.origins_mm["c1"], atol=1e-12)


def test_axis_and_trunk_turn_alone() -> None:
    pose = posture(
        PHANTOM,
        head_deg=np.zeros(3),
        atlas_deg=np.zeros(3),
        axis_deg=np.array([0, 0, 7.0]),
        trunk_deg=np.array([0, 4.0, 0]),
    )
    assert float(zxy_from_rotation(pose.c2.rotation)[2]) == pytest.approx(7.0)
    assert float(zxy_from_rotation(pose.trunk.rotation)[1]) == pytest.approx(-4.0)
    np.testing.assert_array_equal(pose.c1.rotation, np.eye(3))


def test_a_population_varies_as_its_table_says() -> None:
    n = 2000
    people = phantom_population(n, np.random.default_rng(1))

    def spread(values: Array, sd: float) -> None:
        assert values.std() == pytest.approx(sd, rel=4 / math.sqrt(2 * n))  # standard error of an SD

    size = people.points_mm["TF_R"][1][:, 2] / PHANTOM.points_mm["TF_R"][1][2]
    spread(size, TABLE["size"])
    spread(people.points_mm["C7_C"][1][:, 2] / size, TABLE["neck"])
    asymmetry = (people.points_mm["ORB_R"][1] + people.points_mm["ORB_L"][1])[:, 2] / size
    spread(asymmetry, TABLE["paired"] * math.sqrt(2))
    spread(people.squamous_y_mm / size, TABLE["level"])
    spread(people.origins_mm["c2"][:, 0] / size, TABLE["frame"])
    rho = people.vault.shape_mm2[:, 0, 1] / people.vault.shape_mm2[:, 1, 1]
    # Cut at +-0.75, so its median and central 68 % are looked at: standard errors 1.25 and about 1.2 sd /
    # sqrt n.
    low, median, high = np.quantile(rho, [0.1587, 0.5, 0.8413])
    assert median == pytest.approx(RHO, abs=5 * TABLE["rho"] / math.sqrt(n))
    assert (high - low) / 2 == pytest.approx(TABLE["rho"], rel=5 / math.sqrt(n))
    np.testing.assert_array_equal(people.origins_mm["c1"][:, 2], 0)  # nobody's atlas lies beside the midline
    assert np.all(np.linalg.eigvalsh(people.vault.shape_mm2) > 0)  # every vault is an ellipsoid


def test_one_person_of_that_population() -> None:
    person, same, other = (random_phantom(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert person.points_mm["PL_R"][1].shape == (3,)
    assert person.vault.shape_mm2.shape == (3, 3)
    assert person.arcs_mm["COND_R"][1].shape == (ARC_POINTS, 3)
    np.testing.assert_array_equal(person.points_mm["C7_C"][1], same.points_mm["C7_C"][1])
    assert person.points_mm["C7_C"][1][2] != other.points_mm["C7_C"][1][2]


def test_an_extreme_person_is_still_an_ellipsoid() -> None:
    class Far:
        """Every draw as many standard deviations out."""

        def __init__(self, out: float) -> None:
            self.out = out

        def normal(self, mean: float, sd: float, shape: tuple[int, ...]) -> Array:
            return np.full(shape, mean + self.out * sd)

    for out in (-4.0, 4.0):
        vault = random_phantom(Far(out)).vault  # type: ignore[arg-type]
        assert np.all(np.linalg.eigvalsh(vault.shape_mm2) > 0)
        assert abs(vault.shape_mm2[0, 1] / vault.shape_mm2[1, 1]) <= 0.75 + 1e-12


def test_many_alike_are_the_mean_person() -> None:
    alike = mean_phantom(3)
    assert alike.points_mm["PL_R"][1].shape == (3, 3)
    np.testing.assert_array_equal(alike.points_mm["PL_R"][1][2], PHANTOM.points_mm["PL_R"][1])
    np.testing.assert_array_equal(alike.vault.shape_mm2[1], PHANTOM.vault.shape_mm2)
    np.testing.assert_array_equal(alike.arcs_mm["COND_L"][1][1], PHANTOM.arcs_mm["COND_L"][1])
