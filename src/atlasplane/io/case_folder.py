"""A case folder, read whole: case.toml, volumes, visits in time order, and what does not fit together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path

import numpy as np

from atlasplane.core.errors import BadInput, WrongPatient
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.dicom_header import Person
from atlasplane.io.digest import sha256_of, sha256_of_folder, unreadable
from atlasplane.io.faults import validated
from atlasplane.io.landmark_file import MarkedImage, read_landmarks
from atlasplane.io.models import CASE_SCHEMA, CaseFile, VisitFile, VolumeTable
from atlasplane.io.models_records import CARE_COLUMNS, DIARY_COLUMNS
from atlasplane.io.observer_file import ObserversRead, find_observers
from atlasplane.io.plan_tables import plan_choice
from atlasplane.io.records_file import read_rows
from atlasplane.io.text_file import checked_schema, read_toml
from atlasplane.io.visit_folder import VISIT_FILE, VisitRead, named_file, read_visit, read_visit_file
from atlasplane.io.volume_bones import volume_bones
from atlasplane.io.volume_file import open_volume
from atlasplane.io.volume_grid import Grid
from atlasplane.sources.case import Case, Moment, Visit
from atlasplane.sources.reading import Reading
from atlasplane.sources.volume import Volume

CASE_FILE = "case.toml"
VISIT_FOLDER = re.compile(r"(\d{4}-\d{2}-\d{2})(-\d+)?")

_OF_ONE_DAY = {Moment.PRE: 0, Moment.SINGLE: 1, Moment.POST: 2}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CaseRead:
    """A case, and whom the header of each file speaks of."""

    case: Case
    people: tuple[tuple[str, Person], ...]


def read_case(folder: Path | str) -> Case:
    """A case with its visits in time order; no pixel is decoded.

    Raises
    ------
    BadInput
        When something cannot be read or contradicts itself; the message names file, fault and remedy.
    WrongPatient
        When two of its files are of different people.
    """
    return read_case_people(Path(folder)).case


def read_case_people(root: Path) -> CaseRead:
    """A case, and whom its files speak of, to hold a further file against them; raises as `read_case`."""
    table = read_case_file(root)
    reads = _read_visits(root)
    volumes, people, bone_findings = _read_volumes(root, table)
    people += [told for read in reads for told in read.people]
    check_one_person(people)
    visits = tuple(read.visit for read in reads)
    observers = find_observers(root)
    findings = (
        *(finding for read in reads for finding in read.findings),
        *birth_findings(table.birth_year, people),
        *_same_file_findings(visits),
        *_volume_findings(volumes, visits),
        *bone_findings,
        *observers.findings,
    )
    case = _case(root, table, visits, volumes, observers, findings)
    return CaseRead(case=case, people=tuple(people))


def read_case_file(root: Path) -> CaseFile:
    """case.toml of a case folder.

    Raises
    ------
    BadInput
        When the folder cannot be read, or is no case.
    """
    try:
        names = {path.name for path in root.iterdir()}
    except OSError as fault:
        raise unreadable(str(root), fault) from fault
    if CASE_FILE not in names:
        raise BadInput(
            str(root), f"holds no {CASE_FILE}", "Name a case folder, or make one with: atlasplane new"
        )
    content = read_toml(root / CASE_FILE, name=CASE_FILE)
    return validated(CaseFile, checked_schema(content, CASE_SCHEMA, name=CASE_FILE), name=CASE_FILE)


def visit_folders(root: Path) -> tuple[Path, ...]:
    """The visits' folders, by name.

    Raises
    ------
    BadInput
        When a folder is named for a visit and is none, or the other way round.
    """
    try:
        below = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
        return tuple(path for path in below if _is_visit(path))
    except OSError as fault:
        raise unreadable(str(root), fault) from fault


def digests_of(paths: Sequence[Path], names: Sequence[str]) -> dict[Path, str]:
    """SHA-256 of each file; several at a time, as hashing leaves the processor's other cores free."""
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        jobs = [
            pool.submit(partial(sha256_of, path, name=name)) for path, name in zip(paths, names, strict=True)
        ]
        return {path: job.result() for path, job in zip(paths, jobs, strict=True)}


def check_one_person(people: Iterable[tuple[str, Person]]) -> None:
    """Refuse files of different people; raises WrongPatient with their names, and nobody's."""
    known = list(people)
    for n, (file, person) in enumerate(known):
        for other_file, other in known[:n]:
            if person.differs_from(other):
                raise WrongPatient(
                    file,
                    f"is of another patient than {other_file} (the headers' patient id or birth date)",
                    "Remove the one that does not belong to this case",
                )


def _case(
    root: Path,
    table: CaseFile,
    visits: tuple[Visit, ...],
    volumes: tuple[Volume, ...],
    observers: ObserversRead,
    findings: tuple[Finding, ...],
) -> Case:
    return Case(
        id=table.id,
        pseudonym=table.pseudonym,
        folder=root,
        diary=_diary(root),
        simulated=table.simulated,
        birth_year=table.birth_year,
        sex=table.sex,
        consents=dict(table.consents),
        visits=visits,
        volumes=volumes,
        observers=observers.placings,
        plan=plan_choice(root, table.plan),
        findings=findings,
    )


def _is_visit(path: Path) -> bool:
    named, filled = VISIT_FOLDER.fullmatch(path.name), (path / VISIT_FILE).is_file()
    if named is None:
        if filled:
            raise BadInput(
                path.name, f"holds a {VISIT_FILE}, but is not named for a date", "Rename it to YYYY-MM-DD[-n]"
            )
        return False
    try:
        date.fromisoformat(named[1])
    except ValueError as fault:
        raise BadInput(
            path.name, "is named for a date that does not exist", "Rename it to YYYY-MM-DD[-n]"
        ) from fault
    if not filled:
        raise BadInput(
            path.name, f"holds no {VISIT_FILE}", f"Write its {VISIT_FILE}, or move the folder out of the case"
        )
    return True


def _read_visits(root: Path) -> list[VisitRead]:
    tables = [(folder, read_visit_file(folder)) for folder in visit_folders(root)]
    _check_visit_ids(tables)
    paths: list[Path] = []
    for folder, table in tables:
        paths += _image_paths(folder, table)
    digests = digests_of(paths, [f"{path.parent.name}/{path.name}" for path in paths])
    reads = [read_visit(folder, table, digests) for folder, table in tables]
    return sorted(reads, key=lambda read: (read.visit.time, _OF_ONE_DAY[read.visit.moment]))


def _check_visit_ids(tables: Sequence[tuple[Path, VisitFile]]) -> None:
    first: dict[str, str] = {}
    for folder, table in tables:
        if table.id in first:
            what = f"visit id '{table.id}' is also that of {first[table.id]}/{VISIT_FILE}"
            raise BadInput(f"{folder.name}/{VISIT_FILE}", what, "Give every visit an id of its own")
        first[table.id] = folder.name


def _image_paths(folder: Path, table: VisitFile) -> list[Path]:
    """Files of films and photographs, each named once."""
    name = f"{folder.name}/{VISIT_FILE}"
    named = [(f"film[{n}]", film.file) for n, film in enumerate(table.film)]
    named += [(f"photo[{n}]", photo.file) for n, photo in enumerate(table.photo)]
    first: dict[str, str] = {}
    for where, file in named:
        if file in first:
            kind = first[file].partition("[")[0]
            what = f"{where} names '{file}', which another {kind} names too"
            raise BadInput(name, what, "Delete one of them")
        first[file] = where
        named_file(folder, file, name=name, where=where)
    return [folder / file for file in first]


def _read_volumes(
    root: Path, table: CaseFile
) -> tuple[tuple[Volume, ...], list[tuple[str, Person]], list[Finding]]:
    volumes, people, findings = [], [], list[Finding]()
    for n, each in enumerate(table.volume):
        volume, person, found = _read_volume(root, each, where=f"volume[{n}]")
        volumes.append(volume)
        people += [(each.file, person)] if person is not None else []
        findings += found
    return tuple(volumes), people, findings


def _read_volume(
    root: Path, table: VolumeTable, *, where: str
) -> tuple[Volume, Person | None, tuple[Finding, ...]]:
    path = named_file(root, table.file, name=CASE_FILE, where=where)
    image = open_volume(path, name=table.file, hounsfield=table.hounsfield)
    grid = Grid(file=table.file, shape=image.shape, affine_lps=image.affine_lps)
    sha256 = cache(lambda: sha256_of_folder(path) if path.is_dir() else sha256_of(path, name=table.file))
    bones = volume_bones(root, table, grid, sha256=sha256, where=where)
    readings: tuple[Reading, ...] = ()
    if table.landmarks is not None:
        marked = MarkedImage(
            sha256=sha256(),
            size=image.shape,
            index_from_lps=np.linalg.inv(image.affine_lps).astype(np.float64),
        )
        landmarks = named_file(root, table.landmarks, name=CASE_FILE, where=where)
        readings = read_landmarks(landmarks, name=table.landmarks, image=marked)
    volume = Volume(
        file=table.file,
        shape=image.shape,
        affine_lps=image.affine_lps,
        hounsfield=image.hounsfield,
        load_voxels=image.load_voxels,
        readings=readings,
        masks=bones.masks,
        meshes=bones.meshes,
        load_mask=bones.load_mask,
        load_mesh=bones.load_mesh,
        modality=table.modality,
        visit=table.visit,
    )
    return volume, image.person, bones.findings


def _volume_findings(volumes: Sequence[Volume], visits: Sequence[Visit]) -> tuple[Finding, ...]:
    """Marked volumes of no visit; raises BadInput for one of a visit that is not there."""
    known = [visit.id for visit in visits]
    for n, volume in enumerate(volumes):
        if volume.visit is not None and volume.visit not in known:
            what = f"volume[{n}] ({volume.file}) is of visit '{volume.visit}', which does not exist"
            raise BadInput(CASE_FILE, what, f"Its visits are: {', '.join(known) or 'none'}")
    text = "Its landmarks are not measured: state in case.toml which visit it belongs to (visit)."
    return tuple(
        Finding(code="volume.no_visit", severity=Severity.INFO, file=volume.file, text=text)
        for volume in volumes
        if volume.readings and volume.visit is None
    )


def _diary(root: Path) -> tuple[Mapping[str, str], ...]:
    """The rows of diary.csv, none without one; care.csv is checked where it is."""
    known = {"care.csv": CARE_COLUMNS, "diary.csv": DIARY_COLUMNS}
    rows = {
        file: read_rows(root / file, columns, name=file)
        for file, columns in known.items()
        if (root / file).exists()
    }
    return rows.get("diary.csv", ())


def birth_findings(birth_year: int | None, people: Iterable[tuple[str, Person]]) -> tuple[Finding, ...]:
    """Files whose header tells another birth year than the case."""
    if birth_year is None:
        return ()
    return tuple(
        Finding(
            code="film.birth_year",
            severity=Severity.WARN,
            file=file,
            text="The birth year in the DICOM header is not that of case.toml: is it the right person?",
        )
        for file, person in people
        if person.birth_year is not None and person.birth_year != birth_year
    )


def _same_file_findings(visits: Iterable[Visit]) -> tuple[Finding, ...]:
    first: dict[str, str] = {}
    findings = []
    for film in (image for visit in visits for image in (*visit.films, *visit.photos)):
        if film.sha256 in first:
            text = f"It is the very same file as {first[film.sha256]}: the two are one exposure."
            findings.append(Finding(code="film.same_file", severity=Severity.WARN, file=film.file, text=text))
        first.setdefault(film.sha256, film.file)
    return tuple(findings)
