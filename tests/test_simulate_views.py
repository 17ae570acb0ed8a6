"""Simulated pictures beyond the series: what is taken, how, and what stays as it was."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from atlasplane.api import load
from atlasplane.core.errors import BadInput
from atlasplane.simulate import patient
from atlasplane.simulate.drawing import drawing
from atlasplane.simulate.exposure import FULL_GREY
from atlasplane.simulate.observer import Observer, true_marks
from atlasplane.simulate.patient import Scenario, scenario_visits, simulate_case, simulated_phantom
from atlasplane.simulate.setup import DRAWN, PHOTO_FROM_LEFT, SETUPS, setups_of
from atlasplane.simulate.subject import PhantomSubject
from atlasplane.simulate.visit import VIEWS, SimulatedVisit, random_clinic, simulate_visit
from atlasplane.sources.film import View
from tests.film_cases import EXACT, WHEN, exact_visit, person, pose

EVERY = Scenario(seed=7, views=tuple(SETUPS))
PHOTOS = (View.PHOTO_LATERAL, View.PHOTO_FRONT, View.PHOTO_BACK)


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films without pictures."""
    monkeypatch.setattr(
        patient, "film_picture", lambda film, rng: np.zeros(film.setup.shape, dtype=np.uint16)
    )


def visit_of(scenario: Scenario) -> SimulatedVisit:
    """The scenario's first visit; nothing is rendered."""
    return scenario_visits(scenario, PhantomSubject(simulated_phantom(scenario), dict))[0]


def test_every_view_is_written_and_read_back(tmp_path: Path, blank: None) -> None:
    taken: list[None] = []
    simulate_case(tmp_path / "case", EVERY, on_film=lambda: taken.append(None))
    visit = load(tmp_path / "case").case.visits[0]
    assert {film.view for film in visit.films} == {view for view in View if not view.is_photo}
    assert sorted(photo.file.partition("/")[2] for photo in visit.photos) == [
        "photo-back.png",
        "photo-front.png",
        "photo-lateral-left.png",
        "photo-lateral.png",
    ]
    assert len(taken) == EVERY.pictures == len(View) + 1
    for image in (*visit.films, *visit.photos):
        assert math.prod(image.shape) <= 5_000_000
        assert image.view.value.startswith("blair") == (not image.readings[0].points)


def test_one_view_more_changes_nothing_of_the_others() -> None:
    """Clicks, clinic and person of the series are those of the series alone."""
    alone, among = visit_of(replace(EVERY, views=VIEWS)), visit_of(replace(EVERY, views=(*VIEWS, *PHOTOS)))
    for film, same in zip(alone.films, among.films, strict=False):
        assert film.stated_mm_per_px == same.stated_mm_per_px and film.tube_deg == same.tube_deg
        assert film.reading.points.keys() == same.reading.points.keys()
        for id_, point in film.reading.points.items():
            np.testing.assert_array_equal(point.at, same.reading.points[id_].at)


def test_landmarks_that_came_later_do_not_move_the_clicks_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_all = visit_of(replace(EVERY, views=VIEWS))
    shown = true_marks

    def first_only(setup, posed, tube_deg, target_mm):
        points, contours = shown(setup, posed, tube_deg, target_mm)
        return {k: v for k, v in points.items() if k not in patient_later}, contours

    from atlasplane.anatomy.phantom import later_ids
    from atlasplane.simulate import observer

    patient_later = later_ids()
    monkeypatch.setattr(observer, "true_marks", first_only)
    for film, same in zip(visit_of(replace(EVERY, views=VIEWS)).films, with_all.films, strict=True):
        assert film.reading.points.keys() == same.reading.points.keys() - patient_later
        for id_, point in film.reading.points.items():
            np.testing.assert_array_equal(point.at, same.reading.points[id_].at)


def test_a_photograph_from_the_side_shows_that_side() -> None:
    right, left = exact_visit(person(), pose(), views=(View.PHOTO_LATERAL,)).films
    assert (right.setup.name, left.setup.name) == ("photo-lateral", "photo-lateral-left")
    assert set(right.reading.points) == {"C7_SP", "TRAGUS_R", "ACR_R"}
    assert set(left.reading.points) == {"C7_SP", "TRAGUS_L", "ACR_L"}
    # The nose points to the image's left where the right side is seen, and to its right from the other side.
    for film, ahead in ((right, -1), (left, 1)):
        points = film.reading.points
        tragus = points["TRAGUS_R" if ahead < 0 else "TRAGUS_L"].at
        assert np.sign(tragus[0] - points["C7_SP"].at[0]) == ahead
    assert right.film_truth.keys() == {"craniovertebral_angle/right"}
    assert left.film_truth["craniovertebral_angle/left"] == pytest.approx(
        right.film_truth["craniovertebral_angle/right"], abs=1e-9
    )


def test_an_ossified_ligament_is_marked_where_it_is_asked_for() -> None:
    marked = {}
    for name, observer in (("none", EXACT), ("there", replace(EXACT, absent=frozenset()))):
        visit = simulate_visit(
            person(),
            angles={View.LATERAL: pose()},
            observer=observer,
            rng=np.random.default_rng(0),
            id_="v1",
            time=WHEN,
            views=(View.LATERAL,),
        )
        marked[name] = set(visit.films[0].reading.points)
    assert marked["there"] - marked["none"] == {"OPLL"}
    assert "OPLL" in Observer().absent


@pytest.mark.parametrize(("view", "side"), [(View.BLAIR_RIGHT, "R"), (View.BLAIR_LEFT, "L")])
def test_blairs_beam_runs_along_the_condyle(view: View, side: str) -> None:
    """Both ends of the condyle's long axis fall on one vertical of the film.

    Off the central ray by 17 mm they part by the perspective alone: 17 mm times 21 mm over 837 mm, 0.4 mm,
    times the magnification.
    """
    (film,) = exact_visit(person(), pose(), views=(view,)).films
    camera = film.setup.camera(film.tube_deg, film.target_mm)
    front, back = (camera.project_mm(film.posed.points_mm[f"CONV_{end}_{side}"]) for end in "AP")
    assert abs(front[0] - back[0]) < 0.6
    assert film.film_truth == {}
    other = "L" if side == "R" else "R"
    apart = [camera.project_mm(film.posed.points_mm[f"CONV_{end}_{other}"])[0] for end in "AP"]
    assert abs(apart[0] - apart[1]) > 15  # 21 mm seen 60 deg obliquely, magnified


def test_a_camera_off_level() -> None:
    """Raised by 10 deg it stands higher and looks down; rolled by 10 deg it turns the picture."""
    setup = SETUPS[View.PHOTO_FRONT]
    level = setup.camera(0.0, np.zeros(3))
    raised = replace(setup, raised_deg=10.0).camera(0.0, np.zeros(3))
    rise = 3000.0 * math.sin(math.radians(10.0))
    np.testing.assert_allclose(raised.source_mm, [3000.0 * math.cos(math.radians(10.0)), rise, 0], atol=1e-9)
    assert level.source_mm[1] == 0
    rolled = replace(setup, rolled_deg=10.0).camera(0.0, np.zeros(3))
    up = rolled.project(np.array([0.0, 100.0, 0.0])) - rolled.project(np.zeros(3))
    assert abs(math.degrees(math.atan2(up[0], -up[1]))) == pytest.approx(10.0, abs=1e-9)
    for camera in (level, raised, rolled):
        np.testing.assert_allclose(camera.project(np.zeros(3)), setup.principal_px, atol=1e-9)


def test_clinics_have_cameras_of_their_stated_spread() -> None:
    """400 clinics: an SD is known to 3.5 %, three of which are allowed."""
    rng = np.random.default_rng(5)
    cameras = [random_clinic(rng).cameras[View.PHOTO_FRONT] for _ in range(400)]
    assert np.std([c.raised_deg for c in cameras]) == pytest.approx(2.0, rel=0.106)
    assert np.std([c.rolled_deg for c in cameras]) == pytest.approx(0.5, rel=0.106)
    assert np.std([c.distance_mm for c in cameras]) == pytest.approx(500.0, rel=0.106)
    assert min(c.distance_mm for c in cameras) >= 1200.0


GRAIN = FULL_GREY // 255
"""One step of grey: the grain of a drawing."""


@pytest.mark.parametrize("view", sorted(DRAWN, key=lambda view: view.value))
def test_drawings_show_their_marks(view: View) -> None:
    """Bodies lie where the marks are, and the picture says what it is."""
    posed = person().posed(pose())
    for setup in setups_of(view):
        target = setup.target_mm(posed.points_mm, posed.room_from["c1"].translation_mm)
        camera = setup.camera(0.0, target)
        picture = drawing(setup, posed, camera, np.random.default_rng(1))
        assert picture.shape == setup.shape and picture.dtype == np.uint16
        rows, columns = setup.shape
        stamp = picture[int(0.94 * rows) :, int(0.7 * columns) :]
        assert stamp.max() == FULL_GREY
        marks, _ = true_marks(setup, posed, 0.0, target)
        for id_ in marks.keys() - {"STERN_TOP", "CREST_R", "CREST_L", "EAM_C"}:
            column, row = np.rint(camera.project(posed.points_mm[id_])).astype(int)
            # Corners lie on the rim of their body: one pixel beside them is enough.
            around = picture[row - 2 : row + 3, column - 2 : column + 3]
            assert around.max() > GRAIN, id_


def test_two_pictures_of_one_posture_are_two_files() -> None:
    posed = person().posed(pose())
    setup = next(iter(setups_of(View.PHOTO_FRONT)))
    camera = setup.camera(0.0, setup.target_mm(posed.points_mm, posed.room_from["c1"].translation_mm))
    one, other = (drawing(setup, posed, camera, np.random.default_rng(seed)) for seed in (1, 2))
    assert 0 < np.max(np.abs(one.astype(int) - other.astype(int))) <= GRAIN


def test_a_ct_is_no_whole_person(tmp_path: Path) -> None:
    class Scanned(PhantomSubject):
        """Stands for a CT."""

    subject = Scanned(simulated_phantom(EVERY), dict, simulated_bones=False)
    with pytest.raises(BadInput, match="ap-full, lateral-full, photo-back") as caught:
        simulate_case(tmp_path / "case", EVERY, subject=subject)
    assert caught.value.file == "--views" and not (tmp_path / "case").exists()


def test_leg_checks_are_written_and_known(tmp_path: Path, blank: None) -> None:
    scenario = Scenario(seed=3, views=(View.LATERAL,), post_deg=(-12.0, 0.0, 0.0), leg_mm=(8.0, 1.0))
    simulate_case(tmp_path / "case", scenario)
    case = load(tmp_path / "case").case
    made = scenario_visits(scenario, PhantomSubject(simulated_phantom(scenario), dict))
    for visit, known, true in zip(case.visits, made, (8.0, 1.0), strict=True):
        read = visit.exam["leg_check"]["leg_length_difference"]  # type: ignore[index]
        assert tuple(read) == known.leg_readings_mm
        quantities = known.truth()["quantities"]
        assert isinstance(quantities, dict)
        assert quantities["leg_length_difference"] == {"film": None, "patient": true}
        # Read to the eighth of an inch.
        assert known.leg_readings_mm[0] / 3.175 == pytest.approx(
            round(known.leg_readings_mm[0] / 3.175), abs=1e-3
        )


def test_the_left_set_up_is_the_right_one_turned_over() -> None:
    assert (
        replace(PHOTO_FROM_LEFT, from_left=False, first=SETUPS[View.PHOTO_LATERAL].first)
        == SETUPS[View.PHOTO_LATERAL]
    )
