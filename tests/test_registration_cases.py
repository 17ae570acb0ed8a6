"""Films of known poses, the bars' small versions, and the fit of the bias floor."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.sources.film import View
from atlasplane.xray.projection import window_of
from atlasplane.xray.registration_covariance import FLOOR_KINDS, FLOOR_SCHEMA
from atlasplane.xray.registration_problem import RegistrationProblem, change_about_centre
from atlasplane.xray.render import Part, render
from benchmarks import registration
from benchmarks.registration import (
    ALL_RELATIONS,
    FAR,
    FIXED,
    FREE,
    Outcome,
    true_motion,
    visit,
    within,
)
from benchmarks.registration_cases import THREE, TWO, Spread, Truth, exchanged, film_set
from benchmarks.registration_persons import BONES, COARSE, Person, Scan, random_person, scan_of
from tools.bias_floor import fitted_floor, text


@pytest.fixture(scope="module")
def scanned() -> tuple[Person, Scan]:
    rng = np.random.default_rng(2)
    person = random_person(rng, voxels=COARSE)
    return person, scan_of(rng, person, voxels=COARSE)


@pytest.fixture(scope="module")
def fixed(scanned: tuple[Person, Scan]) -> tuple[RegistrationProblem, Truth]:
    return film_set(np.random.default_rng(4), *scanned, start_deg=6.0, start_mm=4.0, exact=True)


def test_starts_are_exactly_so_far_off(fixed: tuple[RegistrationProblem, Truth]) -> None:
    problem, truth = fixed
    pairs = {"skull": (truth.skull[0], problem.start.skull[0])}
    pairs |= {bone: (truth.bones[bone], problem.start.bones[bone]) for bone in BONES[1:]}
    for bone, (true, start) in pairs.items():
        change = change_about_centre(true, start, truth.centres_mm[bone])
        assert np.degrees(np.linalg.norm(change[:3])) == pytest.approx(6.0)
        assert np.linalg.norm(change[3:]) == pytest.approx(4.0)
    # Root mean square of three axes together.
    assert np.trace(problem.start.cov) == pytest.approx(3 * (np.radians(6.0) ** 2 + 4.0**2))


def test_bones_of_another_person_stand_in_the_frames_of_the_own(
    scanned: tuple[Person, Scan], fixed: tuple[RegistrationProblem, Truth]
) -> None:
    person, scan = scanned
    problem, truth = fixed
    other = scan_of(np.random.default_rng(9), person, voxels=COARSE)
    given, true = exchanged(problem, truth, scan, other)
    assert given.bones == other.bones and given.films == problem.films
    for bone in BONES:
        moved, wanted = (
            each.skull[0] @ each.bones.get(bone, RigidTransform.identity()) @ placed.placed[bone]
            for each, placed in ((true, other), (truth, scan))
        )
        # Bone frame -> room, whichever scan it comes from.
        assert moved.rotation == pytest.approx(wanted.rotation, abs=1e-12)
        assert moved.translation_mm == pytest.approx(wanted.translation_mm, abs=1e-9)
    assert given.start.bones["c1"].rotation == pytest.approx(true.bones["c1"].rotation)


def test_films_show_the_bones_where_they_truly_are(fixed: tuple[RegistrationProblem, Truth]) -> None:
    problem, truth = fixed
    assert [film.file for film in problem.films] == [f"{view.value}.dcm" for view in TWO]
    still = dict.fromkeys(truth.bones, RigidTransform.identity())
    for film in range(2):
        right, wrong = (fine_likeness(problem, truth, film, motions) for motions in (truth.bones, still))
        assert right > 0.5
        assert right > wrong + 0.05


def fine_likeness(
    problem: RegistrationProblem, truth: Truth, film: int, motions: Mapping[str, RigidTransform]
) -> float:
    """Correlation of the mixed second differences of film and projected bones round C1."""
    image, camera, skull = problem.films[film].signal.log_image, truth.cameras[film], truth.skull[film]
    poses = {"skull": skull} | {bone: skull @ motion for bone, motion in motions.items()}
    model = render([Part(solid=b.solid, pose=poses[b.bone]) for b in problem.bones], camera, image.shape)
    window = window_of(problem.bones[1].solid, skull @ truth.bones["c1"], camera, image.shape, stride=1)
    assert window is not None
    (column, row), (columns, rows) = window.first, window.count
    part = np.array([p[row : row + rows : 4, column : column + columns : 4] for p in (image, model)])
    fine = np.diff(np.diff(part, axis=1), axis=2).reshape(2, -1)
    return float(np.corrcoef(fine)[0, 1])


def test_free_films_have_heads_and_cameras_of_their_own(scanned: tuple[Person, Scan]) -> None:
    problem, truth = film_set(
        np.random.default_rng(6), *scanned, rig="free", views=(View.LATERAL, View.VERTEX)
    )
    assert problem.skulls == 2
    assert np.abs(truth.skull[0].translation_mm - truth.skull[1].translation_mm).max() > 0.1
    for film, camera in zip(problem.films, truth.cameras, strict=True):
        assert 0 < np.abs(film.camera.source_mm - camera.source_mm).max() < 100
        np.testing.assert_array_equal(film.camera.centre_mm, camera.centre_mm)
    assert len(THREE) == 3


def outcomes(rng: np.random.Generator, floor: Array, cases: int, *, skull_y_mm: float = 0.0) -> list[Outcome]:
    """Errors whose covariance is 1 (deg, mm) times 0.01 and a floor; the results state no floor."""
    # Every source moves both bones of a relation.
    unit = np.diag([np.radians(1.0) ** 2] * 3 + [1.0] * 3)
    responses = np.zeros((6, 3, 6, 6))
    for k in range(6):
        responses[k, :, k, k] = 2 * unit[k, k]
    own = 1e-4 * unit
    cov = own + np.einsum("s,srij->rij", floor**2, responses)
    for relation, name in enumerate(ALL_RELATIONS):
        cov[relation, 4, 4] += skull_y_mm**2 * name.endswith("_in_skull")
    return [
        Outcome(
            status="ok",
            reasons=(),
            residual=0.2,
            agreement=(0.0, 0.0),
            error=rng.standard_normal((3, 6)) * np.sqrt(np.diagonal(cov, axis1=1, axis2=2)),
            cov=np.array([own] * 3),
            responses=responses,
            seconds=1.0,
        )
        for _ in range(cases)
    ]


def test_floor_is_found_again() -> None:
    # 300 cases of 3 relations: variances to sqrt(2 / 900) = 5 %, and the scale to some 5 % more.
    true = np.array([0.05, 0.03, 0.06, 0.04, 0.03, 0.05])
    floor = fitted_floor(outcomes(np.random.default_rng(8), true, 300), np.zeros(9))
    np.testing.assert_allclose([*floor["rotation_deg"], *floor["translation_mm"]], true, rtol=0.15)
    # What chance leaves of a variance of twice 0.05^2, known to 5 %.
    assert max(floor["skull_mm"]) < 0.03


def test_a_shift_of_the_skull_alone_is_told_from_the_bones() -> None:
    true = np.array([0.05, 0.03, 0.06, 0.04, 0.03, 0.05])
    floor = fitted_floor(outcomes(np.random.default_rng(8), true, 300, skull_y_mm=0.06), np.zeros(9))
    assert floor["skull_mm"][1] == pytest.approx(0.06, rel=0.15)
    assert floor["translation_mm"][1] == pytest.approx(0.03, rel=0.2)


def test_a_floor_that_is_stated_already_is_not_added_twice() -> None:
    true = np.array([0.05, 0.03, 0.06, 0.04, 0.03, 0.05])
    plain = outcomes(np.random.default_rng(9), true, 200)
    stated = [replace(o, cov=o.cov + np.einsum("s,srij->rij", true**2, o.responses)) for o in plain]
    bare, again = fitted_floor(plain, np.zeros(9)), fitted_floor(stated, np.append(true**2, np.zeros(3)))
    for kind in FLOOR_KINDS:
        assert again[kind] == pytest.approx(bare[kind], abs=2e-4)


def test_the_file_reads_back() -> None:
    floor = {"rotation_deg": [0.0512, 0.01, 0.0], "translation_mm": [0.03, 0.02, 0.01]}
    read = tomllib.loads(text({"fixed": floor, "free": floor}, {"fixed": 9, "free": 8}, 5, "2026-01-02"))
    assert read["schema"] == FLOOR_SCHEMA
    assert read["fixed"] == {"n": 9, **floor}
    assert (read["free"]["n"], read["seed"], read["date"]) == (8, 5, "2026-01-02")


def test_true_motions_are_told_in_the_upper_bone(fixed: tuple[RegistrationProblem, Truth]) -> None:
    _, truth = fixed
    point = np.array([1.0, -20.0, 3.0])
    np.testing.assert_allclose(
        truth.bones["c1"].apply(true_motion(truth, "c2_in_c1").apply(point)), truth.bones["c2"].apply(point)
    )
    np.testing.assert_allclose(true_motion(truth, "c2_in_skull").apply(point), truth.bones["c2"].apply(point))


# Two films each, so that the run is short.
SMALL = {
    setting.name: replace(setting, views=TWO, voxels=COARSE, spread=Spread(pitch_mm=2.4))
    for setting in (FIXED, FREE, FAR)
}


@pytest.mark.parametrize("name", ["fixed", "free"])
def test_small_versions_of_the_bars(name: str, scanned: tuple[Person, Scan]) -> None:
    """One visit on coarse bones and films: found, within some standard deviations, and not refused."""
    found = visit(np.random.default_rng(3), SMALL[name], *scanned)
    assert found.status != "refused"
    assert not found.wrong
    assert found.deg[0] < 0.6
    assert found.mm[0] < 0.5
    # 12 components: of 95 % intervals one is not held in every second case, four hardly ever (2e-3).
    assert np.count_nonzero(~within(found)[:2]) < 4


def test_a_far_start_is_found_or_named(scanned: tuple[Person, Scan]) -> None:
    found = visit(np.random.default_rng(3), SMALL[FAR.name], *scanned)
    assert not (found.wrong and found.status == "ok")


def test_bars_are_those_of_the_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = np.array([0.05, 0.03, 0.06, 0.04, 0.03, 0.05])
    plain = outcomes(np.random.default_rng(10), floor, 400)
    made = [replace(o, cov=o.cov + np.einsum("s,srij->rij", floor**2, o.responses)) for o in plain]
    lost = replace(made[0], error=np.full((3, 6), 0.1))
    monkeypatch.setattr(
        registration, "run", lambda setting, *_, **__: [*made, lost] if setting == FAR else made
    )
    monkeypatch.setattr(registration, "bodyparts_surfaces", dict)
    found = {bar.id: bar for bar in registration.bars(400)}
    # 4800 components: 95 % +- 0.3 %.
    assert found["registration.fixed.coverage.all"].value == pytest.approx(0.95, abs=0.015)
    assert found["registration.fixed.coverage.all"].passed
    assert found["registration.free.coverage.c1-in-skull.region"].value == pytest.approx(0.95, abs=0.04)
    assert found["registration.fixed.time"].value == 1.0
    median = found["registration.fixed.c1-in-skull.median.deg"]
    assert median.value == pytest.approx(np.median([o.deg[0] for o in made]))
    assert median.bar == "<= 0.13"
    assert found["registration.fixed.c1-in-skull.median.mm"].bar == "<= 0.08"
    assert found["registration.free.c1-in-skull.p95.mm"].bar == "<= 0.25"
    far = "registration.start-6deg-6mm"
    assert found[f"{far}.converged"].value == pytest.approx(400 / 401)
    assert not found[f"{far}.wrong-and-ok"].passed
