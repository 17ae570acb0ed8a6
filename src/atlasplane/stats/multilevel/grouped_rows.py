"""Rows of several persons for a mixed model, in the order in which the sums over a person are taken."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atlasplane.stats.checks import Array, matrix, same_length, vector
from atlasplane.stats.refusal import Collinear, Duplicate, NoVariance, OutOfRange, TooFew, WrongShape

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedRows:
    """What a mixed model is fitted to; made by `grouped_rows`.

    Attributes
    ----------
    persons : tuple, length n_persons
        In the order of their first row.
    response : array, shape (n_rows,)
    fixed : array, shape (n_rows, n_fixed)
    random : array, shape (n_rows, n_random)
    sessions : array, shape (n_rows,)
        Place in time; sorted within each series.
    starts : array of int, shape (n_persons,)
        First row of each person.
    first_of_series : array of bool, shape (n_rows,)
        Whether the row has no row before it: the first of a person's equation.
    equation : array of int, shape (n_rows,)
        0, or 1 where a second equation is stacked below the first; each has its own residual variance.
    n_absorbed : int
        Fixed effects taken out of all columns beforehand, such as the mean of each person.
    """

    persons: tuple[Hashable, ...]
    response: Array
    fixed: Array
    random: Array
    sessions: Array
    starts: Indices
    first_of_series: NDArray[np.bool_]
    equation: Indices
    n_absorbed: int

    @property
    def n_persons(self) -> int:
        """Number of persons."""
        return len(self.persons)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.response)

    @property
    def n_equations(self) -> int:
        """1, or 2 where two equations are stacked."""
        return int(self.equation.max()) + 1

    @property
    def residual_dof(self) -> int:
        """Rows that are left after the fixed effects."""
        return int(self.n_rows - self.n_absorbed - self.fixed.shape[1])


def grouped_rows(
    response: ArrayLike,
    fixed: ArrayLike,
    random: ArrayLike,
    *,
    persons: Sequence[Hashable],
    sessions: ArrayLike,
    equation: ArrayLike | None = None,
    n_absorbed: int = 0,
) -> GroupedRows:
    """Rows sorted by person, equation and session, and refused where no model can be fitted.

    Raises
    ------
    NotFinite, WrongShape
    TooFew
        With fewer than two persons, or no row left after the fixed effects.
    Duplicate
        When a person has two rows for one session of one equation.
    Collinear
        When a fixed column follows from the others.
    NoVariance
        When the response never changes.
    """
    y, times = vector(response, "response"), vector(sessions, "sessions")
    X, Z = matrix(fixed, "fixed"), matrix(random, "random")
    own = np.zeros(len(y), dtype=np.intp) if equation is None else np.asarray(equation, dtype=np.intp)
    if len(persons) != len(y) or len(own) != len(y):
        raise WrongShape(f"{len(persons)} persons for {len(y)} values; give both for every row")
    same_length(response=y, sessions=times, fixed=X[:, 0], random=Z[:, 0])
    labels = tuple(dict.fromkeys(persons))
    place = {label: k for k, label in enumerate(labels)}
    person = np.array([place[label] for label in persons], dtype=np.intp)
    order = np.lexsort((times, own, person))
    person, own = person[order], own[order]
    times, y, X, Z = (part[order] for part in (times, y, X, Z))
    same_series = (np.diff(person) == 0) & (np.diff(own) == 0)
    _refuse(labels, y, X, times=times, same_series=same_series, n_absorbed=n_absorbed)
    return GroupedRows(
        persons=labels,
        response=y,
        fixed=X,
        random=Z,
        sessions=times,
        starts=np.flatnonzero(np.diff(person, prepend=-1)),
        first_of_series=np.concatenate([[True], ~same_series]),
        equation=own,
        n_absorbed=n_absorbed,
    )


def _refuse(
    labels: tuple[Hashable, ...],
    y: Array,
    X: Array,
    *,
    times: Array,
    same_series: NDArray[np.bool_],
    n_absorbed: int,
) -> None:
    if len(labels) < 2:
        raise TooFew(f"{len(labels)} person; differences between persons need two or more")
    twice = np.flatnonzero(same_series & (np.diff(times) == 0))
    if len(twice):
        raise Duplicate(f"session {times[twice[0]]:g} stands twice for one person; keep one row of it")
    if len(y) - n_absorbed - X.shape[1] < 1:
        raise TooFew(f"{len(y)} rows for {X.shape[1] + n_absorbed} fixed effects; more rows are needed")
    if np.ptp(y) == 0:
        raise NoVariance(f"the response is {y[0]:g} in every row; there is nothing to model")
    lengths = np.sqrt((X**2).sum(axis=0))
    if (lengths == 0).any() or np.linalg.matrix_rank(X / lengths, tol=1e-8) < X.shape[1]:
        raise Collinear("a fixed column is zero or follows from the others; leave it out")


def whole_sessions(sessions: Array) -> None:
    """Refuse places in time between whole numbers: an autocorrelation may be negative."""
    if not np.array_equal(sessions, np.round(sessions)):
        raise OutOfRange("an AR(1) residual needs whole session numbers; number the sessions 1, 2, 3, ...")
