"""Films that give nothing in space: each case says what is missing, and no number is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.chain.film_days import films_apart
from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.core.errors import BadLandmarks
from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.alignment.film_analysis import analyse_film
from atlasplane.pathways.alignment.film_fit import FittedVisit, fit_films
from atlasplane.pathways.alignment.pose_observations import pose_part
from atlasplane.simulate.visit import VIEWS, SimulatedVisit
from atlasplane.sources.case import Visit
from atlasplane.sources.film import ImageDirection, Technique, View
from atlasplane.sources.volume import Volume
from tests.film_cases import case_of, person, pose, visit_in_memory
from tests.film_fit_cases import codes, film, filmed, fitted, remarked, scanned, space_values, with_film

BEND = pose(head=(1.0, -2.0, 1.0), atlas=(-12.0, 3.0, -4.0), axis=(-4.0, 1.5, 3.0))
SUBJECT = person(np.random.default_rng(21))


def joint(
    visit: SimulatedVisit | Visit, *volumes: Volume, **options: object
) -> tuple[FittedVisit | None, tuple[Finding, ...]]:
    """The joint fit of a visit and its findings."""
    held = visit_in_memory(visit) if isinstance(visit, SimulatedVisit) else visit
    analyses = [analysis for each in held.films if (analysis := analyse_film(each)) is not None]
    return fit_films(held, analyses, volumes=volumes, **options)  # type: ignore[arg-type]


def only(findings: Sequence[Finding], code: str) -> Finding:
    """The one finding of a code."""
    (found,) = (each for each in findings if each.code == code)
    return found


@pytest.mark.parametrize("views", [(View.NASIUM,), (View.VERTEX,)])
def test_one_film_tells_no_pose(views: tuple[View, ...]) -> None:
    whole, findings = joint(filmed(SUBJECT, BEND, views=views), scanned(SUBJECT))
    assert whole is None
    found = only(findings, "pose.one_film")
    assert found.severity is Severity.INFO
    assert f"{views[0].value}.png" in found.text and "vertex" in found.text


def test_no_film_at_all_is_not_mentioned() -> None:
    assert joint(filmed(SUBJECT, BEND, views=())) == (None, ())


def test_without_a_vertex_film_it_takes_a_ct() -> None:
    visit = filmed(SUBJECT, BEND, views=(View.LATERAL, View.NASIUM))
    whole, findings = joint(visit)
    assert whole is None
    assert "CT or CBCT" in only(findings, "pose.no_vertex_without_ct").text
    whole, findings = joint(visit, scanned(SUBJECT))
    assert whole is not None and "pose.no_vertex_without_ct" not in codes(findings)


def test_two_films_of_one_direction_tell_no_depth() -> None:
    held = visit_in_memory(filmed(SUBJECT, BEND, views=(View.VERTEX, View.BASE_POSTERIOR)))
    whole, findings = joint(held, scanned(SUBJECT))
    assert whole is None
    found = only(findings, "pose.collinear_views")
    assert found.limit == 30.0 and found.value is not None and found.value < 30.0


def test_the_same_film_twice_is_one_film() -> None:
    held = visit_in_memory(filmed(SUBJECT, BEND, seed=2))
    twice = with_film(with_film(held, View.NASIUM, sha256="a" * 64), View.LATERAL, sha256="a" * 64)
    whole, findings = joint(twice, scanned(SUBJECT))
    found = only(findings, "pose.film_twice")
    assert (found.file, found.severity) == ("nasium.png", Severity.WARN)
    assert "lateral.png" in found.text
    assert whole is not None and whole.files == ("lateral.png", "vertex.png")


def test_films_of_another_day_or_person_are_left_out() -> None:
    reason = "its header dates it 40 days before the visit"
    whole, findings = joint(filmed(SUBJECT, BEND), scanned(SUBJECT), apart={"vertex.png": reason})
    found = only(findings, "pose.dates_differ")
    assert found.file == "vertex.png" and reason in found.text
    assert whole is not None and "vertex.png" not in whole.files


def test_what_the_case_found_of_a_film_keeps_it_apart() -> None:
    told = Finding(code="film.birth_year", severity=Severity.WARN, text="…", file="nasium.png")
    case = case_of(visit_in_memory(filmed(SUBJECT, BEND)), findings=(told,))
    assert films_apart(case) == {"nasium.png": "its header tells another birth year than the case"}


def test_a_film_whose_geometry_nobody_states_is_left_out() -> None:
    held = visit_in_memory(filmed(SUBJECT, BEND))
    whole, findings = joint(with_film(held, View.LATERAL, technique=None), scanned(SUBJECT))
    found = only(findings, "pose.no_geometry")
    assert found.file == "lateral.png" and "sid_mm" in found.text
    assert whole is not None and whole.files == ("nasium.png", "vertex.png")


def moving(by: tuple[float, float, float], seed: int = 1) -> SimulatedVisit:
    """A visit on whose nasium C1 stands another way in the skull (deg)."""
    angles = dict.fromkeys(VIEWS, BEND)
    angles[View.NASIUM] = replace(BEND, atlas=BEND.atlas + np.array(by))
    return filmed(SUBJECT, angles, seed=seed)


@pytest.mark.parametrize("by", [(10.0, 0.0, 0.0), (0.0, 0.0, 15.0), (8.0, 8.0, 8.0)])
def test_a_joint_that_moved_between_the_films_gives_no_number(by: tuple[float, float, float]) -> None:
    """As far as films tell it twice: laterality stands on the nasium alone, rotation on the vertex."""
    whole, findings = joint(moving(by), scanned(SUBJECT))
    assert whole is None
    found = only(findings, "pose.joint_moved")
    assert found.severity is Severity.WARN
    assert found.text.startswith("C1") and found.value is not None and found.value < 0.025
    assert "pose.residual" not in codes(findings)


def test_an_axis_that_moved_alone_costs_its_own_numbers() -> None:
    """With these errors of the clicks; with most others the films cannot tell that it was not C1 as well."""
    angles = dict.fromkeys(VIEWS, BEND)
    angles[View.NASIUM] = replace(BEND, axis=BEND.axis + np.array([0.0, 0.0, 15.0]))
    visit = filmed(SUBJECT, angles, seed=0)
    whole, findings = joint(visit, scanned(SUBJECT))
    assert only(findings, "pose.joint_moved").text.startswith("C2")
    assert whole is not None
    part, _ = pose_part(visit_in_memory(visit), whole)
    assert {m.key for m in part.part.measurements} == {
        "atlas_flexion_3d",
        "atlas_laterality_3d",
        "atlas_rotation_3d",
    }
    assert [o.key for o in part.part.others] == ["c1_in_skull"]


def test_the_film_of_another_person_does_not_fit() -> None:
    other = person(np.random.default_rng(99))
    held, alien = visit_in_memory(filmed(SUBJECT, BEND)), visit_in_memory(filmed(other, BEND))
    scale = np.array([1.12, 0.9])
    reading = film(alien, View.NASIUM).readings[0]
    centre = np.array(film(alien, View.NASIUM).technique.principal_px)
    stretched = {id_: centre + scale * (mark.at - centre) for id_, mark in reading.points.items()}
    mixed = with_film(held, View.NASIUM, readings=(remarked(reading, stretched),))
    whole, findings = joint(mixed, scanned(SUBJECT))
    assert whole is None
    assert codes(findings) & {"pose.residual", "pose.joint_moved"}


def test_a_mark_far_off_is_named_with_its_film() -> None:
    held = visit_in_memory(filmed(SUBJECT, BEND))
    reading = film(held, View.LATERAL).readings[0]
    wrong = remarked(reading, {"OP": reading.points["OP"].at + np.array([0.0, 60.0])})
    whole, findings = joint(with_film(held, View.LATERAL, readings=(wrong,)), scanned(SUBJECT))
    assert whole is None
    found = only(findings, "pose.residual")
    assert found.file == "lateral.png" and found.severity is Severity.WARN
    assert "OP on lateral.png" in found.text


def test_a_wrong_sid_shows_in_the_size_of_the_patient_s_own_bones() -> None:
    """SID 1267 for 1067 mm: on the detector's scale everything is 19 % too small for its distance."""
    held = visit_in_memory(filmed(SUBJECT, BEND))
    right = film(held, View.NASIUM)
    detector = Calibration(kind=CalibrationKind.DETECTOR_PLANE_ONLY, mm_per_px=(0.2, 0.2), u_rel=0.005)
    stated = with_film(held, View.NASIUM, calibration=detector)
    whole, findings = joint(stated, scanned(SUBJECT))
    assert whole is not None and not codes(findings)
    wrong: Technique = replace(right.technique, sid_mm=right.technique.sid_mm + 200.0)
    whole, findings = joint(with_film(stated, View.NASIUM, technique=wrong), scanned(SUBJECT))
    assert whole is None
    found = only(findings, "pose.residual")
    assert found.file == "nasium.png" and "SID" in found.text


def test_a_flipped_lateral_contradicts_its_stored_direction() -> None:
    """The picture mirrored and the stored direction left: an error that names the film, before any fit."""
    held = visit_in_memory(filmed(SUBJECT, BEND))
    lateral = film(held, View.LATERAL)
    flipped = {
        id_: np.array([lateral.shape[1] - 1, 0.0]) + mark.at * [-1.0, 1.0]
        for id_, mark in lateral.readings[0].points.items()
    }
    wrong = with_film(held, View.LATERAL, readings=(remarked(lateral.readings[0], flipped),))
    with pytest.raises(BadLandmarks, match=r"lateral\.png"):
        fitted(wrong, scanned(SUBJECT))


def test_a_lateral_flipped_with_its_direction_is_the_same_film() -> None:
    held = visit_in_memory(filmed(SUBJECT, BEND))
    lateral = film(held, View.LATERAL)
    width = lateral.shape[1] - 1
    flipped = {
        id_: np.array([width, 0.0]) + mark.at * [-1.0, 1.0]
        for id_, mark in lateral.readings[0].points.items()
    }
    column, row = lateral.technique.principal_px
    turned = with_film(
        held,
        View.LATERAL,
        readings=(remarked(lateral.readings[0], flipped),),
        patient_anterior=ImageDirection.RIGHT,
        technique=replace(lateral.technique, principal_px=(width - column, row)),
    )
    volume = scanned(SUBJECT)
    pair = [joint(visit, volume)[0] for visit in (held, turned)]
    assert pair[0] is not None and pair[1] is not None
    first, second = (each.fit.poses["c1"] for each in pair)
    assert np.allclose(first.rotation, second.rotation, atol=1e-6)


def test_a_ct_without_c1_is_said_and_the_template_stands_in() -> None:
    volume = scanned(SUBJECT, without=("TF_R", "C1_AT"))
    whole, findings = joint(filmed(SUBJECT, BEND), volume)
    found = only(findings, "pose.no_frame")
    assert found.file == "ct/head.nii.gz" and "C1_AT" in found.text and "TF_R" in found.text
    assert whole is not None and not whole.shape.own
    assert "pose.generic_shape" in codes(findings)


def test_a_ct_without_c2_costs_c2_alone() -> None:
    volume = scanned(SUBJECT, without=("C2_TF_R",))
    whole, findings = joint(filmed(SUBJECT, BEND), volume)
    assert "C2_TF_R" in only(findings, "pose.no_frame").text
    assert whole is not None and whole.fit.bones == ("c1",)


def test_a_landmark_that_the_ct_lacks_is_not_used() -> None:
    whole, _ = joint(filmed(SUBJECT, BEND), scanned(SUBJECT, without=("PLU_R",)))
    assert whole is not None
    assert not any("PLU_R" in click.ids for click in whole.clicks)
    assert any("PLU_L" in click.ids for click in whole.clicks)


def test_a_bone_with_too_few_marks_is_said() -> None:
    held = visit_in_memory(filmed(SUBJECT, BEND))
    for view in VIEWS:
        reading = film(held, view).readings[0]
        points = {id_: mark for id_, mark in reading.points.items() if not id_.startswith(_AXIS)}
        held = with_film(held, view, readings=(replace(reading, points=points),))
    whole, findings = joint(held, scanned(SUBJECT))
    assert whole is not None and whole.fit.bones == ("c1",)
    assert "C2 has" in only(findings, "pose.unresolved").text


_AXIS = ("DENS", "C2_", "OD_BASE", "SLL_C2", "AX_")


def test_what_the_priors_tell_is_not_given_as_the_films_own() -> None:
    """Lateral and vertex with the template: no film shows C2 from the front, its roll is anybody's guess."""
    visit = filmed(SUBJECT, BEND, views=(View.LATERAL, View.VERTEX))
    analysis = fitted(visit)
    found = [each for each in analysis.findings if each.code == "pose.unresolved"]
    assert any("nasium" in each.text and "C1-C2 side bending" in each.text for each in found)
    assert "c1_c2_lateral_3d" not in space_values(analysis)


def test_one_wild_mark_is_damped_and_named() -> None:
    held = visit_in_memory(filmed(SUBJECT, BEND, seed=0))
    reading = film(held, View.VERTEX).readings[0]
    moved = {"LMv_R": reading.points["LMv_R"].at + np.array([0.0, 10.0])}
    whole, _ = joint(with_film(held, View.VERTEX, readings=(remarked(reading, moved),)), scanned(SUBJECT))
    assert whole is not None
    assert whole.damped == ("LMv_R on vertex.png",)


def test_no_finding_of_the_fit_forbids_a_vector() -> None:
    """Less is known in space then; the film's own lines, and the gates on them, stand as they did."""
    for visit in (moving((10.0, 0.0, 0.0)), filmed(SUBJECT, BEND, views=(View.NASIUM,))):
        assert all(found.severity is not Severity.STOP for found in joint(visit, scanned(SUBJECT))[1])
