"""Frames of skull and atlas from landmarks, on ISB axes (X anterior, Y superior, Z right).

Skull: mid-sagittal plane through nasion, basion and incisive foramen, Frankfort plane horizontal, origin
basion. Atlas: transverse line through the foramina, sagittal line through the tubercles, origin mid-way
between the foramina.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array


def skull_frame(points_mm: Mapping[str, Array]) -> RigidTransform:
    """Transform from the skull's frame to the frame of the points (ISB-like axes, mm).

    Needs N, BA, INC_F, PO_R, PO_L, OR_R, OR_L, each of shape (3,) (mid-sagittal plane after the craniofacial
    definition by nasion, basion and incisive foramen; Frankfort plane).

    Raises
    ------
    KeyError
        When a landmark is missing.
    """
    n, ba, inc = (points_mm[id_] for id_ in ("N", "BA", "INC_F"))
    right = _unit(np.cross(inc - ba, n - ba))
    right = right * np.sign(right @ (points_mm["PO_R"] - points_mm["PO_L"]))
    orbit = (points_mm["OR_R"] + points_mm["OR_L"]) / 2
    up = np.cross(points_mm["PO_R"] - orbit, points_mm["PO_L"] - orbit)
    up = up * np.sign(up @ (n - ba))
    up = _unit(up - (up @ right) * right)
    return RigidTransform(np.column_stack([np.cross(up, right), up, right]), ba)


def atlas_frame(points_mm: Mapping[str, Array]) -> RigidTransform:
    """Transform from the atlas' frame to the frame of the points; needs TF_R, TF_L, C1_AT, C1_PT.

    Raises
    ------
    KeyError
        When a landmark is missing.
    """
    right = _unit(points_mm["TF_R"] - points_mm["TF_L"])
    up = _unit(np.cross(right, points_mm["C1_AT"] - points_mm["C1_PT"]))
    origin = (points_mm["TF_R"] + points_mm["TF_L"]) / 2
    return RigidTransform(np.column_stack([np.cross(up, right), up, right]), origin)


def _unit(vector: Array) -> Array:
    scaled: Array = vector / np.linalg.norm(vector)
    return scaled
