"""One observer's marking of one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from atlasplane.geometry.types import Array

SAVING_TOOLS = frozenset({"mark"})
"""Tools, by name without version, that save a reading after every mark."""


@dataclass(frozen=True, slots=True, eq=False)
class MarkedPoint:
    """Where a landmark was placed.

    Attributes
    ----------
    at : array, shape (2,) or (3,)
        [column, row] in pixels, (0, 0) the centre of the top-left pixel; or LPS mm.
    cov : array, shape (2, 2) or (3, 3), or None
        Placing covariance in the same units squared; None takes the catalogue's default.
    """

    at: Array
    cov: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MarkedContour:
    """A polyline, shape (n, 2) or (n, 3).

    `sd` is the placing SD of each vertex across the edge (same unit) or None.
    """

    at: Array
    sd: float | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading:
    """Points and contours that one observer placed at one time.

    Attributes
    ----------
    id, observer, tool : str
    time : datetime with offset
    blinded : bool
        Whether the observer could not see an earlier reading or the pre film.
    points : mapping id -> MarkedPoint
    contours : mapping id -> MarkedContour
    not_visible : frozenset of str
        Ids that the observer looked for and could not see.
    x : mapping
        The reader's own notes, kept as they are; no number comes from them.
    """

    id: str
    observer: str
    time: datetime
    tool: str
    blinded: bool = False
    points: Mapping[str, MarkedPoint] = field(default_factory=dict)
    contours: Mapping[str, MarkedContour] = field(default_factory=dict)
    not_visible: frozenset[str] = frozenset()
    x: Mapping[str, object] = field(default_factory=dict)

    @property
    def saved_as_it_goes(self) -> bool:
        """Whether a tool made it that saves after every mark, so that it may still be under way."""
        return self.tool.split("/")[0] in SAVING_TOOLS
