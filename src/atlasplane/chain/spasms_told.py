"""What is told of spasm beside what is recorded: scales and the diary of a visit, as observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Observation
from atlasplane.pathways.spasm.diary import DiaryDay, diary_observations
from atlasplane.pathways.spasm.scales import scale_grades, scales
from atlasplane.sources.answers import Answers
from atlasplane.sources.case import Case, Visit

DIARY_FILE = "diary.csv"
ITEMS: Mapping[str, tuple[str, ...]] = {
    "penn": ("penn_frequency", "penn_severity"),
    "psfs_penn": ("penn_frequency", "penn_severity"),
    "scats": ("scats_clonus", "scats_flexor", "scats_extensor"),
    "spasm_nrs": ("spasm_nrs",),
    "spasm_frequency_score": ("spasm_frequency_score",),
}
"""Scales behind the numbered items of an instrument; answers may also be named by the scale's id.

A hyphen may stand for each underscore: ids of FHIR have none.
"""


def told_observations(case: Case, visit: Visit) -> tuple[Observation, ...]:
    """Scales answered at a visit, and the diary of the days since the one before.

    The diary's days belong to the visit that ends them: those after the day of the visit before, up to the
    day of this one; those before the first visit belong to it. Days after the last visit wait for the next.

    Raises
    ------
    BadInput
        When an answer is no level of its scale or its scale was to be skipped, or the diary contradicts
        itself.
    """
    grades = (grade for each in visit.responses for grade in _grades(each, visit))
    return (*grades, *_diary(case, visit))


def _grades(given: Answers, visit: Visit) -> Iterable[Observation]:
    instrument = _plain(given.instrument)
    items = {str(n): id_ for n, id_ in enumerate(ITEMS.get(instrument, ()), 1)}
    named = {}
    for item, answer in given.answers.items():
        plain = _plain(item)
        id_ = items.get(plain.removeprefix(instrument).strip("/._"), plain)
        if id_ in scales():
            named[id_] = answer
    observer = () if visit.observer is None else (visit.observer,)
    return scale_grades(named, file=given.file, visit=visit.id, observer=observer)


def _plain(word: str) -> str:
    return word.strip("/").lower().replace("-", "_")


def _diary(case: Case, visit: Visit) -> tuple[Observation, ...]:
    if not case.diary:
        return ()
    before = [own.time.date() for own in case.visits if own.time < visit.time]
    last = visit.time.date()
    first = None if not before else before[-1] + timedelta(days=1)
    if first is not None and first > last:
        return ()
    days = tuple(_days(case.diary))
    return diary_observations(days, file=DIARY_FILE, visit=visit.id, first=first, last=last)


def _days(rows: Sequence[Mapping[str, str]]) -> Iterator[DiaryDay]:
    for n, row in enumerate(rows, start=2):
        spasms = _number(row, "spasms", n)
        if spasms is not None and spasms != int(spasms):
            raise BadInput(DIARY_FILE, f"row {n}: spasms is '{row['spasms']}'", "Enter a whole number")
        yield DiaryDay(
            day=_day(row, n),
            spasms=None if spasms is None else int(spasms),
            minutes=_number(row, "minutes", n),
            nrs=_number(row, "nrs", n),
        )


def _day(row: Mapping[str, str], n: int) -> date:
    try:
        return date.fromisoformat((row.get("date") or "").strip())
    except ValueError as fault:
        remedy = "Write the date as 2026-03-02"
        raise BadInput(DIARY_FILE, f"row {n}: '{row.get('date')}' is no date", remedy) from fault


def _number(row: Mapping[str, str], column: str, n: int) -> float | None:
    """A cell as a number; None where it is empty."""
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError as fault:
        raise BadInput(DIARY_FILE, f"row {n}: {column} is '{text}'", "Enter a number, or nothing") from fault
