"""Randomisation tests: the observed statistic among those of all assignments that the design could produce.

p = #{T(assignment) at least as far as T(observed)} / #assignments (Edgington & Onghena 2007). All assignments
are gone through when there are at most 100 000; else m are drawn and p = (b + 1) / (m + 1), which counts what
was observed (Phipson & Smyth 2010, doi 10.2202/1544-6115.1585). The test is exact under any autocorrelation
and any trend, because chance lies in the assignment alone; it holds only where chance really chose it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from atlasplane.stats.checks import Array
from atlasplane.stats.refusal import TooFew
from atlasplane.stats.single_case.assignments import (
    Aggregate,
    Assignments,
    Compared,
    MonteCarlo,
    aggregated,
    assignments_of,
    assignments_of_cases,
)
from atlasplane.stats.single_case.cases_design import CasesDesign
from atlasplane.stats.single_case.design import SingleCaseDesign
from atlasplane.stats.single_case.phase_statistics import PhaseStatistic
from atlasplane.stats.single_case.series import PhasedSeries
from atlasplane.stats.single_case.ties import rounding
from atlasplane.stats.variants import named

_USUAL_LEVEL = 0.05


class Alternative(Enum):
    """What counts against the hypothesis that treatment changes nothing; two-sided by a named definition."""

    GREATER = "greater"
    """Large statistics: the treatment raises the values."""
    LESS = "less"
    """Small statistics: the treatment lowers the values."""
    TWO_SIDED_DOUBLED = "two-sided, doubled"
    """Twice the smaller of the two one-sided p, at most 1; what `shift_interval` inverts."""
    TWO_SIDED_CENTRED = "two-sided, centred"
    """Statistics as far from the mean of all assignments as the observed one, on either side."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RandomisationTest:
    """Result of a randomisation test.

    Attributes
    ----------
    statistic : str
    aggregate : str or None
        How the statistics of several cases were made one; None for a single case.
    alternative : Alternative
    observed : float
    by_case : array, shape (n_cases,)
        Observed statistic of each case.
    p_value : float
    compared : Compared
        COMPLETE: all assignments. MONTE_CARLO: drawn ones and the observed.
    n_assignments : int
        That the design can produce.
    distribution : array, shape (n_compared,)
        Statistics of the assignments compared, the observed one among them.
    """

    statistic: str
    aggregate: str | None
    alternative: Alternative
    observed: float
    by_case: Array
    p_value: float
    compared: Compared
    n_assignments: int
    distribution: Array

    @property
    def n_compared(self) -> int:
        """Assignments that the observed one was compared with, itself included."""
        return len(self.distribution)

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_compared, twice that when doubled: no data could have given less."""
        sides = 2 if self.alternative is Alternative.TWO_SIDED_DOUBLED else 1
        return min(1.0, sides / self.n_compared)

    @property
    def why(self) -> tuple[str, ...]:
        """What the design cannot conclude; empty where it can reach p = 0.05."""
        if self.smallest_possible_p <= _USUAL_LEVEL:
            return ()
        return (
            f"{self.n_compared} assignments cannot give a p below {self.smallest_possible_p:.3g}, whatever "
            "the data: the test cannot reach 0.05",
        )


@named
def randomisation_test(
    series: PhasedSeries,
    design: SingleCaseDesign,
    *,
    statistic: PhaseStatistic,
    alternative: Alternative,
    monte_carlo: MonteCarlo | None,
) -> RandomisationTest:
    """Randomisation test of one case.

    Parameters
    ----------
    series : PhasedSeries
        As it was treated: `series.treated` must be one of the design's assignments.
    design : design of one case
        As it was fixed before the data.
    statistic : PhaseStatistic
        e.g. `MEAN_DIFFERENCE`; fixed before the data, as the alternative.
    alternative : Alternative
    monte_carlo : MonteCarlo or None
        Used beyond 100 000 assignments only; the result says which way was gone.

    Raises
    ------
    NotAdmissible
        When the design could not have produced what was done.
    TooManyAssignments
        Beyond 100 000 without `monte_carlo`.
    TooFew
        When the design has one assignment only: nothing was left to chance.
    NotAChoice
        When `statistic` is no `PhaseStatistic`.
    """
    return _test(assignments_of(series, design, monte_carlo=monte_carlo), statistic, None, alternative)


@named
def randomisation_test_of_cases(
    series: Mapping[str, PhasedSeries],
    design: CasesDesign,
    *,
    statistic: PhaseStatistic,
    aggregate: Aggregate,
    alternative: Alternative,
    monte_carlo: MonteCarlo | None,
) -> RandomisationTest:
    """Randomisation test of several cases, one p for all: each case has its series under its name.

    The statistic of an assignment is the mean or median, by `aggregate`, of those of its cases. Other
    arguments and errors as in `randomisation_test`; DifferentCases when names differ from the design's.
    """
    return _test(
        assignments_of_cases(series, design, monte_carlo=monte_carlo), statistic, aggregate, alternative
    )


@named
def p_value(distribution: Array, observed: float, *, alternative: Alternative, within: float) -> float:
    """Share of a distribution, shape (n_compared,), that lies as far as the observed statistic.

    The distribution holds the observed statistic itself, so that p is never 0. Statistics no further apart
    than `within` are equal: sums of one set of numbers differ by rounding with the order of adding.
    """
    if alternative is Alternative.TWO_SIDED_CENTRED:
        centre = distribution.mean()
        return float(np.mean(np.abs(distribution - centre) >= abs(observed - centre) - within))
    greater = float(np.mean(distribution >= observed - within))
    less = float(np.mean(distribution <= observed + within))
    if alternative is Alternative.GREATER:
        return greater
    return less if alternative is Alternative.LESS else min(1.0, 2 * min(greater, less))


def _test(
    assignments: Assignments,
    statistic: PhaseStatistic,
    aggregate: Aggregate | None,
    alternative: Alternative,
) -> RandomisationTest:
    PhaseStatistic.admit(statistic)
    if assignments.n_assignments < 2:
        raise TooFew("the design has one assignment: nothing was left to chance, and no test can tell of it")
    parts = [
        statistic.of(own.comparable, own.sessions, treated)
        for own, treated in zip(assignments.series, assignments.treated, strict=True)
    ]
    distribution = aggregated(assignments, parts, aggregate)
    observed = float(distribution[assignments.observed])
    chosen = assignments.joint[assignments.observed]
    within = max(statistic.rounding(own.values, own.sessions) for own in assignments.series)
    return RandomisationTest(
        statistic=statistic.name,
        aggregate=None if aggregate is None else aggregate.value,
        alternative=alternative,
        observed=observed,
        by_case=np.array([part[row] for part, row in zip(parts, chosen, strict=True)]),
        p_value=p_value(
            distribution, observed, alternative=alternative, within=max(within, rounding(distribution))
        ),
        compared=assignments.compared,
        n_assignments=assignments.n_assignments,
        distribution=distribution,
    )
