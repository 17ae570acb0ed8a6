"""One quantity over the visits of a case: each value with its change against the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.core.change import LEVEL, Change
from atlasplane.core.observation import Observation

FEWEST_VISITS = 3
"""Two visits are a comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """One visit of a series.

    Attributes
    ----------
    visit : str
        Its id.
    observation : Observation
    change : Change or None
        Against the first visit of the series, with its minimal detectable change; None for the first itself
        and where the kinds differ.
    """

    visit: str
    observation: Observation
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity at three or more visits, in time order; `key` is that of its observations."""

    key: str
    points: tuple[SeriesPoint, ...]

    @property
    def judged(self) -> tuple[Change, ...]:
        """Changes against the first visit whose verdict is known."""
        changes = [point.change for point in self.points if point.change is not None]
        return tuple(change for change in changes if change.distinguishable is not None)

    @property
    def beyond(self) -> int:
        """How many of them lie beyond their own minimal detectable change."""
        return sum(change.distinguishable is True for change in self.judged)


def series_of(measured: MeasuredCase, *, level: float = LEVEL) -> tuple[Series, ...]:
    """Series of everything that three visits or more have, in the order of first appearance.

    Parameters
    ----------
    measured : MeasuredCase
    level : float
        Confidence level of the minimal detectable changes.
    """
    own: dict[str, list[MeasuredVisit]] = {}
    for visit in measured.visits:
        for key in dict.fromkeys(o.key for o in visit.joint.observations):
            own.setdefault(key, []).append(visit)
    return tuple(
        Series(key=key, points=tuple(_points(key, visits, level)))
        for key, visits in own.items()
        if len(visits) >= FEWEST_VISITS
    )


def beyond_by_chance(judged: int, *, level: float = LEVEL) -> int:
    """How many of so many changes, judged one by one, lie beyond their limit where nothing changed."""
    return round(judged * (1 - level))


def _points(key: str, visits: Sequence[MeasuredVisit], level: float) -> Iterator[SeriesPoint]:
    first = visits[0]
    for visit in visits:
        observed = visit.joint.get(key)
        assert observed is not None  # the visits were chosen for having it
        change = None if visit is first else first.joint.change(key, visit.joint, level=level)
        yield SeriesPoint(visit=visit.visit.id, observation=observed, change=change)
