"""How well found stretches of time agree with true ones: whole events, seconds, false alarms.

Written apart from the program's own comparison of labels, which is thus not judged by itself. A stretch is a
row (start, stop) in seconds; the rows of one set are in order and do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike, NDArray

Stretches = NDArray[np.float64]
LEAST_IOU = 0.5
"""Share of the union that two events must have in common to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Counts and seconds, which add up over recordings.

    Attributes
    ----------
    n_hits, n_true, n_found : int
        Events that are both, events that are true, events that were found.
    both_s, true_s, found_s : float
        The same in seconds.
    total_s : float
        Length of what was judged.
    """

    n_hits: int = 0
    n_true: int = 0
    n_found: int = 0
    both_s: float = 0.0
    true_s: float = 0.0
    found_s: float = 0.0
    total_s: float = 0.0

    def __add__(self, other: Score) -> Score:
        return Score(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    @property
    def event_f1(self) -> float:
        """2 hits / (true + found); 1 where there is nothing and nothing was found."""
        return _f1(self.n_hits, self.n_true, self.n_found)

    @property
    def sample_f1(self) -> float:
        """The same of seconds."""
        return _f1(self.both_s, self.true_s, self.found_s)

    @property
    def event_sensitivity(self) -> float:
        """Share of the true events that were found; NaN where there is none."""
        return self.n_hits / self.n_true if self.n_true else float("nan")

    @property
    def burden_error(self) -> float:
        """Found less true burden in percentage points."""
        return 100.0 * (self.found_s - self.true_s) / self.total_s

    @property
    def false_alarms_a_day(self) -> float:
        """Found events that are none, in 24 h."""
        return (self.n_found - self.n_hits) * 86_400.0 / self.total_s


def score(true: ArrayLike, found: ArrayLike, total_s: float, *, least_iou: float = LEAST_IOU) -> Score:
    """Found against true stretches of one channel of one recording.

    Raises
    ------
    ValueError
        For stretches that overlap, are out of order or end before they start.
    """
    true, found = stretches(true), stretches(found)
    return Score(
        n_hits=hits(true, found, least_iou),
        n_true=len(true),
        n_found=len(found),
        both_s=float(_common(true, found).sum()),
        true_s=length(true),
        found_s=length(found),
        total_s=total_s,
    )


def total(scores: list[Score]) -> Score:
    """All scores together."""
    return reduce(add, scores, Score())


def hits(true: Stretches, found: Stretches, least_iou: float = LEAST_IOU) -> int:
    """Pairs with at least that share in common, each event in one pair at most, the best pairs first."""
    common = _common(true, found)
    union = np.diff(true, axis=1) + np.diff(found, axis=1).T - common
    share = common / union
    pairs = np.argwhere(share >= least_iou)
    taken_true, taken_found, n = set(), set(), 0
    for i, j in sorted(pairs.tolist(), key=lambda pair: -share[tuple(pair)]):
        if i not in taken_true and j not in taken_found:
            taken_true.add(i)
            taken_found.add(j)
            n += 1
    return n


def _common(one: Stretches, other: Stretches) -> NDArray[np.float64]:
    """Seconds that each pair has in common, shape (n, m)."""
    start = np.maximum(one[:, :1], other[:, 0])
    stop = np.minimum(one[:, 1:], other[:, 1])
    return np.asarray(np.maximum(stop - start, 0.0))


def stretches(rows: ArrayLike) -> Stretches:
    """The rows as an array of shape (n, 2), looked at."""
    found = np.asarray(rows, dtype=np.float64).reshape(-1, 2)
    ends = found.ravel()
    if np.any(np.diff(ends) < 0) or np.any(found[:, 1] <= found[:, 0]):
        raise ValueError("stretches must be in order, not overlap, and end after they start")
    return found


def length(rows: Stretches) -> float:
    """Seconds of all stretches together."""
    return float(np.diff(rows, axis=1).sum())


def tidied(rows: ArrayLike, *, gap_s: float, least_s: float) -> Stretches:
    """Stretches nearer than a gap as one, and then without those that are too short."""
    rows = stretches(rows)
    if not len(rows):
        return rows
    apart = np.flatnonzero(rows[1:, 0] - rows[:-1, 1] >= gap_s)
    first, last = np.concatenate([[0], apart + 1]), np.concatenate([apart, [len(rows) - 1]])
    merged = np.column_stack([rows[first, 0], rows[last, 1]])
    return np.asarray(merged[np.diff(merged, axis=1)[:, 0] >= least_s])


def without(rows: ArrayLike, start_s: float, stop_s: float) -> Stretches:
    """What lies outside of a stretch, such as the quiet one that the threshold came from."""
    rows = stretches(rows)
    before = np.column_stack([rows[:, 0], np.minimum(rows[:, 1], start_s)])
    after = np.column_stack([np.maximum(rows[:, 0], stop_s), rows[:, 1]])
    both = np.concatenate([before, after])
    both = both[both[:, 1] > both[:, 0]]
    return np.asarray(both[np.argsort(both[:, 0])])


def _f1(both: float, true: float, found: float) -> float:
    return 2.0 * both / (true + found) if true + found else 1.0
