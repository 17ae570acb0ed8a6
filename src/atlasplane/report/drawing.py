"""What is drawn on a film, in film coordinates: strokes, dots and labels, before anything is put on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.report.palette import WHITE

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

    def through(
        self,
        start: Array,
        stop: Array,
        colour: str,
        *,
        past: tuple[float, float] = (0.2, 0.2),
        width: float = 1.1,
        dashed: bool = False,
    ) -> tuple[Array, Array]:
        """A line through two points, carried on by shares of their distance; its ends."""
        more = stop - start
        ends = start - past[0] * more, stop + past[1] * more
        self.line(*ends, colour, width=width, dashed=dashed)
        return ends

    def slope(self, start: Array, stop: Array, colour: str, *, reach: float) -> Array:
        """A line with the film's horizontal through its start and the arc between; middle of the arc."""
        way = (stop - start) / np.linalg.norm(stop - start)
        level = np.array([math.copysign(1.0, float(way[0])), 0.0])
        self.line(start, start + 1.15 * reach * level, WHITE, width=0.8, dashed=True)
        self.line(start, start + 1.15 * reach * way, colour, width=1.1)
        return self.arc(start, level, way, reach, colour)

    def plumb(self, top: Array, foot: Array, colour: str) -> Array:
        """The vertical under a point and the horizontal from it to another; middle of the horizontal."""
        below = np.array([top[0], foot[1]])
        self.line(top, below, colour, width=0.9, dashed=True)
        self.line(below, foot, colour, width=1.5)
        middle: Array = (below + foot) / 2
        return middle

    def legend(self, colour: str, label: str, text: str, *keys: str, dashed: bool = False) -> None:
        """Say what a construction is, and which observations it shows."""
        self.legends.append(Legend(colour=colour, label=label, text=text, keys=keys, dashed=dashed))

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
