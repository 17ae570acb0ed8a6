"""The marks of one film in film coordinates, and how a construction asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

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
        Quantity id, with "/LEVEL", "/right" or "/left" where there are several: a key without condition.
    needs : tuple of str
        Marks without which it cannot be drawn.
    value : callable
        From the film's lines to values of shape (...).
    smooth : callable or None
        What errors are carried through instead where `value` has a kink, as a sum of max(0, .) has: beyond
        the kink the value stays and its error does not vanish.
    """

    key: str
    needs: tuple[str, ...]
    value: Callable[[LinesT], Array]
    smooth: Callable[[LinesT], Array] | None = None

    def carried(self, lines: LinesT) -> Array:
        """What errors are carried through: `smooth` where there is one, else the value; shape (...)."""
        return (self.smooth or self.value)(lines)


@dataclass(frozen=True, slots=True, eq=False)
class Classification(Generic[LinesT]):
    """How one word is read from the lines of a film.

    Attributes
    ----------
    quantity : str
        Id of a category.
    needs : tuple of str
    choices : tuple of str
    word : callable
        From the lines of one film to one of the choices.
    """

    quantity: str
    needs: tuple[str, ...]
    choices: tuple[str, ...]
    word: Callable[[LinesT], str]


def sides_exchanged(marks: Marks, names: Iterable[str], *, axis: int) -> list[str]:
    """Pairs whose right one does not lie on the patient's right of the left one.

    Parameters
    ----------
    names : iterable of str
        Ids without side, points or contours; of a contour the mean counts.
    axis : 0 or 1
        Film axis that runs to the patient's right.
    """
    return [
        f"{kind}{name}_R lies to the patient's left of {name}_L"
        for name in names
        for kind, right, left in _pairs(marks, name)
        if not np.all(right[..., axis] > left[..., axis])
    ]


def order_reversed(marks: Marks, pairs: Iterable[tuple[str, str]], *, axis: int, word: str) -> list[str]:
    """Pairs of points whose first does not lie further along a film axis; `word` is e.g. "behind"."""
    return [
        f"{first} lies {word} {second}"
        for first, second in pairs
        if marks.has((first, second)) and not np.all(marks[first][..., axis] > marks[second][..., axis])
    ]


def _pairs(marks: Marks, name: str) -> Iterator[tuple[str, Array, Array]]:
    if f"{name}_R" in marks.points and f"{name}_L" in marks.points:
        yield "", marks[f"{name}_R"], marks[f"{name}_L"]
    if f"{name}_R" in marks.contours and f"{name}_L" in marks.contours:
        right, left = marks.contours[f"{name}_R"], marks.contours[f"{name}_L"]
        yield "contour ", right.mean(axis=-2), left.mean(axis=-2)
