"""Ellipsoids and their outlines against silhouettes that were sampled point by point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.geometry.quadric import Ellipse, Ellipsoid, outline
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from tests.strategies import numbers, transforms, zxy_deg
from tests.test_camera import nasium


def surface(ellipsoid: Ellipsoid, n: int) -> np.ndarray:
    """Points on an ellipsoid, evenly spread by the golden angle, shape (n, 3)."""
    k = np.arange(n) + 0.5
    polar, azimuth = np.arccos(1 - 2 * k / n), np.pi * (1 + np.sqrt(5)) * k
    sphere = np.stack(
        [np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], axis=-1
    )
    return sphere @ np.linalg.cholesky(ellipsoid.shape_mm2).T + ellipsoid.centre_mm


@pytest.mark.parametrize("tube_deg", [0.0, 15.0, 30.0])
@pytest.mark.parametrize("pose_zxy", [(0, 0, 0), (12, 5, -8), (-20, -6, 15)])
def test_outline_is_the_hull_of_the_projected_surface(tube_deg: float, pose_zxy) -> None:
    camera = nasium(tube_deg=tube_deg)
    vault = mean_phantom().vault.moved(
        RigidTransform(rotation_from_zxy(*pose_zxy), np.array([4.0, 20.0, -9.0]))
    )
    ellipse = outline(vault, camera.matrix(pixels=False))
    shadow = camera.project_mm(surface(vault, 200_000)) - ellipse.centre_mm
    for angle in np.radians(np.arange(0, 360, 15)):
        way = np.array([np.cos(angle), np.sin(angle)])
        support = np.sqrt(way @ ellipse.shape_mm2 @ way)
        # 200 000 points on a surface of 1e5 mm2 lie 0.7 mm apart: the farthest stops short by less than
        # 0.7^2 / (2 x 70 mm) x M = 0.005 mm (twice for luck), and none can lie beyond.
        assert -0.01 < np.max(shadow @ way) - support < 1e-9


def test_a_sphere_on_the_central_ray_is_a_circle_of_known_size() -> None:
    # Radius r at SOD: the tangent cone has sin = r / SOD, the circle SID tan.
    sphere = Ellipsoid(np.zeros(3), 50.0**2 * np.eye(3))
    ellipse = outline(sphere, nasium(upright=False).matrix(pixels=False))
    radius = 1067 * np.tan(np.arcsin(50 / 837))
    np.testing.assert_allclose(ellipse.shape_mm2, radius**2 * np.eye(2), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(ellipse.centre_mm, 0, atol=1e-9)


@given(transforms(), zxy_deg)
def test_moving_there_and_back_and_twice(pose, angles) -> None:
    vault = mean_phantom().vault
    back = vault.moved(pose).moved(pose.inverse())
    np.testing.assert_allclose(back.shape_mm2, vault.shape_mm2, atol=1e-9)  # entries up to 1e4 mm2
    other = RigidTransform(rotation_from_zxy(*angles), np.ones(3))
    np.testing.assert_allclose(
        vault.moved(pose).moved(other).shape_mm2, vault.moved(other @ pose).shape_mm2, atol=1e-9
    )


def test_dual_quadric_is_zero_on_tangent_planes() -> None:
    vault = mean_phantom().vault
    normal = np.array([0.6, 0.0, 0.8])
    reach = normal @ vault.centre_mm + np.sqrt(normal @ vault.shape_mm2 @ normal)
    plane = np.array([*normal, -reach])
    assert plane @ vault.dual() @ plane == pytest.approx(0, abs=1e-9)  # terms of 1e4 mm2


@given(numbers(-40, 40))
def test_lean_of_an_upright_ellipse_comes_back(lean_deg: float) -> None:
    c, s = np.cos(np.radians(lean_deg)), np.sin(np.radians(lean_deg))
    long, short = np.array([s, c]), np.array([c, -s])  # + towards the first coordinate
    shape = 9.0 * np.outer(long, long) + 4.0 * np.outer(short, short)
    assert Ellipse(np.zeros(2), shape).long_axis_lean_deg() == pytest.approx(lean_deg, abs=1e-10)
    mirrored = shape * [[1, -1], [-1, 1]]
    assert Ellipse(np.zeros(2), mirrored).long_axis_lean_deg() == pytest.approx(-lean_deg, abs=1e-10)


def test_outline_points_lie_on_the_ellipse_and_on_their_side() -> None:
    shape = np.array([[100.0, 30.0], [30.0, 225.0]])
    ellipse = Ellipse(np.array([3.0, -2.0]), shape)
    heights = np.array([-10.0, 0.0, 12.9])
    for side in (1, -1):
        points = ellipse.points(heights, side)
        offset = points - ellipse.centre_mm
        np.testing.assert_allclose(
            np.einsum("ni,ij,nj->n", offset, np.linalg.inv(shape), offset), 1, rtol=1e-12
        )
        np.testing.assert_array_equal(points[:, 1], heights)
    assert np.all(ellipse.points(heights, 1)[:, 0] > ellipse.points(heights, -1)[:, 0])
    assert np.isnan(ellipse.points(np.array([13.1]), 1)[0, 0])  # the top is at -2 + 15 mm


def test_many_outlines_equal_one_by_one() -> None:
    camera, vault = nasium(tube_deg=10.0), mean_phantom().vault
    rng = np.random.default_rng(3)
    poses = RigidTransform(rotation_from_zxy(*rng.uniform(-10, 10, (3, 5))), rng.normal(size=(5, 3)))
    many = outline(vault.moved(poses), camera.matrix())
    one = outline(vault.moved(RigidTransform(poses.rotation[3], poses.translation_mm[3])), camera.matrix())
    np.testing.assert_allclose(many.shape_mm2[3], one.shape_mm2, rtol=1e-12)
    assert many.points(np.array([700.0, 800.0]), 1).shape == (5, 2, 2)
    assert many.long_axis_lean_deg().shape == (5,)
