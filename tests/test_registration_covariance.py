"""Covariance of a registration: correlated residuals, relations of bones, bias floor."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.film_signal import FilmSignal
from atlasplane.xray.registration_covariance import (
    FLOOR_KINDS,
    SKULL_FLOOR,
    Linearised,
    Sandwich,
    bias_floor,
    correlation_px,
    floor_map,
    relations,
    sandwich,
    with_floor,
)
from atlasplane.xray.registration_problem import (
    BoneModel,
    FilmImage,
    RegistrationProblem,
    Rig,
    Start,
    about_centre,
    change_about_centre,
)

SHAPE, UNKNOWNS = (48, 64), 5
NO_PRIOR = np.zeros((UNKNOWNS, UNKNOWNS))


def band(rng: np.random.Generator, width: float) -> Array:
    """A field of blobs of one size, mean 0 and sd 1."""
    noise = rng.standard_normal(SHAPE)
    field = ndimage.gaussian_filter(noise, width, mode="wrap")
    field -= ndimage.gaussian_filter(noise, 3 * width, mode="wrap")
    return np.asarray(field / field.std())


def design(rng: np.random.Generator) -> Array:
    return np.array([band(rng, 2.0).ravel() for _ in range(UNKNOWNS)]).T


def linearised(jacobian: Array, data: Array, *, curvature: float = 1.0) -> tuple[Linearised, Array]:
    """The film at the least-squares minimum, and the estimate, whose truth is 0."""
    estimate = np.asarray(np.linalg.lstsq(jacobian, data, rcond=None)[0], dtype=float)
    residual = data - jacobian @ estimate
    row, column = (at.ravel() for at in np.indices(SHAPE))
    weight = np.full(len(data), 1 / residual.var())
    film = Linearised(
        residual=residual, jacobian=jacobian, weight=weight, row=row, column=column, curvature=curvature
    )
    return film, estimate


def simulated(rng: np.random.Generator, correlated: bool, cases: int) -> tuple[Array, Array, Array]:
    """Estimates, and variances of the sandwich and of independent pixels, each of shape (cases, p)."""
    jacobian = design(rng)
    rows = []
    for _ in range(cases):
        noise = band(rng, 2.0) if correlated else rng.standard_normal(SHAPE)
        film, estimate = linearised(jacobian, noise.ravel())
        made = sandwich([film], NO_PRIOR)
        rows.append((estimate, np.diag(made.cov), np.diag(made.independent)))
    estimates, own, independent = (np.array(part) for part in zip(*rows, strict=True))
    return estimates, own, independent


def test_white_residuals_give_the_covariance_of_independent_pixels() -> None:
    # Some 340 blocks of 3 pixels: each variance is known to sqrt(2 / 340) = 8 %, the mean of 5 of 8 cases to
    # 2 %. What is made up for the blocks' size never makes it smaller: some 5 % too large.
    _, own, independent = simulated(np.random.default_rng(3), correlated=False, cases=8)
    assert np.mean(own / independent) == pytest.approx(1.05, abs=0.07)


def test_intervals_of_correlated_residuals_hold_the_truth() -> None:
    # 200 components: 95 % +- 1.5 % (1 sd); independent pixels are far off.
    estimates, own, independent = simulated(np.random.default_rng(5), correlated=True, cases=40)
    assert 0.88 <= np.mean(np.abs(estimates) <= 1.96 * np.sqrt(own)) <= 0.99
    assert np.mean(np.abs(estimates) <= 1.96 * np.sqrt(independent)) < 0.7


def test_correlation_is_that_of_the_field() -> None:
    rng = np.random.default_rng(7)
    white, _ = linearised(design(rng), rng.standard_normal(SHAPE).ravel())
    assert correlation_px(white) == 1
    smooth, _ = linearised(design(rng), ndimage.gaussian_filter(rng.standard_normal(SHAPE), 2.0).ravel())
    # exp(-d^2 / (4 s^2)) falls to 1/e^2 at 2 sqrt(2) s = 5.7 pixels.
    assert 4 <= correlation_px(smooth) <= 7


def one_film(seed: int, curvature: float = 1.0) -> Linearised:
    rng = np.random.default_rng(seed)
    return linearised(design(rng), band(rng, 2.0).ravel(), curvature=curvature)[0]


def changed(film: Linearised, **parts: NDArray[np.generic]) -> Linearised:
    names = ("residual", "jacobian", "weight", "row", "column", "curvature")
    return Linearised(**{name: parts.get(name, getattr(film, name)) for name in names})


def made(film: Linearised, prior: Array = NO_PRIOR) -> Sandwich:
    return sandwich([film], prior, block_px=8)


def test_other_unknowns_give_the_same_covariance_turned() -> None:
    film, rng = one_film(11), np.random.default_rng(12)
    turn = rng.normal(size=(UNKNOWNS, UNKNOWNS)) + 3 * np.eye(UNKNOWNS)
    prior = np.diag(np.arange(1.0, 1 + UNKNOWNS))
    other = made(changed(film, jacobian=film.jacobian @ turn), turn.T @ prior @ turn)
    # Sums over pixels are in single precision.
    np.testing.assert_allclose(turn @ other.cov @ turn.T, made(film, prior).cov, rtol=1e-5, atol=1e-8)


def test_order_of_pixels_and_their_origin_do_not_matter() -> None:
    film = one_film(13)
    at = np.random.default_rng(1).permutation(len(film.residual))
    shuffled = Linearised(
        residual=film.residual[at],
        jacobian=film.jacobian[at],
        weight=film.weight[at],
        row=film.row[at] + 17,
        column=film.column[at] + 5,
    )
    # Sums over pixels are in single precision.
    np.testing.assert_allclose(made(shuffled).cov, made(film).cov, rtol=1e-5, atol=1e-8)


def test_scale_of_the_weights_matters_only_to_independent_pixels() -> None:
    film = one_film(17)
    twice = made(changed(film, weight=2 * film.weight))
    # Sums over pixels are in single precision.
    np.testing.assert_allclose(twice.cov, made(film).cov, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(2 * twice.independent, made(film).independent, rtol=1e-9)


def test_two_like_films_halve_the_covariance() -> None:
    film = one_film(19)
    both = sandwich([film, film], NO_PRIOR, block_px=8).cov
    # A block is half as large a part of two films: what leaving it out adds is smaller, by p / blocks = 10 %.
    np.testing.assert_allclose(2 * np.diag(both), np.diag(made(film).cov), rtol=0.2)


def test_what_no_film_tells_stays_at_its_prior() -> None:
    film = one_film(23)
    blind = np.array(film.jacobian)
    blind[:, 2] = 0
    prior = np.zeros((UNKNOWNS, UNKNOWNS))
    prior[2, 2] = 4.0
    assert made(changed(film, jacobian=blind), prior).cov[2, 2] == pytest.approx(0.25)
    with pytest.raises(ValueError, match="do not tell"):
        made(changed(film, jacobian=blind))


def test_robust_weights_tell_less() -> None:
    # Information is smaller by the curvature, and the pull of the residuals is not: variance over 0.5^2, plus
    # the half as large correction for few blocks.
    ratio = np.diag(made(one_film(29, curvature=0.5)).cov) / np.diag(made(one_film(29)).cov)
    np.testing.assert_allclose(ratio, 4.0, rtol=0.01)


def block(size: tuple[int, int, int], at: tuple[float, float, float]) -> Solid:
    return Solid(
        attenuation_per_mm=np.full(size, 0.02, dtype=np.float32),
        origin_mm=np.array(at),
        spacing_mm=np.full(3, 2.0),
    )


def problem_of(rig: Rig) -> RegistrationProblem:
    """Three blocks as bones, and two films that show nothing."""
    lift = RigidTransform(rotation_from_zxy(4.0, 3.0, -5.0), np.array([1.0, 2.0, 3.0]))
    at = {"skull": (0.0, 30.0, 0.0), "c1": (-5.0, 0.0, -4.0), "c2": (-8.0, -15.0, 1.0)}
    bones = tuple(
        BoneModel(bone=bone, solid=block((4, 5, 6), place), to_volume=lift) for bone, place in at.items()
    )
    signal = FilmSignal(log_image=np.zeros((4, 4), dtype=np.float32), valid=np.ones((4, 4), dtype=bool))
    films = tuple(
        FilmImage(
            file=name,
            signal=signal,
            camera=camera(axis),
            camera_sd=CameraSd(sid_mm=0, principal_mm=0, pitch_rel=0),
        )
        for name, axis in (("a", 0), ("b", 2))
    )
    poses = 3 if rig == "fixed" else 4
    skull = RigidTransform(rotation_from_zxy(10.0, -6.0, 8.0), np.array([4.0, -2.0, 6.0]))
    start = Start(
        skull=(skull, skull),
        bones={
            "c1": RigidTransform(rotation_from_zxy(3.0, 2.0, 5.0), np.array([1.0, 0.5, -0.2])),
            "c2": RigidTransform(rotation_from_zxy(-4.0, 1.0, 7.0), np.array([0.3, -0.8, 0.6])),
        },
        cov=np.eye(6 * poses),
    )
    return RegistrationProblem(bones=bones, films=films, rig=rig, start=start)


def camera(axis: int) -> PinholeCamera:
    beam, other = np.eye(3)[axis], np.eye(3)[2 - axis]
    return PinholeCamera(
        source_mm=-800 * beam,
        centre_mm=200 * beam,
        column_axis=other,
        row_axis=-np.eye(3)[1],
        pitch_mm=np.ones(2),
        principal_px=np.zeros(2),
    )


@pytest.mark.parametrize("rig", ["fixed", "free"])
def test_relations_follow_changes_of_the_poses(rig: Rig) -> None:
    problem = problem_of(rig)
    motions, skulls = problem.start.bones, problem.skulls
    rng = np.random.default_rng(31)
    change = 1e-6 * rng.normal(size=6 * problem.poses)
    moved = {
        model.bone: about_centre(motions[model.bone], change[6 * (skulls + k) :][:6], model.centre_mm)
        for k, model in enumerate(problem.bones[1:])
    }
    before = relations(problem, motions, np.outer(change, change))
    after = relations(problem, moved, np.outer(change, change))
    assert set(before) == {"c1_in_skull", "c2_in_skull", "c2_in_c1"}
    for name, relation in before.items():
        found = change_about_centre(relation.motion, after[name].motion, relation.centre_mm)
        np.testing.assert_allclose(relation.cov, np.outer(found, found), rtol=1e-4, atol=1e-16)


@pytest.mark.parametrize("rig", ["fixed", "free"])
def test_floor_moves_every_bone_by_itself(rig: Rig) -> None:
    problem = problem_of(rig)
    skull, motions, names = problem.start.skull, problem.start.bones, problem.names
    errors = 1e-6 * np.random.default_rng(37).normal(size=(3, 6))
    by_poses = floor_map(problem, skull, motions) @ errors.ravel()
    # The bones as they stand in the volume, each moved about its own centre.
    stands = {"skull": RigidTransform.identity(), **motions}
    off = {
        name: about_centre(stands[name], errors[k], problem.bones[k].centre_mm)
        for k, name in enumerate(names)
    }
    first = problem.bones[0].centre_mm
    for number in range(problem.skulls):
        found = change_about_centre(skull[number], skull[number] @ off["skull"], first)
        np.testing.assert_allclose(by_poses[6 * number :][:6], found, atol=1e-10)
    for k, name in enumerate(names[1:], start=1):
        found = change_about_centre(
            motions[name], off["skull"].inverse() @ off[name], problem.bones[k].centre_mm
        )
        np.testing.assert_allclose(by_poses[6 * (problem.skulls + k - 1) :][:6], found, atol=1e-10)


def test_floor_widens_and_nothing_else() -> None:
    problem = problem_of("fixed")
    cov = np.diag(np.arange(1.0, 19.0))
    none = {"rotation_deg": (0.0, 0.0, 0.0), "translation_mm": (0.0, 0.0, 0.0)}
    np.testing.assert_array_equal(
        with_floor(cov, problem, problem.start.skull, problem.start.bones, floor=none), cov
    )
    own = {"rotation_deg": (0.1, 0.2, 0.3), "translation_mm": (0.0, 0.0, 0.0)}
    wider = with_floor(np.zeros((18, 18)), problem, problem.start.skull, problem.start.bones, floor=own)
    relation = relations(problem, problem.start.bones, wider)["c1_in_skull"]
    # Turns of two bones, each by itself, add in square.
    np.testing.assert_allclose(
        np.degrees(np.sqrt(np.diag(relation.cov)[:3])), np.sqrt(2) * np.array([0.1, 0.2, 0.3]), rtol=1e-6
    )


def test_a_shift_of_the_skull_moves_what_lies_in_it_and_not_c2_in_c1() -> None:
    problem = problem_of("free")
    own = {"rotation_deg": np.zeros(3), "translation_mm": np.zeros(3), "skull_mm": (0.1, 0.2, 0.3)}
    count = 6 * problem.poses
    wider = with_floor(np.zeros((count, count)), problem, problem.start.skull, problem.start.bones, floor=own)
    found = relations(problem, problem.start.bones, wider)
    for name in ("c1_in_skull", "c2_in_skull"):
        np.testing.assert_allclose(np.sqrt(np.diag(found[name].cov)[3:]), [0.1, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(found["c2_in_c1"].cov, 0, atol=1e-12)


@pytest.mark.parametrize("rig", ["fixed", "free"])
def test_packaged_floor_is_whole(rig: Rig) -> None:
    floor = bias_floor(rig)
    assert set(floor) == {*FLOOR_KINDS, SKULL_FLOOR}
    for values in floor.values():
        assert len(values) == 3
        assert all(0 <= value < 0.5 for value in values)
    assert sum(floor["rotation_deg"]) > 0
