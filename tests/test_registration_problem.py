"""What a registration starts from: refusals, and changes of poses about the centre of a bone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.anatomy.solids import Solid
from atlasplane.core.errors import BadInput
from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.se3 import difference, rotation_from_vector
from atlasplane.geometry.transform import RigidTransform
from atlasplane.xray.registration_problem import (
    BoneModel,
    FilmImage,
    OneDirection,
    OneFilm,
    RegistrationProblem,
    Start,
    about_centre,
    change_about_centre,
    to_centre,
    view_angle_deg,
)
from tests.small_film_cases import made_problem

POSE = RigidTransform(rotation_from_vector(np.array([0.1, 0.2, 0.3])), np.array([5.0, 6.0, 7.0]))
CENTRE = np.array([10.0, 20.0, 30.0])


@pytest.fixture(scope="module")
def problem() -> RegistrationProblem:
    return made_problem()[0]


def test_a_quarter_turn_about_the_centre_by_hand() -> None:
    # Centre at (10, 0, 0), a quarter turn about Z and 1 mm along Y: the origin, 10 mm behind the centre, goes
    # to 10 mm below it, and up by the shift.
    moved = about_centre(
        RigidTransform.identity(), np.array([0, 0, np.pi / 2, 0, 1.0, 0]), np.array([10.0, 0, 0])
    )
    assert moved.apply(np.zeros(3)) == pytest.approx([10.0, -9.0, 0.0], abs=1e-12)
    assert moved.apply(np.array([10.0, 0, 0])) == pytest.approx([10.0, 1.0, 0.0], abs=1e-12)


def test_a_change_and_its_inverse() -> None:
    step = np.array([0.01, 0.02, -0.03, 1.0, 2.0, 3.0])
    back = change_about_centre(POSE, about_centre(POSE, step, CENTRE), CENTRE)
    assert back == pytest.approx(step, abs=1e-12)


def test_to_centre_is_the_derivative_in_the_other_convention() -> None:
    small = 1e-6 * np.array([0.1, 0.2, -0.3, 1.0, 2.0, 3.0])
    seen = difference(POSE, about_centre(POSE, small, CENTRE))
    # Second order: (4e-7 rad)^2 times the 40 mm between centre and origin is 6e-12.
    assert seen == pytest.approx(to_centre(POSE, CENTRE) @ small, abs=2e-11)


def test_the_centre_is_the_centroid_in_the_volume() -> None:
    values = np.zeros((3, 3, 3), dtype=np.float32)
    values[0, 1, 1], values[2, 1, 1], values[1, 0, 0] = 1.0, 3.0, -5.0  # air cells are left out
    solid = Solid(attenuation_per_mm=values, origin_mm=np.zeros(3), spacing_mm=np.array([2.0, 1.0, 1.0]))
    shifted = RigidTransform(np.eye(3), np.array([0.0, 0.0, 100.0]))
    model = BoneModel(bone="c1", solid=solid, to_volume=shifted)
    assert model.centre_mm == pytest.approx([3.0, 1.0, 101.0])


def test_an_empty_mask_is_refused() -> None:
    solid = Solid(
        attenuation_per_mm=np.zeros((4, 4, 4), dtype=np.float32),
        origin_mm=np.zeros(3),
        spacing_mm=np.ones(3),
    )
    with pytest.raises(BadInput, match="'c1': its mask is empty"):
        BoneModel(bone="c1", solid=solid, to_volume=RigidTransform.identity())


def test_a_voxel_that_is_not_finite_is_refused() -> None:
    values = np.ones((4, 4, 4), dtype=np.float32)
    values[0, 0, 0] = np.nan
    solid = Solid(attenuation_per_mm=values, origin_mm=np.zeros(3), spacing_mm=np.ones(3))
    with pytest.raises(BadInput, match="not finite"):
        BoneModel(bone="c1", solid=solid, to_volume=RigidTransform.identity())


def test_a_film_without_usable_pixels_is_refused(problem: RegistrationProblem) -> None:
    film = problem.films[0]
    signal = replace(film.signal, valid=np.zeros_like(film.signal.valid))
    with pytest.raises(BadInput, match=r"lateral\.png: it has no usable pixel"):
        FilmImage(
            file=film.file,
            signal=signal,
            camera=film.camera,
            camera_sd=CameraSd(sid_mm=0, principal_mm=0, pitch_rel=0),
        )


def test_one_film_is_refused(problem: RegistrationProblem) -> None:
    start = replace(problem.start, skull=problem.start.skull[:1])
    with pytest.raises(OneFilm, match="1 film"):
        replace(problem, films=problem.films[:1], start=start)


def test_one_film_twice_is_refused(problem: RegistrationProblem) -> None:
    with pytest.raises(OneDirection, match="given twice"):
        replace(problem, films=(problem.films[0],) * 2)


def test_films_from_one_direction_are_refused(problem: RegistrationProblem) -> None:
    first = problem.films[0]
    away = first.camera.source_mm - first.camera.centre_mm
    opposite = replace(
        first.camera, source_mm=-away + first.camera.centre_mm, centre_mm=first.camera.source_mm
    )
    for camera in (first.camera, opposite):
        films = (first, replace(first, file="again.png", camera=camera))
        with pytest.raises(OneDirection, match="one line"):
            replace(problem, films=films)


def test_the_angle_of_the_beams(problem: RegistrationProblem) -> None:
    # From the side and from the front; the skull's centre lies some mm beside both central rays.
    assert 80 < view_angle_deg(problem) <= 90


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("c1",), "the first one is not the skull"),
        (("skull",), "no vertebra"),
        (("skull", "c1", "c1"), "named twice"),
        ((), "none"),
    ],
)
def test_bones_that_do_not_make_a_problem(
    problem: RegistrationProblem, names: tuple[str, ...], what: str
) -> None:
    models = {model.bone: model for model in problem.bones}
    with pytest.raises(BadInput, match=what):
        replace(problem, bones=tuple(models[name] for name in names))


def test_a_start_of_other_bones_is_refused(problem: RegistrationProblem) -> None:
    start = replace(problem.start, bones={"c2": RigidTransform.identity()})
    with pytest.raises(BadInput, match="it places c2, the CT has c1"):
        replace(problem, start=start)


def test_a_covariance_of_other_size_is_refused(problem: RegistrationProblem) -> None:
    start = replace(problem.start, cov=np.eye(6))
    with pytest.raises(BadInput, match=r"\(12, 12\) is needed"):
        replace(problem, start=start)


def test_two_poses_in_one_room_are_refused(problem: RegistrationProblem) -> None:
    first, second = problem.start.skull
    moved = RigidTransform(second.rotation, second.translation_mm + 1.0)
    start = Start(skull=(first, moved), bones=problem.start.bones, cov=problem.start.cov)
    with pytest.raises(BadInput, match="different poses in one room"):
        replace(problem, start=start)


def test_an_unknown_rig_is_refused(problem: RegistrationProblem) -> None:
    with pytest.raises(BadInput, match="neither fixed nor free"):
        replace(problem, rig="bent")
