"""Designs of several cases: each drawn for itself, or with starts that must lie apart (multiple baseline).

The assignments of cases that are drawn for themselves are the product of those of each case: three cases of
three starts have 27. Starts that must lie apart are fewer; they are counted over the sets of cases already
started, not enumerated. Dealing fixed starts out to the cases (Wampold & Worsham 1986, Behav Assess 8:135) is
the design in which every case has the same starts, as many as there are cases, and none is used twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.refusal import Duplicate, OutOfRange, TooFew, WrongShape
from atlasplane.stats.single_case.design import SingleCaseDesign, StartDesign
from atlasplane.stats.single_case.sequences import Ranks, Treated, uniform_ranks

CaseRanks = NDArray[np.int64]
"""Shape (n_assignments, n_cases): number of each case's own assignment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesDesign:
    """Designs of several cases and how far apart their treatments must begin.

    Attributes
    ----------
    names : tuple of str
        The cases, in the order in which they are drawn and reported.
    designs : tuple of design, one for each name
    least_stagger : int
        Fewest sessions between the starts of any two cases; 0 where each case is drawn for itself. Above 0
        every design must be a `StartDesign`: two cases then never start in one session, so that what happens
        to all in that session cannot be taken for the treatment.

    Raises
    ------
    TooFew
        For fewer than two cases, or when no starts lie so far apart.
    Duplicate, WrongShape, OutOfRange
    """

    names: tuple[str, ...]
    designs: tuple[SingleCaseDesign, ...]
    least_stagger: int

    def __post_init__(self) -> None:
        for name in ("names", "designs"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.names) < 2:
            raise TooFew(f"{len(self.names)} case; a design of several cases needs two or more")
        if len(set(self.names)) < len(self.names):
            raise Duplicate(f"a case is named twice: {', '.join(self.names)}")
        if len(self.designs) != len(self.names):
            raise WrongShape(f"{len(self.designs)} designs for {len(self.names)} cases; give one for each")
        if self.least_stagger < 0:
            raise OutOfRange(f"least_stagger is {self.least_stagger}; it counts sessions: 0 or more")
        if self.least_stagger and not all(isinstance(own, StartDesign) for own in self.designs):
            raise OutOfRange(
                "only starts can lie apart; give a StartDesign for every case or least_stagger 0"
            )
        if self.n_assignments == 0:
            raise TooFew(
                f"no starts of the {len(self.names)} cases lie {self.least_stagger} sessions apart; give "
                "more starts or a smaller stagger"
            )

    @property
    def n_assignments(self) -> int:
        """Assignments of all cases together, counted without enumeration."""
        if not self.least_stagger:
            return prod(own.n_assignments for own in self.designs)
        return self._ways(0, 0, {})

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_assignments."""
        return 1 / self.n_assignments

    def all_ranks(self) -> CaseRanks:
        """Every assignment, shape (n_assignments, n_cases): the number of each case's own assignment."""
        found = np.zeros((1, 0), dtype=np.int64)
        for k, own in enumerate(self.designs):
            widened = np.repeat(found, own.n_assignments, axis=0)
            column = np.tile(np.arange(own.n_assignments), len(found))
            found = np.column_stack([widened, column])
            if self.least_stagger:
                starts = np.column_stack([self._starts[j][found[:, j]] for j in range(k + 1)])
                near = np.abs(starts[:, :-1] - starts[:, -1:]) < self.least_stagger
                found = found[~near.any(axis=1)]
        return found

    def case_ranks(self, rank: int) -> tuple[int, ...]:
        """Number of each case's own assignment in the design's assignment of that number (0, 1, ...)."""
        if self.least_stagger:
            return self._staggered(rank, {})
        found = []
        for own in reversed(self.designs):
            rank, part = divmod(rank, own.n_assignments)
            found.append(part)
        return tuple(reversed(found))

    def drawn_case_ranks(self, n_draws: int, rng: np.random.Generator) -> list[Ranks]:
        """Assignments drawn with replacement: for each case the numbers of its own, shape (n_draws,)."""
        if not self.least_stagger:
            return [uniform_ranks(own.n_assignments, n_draws, rng) for own in self.designs]
        known: dict[tuple[int, int], int] = {}
        ranks = uniform_ranks(self.n_assignments, n_draws, rng)
        return list(np.array([self._staggered(int(rank), known) for rank in ranks]).T)

    def admits(self, treated: Sequence[Treated]) -> bool:
        """Whether the design could have produced these assignments, one of shape (n_sessions,) a case."""
        if not all(own.admits(row) for own, row in zip(self.designs, treated, strict=True)):
            return False
        starts = sorted(int(np.argmax(row)) for row in treated)
        return not self.least_stagger or bool(np.all(np.diff(starts) >= self.least_stagger))

    def plain(self) -> dict[str, Any]:
        """Kind, cases with their designs, and stagger."""
        cases = {name: own.plain() for name, own in zip(self.names, self.designs, strict=True)}
        return {"kind": "cases", "cases": cases, "least_stagger": self.least_stagger}

    @property
    def _starts(self) -> list[NDArray[np.int64]]:
        return [np.array(own.starts) for own in self.designs if isinstance(own, StartDesign)]

    def _onward(self, started: int, earliest: int) -> list[tuple[int, int]]:
        """(case, start) of each way to start the next case in time, in order of case and start."""
        return [
            (case, int(start))
            for case, starts in enumerate(self._starts)
            if not started >> case & 1
            for start in starts[starts >= earliest]
        ]

    def _ways(self, started: int, earliest: int, known: dict[tuple[int, int], int]) -> int:
        """Ways to start the cases that are not in the set `started`, none before `earliest`."""
        if started == (1 << len(self.designs)) - 1:
            return 1
        key = (started, earliest)
        if key not in known:
            known[key] = sum(
                self._ways(started | 1 << case, start + self.least_stagger, known)
                for case, start in self._onward(started, earliest)
            )
        return known[key]

    def _staggered(self, rank: int, known: dict[tuple[int, int], int]) -> tuple[int, ...]:
        started, earliest = 0, 0
        found = [0] * len(self.designs)
        for _ in self.designs:
            onward = self._onward(started, earliest)
            ways = (
                self._ways(started | 1 << case, start + self.least_stagger, known) for case, start in onward
            )
            ends = [0, *accumulate(ways)]
            chosen = bisect_right(ends, rank) - 1
            case, start = onward[chosen]
            rank -= ends[chosen]
            found[case] = int(np.searchsorted(self._starts[case], start))
            started, earliest = started | 1 << case, start + self.least_stagger
        return tuple(found)


def multiple_baseline(
    starts: Mapping[str, Sequence[int]], *, n_sessions: int, least_stagger: int
) -> CasesDesign:
    """A multiple baseline of cases with these admissible starts, all of so many sessions.

    Raises
    ------
    TooFew, Duplicate, OutOfOrder, OutOfRange
        See `StartDesign` and `CasesDesign`.
    """
    designs = [StartDesign(n_sessions=n_sessions, starts=tuple(own)) for own in starts.values()]
    return CasesDesign(names=tuple(starts), designs=tuple(designs), least_stagger=least_stagger)
