"""The simulated follow-up visit: its films, its few marks, its truth, its rig; nothing else changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.api import load
from atlasplane.core.errors import BadInput
from atlasplane.geometry.frames import isb_from_lps
from atlasplane.geometry.se3 import rotation_from_vector, vector_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.report.truth_rows import turned_since_scan
from atlasplane.simulate import patient
from atlasplane.simulate.demo import DEMO_SEED, demo_patients
from atlasplane.simulate.follow_up import LOW_DOSE_PHOTONS, MARKED, FollowUp
from atlasplane.simulate.patient import Scenario, film_picture, scenario_visits, simulate_case
from atlasplane.simulate.setup import SETUPS
from atlasplane.simulate.subject import PhantomSubject
from atlasplane.simulate.visit import SimulatedFilm, SimulatedVisit
from atlasplane.sources.case import Phase
from atlasplane.sources.film import View

FOLDER = "2026-04-13"
WANTED = FollowUp(atlas_deg=(-12.5, 1.4, 2.0), head_deg=(1.0, -0.6, 0.4))
SCENARIO = Scenario(
    seed=4, atlas_deg=(-12.0, 3.4, 4.0), views=(View.NASIUM,), mean_shape=True, scan="cbct", follow_up=WANTED
)


def subject() -> PhantomSubject:
    """The mean person, without solids: no picture is taken."""
    return PhantomSubject(mean_phantom(), dict)


def visits(scenario: Scenario) -> tuple[SimulatedVisit, ...]:
    return scenario_visits(scenario, subject())


def grey(film: SimulatedFilm, _noise: object) -> np.ndarray:
    return np.full(film.setup.shape, 7, np.uint16)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(patient, "film_picture", grey)
    simulate_case(tmp_path / "case", SCENARIO, subject=subject())
    return tmp_path / "case"


def pose(table: dict[str, Any]) -> RigidTransform:
    return RigidTransform(np.array(table["R"]), np.array(table["t_mm"]))


def test_it_is_a_visit_of_two_films_six_weeks_later() -> None:
    first, later = visits(SCENARIO)
    assert (later.time - first.time).days == 42
    assert (later.id, later.phase, later.moment) == ("v2", "follow-up", "single")
    assert [film.setup.view for film in later.films] == [View.LATERAL, View.NASIUM]
    assert SCENARIO.pictures == 3


def test_its_films_are_smaller_and_of_a_fifth_of_the_dose() -> None:
    for film in visits(SCENARIO)[1].films:
        usual = SETUPS[film.setup.view]
        assert film.setup.photons == LOW_DOSE_PHOTONS == 25_000 / 5
        assert np.prod(film.setup.shape) < np.prod(usual.shape)
        assert (film.setup.sid_mm, film.setup.pitch_mm) == (usual.sid_mm, usual.pitch_mm)


def test_fewer_photons_make_more_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a film half behind 3 and half behind 5: a fifth of the photons has sqrt(5) of the noise, 2.2."""
    line_integral = np.full((200, 200), 3.0, np.float32)
    line_integral[:, 100:] = 5.0
    monkeypatch.setattr("atlasplane.xray.render.render", lambda *_: line_integral)
    film = visits(SCENARIO)[1].films[0]
    small = replace(film.setup, shape=(200, 200), principal_px=(99.5, 99.5))
    spreads = []
    for photons in (LOW_DOSE_PHOTONS, None):
        taken = replace(film, setup=replace(small, photons=photons))
        spreads.append(float(film_picture(taken, np.random.default_rng(1))[40:120, 120:150].std()))
    assert 1.5 < spreads[0] / spreads[1] < 3  # the window goes with the noise a little


def test_few_points_a_bone_are_marked_on_it() -> None:
    for film in visits(SCENARIO)[1].films:
        marked = film.reading.points.keys()
        assert marked <= MARKED and not film.reading.contours and not film.reading.not_visible
        assert 8 <= len(marked) <= 16


def test_the_other_visits_are_what_they_were() -> None:
    """Streams of its own: clicks and clinic of earlier visits do not change with it."""
    with_it, without = (visits(s)[0] for s in (SCENARIO, replace(SCENARIO, follow_up=None)))
    for one, other in zip(with_it.films, without.films, strict=True):
        assert one.tube_deg == other.tube_deg
        for id_, mark in one.reading.points.items():
            np.testing.assert_array_equal(mark.at, other.reading.points[id_].at)


def test_the_head_moves_between_the_films_unless_they_are_of_one_rig() -> None:
    free, held = (visits(replace(SCENARIO, rig=rig))[1].films for rig in (False, True))
    assert 0 < np.abs(free[0].angles.head - free[1].angles.head).max() < 5  # a few times 0.5 deg
    np.testing.assert_array_equal(held[0].angles.head, held[1].angles.head)
    np.testing.assert_array_equal(held[0].angles.head, WANTED.head_deg)


def test_the_case_reads_as_a_follow_up(written: Path) -> None:
    case = load(written).case
    assert [visit.folder for visit in case.visits] == ["2026-03-02", FOLDER]
    assert case.visits[1].phase is Phase.FOLLOW_UP
    assert {volume.visit for volume in case.volumes} == {"v1"}
    assert all(film.rig is None and film.technique is not None for film in case.visits[1].films)


def test_truth_says_what_moved_since_the_scan(written: Path) -> None:
    """A point of C1 goes from the scan to where the film's truth has it, and the skull's points too."""
    truth = json.loads((written / "truth.json").read_text(encoding="utf-8"))["visits"]
    then, now = (truth[id_]["landmarks_lps_mm"] for id_ in ("v1", "v2"))
    poses = truth["v2"]["poses"]
    room, moved = (pose(poses[name]) for name in ("volume_in_room/lateral", "c1_since_scan"))
    for id_, whole in (("BA", room), ("PL_R", room @ moved), ("C1_AT", room @ moved)):
        before, after = (isb_from_lps(np.array(at[id_])) for at in (then, now))
        np.testing.assert_allclose(whole.apply(before), after, atol=1e-9)
    # Laterality by 2.0, rotation by 2.0, flexion by 0.5 deg: turns about nearly square axes.
    turned = np.degrees(np.linalg.norm(vector_from_rotation(moved.rotation)))
    assert turned == pytest.approx(np.sqrt(2.0**2 + 2.0**2 + 0.5**2), rel=0.1)
    assert "c1_since_scan" not in truth["v1"]["poses"]


def test_a_rig_states_the_true_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "film_picture", grey)
    simulate_case(
        tmp_path / "case", replace(SCENARIO, rig=True, scan="none", noise_mm=0.0), subject=subject()
    )
    truth = json.loads((tmp_path / "case" / "truth.json").read_text(encoding="utf-8"))["visits"]["v2"]
    (_, later) = load(tmp_path / "case").case.visits
    for film in later.films:
        assert film.rig == patient.RIG and film.technique is None and film.camera_lps is not None
        for id_, mark in film.readings[0].points.items():
            at = film.camera_lps @ [*truth["landmarks_lps_mm"][id_], 1.0]
            np.testing.assert_allclose(at[:2] / at[2], mark.at, atol=1e-6)


def test_the_demos_patient_comes_again_and_his_twin_does_not() -> None:
    one, twin = demo_patients(DEMO_SEED)
    assert one.scenario.follow_up is not None and twin.scenario.follow_up is None
    scanned, found = np.array(one.scenario.atlas_deg), np.array(one.scenario.follow_up.atlas_deg)
    assert np.linalg.norm(found[1:]) < np.linalg.norm(scanned[1:])  # towards straight


@pytest.mark.parametrize("wrong", [(99.0, 0.0, 0.0), (0.0, float("nan"), 0.0)])
def test_angles_that_are_none(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(BadInput) as caught:
        FollowUp(atlas_deg=wrong)
    assert caught.value.file == "--follow-up"


# ---- truth beside what was registered ----


def record(turn_deg: float, sd_deg: float) -> SimpleNamespace:
    """A registration that turned C1 about an oblique axis, with the same u about every axis."""
    axis = np.array([2.0, -1.0, 2.0]) / 3
    cov = np.diag(np.tile(np.repeat([np.radians(sd_deg) ** 2, 1.0], 3), 3))
    return SimpleNamespace(
        visit="v2",
        motion={"c1": SimpleNamespace(R=rotation_from_vector(np.radians(turn_deg) * axis).tolist())},
        uncertainty=SimpleNamespace(order=("skull", "c1", "c2"), cov=cov.tolist()),
    )


@pytest.mark.parametrize(("found", "within"), [(3.2, "yes"), (3.21, "no")])
def test_the_turn_since_the_scan_stands_beside_its_truth(found: float, within: str) -> None:
    """Truth 3.0, u 0.103 deg: 1.96 u is 0.202."""
    turn = rotation_from_vector(np.radians([0.0, 3.0, 0.0]))
    truth = {"visits": {"v2": {"poses": {"c1_since_scan": {"R": turn.tolist()}}}}}
    made = turned_since_scan(record(found, 0.103), truth)  # type: ignore[arg-type]
    assert made == ["3.00°", f"{found:.2f}°", "0.10°", within]
