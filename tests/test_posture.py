"""Photographs of posture: the marker triangle, signs, mirror, what an uneven camera adds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.core.calibration import UNCALIBRATED
from atlasplane.core.change import compare
from atlasplane.core.errors import BadLandmarks
from atlasplane.core.finding import Severity
from atlasplane.core.observation import Measurement
from atlasplane.pathways.alignment import head_position
from atlasplane.pathways.alignment.film_geometry import film_technique
from atlasplane.pathways.alignment.head_prior import camera_distance_mm, photo_prior
from atlasplane.pathways.alignment.sampling import sampled
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis, analyse_visit
from atlasplane.sources.film import Technique, View
from atlasplane.sources.photograph import Photograph
from tests.film_cases import NASIUM, RIGHT, HandFilm
from tests.front_cases import (
    EXACT,
    analysed,
    check_sign,
    from_front,
    from_side,
    ids_of,
    image_of,
    mirrored_person,
    read_of,
    turned_over,
    values,
    visit_of,
)

TRIANGLE_DEG = 50.58
"""Mean of people without neck pain (Lau et al. 2009): the marker triangle of the acceptance test."""
NO_CHANGE_DEG = 0.96
"""A change that no marking of a photograph can tell (acceptance test)."""


def profile(angle_deg: float, *, letter: str = "R", **options: object) -> HandFilm:
    """C7 and the tragus 600 px apart at an angle to the horizontal."""
    turn = math.radians(angle_deg)
    tip = (-300 + 600 * math.cos(turn), -200 + 600 * math.sin(turn))
    return from_side({"C7_SP": (-300, -200), f"TRAGUS_{letter}": tip}, **options)  # type: ignore[arg-type]


FRONT = from_front(
    View.PHOTO_FRONT,
    {"EYE_R": (225, 500), "EYE_L": (-225, 530), "ACR_R": (500, -300), "ACR_L": (-500, -330)},
)
BACK = from_front(
    View.PHOTO_BACK,
    {"EARLOBE_R": (350, 400), "EARLOBE_L": (-350, 428), "ACR_R": (500, -300), "ACR_L": (-500, -330)},
)


def slope(up: float, right: float) -> float:
    return math.degrees(math.atan(up / right))


@pytest.fixture
def few_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing hangs on the size of the projection term."""
    monkeypatch.setattr(head_position, "TEMPLATE_PERSONS", 256)


def craniovertebral(analysis: AlignmentAnalysis, side: str = "right") -> Measurement:
    found = analysis.joint.measurement(f"craniovertebral_angle/{side}")
    assert found is not None
    return found


# ---- by hand ----


def test_no_quantity_is_left_out() -> None:
    for view in (View.PHOTO_LATERAL, View.PHOTO_FRONT, View.PHOTO_BACK):
        assert read_of(view) == ids_of("posture", view)


@pytest.mark.parametrize("letter", ["R", "L"])
@pytest.mark.parametrize("angle_deg", [TRIANGLE_DEG, 43.94, 0.0, -5.0])
def test_the_marker_triangle_gives_its_angle(letter: str, angle_deg: float) -> None:
    """The bar is 0.01 deg; the arithmetic does better."""
    key = f"craniovertebral_angle/{'right' if letter == 'R' else 'left'}"
    assert values(profile(angle_deg, letter=letter)) == pytest.approx({key: angle_deg}, abs=EXACT)


def test_a_photograph_of_the_other_side_faces_the_other_way() -> None:
    assert values(profile(TRIANGLE_DEG, anterior=RIGHT))["craniovertebral_angle/right"] == pytest.approx(
        TRIANGLE_DEG, abs=EXACT
    )


def test_pixels_need_not_be_square() -> None:
    """Rows twice as far apart: the same marks at twice the height."""
    tall = replace(profile(45.0), mm_per_px=(0.2, 0.4))
    assert values(tall)["craniovertebral_angle/right"] == pytest.approx(slope(2, 1), abs=EXACT)


def test_head_and_shoulders_by_hand() -> None:
    # Right eye 30 lower over 450: the head leans to the right, as for the head tilt of the nasium.
    assert values(FRONT) == pytest.approx(
        {"head_tilt_photo": slope(30, 450), "shoulder_tilt": slope(30, 1000)}, abs=EXACT
    )
    assert values(BACK) == pytest.approx(
        {"head_tilt_photo": slope(28, 700), "shoulder_tilt": slope(30, 1000)}, abs=EXACT
    )


def test_plus_means_what_the_catalogue_says() -> None:
    # Steps on the image: forward and up; for the others right and up.
    check_sign(values, profile(50), "craniovertebral_angle/right", "TRAGUS_R", (0, 20))
    check_sign(values, profile(50), "craniovertebral_angle/right", "TRAGUS_R", (-20, 0))
    check_sign(values, FRONT, "head_tilt_photo", "EYE_R", (0, -20))
    check_sign(values, BACK, "head_tilt_photo", "EARLOBE_R", (0, -20))
    check_sign(values, FRONT, "shoulder_tilt", "ACR_R", (0, 20))


def test_the_photograph_and_the_film_agree_on_the_side_of_a_tilt() -> None:
    """A head turned about the view's axis, vertex to the right: the walls lean, and the right eye sinks."""
    lean = 0.05
    assert slope(0.05, 1) > 0
    eyes = from_front(View.PHOTO_FRONT, {"EYE_R": (400, -400 * lean), "EYE_L": (-400, 400 * lean)})
    assert values(eyes)["head_tilt_photo"] == pytest.approx(slope(lean, 1), abs=EXACT)
    assert analysed(NASIUM).value("head_tilt") == pytest.approx(slope(0.05, 1), abs=1e-7)


@pytest.mark.parametrize("photo", [FRONT, BACK])
def test_the_mirror_image_of_the_person_turns_every_sign(photo: HandFilm) -> None:
    mirrored = values(mirrored_person(photo))
    assert mirrored == pytest.approx({key: -value for key, value in values(photo).items()}, abs=EXACT)


@pytest.mark.parametrize("photo", [FRONT, BACK, profile(TRIANGLE_DEG)])
def test_a_mirrored_photograph_is_the_same_person(photo: HandFilm) -> None:
    assert values(turned_over(photo)) == pytest.approx(values(photo), abs=EXACT)


def test_marks_that_contradict_are_refused() -> None:
    with pytest.raises(BadLandmarks, match="TRAGUS_R lies behind C7_SP"):
        analysed(turned_over(profile(50)).moved(lambda at: at, anterior=profile(50).anterior))
    with pytest.raises(BadLandmarks, match="EYE_R lies to the patient's left of EYE_L"):
        analysed(FRONT.relabelled())
    both = from_side({"C7_SP": (-300, -200), "TRAGUS_R": (0, 200), "TRAGUS_L": (10, 200)})
    with pytest.raises(BadLandmarks, match="one photograph shows one side"):
        analysed(both)


# ---- as observations ----


def test_both_sides_are_two_photographs_of_one_visit(few_persons: None) -> None:
    left = image_of(profile(48, letter="L", anterior=RIGHT), file="left.jpg")
    again = image_of(profile(47), file="again.jpg")
    analysis = analyse_visit(visit_of(left, profile(50), again, FRONT))
    assert craniovertebral(analysis).value == pytest.approx(50, abs=EXACT)
    assert craniovertebral(analysis, "left").value == pytest.approx(48, abs=EXACT)
    assert [a.film.file for a in analysis.photos] == ["photo-lateral.jpg", "left.jpg", "photo-front.jpg"]
    assert analysis.films == ()
    assert [(f.code, f.file, f.severity) for f in analysis.findings] == [
        ("film.second_of_view", "again.jpg", Severity.WARN)
    ]


def test_from_behind_a_value_names_the_view(few_persons: None) -> None:
    joint = analyse_visit(visit_of(BACK, FRONT)).joint
    front, back = joint.measurement("shoulder_tilt"), joint.measurement("shoulder_tilt@photo-back")
    assert front is not None and back is not None
    assert (front.condition, back.condition) == (None, "photo-back")


def test_the_side_that_is_not_shown_is_not_missing() -> None:
    assert analysed(profile(50)).missing == {}
    lone = from_side({"C7_SP": (-300, -200), "TRAGUS_R": (0, 200)}).without("C7_SP")
    with pytest.raises(BadLandmarks, match="too few points"):
        analysed(lone)
    assert analysed(FRONT.without("EYE_R")).missing == {"head_tilt_photo": ("EYE_R",)}
    (said,) = analyse_visit(visit_of(FRONT.without("EYE_R"))).findings
    assert (said.code, said.severity) == ("landmarks.missing", Severity.INFO)


def test_the_error_of_a_photograph_is_the_marks_and_the_camera() -> None:
    """Marks: 3.0 mm for C7 and the tragus's own placing error, over 600 px of 0.2 mm.

    Camera: rolled by 0.5 deg (SD), which turns the line as it is; yaw, elevation and distance add to it. So u
    lies above both together.
    """
    found = craniovertebral(analyse_visit(visit_of(profile(TRIANGLE_DEG))))
    analysis = analysed(profile(TRIANGLE_DEG))
    marks = np.diag(analysis.first.marked.cov)
    c7, tragus = (math.sqrt(marks[analysis.first.marked.slots[id_][0]]) for id_ in ("C7_SP", "TRAGUS_R"))
    assert c7 == 3.0  # millimetres on the person: no magnification
    placing = math.degrees(math.hypot(c7, tragus) / (600 * 0.2))
    # A difference quotient over half of u: bent by u squared / 24 in radians, 3e-5.
    assert found.u_film == pytest.approx(placing, rel=1e-4)
    assert found.u is not None
    assert math.hypot(placing, 0.5) < found.u < math.hypot(placing, 6.0)
    assert found.measurand == "patient"
    assert found.quality == ("ok",)
    assert set(found.budget) == {"landmarks", "scale", "head", "camera"}
    parts = math.sqrt(sum(part**2 for part in found.budget.values()))
    assert parts == pytest.approx(found.u, rel=1e-9)


def test_a_change_of_less_than_a_degree_is_not_distinguishable() -> None:
    before, after = (
        craniovertebral(analyse_visit(visit_of(profile(angle))))
        for angle in (TRIANGLE_DEG, TRIANGLE_DEG + NO_CHANGE_DEG)
    )
    change = compare(before, after)
    assert change.value == pytest.approx(NO_CHANGE_DEG, abs=EXACT)
    assert change.distinguishable is False
    far = craniovertebral(analyse_visit(visit_of(profile(TRIANGLE_DEG + 30))))
    assert compare(before, far).distinguishable is True


def test_a_photograph_without_scale_gives_the_same_angle() -> None:
    bare = analyse_visit(visit_of(image_of(profile(TRIANGLE_DEG), calibration=UNCALIBRATED)))
    found = craniovertebral(bare)
    assert found.value == pytest.approx(TRIANGLE_DEG, abs=EXACT)
    assert "nominal_scale" in found.quality
    assert found.u is not None
    assert [f.code for f in bare.findings] == []


def test_camera_distances_of_two_photographs_are_two_unknowns(few_persons: None) -> None:
    here, there = (
        analyse_visit(visit_of(profile(angle), id=id_)).joint for angle, id_ in ((50, "v1"), (55, "v2"))
    )
    (change,) = here.compare(there)
    assert change.correlation == pytest.approx(0, abs=1e-12)


def test_photographs_are_sampled_like_films(few_persons: None) -> None:
    """20 000 draws tell u to 1 / sqrt(40 000) = 0.5 %; four of that, and the bend of an arc tangent."""
    analysis = analyse_visit(visit_of(profile(TRIANGLE_DEG), FRONT))
    result = sampled(analysis, draws=20_000, rng=np.random.default_rng(3))
    for k, key in enumerate(analysis.joint.order):
        measured = analysis.joint.measurement(key)
        assert measured is not None and measured.u is not None
        assert result.u[k] == pytest.approx(measured.u, rel=0.03)


# ---- geometry ----


def test_only_the_distance_of_a_camera_is_assumed() -> None:
    technique = film_technique(analysed(profile(50)))
    assert technique is not None
    assert technique.sod_mm == camera_distance_mm() == 2500
    assert technique.magnification == 2


def test_a_rolled_camera_is_a_pitched_person_from_the_side_and_a_leaning_one_from_the_front() -> None:
    assert photo_prior(View.PHOTO_LATERAL).camera_sd_deg == (0.0, 0.5, 2.0)
    assert photo_prior(View.PHOTO_FRONT).camera_sd_deg == (0.0, 2.0, 0.5)


def test_a_photograph_is_one() -> None:
    fields = {"file": "a.jpg", "sha256": "", "shape": (10, 10), "load_pixels": lambda: np.zeros((10, 10))}
    with pytest.raises(ValueError, match="nasium is not the view of a photograph"):
        Photograph(view=View.NASIUM, **fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="neither tube nor camera matrix"):
        Photograph(view=View.PHOTO_BACK, technique=Technique(sid_mm=2, sod_mm=1), **fields)  # type: ignore[arg-type]
