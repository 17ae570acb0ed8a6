"""Helical axis: hand-worked screws, what it leaves in place, and a movement that has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

from atlasplane.geometry.helical import helical_axis
from atlasplane.geometry.rotation import rotation_angle_deg, rotation_from_zxy
from atlasplane.geometry.se3 import rotation_from_vector
from atlasplane.geometry.transform import RigidTransform
from tests.strategies import transforms


def test_a_quarter_turn_about_a_vertical_line_with_a_rise() -> None:
    """About the vertical through (1, 0, 0), 90 deg, up by 2: the origin goes to (1, 2, 1)."""
    about = RigidTransform.about(rotation_from_vector(np.array([0, np.pi / 2, 0])), np.array([1.0, 0, 0]))
    screw = RigidTransform(about.rotation, about.translation_mm + np.array([0, 2.0, 0]))
    np.testing.assert_allclose(screw.apply(np.zeros(3)), [1, 2, 1], atol=1e-15)
    axis = helical_axis(screw)
    assert axis.angle_deg == pytest.approx(90)
    np.testing.assert_allclose(axis.direction, [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(axis.point_mm, [1, 0, 0], atol=1e-14)
    assert axis.shift_mm == pytest.approx(2)


def test_half_a_turn_is_about_the_middle_of_the_way() -> None:
    axis = helical_axis(RigidTransform(np.diag([-1.0, 1.0, -1.0]), np.array([6.0, 0.0, 0.0])))
    assert axis.angle_deg == pytest.approx(180)
    np.testing.assert_allclose(axis.point_mm, [3, 0, 0], atol=1e-12)
    assert axis.shift_mm == pytest.approx(0, abs=1e-12)


@given(transforms())
def test_points_of_the_axis_move_along_it(movement: RigidTransform) -> None:
    assume(rotation_angle_deg(movement.rotation) > 1)
    axis = helical_axis(movement)
    assert axis.angle_deg == pytest.approx(rotation_angle_deg(movement.rotation), abs=1e-5)
    for along in (0.0, 50.0):
        at = axis.point_mm + along * axis.direction
        # Points as far as 300 mm / sin(0.5 deg) = 3e4 mm off; rounding of that.
        np.testing.assert_allclose(movement.apply(at), at + axis.shift_mm * axis.direction, atol=1e-6)
    assert axis.point_mm @ axis.direction == pytest.approx(0, abs=1e-6)  # nearest the origin


def test_mirroring_turns_the_axis_round_as_a_pseudovector() -> None:
    mirror = np.diag([1.0, 1.0, -1.0])
    movement = RigidTransform(rotation_from_zxy(4, 3, -8), np.array([1.0, 2, 3]))
    axis = helical_axis(movement)
    mirrored = helical_axis(
        RigidTransform(mirror @ movement.rotation @ mirror, mirror @ movement.translation_mm)
    )
    np.testing.assert_allclose(mirrored.direction, -mirror @ axis.direction, atol=1e-12)
    np.testing.assert_allclose(mirrored.point_mm, mirror @ axis.point_mm, atol=1e-10)
    assert mirrored.shift_mm == pytest.approx(-axis.shift_mm)


def test_a_shift_alone_has_no_axis() -> None:
    with pytest.raises(ValueError, match="without a turn"):
        helical_axis(RigidTransform(np.eye(3), np.array([1.0, 0, 0])))
