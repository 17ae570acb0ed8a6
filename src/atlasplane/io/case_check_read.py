"""A case read as far as it goes: what contradicts becomes a finding, so that `check` can say all at once.

What cannot be read at all is still an error: a damaged file has no finding that would help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from atlasplane.core.errors import AtlasplaneError, BadInput, WrongPatient
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.case_folder import birth_findings, read_case, read_case_file, visit_folders
from atlasplane.io.dicom_header import Person
from atlasplane.io.digest import sha256_of
from atlasplane.io.models import FilmTable, VisitFile
from atlasplane.io.observer_file import find_observers
from atlasplane.io.text_file import read_json
from atlasplane.io.visit_folder import VISIT_FILE, VisitRead, named_file, read_visit, read_visit_file
from atlasplane.sources.case import Case, Moment, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relief:
    """What is set aside of a film's table to read the rest, and how its finding is called."""

    code: str
    without: Mapping[str, object]


_RELIEFS = (
    _Relief(code="landmarks.unusable", without={"landmarks": None}),
    _Relief(code="film.marker_contradicts", without={"marker_at": None}),
    _Relief(code="film.header_contradicts", without={"ignore_header_orientation": True}),
)
CONTRADICTIONS = frozenset({relief.code for relief in _RELIEFS} | {"film.replaced", "film.other_patient"})
"""Codes of what another command refuses as bad input."""
_OF_ONE_DAY = {Moment.PRE: 0, Moment.SINGLE: 1, Moment.POST: 2}


def read_case_to_check(root: Path) -> Case:
    """A case in which contradictions stand as `stop` findings beside what could be read.

    Raises
    ------
    BadInput
        When a file cannot be read or is no case.
    """
    try:
        return read_case(root)
    except BadInput as fault:
        case = _piecewise(root, fault)
        if not any(found.code in CONTRADICTIONS for found in case.findings):
            raise
        return case


def _piecewise(root: Path, fault: BadInput) -> Case:
    table = read_case_file(root)
    people: list[tuple[str, Person]] = []
    visits: list[Visit] = []
    findings: list[Finding] = []
    for folder in visit_folders(root):
        visit_table = read_visit_file(folder)
        bare = read_visit(folder, visit_table.model_copy(update={"film": ()}), {})
        findings.extend(bare.findings)
        reads = [_film(folder, visit_table, film, findings) for film in visit_table.film]
        for read in (each for visit in reads for each in visit.films):
            findings.extend(read.findings)
            people += [(read.film.file, read.person)] if read.person is not None else []
        films = tuple(film for visit in reads for film in visit.visit.films)
        visits.append(replace(bare.visit, films=films))
    if isinstance(fault, WrongPatient):
        findings.append(_other_patient(fault))
    findings.extend(birth_findings(table.birth_year, people))
    return Case(
        id=table.id,
        pseudonym=table.pseudonym,
        folder=root,
        simulated=table.simulated,
        birth_year=table.birth_year,
        sex=table.sex,
        visits=tuple(sorted(visits, key=lambda visit: (visit.time, _OF_ONE_DAY[visit.moment]))),
        findings=tuple(findings),
        observers=find_observers(root).placings,
    )


def _film(folder: Path, table: VisitFile, film: FilmTable, findings: list[Finding]) -> VisitRead:
    """One film's part of the visit; raises what no relief explains."""
    fault: AtlasplaneError
    path = named_file(folder, film.file, name=f"{folder.name}/{VISIT_FILE}", where=film.file)
    digests = {path: sha256_of(path, name=f"{folder.name}/{film.file}")}

    def read(each: FilmTable) -> VisitRead:
        return read_visit(folder, table.model_copy(update={"film": (each,)}), digests)

    try:
        return read(film)
    except BadInput as wrong:
        fault = wrong
    for relief in _RELIEFS:
        try:
            found = read(film.model_copy(update=relief.without))
        except BadInput:
            continue
        findings.append(_contradiction(folder, film, relief, fault, digests[path]))
        return found
    raise fault


def _contradiction(
    folder: Path, film: FilmTable, relief: _Relief, fault: AtlasplaneError, sha256: str
) -> Finding:
    code = relief.code
    if code == "landmarks.unusable" and _was_replaced(folder, film, sha256):
        code = "film.replaced"
    return Finding(
        code=code,
        severity=Severity.STOP,
        file=f"{folder.name}/{film.file}",
        text=f"{fault.what}. {fault.remedy}",
        source="consistency of the case folder",
    )


def _was_replaced(folder: Path, film: FilmTable, sha256: str) -> bool:
    """Whether the landmark file speaks of other bytes than the film has."""
    try:
        content = read_json(folder / str(film.landmarks), name=str(film.landmarks))
    except BadInput:
        return False
    image = content.get("image") if isinstance(content, dict) else None
    return isinstance(image, dict) and image.get("sha256") not in (None, sha256)


def _other_patient(fault: WrongPatient) -> Finding:
    return Finding(
        code="film.other_patient",
        severity=Severity.STOP,
        file=fault.file,
        text=f"{fault.what}. {fault.remedy}",
        source="DICOM headers of the case, compared without being shown",
    )
