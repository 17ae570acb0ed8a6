"""Pre and post of one day, or one visit against another."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.chain.series import Series, series_of
from atlasplane.core.change import LEVEL, Change
from atlasplane.core.errors import BadInput
from atlasplane.sources.case import Moment, Phase


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparison:
    """Two measured visits of one case, the changes between them, and what the case's other visits add.

    Attributes
    ----------
    pre, post : MeasuredVisit
    changes : tuple of Change
    level : float
        Confidence level of the minimal detectable changes.
    series : tuple of Series
        Everything that three visits of the case or more have.
    """

    pre: MeasuredVisit
    post: MeasuredVisit
    changes: tuple[Change, ...]
    level: float
    series: tuple[Series, ...] = ()

    def change(self, key: str) -> Change | None:
        """The change of one observation key, or None."""
        return next((c for c in self.changes if c.pre.key == key), None)


def compare_visits(
    measured: MeasuredCase, *, pre: str | None = None, post: str | None = None, level: float = LEVEL
) -> Comparison:
    """Compare two visits.

    Parameters
    ----------
    measured : MeasuredCase
    pre, post : str, optional
        Visit ids. Default: the pre and post of the latest day that has both, else the first baseline against
        the last visit.
    level : float
        Confidence level of the minimal detectable change.

    Raises
    ------
    BadInput
        When an id is unknown, both are the same visit, or there are not two visits.
    """
    first, second = _pair(measured, pre, post)
    if first is second:
        raise BadInput(
            str(measured.case.folder),
            f"visit '{first.visit.id}' cannot be compared with itself",
            "Name two visits.",
        )
    return Comparison(
        pre=first,
        post=second,
        changes=first.joint.compare(second.joint, level=level),
        level=level,
        series=series_of(measured, level=level),
    )


def _pair(measured: MeasuredCase, pre: str | None, post: str | None) -> tuple[MeasuredVisit, MeasuredVisit]:
    visits = measured.visits
    if len(visits) < 2:
        raise BadInput(
            str(measured.case.folder),
            f"it has {len(visits)} visit(s) and two are needed",
            "Add the second visit's films.",
        )
    default_pre, default_post = _default_pair(visits)
    return _named(measured, pre) or default_pre, _named(measured, post) or default_post


def _default_pair(visits: tuple[MeasuredVisit, ...]) -> tuple[MeasuredVisit, MeasuredVisit]:
    for later in reversed(visits):
        if later.visit.moment is not Moment.POST:
            continue
        same_day = [
            v
            for v in visits
            if v.visit.moment is Moment.PRE and v.visit.time.date() == later.visit.time.date()
        ]
        if same_day:
            return same_day[0], later
    baseline = next((v for v in visits if v.visit.phase is Phase.BASELINE), visits[0])
    return baseline, visits[-1]


def _named(measured: MeasuredCase, id_: str | None) -> MeasuredVisit | None:
    if id_ is None:
        return None
    found = measured.visit(id_)
    if found is None:
        known = ", ".join(v.visit.id for v in measured.visits)
        raise BadInput(str(measured.case.folder), f"there is no visit '{id_}'", f"Its visits are: {known}.")
    return found
