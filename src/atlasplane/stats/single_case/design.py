"""Designs of one case: which sessions could have been treated, so that chance decides which are.

A randomisation test compares what happened with what the design could have produced, and with nothing else:
the design, with its admissible starts, is fixed and written down before the first session
(Edgington & Onghena 2007, Randomization Tests, 4th ed.; Bulte & Onghena 2009, doi 10.3758/BRM.41.2.477).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from numbers import Real
from typing import Any, Protocol

import numpy as np

from atlasplane.stats.refusal import Duplicate, OutOfOrder, OutOfRange, Refusal, TooFew
from atlasplane.stats.single_case.sequences import Ranks, Sequences, Treated, sequences


class NotAdmissible(Refusal):
    """The sessions were treated as the design could never have said: its chances tell nothing of them."""


class SingleCaseDesign(Protocol):
    """What every design of one case offers; its assignments are numbered from 0 and equally likely."""

    @property
    def n_sessions(self) -> int:
        """Sessions of the case."""

    @property
    def n_assignments(self) -> int:
        """Assignments that the design can produce, counted without enumeration."""

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_assignments: no one-sided test of this design can give less."""

    def treated(self, ranks: Ranks) -> Treated:
        """Assignments of these numbers, shape (n_ranks, n_sessions); True is treated."""

    def admits(self, treated: Treated) -> bool:
        """Whether the design could have produced this assignment, shape (n_sessions,)."""

    def plain(self) -> dict[str, Any]:
        """The design as plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDesign:
    """AB: a baseline, and from a start drawn by chance on the treatment.

    Attributes
    ----------
    n_sessions : int
    starts : tuple of int
        Admissible starts, increasing: how many baseline sessions come first, which is the index, from 0, of
        the first treated session.

    Raises
    ------
    TooFew
        Without a start.
    OutOfRange
        When a start leaves no session to one of the phases, or is no whole number.
    OutOfOrder, Duplicate
    """

    n_sessions: int
    starts: tuple[int, ...]

    def __post_init__(self) -> None:
        _hold_whole(self, "n_sessions")
        object.__setattr__(self, "starts", _whole(self.starts, "admissible start"))
        if not self.starts:
            raise TooFew("no admissible start; name at least one, better twenty")
        if len(set(self.starts)) < len(self.starts):
            raise Duplicate("an admissible start is named twice; it would count twice")
        if list(self.starts) != sorted(self.starts):
            raise OutOfOrder("admissible starts do not increase; sort them")
        if self.starts[0] < 1 or self.starts[-1] > self.n_sessions - 1:
            raise OutOfRange(
                f"starts {self.starts[0]} to {self.starts[-1]} of {self.n_sessions} sessions; each phase "
                f"needs a session: choose from 1 to {self.n_sessions - 1}"
            )

    @property
    def n_assignments(self) -> int:
        """Number of starts."""
        return len(self.starts)

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_assignments."""
        return 1 / self.n_assignments

    def treated(self, ranks: Ranks) -> Treated:
        """Assignments of these numbers, shape (n_ranks, n_sessions); an early start comes first."""
        chosen = np.array(self.starts)[np.asarray(ranks, dtype=np.int64)]
        found: Treated = np.arange(self.n_sessions) >= chosen[:, None]
        return found

    def admits(self, treated: Treated) -> bool:
        """Whether the treatment began at an admissible start and lasted."""
        start = len(treated) - int(np.sum(treated))
        return len(treated) == self.n_sessions and start in self.starts and bool(np.all(treated[start:]))

    def plain(self) -> dict[str, Any]:
        """Kind, sessions and starts."""
        return {"kind": "start", "n_sessions": self.n_sessions, "starts": list(self.starts)}


def ab_design(*, n_sessions: int, least_baseline: int, least_treatment: int) -> StartDesign:
    """The AB design of every start that leaves each phase so many sessions.

    There are n_sessions - least_baseline - least_treatment + 1 of them; twenty are needed for p = 0.05.

    Raises
    ------
    TooFew
        When the sessions do not suffice for both phases.
    OutOfRange
        When a number is no whole number.
    """
    (n_sessions,) = _whole([n_sessions], "n_sessions")
    (least_baseline,) = _whole([least_baseline], "least_baseline")
    (least_treatment,) = _whole([least_treatment], "least_treatment")
    starts = range(least_baseline, n_sessions - least_treatment + 1)
    if not starts:
        raise TooFew(
            f"{n_sessions} sessions for phases of {least_baseline} and {least_treatment}; plan "
            f"{least_baseline + least_treatment} or more"
        )
    return StartDesign(n_sessions=n_sessions, starts=tuple(starts))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalDesign:
    """ABA, ABAB and longer: phases that alternate, their change points drawn by chance (Onghena 1992).

    With slack = n_sessions - sum(least) and p phases there are C(slack + p - 1, p - 1) assignments.

    Attributes
    ----------
    n_sessions : int
    least : tuple of int
        Fewest sessions of each phase, the baseline first: (5, 5, 5, 5) is ABAB.

    Raises
    ------
    TooFew
        For fewer than two phases, or sessions that do not suffice.
    OutOfRange
        When a phase may be empty, or its least length is no whole number.
    """

    n_sessions: int
    least: tuple[int, ...]

    def __post_init__(self) -> None:
        _hold_whole(self, "n_sessions")
        object.__setattr__(self, "least", _whole(self.least, "least length"))
        if len(self.least) < 2:
            raise TooFew(f"{len(self.least)} phases; a design needs a baseline and a treatment")
        if min(self.least) < 1:
            raise OutOfRange("a phase may be without session; ask at least 1 of each")
        if sum(self.least) > self.n_sessions:
            raise TooFew(
                f"{self.n_sessions} sessions for phases of {list(self.least)}; plan {sum(self.least)} or more"
            )

    @property
    def n_assignments(self) -> int:
        """C(slack + p - 1, p - 1)."""
        return comb(self.n_sessions - sum(self.least) + len(self.least) - 1, len(self.least) - 1)

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_assignments."""
        return 1 / self.n_assignments

    def treated(self, ranks: Ranks) -> Treated:
        """Assignments of these numbers, shape (n_ranks, n_sessions)."""
        return _sequences(self).treated(ranks)

    def admits(self, treated: Treated) -> bool:
        """Whether every phase has its sessions."""
        return _sequences(self).admits(treated)

    def plain(self) -> dict[str, Any]:
        """Kind, sessions and fewest sessions of each phase."""
        return {"kind": "reversal", "n_sessions": self.n_sessions, "least": list(self.least)}

    def sequences(self) -> Sequences:
        """All sequences that the design allows, counted anew."""

        def after(state: tuple[int, int], treated: bool) -> tuple[int, int] | None:
            phase, length = state
            if treated == bool(phase % 2):
                return phase, min(length + 1, self.least[phase])
            onward = length == self.least[phase] and phase + 1 < len(self.least)
            return (phase + 1, 1) if onward else None

        end = (len(self.least) - 1, self.least[-1])
        return sequences(self.n_sessions, first=(0, 0), after=after, complete=lambda state: state == end)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternatingDesign:
    """Alternating treatments: so many sessions treated in any order, no condition too often in a row.

    Attributes
    ----------
    n_sessions, n_treated : int
    longest_run : int
        Most sessions in a row of one condition (Onghena & Edgington 1994, Behav Res Ther 32:783, restrict it
        to two); n_sessions where runs are free.

    Raises
    ------
    OutOfRange
        When a condition is without session.
    TooFew
        When no order keeps the runs so short.
    """

    n_sessions: int
    n_treated: int
    longest_run: int

    def __post_init__(self) -> None:
        _hold_whole(self, "n_sessions", "n_treated", "longest_run")
        if not 0 < self.n_treated < self.n_sessions:
            raise OutOfRange(
                f"{self.n_treated} of {self.n_sessions} sessions treated; both conditions need a session"
            )
        if self.longest_run < 1 or self.n_assignments == 0:
            raise TooFew(
                f"no order of {self.n_treated} treated of {self.n_sessions} sessions has runs of at most "
                f"{self.longest_run}; allow longer runs or balance the conditions"
            )

    @property
    def n_assignments(self) -> int:
        """Number of orders, counted session by session."""
        return _sequences(self).count

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_assignments."""
        return 1 / self.n_assignments

    def treated(self, ranks: Ranks) -> Treated:
        """Assignments of these numbers, shape (n_ranks, n_sessions)."""
        return _sequences(self).treated(ranks)

    def admits(self, treated: Treated) -> bool:
        """Whether so many are treated and no run is too long."""
        return _sequences(self).admits(treated)

    def plain(self) -> dict[str, Any]:
        """Kind, sessions, treated sessions and longest run."""
        return {
            "kind": "alternating",
            "n_sessions": self.n_sessions,
            "n_treated": self.n_treated,
            "longest_run": self.longest_run,
        }

    def sequences(self) -> Sequences:
        """All sequences that the design allows, counted anew."""

        def after(state: tuple[int, bool, int], treated: bool) -> tuple[int, bool, int] | None:
            n_treated, last, run = state
            onward = (n_treated + treated, treated, run + 1 if treated == last else 1)
            return None if onward[0] > self.n_treated or onward[2] > self.longest_run else onward

        return sequences(
            self.n_sessions,
            first=(0, False, 0),
            after=after,
            complete=lambda state: state[0] == self.n_treated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDesign:
    """Randomised blocks, as in an n-of-1 trial: half of every block is treated, in any order.

    There are C(b, b / 2) ** n_blocks assignments for blocks of b sessions; blocks of two are pairs.

    Attributes
    ----------
    n_blocks : int
    block_sessions : int
        Sessions of a block; even.

    Raises
    ------
    OutOfRange
    """

    n_blocks: int
    block_sessions: int

    def __post_init__(self) -> None:
        _hold_whole(self, "n_blocks", "block_sessions")
        if self.n_blocks < 1 or self.block_sessions < 2 or self.block_sessions % 2:
            raise OutOfRange(
                f"{self.n_blocks} blocks of {self.block_sessions} sessions; give 1 or more blocks of an even "
                "number of sessions"
            )

    @property
    def n_sessions(self) -> int:
        """Sessions of all blocks."""
        return self.n_blocks * self.block_sessions

    @property
    def n_assignments(self) -> int:
        """C(b, b / 2) ** n_blocks."""
        return int(comb(self.block_sessions, self.block_sessions // 2) ** self.n_blocks)

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_assignments."""
        return 1 / self.n_assignments

    def treated(self, ranks: Ranks) -> Treated:
        """Assignments of these numbers, shape (n_ranks, n_sessions)."""
        return _sequences(self).treated(ranks)

    def admits(self, treated: Treated) -> bool:
        """Whether half of every block is treated."""
        return _sequences(self).admits(treated)

    def plain(self) -> dict[str, Any]:
        """Kind, blocks and sessions of a block."""
        return {"kind": "block", "n_blocks": self.n_blocks, "block_sessions": self.block_sessions}

    def sequences(self) -> Sequences:
        """All sequences that the design allows, counted anew."""
        half = self.block_sessions // 2

        def after(state: tuple[int, int], treated: bool) -> tuple[int, int] | None:
            onward = (state[0] + 1, state[1] + treated)
            if onward[1] > half or onward[0] - onward[1] > half:
                return None
            return (0, 0) if onward[0] == self.block_sessions else onward

        return sequences(self.n_sessions, first=(0, 0), after=after, complete=lambda state: state == (0, 0))


@lru_cache(maxsize=32)
def _sequences(design: ReversalDesign | AlternatingDesign | BlockDesign) -> Sequences:
    """Counted once for each design: a simulation of its power asks thousands of times."""
    return design.sequences()


def _hold_whole(design: object, *names: str) -> None:
    """Make fields of a frozen design whole numbers."""
    for name in names:
        object.__setattr__(design, name, _whole([getattr(design, name)], name)[0])


def _whole(numbers: Iterable[object], name: str) -> tuple[int, ...]:
    found = []
    for number in numbers:
        if not isinstance(number, Real) or not float(number).is_integer():
            raise OutOfRange(f"{name} {number} is no whole number; count in sessions")
        found.append(int(float(number)))
    return tuple(found)
