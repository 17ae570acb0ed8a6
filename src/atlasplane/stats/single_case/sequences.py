"""Sequences of sessions with and without treatment that a rule allows: counted, numbered, told apart.

A rule is a table of states: what has gone before decides which session may follow. The number of ways in
which a sequence can go on is counted backwards from the last session, so that nothing is enumerated; the
same counts turn a number into its sequence (unranking; Nijenhuis & Wilf 1978, Combinatorial Algorithms).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Treated = NDArray[np.bool_]
Ranks = NDArray[Any]
"""Numbers 0 to n - 1 as int64, or as Python integers (dtype object) where int64 does not hold them."""

_WIDEST = 2**62
_NONE = -1

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sequences:
    """All sequences that a table of states allows.

    Attributes
    ----------
    following : int array, shape (n_states, 2)
        State after a session without and with treatment; -1 where the rule forbids it. State 0 is the start.
    ways : array, shape (n_sessions + 1, n_states)
        In how many ways a sequence in that state before that session can be completed.
    """

    following: NDArray[np.int64]
    ways: Ranks

    @property
    def count(self) -> int:
        """Number of sequences, exact."""
        return int(self.ways[0, 0])

    def treated(self, ranks: Ranks) -> Treated:
        """Sequences of these numbers in lexicographic order, shape (n_ranks, n_sessions); True is treated."""
        left = np.asarray(ranks).astype(self.ways.dtype)
        state = np.zeros(len(left), dtype=np.int64)
        found = np.empty((len(left), len(self.ways) - 1), dtype=bool)
        for session in range(found.shape[1]):
            untreated = self.following[state, 0]
            below = np.where(untreated != _NONE, self.ways[session + 1, untreated], 0)
            chosen = np.asarray(left >= below, dtype=bool)
            left = np.where(chosen, left - below, left)
            state = self.following[state, chosen.astype(np.int64)]
            found[:, session] = chosen
        return found

    def admits(self, treated: Treated) -> bool:
        """Whether a sequence, shape (n_sessions,), is one of these."""
        if len(treated) != len(self.ways) - 1:
            return False
        state = 0
        for session, own in enumerate(treated):
            state = int(self.following[state, int(own)])
            if state == _NONE or not self.ways[session + 1, state]:
                return False
        return True


def sequences(
    n_sessions: int,
    *,
    first: State,
    after: Callable[[State, bool], State | None],
    complete: Callable[[State], bool],
) -> Sequences:
    """Sequences of a rule.

    Parameters
    ----------
    n_sessions : int
    first : hashable
        What is known before the first session.
    after : callable
        State after a session, given the state before it and whether it is treated; None where forbidden.
    complete : callable
        Whether a sequence may end in that state.
    """
    states, following = _reached(first, after)
    ways = np.zeros((n_sessions + 1, len(states)), dtype=object)
    ways[-1] = [int(complete(state)) for state in states]
    for session in range(n_sessions - 1, -1, -1):
        on = np.where(following != _NONE, ways[session + 1][following], 0)
        ways[session] = on.sum(axis=1)
    total = ways[0, 0]
    # Ways from states that no sequence is in so early may exceed the total; they are never looked up.
    held = np.minimum(ways, total).astype(np.int64) if total < _WIDEST else ways
    return Sequences(following=following, ways=held)


def uniform_ranks(count: int, size: int, rng: np.random.Generator) -> Ranks:
    """Numbers 0 to count - 1, each as likely, shape (size,)."""
    if count < _WIDEST:
        return rng.integers(0, count, size=size)
    width = (count.bit_length() + 7) // 8
    return np.array([below(count, lambda: int.from_bytes(rng.bytes(width))) for _ in range(size)], object)


def rank_of_seed(count: int, seed: int) -> int:
    """A number 0 to count - 1 that follows from the seed alone.

    Taken from the raw stream of PCG64, which numpy keeps the same between versions, unlike that of a
    Generator's methods.
    """
    raw = np.random.PCG64(seed)
    n_words = (count.bit_length() + 63) // 64

    def drawn() -> int:
        number = 0
        for _ in range(n_words):
            number = (number << 64) | int(raw.random_raw())
        return number

    return below(count, drawn)


def below(count: int, drawn: Callable[[], int]) -> int:
    """The first of the drawn numbers, cut to as many bits as `count` has, that is less than it: unbiased."""
    mask = (1 << count.bit_length()) - 1
    while True:
        number = drawn() & mask
        if number < count:
            return number


def _reached(
    first: State, after: Callable[[State, bool], State | None]
) -> tuple[list[State], NDArray[np.int64]]:
    """States that can be reached, the first one first, and the table of what follows each."""
    states, number = [first], {first: 0}
    rows = []
    for state in states:
        row = []
        for treated in (False, True):
            onward = after(state, treated)
            if onward is not None and onward not in number:
                number[onward] = len(states)
                states.append(onward)
            row.append(_NONE if onward is None else number[onward])
        rows.append(row)
    return states, np.array(rows, dtype=np.int64)
