"""The angles that are read from a pose, each with its derivative by a turn of the moving bone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from atlasplane.geometry.rotation import zxy_from_rotation
from atlasplane.geometry.se3 import cross_matrix, zxy_jacobian
from atlasplane.geometry.types import Array

AngleReader = Callable[[Array], tuple[float, Array]]
"""Of a rotation: an angle in degrees and its derivative by a turn in rad, shape (3,)."""


def _flexion(rotation: Array) -> tuple[float, Array]:
    return -float(zxy_from_rotation(rotation)[0]), -zxy_jacobian(rotation)[0]


def _laterality(rotation: Array) -> tuple[float, Array]:
    return -float(zxy_from_rotation(rotation)[1]), -zxy_jacobian(rotation)[1]


def _rotation(rotation: Array) -> tuple[float, Array]:
    return float(zxy_from_rotation(rotation)[2]), zxy_jacobian(rotation)[2]


def _rotation_first(rotation: Array) -> tuple[float, Array]:
    """First angle of the sequence Y-X-Z, which holds at large turns of C1 on C2."""
    across = rotation[:, 2]
    by_turn = -cross_matrix(across)
    square = across[0] ** 2 + across[2] ** 2
    change = (across[2] * by_turn[0] - across[0] * by_turn[2]) / square
    return math.degrees(math.atan2(across[0], across[2])), np.degrees(change)


POSE_ANGLES: Mapping[str, Mapping[str, AngleReader]] = MappingProxyType(
    {
        "c1_in_skull": {
            "atlas_flexion_3d": _flexion,
            "atlas_laterality_3d": _laterality,
            "atlas_rotation_3d": _rotation,
        },
        "c1_in_c2": {
            "c1_c2_flexion_3d": _flexion,
            "c1_c2_lateral_3d": _laterality,
            "c1_c2_rotation": _rotation_first,
        },
    }
)
"""What is read from which pose; C1 on C2 gives angles alone, its pose is told the other way round."""
