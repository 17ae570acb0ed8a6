"""Z-X'-Y'' rotations on ISB axes: signs, round trip, and what a rotation is not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given

from atlasplane.geometry.rotation import is_rotation, rotation_angle_deg, rotation_from_zxy, zxy_from_rotation
from tests.strategies import numbers, zxy_deg

ANTERIOR, UP, RIGHT = np.eye(3)


def test_positive_alpha_is_extension() -> None:
    moved = rotation_from_zxy(10, 0, 0) @ ANTERIOR
    assert moved[1] == pytest.approx(np.sin(np.radians(10)))  # the anterior end goes up


def test_positive_beta_is_right_side_bending() -> None:
    turn = rotation_from_zxy(0, 10, 0)
    assert (turn @ UP)[2] == pytest.approx(np.sin(np.radians(10)))  # the top leans right
    assert (turn @ RIGHT)[1] == pytest.approx(-np.sin(np.radians(10)))  # the right side goes down


def test_positive_gamma_is_left_axial_rotation() -> None:
    moved = rotation_from_zxy(0, 0, 10) @ RIGHT
    assert moved[0] == pytest.approx(np.sin(np.radians(10)))  # the right side goes anterior


def test_sequence_is_z_then_x_then_y() -> None:
    product = rotation_from_zxy(20, 0, 0) @ rotation_from_zxy(0, 30, 0) @ rotation_from_zxy(0, 0, 40)
    np.testing.assert_allclose(rotation_from_zxy(20, 30, 40), product, atol=1e-15)


@given(zxy_deg)
def test_angles_come_back(angles) -> None:
    rotation = rotation_from_zxy(*angles)
    assert is_rotation(rotation, tolerance=1e-12)
    # Up to beta = 85 deg cos(beta) = 0.087 divides rounding of 1e-16 rad: far below 1e-9 deg.
    np.testing.assert_allclose(zxy_from_rotation(rotation), angles, atol=1e-9)


@given(zxy_deg)
def test_mirroring_left_and_right_flips_bending_and_rotation_only(angles) -> None:
    mirror = np.diag([1.0, 1.0, -1.0])
    alpha, beta, gamma = angles
    flipped = mirror @ rotation_from_zxy(alpha, beta, gamma) @ mirror
    np.testing.assert_allclose(flipped, rotation_from_zxy(alpha, -beta, -gamma), atol=1e-14)


def test_many_at_once_equal_one_by_one() -> None:
    angles = np.random.default_rng(1).uniform(-20, 20, (3, 7))
    together = rotation_from_zxy(*angles)
    assert together.shape == (7, 3, 3)
    np.testing.assert_array_equal(together[4], rotation_from_zxy(*angles[:, 4]))
    np.testing.assert_allclose(zxy_from_rotation(together), angles, atol=1e-12)


def test_sine_out_of_range_by_rounding_is_clipped() -> None:
    rotation = rotation_from_zxy(0, 90, 0)
    rotation[2, 1] = 1 + 1e-15
    assert zxy_from_rotation(rotation)[1] == 90


@pytest.mark.parametrize(("size", "worst"), [(3.0, 0.17), (5.0, 0.47)])
def test_sequence_matters_little_at_small_angles(size: float, worst: float) -> None:
    # Domain text, alignment 4.2: worst case over all sequences and signs, all three angles at `size`.
    differences = []
    for signs in itertools.product((1, -1), repeat=3):
        angles = size * np.array(signs)
        single = [rotation_from_zxy(*row) for row in (np.diag(angles)[[0, 1, 2]])]
        for first, second, third in itertools.permutations(range(3)):
            read = zxy_from_rotation(single[first] @ single[second] @ single[third])
            differences.append(np.max(np.abs(np.array(read) - angles)))
    assert max(differences) == pytest.approx(worst, abs=0.005)  # printed digits


@pytest.mark.parametrize(
    "matrix",
    [
        np.diag([1.0, 1.0, -1.0]),  # a mirror image
        np.eye(3) * 1.001,
        np.full((3, 3), np.nan),
        np.eye(2),
        np.eye(4),
        np.array([[1, 0.01, 0], [0, 1, 0], [0, 0, 1.0]]),  # sheared
    ],
)
def test_what_is_no_rotation(matrix) -> None:
    assert not is_rotation(matrix)


def test_rotation_within_tolerance() -> None:
    assert is_rotation([[1, 0, 0], [0, 1, 0], [0, 0, 1 + 4e-7]])
    assert not is_rotation([[1, 0, 0], [0, 1, 0], [0, 0, 1 + 4e-7]], tolerance=1e-7)


@given(numbers(0, 180))
def test_helical_angle_of_one_axis_is_its_angle(angle: float) -> None:
    # arccos loses half the digits near 0 and 180 deg: sqrt(2 x 1e-16) rad = 1e-6 deg.
    assert rotation_angle_deg(rotation_from_zxy(0, 0, angle)) == pytest.approx(angle, abs=2e-6)


def test_helical_angle_does_not_depend_on_the_frame() -> None:
    inner, outer = rotation_from_zxy(4, -3, 7), rotation_from_zxy(50, 20, -70)
    turned = rotation_angle_deg(outer @ inner @ outer.T)
    assert turned == pytest.approx(rotation_angle_deg(inner), abs=1e-10)
    assert rotation_angle_deg(np.eye(3)) == 0
