"""What is told of spasm beside what is recorded: scales and the diary of a visit, as observations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.observation import Observation
from atlasplane.pathways.spasm.diary import DiaryDay, diary_observations
from atlasplane.pathways.spasm.scales import BadAnswer, scale_grades, scales, scats_level
from atlasplane.sources.answers import Answer, Answers
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
_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("deg", "°", "degree", "degrees"), "deg"),
}
"""Units that a reflex is measured in, as they are written."""


def told_observations(case: Case, visit: Visit) -> tuple[Observation, ...]:
    """Scales answered at a visit, and the diary of the days since the one before.

    The diary's days belong to the visit that ends them: those after the day of the visit before, up to the
    day of this one; those before the first visit belong to it. Days after the last visit wait for the next.

    Raises
    ------
    BadInput
        When an answer is no level of its scale or its scale was to be skipped, a scale is answered twice, or
        the diary contradicts itself.
    """
    grades = [grade for each in visit.responses for grade in _grades(each, visit)]
    by_key: dict[str, Observation] = {}
    for grade in grades:
        first = by_key.setdefault(grade.key, grade)
        if first is not grade:
            what = f"answers {grade.quantity.id}, which {first.source[0]} of the same visit answers too"
            raise BadAnswer(grade.source[0], what, "Leave one of them out of visit.toml")
    return (*grades, *_diary(case, visit))


def told_findings(visit: Visit) -> tuple[Finding, ...]:
    """Answers to the instruments of `ITEMS` that are no item of their scales, so that none is lost unseen."""
    return tuple(finding for each in visit.responses for finding in _unused(each))


def _unused(given: Answers) -> Iterator[Finding]:
    items = [
        item
        for item, answer in given.answers.items()
        if answer is not None and _scale_of(item, given) is None
    ]
    if _plain(given.instrument) in ITEMS and items:
        yield Finding(
            code="spasm.answer_unused",
            severity=Severity.WARN,
            file=given.file,
            value=float(len(items)),
            text=f"Answers that belong to no scale of '{given.instrument}' and are not used: "
            f"{', '.join(items[:20])}",
        )


def _scale_of(item: str, given: Answers) -> str | None:
    """Id of the scale that an item answers, by its number or by its name."""
    instrument, plain = _plain(given.instrument), _plain(item)
    items = {str(n): id_ for n, id_ in enumerate(ITEMS.get(instrument, ()), 1)}
    id_ = items.get(plain.removeprefix(instrument).strip("/._"), plain)
    return id_ if id_ in scales() else None


def _grades(given: Answers, visit: Visit) -> Iterable[Observation]:
    named: dict[str, Answer] = {}
    for item, answer in given.answers.items():
        id_ = _scale_of(item, given)
        if id_ is None or answer is None:
            continue
        if id_ in named:
            raise BadAnswer(given.file, f"answers {id_} twice, once as '{item}'", "Leave one of them out")
        named[id_] = _level(id_, answer, given.units.get(item, ""), given.file)
    observer = () if visit.observer is None else (visit.observer,)
    return scale_grades(named, file=given.file, visit=visit.id, observer=observer)


def _level(id_: str, answer: Answer, unit: str, file: str) -> Answer:
    """The level of what was measured in seconds or degrees; a number without a unit is a level itself."""
    # In UCUM, 1 and braces mean a bare number: "{score}".
    if unit in ("", "1") or (unit.startswith("{") and unit.endswith("}")):
        return answer
    measured = scales()[id_].measured
    if measured is None or _UNITS.get(unit.lower()) != measured.unit or not isinstance(answer, int | float):
        remedy = "Enter a level of the scale" + (
            "" if measured is None else f", or what it is in {measured.unit}"
        )
        raise BadAnswer(file, f"{id_} = {answer} {unit}: the scale has no such unit", remedy)
    return scats_level(id_, float(answer), file=file)


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
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(DIARY_FILE, f"row {n}: {column} is '{text}'", "Enter a number, or nothing")
    return value
