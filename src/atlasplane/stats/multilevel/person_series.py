"""Repeated values of several persons with and without treatment: the shared noun of n-of-1 pooling."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from atlasplane.stats.checks import Array, same_length, vector
from atlasplane.stats.refusal import NotFinite, NoVariance, OutOfRange, TooFew, WrongShape

Trend = Literal["none", "linear"]


def _refuse_words(treated: object) -> None:
    words = np.asarray(treated)
    if words.dtype.kind in "US" and words.size:
        raise NotFinite(f"treated holds the word {words.flat[0]!s}; give 1 with treatment and 0 without")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonSeries:
    """One row for each session of each person, in any order; valid once constructed.

    Attributes
    ----------
    values : array, shape (n_rows,)
        In the unit of the quantity; read-only, as all arrays here.
    persons : tuple, length n_rows
        Who the row belongs to.
    treated : array, shape (n_rows,)
        1 with treatment, 0 without.
    sessions : array, shape (n_rows,)
        When: number of the session, or days.

    Raises
    ------
    NotFinite, WrongShape
    OutOfRange
        When treatment is neither 0 nor 1.
    NoVariance
        When all rows are treated, or none is.
    TooFew
        With fewer than two persons.
    """

    values: Array
    persons: tuple[Hashable, ...]
    treated: Array
    sessions: Array

    def __post_init__(self) -> None:
        _refuse_words(self.treated)
        held = {name: vector(getattr(self, name), name) for name in ("values", "treated", "sessions")}
        same_length(**held)
        if len(self.persons) != len(held["values"]):
            raise WrongShape(f"{len(self.persons)} persons for {len(held['values'])} values; give both")
        if not np.isin(held["treated"], (0.0, 1.0)).all():
            raise OutOfRange("treated must be 1 or 0 in every row; code other conditions by it first")
        if np.ptp(held["treated"]) == 0:
            raise NoVariance("every row has the same treatment: no effect can be told")
        if len(set(self.persons)) < 2:
            raise TooFew("one person: see single_case for the effect within one; pooling needs two or more")
        for name, array in held.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "persons", tuple(self.persons))

    @property
    def labels(self) -> tuple[Hashable, ...]:
        """Each person once, in the order of their first row."""
        return tuple(dict.fromkeys(self.persons))

    def design(self, trend: Trend) -> Array:
        """Columns 1, treatment and, for a linear trend, sessions minus their mean."""
        columns = [np.ones(len(self.values)), self.treated]
        if trend == "linear":
            columns.append(self.sessions - self.sessions.mean())
        return np.column_stack(columns)
