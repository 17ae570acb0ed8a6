"""Height models and the correction vector: worked examples, signs, uncertainty, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.errors import BadInput
from atlasplane.core.joint import JointObservations
from atlasplane.core.quantity import quantity
from atlasplane.core.side import Side
from atlasplane.plan.height import ManualHeight, TableHeight, TwoArcHeight, two_arc_glide
from atlasplane.plan.vector import (
    LEVER_IN,
    correction_vector,
    force_direction,
    head_piece,
    head_piece_angle_deg,
    spinous_position,
    torque,
)
from tests.strategies import measured, numbers, visit_of
from tests.test_circle import CONDYLES_MM, FACETS_MM, relative_sd

INCH = 25.4
TWO_ARC = {
    "transverse_offset/right": 48.0,
    "condylar_radius": 2 * INCH,
    "axial_radius": 4 * INCH,
    "atlas_plane_tilt": 0.0,
}


def visit(u: float = 0.1, **changes: float) -> JointObservations:
    plain = {"atlas_laterality": 3.0, "atlas_rotation": 2.0, **TWO_ARC, "transverse_offset/left": -48.0}
    plain.update({"spinous_offset": 4.0, "odontoid_offset": 1.0})
    return visit_of({**plain, **changes}, u=u)


def test_two_arc_example_of_the_text() -> None:
    # 2 Rc = 4 in, 2 Ra = 8 in, t = 48 mm on the film: 13.3 deg and 6.6 in at 28 in (printed digits).
    glide = two_arc_glide(48.0, 2 * INCH, 4 * INCH, axial_share=0.5)
    assert math.degrees(math.atan(glide)) == pytest.approx(13.3, abs=0.05)
    height = TwoArcHeight().height_in(TWO_ARC, side="right", lever_in=28.0)
    assert height == pytest.approx(6.6, abs=0.05)


@given(numbers(20, 60), numbers(30, 200))
def test_equal_circles_give_no_height_and_a_small_condylar_one_a_high_vector(
    reach: float, radius: float
) -> None:
    assert two_arc_glide(reach, radius, radius, axial_share=0.5) == pytest.approx(0, abs=1e-15)
    assert (
        two_arc_glide(reach, 0.9 * radius, radius, axial_share=0.5)
        > 0
        > two_arc_glide(reach, 1.1 * radius, radius, axial_share=0.5)
    )


def test_share_of_the_axial_arc() -> None:
    # All on the condylar arc: t / Rc; all on the axial one: -t / Ra.
    assert two_arc_glide(48, 50, 100, axial_share=0.0) == pytest.approx(0.96)
    assert two_arc_glide(48, 50, 100, axial_share=1.0) == pytest.approx(-0.48)


@pytest.mark.parametrize("side", ["right", "left"])
def test_height_grows_with_the_tilt_of_the_plane_on_its_side(side: str) -> None:
    # dH / dphi = 28 in x pi / 180 = 0.489 in per degree where theta is near 0 (text: about 0.49).
    values = {**TWO_ARC, f"transverse_offset/{side}": 48.0, "axial_radius": TWO_ARC["condylar_radius"]}
    up = 1.0 if side == "right" else -1.0
    height = TwoArcHeight().height_in({**values, "atlas_plane_tilt": up}, side=side, lever_in=LEVER_IN)
    assert height == pytest.approx(0.49, abs=0.005)
    assert TwoArcHeight().inputs(side)[0] == f"transverse_offset/{side}"


@pytest.mark.parametrize(("sd_mm", "sd_in"), [(0.3, 0.6), (0.5, 1.1), (1.0, 2.1)])
def test_circle_reading_alone_moves_the_height(sd_mm: float, sd_in: float) -> None:
    # Only R_c and R_a are uncertain. The arc of the text is not stated: with the layouts that fit its SD(R)/R
    # the height has 0.67, 1.12, 2.25 in, with both arcs spread evenly 0.62, 1.04, 2.08 in; its figures lie
    # between.
    bounds = []
    for facets in (CONDYLES_MM, FACETS_MM):
        u = dict.fromkeys(("atlas_laterality", "atlas_rotation", *TWO_ARC), 1e-6)
        for key, across in (("condylar_radius", CONDYLES_MM), ("axial_radius", facets)):
            u[key] = relative_sd(across, TWO_ARC[key], sd_mm) * TWO_ARC[key]
        joint = visit_of({"atlas_laterality": 3.0, "atlas_rotation": 2.0, **TWO_ARC}, u)
        vector = correction_vector(joint, TwoArcHeight())
        assert vector is not None
        bounds.append(math.sqrt(vector.cov_in2[0, 0]))
    assert bounds[0] - 0.05 < sd_in < bounds[1] + 0.05  # half of the printed digit


def test_head_piece_of_the_text() -> None:
    assert head_piece_angle_deg(0.375) == pytest.approx(4.29, abs=0.005)
    assert 28 * math.tan(math.radians(4.3)) == pytest.approx(2.1, abs=0.05)
    piece = head_piece(LEVER_IN)
    assert piece.eop_below_c7_in == (0.25, 0.375)
    assert piece.angle_deg == (pytest.approx(2.9, abs=0.05), pytest.approx(4.3, abs=0.05))
    assert piece.height_in == (pytest.approx(1.4, abs=0.005), pytest.approx(2.1, abs=0.005))


def test_lever_behind_one_degree_an_inch_half() -> None:
    # 2 in at 4.3 deg is a lever of 26.6 in; 26.6 to 28 in make 1 deg 0.46 to 0.49 in.
    assert 2 / math.tan(math.radians(4.3)) == pytest.approx(26.6, abs=0.05)
    assert [d * math.tan(math.radians(1)) for d in (26.6, 28)] == [
        pytest.approx(0.46, abs=0.005),
        pytest.approx(0.49, abs=0.005),
    ]


def test_manual_height_is_what_was_entered() -> None:
    model = ManualHeight(entered_in=5.0)
    assert (model.inputs("right"), model.name, model.tag) == ((), "manual", "published")
    vector = correction_vector(visit(), model)
    assert vector is not None
    assert vector.height_in == 5.0
    # 0.25 in of the model; rotation 28 tan(2 deg), u 0.1 deg: 28 x pi/180 x 0.1 / cos^2.
    assert math.sqrt(vector.cov_in2[0, 0]) == pytest.approx(0.25)
    assert vector.rotation_in == pytest.approx(28 * math.tan(math.radians(2)))
    assert math.sqrt(vector.cov_in2[1, 1]) == pytest.approx(
        28 * math.radians(0.1) / math.cos(math.radians(2)) ** 2, rel=1e-4
    )
    assert (vector.model, vector.tag, vector.side, vector.letter) == ("manual", "published", Side.RIGHT, "A")


CHART = {
    "atlas_plane_tilt": ((0.0, 0.0), (4.0, 2.0)),
    "condylar_radius": ((40.0, 3.0), (60.0, 1.0), (50.0, 1.5)),
}


def test_chart_is_interpolated_and_added_up() -> None:
    model = TableHeight(rows=CHART)
    assert model.inputs("left") == tuple(CHART)
    # 1 deg: 0.5 in; 45 mm: 2.25 in; lines in any order.
    assert model.height_in(
        {"atlas_plane_tilt": 1.0, "condylar_radius": 45.0}, side="right", lever_in=28
    ) == pytest.approx(2.75)
    assert (model.name, model.tag, model.u_model_in) == ("table", "unverified", 0.0)


@pytest.mark.parametrize(
    "key", ["atlas_plane_tilt", "atlas_laterality", "lower_angle", "head_tilt", "axis_rotation", "c7_offset"]
)
def test_chart_counts_the_side_of_laterality_as_plus(key: str) -> None:
    model = TableHeight(rows={key: ((0.0, 0.0), (4.0, 2.0))})
    assert model.height_in({key: -1.0}, side="left", lever_in=28) == pytest.approx(0.5)


def test_chart_does_not_turn_what_has_no_side() -> None:
    model = TableHeight(rows={"circle_ratio": ((0.0, 0.0), (1.0, 2.0))})
    assert model.height_in({"circle_ratio": 0.5}, side="left", lever_in=28) == pytest.approx(1.0)


@pytest.mark.parametrize(("value", "height"), [(0.0, 0.0), (4.0, 2.0), (-0.01, None), (4.01, None)])
def test_chart_is_never_prolonged(value: float, height: float | None) -> None:
    model, values = (
        TableHeight(rows={"atlas_plane_tilt": CHART["atlas_plane_tilt"]}),
        {"atlas_plane_tilt": value},
    )
    if height is not None:
        assert model.height_in(values, side="right", lever_in=28) == height
        return
    with pytest.raises(
        BadInput,
        match=rf"height table: atlas_plane_tilt = {value:.2f} lies outside the chart \(0 to 4\). Extend",
    ):
        model.height_in(values, side="right", lever_in=28)


@pytest.mark.parametrize(
    ("side", "height", "letter", "signs"),
    [
        # X anterior, Y superior, Z right: from the right side the force goes left, from a high notch down,
        # from A backward.
        (1.0, 0.2, "A", (-1, -1, -1)),
        (-1.0, 0.2, "A", (-1, -1, 1)),
        (1.0, -0.2, "A", (-1, 1, -1)),
        (1.0, 0.2, "P", (1, -1, -1)),
        (-1.0, -0.2, "P", (1, 1, 1)),
        (1.0, 0.2, None, (0, -1, -1)),
    ],
)
def test_signs_of_the_force(side: float, height: float, letter: str | None, signs) -> None:
    force = force_direction(side, height, 0.1, letter)
    assert tuple(np.sign(force)) == signs
    assert np.linalg.norm(force) == pytest.approx(1)


@given(numbers(-8, 8), numbers(0.5, 8), st.sampled_from([1.0, -1.0]), st.sampled_from([1.0, -1.0]))
def test_notch_stands_a_lever_to_the_side_and_its_components_are_the_inches(
    height: float, turn_deg: float, side: float, turn: float
) -> None:
    vector = correction_vector(
        visit(atlas_laterality=3 * side, atlas_rotation=turn * turn_deg), ManualHeight(entered_in=height)
    )
    assert vector is not None
    forward, up, right = vector.notch_offset_isb_mm / INCH
    assert right == pytest.approx(side * LEVER_IN, rel=1e-12)
    assert up == pytest.approx(height, abs=1e-10)  # superior for a high notch
    on_side = 1 if vector.letter == "A" else -1
    assert forward == pytest.approx(on_side * vector.rotation_in, abs=1e-10)  # anterior for A
    assert vector.letter == ("A" if side * turn > 0 else "P")
    # N = T - d D sqrt(1 + tan^2 + tan^2).
    reach = vector.lever_mm * math.sqrt(1 + (height / LEVER_IN) ** 2 + (vector.rotation_in / LEVER_IN) ** 2)
    np.testing.assert_allclose(
        vector.notch_offset_isb_mm, -vector.direction_isb * reach, rtol=1e-12, atol=1e-9
    )


def test_undetermined_rotation_has_inches_but_no_direction() -> None:
    vector = correction_vector(visit(atlas_rotation=0.1), ManualHeight(entered_in=2.0))
    assert vector is not None
    assert vector.letter is None
    assert vector.rotation_in > 0
    assert vector.direction_isb[0] == 0
    assert vector.notch_offset_isb_mm[2] == pytest.approx(
        vector.lever_mm
    )  # the lever is still the lateral component
    assert vector.words == ("notch high, force caudad", "rotation side undetermined")


@pytest.mark.parametrize(
    ("height", "rotation", "words"),
    [
        (2.0, 2.0, ("notch high, force caudad", "notch anterior, force posteriorward")),
        (-2.0, -2.0, ("notch low, force cephalad", "notch posterior, force anteriorward")),
        (0.0, 2.0, ("notch level, no height", "notch anterior, force posteriorward")),
    ],
)
def test_words_say_where_notch_and_force_go(height: float, rotation: float, words) -> None:
    vector = correction_vector(visit(atlas_rotation=rotation), ManualHeight(entered_in=height))
    assert vector is not None
    assert vector.words == words


def test_the_mirrored_patient_has_the_mirrored_vector() -> None:
    keys = ["atlas_laterality", "atlas_rotation", *TWO_ARC]
    rng = np.random.default_rng(3)
    root = 0.2 * rng.normal(size=(6, 6))
    cov = root @ root.T + 0.01 * np.eye(6)
    values = {"atlas_laterality": 3.0, "atlas_rotation": 2.0, **TWO_ARC, "atlas_plane_tilt": 1.0}
    flips = np.array([-1.0 if quantity(key.partition("/")[0]).lateral else 1.0 for key in keys])
    mirrored = {key.replace("right", "left"): f * values[key] for key, f in zip(keys, flips, strict=True)}
    one = correction_vector(visit_of(values, cov=cov), TwoArcHeight())
    other = correction_vector(visit_of(mirrored, cov=np.outer(flips, flips) * cov), TwoArcHeight())
    assert one is not None
    assert other is not None
    assert (one.side, other.side) == (Side.RIGHT, Side.LEFT)
    assert (other.height_in, other.rotation_in, other.letter) == (
        pytest.approx(one.height_in),
        pytest.approx(one.rotation_in),
        one.letter,
    )
    np.testing.assert_allclose(other.direction_isb, one.direction_isb * [1, 1, -1], atol=1e-12)
    np.testing.assert_allclose(other.cov_in2, one.cov_in2, rtol=1e-9)
    assert one.cov_in2[0, 1] != 0


def test_covariance_of_height_and_rotation_is_what_a_simulation_finds() -> None:
    values = {"atlas_laterality": 3.0, "atlas_rotation": -2.0, **TWO_ARC}
    cov = np.diag([0.1, 0.3, 0.5, 1.0, 3.0, 0.4]) ** 2
    cov[1, 5] = cov[5, 1] = 0.6 * 0.3 * 0.4  # rotation and plane tilt move together
    vector = correction_vector(visit_of(values, cov=cov), TwoArcHeight())
    assert vector is not None
    n = 1000
    drawn = np.random.default_rng(4).multivariate_normal(list(values.values()), cov, size=n)
    simulated = []
    for row in drawn:
        at = dict(zip(values, row, strict=True))
        height = TwoArcHeight().height_in(at, side="right", lever_in=28)
        simulated.append([height, 28 * math.tan(math.radians(abs(at["atlas_rotation"])))])
    found, expected = np.cov(simulated, rowvar=False), vector.cov_in2
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(found / scale, expected / scale, atol=4 * math.sqrt(2 / n))
    assert expected[0, 1] < 0  # a larger |rotation| goes with a lower plane here


def test_lever_and_share_scale_the_vector() -> None:
    near, far = (correction_vector(visit(), TwoArcHeight(), lever_in=d) for d in (14.0, 28.0))
    half = correction_vector(visit(), ManualHeight(entered_in=1.0), rotation_share=0.5)
    assert near is not None
    assert far is not None
    assert half is not None
    assert far.height_in == pytest.approx(2 * near.height_in)
    assert far.rotation_in == pytest.approx(2 * near.rotation_in)
    np.testing.assert_allclose(far.direction_isb, near.direction_isb)
    assert half.rotation_in == pytest.approx(28 * math.tan(math.radians(1)))


@pytest.mark.parametrize("gone", ["atlas_laterality", "atlas_rotation", "condylar_radius"])
def test_no_vector_without_its_inputs(gone: str) -> None:
    values = {"atlas_laterality": 3.0, "atlas_rotation": 2.0, **TWO_ARC}
    del values[gone]
    assert correction_vector(visit_of(values), TwoArcHeight()) is None


def test_no_vector_from_an_undetermined_side() -> None:
    assert correction_vector(visit(atlas_laterality=0.1), ManualHeight(entered_in=2.0)) is None


def test_no_vector_from_an_input_without_u() -> None:
    joint = visit()
    observations = tuple(
        measured(o.key, o.value, None if o.key == "axial_radius" else 0.1) for o in joint.observations
    )
    unknown = JointObservations(observations=observations, order=joint.order, own_cov=joint.own_cov)
    assert correction_vector(unknown, TwoArcHeight()) is None
    assert correction_vector(unknown, ManualHeight(entered_in=2.0)) is not None


@pytest.mark.parametrize(
    ("laterality", "spinous", "odontoid", "position"),
    [
        (Side.RIGHT, 4.0, 1.0, "inferior"),
        (Side.LEFT, 4.0, 1.0, "superior"),
        (Side.LEFT, -4.0, -1.0, "inferior"),
        (Side.RIGHT, -4.0, 1.0, "superior"),
        (Side.RIGHT, 4.0, 5.0, None),  # the odontoid is displaced more
        (Side.RIGHT, 0.1, -3.0, None),  # within its uncertainty
        (Side.UNDETERMINED, 4.0, 1.0, None),
    ],
)
def test_spinous_inferior_or_superior(
    laterality: Side, spinous: float, odontoid: float, position: str | None
) -> None:
    assert spinous_position(visit(spinous_offset=spinous, odontoid_offset=odontoid), laterality) == position


@pytest.mark.parametrize(
    ("laterality", "spinous", "turn"),
    # Lin: inferior right counter-clockwise, inferior left clockwise; superior the opposite.
    [
        (Side.RIGHT, 4.0, "counter-clockwise"),
        (Side.LEFT, -4.0, "clockwise"),
        (Side.RIGHT, -4.0, "clockwise"),
        (Side.LEFT, 4.0, "counter-clockwise"),
    ],
)
def test_torque_table(laterality: Side, spinous: float, turn: str) -> None:
    joint = visit(spinous_offset=spinous, odontoid_offset=0.0)
    assert torque(joint, laterality, 2.0) == turn
    assert torque(joint, laterality, 0.0) is None  # only stated for vectors above zero
    assert torque(joint, laterality, -2.0) is None


def test_no_torque_without_the_axis() -> None:
    bare = visit_of({"atlas_laterality": 3.0, "atlas_rotation": 2.0})
    assert torque(bare, Side.RIGHT, 2.0) is None
    vector = correction_vector(bare, ManualHeight(entered_in=2.0))
    assert vector is not None
    assert (vector.torque, vector.headpiece) == (None, None)


def test_head_piece_goes_with_an_inferior_spinous() -> None:
    inferior = correction_vector(visit(), ManualHeight(entered_in=2.0))
    superior = correction_vector(visit(spinous_offset=-4.0), ManualHeight(entered_in=2.0))
    assert inferior is not None
    assert superior is not None
    assert (inferior.headpiece, inferior.torque) == (head_piece(28.0), "counter-clockwise")
    assert (superior.headpiece, superior.torque) == (None, "clockwise")
