"""Readings of a case out to Slicer and back: a file a reading, and a film as a volume of one slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from atlasplane.core.errors import BadInput, BadLandmarks
from atlasplane.io.atomic import whole_folder, write_bytes, write_text, write_together
from atlasplane.io.case_folder import CASE_FILE, read_case, read_case_file
from atlasplane.io.digest import sha256_of, sha256_of_folder
from atlasplane.io.faults import nearest
from atlasplane.io.folder_lock import locked_folder
from atlasplane.io.landmark_file import MarkedImage, landmark_text, readings_of
from atlasplane.io.landmark_save import empty_content, landmark_content
from atlasplane.io.nifti import one_slice
from atlasplane.io.slicer_markups import MarkupsSpace, marks_of, markups_text, our_part
from atlasplane.io.text_file import read_json, read_text
from atlasplane.io.toml_edit import with_keys
from atlasplane.io.visit_folder import VISIT_FILE, read_visit_file
from atlasplane.sources.case import Case
from atlasplane.sources.film import PlanarImage
from atlasplane.sources.volume import Volume

ENDING = ".mrk.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedReading:
    """Where a reading went: the landmark file's path in the case, its id, and whether it was there."""

    file: str
    reading: str
    is_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingStamp:
    """Who made an imported reading, and when; None takes what the file says, else what import assumes."""

    id: str | None = None
    observer: str | None = None
    time: datetime | None = None
    blinded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """An image of the case, and where its landmark file is named."""

    image: PlanarImage | Volume
    toml: Path
    array: str
    index: int
    landmarks: Path | None
    marked: MarkedImage

    @property
    def space(self) -> MarkupsSpace:
        return _space(self.image)


def export_slicer(root: Path, folder: Path) -> tuple[str, ...]:
    """Write every reading of a case for Slicer; the files' names in the folder, in order.

    Raises
    ------
    BadInput
        When the case cannot be read, or holds no reading.
    OutputFailed
        When the folder is not empty or cannot be written.
    """
    case = read_case(root)
    images = [image for image in _images(case) if image.readings]
    if not images:
        raise BadInput(str(root), "holds no reading", "Mark a film first: atlasplane mark")
    written: list[str] = []
    with whole_folder(folder) as aside:
        for image in images:
            written += _export_image(case, image, aside)
    return tuple(written)


def import_slicer(root: Path, markups: Path, image: str, stamp: ReadingStamp) -> ImportedReading:
    """Put the marks of a markups file into the landmark file of one image of the case.

    Parameters
    ----------
    image : str
        The film, photograph or volume, as its path in the case.

    Raises
    ------
    BadLandmarks
        When a label is unknown, stands twice, or lies outside the image, or the file is of another image.
    BadInput
        When the case has no such image, or another reading has that id.
    OutputFailed
        When it cannot be written; the case is as before.
    """
    read_case_file(root)
    name = markups.name
    with locked_folder(root):
        target = _target(root, read_case(root), image)
        content = read_json(markups, name=name)
        marks = marks_of(content, target.space, name=name)
        ours = our_part(content) if isinstance(content, Mapping) else {}
        _check_same_image(ours, target, name)
        return _stored(root, target, {**_head(ours, stamp, target, name), **marks}, name)


def _space(image: PlanarImage | Volume) -> MarkupsSpace:
    if isinstance(image, Volume):
        return MarkupsSpace()
    return MarkupsSpace(mm_per_px=image.calibration.pixel_shape)


def _images(case: Case) -> Iterator[PlanarImage | Volume]:
    for visit in case.visits:
        yield from visit.films
        yield from visit.photos
    yield from case.volumes


def _export_image(case: Case, image: PlanarImage | Volume, aside: Path) -> list[str]:
    stem = image.file.replace("/", "_")
    for ending in (".gz", ".nii", *({Path(image.file).suffix} - {""})):
        stem = stem.removesuffix(ending)
    digest = _digest(case.folder / image.file)
    space = _space(image)
    written = []
    for reading in image.readings:
        file = f"{stem}.{_plain(reading.id)}{ENDING}"
        write_text(aside / file, markups_text(reading, space, image_file=image.file, sha256=digest))
        written.append(file)
    if isinstance(image, PlanarImage):
        write_bytes(aside / f"{stem}.nii.gz", one_slice(image.load_pixels(), image.calibration.pixel_shape))
        written.append(f"{stem}.nii.gz")
    return written


def _plain(id_: str) -> str:
    """A reading's id as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in id_)


def _digest(path: Path) -> str:
    return sha256_of_folder(path) if path.is_dir() else sha256_of(path)


def _target(root: Path, case: Case, file: str) -> _Target:
    by_file = {image.file: image for image in _images(case)}
    image = by_file.get(file)
    if image is None:
        close = nearest(file, by_file)
        remedy = f"Did you mean '{close}'?" if close else f"It has {', '.join(by_file) or 'no image'}"
        raise BadInput(file, "is no film, photograph or volume of the case", remedy)
    if isinstance(image, Volume):
        tables = read_case_file(root).volume
        index = next(n for n, table in enumerate(tables) if table.file == file)
        marked = MarkedImage(
            sha256=_digest(root / file),
            size=image.shape,
            index_from_lps=np.linalg.inv(image.affine_lps).astype(np.float64),
        )
        return _made(image, root / CASE_FILE, "volume", index, tables[index].landmarks, root, marked)
    folder = root / file.rsplit("/", 1)[0]
    visit = read_visit_file(folder)
    rows, columns = image.shape
    marked = MarkedImage(sha256=image.sha256, size=(columns, rows))
    alone = file.rsplit("/", 1)[1]
    films, photos = [table.file for table in visit.film], [table.file for table in visit.photo]
    array = "film" if alone in films else "photo"
    index = (films if array == "film" else photos).index(alone)
    landmarks = visit.film[index].landmarks if array == "film" else visit.photo[index].landmarks
    return _made(image, folder / VISIT_FILE, array, index, landmarks, folder, marked)


def _made(
    image: PlanarImage | Volume,
    toml: Path,
    array: str,
    index: int,
    landmarks: str | None,
    folder: Path,
    marked: MarkedImage,
) -> _Target:
    path = None if landmarks is None else folder / landmarks
    return _Target(image=image, toml=toml, array=array, index=index, landmarks=path, marked=marked)


def _check_same_image(ours: Mapping[str, Any], target: _Target, name: str) -> None:
    placed_on = ours.get("image", {}).get("sha256")
    if placed_on is not None and placed_on != target.marked.sha256:
        what = f"belongs to another image: it was exported from '{ours['image'].get('file')}'"
        raise BadLandmarks(name, what, "Name the image that was marked, or mark this one")
    size = ours.get("mm_per_px")
    if size is not None and target.space.mm_per_px is not None and tuple(size) != target.space.mm_per_px:
        what = f"was exported when a pixel was {size[0]:g} x {size[1]:g} mm, now it is another size"
        raise BadLandmarks(name, what, "Export the film again, and mark it in Slicer on that")


def _head(ours: Mapping[str, Any], stamp: ReadingStamp, target: _Target, name: str) -> dict[str, Any]:
    """Who and when: as asked for, else as the file says, else as it must be."""
    told = ours.get("reading", {})
    observer = stamp.observer or told.get("observer")
    if not observer:
        raise BadInput(name, "does not say who placed the marks", "Give --observer, the reader's initials")
    taken = {reading.id for reading in target.image.readings}
    free = next(f"r{n}" for n in range(1, len(taken) + 2) if f"r{n}" not in taken)
    now = datetime.now(UTC).astimezone().replace(microsecond=0)
    return {
        "id": stamp.id or told.get("id") or free,
        "observer": observer,
        "time": stamp.time.isoformat() if stamp.time is not None else told.get("time") or now.isoformat(),
        "tool": told.get("tool") or "3D Slicer",
        "blinded": stamp.blinded or bool(told.get("blinded", False)),
        **({"x": told["x"]} if told.get("x") else {}),
    }


def _stored(root: Path, target: _Target, table: dict[str, Any], name: str) -> ImportedReading:
    path, is_new = target.landmarks, target.landmarks is None
    content = (
        landmark_content(path, name=path.name)
        if path is not None and path.exists()
        else empty_content(
            image_file=Path(target.image.file).name, sha256=target.marked.sha256, space=target.marked.space
        )
    )
    (found,) = readings_of({**content, "readings": [table]}, name=name, image=target.marked)
    path = path or _free_path(root / target.image.file)
    file = path.relative_to(root).as_posix()
    same = next((each for each in content["readings"] if each["id"] == found.id), None)
    if same is not None:
        (known,) = readings_of({**content, "readings": [same]}, name=path.name, image=target.marked)
        if markups_text(known, target.space, image_file="", sha256="") != markups_text(
            found, target.space, image_file="", sha256=""
        ):
            what = f"holds reading '{found.id}', which the case has with other marks"
            raise BadLandmarks(name, what, "Give it an id of its own: --reading r2")
        return ImportedReading(file=file, reading=found.id, is_known=True)
    content = {**content, "readings": [*content["readings"], table]}
    readings_of(content, name=name, image=target.marked)
    contents = {path: landmark_text(content).encode()}
    if is_new:
        text = read_text(target.toml, name=target.toml.name)
        named = path.relative_to(target.toml.parent).as_posix()
        edited = with_keys(text, target.array, target.index, {"landmarks": named}, name=target.toml.name)
        contents[target.toml] = edited.encode()
    write_together(contents)
    return ImportedReading(file=file, reading=found.id, is_known=False)


def _free_path(image: Path) -> Path:
    """A name beside the image that nothing has yet."""
    stem = image.name.removesuffix(".gz").removesuffix(".nii")
    stem = stem if stem != image.name else image.stem
    names = [f"{stem}.landmarks.json", *(f"{stem}-{n}.landmarks.json" for n in range(2, 1000))]
    return next(image.parent / name for name in names if not (image.parent / name).exists())
