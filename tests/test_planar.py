"""Lines and angles in a plane: hand-worked values, signs, wrap-round and invariance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given

from atlasplane.geometry import planar
from tests.strategies import numbers, points_2d

EAST, NORTH = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def test_unit_vector_and_its_refusal_of_nothing() -> None:
    np.testing.assert_allclose(
        planar.unit(np.array([[3.0, 4.0], [0.0, -2.0]])), [[0.6, 0.8], [0, -1]], rtol=1e-15
    )
    assert np.all(np.isnan(planar.unit(np.zeros(2))))


def test_a_quarter_turn_is_counter_clockwise() -> None:
    np.testing.assert_array_equal(planar.perpendicular(EAST), NORTH)
    np.testing.assert_array_equal(planar.perpendicular(np.array([2.0, 5.0])), [-5, 2])


def test_cross_and_dot_by_hand() -> None:
    u, v = np.array([2.0, 3.0]), np.array([5.0, -1.0])
    assert (planar.cross(u, v), planar.dot(u, v)) == (-17, 7)
    assert planar.cross(EAST, NORTH) == 1  # + when v lies counter-clockwise


@pytest.mark.parametrize(
    ("u", "v", "angle"),
    [(EAST, NORTH, 90), (NORTH, EAST, -90), (EAST, -EAST, 180), (EAST, np.array([1.0, 1.0]), 45)],
)
def test_signed_angle(u, v, angle: float) -> None:
    assert planar.signed_angle_deg(u, v) == pytest.approx(angle, rel=1e-15)


def test_direction_is_the_angle_from_the_first_axis() -> None:
    assert planar.direction_deg(np.array([1.0, math.tan(math.radians(7.5))])) == pytest.approx(7.5, rel=1e-14)
    assert planar.direction_deg(np.array([0.0, -3.0])) == -90


@pytest.mark.parametrize(
    ("angle", "wrapped"),
    [(90, 90), (-90, 90), (90.5, -89.5), (-90.5, 89.5), (180, 0), (-180, 0), (359, -1), (12, 12)],
)
def test_a_line_without_direction_wraps_to_plus_90(angle: float, wrapped: float) -> None:
    assert float(planar.undirected_deg(angle)) == pytest.approx(wrapped, abs=1e-12)


@given(numbers(-720, 720))
def test_wrapping_moves_by_half_turns_only(angle: float) -> None:
    wrapped = float(planar.undirected_deg(angle))
    assert -90 < wrapped <= 90
    turns = (angle - wrapped) / 180
    assert abs(turns - round(turns)) < 1e-12  # rounding of 720 deg


def test_signed_distance_is_positive_on_the_left() -> None:
    on_line = np.array([10.0, 0.0])
    assert planar.signed_distance(np.array([3.0, 2.5]), on_line, EAST) == 2.5
    assert planar.signed_distance(np.array([3.0, 2.5]), on_line, -EAST) == -2.5


def test_foot_by_hand() -> None:
    diagonal = planar.unit(np.array([1.0, 1.0]))
    np.testing.assert_allclose(planar.foot(np.array([4.0, 0.0]), np.zeros(2), diagonal), [2, 2], rtol=1e-15)


def test_intersection_by_hand_and_of_parallels() -> None:
    slant = planar.unit(np.array([1.0, 2.0]))
    np.testing.assert_allclose(
        planar.intersection(np.zeros(2), EAST, np.array([1.0, -4.0]), slant), [3, 0], atol=1e-14
    )
    assert not np.any(np.isfinite(planar.intersection(np.zeros(2), EAST, NORTH, EAST)[:1]))


@given(points_2d, points_2d, points_2d)
def test_foot_and_distance_are_pythagoras(point, on_line, toward) -> None:
    assume(np.linalg.norm(toward) > 1e-3)
    direction = planar.unit(toward)
    foot = planar.foot(point, on_line, direction)
    apart = abs(planar.signed_distance(point, on_line, direction))
    # Coordinates up to 300 and sums of a few of them: 1e-12.
    assert np.linalg.norm(point - foot) == pytest.approx(apart, abs=1e-11)
    assert planar.signed_distance(foot, on_line, direction) == pytest.approx(0, abs=1e-11)


@given(points_2d, points_2d, numbers(-180, 180))
def test_angle_between_vectors_does_not_depend_on_the_frame_and_mirrors_with_it(u, v, turn: float) -> None:
    assume(min(np.linalg.norm(u), np.linalg.norm(v)) > 1e-3)
    angle = float(planar.signed_angle_deg(u, v))
    assume(abs(angle) < 179.9)  # the cut
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    rotated = np.array([[c, -s], [s, c]])
    assert planar.signed_angle_deg(rotated @ u, rotated @ v) == pytest.approx(angle, abs=1e-9)
    mirror = np.array([-1.0, 1.0])
    assert planar.signed_angle_deg(mirror * u, mirror * v) == pytest.approx(-angle, abs=1e-9)


def test_everything_broadcasts_over_draws() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 4, 2)), rng.normal(size=(4, 2))
    assert planar.cross(a, b).shape == planar.dot(a, b).shape == planar.signed_angle_deg(a, b).shape == (5, 4)
    assert planar.foot(a, b, planar.unit(b)).shape == (5, 4, 2)
    one = planar.intersection(a, planar.unit(a), b, planar.unit(b))[2, 3]
    np.testing.assert_array_equal(
        one, planar.intersection(a[2, 3], planar.unit(a[2, 3]), b[3], planar.unit(b[3]))
    )
