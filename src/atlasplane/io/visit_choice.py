"""Which visit a new file belongs to: an existing one, or one to be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.case_new import visit_text
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.text_file import read_text
from atlasplane.io.visit_folder import VISIT_FILE
from atlasplane.sources.case import Case, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitStamp:
    """What a person says about the visit; what is None is found, taken from the header, or assumed and told.

    Attributes
    ----------
    id : str or None
        An existing visit, or the id of the new one.
    time : datetime with offset, or None
    phase : "baseline", "care", "follow-up" or None
    moment : "single", "pre", "post" or None
    observer : str or None
    """

    id: str | None = None
    time: datetime | None = None
    phase: str | None = None
    moment: str | None = None
    observer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPlace:
    """A visit's folder and the text of its visit.toml so far, and what had to be assumed."""

    id: str
    folder: Path
    text: str
    is_new: bool
    findings: tuple[Finding, ...] = ()


def visit_place(case: Case, stamp: VisitStamp, header: HeaderStatement | None, *, name: str) -> VisitPlace:
    """The visit that a file belongs to.

    Parameters
    ----------
    name : str
        How messages call the file.

    Raises
    ------
    BadInput
        When neither the person nor the header tells the visit, or several fit.
    """
    named = None if stamp.id is None else case.visit(stamp.id)
    if named is not None:
        return _existing(case, named)
    time = stamp.time or (header.time if header is not None else None)
    if time is None:
        what = (
            "neither a visit nor a time is stated"
            if stamp.id is None
            else f"there is no visit '{stamp.id}' yet"
        )
        raise BadInput(
            name, what, "Name a visit of the case, or give the time, as in 2026-03-02T09:10:00+01:00"
        )
    if time.tzinfo is None:
        raise BadInput(
            name, "the visit's time has no offset from UTC", "Add it, as in 2026-03-02T09:10:00+01:00"
        )
    same_day = [] if stamp.id is not None else _of_day(case.visits, time, stamp.moment)
    if len(same_day) > 1:
        ids = ", ".join(visit.id for visit in same_day)
        raise BadInput(name, f"{len(same_day)} visits fit ({ids})", "Name the one that is meant")
    if same_day:
        return _existing(case, same_day[0])
    assumed = header is not None and stamp.time is None and header.offset_assumed
    return _new(case, stamp, time, offset_assumed=assumed)


def _of_day(visits: Sequence[Visit], time: datetime, moment: str | None) -> list[Visit]:
    on_day = [visit for visit in visits if visit.time.date() == time.date()]
    return [visit for visit in on_day if moment in (None, visit.moment.value)]


def _existing(case: Case, visit: Visit) -> VisitPlace:
    folder = case.folder / visit.folder
    text = read_text(folder / VISIT_FILE, name=f"{visit.folder}/{VISIT_FILE}")
    return VisitPlace(id=visit.id, folder=folder, text=text, is_new=False)


def _new(case: Case, stamp: VisitStamp, time: datetime, *, offset_assumed: bool) -> VisitPlace:
    folder = _free_folder(case.folder, time.date().isoformat())
    id_ = stamp.id or _free_id(case.visits)
    phase = stamp.phase or ("care" if any(visit.time < time for visit in case.visits) else "baseline")
    content = {
        "id": id_,
        "time": time,
        "phase": phase,
        "moment": stamp.moment or "single",
        "observer": stamp.observer,
    }
    file = f"{folder.name}/{VISIT_FILE}"
    text = visit_text({key: value for key, value in content.items() if value is not None}, name=file)
    assumed = [] if stamp.phase else [f"phase = '{phase}'"]
    assumed += [] if stamp.moment else ["moment = 'single'"]
    assumed += [f"the offset of {time.isoformat()} (this computer's)"] if offset_assumed else []
    findings: tuple[Finding, ...] = ()
    if assumed:
        said = f"The new visit {id_} was made with {', '.join(assumed)}: correct that where it is wrong."
        findings = (Finding(code="visit.assumed", severity=Severity.INFO, file=file, text=said),)
    return VisitPlace(id=id_, folder=folder, text=text, is_new=True, findings=findings)


def _free_folder(root: Path, day: str) -> Path:
    names = [day, *(f"{day}-{n}" for n in range(2, 1000))]
    return next(root / name for name in names if not (root / name).exists())


def _free_id(visits: Sequence[Visit]) -> str:
    taken = {visit.id for visit in visits}
    return next(f"v{n}" for n in range(1, len(taken) + 2) if f"v{n}" not in taken)
