"""A diary of spasms as observations: spasms, minutes and intensity a day."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Count, Measurement, Observation
from atlasplane.core.quantity import quantity
from atlasplane.pathways.spasm.estimates import dispersion_of

_DAY_MINUTES = 1440.0
_MOST_NRS = 10.0


class BadDiary(BadInput):
    """A diary that contradicts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryDay:
    """One row of a diary; None where nothing was entered.

    Attributes
    ----------
    day : date
    spasms : int or None
    minutes : float or None
        In spasm.
    nrs : float or None
        Intensity, 0 to 10.
    """

    day: date
    spasms: int | None = None
    minutes: float | None = None
    nrs: float | None = None


def diary_observations(
    days: Iterable[DiaryDay],
    *,
    file: str,
    visit: str,
    first: date | None = None,
    last: date | None = None,
) -> tuple[Observation, ...]:
    """What a diary says between two days: spasms a day, minutes a day, intensity.

    Days without an entry are left out: a day that was forgotten is no day without spasm.

    Parameters
    ----------
    days : iterable of DiaryDay
    file : str
        Name for messages and provenance.
    visit : str
        Id of the visit that they are entered for.
    first, last : date, optional
        Days before and after are not looked at.

    Raises
    ------
    BadDiary
        When a day stands twice, an entry is impossible, or minutes are noted of a day without spasm.
    """
    rows = sorted(
        (row for row in days if (first is None or row.day >= first) and (last is None or row.day <= last)),
        key=lambda row: row.day,
    )
    _check(rows, file)
    found: list[Observation] = []
    counts = [row.spasms for row in rows if row.spasms is not None]
    if counts:
        found.append(_count(counts, file=file, visit=visit))
    for id_, entry in _MEANS:
        values = [value for row in rows if (value := entry(row)) is not None]
        if values:
            found.append(_mean(id_, values, file=file, visit=visit))
    return tuple(found)


_MEANS: tuple[tuple[str, Callable[[DiaryDay], float | None]], ...] = (
    ("diary_minutes", lambda row: row.minutes),
    ("diary_nrs", lambda row: row.nrs),
)


def _count(counts: Sequence[int], *, file: str, visit: str) -> Count:
    entry = quantity("diary_spasms")
    return Count(
        quantity=entry,
        visit=visit,
        method="diary-count/1",
        tag=entry.tag,
        source=(file,),
        provenance={"days": str(len(counts))},
        n=sum(counts),
        exposure=float(len(counts)),
        exposure_unit="d",
        dispersion=dispersion_of(np.asarray(counts)),
    )


def _mean(id_: str, values: Sequence[float], *, file: str, visit: str) -> Measurement:
    """Mean of the days with its standard error; u None where a single day, or equal days, tell none."""
    entry, n = quantity(id_), len(values)
    u = float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return Measurement(
        quantity=entry,
        visit=visit,
        method="diary-mean/1",
        tag=entry.tag,
        source=(file,),
        provenance={"days": str(n)},
        value=float(np.mean(values)),
        u=u if u > 0 else None,
        dof=n - 1 if u > 0 else math.inf,
    )


def _check(rows: Sequence[DiaryDay], file: str) -> None:
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.day == row.day:
            raise BadDiary(file, f"{row.day} stands twice", "Keep one row a day")
        wrong = _wrong(row)
        if wrong:
            raise BadDiary(file, f"{row.day}: {wrong}", "Correct the entry, or leave it empty")


def _wrong(row: DiaryDay) -> str | None:
    """What is wrong with a day."""
    if row.spasms is not None and row.spasms < 0:
        return f"{row.spasms} spasms"
    if row.minutes is not None and not 0 <= row.minutes <= _DAY_MINUTES:
        return f"{row.minutes:g} minutes of a day of 1440"
    if row.nrs is not None and not 0 <= row.nrs <= _MOST_NRS:
        return f"an intensity of {row.nrs:g} on a scale of 0 to 10"
    if row.spasms == 0 and row.minutes:
        return f"{row.minutes:g} minutes in spasm, but no spasm"
    return None
