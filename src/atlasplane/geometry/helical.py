"""The helical axis of a movement: one turn about one line and a shift along it (Chasles; Woltring 1985).

The angle depends on no sequence of axes, which makes it the check of the three angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.se3 import vector_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

_NO_TURN = 1e-9
"""Angle, rad, at the size of rounding: no axis can be told."""


@dataclass(frozen=True, slots=True, eq=False)
class HelicalAxis:
    """A turn about a line and a shift along it, in the frame of the movement.

    Attributes
    ----------
    angle_deg : float
        In (0, 180].
    direction : array, shape (3,)
        Unit vector; the turn is right-handed about it.
    point_mm : array, shape (3,)
        The point of the line nearest the origin.
    shift_mm : float
        Along `direction`.
    """

    angle_deg: float
    direction: Array
    point_mm: Array
    shift_mm: float


def helical_axis(transform: RigidTransform) -> HelicalAxis:
    """Helical axis of one movement, x -> R x + t.

    Raises
    ------
    ValueError
        When nothing turns: a shift alone has no axis.
    """
    vector = vector_from_rotation(transform.rotation)
    angle = float(np.linalg.norm(vector))
    if not angle > _NO_TURN:
        raise ValueError("a movement without a turn has no helical axis")
    direction = vector / angle
    shift = float(direction @ transform.translation_mm)
    across = transform.translation_mm - shift * direction
    # cot(a/2) is written so that it is 0, not huge, at 180 deg.
    point = (across + np.cos(angle / 2) / np.sin(angle / 2) * np.cross(direction, across)) / 2
    return HelicalAxis(float(np.degrees(angle)), direction, point, shift)
