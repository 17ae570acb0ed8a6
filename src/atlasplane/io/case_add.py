"""Adding a film to a case: checked as a whole, then copied; the user's text of visit.toml stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.atomic import copy_file, whole_folder, write_text
from atlasplane.io.case_folder import (
    CaseRead,
    birth_findings,
    check_one_person,
    read_case_file,
    read_case_people,
)
from atlasplane.io.digest import sha256_of
from atlasplane.io.film_file import FilmImage, open_film
from atlasplane.io.film_preparation import PictureScale, PreparedFilm, prepared_film
from atlasplane.io.film_proposal import Proposal, proposal
from atlasplane.io.folder_lock import locked_folder
from atlasplane.io.landmark_file import MarkedImage, read_landmarks
from atlasplane.io.visit_choice import VisitPlace, VisitStamp, visit_place
from atlasplane.io.visit_folder import VISIT_FILE, film_of, visit_file_from_text
from atlasplane.sources.film import View


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFilm:
    """Where a film went, and what a person should know about it; `file` is its path in the case.

    `is_known` says that the case held this very file already, so that nothing was changed.
    """

    visit: str
    file: str
    is_new_visit: bool
    is_known: bool = False
    findings: tuple[Finding, ...]


def add_film(
    folder: Path | str,
    source: Path | str,
    stated: Mapping[str, object],
    *,
    visit: VisitStamp | None = None,
    landmarks: Path | None = None,
    scale: PictureScale | None = None,
    take_hint: bool = False,
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
    scale : PictureScale, optional
        Corners or a known length on a photographed film, which is straightened; the original is kept.
    take_hint : bool
        Take the view that the header speaks of where none is stated, and say so.

    A file that the case holds already is not added a second time; that is told and is no error.

    Raises
    ------
    BadInput
        When the film, a key or the choice of visit cannot be used; nothing is copied.
    WrongPatient
        When the film is of another person than the case; nothing is copied.
    OutputFailed
        When it cannot be written; the case is as before.
    """
    with TemporaryDirectory(prefix="atlasplane-") as scratch:
        root, path = Path(folder), Path(source)
        film = prepared_film(path, stated, scale or PictureScale(), scratch=Path(scratch))
        read_case_file(root)
        with locked_folder(root):  # a page that is marking this case may be writing visit.toml
            return _add(read_case_people(root), film, path.name, visit, landmarks, take_hint=take_hint)


def _add(
    read: CaseRead,
    given: PreparedFilm,
    name: str,
    visit: VisitStamp | None,
    landmarks: Path | None,
    *,
    take_hint: bool,
) -> AddedFilm:
    stated, frame = given.stated, given.stated.get("frame")
    image = open_film(given.path, name=name, frame=frame if isinstance(frame, int) else None)
    sha256 = sha256_of(given.path, name=name)
    if image.stated is not None:
        check_one_person([*read.people, (name, image.stated.person)])
    known = _known(read, stated, sha256, name, with_landmarks=landmarks is not None)
    if known is not None:
        return known
    place = visit_place(read.case, visit or VisitStamp(), image.stated, name=name)
    hint = image.stated.view_hint if take_hint and image.stated is not None else None
    film = place.folder / _free_name(place.folder, stated.get("view") or hint, image.suffix)
    copies = {film.name: given.path, **{f"{film.stem}{end}": path for end, path in given.beside.items()}}
    if landmarks is not None:
        _check_landmarks(landmarks, image, sha256)
        copies[f"{film.stem}.landmarks.json"] = landmarks
        stated = {**stated, "landmarks": f"{film.stem}.landmarks.json"}
    made = proposal(stated, image.stated, file=film.name, name=name, take_hint=take_hint)
    file = f"{place.folder.name}/{film.name}"
    image.load_pixels()  # a film that cannot be decoded is found now, not when it is to be marked
    checked = film_of(image, made.table, sha256, file=file, name=name, where="film")
    _write(place, made, copies)
    people = [] if checked.person is None else [(file, checked.person)]
    findings = (
        *place.findings,
        *(replace(found, file=file) for found in given.findings),
        *made.findings(file),
        *(_in_case(found, film.name, file) for found in checked.findings),
        *birth_findings(read.case.birth_year, people),
    )
    return AddedFilm(visit=place.id, file=file, is_new_visit=place.is_new, findings=findings)


def _check_landmarks(path: Path, image: FilmImage, sha256: str) -> None:
    rows, columns = image.shape
    read_landmarks(path, name=path.name, image=MarkedImage(sha256=sha256, size=(columns, rows)))


def _in_case(found: Finding, name: str, file: str) -> Finding:
    """A finding of the film before it has its folder, with its path in the case."""
    return replace(found, file=file) if found.file == name else found


def _known(
    read: CaseRead, stated: Mapping[str, object], sha256: str, name: str, *, with_landmarks: bool
) -> AddedFilm | None:
    """The film that the case holds already; raises BadInput where other things are said of it now."""
    pairs = ((visit, film) for visit in read.case.visits for film in visit.films)
    same = next(((visit, film) for visit, film in pairs if film.sha256 == sha256), None)
    if same is None or "frame" in stated:  # another frame of one file is another film
        return None
    visit, film = same
    if with_landmarks or stated.get("view", film.view.value) != film.view.value:
        what = f"is in the case already, as {film.file} with view '{film.view.value}'"
        raise BadInput(name, what, f"Correct {visit.folder}/{VISIT_FILE}, or put the landmark file beside it")
    text = f"{name} is in the case already, as {film.file}: nothing was changed."
    finding = Finding(code="film.in_case_already", severity=Severity.INFO, file=film.file, text=text)
    return AddedFilm(visit=visit.id, file=film.file, is_new_visit=False, is_known=True, findings=(finding,))


def _free_name(folder: Path, view: object, suffix: str) -> str:
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
