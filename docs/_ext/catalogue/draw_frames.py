"""The frames of bones: the landmarks that make them, and their axes from the origin."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES
from atlasplane.anatomy.schematic_film import Film, positions
from atlasplane.geometry.types import Array

from . import drawing as d
from .marking import Draw

AXES = ("X", "Y", "Z")
_LEAST_MM = 4.0
"""Shorter axes point at the viewer or away and are left out."""


def frames_of(*bones: str, note: str, length_mm: float = 30.0) -> Draw:
    """Axes of the default frames of some bones, the reference last."""

    def draw(axes: Axes, sheet: Film) -> str:
        colors = (*(d.SECOND,) * (len(bones) - 1), d.LINE)
        for bone, color in zip(bones, colors, strict=True):
            _landmarks(axes, sheet, bone)
            _arrows(axes, *_axes_on_page(sheet, bone, length_mm), color, bone)
        return note

    return draw


def _landmarks(axes: Axes, sheet: Film, bone: str) -> None:
    for id_ in FRAMES[DEFAULT_FRAMES[bone]].needs:
        d.dot(axes, sheet.landmark(id_), color=d.INK, size=2.8)


def _axes_on_page(sheet: Film, bone: str, length_mm: float) -> tuple[Array, Array]:
    """Origin, shape (2,), and ends of the three axes, shape (3, 2), on the page."""
    definition = FRAMES[DEFAULT_FRAMES[bone]]
    places = positions(sheet.view)
    frame = definition.build({id_: places[id_][1] for id_ in definition.needs})
    drawn_with = places[definition.needs[0]][0]
    ends = frame.translation_mm + length_mm * frame.rotation.T
    return sheet.on_page(drawn_with, frame.translation_mm), sheet.on_page(drawn_with, ends)


def _arrows(axes: Axes, origin: Array, ends: Array, color: str, bone: str) -> None:
    d.dot(axes, origin, color=color, size=5.0)
    d.label(axes, origin, "skull" if bone == "skull" else bone.upper(), (-26, -16), color=color, size=9)
    for name, end in zip(AXES, ends, strict=True):
        along = end - origin
        size = float(np.linalg.norm(along))
        if size < _LEAST_MM:
            continue
        d.arrow(axes, origin, end, color=color, width=2.0)
        d.words(axes, end + along / size * 5.0, name, color=color, size=10, bold=True)
