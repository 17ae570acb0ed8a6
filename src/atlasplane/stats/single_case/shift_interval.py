"""Confidence interval by inversion: the shifts that a randomisation test would not reject.

A shift d is taken from the treated sessions, y - d e with e what the treatment adds (for a level 1 in
treated sessions). What is left would have been observed under any assignment, so that the test of it is
exact. The interval holds every d whose two one-sided p both exceed (1 - level) / 2, the inversion of the
doubled two-sided test (Garthwaite 1996, doi 10.2307/2532852; Michiels, Heyvaert, Meulders & Onghena 2017,
doi 10.3758/s13428-016-0714-4).

The ends are solved for, not searched on a grid. Whether an assignment's statistic reaches the observed one
changes only where their difference crosses zero; that difference is one straight line in d (mean difference,
slope change), straight lines between the d at which two sessions change their order (median difference), or
constant between them (NAP). The crossings are the only shifts at which p can change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.checks import Array, share
from atlasplane.stats.refusal import Refusal, TooFew
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
from atlasplane.stats.single_case.phase_statistics import Crossings, Follows, PhaseStatistic, Shift
from atlasplane.stats.single_case.series import PhasedSeries
from atlasplane.stats.single_case.ties import SAME, rounding, tied
from atlasplane.stats.variants import named

_FLAT = 1e-9
"""A slope of a difference below this is rounding: the least that a session of a thousand can make is 1e-3."""
_AT_ONCE = 2_000_000
"""Marks of sessions, over shifts and assignments, that are held in memory at a time."""


class NoExactInterval(Refusal):
    """A statistic whose crossings cannot be solved for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftInterval:
    """Interval of the shift, closed at both ends.

    Attributes
    ----------
    low, high : float
        -inf and inf where `highest_finite_level` is below `level`; NaN when every shift is rejected.
    level : float
    interval : str
        "inversion of the doubled randomisation test".
    statistic : str
    aggregate : str or None
    shift : Shift
        Unit of the values for a level, per unit of sessions for a slope.
    compared : Compared
    n_compared, n_assignments : int
    connected : bool
        Whether every shift between the ends is in the interval; False when some are rejected.
    highest_finite_level : float
        Level up to which this statistic gives two finite ends on these values; 0 where none does. At most
        1 - 2 / n_compared (`design_finite_level`), less where others follow a large shift as far.
    all_equal : bool
        Whether the values of each case are all equal but for rounding.
    """

    low: float
    high: float
    level: float
    interval: str
    statistic: str
    aggregate: str | None
    shift: Shift
    compared: Compared
    n_compared: int
    n_assignments: int
    connected: bool
    highest_finite_level: float
    all_equal: bool

    @property
    def design_finite_level(self) -> float:
        """1 - 2 / n_compared: beyond it no statistic and no data give two finite ends."""
        return 1 - 2 / self.n_compared

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded; empty where nothing is in the way."""
        found = []
        if self.all_equal:
            found.append("all values are equal: the interval does not tell how well the shift is known")
        if np.isnan(self.low):
            found.append("every shift is rejected: the treatment did not act as one shift")
        if np.isinf(self.low) or np.isinf(self.high):
            found.append(self._why_infinite())
        if not self.connected:
            found.append("some shifts between the ends are rejected")
        return tuple(found)

    def _why_infinite(self) -> str:
        if self.level > self.design_finite_level * (1 + SAME):
            return (
                f"an end is infinite: {self.n_compared} assignments give two finite ends up to level "
                f"{self.design_finite_level:.3g} at most; plan more assignments, or take a lower level"
            )
        return (
            f"an end is infinite: the {self.statistic} on these values gives two finite ends up to level "
            f"{self.highest_finite_level:.3g} at most; take another statistic, starts that lie further "
            "apart, or a lower level"
        )


def shift_interval(
    series: PhasedSeries,
    design: SingleCaseDesign,
    *,
    statistic: PhaseStatistic,
    level: float,
    monte_carlo: MonteCarlo | None,
) -> ShiftInterval:
    """Interval of the shift in one case; arguments and errors as in `randomisation_test`.

    Raises
    ------
    OutOfRange
        For a level outside 0 to 1.
    NotAChoice
        When `statistic` is no `PhaseStatistic`.
    """
    return _interval(assignments_of(series, design, monte_carlo=monte_carlo), statistic, None, level)


@named
def shift_interval_of_cases(
    series: Mapping[str, PhasedSeries],
    design: CasesDesign,
    *,
    statistic: PhaseStatistic,
    aggregate: Aggregate,
    level: float,
    monte_carlo: MonteCarlo | None,
) -> ShiftInterval:
    """Interval of one shift common to all cases; arguments and errors as in `randomisation_test_of_cases`.

    Raises
    ------
    NoExactInterval
        For the median of cases of a statistic that changes gradually with the shift.
    """
    PhaseStatistic.admit(statistic)
    if aggregate is Aggregate.MEDIAN and statistic.follows is not Follows.STEPS:
        raise NoExactInterval(
            f"the median of cases of the {statistic.name} bends where cases change their order, which is not "
            "solved for; take the mean of cases, or NAP"
        )
    found = assignments_of_cases(series, design, monte_carlo=monte_carlo)
    return _interval(found, statistic, aggregate, level)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cells:
    """The line of shifts cut at `cuts`, (k,): counts of its 2k + 1 cells, gap, cut, gap, ..., cut, gap."""

    cuts: Array
    n_greater: NDArray[np.int64]
    n_less: NDArray[np.int64]


def _interval(
    assignments: Assignments, statistic: PhaseStatistic, aggregate: Aggregate | None, level: float
) -> ShiftInterval:
    share(level, "level")
    PhaseStatistic.admit(statistic)
    if statistic.shift is Shift.SLOPE and statistic.follows is not Follows.LINEAR:
        raise NoExactInterval(
            f"a shift in slope changes the order of any two treated sessions, where the {statistic.name} "
            "bends; this is solved for in straight lines only"
        )
    n_compared = len(assignments.joint)
    if assignments.n_assignments < 2:
        raise TooFew(
            "the design has one assignment: nothing was left to chance, and no interval can be given"
        )
    line = _Line(assignments, statistic, aggregate)
    cells = _stepped(line) if statistic.follows is Follows.STEPS else _crossed(line)
    # Shares of a half in units of 1 / n_compared come out a rounding error too large or too small.
    least = (1 - level) / 2 * n_compared * (1 + SAME)
    inside = np.flatnonzero((cells.n_greater > least) & (cells.n_less > least))
    # Of cell i from bounds[i] to bounds[i + 1]: a cut is its own left and right end.
    bounds = np.concatenate([[-np.inf], np.repeat(cells.cuts, 2), [np.inf]])
    return ShiftInterval(
        low=float(bounds[inside[0]]) if len(inside) else np.nan,
        high=float(bounds[inside[-1] + 1]) if len(inside) else np.nan,
        level=level,
        interval="inversion of the doubled randomisation test",
        statistic=statistic.name,
        aggregate=None if aggregate is None else aggregate.value,
        shift=statistic.shift,
        compared=assignments.compared,
        n_compared=n_compared,
        n_assignments=assignments.n_assignments,
        connected=bool(np.all(np.diff(inside) == 1)),
        highest_finite_level=_highest_finite_level(cells, n_compared),
        all_equal=all(np.ptp(own.comparable) == 0 for own in assignments.series),
    )


def _highest_finite_level(cells: _Cells, n_compared: int) -> float:
    """1 - 2 p, with p the larger of the one-sided p that shifts of -inf and inf keep."""
    outermost = np.minimum(cells.n_greater, cells.n_less)[[0, -1]]
    return max(0.0, 1 - 2 * float(outermost.max()) / n_compared)


class _Line:
    """Differences between every assignment's statistic and the observed one, at any shift."""

    def __init__(
        self, assignments: Assignments, statistic: PhaseStatistic, aggregate: Aggregate | None
    ) -> None:
        self._assignments, self._statistic, self._aggregate = assignments, statistic, aggregate
        self._added = [
            _added(own, assignments.observed_treated(k), statistic.shift)
            for k, own in enumerate(assignments.series)
        ]
        values = [own.values for own in assignments.series]
        self._within = rounding(*values)
        # All values 0 have no scale of their own.
        self.scale = max(float(np.max(np.abs(own))) for own in values) or 1.0
        self.same_shift = self._rounding(values)

    @property
    def is_straight(self) -> bool:
        """Whether every difference is one straight line."""
        return self._statistic.follows is Follows.LINEAR

    def bends(self) -> Array:
        """Shifts, increasing, at which a treated and an untreated session are equal."""
        parts = []
        for own, added in zip(self._assignments.series, self._added, strict=True):
            treated = added != 0
            parts.append(np.subtract.outer(own.values[treated], own.values[~treated]).ravel())
        found = np.sort(np.concatenate(parts))
        # So far apart that halfway between them no two sessions are equal but for rounding.
        apart: Array = found[np.diff(found, prepend=-np.inf) > 3 * self._within]
        return apart

    def blocks(self, shifts: Array) -> Iterator[tuple[Array, Array]]:
        """Shifts with their differences, `at` of them, in parts that memory holds."""
        marks = sum(treated.size for treated in self._assignments.treated) + self._assignments.joint.size
        for part in np.array_split(shifts, min(len(shifts), math.ceil(len(shifts) * marks / _AT_ONCE))):
            yield part, self.at(part)

    def at(self, shifts: Array) -> Array:
        """Differences, shape (n_shifts, n_compared); 0 where within rounding."""
        return self._differences(
            [
                tied(own.values - np.multiply.outer(shifts, added), self._within)
                for own, added in zip(self._assignments.series, self._added, strict=True)
            ]
        )

    def slope(self) -> Array:
        """Change of a straight difference with the shift, shape (n_compared,)."""
        found: Array = -self._differences([added[None, :] for added in self._added])[0]
        return found

    def _differences(self, values: list[Array]) -> Array:
        parts = [
            self._of(rows, own, treated)
            for rows, own, treated in zip(
                values, self._assignments.series, self._assignments.treated, strict=True
            )
        ]
        found = aggregated(self._assignments, parts, self._aggregate)
        difference = found - found[:, [self._assignments.observed]]
        difference[np.abs(difference) <= max(self._rounding(values), rounding(found))] = 0.0
        return difference

    def _rounding(self, values: list[Array]) -> float:
        series = self._assignments.series
        return max(
            self._statistic.rounding(rows, own.sessions) for rows, own in zip(values, series, strict=True)
        )

    def _of(self, rows: Array, own: PhasedSeries, treated: NDArray[np.bool_]) -> Array:
        if self._statistic.takes_rows:
            return self._statistic.of(rows, own.sessions, treated)
        return np.stack([self._statistic.of(row, own.sessions, treated) for row in rows])


def _added(series: PhasedSeries, treated: NDArray[np.bool_], shift: Shift) -> Array:
    """What a shift of 1 adds to each session, shape (n_sessions,)."""
    if shift is Shift.LEVEL:
        return treated.astype(np.float64)
    return np.where(treated, series.sessions - series.sessions[np.argmax(treated)], 0.0)


def _stepped(line: _Line) -> _Cells:
    """Counts where differences are constant between the bends: one value for each cell tells all."""
    cuts = line.bends()
    shifts = np.empty(2 * len(cuts) + 1)
    shifts[1::2] = cuts
    shifts[2:-1:2] = (cuts[1:] + cuts[:-1]) / 2
    shifts[[0, -1]] = cuts[0] - line.scale, cuts[-1] + line.scale
    greater, less = [], []
    for _, difference in line.blocks(shifts):
        greater.append(np.sum(difference >= 0, axis=1))
        less.append(np.sum(difference <= 0, axis=1))
    return _Cells(cuts=cuts, n_greater=np.concatenate(greater), n_less=np.concatenate(less))


def _crossed(line: _Line) -> _Cells:
    """Counts where differences are straight between nodes: they change where a difference crosses zero."""
    if line.is_straight:
        nodes, before = np.zeros(1), line.slope()
        after = before
    else:
        nodes = line.bends()
        outer = line.at(np.array([nodes[0] - line.scale, nodes[0], nodes[-1], nodes[-1] + line.scale]))
        before, after = _slope(outer[0], outer[1], line.scale), _slope(outer[2], outer[3], line.scale)
    greater, less = Crossings(before), Crossings(-before)
    for part, differences in line.blocks(nodes):
        for node, difference in zip(part, differences, strict=True):
            greater.reach(node, difference)
            less.reach(node, -difference)
    greater.leave(after)
    less.leave(-after)
    return _counted(greater, less, same=line.same_shift)


def _slope(before: Array, after: Array, step: float) -> Array:
    """Slope of differences over a step; 0 where within rounding."""
    found: Array = (after - before) / step
    found[np.abs(found) <= _FLAT] = 0.0
    return found


def _counted(greater: Crossings, less: Crossings, *, same: float) -> _Cells:
    """Counts of the cells between all crossings; those no further apart than `same` are one."""
    rows = [greater.enters, greater.leaves, less.enters, less.leaves]
    apart = tied(np.concatenate(rows), same)
    greater_enters, greater_leaves, less_enters, less_leaves = np.split(
        apart, np.cumsum([len(row) for row in rows])[:-1]
    )
    cuts = np.unique(apart)
    return _Cells(
        cuts=cuts,
        n_greater=_counts(cuts, int(greater.is_first.sum()), greater_enters, greater_leaves),
        n_less=_counts(cuts, int(less.is_first.sum()), less_enters, less_leaves),
    )


def _counts(cuts: Array, n_first: int, enters: Array, leaves: Array) -> NDArray[np.int64]:
    """How many differences are 0 or more, in each cell of the line cut at `cuts`."""
    enters, leaves = np.sort(enters), np.sort(leaves)
    found = np.full(2 * len(cuts) + 1, n_first, dtype=np.int64)
    entered = np.searchsorted(enters, cuts, side="right")
    # At the crossing itself the difference is 0, which counts.
    found[1::2] += entered - np.searchsorted(leaves, cuts, side="left")
    found[2::2] += entered - np.searchsorted(leaves, cuts, side="right")
    return found
