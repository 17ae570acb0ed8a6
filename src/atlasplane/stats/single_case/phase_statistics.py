"""Statistics that compare treated with untreated sessions, for many assignments of one series at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from atlasplane.stats.checks import Array
from atlasplane.stats.refusal import NotAChoice, OutOfRange, TooFew
from atlasplane.stats.single_case.sequences import Treated
from atlasplane.stats.single_case.ties import rounding


class Follows(Enum):
    """How a statistic follows a shift of the values, which decides how an interval is solved for."""

    LINEAR = "linear"
    """A straight line: it is a weighted sum of the values."""
    BENT = "bent"
    """Straight lines without jumps, bent only where two sessions change their order."""
    STEPS = "steps"
    """Constant, with jumps only where two sessions change their order."""


class Shift(Enum):
    """What the treatment is taken to add to the values of the treated sessions."""

    LEVEL = "level"
    """One constant; unit of the values."""
    SLOPE = "slope"
    """A constant times the time since the first treated session; unit of the values per unit of sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStatistic:
    """A statistic; + means that treated sessions are higher. Write your own as you need.

    Attributes
    ----------
    name : str
        Stands in the results.
    of : callable
        Maps values (n_sessions,), sessions (n_sessions,) and assignments (n_assignments, n_sessions; True is
        treated) to one number for each assignment, shape (n_assignments,). Values that are equal but for
        rounding come to it equal.
    follows : Follows
        With respect to `shift`. Not checked: a wrong word makes a wrong interval.
    shift : Shift
    takes_rows : bool
        Whether `of` also maps many rows of values (n_rows, n_sessions) to (n_rows, n_assignments) at once.
    """

    name: str
    of: Callable[[Array, Array, Treated], Array]
    follows: Follows
    shift: Shift
    takes_rows: bool

    @staticmethod
    def admit(statistic: object) -> None:
        """Refuse what is no statistic, such as a word, with those that there are.

        Raises
        ------
        NotAChoice
        """
        if not isinstance(statistic, PhaseStatistic):
            raise NotAChoice(
                f"statistic is {statistic!r}; give one of MEAN_DIFFERENCE, MEDIAN_DIFFERENCE, NAP, "
                "SLOPE_CHANGE, or a PhaseStatistic of your own"
            )

    def rounding(self, values: Array, sessions: Array) -> float:
        """Difference below which two of its numbers from such values are equal, in its own unit.

        In proportion to the largest value, over the smallest gap of sessions for a slope; 0 for a statistic
        of order alone, whose numbers are ratios of counts.
        """
        if self.follows is Follows.STEPS:
            return 0.0
        gap = float(np.diff(sessions).min()) if self.shift is Shift.SLOPE else 1.0
        return rounding(values) / gap


def mean_difference(values: Array, sessions: Array, treated: Treated) -> Array:
    """Mean of treated minus mean of untreated sessions, shape (n_assignments,), or one such row a row."""
    marks, n_treated = _marks(treated, at_least=1)
    # Centred first, so that a large level does not cost digits.
    centred = values - values.mean(axis=-1, keepdims=True)
    total = centred @ marks.T
    rest = centred.sum(axis=-1, keepdims=True) - total
    difference: Array = total / n_treated - rest / (treated.shape[1] - n_treated)
    return difference


def median_difference(values: Array, sessions: Array, treated: Treated) -> Array:
    """Median of treated minus median of untreated sessions, shape (n_assignments,), or one such row a row."""
    _marks(treated, at_least=1)
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    own = np.moveaxis(treated[:, order], 0, -2)
    difference: Array = _medians(ordered, own) - _medians(ordered, ~own)
    return difference


def nap(values: Array, sessions: Array, treated: Treated) -> Array:
    """Non-overlap of all pairs: share of (untreated, treated) pairs that rise, ties half; in [0, 1].

    Parker & Vannest 2009, doi 10.1016/j.beth.2008.10.006; by ranks, as the Mann-Whitney U.
    """
    marks, n_treated = _marks(treated, at_least=1)
    above = rankdata(values, axis=-1) @ marks.T - n_treated * (n_treated + 1) / 2
    share: Array = above / (n_treated * (treated.shape[1] - n_treated))
    return share


def slope_change(values: Array, sessions: Array, treated: Treated) -> Array:
    """Least-squares slope of the treated minus that of the untreated sessions, per unit of `sessions`.

    Raises
    ------
    TooFew
        When an assignment leaves a phase fewer than two sessions.
    OutOfRange
        When an assignment goes back to the baseline: one line through parted phases has no meaning.
    """
    marks, _ = _marks(treated, at_least=2)
    if (treated[:, :-1] & ~treated[:, 1:]).any():
        raise OutOfRange("slopes need one baseline and one treatment after it; choose another statistic")
    time = sessions - sessions.mean()
    centred = values - values.mean(axis=-1, keepdims=True)
    change: Array = _slopes(centred, time, marks) - _slopes(centred, time, 1 - marks)
    return change


MEAN_DIFFERENCE = PhaseStatistic(
    name="mean difference", of=mean_difference, follows=Follows.LINEAR, shift=Shift.LEVEL, takes_rows=True
)
MEDIAN_DIFFERENCE = PhaseStatistic(
    name="median difference", of=median_difference, follows=Follows.BENT, shift=Shift.LEVEL, takes_rows=True
)
NAP = PhaseStatistic(name="NAP", of=nap, follows=Follows.STEPS, shift=Shift.LEVEL, takes_rows=True)
SLOPE_CHANGE = PhaseStatistic(
    name="slope change", of=slope_change, follows=Follows.LINEAR, shift=Shift.SLOPE, takes_rows=True
)


class Crossings:
    """Shifts at which differences become 0 or more and cease to be, fed with the differences node by node.

    Differences are straight between nodes, before the first, where their slope is `before`, and after the
    last. `is_first` is whether each is 0 or more at -inf.
    """

    def __init__(self, before: Array) -> None:
        self._before = before
        self._node, self._value = math.nan, np.empty(0)
        self.is_first = self._inside = np.empty(0, dtype=bool)
        self._enters: list[Array] = []
        self._leaves: list[Array] = []

    @property
    def enters(self) -> Array:
        """Where a difference becomes 0 or more."""
        return np.concatenate(self._enters)

    @property
    def leaves(self) -> Array:
        """Where one ceases to be."""
        return np.concatenate(self._leaves)

    def reach(self, node: float, value: Array) -> None:
        """The differences at the next node."""
        now = value >= 0
        if math.isnan(self._node):
            self.is_first = (self._before < 0) | ((self._before == 0) & now)
            crossed = self.is_first != now
            at = node - value[crossed] / self._before[crossed]
        else:
            crossed = self._inside != now
            last = self._value[crossed]
            at = self._node + (node - self._node) * last / (last - value[crossed])
        self._keep(at, now[crossed])
        self._node, self._value, self._inside = node, value, now

    def leave(self, after: Array) -> None:
        """The slopes after the last node."""
        is_last = (after > 0) | ((after == 0) & self._inside)
        crossed = self._inside != is_last
        self._keep(self._node - self._value[crossed] / after[crossed], is_last[crossed])

    def _keep(self, at: Array, is_entry: NDArray[np.bool_]) -> None:
        self._enters.append(at[is_entry])
        self._leaves.append(at[~is_entry])


def _marks(treated: Treated, *, at_least: int) -> tuple[Array, Array]:
    """Assignments as 0 and 1, and their numbers of treated sessions; refused where a phase has too few."""
    marks = treated.astype(np.float64)
    counts: Array = marks.sum(axis=1)
    fewest = min(float(counts.min()), float(treated.shape[1] - counts.max()))
    if fewest < at_least:
        raise TooFew(
            f"an assignment leaves a phase {fewest:g} sessions; {at_least} or more are needed: narrow "
            "the design"
        )
    return marks, counts


def _medians(ordered: Array, own: Treated) -> Array:
    """Median of the marked among ordered values (..., n), for each row of marks (..., n_assignments, n)."""
    passed = own.cumsum(axis=-1, dtype=np.int32)
    count = passed[..., -1:]
    lower = np.argmax(passed >= (count + 1) // 2, axis=-1)
    upper = np.argmax(passed >= count // 2 + 1, axis=-1)
    low, high = (np.take_along_axis(ordered, place, axis=-1) for place in (lower, upper))
    medians: Array = (low + high) / 2
    return medians


def _slopes(values: Array, time: Array, marks: Array) -> Array:
    count = marks.sum(axis=1)
    mean_time = marks @ time / count
    mean_value = values @ marks.T / count
    products = (time * values) @ marks.T - count * mean_time * mean_value
    slopes: Array = products / (marks @ time**2 - count * mean_time**2)
    return slopes
