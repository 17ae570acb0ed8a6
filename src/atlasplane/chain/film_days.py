"""Films that by the records are not of the visit's day or not of the person: they are not fitted together."""

from __future__ import annotations

from datetime import date, timedelta

from atlasplane.core.errors import BadInput
from atlasplane.pathways.alignment.film_fit_settings import fit_settings
from atlasplane.sources.case import Case, Visit
from atlasplane.sources.film import Radiograph

_OF_ANOTHER: dict[str, str] = {
    "film.birth_year": "its header tells another birth year than the case",
    "film.other_patient": "its header names another patient",
    "film.sex": "its header tells another sex than the case",
    "film.date": "its header tells another day than the visit",
}
"""What findings of the case say of a film, in words."""


def films_apart(case: Case) -> dict[str, str]:
    """Files that may be of another person or day, each with the reason.

    From the findings of the case and from the films' DICOM headers; a header that cannot be read says
    nothing here.
    """
    apart = {
        found.file: _OF_ANOTHER[found.code]
        for found in case.findings
        if found.file is not None and found.code in _OF_ANOTHER
    }
    for visit in case.visits:
        if len(visit.films) > 1:
            apart |= {film.file: why for film in visit.films if (why := _other_day(case, visit, film))}
    return apart


def _other_day(case: Case, visit: Visit, film: Radiograph) -> str:
    """Why a film is of another day than its visit; empty where it is not, or nobody says."""
    day = _taken(case, film)
    if day is None:
        return ""
    most = timedelta(days=fit_settings().limits["date_days"].value)
    off = visit.time.date() - day
    if abs(off) <= most:
        return ""
    return f"its header dates it {abs(off.days)} days {'before' if off.days > 0 else 'after'} the visit"


def _taken(case: Case, film: Radiograph) -> date | None:
    from atlasplane.io.film_facts import film_header  # where it is used: it brings the decoders of pictures

    path = case.folder / film.file
    if not path.is_file():
        return None
    try:
        header = film_header(path, name=film.file)
    except BadInput:
        return None
    if header is None:
        return None
    return header.acquired.date() if header.acquired is not None else header.study_day
