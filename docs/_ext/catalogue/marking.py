"""What every construction uses: marked landmarks, the result in red, directions of the page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from atlasplane.anatomy.schematic_film import Film
from atlasplane.geometry.types import Array

from . import drawing as d

Draw = Callable[[Axes, Film], str]
"""Draws a construction and returns the note below it."""

RIGHT = np.array([1.0, 0.0])
UP = np.array([0.0, 1.0])


def mark(axes: Axes, sheet: Film, id_: str, towards: tuple[float, float] | None = (20, 18)) -> Array:
    """Mark a landmark, with a label unless `towards` is None; its place."""
    at = sheet.landmark(id_)
    if at.ndim == 2:
        d.trace(axes, at)
        return at
    d.dot(axes, at)
    if towards is not None:
        d.label(axes, at, id_, towards, color=d.INK, size=7)
    return at


def says(axes: Axes, at: Array, text: str, color: str = d.MARK, size: float = 12) -> None:
    """The result of a construction, in words."""
    d.words(axes, at, text, color=color, size=size, bold=True)
