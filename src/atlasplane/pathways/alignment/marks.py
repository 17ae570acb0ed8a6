"""The marks of one film in film coordinates, and how a construction asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Points (..., 2) and contours (..., n, 2) in film coordinates.

    Object mm; any unit where the film has no scale.
    """

    points: Mapping[str, Array]
    contours: Mapping[str, Array]

    def __getitem__(self, id_: str) -> Array:
        return self.points[id_]

    def has(self, ids: tuple[str, ...]) -> bool:
        """Whether every id is a point or a contour here."""
        return all(id_ in self.points or id_ in self.contours for id_ in ids)


LinesT = TypeVar("LinesT")


@dataclass(frozen=True, slots=True, eq=False)
class Construction(Generic[LinesT]):
    """How one number is read from the lines of a film.

    Attributes
    ----------
    key : str
        Quantity id, with "/right" or "/left" where there are two.
    needs : tuple of str
        Marks without which it cannot be drawn.
    value : callable
        From the film's lines to values of shape (...).
    """

    key: str
    needs: tuple[str, ...]
    value: Callable[[LinesT], Array]
