"""From where the bones are looked at, and where the skull is cut open for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.report.bones_render import Cut, Sight

SHAPE_PX = (456, 530)
"""Rows and columns of one picture: over 300 to the inch where two stand 88 mm wide."""
_WIDTH_MM = 132.0
_BELOW_MM = 3.0
"""The middle of a picture lies so far below the origin of C1, so that C2 is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One fixed direction; axes of the skull: X anterior, Y superior, Z right.

    Attributes
    ----------
    id, title : str
    angle : str
        Id of the angle of C1 that is seen undistorted; empty for none.
    towards, up : (float, float, float)
        Towards the viewer, and about up in the picture.
    cuts : tuple of Cut
        What is left of the skull.
    ends : tuple of (str, str)
        Words at borders: (left, right, top or bottom; word).
    """

    id: str
    title: str
    angle: str
    towards: tuple[float, float, float]
    up: tuple[float, float, float]
    cuts: tuple[Cut, ...]
    ends: tuple[tuple[str, str], ...]

    @property
    def axes(self) -> Array:
        """Rows: right in the picture, up, towards the viewer; shape (3, 3)."""
        near = np.array(self.towards) / np.linalg.norm(self.towards)
        up = np.array(self.up) - np.dot(self.up, near) * near
        up = up / np.linalg.norm(up)
        return np.stack([np.cross(up, near), up, near])

    def sight(self, atlas_mm: Array) -> Sight:
        """The projection with the origin of C1, skull frame, about in its middle."""
        middle = np.asarray(atlas_mm, dtype=float) - np.array([0.0, _BELOW_MM, 0.0])
        return Sight(self.axes, middle, _WIDTH_MM / SHAPE_PX[1], SHAPE_PX)


_FACE_OFF = Cut((1.0, 0.0, 0.0), 16.0)
DIRECTIONS = (
    Direction(
        id="front",
        title="From the front",
        angle="laterality",
        towards=(1.0, 0.0, 0.0),
        up=(0.0, 1.0, 0.0),
        cuts=(_FACE_OFF,),
        ends=(("left", "R"), ("right", "L")),
    ),
    Direction(
        id="above",
        title="From above",
        angle="rotation",
        towards=(0.0, 1.0, 0.0),
        up=(1.0, 0.0, 0.0),
        cuts=(Cut((0.0, 1.0, 0.0), -3.0), Cut((1.0, 0.0, 0.0), 10.0)),
        ends=(("left", "L"), ("right", "R"), ("top", "anterior")),
    ),
    Direction(
        id="right",
        title="From the right side",
        angle="flexion",
        towards=(0.0, 0.0, 1.0),
        up=(0.0, 1.0, 0.0),
        cuts=(Cut((0.0, 0.0, 1.0), 0.0),),
        ends=(("left", "posterior"), ("right", "anterior")),
    ),
    Direction(
        id="oblique",
        title="Oblique",
        angle="",
        towards=(1.0, 0.6, 0.8),
        up=(0.0, 1.0, 0.0),
        cuts=(_FACE_OFF,),
        ends=(),
    ),
)
