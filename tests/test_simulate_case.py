"""Simulated cases on disk.

One seed one case, noise as written, options refused, observers, clinics, all or nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from atlasplane.anatomy.landmarks import landmark
from atlasplane.api import load
from atlasplane.cli.simulate import view_list
from atlasplane.core.errors import BadInput, OutputFailed
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Observation, Pose
from atlasplane.core.quantity import quantity
from atlasplane.simulate import patient
from atlasplane.simulate.demo import DEMO_SEED, demo_patients
from atlasplane.simulate.memory import film_in_memory, visit_in_memory
from atlasplane.simulate.observer import Observer, place, true_marks
from atlasplane.simulate.patient import (
    Scenario,
    phantom_subject,
    scenario_visits,
    simulate_case,
    simulated_phantom,
)
from atlasplane.simulate.setup import SETUPS
from atlasplane.simulate.subject import PhantomSubject
from atlasplane.simulate.visit import SCALE_U_REL, TUBE_SD_DEG, SimulatedFilm, SimulatedVisit, random_clinic
from atlasplane.sources.film import View
from tests.film_cases import WHEN, analysed, exact_visit, person, pose, simulated_film

PRE_POST = Scenario(seed=7, atlas_deg=(-12.0, 3.4, 4.0), post_deg=(-12.0, 0.5, 0.8))


def visits_of(scenario: Scenario) -> tuple[SimulatedVisit, ...]:
    """A scenario's visits; nothing is rendered."""
    return scenario_visits(scenario, PhantomSubject(simulated_phantom(scenario), dict))


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films without pictures: grey values are black, everything else is as ever."""
    monkeypatch.setattr(
        patient, "film_picture", lambda film, rng: np.zeros(film.setup.shape, dtype=np.uint16)
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def truth_of(folder: Path) -> dict:
    return json.loads((folder / "truth.json").read_text(encoding="utf-8"))


# ---- one seed, one case ----


def test_one_seed_gives_the_same_bytes(tmp_path: Path, blank: None) -> None:
    for name in ("a", "b"):
        simulate_case(tmp_path / name, PRE_POST)
    first, second = tree(tmp_path / "a"), tree(tmp_path / "b")
    assert first == second
    assert {"case.toml", "truth.json", "2026-03-02/visit.toml", "2026-03-02-2/nasium.landmarks.json"} <= set(
        first
    )


def test_seeds_differ_in_person_clicks_and_clinic() -> None:
    one, two = (visits_of(replace(PRE_POST, seed=s))[0].films[1] for s in (7, 8))
    assert one.film_truth["condylar_radius"] != two.film_truth["condylar_radius"]
    assert one.stated_mm_per_px != two.stated_mm_per_px
    assert not np.array_equal(one.reading.points["PL_R"].at, two.reading.points["PL_R"].at)


def test_another_option_changes_nothing_that_it_does_not_speak_of() -> None:
    """Shape, neighbours, clinic and clicks have streams of their own."""
    noisy, quiet = (visits_of(replace(PRE_POST, noise_mm=n))[0] for n in (None, 0.5))
    assert noisy.truth()["landmarks_lps_mm"] == quiet.truth()["landmarks_lps_mm"]
    assert [f.stated_mm_per_px for f in noisy.films] == [f.stated_mm_per_px for f in quiet.films]
    one = visits_of(replace(PRE_POST, post_deg=None))[0]
    np.testing.assert_array_equal(
        one.films[0].reading.points["C1_AT"].at, noisy.films[0].reading.points["C1_AT"].at
    )


def test_pre_and_post_are_one_person_in_one_clinic_with_fresh_clicks() -> None:
    pre, post = visits_of(PRE_POST)
    assert (pre.moment, post.moment, pre.id, post.id) == ("pre", "post", "v1", "v2")
    assert post.time > pre.time
    for before, after in zip(pre.films, post.films, strict=True):
        assert before.stated_mm_per_px == after.stated_mm_per_px
        assert before.stated_tube_deg - before.tube_deg == pytest.approx(
            after.stated_tube_deg - after.tube_deg
        )
    lateral = [v.films[0] for v in (pre, post)]
    same = lateral[0].posed.points_mm["HP_ANT"] == lateral[1].posed.points_mm["HP_ANT"]
    assert np.all(same)
    assert not np.array_equal(*(f.reading.points["HP_ANT"].at for f in lateral))
    truths = [v.truth()["quantities"] for v in (pre, post)]
    assert [t["atlas_laterality_3d"]["patient"] for t in truths] == [3.4, 0.5]


# ---- what is written ----


def test_noise_is_written_as_the_landmark_files_uncertainty(tmp_path: Path, blank: None) -> None:
    """0.5 mm on the film over 0.2 mm a pixel is 2.5 px."""
    simulate_case(tmp_path / "case", replace(PRE_POST, noise_mm=0.5, post_deg=None))
    written = json.loads((tmp_path / "case/2026-03-02/nasium.landmarks.json").read_text(encoding="utf-8"))
    (reading,) = written["readings"]
    for point in reading["points"].values():
        np.testing.assert_allclose(point["cov"], 2.5**2 * np.eye(2))
    assert reading["contour_sd"] == pytest.approx(dict.fromkeys(reading["contours"], 2.5))
    # And what reads it back measures with it.
    film = load(tmp_path / "case").case.visits[0].films[1]
    assert film.readings[0].points["PL_R"].cov[0, 0] == pytest.approx(6.25)


@pytest.mark.parametrize("noise_mm", [None, 0.0])
def test_without_noise_of_its_own_the_file_states_none(noise_mm: float | None) -> None:
    for film in visits_of(replace(PRE_POST, noise_mm=noise_mm))[0].films:
        assert all(point.cov is None for point in film.reading.points.values())
        assert all(contour.sd is None for contour in film.reading.contours.values())


def test_no_noise_means_an_exact_clinic_too() -> None:
    for film in visits_of(replace(PRE_POST, noise_mm=0.0))[0].films:
        assert film.stated_mm_per_px == film.setup.mm_per_px
        assert film.stated_tube_deg == film.tube_deg


@pytest.mark.parametrize(
    "views", [(View.NASIUM,), (View.VERTEX, View.LATERAL), (View.LATERAL, View.NASIUM, View.VERTEX)]
)
def test_only_the_views_asked_for(tmp_path: Path, blank: None, views: tuple[View, ...]) -> None:
    scenario = replace(PRE_POST, views=views, post_deg=None)
    films: list[None] = []
    simulate_case(tmp_path / "case", scenario, on_film=lambda: films.append(None))
    names = {name for name in tree(tmp_path / "case") if name.endswith(".png")}
    assert names == {f"2026-03-02/{view.value}.png" for view in views}
    assert len(films) == len(views)
    # The tube of nasium and vertex follows the lateral film's S-line, taken or not.
    for film in visits_of(scenario)[0].films:
        if film.setup.follows_s_line:
            assert film.stated_tube_deg == round(visits_of(PRE_POST)[0].films[0].film_truth["s_line_angle"])


def test_a_written_case_reads_back_as_it_was_in_memory(tmp_path: Path, blank: None) -> None:
    simulate_case(tmp_path / "case", PRE_POST)
    case = load(tmp_path / "case").case
    assert case.simulated and case.plan.height == "two-arc"
    for visit, made in zip(case.visits, visits_of(PRE_POST), strict=True):
        for film, memory in zip(visit.films, visit_in_memory(made).films, strict=True):
            assert (film.view, film.shape, film.technique) == (memory.view, memory.shape, memory.technique)
            assert film.calibration == memory.calibration
            assert (film.patient_right, film.patient_anterior) == (
                memory.patient_right,
                memory.patient_anterior,
            )
            there = analysed(memory)
            np.testing.assert_allclose(analysed(film).values, there.values, rtol=1e-9)


def test_truth_holds_every_quantity_for_both_measurands(tmp_path: Path, blank: None) -> None:
    simulate_case(tmp_path / "case", PRE_POST)
    truth = truth_of(tmp_path / "case")
    assert (truth["schema"], truth["seed"], set(truth["visits"])) == ("atlasplane.truth/1", 7, {"v1", "v2"})
    measured = load(tmp_path / "case").measure()
    for visit in measured.visits:
        known = truth["visits"][visit.visit.id]["quantities"]
        for key in visit.joint.order:
            on_film = quantity(ObservationKey.parse(key).quantity).views  # what lies in space is on no film
            assert all(math.isfinite(known[key][m]) for m in ("film", "patient")[0 if on_film else 1 :])


def told(observations: Sequence[Observation]) -> list[object]:
    """Observations to be held against each other: a pose by its numbers."""
    return [
        (o.key, o.rotation.tolist(), o.translation_mm.tolist(), np.array(o.cov6).tolist())
        if isinstance(o, Pose)
        else o
        for o in observations
    ]


def test_measuring_never_reads_the_truth(tmp_path: Path, blank: None) -> None:
    simulate_case(tmp_path / "case", replace(PRE_POST, post_deg=None))
    before = load(tmp_path / "case").measure().visits[0].joint
    (tmp_path / "case/truth.json").unlink()
    after = load(tmp_path / "case").measure().visits[0].joint
    assert told(before.observations) == told(after.observations)
    np.testing.assert_array_equal(before.cov, after.cov)
    (tmp_path / "case/truth.json").write_text("not json", encoding="utf-8")
    again = load(tmp_path / "case").measure().visits[0].joint
    assert told(again.observations) == told(before.observations)


# ---- all or nothing ----


def failing_on(count: int) -> Callable[[SimulatedFilm, np.random.Generator], np.ndarray]:
    """A picture maker that breaks on the n-th film."""
    made: list[None] = []

    def picture(film: SimulatedFilm, rng: np.random.Generator) -> np.ndarray:
        del rng
        made.append(None)
        if len(made) == count:
            raise MemoryError("no room for the film")
        return np.zeros(film.setup.shape, dtype=np.uint16)

    return picture


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_case_that_breaks_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(patient, "film_picture", failing_on(count))
    with pytest.raises(MemoryError):
        simulate_case(tmp_path / "case", PRE_POST)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, blank: None) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputFailed):
        simulate_case(tmp_path, PRE_POST)
    assert tree(tmp_path) == {"note.txt": b"mine"}


# ---- options ----


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"seed": -1}, "--seed"),
        ({"noise_mm": -0.1}, "--noise-mm"),
        ({"noise_mm": 20.0}, "--noise-mm"),
        ({"noise_mm": math.nan}, "--noise-mm"),
        ({"head_deg": (0.0, 46.0, 0.0)}, "--head"),
        ({"head_deg": (math.nan, 0.0, 0.0)}, "--head"),
        ({"atlas_deg": (0.0, -45.5, 0.0)}, "--atlas"),
        ({"post_deg": (math.inf, 0.0, 0.0)}, "--post"),
    ],
)
def test_impossible_options_are_refused_by_name(fields: dict[str, object], named: str) -> None:
    with pytest.raises(BadInput) as caught:
        replace(PRE_POST, **fields)
    assert caught.value.file == named
    assert caught.value.remedy


def test_options_at_their_limits_are_taken() -> None:
    assert replace(PRE_POST, seed=0, noise_mm=0.0, head_deg=(45.0, -45.0, 0.0)).seed == 0


@pytest.mark.parametrize("text", ["", "nasium,nasium", "panorama", "nasium;vertex"])
def test_view_lists_that_are_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        view_list(text)
    assert caught.value.file == "--views"


def test_view_lists() -> None:
    assert view_list("vertex, lateral") == (View.VERTEX, View.LATERAL)


# ---- observer ----


def test_clicks_scatter_as_stated() -> None:
    """400 clicks give the SD to 1 / sqrt(800) = 3.5 %, three of which are allowed; 0.3 mm are 1.5 px."""
    setup, angles = SETUPS[View.VERTEX], pose()
    posed = person().posed(angles)
    target = posed.room_from["c1"].translation_mm
    rng = np.random.default_rng(3)
    clicks = np.array(
        [
            place(setup, posed, 12.0, target, Observer(noise_mm=0.3), rng=rng, reading_id="r", time=WHEN)
            .points["TF_R"]
            .at
            for _ in range(400)
        ]
    )
    np.testing.assert_allclose(clicks.std(axis=0, ddof=1), 1.5, rtol=0.106)
    marks, _ = true_marks(setup, posed, 12.0, target)
    # Film axes (anterior, right) on an image whose up is anterior and whose left is right.
    true = np.array(setup.principal_px) - marks["TF_R"][::-1] / setup.pitch_mm
    np.testing.assert_allclose(clicks.mean(axis=0), true, atol=3 * 1.5 / 20)


def test_default_clicks_have_the_catalogues_ellipse() -> None:
    """HP_ANT: 1.0 mm along, 0.4 mm across a level edge."""
    placing = landmark("HP_ANT").placing
    setup, posed = SETUPS[View.LATERAL], person().posed(pose())
    rng = np.random.default_rng(3)
    clicks = np.array(
        [
            place(setup, posed, 0.0, np.zeros(3), Observer(), rng=rng, reading_id="r", time=WHEN)
            .points["HP_ANT"]
            .at
            for _ in range(400)
        ]
    )
    wanted = np.array([placing.along_mm, placing.across_mm]) / setup.pitch_mm
    np.testing.assert_allclose(clicks.std(axis=0, ddof=1), wanted, rtol=0.106)


def test_marks_off_the_film_are_not_visible() -> None:
    """C7 lies 122 mm below the basion: a film cut 100 mm above its lower end does not show it."""
    setup = SETUPS[View.NASIUM]
    whole = simulated_film(setup, person(), pose(), 12.0)
    cut = replace(setup, shape=(setup.shape[0] - 500, setup.shape[1]))
    short = simulated_film(cut, person(), pose(), 12.0)
    assert "C7_C" in whole.reading.points and not whole.reading.not_visible
    assert "C7_C" in short.reading.not_visible and "C7_C" not in short.reading.points
    lost = set(analysed(film_in_memory(whole)).keys) - set(analysed(film_in_memory(short)).keys)
    assert lost == {"lower_angle", "cervical_lean", "c7_offset"}


def test_a_contour_that_leaves_the_film_is_cut_and_then_gone() -> None:
    setup = SETUPS[View.NASIUM]
    count = len(simulated_film(setup, person(), pose(), 12.0).reading.contours["SKULL_R"].at)
    rows = simulated_film(setup, person(), pose(), 12.0).reading.contours["SKULL_R"].at[:, 1]
    # Everything moves up with the principal point: half of the wall leaves at the top, then all of it.
    for shift, kept in ((float(np.median(rows)), count // 2), (float(rows.max()) + 50, 0)):
        principal = (setup.principal_px[0], setup.principal_px[1] - shift)
        film = simulated_film(replace(setup, principal_px=principal), person(), pose(), 12.0)
        drawn = film.reading.contours.get("SKULL_R")
        assert abs((0 if drawn is None else len(drawn.at)) - kept) <= 1
        assert ("SKULL_R" in film.reading.not_visible) == (kept == 0)


# ---- clinic ----


def test_a_clinics_errors_have_their_stated_size() -> None:
    """500 clinics: SDs good to 1 / sqrt(1000) = 3.2 %, three of which are allowed."""
    rng = np.random.default_rng(4)
    clinics = [random_clinic(rng) for _ in range(500)]
    scales = np.array([c.scale[View.NASIUM] for c in clinics])
    tubes = np.array([c.tube_deg[View.NASIUM] for c in clinics])
    assert scales.std() == pytest.approx(SCALE_U_REL, rel=0.095)
    assert tubes.std() == pytest.approx(TUBE_SD_DEG, rel=0.095)
    assert abs(scales.mean() - 1) < 3 * SCALE_U_REL / math.sqrt(500)
    # The lateral tube is level by definition.
    assert {c.tube_deg[View.LATERAL] for c in clinics} == {0.0}


def test_a_clinics_errors_are_in_what_it_states_and_not_in_the_truth() -> None:
    clinic = random_clinic(np.random.default_rng(1))
    exact = exact_visit(person(), pose())
    for film in visits_of(PRE_POST)[0].films:
        assert film.stated_tube_deg == round(film.stated_tube_deg)
    off = film_in_memory(replace(exact.films[1], stated_mm_per_px=exact.films[1].setup.mm_per_px * 1.02))
    right = film_in_memory(exact.films[1])
    ratio = analysed(off).value("condylar_radius") / analysed(right).value("condylar_radius")
    assert ratio == pytest.approx(1.02)
    assert analysed(off).value("atlas_plane_tilt") == pytest.approx(analysed(right).value("atlas_plane_tilt"))
    assert clinic.scale[View.NASIUM] != 1.0


# ---- persons ----


def test_the_mean_shape_is_symmetric_and_others_are_not() -> None:
    mean = simulated_phantom(replace(PRE_POST, mean_shape=True))
    some = simulated_phantom(PRE_POST)

    def asymmetry(phantom) -> float:
        right, left = phantom.points_mm["ORB_R"][1], phantom.points_mm["ORB_L"][1]
        return float(np.abs(right - left * (1, 1, -1)).max())

    assert asymmetry(mean) == 0.0
    assert asymmetry(some) > 0.0


def test_solids_are_made_once_and_only_when_a_film_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[None] = []
    monkeypatch.setattr("atlasplane.anatomy.solids.solids", lambda phantom, rng: made.append(None) or {})
    subject = phantom_subject(PRE_POST)
    posed = subject.posed(pose())
    assert made == []
    posed.parts()
    posed.parts()
    assert len(made) == 1


def test_the_demos_twin_has_the_same_bones_and_no_effect() -> None:
    one, twin = demo_patients(DEMO_SEED)
    assert one.subject is twin.subject
    assert one.scenario.post_deg != one.scenario.atlas_deg
    assert twin.scenario.post_deg == twin.scenario.atlas_deg == one.scenario.atlas_deg
    assert one.scenario.seed != twin.scenario.seed
