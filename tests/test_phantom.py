"""The phantom: symmetric mean person, postures with the quantities' signs, populations of known spread."""

from __future__ import annotations

import math
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.phantom import (
    ARC_POINTS,
    BONES,
    later_ids,
    mean_phantom,
    phantom_population,
    posture,
    random_phantom,
)
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.geometry.circle import taubin_circle
from atlasplane.geometry.rotation import zxy_from_rotation
from atlasplane.geometry.types import Array
from atlasplane.simulate.setup import SETUPS
from atlasplane.simulate.truth import patient_truth
from tests.film_cases import person, pose

PHANTOM = mean_phantom()
SHAPE = tomllib.loads(files("atlasplane.anatomy").joinpath("data/phantom.toml").read_text(encoding="utf-8"))
TABLE, RHO = SHAPE["variation"], SHAPE["vault"]["rho"]
TABLE_POINTS = SHAPE["points"]
FIRST_DRAWS: dict[str, tuple[int, ...]] = {
    "size": (),
    "half_height": (),
    "half_width": (),
    "rho": (),
    "level": (2,),
    "frame": (3, 2),
    "paired": (4,),
    "neck": (),
}
NOT_MEANT = ("child", "patients", "with neck pain", "cadaver")
"""Populations that the mean person does not stand for."""
PAIRS = sorted(id_[:-2] for id_ in PHANTOM.points_mm if id_.endswith("_R"))


def test_the_mean_person_is_exactly_symmetric() -> None:
    mirror = np.array([1, 1, -1])
    for name in PAIRS:
        bone, right = PHANTOM.points_mm[f"{name}_R"]
        assert PHANTOM.points_mm[f"{name}_L"][0] == bone
        np.testing.assert_array_equal(PHANTOM.points_mm[f"{name}_L"][1], right * mirror)
        assert right[2] > 0
    for name in ("COND", "AXIS", "C0_FACET", "C1_FACET"):
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

        def spawn(self, count: int) -> list[Far]:
            return [self] * count

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


def test_what_came_later_does_not_move_what_was_there() -> None:
    """Groups and facets are drawn from a stream of their own: the caller's goes on as before them."""
    rng, plain = np.random.default_rng(3), np.random.default_rng(3)
    person = random_phantom(rng)
    drawn = [plain.normal(0.0, TABLE[name], shape) for name, shape in FIRST_DRAWS.items()]
    assert float(person.points_mm["TF_R"][1][2]) == TABLE_POINTS["c1"]["TF_R"][2] * (1 + drawn[0])
    assert rng.normal() == plain.normal()


def test_later_ids_are_those_of_groups_and_facets() -> None:
    grouped = {id_ for group in SHAPE["groups"].values() for id_ in group["points"]}
    assert grouped <= later_ids() and not later_ids() & set(TABLE_POINTS["c1"])
    assert {"C0_FACET_R", "C1_FACET_L", "CONV_A_L"} <= later_ids()
    assert later_ids() <= PHANTOM.points_mm.keys() | PHANTOM.arcs_mm.keys()


def test_every_landmark_of_the_films_and_photographs_has_its_place() -> None:
    """Suture, turn and contours of the skull follow from the vault, the ends of AXIS from its arc."""
    of_arcs = {"SQ_R", "SQ_L", "TURN_R", "TURN_L", "SKULL_R", "SKULL_L", "AX_RL", "AX_RM", "AX_LL", "AX_LM"}
    known = PHANTOM.points_mm.keys() | PHANTOM.arcs_mm.keys()
    wanted = {id_ for id_, entry in landmarks().items() if entry.views}
    assert wanted - known - of_arcs == set()
    for id_ in wanted & known:
        bone = (PHANTOM.points_mm.get(id_) or PHANTOM.arcs_mm[id_])[0]
        assert bone == landmarks()[id_].bone, id_


def test_condyle_and_facet_of_c1_are_one_gap_apart() -> None:
    """With C1 in the flexion of the table the two arcs are concentric: 1.4 mm between them everywhere."""
    pose = posture(PHANTOM, head_deg=np.zeros(3), atlas_deg=np.array([-12.0, 0.0, 0.0]))
    condyle = pose.room_from("skull").apply(PHANTOM.arcs_mm["C0_FACET_R"][1])
    facet = pose.room_from("c1").apply(PHANTOM.arcs_mm["C1_FACET_R"][1])
    np.testing.assert_allclose(np.linalg.norm(condyle - facet, axis=1), 1.4, rtol=1e-12)
    assert np.all(facet[:, 1] < condyle[:, 1])


def test_groups_vary_as_their_table_says() -> None:
    n = 2000
    people = phantom_population(n, np.random.default_rng(1))
    size = people.points_mm["TF_R"][1][:, 2] / PHANTOM.points_mm["TF_R"][1][2]

    def spread(values: Array, sd: float) -> None:
        assert values.std() == pytest.approx(sd, rel=4 / math.sqrt(2 * n))  # standard error of an SD

    def at(id_: str) -> Array:
        return people.points_mm[id_][1] / size[:, None]

    groups = SHAPE["groups"]
    spread(at("C2_PED")[:, 0], groups["axis"]["scatter"])
    spread(at("STERN_TOP")[:, 0], math.hypot(groups["inlet"]["shift"][0], groups["inlet"]["scatter"]))
    # Tilt of a plate: the group's own, the person's lordosis, and the scatter of its two ends.
    plate = at("C7_AI") - at("C7_PI")
    ends = math.degrees(math.sqrt(2) * groups["c7"]["scatter"] / float(np.linalg.norm(plate, axis=1).mean()))
    spread(
        np.degrees(np.arctan2(plate[:, 1], plate[:, 0])),
        math.hypot(groups["c7"]["tilt"], SHAPE["between_persons"]["lordosis"], ends),
    )
    # The arch in front of the dens keeps its distance from it where the frames of C1 and C2 vary.
    gap = at("C1_AA") + people.origins_mm["c1"] / size[:, None]
    gap = (gap - people.origins_mm["c2"] / size[:, None] - at("DENS_ANT"))[:, 0]
    spread(gap, groups["anterior_arch"]["scatter"])


def test_the_mean_person_lies_within_published_ranges() -> None:
    """Every range of the catalogue that a source published for adults, held against the patient's own values.

    A range on the modality of the measure: film, else CT. The clivo-axial angle is 141.5 deg for 156.9 (SD
    4.2) on MRI: CLIV_SUP and the rear wall of the dens are older than the measure and stay where they are.
    """
    outside = {}
    for view in SETUPS:
        for key, value in patient_truth(view, person(), pose()).items():
            entry = quantity(ObservationKey.parse(key).quantity)
            for given in entry.ranges:
                if given.tag != "published" or any(word in given.population for word in NOT_MEANT):
                    continue
                low = -math.inf if given.low is None else given.low
                high = math.inf if given.high is None else given.high
                if not low <= value <= high:
                    outside.setdefault(key, []).append((round(value, 2), given.modality, low, high))
    assert outside.keys() == {"clivoaxial_angle"}, outside


def test_the_docs_print_the_mean_persons_values() -> None:
    page = Path(__file__).parents[1] / "docs/reference/phantom.md"
    rows = re.findall(r"^\| `([a-z0-9_/A-Z]+)` \| (-?[0-9.]+) \|", page.read_text(encoding="utf-8"), re.M)
    truth = {key: v for view in SETUPS for key, v in patient_truth(view, person(), pose()).items()}
    assert len(rows) > 30
    for key, printed in rows:
        digits = len(printed.partition(".")[2])
        # Half a unit of the last digit, and a hair for what a binary number makes of it.
        assert float(printed) == pytest.approx(truth[key], abs=0.5 * 10.0**-digits + 1e-9), key
