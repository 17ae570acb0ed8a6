"""The case as every other verb reads it; where it cannot be read whole, its usable films alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from atlasplane.core.errors import AtlasplaneError
from atlasplane.io.case_folder import read_case
from atlasplane.io.visit_folder import read_visit
from atlasplane.sources.case import Case, Visit
from atlasplane.web.desk import Desk, Place, Shelf
from atlasplane.web.memory import Memory, folder_signature
from atlasplane.web.opened import OpenImage, open_place

LONE = "film"
"""Id of the case and visit that stand in for those of a lone film."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CaseRead:
    """A case; `problem` says why it is not whole."""

    case: Case
    problem: AtlasplaneError | None


@dataclass(slots=True, eq=False)
class CaseReader:
    """Reads the desk's case when one of its files has changed.

    Attributes
    ----------
    desk : Desk
    """

    desk: Desk
    _kept: Memory[CaseRead] = field(default_factory=lambda: Memory(2))

    def case(self) -> Case:
        """The case as far as it can be read; raises BadInput when its folder cannot be."""
        return self._read().case

    def problem(self) -> AtlasplaneError | None:
        """Why the case cannot be read whole, and so not be measured; None where it can."""
        return None if self.desk.lone is not None else self._read().problem

    def signature(self, *, without: Path | None = None) -> object:
        """What changes when a file of the case does, one file left out; raises BadInput."""
        folders = {self.desk.root, *(shelf.folder for shelf in self.desk.shelves())}
        folders |= {place.path.parent for place in self.desk.places() if place.kind == "volume"}
        lone = None if self.desk.lone is None else self.desk.lone.model_dump_json()
        return lone, tuple(_signed(folder, without) for folder in sorted(folders))

    def _read(self) -> CaseRead:
        return self._kept.get("case", self.signature(), self._read_now)

    def _read_now(self) -> CaseRead:
        if self.desk.lone is not None:
            return CaseRead(case=self._usable(), problem=None)
        try:
            return CaseRead(case=read_case(self.desk.root), problem=None)
        except AtlasplaneError as fault:
            return CaseRead(case=self._usable(), problem=fault)

    def _usable(self) -> Case:
        table = self.desk.case()
        visits = tuple(v for shelf in self.desk.shelves() if (v := self._visit(shelf)) is not None)
        return Case(
            id=LONE if table is None else table.id,
            pseudonym=LONE if table is None else table.pseudonym,
            folder=self.desk.root,
            simulated=table is not None and table.simulated,
            sex="unknown" if table is None else table.sex,
            visits=visits,
        )

    def _visit(self, shelf: Shelf) -> Visit | None:
        """The visit with those of its films that can be used; None where nothing of it can."""
        usable = list(self._usable_images(shelf))
        if shelf.table is None:
            return None
        kept = {place.table.file for place, _ in usable}
        table = shelf.table.model_copy(
            update={
                "film": tuple(film for film in shelf.table.film if film.file in kept),
                "photo": tuple(photo for photo in shelf.table.photo if photo.file in kept),
            }
        )
        digests = {place.path: opened.sha256 for place, opened in usable}
        try:
            visit = read_visit(shelf.folder, table, digests).visit
        except AtlasplaneError:
            return None
        if self.desk.lone is None:
            return visit
        # A lone film has no case that its folder would be a part of: it is called by its own name.
        return replace(visit, films=tuple(replace(f, file=f.file.rpartition("/")[2]) for f in visit.films))

    def _usable_images(self, shelf: Shelf) -> Iterator[tuple[Place, OpenImage]]:
        for place in self.desk.places_of(shelf):
            try:
                opened = open_place(self.desk, place)
            except AtlasplaneError:
                continue
            if opened.problem is None:
                yield place, opened


def _signed(folder: Path, without: Path | None) -> object:
    left_out = without.name if without is not None and without.parent == folder else None
    return tuple(entry for entry in folder_signature(folder) if entry[0] != left_out)
