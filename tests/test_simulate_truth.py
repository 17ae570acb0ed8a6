"""The oracle of the simulation against pathway, poses and the projection formulas of the text (1.9)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantities, quantity
from atlasplane.geometry.types import Array
from atlasplane.simulate.memory import film_in_memory, photo_in_memory
from atlasplane.simulate.setup import SETUPS
from atlasplane.simulate.subject import Angles
from atlasplane.simulate.truth import film_axes_camera, film_truth, patient_truth
from atlasplane.simulate.visit import VIEWS, SimulatedFilm, SimulatedVisit
from atlasplane.sources.film import Detector, PlanarImage, View
from atlasplane.sources.reading import MarkedContour
from tests.film_cases import (
    ZERO,
    analysed,
    exact_visit,
    person,
    pose,
    random_pose,
    simulated_film,
    values,
)

SKULL_KEYS = {"head_tilt", "atlas_laterality", "skull_offset"}
CIRCLE_KEYS = {
    "condylar_radius",
    "condylar_radius/right",
    "condylar_radius/left",
    "axial_radius",
    "axial_radius/right",
    "axial_radius/left",
    "circle_ratio",
    "circle_difference",
    "condylar_centre_offset",
    "axial_centre_offset",
}
GAP_KEYS = {"condyle_c1_interval/right", "condyle_c1_interval/left"}
OF_DISEASE = {"k_line_distance"}
"""The observer finds no ossified ligament to mark."""
ELSEWHERE = tuple(view for view in SETUPS if view not in VIEWS and not view.value.startswith("blair"))
PATIENTS = 12


def sine(degrees: float) -> float:
    return math.sin(math.radians(degrees))


def tangent(degrees: float) -> float:
    return math.tan(math.radians(degrees))


@pytest.fixture(scope="module")
def visits() -> list[SimulatedVisit]:
    """Random persons, bones anywhere, heads up to 3 deg off about every axis; nothing misread."""
    rng = np.random.default_rng(4)
    return [exact_visit(person(rng), random_pose(rng, rng.uniform(-3, 3, 3))) for _ in range(PATIENTS)]


@pytest.fixture(scope="module")
def elsewhere() -> list[SimulatedVisit]:
    """The same of what is not of the series; the neck leans less, so that nothing leaves a film."""
    rng = np.random.default_rng(5)
    poses = [random_pose(rng, rng.uniform(-3, 3, 3)) for _ in range(PATIENTS // 2)]
    calm = [replace(angles, trunk=angles.trunk / 2) for angles in poses]
    return [exact_visit(person(rng), {View.LATERAL: angles}, views=ELSEWHERE) for angles in calm]


def image_in_memory(film: SimulatedFilm) -> PlanarImage:
    """A film or a photograph as a reader would give it."""
    return photo_in_memory(film) if film.setup.view.is_photo else film_in_memory(film)


def films(visits: list[SimulatedVisit]) -> list[SimulatedFilm]:
    return [film for visit in visits for film in visit.films]


def finely_drawn(film: SimulatedFilm, step_mm: float = 3.0, beyond_mm: float = 20.0) -> SimulatedFilm:
    """The same film with its skull walls drawn at small steps and well beyond suture and turn."""
    camera = film_axes_camera(film.setup, film.tube_deg, film.target_mm)
    low, high = film.posed.wall_heights(camera)
    heights = np.arange(low - beyond_mm, high + beyond_mm, step_mm)
    walls = film.posed.walls(camera)
    contours = dict(film.reading.contours)
    for name, sign in (("SKULL_R", 1), ("SKULL_L", -1)):
        at = walls.side(heights, sign)
        # Film axes (right, up) to pixels where the patient's right is the image's left.
        contours[name] = MarkedContour(np.array(film.setup.principal_px) - at / film.setup.pitch_mm, 0.05)
    return replace(film, reading=replace(film.reading, contours=contours))


# ---- the pathway against the oracle ----


def test_the_oracle_knows_every_quantity_that_is_read(
    visits: list[SimulatedVisit], elsewhere: list[SimulatedVisit]
) -> None:
    for film in (*films(visits), *(film for visit in elsewhere for film in visit.films)):
        read = values(image_in_memory(film))
        # A film's own keys do not say which view they are of.
        assert set(read) == {key.partition("@")[0] for key in film.film_truth} - OF_DISEASE
        assert film.film_truth.keys() == film.patient_truth.keys()
    known = {key for visit in (*visits, *elsewhere) for key in visit.truth()["quantities"]}
    ids = {ObservationKey.parse(key).quantity for key in known}
    assert ids >= {id_ for id_, q in quantities().items() if q.views and q.kind == "measurement"}
    assert {"c0_c1_rotation", "c1_c2_rotation"} <= ids


def test_lines_of_the_pathway_equal_the_oracle(
    visits: list[SimulatedVisit], elsewhere: list[SimulatedVisit]
) -> None:
    """Arithmetic of the same points in another order.

    Doubles of a few hundred mm carry 1e-13, angles over 20 mm 1e-12.
    """
    for film in (*films(visits), *(film for visit in elsewhere for film in visit.films)):
        read = values(image_in_memory(film))
        truth = {key.partition("@")[0]: value for key, value in film.film_truth.items()}
        for key in read.keys() - SKULL_KEYS - CIRCLE_KEYS - GAP_KEYS:
            assert read[key] == pytest.approx(truth[key], abs=1e-9), key


def test_gaps_of_the_pathway_equal_the_oracle(elsewhere: list[SimulatedVisit]) -> None:
    """The oracle walks along the facet in steps of 0.01 mm: a foot point at 1 mm is off by 1e-5 mm."""
    for visit in elsewhere:
        film = next(film for film in visit.films if film.setup.view is View.APOM)
        read = values(film_in_memory(film))
        for key in GAP_KEYS:
            assert read[key] == pytest.approx(film.film_truth[key], abs=1e-4), key


def test_circles_of_the_pathway_equal_the_oracle(visits: list[SimulatedVisit]) -> None:
    """Taubin against geometric least squares.

    The arcs are exact circles seen up to 25 deg obliquely, so they miss a circle by e under 0.05 mm. The two
    fits differ by about (e^2 / R) times (R / half chord)^2: 0.05^2 / 40 * (40 / 7)^2 = 2e-3 mm for one
    condyle alone.
    """
    for film in films(visits):
        read = values(film_in_memory(film))
        for key in read.keys() & CIRCLE_KEYS:
            assert read[key] == pytest.approx(film.film_truth[key], abs=2e-3), key


def test_skull_line_of_the_pathway_equals_the_oracle(visits: list[SimulatedVisit]) -> None:
    """The pathway walks between two polylines, the oracle takes the ellipse's principal axis.

    Vertices drawn every 1.5 mm are merged to nodes 4.5 mm apart. A chord of that length cuts s^2 / (8 r) =
    0.03 mm off a wall of radius 90 mm; between eight levels of random phase and two walls a quarter of it is
    left, 0.007 mm of mid-point and as much of lean over half a span of 20 mm (0.02 deg).
    """
    seen = 0
    for film in (film for visit in visits for film in visit.films if film.setup.view is View.NASIUM):
        analysis = analysed(film_in_memory(finely_drawn(film, 1.5)))
        for key in SKULL_KEYS & set(analysis.keys):
            assert analysis.value(key) == pytest.approx(film.film_truth[key], abs=0.02), key
            seen += 1
    assert seen >= 3 * (PATIENTS - 2)


def test_skull_contours_of_the_simulated_observer_are_fine_enough() -> None:
    """Vertices 5 mm apart: for ordinary heads the polyline errs by less than a third of the reading error."""
    rng = np.random.default_rng(8)
    errors = []
    for _ in range(PATIENTS):
        (film,) = exact_visit(
            person(rng), random_pose(rng, rng.uniform(-1, 1, 3)), views=(View.NASIUM,)
        ).films
        analysis = analysed(film_in_memory(film))
        if "head_tilt" in analysis.keys:
            value = analysis.value("head_tilt")
            assert value is not None
            errors.append(abs(value - film.film_truth["head_tilt"]) / analysis.u_placing("head_tilt"))
    assert len(errors) >= PATIENTS - 2
    assert max(errors) < 1 / 3


def test_laterality_of_the_film_is_plane_plus_head(visits: list[SimulatedVisit]) -> None:
    for film in films(visits):
        truth = film.film_truth
        if film.setup.view is View.NASIUM:
            total = truth["atlas_plane_tilt"] + truth["head_tilt"]
            assert truth["atlas_laterality"] == pytest.approx(total, abs=1e-12)


# ---- the patient's values against the poses ----


def zxy(rotation: Array) -> tuple[float, float, float]:
    """alpha, beta, gamma of R = Rz Rx Ry, from its elements (4.2 of the text)."""
    alpha = math.atan2(-rotation[0, 1], rotation[1, 1])
    beta = math.asin(rotation[2, 1])
    gamma = math.atan2(-rotation[2, 0], rotation[2, 2])
    return math.degrees(alpha), math.degrees(beta), math.degrees(gamma)


def test_patient_values_with_a_name_are_the_pose(visits: list[SimulatedVisit]) -> None:
    for visit in visits:
        found = {key: value for film in visit.films for key, value in film.patient_truth.items()}
        rooms = visit.films[0].posed.room_from
        alpha, beta, gamma = zxy(rooms["skull"].rotation.T @ rooms["c1"].rotation)
        assert found["atlas_laterality"] == pytest.approx(-beta, abs=1e-9)
        assert found["atlas_rotation"] == pytest.approx(gamma, abs=1e-9)
        assert found["atlas_plane_sagittal"] == pytest.approx(alpha, abs=1e-9)
        nasium = next(film for film in visit.films if film.setup.view is View.NASIUM)
        _, roll, _ = zxy(nasium.posed.room_from["skull"].rotation)
        assert found["head_tilt"] == pytest.approx(roll, abs=1e-9)


def test_patient_values_do_not_know_the_head_except_in_posture() -> None:
    subject = person(np.random.default_rng(2))
    bones = random_pose(np.random.default_rng(3), ZERO)
    for view in SETUPS:
        straight = patient_truth(view, subject, bones)
        off = patient_truth(view, subject, replace(bones, head=np.array([2.0, -3.0, 1.5])))
        posture = {key for key in straight if quantity(ObservationKey.parse(key).quantity).posture}
        assert {key for key in straight if abs(straight[key] - off[key]) > 1e-9} == posture
        if view in VIEWS and view is not View.LATERAL:
            wanted = {"head_tilt", "cervical_lean", "c7_offset"} if view is View.NASIUM else set()
            assert posture == wanted


def test_ideal_and_patient_s_line_differ_by_perspective_only() -> None:
    """The patient's own S-line has the pitch of C1, as the mean person's two dots are level in it."""
    truth = patient_truth(View.LATERAL, person(), pose(atlas=(-13.0, 0.0, 0.0)))
    # All points lie in the mid-plane, so the lateral beam shows it without distortion.
    assert truth["s_line_angle"] == pytest.approx(13.0, abs=1e-9)
    assert truth["atlas_plane_sagittal"] == pytest.approx(13.0, abs=1e-9)


# ---- projection, through the whole simulated path ----

MOUNTINGS = {Detector.UPRIGHT: tangent, Detector.PERPENDICULAR: sine}


def nasium_of(
    angles: Angles, tube_deg: float, *, detector: Detector = Detector.UPRIGHT, target_mm: Array | None = None
) -> dict[str, float]:
    """The mean person's nasium as read, the central ray through the middle of the attachments."""
    posed = person().posed(angles)
    middle = (posed.points_mm["PL_R"] + posed.points_mm["PL_L"]) / 2
    setup = replace(SETUPS[View.NASIUM], detector=detector)
    target = middle if target_mm is None else target_mm
    film = simulated_film(setup, person(), angles, tube_deg, target_mm=target)
    return values(film_in_memory(finely_drawn(film)))


@pytest.mark.parametrize("detector", MOUNTINGS)
@pytest.mark.parametrize("tube_deg", [5.0, 12.0, 30.0])
@pytest.mark.parametrize("yaw_deg", [-4.0, 5.0])
def test_yaw_tilts_the_atlas_plane_line(detector: Detector, tube_deg: float, yaw_deg: float) -> None:
    """-tan(tube) tan(yaw) on a vertical film, sin(tube) on a perpendicular one; within 3 % (text)."""
    read = nasium_of(pose((yaw_deg, 0, 0), (-tube_deg, 0, 0)), tube_deg, detector=detector)
    wanted = -math.degrees(MOUNTINGS[detector](tube_deg) * tangent(yaw_deg))
    assert read["atlas_plane_tilt"] == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize("detector", MOUNTINGS)
@pytest.mark.parametrize("mismatch_deg", [-10.0, 5.0, 10.0])
def test_a_tube_off_the_s_line_lets_rotation_into_laterality(detector: Detector, mismatch_deg: float) -> None:
    """-tan(AR) sin(delta) on a perpendicular film, over cos(tube) on a vertical one.

    Too steep a tube lowers the anterior side.

    The turned attachments stand +-1.5 mm before and behind the ray's target, 0.2 % of the SOD, on a
    difference of 0.7 deg.
    """
    tube_deg, rotation = 12.0 + mismatch_deg, 4.0
    turned = nasium_of(pose(ZERO, (-12, 0, rotation)), tube_deg, detector=detector)
    stretch = math.cos(math.radians(tube_deg)) if detector is Detector.UPRIGHT else 1.0
    wanted = -math.degrees(math.atan(tangent(rotation) * sine(mismatch_deg) / stretch))
    assert turned["atlas_plane_tilt"] == pytest.approx(wanted, rel=0.01)
    # And laterality goes with it: the skull line has not moved but for the ray's target, 0.7 mm to the side
    # (0.28 deg per 10 mm).
    shift = abs(turned["head_tilt"])
    assert shift < 0.06
    assert turned["atlas_laterality"] == pytest.approx(wanted, abs=0.06)


def test_without_mismatch_rotation_does_not_leak() -> None:
    read = nasium_of(pose(ZERO, (-12, 0, 4)), 12.0)
    assert abs(read["atlas_plane_tilt"]) < 0.01


@pytest.mark.parametrize("detector", MOUNTINGS)
@pytest.mark.parametrize("tube_deg", [10.0, 20.0])
@pytest.mark.parametrize("laterality", [-3.0, 4.0])
def test_a_vertical_film_stretches_laterality(detector: Detector, tube_deg: float, laterality: float) -> None:
    """tan(AL) / cos(tube) with the head straight: +1.5 % at 10 deg, +6 % at 20; nothing if perpendicular.

    The attachments stand 6 mm below and 10 mm behind the atlas' centre, which perspective turns into 0.3 % of
    AL.
    """
    read = nasium_of(pose(ZERO, (-tube_deg, laterality, 0)), tube_deg, detector=detector)
    stretch = math.cos(math.radians(tube_deg)) if detector is Detector.UPRIGHT else 1.0
    wanted = math.degrees(math.atan(tangent(laterality) / stretch))
    assert read["atlas_plane_tilt"] == pytest.approx(wanted, rel=0.005)


def test_roll_cancels_at_tube_0_and_leaves_a_residue_of_the_silhouettes_sign() -> None:
    """The mean silhouette recedes with height (rho -0.4).

    Right bending 2 deg leaves a negative residue, as on the mesh.
    """
    none = nasium_of(pose((0, 0, 2), (0, 0, 0)), 0.0)
    assert none["atlas_plane_tilt"] == pytest.approx(-2.0, abs=0.02)
    assert abs(none["atlas_laterality"]) < 0.02
    for tube_deg, low, high in (
        (10.0, 0.13, 0.5),
        (20.0, 0.26, 1.1),
    ):  # the text: midline structure to iterated mesh
        for sign in (-1.0, 1.0):
            residue = nasium_of(pose((0, 0, sign * 2), (-tube_deg, 0, 0)), tube_deg)["atlas_laterality"]
            assert -sign * residue > 0
            assert low < abs(residue) < high


def vertex_of(head: tuple[float, float, float], pitch_deg: float) -> float:
    angles = pose(head, (-pitch_deg, 0, 0))
    return values(film_in_memory(simulated_film(SETUPS[View.VERTEX], person(), angles, pitch_deg)))[
        "atlas_rotation"
    ]


@pytest.mark.parametrize("roll_deg", [-3.0, 1.0, 2.0])
def test_head_roll_turns_the_atlas_on_the_vertex(roll_deg: float) -> None:
    """About +0.2 deg per degree of right lean.

    Height over AP difference of CRIB and FM_C, along the tilted beam.
    """
    per_degree = vertex_of((0.0, 0.0, roll_deg), 12.0) / roll_deg
    # CRIB - FM_C of the mean person: 86 forward, 39 up; turned by the beam's 12 deg.
    forward, up = (
        86 * math.cos(math.radians(12)) + 39 * sine(12),
        39 * math.cos(math.radians(12)) - 86 * sine(12),
    )
    assert per_degree == pytest.approx(0.2, abs=0.05)
    # The points' perspective (CRIB 57 mm nearer the tube than the atlas, of 837) moves it by a few per cent.
    assert per_degree == pytest.approx(up / forward, rel=0.08)


@pytest.mark.parametrize("yaw_deg", [-3.0, 2.0])
def test_yaw_of_the_whole_head_nearly_cancels_on_the_vertex(yaw_deg: float) -> None:
    """Under 0.04 deg per degree for a beam along the head's axis (text); tilted by 12 deg it leaves 0.05."""
    assert abs(vertex_of((yaw_deg, 0.0, 0.0), 0.0) / yaw_deg) < 0.04
    assert abs(vertex_of((yaw_deg, 0.0, 0.0), 12.0) / yaw_deg) < 0.05


# ---- mirror ----


def mirrored(angles: Angles) -> Angles:
    """Laterality and rotation, yaw and roll the other way."""
    return Angles(
        head=angles.head * (-1, 1, -1),
        atlas=angles.atlas * (1, -1, -1),
        axis=angles.axis * (1, -1, -1),
        trunk=angles.trunk * (1, -1, -1),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_mirrored_patient_has_the_mirrored_truth(seed: int) -> None:
    """The mean person is symmetric, so mirrored angles are a mirrored patient.

    Films, truths and readings follow. From the side the mirrored patient is seen from the other side.
    """
    rng = np.random.default_rng(seed)
    angles = random_pose(rng, rng.uniform(-3, 3, 3))
    views = tuple(view for view in SETUPS if not view.value.startswith("blair"))
    here, there = (exact_visit(person(), each, views=views) for each in (angles, mirrored(angles)))
    for film, twin in zip(here.films, there.films, strict=True):
        assert film.tube_deg == twin.tube_deg
        other_side = film.setup.view.is_profile and not film.setup.from_left
        setup = replace(twin.setup, from_left=other_side)
        truths = (
            (film.film_truth, film_truth(setup, twin.posed, twin.tube_deg, twin.target_mm)),
            (
                film.patient_truth,
                patient_truth(setup.view, person(), mirrored(angles), from_left=other_side),
            ),
        )
        for ours, theirs in truths:
            assert len(ours) == len(theirs) > 0
            for key, value in ours.items():
                parts = ObservationKey.parse(key)
                sign = -1.0 if quantity(parts.quantity).lateral else 1.0
                if parts.side:
                    sign = -1.0 if parts.quantity == "transverse_offset" else 1.0
                    parts = replace(parts, side="left" if parts.side == "right" else "right")
                assert theirs[str(parts)] == pytest.approx(sign * value, abs=1e-6), key


# ---- what truth.json says ----


def test_truth_speaks_in_the_signs_of_the_3d_quantities() -> None:
    angles = pose((0.5, -1.0, 0.7), (-11.0, 2.5, -3.5), (1.0, 2.0, 3.0), (0.0, 1.0, 0.0))
    truth = exact_visit(person(), angles).truth()
    quantities_, poses = truth["quantities"], truth["poses"]
    assert isinstance(quantities_, dict) and isinstance(poses, dict)
    assert quantities_["atlas_flexion_3d"] == {"film": None, "patient": -11.0}
    assert quantities_["atlas_laterality_3d"]["patient"] == 2.5
    assert quantities_["atlas_rotation_3d"]["patient"] == -3.5
    found = poses["c1_in_skull"]["zxy_deg"]
    assert found == pytest.approx({"flexext": 11.0, "lateral": -2.5, "axial": -3.5})
    assert (poses["c1_in_skull"]["from"], poses["c1_in_skull"]["to"]) == ("c1", "skull")
    np.testing.assert_allclose(zxy(np.array(poses["c1_in_skull"]["R"])), (11.0, -2.5, -3.5), atol=1e-9)
    for view in VIEWS:
        assert zxy(np.array(poses[f"skull_in_room/{view.value}"]["R"])) == pytest.approx((-1.0, 0.7, 0.5))
    # c1 to skull, then c2 to c1, is c2 to skull.
    chained = np.array(poses["c1_in_skull"]["R"]) @ np.array(poses["c2_in_c1"]["R"])
    np.testing.assert_allclose(chained, poses["c2_in_skull"]["R"], atol=1e-12)


def test_landmarks_of_the_truth_are_lps() -> None:
    visit = exact_visit(person(), pose())
    table = visit.truth()["landmarks_lps_mm"]
    assert isinstance(table, dict)
    right, left, front, back = (table[id_] for id_ in ("TF_R", "TF_L", "C1_AT", "C1_PT"))
    assert right[0] < 0 < left[0]  # x to the patient's left
    assert front[1] < 0 < back[1]  # y backwards
    assert table["CRIB"][2] > 0 > table["C7_C"][2]  # z upwards, from the atlas
