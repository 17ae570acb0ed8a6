"""Readings that are being made: which may be seen, and how one is saved.

A save is refused where the landmark file is not the one that the page has seen (another window), or the image
is not the one that was marked. Whoever saves holds the case's lock, so this holds between programs too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

import atlasplane
from atlasplane.anatomy.protocol import protocol
from atlasplane.core.errors import BadInput, BadLandmarks
from atlasplane.io.atomic import write_together
from atlasplane.io.folder_lock import locked_folder
from atlasplane.io.landmark_file import landmark_text, readings_of
from atlasplane.io.landmark_save import empty_content, landmark_content, revision, with_reading
from atlasplane.io.text_file import read_text
from atlasplane.io.toml_edit import with_keys
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading
from atlasplane.web.bodies import LiveBody, ReadingBody
from atlasplane.web.desk import Desk, Place
from atlasplane.web.opened import OpenImage, open_place


class Conflict(BadInput):
    """What is stored is not what the page has seen; `kind` is `reading` or `film`."""

    def __init__(self, kind: str, file: str, what: str, remedy: str) -> None:
        super().__init__(file, what, remedy)
        self.kind = kind


@dataclass(slots=True, eq=False)
class Drafts:
    """What the page was given and no file holds: readings without a mark yet, and the image they are of."""

    _drafts: dict[tuple[str, str], Reading] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, opened: OpenImage, observer: str, *, blinded: bool) -> Reading:
        """A new, empty reading."""
        with self._lock:
            id_ = self.next_id(opened)
            reading = Reading(id=id_, observer=observer, time=_now(), tool=_tool(), blinded=blinded)
            self._drafts[opened.place.id, id_] = reading
        return reading

    def show(self, opened: OpenImage) -> None:
        """Remember that this image was shown."""
        self._shown[opened.place.id] = opened.sha256

    def shown(self, opened: OpenImage) -> str:
        """Digest of the image as it was last shown."""
        return self._shown.get(opened.place.id, opened.sha256)

    def next_id(self, opened: OpenImage) -> str:
        """The id that a new reading gets."""
        taken = {reading.id for reading in opened.readings}
        taken |= {id_ for place, id_ in self._drafts if place == opened.place.id}
        return next(f"r{n}" for n in range(1, len(taken) + 2) if f"r{n}" not in taken)

    def all_of(self, opened: OpenImage) -> tuple[Reading, ...]:
        """Readings of the file, then those that have no mark yet."""
        stored = {reading.id for reading in opened.readings}
        own = [
            r for (place, id_), r in self._drafts.items() if place == opened.place.id and id_ not in stored
        ]
        return (*opened.readings, *own)

    def find(self, opened: OpenImage, id_: str) -> Reading | None:
        """The reading with this id, stored or not."""
        return next((reading for reading in self.all_of(opened) if reading.id == id_), None)


def is_finished(reading: Reading, view: str) -> bool:
    """Whether every step that is not optional was answered, be it with "not visible"."""
    asked = {step.id for step in protocol(view) if not step.optional}
    return asked <= {*reading.points, *reading.contours, *reading.not_visible}


def visible_to(
    readings: tuple[Reading, ...], view: str, observer: str | None, *, blind: bool = False
) -> tuple[Reading, ...]:
    """The readings that an observer may see: while a blinded one of theirs is unfinished, that one alone."""
    own = [r for r in readings if r.observer == observer and r.blinded and not is_finished(r, view)]
    if own:
        return (own[-1],)
    return () if blind else readings


def reading_from(body: ReadingBody | LiveBody, known: Reading | None, *, length: int) -> Reading:
    """The reading that the page sent, with the time at which it was begun.

    Raises
    ------
    BadLandmarks
        When a point has another number of coordinates than the image.
    """
    _check_length(body, length)
    points = {id_: MarkedPoint(np.array(p.at)) for id_, p in body.points.items() if p.at is not None}
    contours = {id_: MarkedContour(np.array(at)) for id_, at in body.contours.items() if len(at) > 1}
    free = (
        [drawing.model_dump(exclude_none=True) for drawing in body.free]
        if isinstance(body, ReadingBody)
        else []
    )
    return Reading(
        id=body.id if isinstance(body, ReadingBody) else body.reading,
        observer=body.observer or (known.observer if known is not None else "?"),
        time=known.time if known is not None else _now(),
        tool=_tool(),
        blinded=known.blinded if known is not None else isinstance(body, ReadingBody) and body.blinded,
        points=points,
        contours=contours,
        not_visible=frozenset(id_ for id_, p in body.points.items() if not p.visible),
        x={"free": free or None},
    )


def _check_length(body: ReadingBody | LiveBody, length: int) -> None:
    places = [(id_, (p.at,)) for id_, p in body.points.items() if p.at is not None]
    for id_, rows in (*places, *body.contours.items()):
        if any(len(row) != length for row in rows):
            raise BadLandmarks("reading", f"'{id_}' needs {length} numbers a point", "Load the page again")


def save_reading(
    desk: Desk, drafts: Drafts, place_id: str, body: ReadingBody, seen: str, *, volume: bool
) -> str:
    """Save a reading; the landmark file's new revision.

    Parameters
    ----------
    seen : str
        Revision of the landmark file that the page has.

    Raises
    ------
    Conflict
        When the landmark file or the image has changed since.
    BadInput
        When the marks cannot be used.
    OutputFailed
        When it cannot be written; what was there before is untouched.
    """
    with locked_folder(desk.root):
        opened = open_place(desk, desk.place(place_id, volume=volume))
        _check_unchanged(opened, body.film_sha256 or drafts.shown(opened), seen)
        reading = reading_from(body, drafts.find(opened, body.id), length=3 if volume else 2)
        return _write(desk, opened, reading)


def _check_unchanged(opened: OpenImage, marked_on: str, seen: str) -> None:
    path, name = opened.place.landmarks, opened.place.name
    digests = [marked_on]
    if path is not None and path.exists():
        digests.append(str(landmark_content(path, name=path.name)["image"]["sha256"]))
    if any(digest != opened.sha256 for digest in digests):
        what = "is not the image that was marked: its bytes have changed"
        raise Conflict("film", name, what, "Put back the image that was marked, or load the page again")
    if opened.revision != seen:
        what = "was changed by another window or program since it was loaded"
        stored_in = name if path is None else path.name
        raise Conflict("reading", stored_in, what, "Choose which of the two to keep")


def _write(desk: Desk, opened: OpenImage, reading: Reading) -> str:
    place, path = opened.place, opened.place.landmarks
    stored = reading.id in {each.id for each in opened.readings}
    bare = not (reading.points or reading.contours or reading.not_visible or reading.x.get("free"))
    if bare and not stored:
        return opened.revision
    content = _content_with(opened, reading)
    readings_of(content, name=place.name, image=opened.marked)  # what reading it would refuse is refused now
    is_new = path is None
    path = path or _free_path(place)
    contents = {path: landmark_text(content).encode()}
    if is_new and place.stated_in is not None:
        contents[place.stated_in] = _with_landmarks(place, path)
    write_together(contents)
    if is_new and place.stated_in is None:
        desk.change_lone({"landmarks": path.name})
    return revision(path)


def readings_with(opened: OpenImage, reading: Reading) -> tuple[Reading, ...]:
    """The readings as they will stand in the landmark file once this one is saved.

    Raises
    ------
    BadLandmarks
        When the marks cannot be used.
    """
    return readings_of(_content_with(opened, reading), name=opened.place.name, image=opened.marked)


def _content_with(opened: OpenImage, reading: Reading) -> dict[str, Any]:
    path = opened.place.landmarks
    if path is not None and path.exists():
        return with_reading(landmark_content(path, name=path.name), reading)
    file, space = opened.place.path.name, opened.marked.space
    return with_reading(empty_content(image_file=file, sha256=opened.sha256, space=space), reading)


def _free_path(place: Place) -> Path:
    """A name beside the image that nothing has yet."""
    stem = (
        place.path.name.removesuffix(".gz").removesuffix(".nii")
        if place.kind == "volume"
        else place.path.stem
    )
    names = [f"{stem}.landmarks.json", *(f"{stem}-{n}.landmarks.json" for n in range(2, 1000))]
    return next(place.path.parent / name for name in names if not (place.path.parent / name).exists())


def _with_landmarks(place: Place, path: Path) -> bytes:
    assert place.stated_in is not None
    text = read_text(place.stated_in, name=place.stated_in.name)
    named = path.relative_to(place.folder).as_posix()
    edited = with_keys(text, place.kind, place.index, {"landmarks": named}, name=place.stated_in.name)
    return edited.encode()


def _now() -> datetime:
    return datetime.now(UTC).astimezone().replace(microsecond=0)


def _tool() -> str:
    return f"mark/{atlasplane.__version__}"
