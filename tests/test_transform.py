"""Rigid transforms: group laws, fixed points, broadcasting."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from tests.strategies import points_3d, transforms

ROUNDING_MM = 1e-10
"""Coordinates up to 1000 mm, a few sums and products of doubles."""


def test_a_quarter_turn_and_a_shift_by_hand() -> None:
    # Right side goes anterior: z -> x; then 10 mm up.
    pose = RigidTransform(rotation_from_zxy(0, 0, 90), np.array([0.0, 10.0, 0.0]))
    np.testing.assert_allclose(pose.apply(np.array([0.0, 0.0, 5.0])), [5, 10, 0], atol=1e-14)


@given(transforms(), points_3d)
def test_there_and_back(pose, point) -> None:
    np.testing.assert_allclose(pose.inverse().apply(pose.apply(point)), point, atol=ROUNDING_MM)
    same = pose @ pose.inverse()
    np.testing.assert_allclose(same.rotation, np.eye(3), atol=1e-13)
    np.testing.assert_allclose(same.translation_mm, 0, atol=ROUNDING_MM)


@given(transforms(), transforms(), points_3d)
def test_product_applies_the_right_one_first(outer, inner, point) -> None:
    np.testing.assert_allclose(
        (outer @ inner).apply(point), outer.apply(inner.apply(point)), atol=ROUNDING_MM
    )


@given(transforms(), transforms(), points_3d)
def test_inverse_of_a_product_reverses(outer, inner, point) -> None:
    together = (outer @ inner).inverse().apply(point)
    np.testing.assert_allclose(
        together, inner.inverse().apply(outer.inverse().apply(point)), atol=ROUNDING_MM
    )


@given(transforms(), points_3d, points_3d)
def test_distances_are_kept(pose, a, b) -> None:
    apart = np.linalg.norm(pose.apply(a) - pose.apply(b))
    assert abs(apart - np.linalg.norm(a - b)) < ROUNDING_MM


@given(points_3d)
def test_identity_and_pivot_stay_put(point) -> None:
    np.testing.assert_array_equal(RigidTransform.identity().apply(point), point)
    about = RigidTransform.about(rotation_from_zxy(10, 20, 30), point)
    np.testing.assert_allclose(about.apply(point), point, atol=ROUNDING_MM)


def test_many_poses_move_many_points() -> None:
    rng = np.random.default_rng(2)
    angles, shift, points = rng.uniform(-9, 9, (3, 6)), rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    many = RigidTransform(rotation_from_zxy(*angles), shift)
    one = RigidTransform(rotation_from_zxy(*angles[:, 2]), shift[2])
    np.testing.assert_allclose(many.apply(points)[2], one.apply(points[2]), atol=1e-15)
    np.testing.assert_allclose((many @ many.inverse()).translation_mm, 0, atol=1e-14)
    pivots = RigidTransform.about(many.rotation, points)
    np.testing.assert_allclose(pivots.apply(points), points, atol=1e-14)
