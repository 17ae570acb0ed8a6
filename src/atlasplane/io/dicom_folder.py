"""A folder as an archive exports it: every DICOM file below it, sorted by series, each with what it is.

Nothing is decoded, and nothing is trusted but the content: names of files and folders say nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.io.dicom_film import FILM_CLASSES
from atlasplane.io.dicom_guard import scan
from atlasplane.io.dicom_header import PERSON_TAGS, Person, person
from atlasplane.io.dicom_parse import header_of, parsing
from atlasplane.io.dicom_place import PLACE_TAGS, view_hint
from atlasplane.io.dicom_series import CT_CLASS
from atlasplane.io.digest import unreadable
from atlasplane.io.limits import limit
from atlasplane.io.series_kind import SeriesKind

_USED = [
    *PERSON_TAGS,
    *PLACE_TAGS,
    "SOPClassUID",
    "Modality",
    "SeriesInstanceUID",
    "ImageType",
    "NumberOfFrames",
]
_DIRECTORY = "1.2.840.10008.1.3.10"
_ENHANCED = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeries:
    """Files of one series and one kind.

    Attributes
    ----------
    kind : SeriesKind
    what : str
        In words: modality, number of files, and for what is left out the reason.
    files : tuple of Path
        In the order of their names.
    person : Person or None
        Whom the first file speaks of; None for what is no DICOM file.
    view_hint : str or None
        For films: the view that the header speaks of.
    remedy : str
        What to do where it cannot be added; empty where it can.
    """

    kind: SeriesKind
    what: str
    files: tuple[Path, ...]
    person: Person | None = None
    view_hint: str | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    series: str
    sort: str
    person: Person
    view_hint: str | None


def sort_folder(folder: Path) -> tuple[FoundSeries, ...]:
    """Series below a folder: films one by one, then volumes, then what is left out and why.

    Raises
    ------
    BadInput
        When the folder cannot be read or holds too many files.
    """
    told: dict[tuple[str, str], list[_File]] = defaultdict(list)
    left_out: list[FoundSeries] = []
    for path in _files(folder):
        try:
            found = _file(path, path.relative_to(folder).as_posix())
        except BadInput as refused:
            left_out.append(_left_out([path], refused.what, refused.remedy))
            continue
        if found is not None:
            told[found.series if found.sort == "CT" else str(path), found.sort].append(found)
    series = [_series(sort, files) for (_, sort), files in told.items()]
    order = list(SeriesKind)
    return tuple(sorted([*_joined(series), *left_out], key=lambda each: order.index(each.kind)))


def _files(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    except OSError as fault:
        raise unreadable(folder.as_posix(), fault) from fault
    most = limit("folder_files")
    if len(files) > most:
        raise BadInput(folder.as_posix(), f"holds {len(files)} files, the limit is {most}", "Give one study")
    return files


def _file(path: Path, name: str) -> _File | None:
    """One file by its header; None for an archive's index."""
    try:
        with path.open("rb") as stream:
            marked = stream.read(132)[128:] == b"DICM"
    except OSError as fault:
        raise unreadable(name, fault) from fault
    if not marked:
        raise BadFile(name, "is not a DICOM file", "Add a picture of a film by itself, with its view")
    scan(path, name=name)
    with parsing(name, "has a DICOM header that cannot be read", "Export it again"):
        header = header_of(path, _USED, name=name)
        if str(header.file_meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY:
            return None
        return _File(
            path=path,
            series=str(header.get("SeriesInstanceUID", "")),
            sort=_sort(header),
            person=person(header),
            view_hint=view_hint(header),
        )


def _sort(header: Dataset) -> str:
    """`film`, `CT`, `localizer`, or the words for another object."""
    class_ = str(header.get("SOPClassUID", ""))
    if class_ in FILM_CLASSES:
        return "film"
    if class_ == CT_CLASS:
        return "localizer" if "LOCALIZER" in [str(part) for part in header.get("ImageType") or ()] else "CT"
    modality = "".join(c for c in str(header.get("Modality", "")) if c.isalnum())[:16] or "no modality"
    known = UID(class_)
    words = known.name if class_ and known.name != class_ else "object of an unknown class"
    return f"{modality}: {words}"


def _series(sort: str, files: list[_File]) -> FoundSeries:
    paths = [each.path for each in files]
    first = files[0]
    if sort == "film":
        known = first.view_hint is not None
        what = f"film, view '{first.view_hint}' by its header" if known else "film, its header names no view"
        remedy = "" if known else "Add it by itself, with --view and the sides"
        return FoundSeries(
            kind=SeriesKind.FILM,
            what=what,
            files=(first.path,),
            person=first.person,
            view_hint=first.view_hint,
            remedy=remedy,
        )
    if sort == "CT" and len(files) > 1:
        what = f"CT series of {len(files)} slices"
        return FoundSeries(kind=SeriesKind.VOLUME, what=what, files=tuple(paths), person=first.person)
    words, remedy = {
        "CT": ("a single CT slice", "Export the whole series"),
        "localizer": ("scout image of a CT", "Nothing to do: it is neither a film nor a volume"),
    }.get(sort, (sort, _other_remedy(sort)))
    return _left_out(paths, words, remedy, first.person)


def _other_remedy(sort: str) -> str:
    if any(sort.endswith(UID(class_).name) for class_ in _ENHANCED):
        return "Export it as single slices, or convert it to NIfTI"
    return "Nothing to do: it is neither a film nor a CT"


def _joined(series: Iterable[FoundSeries]) -> list[FoundSeries]:
    """Left-out files of one sort as one entry: nobody reads four hundred lines."""
    kept: list[FoundSeries] = []
    alike: dict[tuple[str, str], list[FoundSeries]] = defaultdict(list)
    for each in series:
        if each.kind is SeriesKind.OTHER:
            alike[each.what, each.remedy].append(each)
        else:
            kept.append(each)
    for (what, remedy), group in alike.items():
        paths = [path for each in group for path in each.files]
        kept.append(_left_out(paths, what, remedy, group[0].person))
    return kept


def _left_out(paths: list[Path], what: str, remedy: str, whom: Person | None = None) -> FoundSeries:
    return FoundSeries(kind=SeriesKind.OTHER, what=what, files=tuple(paths), person=whom, remedy=remedy)
