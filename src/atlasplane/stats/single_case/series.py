"""A single-case series: one value for each session, and the phase that the session lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atlasplane.stats.checks import Array, same_length, vector
from atlasplane.stats.refusal import Duplicate, OutOfOrder, OutOfRange, TooFew, WrongShape
from atlasplane.stats.single_case.ties import rounding, tied


class Improvement(Enum):
    """Which way the values move when the person gets better; there is no default."""

    INCREASE = "increase"
    DECREASE = "decrease"

    @property
    def sign(self) -> int:
        """+1 or -1: a change times the sign is + for the better."""
        return 1 if self is Improvement.INCREASE else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Sessions of one phase without a break: indices start, start + 1, ..., stop - 1 of the series."""

    label: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhasedSeries:
    """Values of one case in the order of its sessions; valid once constructed.

    Attributes
    ----------
    values : array, shape (n_sessions,)
        In the unit of the quantity; finite. Read-only, as `sessions` is.
    phases : tuple of str, length n_sessions
        Label of the phase of each session, e.g. "A" or "B". A label may return (ABAB).
    sessions : array, shape (n_sessions,)
        When, strictly increasing: the number of the session, or days.
    baseline : str
        Label of the phase without treatment; every other label is a treatment.

    Raises
    ------
    NotFinite, WrongShape, TooFew
    OutOfOrder
        When sessions go back in time.
    Duplicate
        When two values have one session.
    OutOfRange
        When no session lies in the baseline.
    """

    values: Array
    phases: tuple[str, ...]
    sessions: Array
    baseline: str

    def __post_init__(self) -> None:
        values, sessions = vector(self.values, "values"), vector(self.sessions, "sessions")
        same_length(values=values, sessions=sessions)
        if len(self.phases) != len(values):
            raise WrongShape(
                f"{len(self.phases)} phase labels for {len(values)} values; give both for every session"
            )
        _increasing(sessions)
        if self.baseline not in self.phases:
            raise OutOfRange(
                f"no session lies in the baseline {self.baseline!r}; phases are {sorted(set(self.phases))}"
            )
        values.flags.writeable = sessions.flags.writeable = False
        for name, held in (("values", values), ("sessions", sessions), ("phases", tuple(self.phases))):
            object.__setattr__(self, name, held)

    @property
    def n_sessions(self) -> int:
        """Number of sessions."""
        return len(self.values)

    @property
    def comparable(self) -> Array:
        """Shape (n_sessions,): the values, those equal but for rounding made equal, to be put in order."""
        return tied(self.values, rounding(self.values))

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Shape (n_sessions,): whether the session lies in another phase than the baseline."""
        return np.array([label != self.baseline for label in self.phases])

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Phases in the order in which they were gone through; an ABAB series has four."""
        found, start = [], 0
        for label, run in groupby(self.phases):
            stop = start + sum(1 for _ in run)
            found.append(Stretch(label=label, start=start, stop=stop))
            start = stop
        return tuple(found)

    def of(self, label: str) -> Array:
        """Values of all sessions with that label, in order; empty where there is none."""
        return self.values[[own == label for own in self.phases]]

    def part(self, first: int, last: int) -> PhasedSeries:
        """The series of stretches `first` to `last`, both included: ``part(2, 3)`` is the second AB of ABAB.

        Raises
        ------
        OutOfRange
            When there is no such stretch, or none of them is baseline.
        """
        stretches = self.stretches
        if not 0 <= first <= last < len(stretches):
            raise OutOfRange(f"stretches {first} to {last}: the series has {len(stretches)}, counted from 0")
        own = slice(stretches[first].start, stretches[last].stop)
        return PhasedSeries(
            values=self.values[own],
            phases=self.phases[own],
            sessions=self.sessions[own],
            baseline=self.baseline,
        )

    def ab(self, *, at_least: int = 1) -> tuple[Array, Array]:
        """Values of baseline and treatment of a series of two phases, each of at least so many sessions.

        Raises
        ------
        OutOfOrder
            When the series has other phases than one baseline and one treatment after it.
        TooFew
        """
        stretches = self.stretches
        if len(stretches) != 2 or stretches[0].label != self.baseline:
            told = "-".join(str(run.label) for run in stretches)
            raise OutOfOrder(
                f"phases {told}: one baseline {self.baseline!r} and one "
                "treatment after it are needed; take such a part of the series with part(first, last)"
            )
        before, after = (self.values[run.start : run.stop] for run in stretches)
        for label, phase in zip((run.label for run in stretches), (before, after), strict=True):
            if len(phase) < at_least:
                raise TooFew(f"phase {label!r} has {len(phase)} sessions; {at_least} or more are needed")
        return before, after


def phased_series(
    values: ArrayLike, phases: Sequence[str], *, baseline: str, sessions: ArrayLike | None = None
) -> PhasedSeries:
    """A series from plain rows; without `sessions` they are numbered 1, 2, ... (equally spaced).

    Raises
    ------
    NotFinite, WrongShape, TooFew, OutOfOrder, Duplicate, OutOfRange
        See `PhasedSeries`.
    """
    row = vector(values, "values")
    when = np.arange(1, len(row) + 1) if sessions is None else sessions
    return PhasedSeries(
        values=row, phases=tuple(phases), sessions=vector(when, "sessions"), baseline=baseline
    )


def ab_series(
    baseline: ArrayLike, treatment: ArrayLike, *, sessions: ArrayLike | None = None
) -> PhasedSeries:
    """A series of a baseline "A" and a treatment "B" after it; sessions as in `phased_series`.

    Raises
    ------
    NotFinite, WrongShape, TooFew, OutOfOrder, Duplicate
    """
    before, after = vector(baseline, "baseline"), vector(treatment, "treatment")
    labels = ("A",) * len(before) + ("B",) * len(after)
    return phased_series(np.concatenate([before, after]), labels, baseline="A", sessions=sessions)


def _increasing(sessions: Array) -> None:
    steps = np.diff(sessions)
    if (steps < 0).any():
        raise OutOfOrder("sessions go back in time; sort values, phases and sessions together")
    if (steps == 0).any():
        raise Duplicate(
            f"session {sessions[:-1][steps == 0][0]:g} has two values; choose one or average them yourself"
        )
