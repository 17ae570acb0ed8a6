"""Changes of poses: exponential and logarithm, derivatives of products, covariance of a relative pose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy.linalg import expm

from atlasplane.geometry.rotation import is_rotation, rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.se3 import (
    cross_matrix,
    difference,
    left_jacobian,
    perturbed,
    product_jacobians,
    relative_jacobians,
    relative_pose,
    rotation_from_vector,
    vector_from_rotation,
    zxy_jacobian,
)
from atlasplane.geometry.transform import RigidTransform
from tests.strategies import points_3d, transforms

STEP = 1e-5
# Central differences: the step squared, 1e-10, and rounding over the step, 1e-16 * 300 / 1e-5 = 3e-9.
BY_DIFFERENCES = 1e-7


def columns(of, size: int = 6) -> np.ndarray:
    """Derivative, by central differences at 0, of a function of a change."""
    steps = STEP * np.eye(size)
    return np.column_stack([(of(step) - of(-step)) / (2 * STEP) for step in steps])


def test_cross_matrix_is_the_vector_product() -> None:
    # e_X x e_Y = e_Z
    np.testing.assert_array_equal(cross_matrix(np.array([1.0, 0, 0])) @ [0, 1, 0], [0, 0, 1])


@pytest.mark.parametrize("size", [0.0, 1e-9, 5e-5, 2e-4, 0.1, 1.0, 3.1])
def test_rotation_from_vector_is_the_matrix_exponential(size: float) -> None:
    vector = size * np.array([2.0, -1.0, 2.0]) / 3
    rotation = rotation_from_vector(vector)
    assert is_rotation(rotation, tolerance=1e-13)
    np.testing.assert_allclose(rotation, expm(cross_matrix(vector)), atol=1e-13)
    np.testing.assert_allclose(vector_from_rotation(rotation), vector, atol=1e-12)


def test_a_quarter_turn_about_the_vertical_takes_right_to_anterior() -> None:
    np.testing.assert_allclose(
        rotation_from_vector(np.array([0, np.pi / 2, 0])) @ [0, 0, 1], [1, 0, 0], atol=1e-15
    )


def test_many_vectors_at_once_equal_one_by_one() -> None:
    vectors = np.random.default_rng(1).normal(0, 1, (2, 4, 3))
    rotations = rotation_from_vector(vectors)
    assert rotations.shape == (2, 4, 3, 3)
    np.testing.assert_array_equal(rotations[1, 2], rotation_from_vector(vectors[1, 2]))
    np.testing.assert_allclose(vector_from_rotation(rotations), vectors, atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 5e-5, 0.2, 1.5])
def test_left_jacobian_turns_a_change_of_the_vector_into_a_turn(size: float) -> None:
    vector = size * np.array([1.0, 2.0, -2.0]) / 3
    back = rotation_from_vector(vector).T
    by_differences = columns(lambda d: vector_from_rotation(rotation_from_vector(vector + d) @ back), 3)
    np.testing.assert_allclose(left_jacobian(vector), by_differences, atol=BY_DIFFERENCES)


@given(transforms(), points_3d)
def test_difference_undoes_perturbed(pose: RigidTransform, shift) -> None:
    change = np.concatenate([shift / 150, shift])  # |turn| up to 3.5 rad: a longer way round than pi
    again = perturbed(pose, difference(pose, perturbed(pose, change)))
    moved = perturbed(pose, change)
    np.testing.assert_allclose(again.rotation, moved.rotation, atol=1e-12)
    np.testing.assert_allclose(again.translation_mm, moved.translation_mm, atol=1e-10)


@given(transforms(), transforms())
def test_derivatives_of_products_and_relative_poses(first: RigidTransform, second: RigidTransform) -> None:
    product, relative = first @ second, first.inverse() @ second
    for jacobians, result, combine in (
        (product_jacobians(first, second), product, lambda a, b: a @ b),
        (relative_jacobians(first, second), relative, lambda a, b: a.inverse() @ b),
    ):
        by_first = columns(lambda d, c=combine, r=result: difference(r, c(perturbed(first, d), second)))
        by_second = columns(lambda d, c=combine, r=result: difference(r, c(first, perturbed(second, d))))
        # Places up to 600 mm away: second-order terms of a step of 1e-5 rad are 600 * 1e-10 / 6.
        np.testing.assert_allclose(jacobians[0], by_first, atol=1e-5)
        np.testing.assert_allclose(jacobians[1], by_second, atol=1e-5)


def test_relative_pose_of_bones_that_share_an_error() -> None:
    rng = np.random.default_rng(2)
    reference = RigidTransform(rotation_from_zxy(10, 5, -3), np.array([10.0, 20, 30]))
    moving = RigidTransform(rotation_from_zxy(-5, 2, 8), np.array([12.0, 0, 31]))
    root = rng.normal(0, 1, (12, 12))
    cov = root @ root.T
    pose, both = relative_pose(reference, cov[:6, :6], moving, cov[6:, 6:], cov[:6, 6:])
    jacobian = np.hstack(relative_jacobians(reference, moving))
    np.testing.assert_allclose(both, jacobian @ cov @ jacobian.T, rtol=1e-10)
    np.testing.assert_array_equal(pose.rotation, reference.rotation.T @ moving.rotation)
    _, apart = relative_pose(reference, cov[:6, :6], moving, cov[6:, 6:])
    alone = [
        j @ c @ j.T
        for j, c in zip(relative_jacobians(reference, moving), (cov[:6, :6], cov[6:, 6:]), strict=True)
    ]
    np.testing.assert_allclose(apart, sum(alone), rtol=1e-10)


def test_a_common_error_of_both_bones_leaves_the_relative_pose() -> None:
    """The room turns by w about its origin: both bones turn by w, and are shifted by w x t."""
    reference = RigidTransform(np.eye(3), np.array([10.0, 0, 0]))
    moving = RigidTransform(rotation_from_zxy(5, 0, 0), np.array([10.0, -20, 0]))
    common = [
        np.vstack([np.eye(3), -cross_matrix(pose.translation_mm)]) * 0.01 for pose in (reference, moving)
    ]
    (a, b) = common
    _, cov = relative_pose(reference, a @ a.T, moving, b @ b.T, a @ b.T)
    np.testing.assert_allclose(cov, 0, atol=1e-15)


@pytest.mark.parametrize("angles", [(0, 0, 0), (12, -4, 5), (-30, 20, 40)])
def test_zxy_jacobian_against_differences(angles) -> None:
    rotation = rotation_from_zxy(*angles)
    by_differences = columns(lambda d: np.array(zxy_from_rotation(rotation_from_vector(d) @ rotation)), 3)
    # Degrees: 57 times the tolerance in rad.
    np.testing.assert_allclose(zxy_jacobian(rotation), by_differences, atol=57 * BY_DIFFERENCES)


def test_zxy_jacobian_in_the_neutral_pose_names_the_axes() -> None:
    # A turn about Z is alpha, about X beta, about Y gamma; 1 rad = 57.2958 deg.
    wanted = np.degrees([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(zxy_jacobian(np.eye(3)), wanted, atol=1e-12)
    assert zxy_jacobian(np.tile(np.eye(3), (5, 1, 1))).shape == (5, 3, 3)
