"""Projection and its derivatives in the joint fit, against the camera itself and against differences."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.geometry.bundle_model import BundleModel
from atlasplane.geometry.bundle_poses import frame_poses
from atlasplane.geometry.bundle_problem import FrameNeedsPoint
from atlasplane.geometry.se3 import difference
from atlasplane.geometry.transform import RigidTransform
from tests import bundle_cases as world


@pytest.fixture
def model() -> BundleModel:
    return BundleModel(world.usual())


@pytest.fixture
def unknowns(model: BundleModel) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, model.size)


def test_residuals_are_those_of_the_camera_that_the_scene_says(model: BundleModel, unknowns) -> None:
    given = world.usual()
    scene = model.scene(unknowns)
    residual, _ = model(unknowns)
    expected, at = [], dict(zip(given.shape.ids, scene.points_mm, strict=True))
    for v, film in enumerate(given.films):
        skull = RigidTransform(scene.skull.rotation[v], scene.skull.translation_mm[v])
        places = {"skull": skull}
        for k, bone in enumerate(given.bones, start=1):
            places[bone] = skull @ RigidTransform(scene.joint.rotation[k], scene.joint.translation_mm[k])
        points = np.array([places[world.POINTS[id_][0]].apply(at[id_]) for id_ in film.ids])
        camera = model.camera(film, scene.camera[v])
        expected.append((camera.project(points) - film.at_px) / 2.0)  # the clicks' SD is 2 px
    np.testing.assert_allclose(residual, np.concatenate(expected).ravel(), atol=1e-9)


def test_a_camera_moves_as_its_nuisances_say(model: BundleModel) -> None:
    """Distance along the central ray, the foot across, the pixel by a factor; the detector stands still."""
    film = world.usual().films[1]
    moved = model.camera(film, np.array([20.0, 3.0, -4.0, 0.01]))
    stated = film.camera
    np.testing.assert_array_equal(moved.centre_mm, stated.centre_mm)
    np.testing.assert_allclose(moved.pitch_mm, 1.01 * stated.pitch_mm)
    step = moved.source_mm - stated.source_mm
    away = (stated.source_mm - stated.centre_mm) / stated.sid_mm
    np.testing.assert_allclose(step, 20 * away + 3 * stated.column_axis - 4 * stated.row_axis, atol=1e-12)
    farther = model.camera(film, np.array([20.0, 0, 0, 0]))
    assert farther.sid_mm == pytest.approx(stated.sid_mm + 20)


def test_jacobian_against_differences(model: BundleModel, unknowns) -> None:
    _, jacobian = model(unknowns)
    step = 1e-5
    for k in range(model.size):
        ahead, behind = unknowns.copy(), unknowns.copy()
        ahead[k] += step
        behind[k] -= step
        by_differences = (model(ahead)[0] - model(behind)[0]) / (2 * step)
        # Residuals of some 100 standard deviations round to 1e-14 * 100 / 1e-5 = 1e-7 at most.
        np.testing.assert_allclose(jacobian[:, k], by_differences, atol=1e-6)


def test_derivatives_by_points_and_by_the_shape_agree(model: BundleModel, unknowns) -> None:
    scene = model.scene(unknowns)
    _, blocks = model.evaluate(scene)
    shape_part = model.jacobian(scene, blocks)[:, model.nuisances :]
    np.testing.assert_allclose(model.by_point(blocks) @ model.shape_root, shape_part, atol=1e-12)


def test_frame_poses_against_differences(model: BundleModel, unknowns) -> None:
    given = world.usual()
    made = frame_poses(given, model, model.scene(unknowns))
    step = 1e-4
    for k in range(model.size):
        ahead, behind = unknowns.copy(), unknowns.copy()
        ahead[k] += step
        behind[k] -= step
        ends = [frame_poses(given, model, model.scene(z)).poses for z in (behind, ahead)]
        column = np.concatenate([difference(a, b) for a, b in zip(*ends, strict=True)]) / (2 * step)
        # The frames' own differences err by (1e-3 mm / 45 mm)^2 = 5e-10 of their derivative.
        np.testing.assert_allclose(made.by_unknowns[:, k], column, atol=1e-6)


def test_poses_are_those_of_the_frames_built_from_the_points(model: BundleModel) -> None:
    """The true points' frames lie off the bodies' origins: the pose is between frames, not bodies."""
    given = world.usual()
    made = frame_poses(given, model, model.scene(np.zeros(model.size)))
    frames = {bone: world.FRAMES[bone](given.shape.points_of(bone)) for bone in world.BONES}
    expected = frames["skull"].inverse() @ world.JOINTS["c1"] @ frames["c1"]
    np.testing.assert_allclose(made.poses[0].rotation, expected.rotation, atol=1e-12)
    np.testing.assert_allclose(made.poses[0].translation_mm, expected.translation_mm, atol=1e-12)
    # Frames move with their own points only, and only with those that they are built from.
    touched = made.by_points.reshape(2, 6, -1, 3).any(axis=(1, 3))
    for k, bone in enumerate(("c1", "c2")):
        wanted = {*world.FRAME_POINTS["skull"], *world.FRAME_POINTS[bone]}
        assert {id_ for id_, on in zip(given.shape.ids, touched[k], strict=True) if on} == wanted


def test_a_frame_may_look_which_points_there_are() -> None:
    seen = {}

    def build(points):
        seen.update(dict.fromkeys(points))
        assert len(points) == 6
        return world.FRAMES["c1"](points)

    given = world.usual(frames={**world.FRAMES, "c1": build})
    model = BundleModel(given)
    plain = frame_poses(world.usual(), model, model.scene(np.zeros(model.size)))
    made = frame_poses(given, model, model.scene(np.zeros(model.size)))
    assert list(seen) == [id_ for id_, (bone, _) in world.POINTS.items() if bone == "c1"]
    # Looking at all points takes all for used; the derivative by those that are not is 0.
    np.testing.assert_allclose(made.by_points, plain.by_points, atol=1e-12)


def test_a_frame_without_its_points_is_named() -> None:
    frames = {**world.FRAMES, "c1": lambda points: world.FRAMES["c1"]({"A_A": points["A_A"]})}
    given = world.usual(frames=frames)
    model = BundleModel(given)
    with pytest.raises(FrameNeedsPoint, match="frame of c1 needs the point 'A_R'"):
        frame_poses(given, model, model.scene(np.zeros(model.size)))
