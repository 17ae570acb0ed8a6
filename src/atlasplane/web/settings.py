"""What a person states about a film in the page, stored in visit.toml."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from atlasplane.core.errors import BadInput
from atlasplane.io.atomic import write_text
from atlasplane.io.faults import validated
from atlasplane.io.folder_lock import locked_folder
from atlasplane.io.models import FilmTable, PhotoTable
from atlasplane.io.text_file import read_text
from atlasplane.io.toml_edit import with_keys
from atlasplane.io.visit_folder import visit_file_from_text
from atlasplane.web.bodies import SettingsBody
from atlasplane.web.desk import Desk, Place
from atlasplane.web.documents import stated_revision
from atlasplane.web.opened import OpenImage, open_place
from atlasplane.web.saving import Conflict


def store_settings(desk: Desk, place_id: str, body: SettingsBody, seen: str) -> OpenImage:
    """Store the keys that the body names; the film as it is then.

    Parameters
    ----------
    seen : str
        Revision of visit.toml that the page has.

    Raises
    ------
    Conflict
        When visit.toml has changed since.
    BadInput
        When a key cannot be, or contradicts the film's header or another key; nothing is stored.
    OutputFailed
        When it cannot be written.
    """
    with locked_folder(desk.root):
        place = desk.place(place_id)
        if stated_revision(place) != seen:
            what = "was changed by another window or program since it was loaded"
            raise Conflict("reading", place.name, what, "Load the film again")
        changes = _changes(place, body)
        _check(desk, place, changes)
        _store(desk, place, changes)
        return open_place(desk, desk.place(place_id))


def _changes(place: Place, body: SettingsBody) -> dict[str, Any]:
    given = body.model_dump(include=body.model_fields_set, exclude={"x"})
    changes = {
        key: {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
        for key, value in given.items()
    }
    foreign = sorted(set(changes) - set(type(place.table).model_fields))
    if foreign:
        raise BadInput(place.name, f"a photograph has no '{foreign[0]}'", "Leave it out")
    return changes


def _check(desk: Desk, place: Place, changes: dict[str, Any]) -> None:
    """Hold the new keys against the image, as reading the visit would; raises BadInput."""
    assert isinstance(place.table, FilmTable | PhotoTable)
    kept = place.table.model_dump(exclude_none=True, exclude=set(changes))
    stated = {key: value for key, value in changes.items() if value is not None}
    table = validated(type(place.table), {**kept, **stated}, name=place.name)
    tried = open_place(desk, replace(place, table=table))
    before = open_place(desk, place)
    if tried.stated.problem is not None and before.stated.problem is None:
        raise tried.stated.problem


def _store(desk: Desk, place: Place, changes: dict[str, Any]) -> None:
    if place.stated_in is None:
        desk.change_lone(changes)
        return
    name = f"{place.folder.name}/{place.stated_in.name}"
    text = with_keys(read_text(place.stated_in, name=name), place.kind, place.index, changes, name=name)
    visit_file_from_text(text, name=name)
    write_text(place.stated_in, text)
