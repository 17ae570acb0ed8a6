"""What is drawn on a film, in film coordinates: strokes, dots and labels, before anything is put on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from atlasplane.geometry.types import Array

ARC_STEPS = 24
"""Pieces of a drawn arc; the eye takes 24 for round."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stroke:
    """A polyline, shape (n, 2)."""

    at: Array
    colour: str
    width: float = 1.0
    dashed: bool = False
    frames: bool = True
    """Whether the picture must be cut so that the stroke stays inside."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dot:
    """A mark, shape (2,): `cross`, `ring` or `disc`."""

    at: Array
    colour: str
    shape: str = "cross"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Label:
    """A text beside a point.

    Attributes
    ----------
    toward : array, shape (2,)
        Direction that it would rather stand in.
    key : str
        Observation whose value follows the text; empty for none.
    """

    text: str
    at: Array
    toward: Array
    colour: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What a construction is; `keys` name the observations whose values it shows."""

    colour: str
    label: str
    text: str
    keys: tuple[str, ...] = ()
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """A sheet that constructions are added to, film coordinates throughout."""

    strokes: list[Stroke] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    legends: list[Legend] = field(default_factory=list)

    def line(
        self, start: Array, stop: Array, colour: str, *, width: float = 1.0, dashed: bool = False
    ) -> None:
        """A straight line."""
        self.strokes.append(Stroke(at=np.stack([start, stop]), colour=colour, width=width, dashed=dashed))

    def label(self, text: str, at: Array, toward: Array, colour: str, *, key: str = "") -> None:
        """A text that would like to stand in the direction `toward` of a point."""
        self.labels.append(Label(text=text, at=at, toward=toward, colour=colour, key=key))

    def arc(self, centre: Array, start: Array, stop: Array, radius: float, colour: str) -> Array:
        """The smaller arc from the direction `start` to `stop`; returns its middle, shape (2,)."""
        first = math.atan2(start[1], start[0])
        sweep = math.remainder(math.atan2(stop[1], stop[0]) - first, 2 * math.pi)
        at = arc_points(centre, radius, first, first + sweep)
        self.strokes.append(Stroke(at=at, colour=colour, width=1.2))
        middle: Array = at[len(at) // 2]
        return middle


def arc_points(centre: Array, radius: float, first: float, last: float) -> Array:
    """Points of an arc between two angles (rad), shape (n, 2)."""
    angles = np.linspace(first, last, ARC_STEPS + 1)
    at: Array = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return at
