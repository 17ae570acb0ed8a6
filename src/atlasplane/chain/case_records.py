"""What a case's records say against each other: dates, order, views, sides, persons, copies of films."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.alignment.film_layout import film_plane
from atlasplane.pathways.alignment.limits import limits
from atlasplane.sources.case import Case, Moment, Visit
from atlasplane.sources.film import Radiograph
from atlasplane.sources.film_header import FilmHeader

Headers = Mapping[str, FilmHeader]
"""Headers of the case's DICOM films, by the film's path."""

SOURCE = "consistency of the case's records"
_PLANE_OF = dict.fromkeys(("AP", "PA"), "coronal") | dict.fromkeys(
    ("LL", "RL", "LLD", "RLD", "LAT", "LATERAL"), "sagittal"
)
"""Plane that a header's view position speaks of."""
_NOT_NECK = (
    "CHEST",
    "ABDOMEN",
    "PELVIS",
    "HAND",
    "FOOT",
    "KNEE",
    "SHOULDER",
    "HIP",
    "BREAST",
    "ANKLE",
    "WRIST",
)
_AHEAD = timedelta(days=1)
"""Clocks and time zones may differ by this much before a time lies in the future."""


def record_findings(case: Case, headers: Headers, now: datetime) -> Iterator[Finding]:
    """Everything that dates, headers and files say against each other.

    Parameters
    ----------
    now : datetime with offset
    """
    for visit in case.visits:
        yield from _future(visit, now)
        for film in visit.films:
            header = headers.get(film.file)
            if header is not None:
                yield from _dates(visit, film, header)
                yield from _view(film, header)
                yield from _beam(film, header)
                yield from _laterality(film, header)
                yield from _sex(case, film, header)
    yield from _visit_order(case)
    yield from _film_order(case, headers)
    yield from _same_exposure(case, headers)


def _found(
    code: str,
    severity: Severity,
    file: str,
    text: str,
    *,
    value: float | None = None,
    limit: float | None = None,
    source: str = SOURCE,
) -> Finding:
    return Finding(
        code=code, severity=severity, file=file, value=value, limit=limit, text=text, source=source
    )


def _future(visit: Visit, now: datetime) -> Iterator[Finding]:
    ahead = visit.time - now
    if ahead > _AHEAD:
        yield _found(
            "visit.future",
            Severity.WARN,
            f"{visit.folder}/visit.toml",
            f"The visit's time lies {ahead.days} days ahead of this computer's clock (limit 1 day)",
            value=ahead / _AHEAD,
            limit=1.0,
        )


def _dates(visit: Visit, film: Radiograph, header: FilmHeader) -> Iterator[Finding]:
    day = header.acquired.date() if header.acquired is not None else header.study_day
    if day is None:
        return
    apart = (visit.time.date() - day).days
    if abs(apart) > 1:
        yield _found(
            "film.date",
            Severity.WARN,
            film.file,
            f"The DICOM header dates the film {abs(apart)} days {'before' if apart > 0 else 'after'} its "
            "visit (limit 1 day): is it this visit's film?",
            value=float(apart),
            limit=1.0,
        )


def _view(film: Radiograph, header: FilmHeader) -> Iterator[Finding]:
    plane = film_plane(film.view.value)
    said = _PLANE_OF.get(header.view_position or "", "")
    if said and plane in ("coronal", "sagittal") and said != plane:
        yield _found(
            "header.view",
            Severity.STOP,
            film.file,
            f"Declared {film.view.value}, but the DICOM header says view position {header.view_position}",
        )
    part = next((each for each in _NOT_NECK if header.body_part and each in header.body_part), None)
    if part is not None and "full" not in film.view.value:
        yield _found(
            "header.body_part",
            Severity.WARN,
            film.file,
            f"The DICOM header says body part {part.lower()}: is it a film of this neck?",
        )


def _beam(film: Radiograph, header: FilmHeader) -> Iterator[Finding]:
    """Positioner angles: the primary one goes round the patient, the secondary one is cranial +."""
    around, cranial = header.positioner_deg
    plane = film_plane(film.view.value)
    if around is not None and plane in ("coronal", "sagittal"):
        # 0 and 180 look through the patient from front or back, +-90 from the side.
        off = abs(abs(around) - 90) if plane == "sagittal" else min(abs(around), 180 - abs(around))
        if off > limits()["layout.turned"].value:
            yield _found(
                "header.view",
                Severity.STOP,
                film.file,
                f"Declared {film.view.value}, but the DICOM header turns the beam to {around:.0f} deg round "
                f"the patient, {off:.0f} deg off (limit {limits()['layout.turned'].value:g} deg)",
                value=off,
                limit=limits()["layout.turned"].value,
            )
    limit = limits()["header.beam"]
    if cranial is not None and film.technique is not None and plane == "coronal":
        off = film.technique.tube_deg + cranial
        if abs(off) > limit.value:
            yield _found(
                "header.tube",
                Severity.WARN,
                film.file,
                f"tube_deg = {film.technique.tube_deg:g} caudad, but the DICOM header says {-cranial:g} "
                f"caudad ({off:+.1f} deg apart, limit {limit.value:g} deg, {limit.tag})",
                value=off,
                limit=limit.value,
                source=limit.source,
            )


def _laterality(film: Radiograph, header: FilmHeader) -> Iterator[Finding]:
    declared = {"blair-right": "R", "blair-left": "L"}.get(film.view.value)
    if declared and header.laterality in ("R", "L") and header.laterality != declared:
        yield _found(
            "header.laterality",
            Severity.STOP,
            film.file,
            f"Declared {film.view.value}, but the DICOM header says laterality {header.laterality}",
        )


def _sex(case: Case, film: Radiograph, header: FilmHeader) -> Iterator[Finding]:
    if header.sex is not None and case.sex in ("female", "male") and header.sex not in (case.sex, "other"):
        yield _found(
            "film.sex",
            Severity.WARN,
            film.file,
            "The sex in the DICOM header is not that of case.toml: is it the right person?",
        )


def _visit_order(case: Case) -> Iterator[Finding]:
    """A post visit comes after the pre visit of its day."""
    for post in (visit for visit in case.visits if visit.moment is Moment.POST):
        same_day = [v for v in case.visits if v.moment is Moment.PRE and v.time.date() == post.time.date()]
        for pre in same_day:
            if post.time <= pre.time:
                minutes = (pre.time - post.time).total_seconds() / 60
                yield _found(
                    "visit.order",
                    Severity.STOP,
                    f"{post.folder}/visit.toml",
                    f"The post visit is timed {minutes:.0f} min before the pre visit {pre.id} of its day: "
                    "were the two exchanged?",
                    value=-minutes,
                    limit=0.0,
                )


def _film_order(case: Case, headers: Headers) -> Iterator[Finding]:
    """Films of one view were exposed in the order of their visits."""
    taken: dict[str, tuple[datetime, str]] = {}
    for visit in case.visits:
        for film in visit.films:
            header = headers.get(film.file)
            if header is None or header.acquired is None:
                continue
            before = taken.get(film.view.value)
            if before is not None and header.acquired < before[0]:
                yield _found(
                    "film.order",
                    Severity.STOP,
                    film.file,
                    f"By the DICOM headers it was exposed before {before[1]}, a film of an earlier visit: "
                    "were pre and post exchanged?",
                    value=(header.acquired - before[0]).total_seconds() / 60,
                    limit=0.0,
                )
            else:
                taken[film.view.value] = header.acquired, film.file


def _same_exposure(case: Case, headers: Headers) -> Iterator[Finding]:
    """One exposure exported twice; the same bytes are another finding's."""
    first: dict[bytes, Radiograph] = {}
    for film in (film for visit in case.visits for film in visit.films):
        token = headers[film.file].exposure_token if film.file in headers else None
        if token is None:
            continue
        other = first.setdefault(token, film)
        if other is not film and other.sha256 != film.sha256:
            yield _found(
                "film.same_exposure",
                Severity.WARN,
                film.file,
                f"Its DICOM header names the same exposure as {other.file}: two copies are one film",
            )
