"""One visit: visit.toml, its films with their readings, and the files that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.dicom_header import Person
from atlasplane.io.faults import validated
from atlasplane.io.fhir_responses import fhir_answers
from atlasplane.io.film_file import FilmImage, open_film
from atlasplane.io.film_orientation import check_header, check_marker, orientation_of
from atlasplane.io.film_scale import (
    calibration_of,
    camera_of,
    check_central_ray,
    check_scale,
    technique_of,
)
from atlasplane.io.landmark_file import MarkedImage, read_landmarks
from atlasplane.io.models import VISIT_SCHEMA, FilmTable, PhotoTable, VisitFile
from atlasplane.io.models_records import ResponsesFile
from atlasplane.io.photo_file import PhotoRead, read_photo
from atlasplane.io.records_file import read_exam, read_labs, read_responses
from atlasplane.io.text_file import checked_schema, read_toml, toml_content
from atlasplane.io.visit_recordings import visit_recordings
from atlasplane.sources.answers import Answers
from atlasplane.sources.case import EnteredHeight, Moment, Phase, Visit
from atlasplane.sources.film import Radiograph, View
from atlasplane.sources.reading import Reading

VISIT_FILE = "visit.toml"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmRead:
    """A film, whom its header speaks of, and what reading it brought up."""

    film: Radiograph
    person: Person | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VisitRead:
    """A visit with its films and photographs as read."""

    visit: Visit
    films: tuple[FilmRead, ...]
    photos: tuple[PhotoRead, ...]
    findings: tuple[Finding, ...]

    @property
    def people(self) -> tuple[tuple[str, Person], ...]:
        """Whom the headers of its images speak of, with the image's file."""
        read = [(each.film.file, each.person) for each in self.films]
        read += [(each.photo.file, each.person) for each in self.photos]
        return tuple((file, person) for file, person in read if person is not None)


def read_visit_file(folder: Path) -> VisitFile:
    """visit.toml of a visit's folder; raises BadInput."""
    name = f"{folder.name}/{VISIT_FILE}"
    content = read_toml(folder / VISIT_FILE, name=name)
    return validated(VisitFile, checked_schema(content, VISIT_SCHEMA, name=name), name=name)


def visit_file_from_text(text: str, *, name: str) -> VisitFile:
    """The table that visit.toml would be; raises BadInput."""
    return validated(
        VisitFile, checked_schema(toml_content(text, name=name), VISIT_SCHEMA, name=name), name=name
    )


def named_file(folder: Path, file: str, *, name: str, where: str) -> Path:
    """The path of a file that a table names.

    Raises
    ------
    BadInput
        When it does not exist, or a link leads out of the folder.
    """
    path = folder / file
    try:
        exists = path.exists()
        inside = path.resolve().is_relative_to(folder.resolve())
    except OSError as fault:
        raise BadInput(name, f"{where} names '{file}', which cannot be reached", "Check the name") from fault
    if not exists:
        raise BadInput(
            name, f"{where} names '{file}', which does not exist", "Correct the name, or put the file there"
        )
    if not inside:
        raise BadInput(name, f"{where} names '{file}', a link out of the folder", "Put the file itself there")
    return path


def read_visit(folder: Path, table: VisitFile, digests: Mapping[Path, str]) -> VisitRead:
    """A visit, with every film and photograph opened and every reading checked; no pixel is decoded.

    Parameters
    ----------
    digests : mapping
        SHA-256 of the images' files.

    Raises
    ------
    BadInput
        Naming file, fault and remedy.
    """
    name = f"{folder.name}/{VISIT_FILE}"
    films = tuple(
        read_film(folder, film, digests[folder / film.file], name=name, where=f"film[{n}] ({film.file})")
        for n, film in enumerate(table.film)
    )
    photos = tuple(
        _photo(folder, photo, digests[folder / photo.file], name=name, where=f"photo[{n}] ({photo.file})")
        for n, photo in enumerate(table.photo)
    )
    visit = Visit(
        id=table.id,
        time=table.time,
        phase=Phase(table.phase),
        moment=Moment(table.moment),
        folder=folder.name,
        observer=table.observer,
        films=tuple(each.film for each in films),
        photos=tuple(each.photo for each in photos),
        recordings=visit_recordings(folder, table.recording, named_file, name=name),
        responses=_responses(folder, table, name),
        exam=_read_records(folder, table, name),
        entered_height=None
        if table.vector is None
        else EnteredHeight(height_in=table.vector.height_in, u_in=table.vector.u_in),
    )
    findings = [*_date_findings(folder, table)]
    findings += [found for film in films for found in film.findings]
    findings += [found for photo in photos for found in photo.findings]
    return VisitRead(visit=visit, films=films, photos=photos, findings=tuple(findings))


def read_film(folder: Path, table: FilmTable, sha256: str, *, name: str, where: str) -> FilmRead:
    """One film of a visit, held against its header and its landmarks; raises BadInput."""
    file = f"{folder.name}/{table.file}"
    image = open_film(folder / table.file, name=file, frame=table.frame)
    read = film_of(image, table, sha256, file=file, name=name, where=where)
    readings = _readings(folder, table, image.shape, sha256, name, where)
    return replace(read, film=replace(read.film, readings=readings))


def _photo(folder: Path, table: PhotoTable, sha256: str, *, name: str, where: str) -> PhotoRead:
    """One photograph of a visit with its readings; raises BadInput."""
    file = f"{folder.name}/{table.file}"
    read = read_photo(folder / table.file, table, sha256, file=file, name=name, where=where)
    readings = _readings(folder, table, read.photo.shape, sha256, name, where)
    return replace(read, photo=replace(read.photo, readings=readings))


def film_of(image: FilmImage, table: FilmTable, sha256: str, *, file: str, name: str, where: str) -> FilmRead:
    """An opened film with what its table says, without readings; raises BadInput where the two contradict."""
    stated = image.stated
    orientation = orientation_of(table, name=name, where=where)
    technique, said = technique_of(table.technique, stated, file=file, name=name, where=where)
    check_central_ray(technique, image.shape, name=name, where=where)
    calibration, scale = calibration_of(
        table.calibration, stated, shape=image.shape, file=file, name=name, where=where
    )
    findings = (
        *check_marker(table, orientation, image.shape, name=name, where=where),
        *check_header(table, orientation, stated, name=name, where=where),
        *said,
        *scale,
        *check_scale(calibration, technique, stated, file=file),
        *(replace(remark, file=file) for remark in image.remarks),
    )
    film = Radiograph(
        file=file,
        sha256=sha256,
        view=View(table.view),
        shape=image.shape,
        load_pixels=image.load_pixels,
        patient_right=orientation.right,
        patient_anterior=orientation.anterior,
        patient_superior=orientation.superior,
        marker=table.marker,
        technique=technique,
        calibration=calibration,
        camera_lps=camera_of(table.camera, name=name, where=where),
        rig=table.rig,
    )
    return FilmRead(film=film, person=stated.person if stated else None, findings=findings)


def _readings(
    folder: Path, table: FilmTable | PhotoTable, shape: tuple[int, int], sha256: str, name: str, where: str
) -> tuple[Reading, ...]:
    if table.landmarks is None:
        return ()
    path = named_file(folder, table.landmarks, name=name, where=where)
    rows, columns = shape
    marked = MarkedImage(sha256=sha256, size=(columns, rows))
    return read_landmarks(path, name=f"{folder.name}/{table.landmarks}", image=marked)


def _responses(folder: Path, table: VisitFile, name: str) -> tuple[Answers, ...]:
    """Answers to questionnaires, the project's own or FHIR's."""
    found: list[Answers] = []
    for n, each in enumerate(table.responses):
        file = f"{folder.name}/{each.file}"
        read = read_responses(named_file(folder, each.file, name=name, where=f"responses[{n}]"), name=file)
        if isinstance(read, ResponsesFile):
            found.append(Answers(file=file, instrument=read.instrument, answers=read.answers))
        else:
            found += fhir_answers(read, file=file)
    return tuple(found)


def _read_records(folder: Path, table: VisitFile, name: str) -> Mapping[str, object]:
    """Check that everything else the visit names is there and whole; the exam's tables."""
    for n, each in enumerate(table.labs):
        read_labs(
            named_file(folder, each.file, name=name, where=f"labs[{n}]"), name=f"{folder.name}/{each.file}"
        )
    if table.exam is None:
        return {}
    path = named_file(folder, table.exam.file, name=name, where="exam")
    return read_exam(path, name=f"{folder.name}/{table.exam.file}")


def _date_findings(folder: Path, table: VisitFile) -> tuple[Finding, ...]:
    if folder.name[:10] == table.time.date().isoformat():
        return ()
    text = f"The folder is named {folder.name}, but the time is {table.time.isoformat()}; the time counts."
    file = f"{folder.name}/{VISIT_FILE}"
    return (Finding(code="visit.folder_date", severity=Severity.WARN, file=file, text=text),)
