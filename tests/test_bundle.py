"""Films fitted jointly: exact recovery, symmetries, gains, coverage, outliers, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import binom

from atlasplane.geometry.bundle import (
    BundleFilm,
    BundleFit,
    Problem,
    bound,
)
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.se3 import difference, perturbed
from atlasplane.geometry.transform import RigidTransform
from tests import bundle_cases as world

MIRROR = np.diag([1.0, 1.0, -1.0])


def true_poses(points=world.POINTS, joints=world.JOINTS) -> dict[str, RigidTransform]:
    frames = {bone: world.FRAMES[bone](world.shape(0, points).points_of(bone)) for bone in world.BONES}
    return {bone: frames["skull"].inverse() @ pose @ frames[bone] for bone, pose in joints.items()}


def close(fit: BundleFit, wanted, *, deg: float, mm: float) -> None:
    for bone, pose in wanted.items():
        off = difference(pose, fit.poses[bone])
        assert np.all(np.abs(off[:3]) < np.radians(deg)), (bone, np.degrees(off[:3]))
        assert np.all(np.abs(off[3:]) < mm), (bone, off[3:])


# ---- what comes out ----


def test_exact_clicks_of_known_bones_give_the_exact_pose() -> None:
    """Clicks certain to 0.001 px and wide priors: what is left is the priors' pull, (1e-3 px / 100 px)^2."""
    rng = np.random.default_rng(4)
    films = [
        replace(
            world.film(camera, head, sd_px=1e-3, camera_sd=world.NO_CAMERA_SD),
            camera_sd=world.NO_CAMERA_SD,
        )
        for camera, head in zip(world.CAMERAS, world.heads(rng), strict=True)
    ]
    expected = {
        bone: perturbed(pose, np.array([0.1, -0.08, 0.1, 3, -2, 2])) for bone, pose in world.JOINTS.items()
    }
    given = world.problem(films, shape=world.shape(0.0), joints=world.joint_priors(expected))
    fit = world.solved(given)
    close(fit, true_poses(), deg=1e-4, mm=1e-4)
    assert fit.converged
    assert fit.dof == 2 * 3 * len(world.POINTS)
    assert all(np.abs(film.residual_px).max() < 1e-3 for film in fit.films)


def test_what_is_expected_and_clicked_alike_needs_no_step() -> None:
    """Clicks at the means of all priors: nothing moves, chi2 is 0."""
    heads = [RigidTransform(np.eye(3), np.array([6.0, 20.0, 0.0]))] * 3
    given = world.problem([world.film(c, h) for c, h in zip(world.CAMERAS, heads, strict=True)])
    fit = world.solved(given)
    assert fit.chi2 == pytest.approx(0, abs=1e-18)
    close(fit, true_poses(), deg=1e-9, mm=1e-9)
    # A variance is what is left of the prior's, thousands of times larger: 1e-16 times that.
    np.testing.assert_allclose(bound(given), fit.cov, rtol=1e-7, atol=1e-13)
    np.testing.assert_array_equal(fit.points_mm, given.shape.points_mm)


def test_the_fit_of_a_film_tells_its_camera_and_its_head() -> None:
    """A film whose source truly is 15 mm farther, the others known: the fit moves that way."""
    rng = np.random.default_rng(5)
    heads = world.heads(rng)
    far = replace(world.CAMERAS[1], source_mm=world.CAMERAS[1].source_mm * 1.05)
    cameras = (world.CAMERAS[0], far, world.CAMERAS[2])
    films = [world.film(c, h, sd_px=0.01) for c, h in zip(cameras, heads, strict=True)]
    films[1] = replace(films[1], camera=world.CAMERAS[1])
    fit = world.solved(world.problem(films, shape=world.shape(1e-3)))
    # 42 mm against a prior of 15; 17 clicks of 0.01 px tell the distance to well within 5 mm.
    wrong = np.linalg.norm(far.source_mm - world.CAMERAS[1].source_mm)
    assert np.linalg.norm(fit.films[1].camera.source_mm - far.source_mm) < 0.2 * wrong
    off = difference(heads[1], fit.films[1].skull)
    assert np.abs(np.degrees(off[:3])).max() < 0.3


def test_gains_rebuild_the_covariance() -> None:
    given = world.clicked_with_noise(world.usual(), np.random.default_rng(6))
    for robust_k in (None, 1.0):
        fit = world.solved(given, robust_k=robust_k)
        parts = [fit.prior_gain @ fit.prior_gain.T, fit.shape_gain @ given.shape.cov_mm2 @ fit.shape_gain.T]
        for film, found, gain in zip(given.films, fit.films, fit.click_gain, strict=True):
            # A click of weight w counts as one of covariance R / w.
            cov = block_diag(*(film.cov_px / found.weights[:, None, None]))
            parts.append(gain @ cov @ gain.T)
        np.testing.assert_allclose(sum(parts), fit.cov, rtol=1e-8, atol=1e-12)


def _moved_click(given: Problem, film: int, k: int, step: float) -> Problem:
    at = given.films[film].at_px.copy()
    at.flat[k] += step
    films = list(given.films)
    films[film] = replace(films[film], at_px=at)
    return replace(given, films=tuple(films))


def _moved_point(given: Problem, k: int, step: float) -> Problem:
    points = given.shape.points_mm.copy()
    points.flat[k] += step
    return replace(given, shape=replace(given.shape, points_mm=points))


def test_gains_against_fits_of_changed_input() -> None:
    """Clicks without error at the priors' means, where the linear map is exact."""
    heads = [RigidTransform(np.eye(3), np.array([6.0, 20.0, 0.0]))] * 3
    given = world.problem([world.film(c, h) for c, h in zip(world.CAMERAS, heads, strict=True)])
    fit = world.solved(given)

    def column(change: Callable[[float], Problem], step: float) -> np.ndarray:
        ends = [world.solved(change(s)).poses for s in (-step, step)]
        return np.concatenate([difference(ends[0][b], ends[1][b]) for b in fit.bones]) / (2 * step)

    for film, k in ((0, 3), (1, 20), (2, 15)):
        by_fits = column(lambda s, f=film, j=k: _moved_click(given, f, j, s), 0.2)
        # The search ends within 3e-4 standard deviations (some 1 deg and 0.5 mm) of the minimum.
        np.testing.assert_allclose(fit.click_gain[film][:, k], by_fits, atol=2e-3)
    for k in (1, 23, 26, 40):
        by_fits = column(lambda s, j=k: _moved_point(given, j, s), 0.2)
        np.testing.assert_allclose(fit.shape_gain[:, k], by_fits, atol=2e-3)


# ---- symmetries ----


def test_moving_a_whole_room_changes_nothing() -> None:
    given = world.clicked_with_noise(world.usual(), np.random.default_rng(7))
    move = RigidTransform(rotation_from_zxy(30, -20, 70), np.array([100.0, -50.0, 20.0]))
    both = block_diag(move.rotation, move.rotation)

    def moved(film: BundleFilm) -> BundleFilm:
        camera = film.camera
        return replace(
            film,
            camera=replace(
                camera,
                source_mm=move.apply(camera.source_mm),
                centre_mm=move.apply(camera.centre_mm),
                column_axis=move.rotation @ camera.column_axis,
                row_axis=move.rotation @ camera.row_axis,
            ),
            skull=move @ film.skull,
            skull_cov=both @ film.skull_cov @ both.T,
        )

    fit = world.solved(given)
    again = world.solved(replace(given, films=tuple(moved(film) for film in given.films)))
    close(again, fit.poses, deg=1e-3, mm=1e-3)  # within the end of the search
    np.testing.assert_allclose(again.cov, fit.cov, rtol=1e-3, atol=1e-9)
    assert again.chi2 == pytest.approx(fit.chi2, rel=1e-6)
    assert again.moved["c1"].p_value == pytest.approx(fit.moved["c1"].p_value, abs=1e-3)


def _other_side(id_: str) -> str:
    swap = {"R": "L", "L": "R"}
    return (
        id_[:-1] + swap[id_[-1]] if id_[-1] in swap and f"{id_[:-1]}{swap[id_[-1]]}" in world.POINTS else id_
    )


def _mirrored(pose: RigidTransform) -> RigidTransform:
    return RigidTransform(MIRROR @ pose.rotation @ MIRROR, MIRROR @ pose.translation_mm)


def test_a_mirrored_world_turns_laterality_and_rotation_round() -> None:
    given = world.clicked_with_noise(world.usual(), np.random.default_rng(8))

    def mirrored(film: BundleFilm) -> BundleFilm:
        camera = film.camera
        return replace(
            film,
            ids=tuple(_other_side(id_) for id_ in film.ids),
            camera=replace(
                camera,
                **{
                    name: MIRROR @ getattr(camera, name)
                    for name in ("source_mm", "centre_mm", "column_axis", "row_axis")
                },
            ),
            skull=_mirrored(film.skull),
        )

    joints = tuple(replace(joint, pose=_mirrored(joint.pose)) for joint in given.joints)
    fit = world.solved(given)
    other = world.solved(
        replace(given, films=tuple(mirrored(film) for film in given.films), joints=joints), robust_k=None
    )
    for bone in fit.bones:
        alpha, beta, gamma = zxy_from_rotation(fit.poses[bone].rotation)
        np.testing.assert_allclose(
            zxy_from_rotation(other.poses[bone].rotation), (alpha, -beta, -gamma), atol=1e-3
        )
        shift = MIRROR @ fit.poses[bone].translation_mm
        np.testing.assert_allclose(other.poses[bone].translation_mm, shift, atol=1e-3)
    assert (
        abs(float(zxy_from_rotation(fit.poses["c1"].rotation)[2])) > 0.5
    )  # there is something to turn round


# ---- statistics ----


def _by_the_priors(rng: np.random.Generator) -> tuple[Problem, dict[str, RigidTransform]]:
    """A world in which everything is drawn from its prior."""
    joints = {
        bone: perturbed(pose, np.sqrt(np.diag(world.JOINT_COV)) * rng.normal(size=6))
        for bone, pose in world.JOINTS.items()
    }
    expected = RigidTransform(np.eye(3), np.array([6.0, 20.0, 0.0]))
    films = []
    for camera in world.CAMERAS:
        head = perturbed(expected, np.sqrt(np.diag(world.SKULL_COV)) * rng.normal(size=6))
        away = (camera.source_mm - camera.centre_mm) / camera.sid_mm
        off = rng.normal(0, [15.0, 8.0, 8.0])
        true = replace(
            camera,
            source_mm=camera.source_mm
            + off[0] * away
            + off[1] * camera.column_axis
            + off[2] * camera.row_axis,
            pitch_mm=camera.pitch_mm * (1 + rng.normal(0, 0.004)),
        )
        ids = [id_ for id_ in world.POINTS if rng.random() < 0.8 or id_.startswith("A")]
        films.append(replace(world.film(true, head, joints=joints, ids=ids), camera=camera))
    shape = world.shape(0.5)
    off_mm = rng.normal(0, 0.5, shape.points_mm.shape)
    given = world.problem(films, shape=replace(shape, points_mm=shape.points_mm + off_mm))
    return world.clicked_with_noise(given, rng), true_poses(joints=joints)


def test_intervals_hold_and_chi2_is_what_it_should_be() -> None:
    rng, count = np.random.default_rng(9), 100
    inside, chi2, dof, outliers = 0, 0.0, 0, []
    for _ in range(count):
        given, true = _by_the_priors(rng)
        fit = world.solved(given)
        off = np.concatenate([difference(fit.poses[bone], true[bone]) for bone in fit.bones])
        inside += int(off @ np.linalg.solve(fit.cov, off) < 21.026)  # 95 % of chi2 with 12 degrees
        chi2, dof = chi2 + fit.chi2, dof + fit.dof
        outliers += [float(x) for film in fit.films for x in film.standardised]
    # Two-sided 0.1 % limits of a true coverage of 95 %; chi2: four standard deviations.
    assert binom.ppf(0.0005, count, 0.95) <= inside <= binom.ppf(0.9995, count, 0.95)
    assert chi2 == pytest.approx(dof, abs=4 * np.sqrt(2 * dof))
    # Squared distances of single clicks: chi2 with 2 degrees, mean 2; correlated within a fit, so 5 %.
    assert np.mean(np.square(outliers)) == pytest.approx(2.0, rel=0.05)


def test_the_bound_is_that_of_the_covariance_and_shrinks_with_the_clicks() -> None:
    given = world.usual()
    worse = replace(given, films=tuple(replace(film, cov_px=4 * film.cov_px) for film in given.films))
    lost = np.linalg.eigvalsh(bound(worse) - bound(given))
    assert lost.min() > 0


def test_a_far_off_click_is_weighed_down_and_named() -> None:
    given = world.clicked_with_noise(world.usual(), np.random.default_rng(10))
    k = given.films[0].ids.index("A_A")
    off = _moved_click(given, 0, 2 * k + 1, 60.0)
    plain, robust = (world.solved(off, robust_k=limit) for limit in (None, 3.0))
    clean = world.solved(given)
    film = robust.films[0]
    assert film.weights[k] == film.weights.min() < 0.2
    assert np.argmax(plain.films[0].standardised) == k
    assert plain.films[0].standardised[k] > 10
    errors = [np.linalg.norm(difference(clean.poses["c1"], fit.poses["c1"])[:3]) for fit in (plain, robust)]
    assert errors[1] < 0.5 * errors[0]
    assert plain.films[0].residual_px[k, 1] > 0  # clicked minus fitted


def test_what_the_films_cannot_tell_is_said() -> None:
    """A bone clicked at three points of one film: its depth along that beam stays at the prior."""
    heads = world.heads(np.random.default_rng(11))
    ids = [[i for i in world.POINTS if v == 0 or world.POINTS[i][0] != "c2"] for v in range(3)]
    films = [world.film(c, h, ids=i) for c, h, i in zip(world.CAMERAS, heads, ids, strict=True)]
    fit = world.solved(world.problem(films))
    told = fit.resolved["c2"]
    assert told[5] < 0.2  # Z is the beam of the first film
    assert told[2] > 0.5  # the turn in the plane of the film
    assert np.all(told[3:5] > 0.9)
    assert np.all(fit.resolved["c1"] > 0.8)


def test_what_was_known_before_is_resolved_by_nothing() -> None:
    given = world.usual(joints=world.joint_priors(cov=np.zeros((6, 6))), shape=world.shape(0.0))
    fit = world.solved(given)
    np.testing.assert_array_equal(fit.resolved["c1"], 0)
    np.testing.assert_array_equal(fit.cov, 0)


def test_a_shape_that_varies_in_few_ways_is_fitted_in_those() -> None:
    """One size for all points, 10 % too large: a covariance of rank 1 leaves no other change."""
    given = world.usual()
    points = given.shape.points_mm
    flat = points.ravel()[:, None]
    known = replace(given.shape, points_mm=1.1 * points, cov_mm2=0.1**2 * flat @ flat.T)
    films = tuple(replace(film, camera_sd=world.NO_CAMERA_SD) for film in given.films)
    fit = world.solved(replace(given, films=films, shape=known))
    assert known.root_mm.shape[1] == 1
    scale = fit.points_mm[points != 0] / points[points != 0]
    assert np.ptp(scale) == pytest.approx(0, abs=1e-9)
    # The joints are expected where they are for the true size; clicks of 2 px tell it to a per cent or so.
    assert scale[0] == pytest.approx(1.0, abs=0.03)
