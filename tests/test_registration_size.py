"""Sizes that films want of bones: of the own bones the scan's, of bones made larger by as much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.transform import RigidTransform
from atlasplane.xray.registration_fit import Fit, LevelFit
from atlasplane.xray.registration_levels import LevelSpec, levels, sections
from atlasplane.xray.registration_poses import Poses
from atlasplane.xray.registration_problem import BoneModel, RegistrationProblem
from atlasplane.xray.registration_score import Score, score
from atlasplane.xray.registration_size import by_size, by_sizes, size_score, sizes_score, stretched
from tests.small_film_cases import made_problem

SKULL, C1 = 0, 1
ALL, OTHERS = 0, 1
"""Joint levels: the one that looks at all bones, and the finest, that looks at all but the skull."""
Made = tuple[RegistrationProblem, Poses]


@pytest.fixture(scope="module")
def made() -> Made:
    return made_problem()


def at(problem: RegistrationProblem, poses: Poses, which: int) -> tuple[LevelFit, Fit]:
    """One joint level at given poses."""
    (level,) = levels(problem, LevelSpec.of("joint")[which : which + 1])
    compared = LevelFit(problem, level, sections(problem, level, poses, 0.0))
    # Once more with the weights of the first time.
    return compared, compared.at(poses, compared.at(poses))


def with_bone(problem: RegistrationProblem, which: int, solid: Solid) -> RegistrationProblem:
    old = problem.bones[which]
    bones = list(problem.bones)
    bones[which] = BoneModel(bone=old.bone, solid=solid, to_volume=old.to_volume)
    return replace(problem, bones=tuple(bones))


def centre(problem: RegistrationProblem, which: int) -> np.ndarray:
    model = problem.bones[which]
    return model.to_volume.inverse().apply(model.centre_mm)


def test_the_own_bones_want_no_other_size(made: Made) -> None:
    found = [sizes_score(*at(*made, OTHERS), C1), size_score(*at(*made, ALL), SKULL)]
    for one in found:
        # Films and model are the same projections, so what is left is rounding and the blocks of a level.
        assert np.abs(one.step).max() < 2e-3
        assert one.distance(0.003) < 1.0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_bone_that_is_too_short_along_one_axis(made: Made, axis: int) -> None:
    problem, true = made
    short = stretched(problem.bones[C1].solid, centre(problem, C1), axis, -0.01)
    found = sizes_score(*at(with_bone(problem, C1, short), true, OTHERS), C1)
    wanted = np.zeros(3)
    wanted[axis] = 1 / 0.99 - 1
    # One linear step over 0.2 mm at the ends, on unlike voxels of 1 mm: a quarter of it may be missing.
    assert found.step == pytest.approx(wanted, abs=0.0025)
    assert found.distance(0.001) > 3.0


def test_a_skull_that_is_too_large(made: Made) -> None:
    problem, true = made
    solid = problem.bones[SKULL].solid
    for axis in range(3):
        solid = stretched(solid, centre(problem, SKULL), axis, 0.003)
    # 0.08 mm at the ends, on the finest level: small beside voxels and pixels, so that the step is linear.
    found = size_score(*at(with_bone(problem, SKULL, solid), true, OTHERS), SKULL)
    assert found.step == pytest.approx([1 / 1.003 - 1], abs=6e-4)


def test_growing_about_the_source_is_the_sum_over_the_axes(made: Made) -> None:
    problem, true = made
    # Smooth, so that differences are derivatives: a ball of 3 mm standard deviation, cut off at 7.
    place = np.stack(np.meshgrid(*[np.arange(-21, 22)] * 3, indexing="ij"))
    ball = 0.03 * np.exp(-0.5 * np.sum(place**2, axis=0) / 9)
    solid = Solid(
        attenuation_per_mm=np.pad(ball.astype(np.float32), 1),
        origin_mm=np.full(3, -22.0),
        spacing_mm=np.ones(3),
    )
    level, fit = at(with_bone(problem, C1, solid), true, OTHERS)
    for own, film in zip(level.films, fit.films, strict=True):
        seen = film.shadows[C1]
        assert seen is not None
        whole, parts = by_size(own, seen, C1)[0], by_sizes(own, seen, C1).sum(axis=0)
        # Linear between voxels a third of the width apart.
        assert np.linalg.norm(whole - parts) < 0.05 * np.linalg.norm(whole)


def test_stretched_keeps_a_point_and_moves_the_others_along_the_axis() -> None:
    solid = Solid(
        attenuation_per_mm=np.zeros((3, 3, 3), np.float32),
        origin_mm=np.array([10.0, 0.0, 0.0]),
        spacing_mm=np.array([1.0, 2.0, 2.0]),
    )
    made = stretched(solid, np.array([11.0, 5.0, 5.0]), 0, 0.1)
    assert made.origin_mm == pytest.approx([9.9, 0.0, 0.0])
    assert made.spacing_mm == pytest.approx([1.1, 2.0, 2.0])


def test_distance_counts_the_tolerance() -> None:
    found = Score(step=np.array([0.03, 0.0]), cov=np.diag([4e-4, 1.0]))
    # 0.03 / sqrt(0.02^2 + 0.015^2) = 0.03 / 0.025.
    assert found.distance(0.015) == pytest.approx(1.2)
    assert found.distance(0.0) == pytest.approx(1.5)


def test_what_no_film_tells_stays(made: Made) -> None:
    level, fit = at(*made, OTHERS)
    nothing = [np.zeros((2, *own.section.shape), dtype=np.float32) for own in level.films]
    found = score(level, fit, nothing)
    assert np.all(found.step == 0)
    assert found.distance(1.0) == 0


def test_a_step_of_a_pose_is_found_as_a_further_quantity(made: Made) -> None:
    """The skull a little off, its pose held fast by the start: the missing shift is told."""
    problem, true = made
    held = replace(problem, start=replace(problem.start, cov=1e-16 * np.eye(12)))
    off = RigidTransform(true.skull[0].rotation, true.skull[0].translation_mm + np.array([0.0, 0.02, 0.0]))
    moved = replace(true, skull=(off,))
    level, fit = at(
        replace(held, start=replace(held.start, skull=(off,) * 2, bones={"c1": true.bones[0]})), moved, OTHERS
    )
    up = []
    for own, film in zip(level.films, fit.films, strict=True):
        columns, _, linked = own.columns(film, moved)
        up.append(np.tensordot(linked[:, 4].astype(np.float32), columns, axes=1)[None])
    assert score(level, fit, up).step == pytest.approx([-0.02], abs=0.001)
