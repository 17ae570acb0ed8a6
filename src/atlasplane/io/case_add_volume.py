"""Adding a CT or CBCT to a case: checked as a whole, copied under plain names, and named in case.toml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.atomic import copy_file, whole_folder, write_text
from atlasplane.io.case_folder import (
    CASE_FILE,
    CaseRead,
    birth_findings,
    check_one_person,
    read_case_file,
    read_case_people,
)
from atlasplane.io.digest import sha256_of
from atlasplane.io.faults import validated
from atlasplane.io.folder_lock import locked_folder
from atlasplane.io.models import CASE_SCHEMA, CaseFile
from atlasplane.io.text_file import checked_schema, read_text, toml_content
from atlasplane.io.toml_text import table_lines
from atlasplane.io.volume_file import NIFTI_ENDS, open_volume
from atlasplane.io.volume_image import VolumeImage

FOLDER = "ct"
"""Where a case keeps the scans that are added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedVolume:
    """Where a volume went, and what a person should know about it; `file` is its path in the case."""

    file: str
    findings: tuple[Finding, ...]


def add_volume(root: Path | str, source: Path) -> AddedVolume:
    """Copy a NIfTI file, or a folder that holds one CT series and nothing else, into a case.

    Raises
    ------
    BadInput
        When it is no volume, or is damaged; nothing is copied.
    WrongPatient
        When it is of another person than the case; nothing is copied.
    OutputFailed
        When it cannot be written; the case is as before.
    """
    image = open_volume(source, name=source.name)
    if source.is_file():
        return _add(Path(root), image, [source], name=source.name)
    files = sorted(path for path in source.iterdir() if path.is_file())
    return _add(Path(root), image, files, name=source.name, is_series=True)


def add_series(root: Path | str, files: Sequence[Path], *, name: str) -> AddedVolume:
    """Copy the slices of one CT series into a case; raises as `add_volume`.

    Parameters
    ----------
    name : str
        How messages call the series.
    """
    from atlasplane.io.dicom_series import series_of

    return _add(Path(root), series_of(files, name=name), files, name=name, is_series=True)


def _add(
    root: Path, image: VolumeImage, files: Sequence[Path], *, name: str, is_series: bool = False
) -> AddedVolume:
    read_case_file(root)
    with locked_folder(root):
        return _add_locked(root, image, files, name=name, is_series=is_series)


def _add_locked(
    root: Path, image: VolumeImage, files: Sequence[Path], *, name: str, is_series: bool
) -> AddedVolume:
    read = read_case_people(root)
    if image.person is not None:
        check_one_person([*read.people, (name, image.person)])
    known = _known(read, root, files)
    if known is not None:
        text = f"{name} is in the case already, as {known}: nothing was changed."
        finding = Finding(code="volume.in_case_already", severity=Severity.INFO, file=known, text=text)
        return AddedVolume(file=known, findings=(finding,))
    file = _copied(root, files, is_series=is_series)
    people = [] if image.person is None else [(file, image.person)]
    findings = (*_grey_findings(image, file), *birth_findings(read.case.birth_year, people))
    return AddedVolume(file=file, findings=findings)


def _known(read: CaseRead, root: Path, files: Sequence[Path]) -> str | None:
    """The volume of the case that holds the very same bytes."""
    ours: Counter[str] | None = None
    for volume in read.case.volumes:
        theirs = root / volume.file
        those = sorted(p for p in theirs.iterdir() if p.is_file()) if theirs.is_dir() else [theirs]
        if sorted(p.stat().st_size for p in those) != sorted(p.stat().st_size for p in files):
            continue
        ours = ours or Counter(sha256_of(path) for path in files)
        if ours == Counter(sha256_of(path) for path in those):
            return volume.file
    return None


def _copied(root: Path, files: Sequence[Path], *, is_series: bool) -> str:
    """Copy first, then name it in case.toml: what is not named yet is no part of the case."""
    place = _free(root / FOLDER, "" if is_series else _suffix(files[0]))
    file = f"{FOLDER}/{place.name}"
    text = _extended(root, file)
    had_folder = place.parent.is_dir()
    try:
        if is_series:
            with whole_folder(place) as aside:
                for n, path in enumerate(files, start=1):  # names from an archive often hold a patient's
                    copy_file(path, aside / f"{n:04d}.dcm")
        else:
            place.parent.mkdir(exist_ok=True)
            copy_file(files[0], place)
        write_text(root / CASE_FILE, text)
    except BaseException:
        _remove(place)
        if not had_folder and place.parent.is_dir():
            place.parent.rmdir()
        raise
    return file


def _suffix(path: Path) -> str:
    return next(end for end in reversed(NIFTI_ENDS) if path.name.lower().endswith(end))


def _extended(root: Path, file: str) -> str:
    """The user's text of case.toml with one volume more; raises BadInput where it cannot be appended."""
    before = read_text(root / CASE_FILE, name=CASE_FILE)
    end = "\r\n" if "\r\n" in before else "\n"
    lines = ["", "", "[[volume]]", *table_lines({"file": file}), ""]
    text = before.rstrip("\r\n") + end.join(lines)
    content = checked_schema(toml_content(text, name=CASE_FILE), CASE_SCHEMA, name=CASE_FILE)
    validated(CaseFile, content, name=CASE_FILE)
    return text


def _free(folder: Path, suffix: str) -> Path:
    names = [f"volume{suffix}", *(f"volume-{n}{suffix}" for n in range(2, 1000))]
    taken = {path.name.split(".")[0] for path in folder.iterdir()} if folder.is_dir() else set()
    free = next((name for name in names if name.removesuffix(suffix) not in taken), None)
    if free is None:
        raise BadInput(FOLDER, "holds a thousand volumes", "Make another case")
    return folder / free


def _remove(place: Path) -> None:
    if place.is_dir():
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
    place.unlink(missing_ok=True)


def _grey_findings(image: VolumeImage, file: str) -> tuple[Finding, ...]:
    if image.hounsfield:
        return ()
    text = "The greys are taken not to be Hounsfield units; where they are, state hounsfield = true."
    return (Finding(code="volume.not_hounsfield", severity=Severity.INFO, file=file, text=text),)
