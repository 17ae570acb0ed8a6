"""Mean squares of subjects by raters: what intraclass correlation and measurement error are made of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.checks import Array, numbers, vector
from atlasplane.stats.refusal import Duplicate, NotFinite, Refusal, TooFew, WrongShape

_ROUNDING = 1e-14
"""Deviations this small against the values themselves are rounding of the mean, not disagreement."""


class Incomplete(Refusal):
    """Some raters have not rated some subjects: mean squares are those of complete tables only."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatingTable:
    """Ratings of subjects by raters, complete, in order of first appearance.

    Attributes
    ----------
    subjects, raters : tuple
        Labels of rows and columns.
    values : array, shape (n_subjects, n_raters)
    """

    subjects: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    values: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanSquares:
    """Two-way mean squares; each an array of the shape that is left when rows and columns are taken away.

    Attributes
    ----------
    between : array
        MSB, of subjects, n_subjects - 1 degrees of freedom.
    raters : array
        MSJ, of raters, n_raters - 1.
    error : array
        MSE, what neither explains, (n_subjects - 1)(n_raters - 1).
    within : array
        MSW, within subjects (raters and error together), n_subjects (n_raters - 1).
    n_subjects, n_raters : int
    """

    between: Array
    raters: Array
    error: Array
    within: Array
    n_subjects: int
    n_raters: int

    @property
    def dof_between(self) -> int:
        """Degrees of freedom of MSB."""
        return self.n_subjects - 1

    @property
    def dof_raters(self) -> int:
        """Degrees of freedom of MSJ."""
        return self.n_raters - 1

    @property
    def dof_error(self) -> int:
        """Degrees of freedom of MSE."""
        return (self.n_subjects - 1) * (self.n_raters - 1)

    @property
    def dof_within(self) -> int:
        """Degrees of freedom of MSW."""
        return self.n_subjects * (self.n_raters - 1)


def rating_table(subjects: Sequence[Hashable], raters: Sequence[Hashable], values: ArrayLike) -> RatingTable:
    """Ratings in long form, one row a rating, as a table.

    Raises
    ------
    Duplicate
        Two ratings of one subject by one rater. They are not averaged: that would take part of the error
        away. Nor are they two raters: one rater's scatter is not that between raters, and
        `variance_components` with subject and rater as effects tells them apart.
    Incomplete
        A rater has not rated a subject. `variance_components` takes unbalanced designs.
    """
    numbers = vector(values, "values")
    if not len(subjects) == len(raters) == len(numbers):
        raise WrongShape(
            f"unequal lengths: subjects {len(subjects)}, raters {len(raters)}, values {len(numbers)}; "
            "give one of each for every rating"
        )
    rows = {label: i for i, label in enumerate(dict.fromkeys(subjects))}
    columns = {label: j for j, label in enumerate(dict.fromkeys(raters))}
    table = np.full((len(rows), len(columns)), np.nan)
    for subject, rater, value in zip(subjects, raters, numbers, strict=True):
        cell = rows[subject], columns[rater]
        if not np.isnan(table[cell]):
            raise Duplicate(
                f"subject {subject!r} is rated twice by rater {rater!r}; "
                "take variance_components with subject and rater (film and reader) as effects: "
                "it keeps the error of one rater apart from that between raters"
            )
        table[cell] = value
    empty = int(np.isnan(table).sum())
    if empty:
        raise Incomplete(
            f"{empty} of {table.size} cells are empty; leave out the subjects or raters with gaps, "
            "or use variance_components, which takes unbalanced designs"
        )
    return RatingTable(subjects=tuple(rows), raters=tuple(columns), values=table)


def mean_squares(ratings: ArrayLike) -> MeanSquares:
    """Two-way mean squares without replication.

    Parameters
    ----------
    ratings : array, shape (..., n_subjects, n_raters)
        One table or a stack of them, at least two by two, without gaps.

    Notes
    -----
    With x_ij, means x_i., x_.j and x..: MSB = k sum (x_i. - x..)^2 / (n - 1),
    MSJ = n sum (x_.j - x..)^2 / (k - 1), MSE = sum (x_ij - x_i. - x_.j + x..)^2 / ((n - 1)(k - 1)),
    MSW = sum (x_ij - x_i.)^2 / (n (k - 1)). Shrout and Fleiss 1979, Psychol Bull 86:420,
    doi:10.1037/0033-2909.86.2.420.
    """
    x = numbers(ratings, "ratings")
    if x.ndim < 2:
        raise WrongShape(f"ratings have {x.ndim} dimensions; give subjects in rows and raters in columns")
    n, k = x.shape[-2:]
    if n < 2 or k < 2:
        raise TooFew(f"{n} subjects by {k} raters; two or more of each are needed")
    if not np.isfinite(x).all():
        raise NotFinite(
            "a rating is missing or infinite; leave its subject out, "
            "or use variance_components, which takes unbalanced designs"
        )
    rows, columns = x.mean(axis=-1, keepdims=True), x.mean(axis=-2, keepdims=True)
    grand = x.mean(axis=(-2, -1), keepdims=True)
    scale = np.abs(x).max(axis=(-2, -1))
    return MeanSquares(
        between=_sum_of_squares(np.broadcast_to(rows - grand, x.shape), scale) / (n - 1),
        raters=_sum_of_squares(np.broadcast_to(columns - grand, x.shape), scale) / (k - 1),
        error=_sum_of_squares(x - rows - columns + grand, scale) / ((n - 1) * (k - 1)),
        within=_sum_of_squares(x - rows, scale) / (n * (k - 1)),
        n_subjects=n,
        n_raters=k,
    )


def _sum_of_squares(deviations: Array, scale: Array) -> Array:
    total = np.square(deviations).sum(axis=(-2, -1))
    size = deviations.shape[-2] * deviations.shape[-1]
    return np.where(total > size * np.square(_ROUNDING * scale), total, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WithinGroups:
    """Covariance of one reading about the mean of its group, pooled.

    Attributes
    ----------
    cov : array, shape (d, d)
        Unbiased: sums of squares over degrees of freedom. All zero where no group has a repeat.
    dof : int
        Sum of readings - 1 over the groups.
    n_groups : int
        Groups with at least two readings; those of one tell nothing and are passed over.
    """

    cov: Array
    dof: int
    n_groups: int


def within_groups(groups: Sequence[Array]) -> WithinGroups:
    """Pooled within-group covariance of unequally many readings.

    With two readings a group this is sum(d d') / 2n, d the difference of the two: s_w of Bland and Altman
    1996, BMJ 313:744, doi:10.1136/bmj.313.7059.744.

    Parameters
    ----------
    groups : sequence of array, each of shape (readings, d)
    """
    repeated = [group for group in groups if len(group) > 1]
    if not repeated:
        wide = groups[0].shape[1] if len(groups) else 1
        return WithinGroups(cov=np.zeros((wide, wide)), dof=0, n_groups=0)
    deviations = np.concatenate([group - group.mean(axis=0) for group in repeated])
    dof = sum(len(group) - 1 for group in repeated)
    return WithinGroups(cov=deviations.T @ deviations / dof, dof=dof, n_groups=len(repeated))
