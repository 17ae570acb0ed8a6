"""The assignments that an observed one is compared with: all of a design's, or so many drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.checks import Array
from atlasplane.stats.refusal import OutOfRange, Refusal
from atlasplane.stats.single_case.cases_design import CasesDesign
from atlasplane.stats.single_case.design import NotAdmissible, SingleCaseDesign
from atlasplane.stats.single_case.sequences import Treated, uniform_ranks
from atlasplane.stats.single_case.series import PhasedSeries
from atlasplane.stats.variants import named

MOST_ENUMERATED = 100_000
"""Assignments up to which all are gone through."""


class TooManyAssignments(Refusal):
    """More assignments than are gone through one by one, and no number of draws was given."""


class DifferentCases(Refusal):
    """The cases of the series are not those of the design."""


class Compared(Enum):
    """What the observed assignment was compared with."""

    COMPLETE = "complete"
    MONTE_CARLO = "Monte Carlo"


class Aggregate(Enum):
    """How the statistics of several cases become one."""

    MEAN = "mean"
    MEDIAN = "median"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarlo:
    """How many assignments are drawn, with replacement, where there are too many for all.

    Raises
    ------
    OutOfRange
        Below one draw.
    """

    n_draws: int
    rng: np.random.Generator

    def __post_init__(self) -> None:
        if self.n_draws < 1:
            raise OutOfRange(f"{self.n_draws} draws; give 1 or more, better 9 999")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assignments:
    """Assignments of one or several series, the observed one among them.

    Attributes
    ----------
    series : tuple of PhasedSeries
    treated : tuple of array, shape (n_own, n_sessions)
        Assignments of each case.
    joint : int array, shape (n_compared, n_cases)
        Row of `treated` that each case has in each assignment of all.
    observed : int
        Row of `joint` that was done.
    compared : Compared
    n_assignments : int
        That the design can produce.
    """

    series: tuple[PhasedSeries, ...]
    treated: tuple[Treated, ...]
    joint: NDArray[np.int64]
    observed: int
    compared: Compared
    n_assignments: int

    def observed_treated(self, case: int) -> Treated:
        """What was done with a case, shape (n_sessions,)."""
        done: Treated = self.treated[case][self.joint[self.observed, case]]
        return done


def assignments_of(
    series: PhasedSeries, design: SingleCaseDesign, *, monte_carlo: MonteCarlo | None
) -> Assignments:
    """Assignments of one case; arguments and errors as in `randomisation_test`."""
    done = series.treated
    if not design.admits(done):
        raise NotAdmissible(_inadmissible("", done))
    complete = _is_complete(design.n_assignments, monte_carlo)
    if monte_carlo is None or complete:
        ranks = np.arange(design.n_assignments)
        treated = design.treated(ranks)
        observed = _row_of(treated, done)
    else:
        ranks = uniform_ranks(design.n_assignments, monte_carlo.n_draws, monte_carlo.rng)
        treated = np.vstack([done, design.treated(ranks)])
        observed = 0
    return Assignments(
        series=(series,),
        treated=(treated,),
        joint=np.arange(len(treated))[:, None],
        observed=observed,
        compared=Compared.COMPLETE if complete else Compared.MONTE_CARLO,
        n_assignments=design.n_assignments,
    )


def assignments_of_cases(
    series: Mapping[str, PhasedSeries], design: CasesDesign, *, monte_carlo: MonteCarlo | None
) -> Assignments:
    """Assignments of several cases; arguments and errors as in `randomisation_test_of_cases`."""
    if set(series) != set(design.names):
        raise DifferentCases(f"series of {sorted(series)} for a design of {sorted(design.names)}")
    ordered = tuple(series[name] for name in design.names)
    done = [own.treated for own in ordered]
    if not design.admits(done):
        raise NotAdmissible(_inadmissible("of these cases ", np.concatenate(done)))
    n_assignments = design.n_assignments
    complete = _is_complete(n_assignments, monte_carlo)
    if monte_carlo is None or complete:
        treated = tuple(own.treated(np.arange(own.n_assignments)) for own in design.designs)
        joint = design.all_ranks()
        own_rows = [_row_of(rows, row) for rows, row in zip(treated, done, strict=True)]
        observed = int(np.argmax((joint == own_rows).all(axis=1)))
    else:
        treated, joint = _drawn(design, done, monte_carlo)
        observed = 0
    return Assignments(
        series=ordered,
        treated=treated,
        joint=joint,
        observed=observed,
        compared=Compared.COMPLETE if complete else Compared.MONTE_CARLO,
        n_assignments=n_assignments,
    )


@named
def aggregated(assignments: Assignments, parts: Sequence[Array], aggregate: Aggregate | None) -> Array:
    """Statistic of each joint assignment, shape (..., n_compared), from those of each case, (..., n_own)."""
    if len(parts) == 1:
        return parts[0]
    columns = [part[..., assignments.joint[:, k]] for k, part in enumerate(parts)]
    if aggregate is Aggregate.MEDIAN:
        return np.asarray(np.median(np.stack(columns), axis=0))
    total = columns[0].copy()
    for column in columns[1:]:
        total += column
    return np.asarray(total / len(columns))


def _is_complete(n_assignments: int, monte_carlo: MonteCarlo | None) -> bool:
    complete = n_assignments <= MOST_ENUMERATED
    if not complete and monte_carlo is None:
        raise TooManyAssignments(
            f"{n_assignments} assignments are more than the {MOST_ENUMERATED} that are gone through; pass "
            "monte_carlo=MonteCarlo(n_draws=9999, rng=...)"
        )
    return complete


def _drawn(
    design: CasesDesign, done: Sequence[Treated], monte_carlo: MonteCarlo
) -> tuple[tuple[Treated, ...], NDArray[np.int64]]:
    """Row 0 of each case is what was done, row k its part of the k-th drawn assignment."""
    columns = design.drawn_case_ranks(monte_carlo.n_draws, monte_carlo.rng)
    treated = tuple(
        np.vstack([row, own.treated(column)])
        for own, row, column in zip(design.designs, done, columns, strict=True)
    )
    joint = np.repeat(np.arange(monte_carlo.n_draws + 1)[:, None], len(treated), axis=1)
    return treated, joint


def _row_of(rows: Treated, row: Treated) -> int:
    return int(np.argmax((rows == row).all(axis=1)))


def _inadmissible(whose: str, done: Treated) -> str:
    letters = "".join("AB"[int(own)] for own in done)
    return (
        f"the design cannot have produced {letters} {whose}; test with the design that was fixed before the "
        "data, or say that nothing was drawn by chance: then no randomisation test holds"
    )
