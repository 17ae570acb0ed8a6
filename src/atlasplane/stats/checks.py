"""Input made arrays, and refused by name where it cannot be used."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atlasplane.stats.refusal import NotAChoice, NotFinite, OutOfRange, TooFew, WrongShape

Array = NDArray[np.float64]


def numbers(values: ArrayLike, name: str) -> Array:
    """A copy as float64 of any shape; what is masked becomes NaN, and words are no numbers.

    Raises
    ------
    NotFinite
        For words, complex numbers and rows of unequal length.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        given = np.asarray(values)
        if given.dtype.kind in "biufO":
            return np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    text = _first_text(values)
    if text is not None:
        raise NotFinite(f"{name} holds what is no number: the text {text!r}; convert texts with float(...)")
    raise NotFinite(f"{name} holds what is no number, or rows of unequal length; give plain numbers")


def vector(values: ArrayLike, name: str, *, at_least: int = 1) -> Array:
    """A copy as float64, shape (n,), finite and of at least so many values; `name` is for the message."""
    array = numbers(values, name)
    if array.ndim != 1:
        raise WrongShape(f"{name} has {array.ndim} dimensions; give one row of numbers")
    return _enough(array, name, at_least)


def matrix(values: ArrayLike, name: str, *, at_least: tuple[int, int] = (1, 1)) -> Array:
    """A copy as float64, shape (rows, columns), finite and of at least so many of each."""
    array = numbers(values, name)
    if array.ndim != 2:
        raise WrongShape(f"{name} has {array.ndim} dimensions; give rows and columns")
    if array.shape[1] < at_least[1]:
        raise TooFew(f"{name} has {array.shape[1]} columns; {at_least[1]} or more are needed")
    return _enough(array, name, at_least[0])


def same_length(**arrays: Array) -> None:
    """Refuse arrays of unequal length; the keywords are their names."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise WrongShape(f"unequal lengths: {told}; give one value of each for every observation")


def positive(array: Array, name: str, *, zero: bool = False) -> None:
    """Refuse values below zero, and zero itself unless `zero`."""
    if (array < 0).any() or (not zero and (array == 0).any()):
        raise OutOfRange(f"{name} must be {'0 or more' if zero else 'above 0'}; the least is {array.min():g}")


def share(value: float, name: str) -> None:
    """Refuse a level or probability that does not lie between 0 and 1, both excluded."""
    if not 0 < value < 1:
        raise OutOfRange(f"{name} must lie between 0 and 1; it is {value:g}")


def number(value: float, name: str, *, remedy: str) -> None:
    """Refuse what is no single number, such as None or a word; the remedy says what to give."""
    if not isinstance(value, Real):
        raise NotFinite(f"{name} is {value!r}, which is no number; {remedy}")


def whole(value: int, name: str) -> None:
    """Refuse a count that is no whole number, such as 100.0."""
    if not isinstance(value, Integral):
        raise OutOfRange(f"{name} is {value!r}; give a whole number")


def generator(rng: np.random.Generator) -> None:
    """Refuse a seed in place of a random generator."""
    if not isinstance(rng, np.random.Generator):
        raise NotAChoice(f"rng is {rng!r}; give numpy.random.default_rng(seed)")


def _first_text(values: object) -> str | None:
    if isinstance(values, str):
        return str(values)
    if isinstance(values, np.ndarray):
        values = values.ravel().tolist()
    if not isinstance(values, list | tuple):
        return None
    return next((text for text in map(_first_text, values) if text is not None), None)


def _enough(array: Array, name: str, at_least: int) -> Array:
    if len(array) < at_least:
        raise TooFew(f"{name} has {len(array)} values; {at_least} or more are needed")
    if not np.isfinite(array).all():
        raise NotFinite(
            f"{name} holds a value that is missing or infinite; leave it out or close the gap first"
        )
    return array
