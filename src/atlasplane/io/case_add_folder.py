"""Adding what an archive exported: films and CT series find their places, the rest is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atlasplane.core.errors import BadInput, WrongPatient
from atlasplane.core.finding import Finding
from atlasplane.io.case_add import add_film
from atlasplane.io.case_add_volume import add_series
from atlasplane.io.case_folder import check_one_person, read_case_people
from atlasplane.io.dicom_folder import FoundSeries, sort_folder
from atlasplane.io.series_kind import SeriesKind
from atlasplane.io.visit_choice import VisitStamp


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedEntry:
    """One film, volume or left-out group of a folder.

    Attributes
    ----------
    kind : SeriesKind
    source : str
        Its first file, from the folder.
    count : int
        Number of files.
    what : str
        What it is, in words.
    file : str or None
        Where it went in the case; None where it was left out, or was only listed.
    reason : str or None
        Why it was left out; with `remedy`.
    remedy : str or None
    findings : tuple of Finding
    """

    kind: SeriesKind
    source: str
    count: int
    what: str
    file: str | None = None
    reason: str | None = None
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()


def list_folder(folder: Path) -> tuple[SortedEntry, ...]:
    """What a folder holds, without touching a case; raises BadInput."""
    return tuple(_listed(folder, each) for each in sort_folder(folder))


def add_folder(root: Path | str, folder: Path, *, visit: VisitStamp | None = None) -> tuple[SortedEntry, ...]:
    """Add every film whose view and sides its header tells, and every CT series; name the rest.

    What one file lacks does not stop the others. Whom the files speak of is checked before any is copied.

    Raises
    ------
    BadInput
        When the case or the folder cannot be read, or the folder holds no DICOM file.
    WrongPatient
        When the folder is of another person than the case, or of several; nothing is copied.
    OutputFailed
        When something cannot be written; what was added before stays whole.
    """
    found = sort_folder(folder)
    if not any(each.person for each in found):
        raise BadInput(
            folder.name, "holds no DICOM file", "Give the folder of an export, or a film by itself"
        )
    _check_people(Path(root), folder, found)
    return tuple(_added(Path(root), folder, each, visit) for each in found)


def _check_people(root: Path, folder: Path, found: Sequence[FoundSeries]) -> None:
    people = list(read_case_people(root).people)
    for each in found:
        if each.person is not None and each.kind is not SeriesKind.OTHER:
            name = each.files[0].relative_to(folder).as_posix()
            check_one_person([*people[:1], (name, each.person)])
            people.append((name, each.person))
    check_one_person(people)


def _added(root: Path, folder: Path, each: FoundSeries, visit: VisitStamp | None) -> SortedEntry:
    listed = _listed(folder, each)
    if listed.reason is not None:
        return listed
    try:
        if each.kind is SeriesKind.FILM:
            film = add_film(root, each.files[0], {}, visit=visit, take_hint=True)
            file, findings = film.file, film.findings
        else:
            volume = add_series(root, each.files, name=listed.source)
            file, findings = volume.file, volume.findings
    except WrongPatient:
        raise
    except BadInput as refused:
        return SortedEntry(
            kind=each.kind,
            source=listed.source,
            count=listed.count,
            what=listed.what,
            reason=refused.what,
            remedy=refused.remedy,
        )
    return SortedEntry(
        kind=each.kind,
        source=listed.source,
        count=listed.count,
        what=listed.what,
        file=file,
        findings=findings,
    )


def _listed(folder: Path, each: FoundSeries) -> SortedEntry:
    out = bool(each.remedy)
    return SortedEntry(
        kind=each.kind,
        source=each.files[0].relative_to(folder).as_posix(),
        count=len(each.files),
        what=each.what,
        reason=each.what if out else None,
        remedy=each.remedy if out else None,
    )
