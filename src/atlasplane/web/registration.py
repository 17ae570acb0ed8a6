"""The saved registration of a film's visit for the page: its state, outlines of the bones, its pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlasplane.core.errors import AtlasplaneError, BadInput
from atlasplane.io.models_registration import PictureJson, RegisterOutput
from atlasplane.io.registration_inputs import changed_inputs
from atlasplane.io.registration_record import OVERLAY_FOLDER, RECORD_FILE, read_registration
from atlasplane.pathways.alignment.registered_poses import METHOD
from atlasplane.report.registration_section import registration_sheet, unread_sheet
from atlasplane.report.registration_view import RegistrationSheet
from atlasplane.web.case_read import CaseReader
from atlasplane.web.desk import Desk, NotFound, Place
from atlasplane.web.memory import Memory, signature

Json = dict[str, Any]
TENTHS = 10
"""Outlines are sent in whole tenths of a pixel of the film."""
_BONES = {"skull": "Skull", "c1": "Atlas C1", "c2": "Axis C2"}
_MOST_PIXELS = 4_000_000


@dataclass(slots=True, eq=False, kw_only=True)
class RegistrationRoom:
    """What the server knows of registrations.

    Attributes
    ----------
    desk : the images
    reader : the case that they are of
    """

    desk: Desk
    reader: CaseReader
    _records: Memory[RegisterOutput] = field(default_factory=lambda: Memory(20))
    _changes: Memory[tuple[str, ...]] = field(default_factory=lambda: Memory(20))

    def document(self, id_: str) -> Json:
        """What the panel shows and the film draws; `registration` is null where there is none.

        Raises
        ------
        BadInput
            When the film is not on the desk.
        """
        place = self.desk.place(id_)
        path = _record_path(place)
        if path is None:
            return {"registration": None}
        title = path.parent.name
        try:
            record = self._record(path)
        except BadInput as fault:
            return {"registration": _document(unread_sheet(title, fault), None, place, ())}
        changed = self._changed(path, record)
        sheet = registration_sheet(record, title, stale=bool(changed))
        return {"registration": _document(sheet, record, place, changed)}

    def picture(self, id_: str, kind: str) -> bytes:
        """The part of an overlay that shows the film, PNG; raises NotFound."""
        place = self.desk.place(id_)
        path = _record_path(place)
        found = None if path is None else _picture_of(self._record(path), place, kind)
        if path is None or found is None:
            raise NotFound(place.name, "has no such picture", "Load the page again")
        return _film_part(path.parent / OVERLAY_FOLDER / Path(found.file).name, found, place.name)

    def _record(self, path: Path) -> RegisterOutput:
        name = f"{path.parent.name}/{path.name}"
        return self._records.get(path, signature(path), lambda: read_registration(path, name=name))

    def _changed(self, path: Path, record: RegisterOutput) -> tuple[str, ...]:
        """What the registration rested on and is another now, in words."""

        def compare() -> tuple[str, ...]:
            try:
                case = self.reader.case()
                visit = next((v for v in case.visits if v.folder == path.parent.name), None)
                if visit is None:
                    return ("the visit",)
                return changed_inputs(self.desk.root, visit, case.volumes, record.inputs, method=METHOD)
            except AtlasplaneError as fault:
                return (f"{fault.file}: {fault.what}",)

        return self._changes.get(path, (signature(path), self.reader.signature()), compare)


def _record_path(place: Place) -> Path | None:
    """The record of the film's visit, or None where there is none."""
    if place.shelf is None or place.stated_in is None:
        return None
    path = place.shelf.folder / RECORD_FILE
    return path if path.is_file() else None


def _document(
    sheet: RegistrationSheet, record: RegisterOutput | None, place: Place, changed: Sequence[str]
) -> Json:
    own = {} if record is None else record.contours.get(_film_name(record, place), {})
    return {
        "kind": sheet.kind,
        "state": sheet.state,
        "said": sheet.said,
        "changed": list(changed),
        "reasons": [{"what": what, "remedy": remedy} for what, remedy in sheet.reasons],
        "facts": [list(fact) for fact in sheet.facts],
        "bones": [
            {"id": bone, "name": _BONES.get(bone, bone.upper()), "d": _path(lines)}
            for bone, lines in own.items()
            if lines
        ],
        "pictures": [
            {"kind": each.kind, "box": list(each.box_px)}
            for each in (() if record is None else record.pictures)
            if each.kind != "contours" and each.film == _film_name(record, place)
        ],
    }


def _film_name(record: RegisterOutput | None, place: Place) -> str:
    """The film as the record names it, which may be with its folder."""
    names = [] if record is None else [film.file for film in record.inputs.films]
    return next((name for name in names if name in (place.name, place.table.file)), place.table.file)


def _picture_of(record: RegisterOutput, place: Place, kind: str) -> PictureJson | None:
    name = _film_name(record, place)
    return next((each for each in record.pictures if each.kind == kind and each.film == name), None)


def _path(lines: Sequence[Sequence[Sequence[float]]]) -> str:
    """Closed lines as an SVG path in tenths of a pixel."""
    parts = []
    for line in lines:
        points = [f"{round(TENTHS * column)} {round(TENTHS * row)}" for column, row in line[:-1]]
        parts.append(f"M{'L'.join(points)}Z")
    return "".join(parts)


def _film_part(path: Path, picture: PictureJson, name: str) -> bytes:
    """The picture without its strips of words."""
    from PIL import Image, UnidentifiedImageError

    left, top, width, height = picture.image_px
    try:
        with Image.open(path, formats=("PNG",)) as opened:
            if path.is_symlink() or opened.width * opened.height > _MOST_PIXELS:
                raise ValueError("not one of ours")
            part = opened.convert("L").crop((left, top, left + width, top + height))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as fault:
        raise NotFound(name, "has no such picture any more", "Register the visit again") from fault
    stream = io.BytesIO()
    part.save(stream, "PNG", compress_level=3)
    return stream.getvalue()
