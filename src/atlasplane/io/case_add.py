"""Adding a film to a case: checked as a whole, then copied; the user's text of visit.toml stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.io.atomic import copy_file, whole_folder, write_text
from atlasplane.io.case_folder import CaseRead, birth_findings, check_one_person, read_case_people
from atlasplane.io.digest import sha256_of
from atlasplane.io.film_file import FilmImage, open_film
from atlasplane.io.film_proposal import Proposal, proposal
from atlasplane.io.landmark_file import MarkedImage, read_landmarks
from atlasplane.io.visit_choice import VisitPlace, VisitStamp, visit_place
from atlasplane.io.visit_folder import VISIT_FILE, film_of, visit_file_from_text
from atlasplane.sources.film import View


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFilm:
    """Where a film went, and what a person should know about it; `file` is its path in the case."""

    visit: str
    file: str
    is_new_visit: bool
    findings: tuple[Finding, ...]


def add_film(
    folder: Path | str,
    source: Path | str,
    stated: Mapping[str, object],
    *,
    visit: VisitStamp | None = None,
    landmarks: Path | None = None,
) -> AddedFilm:
    """Copy a film into a case, and append its table to the visit's visit.toml.

    The copy is named for its view: names from an archive often hold a patient's.

    Parameters
    ----------
    stated : mapping
        Keys of a film's table as the user gives them, `view` among them. What is missing is taken from
        the DICOM header, with a comment in the text and a finding.
    visit : VisitStamp, optional
        Without it: the visit of the day that the header states.
    landmarks : Path, optional
        A landmark file of this very film; copied beside it.

    Raises
    ------
    BadInput
        When the film, a key or the choice of visit cannot be used; nothing is copied.
    WrongPatient
        When the film is of another person than the case; nothing is copied.
    OutputFailed
        When it cannot be written; the case is as before.
    """
    read, path = read_case_people(Path(folder)), Path(source)
    image = open_film(path)
    sha256 = sha256_of(path)
    _check_new(read, image, sha256, path.name)
    place = visit_place(read.case, visit or VisitStamp(), image.stated, name=path.name)
    film = place.folder / _free_name(place.folder, stated, image.suffix)
    copies = {film.name: path}
    if landmarks is not None:
        _check_landmarks(landmarks, image, sha256)
        copies[f"{film.stem}.landmarks.json"] = landmarks
        stated = {**stated, "landmarks": f"{film.stem}.landmarks.json"}
    made = proposal(stated, image.stated, file=film.name, name=path.name)
    file = f"{place.folder.name}/{film.name}"
    checked = film_of(image, made.table, sha256, file=file, name=path.name, where="film")
    _write(place, made, copies)
    people = [] if checked.person is None else [(file, checked.person)]
    findings = (
        *place.findings,
        *made.findings(file),
        *checked.findings,
        *birth_findings(read.case.birth_year, people),
    )
    return AddedFilm(visit=place.id, file=file, is_new_visit=place.is_new, findings=findings)


def _check_landmarks(path: Path, image: FilmImage, sha256: str) -> None:
    rows, columns = image.shape
    read_landmarks(path, name=path.name, image=MarkedImage(sha256=sha256, size=(columns, rows)))


def _check_new(read: CaseRead, image: FilmImage, sha256: str, name: str) -> None:
    if image.stated is not None:
        check_one_person([*read.people, (name, image.stated.person)])
    for visit in read.case.visits:
        for film in visit.films:
            if film.sha256 == sha256:
                raise BadInput(name, f"is in the case already, as {film.file}", "Nothing needs to be added")


def _free_name(folder: Path, stated: Mapping[str, object], suffix: str) -> str:
    view = stated.get("view")
    stem = view if view in {known.value for known in View} else "film"
    names = [f"{stem}{suffix}", *(f"{stem}-{n}{suffix}" for n in range(2, 1000))]
    return next(name for name in names if not any(folder.glob(f"{name.removesuffix(suffix)}.*")))


def _write(place: VisitPlace, made: Proposal, copies: Mapping[str, Path]) -> None:
    """Copy the files into the visit's folder and extend its text: all of it, or nothing."""
    end = "\r\n" if "\r\n" in place.text else "\n"
    text = place.text.rstrip("\r\n") + end.join(["", "", *made.lines, ""])
    visit_file_from_text(text, name=f"{place.folder.name}/{VISIT_FILE}")
    if place.is_new:
        with whole_folder(place.folder) as aside:
            _fill(aside, text, copies)
        return
    try:
        _fill(place.folder, text, copies)
    except BaseException:
        for name in copies:  # the names were free before
            (place.folder / name).unlink(missing_ok=True)
        raise


def _fill(folder: Path, text: str, copies: Mapping[str, Path]) -> None:
    for name, source in copies.items():
        copy_file(source, folder / name)
    write_text(folder / VISIT_FILE, text)
