"""What lies on the desk: the films, photographs and volumes of a case folder, or one film alone.

Nothing is remembered of what people may change: every look reads visit.toml and landmark files as they are
now. Only what belongs to an image's own bytes is kept while they stay the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Literal

from atlasplane.core.errors import AtlasplaneError, BadInput
from atlasplane.io.case_folder import CASE_FILE, read_case_file, visit_folders
from atlasplane.io.digest import sha256_of, sha256_of_folder, unreadable
from atlasplane.io.film_file import FilmImage, open_film
from atlasplane.io.models import CaseFile, FilmTable, PhotoTable, VisitFile, VolumeTable
from atlasplane.io.visit_folder import VISIT_FILE, named_file, read_visit_file
from atlasplane.io.volume_file import open_volume
from atlasplane.io.volume_image import VolumeImage
from atlasplane.web.memory import Memory, folder_signature, signature

Kind = Literal["film", "photo", "volume"]


class NotFound(BadInput):
    """What the page asks for is not on the desk."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Shelf:
    """A visit's folder with its table; `problem` where it cannot be read."""

    folder: Path
    table: VisitFile | None
    problem: AtlasplaneError | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Place:
    """One image of the desk and the table that speaks of it.

    Attributes
    ----------
    id : opaque, so that no name of a file stands in an address
    kind : film, photo or volume; the array of tables that holds it
    index : its number there
    folder : where its names count from
    table : its keys in visit.toml or case.toml
    name : as messages call it, a path inside the case
    stated_in : the TOML file; None for a lone film, whose keys were given on the command line
    shelf : the visit; None for volumes
    """

    id: str
    kind: Kind
    index: int
    folder: Path
    table: FilmTable | PhotoTable | VolumeTable
    name: str
    stated_in: Path | None
    shelf: Shelf | None = None

    @property
    def path(self) -> Path:
        """The image's file, or folder of slices."""
        return self.folder / self.table.file

    @property
    def view(self) -> str:
        """Its view; `volume` for volumes."""
        return "volume" if isinstance(self.table, VolumeTable) else self.table.view

    @property
    def landmarks(self) -> Path | None:
        """Its landmark file, which may be missing, or None where none is named."""
        return None if self.table.landmarks is None else self.folder / self.table.landmarks


@dataclass(slots=True, eq=False, kw_only=True)
class Desk:
    """The images that can be marked.

    Attributes
    ----------
    root : the case folder, or the folder of the lone film
    lone : the visit that stands in for one, with the lone film; None for a case
    """

    root: Path
    lone: VisitFile | None = None
    _lock: Lock = field(default_factory=Lock)
    _cases: Memory[CaseFile] = field(default_factory=lambda: Memory(1))
    _visits: Memory[VisitFile] = field(default_factory=lambda: Memory(500))
    _digests: Memory[str] = field(default_factory=lambda: Memory(500))
    _films: Memory[FilmImage] = field(default_factory=lambda: Memory(200))
    _volumes: Memory[VolumeImage] = field(default_factory=lambda: Memory(4))

    def case(self) -> CaseFile | None:
        """case.toml; None for a lone film. Raises BadInput."""
        if self.lone is not None:
            return None
        path = self.root / CASE_FILE
        return self._cases.get(path, _signed(path, CASE_FILE), lambda: read_case_file(self.root))

    def shelves(self) -> tuple[Shelf, ...]:
        """The visits, in the order of their time; one that cannot be read says why.

        Raises
        ------
        BadInput
            When the case folder itself cannot be read.
        """
        if self.lone is not None:
            return (Shelf(folder=self.root, table=self.lone),)
        shelves = [self._shelf(folder) for folder in visit_folders(self.root)]
        dated = [each for each in shelves if each.table is not None]
        # A visit without a table has no time: it stands last, where nobody misses it.
        return (*sorted(dated, key=_time), *(each for each in shelves if each.table is None))

    def places(self) -> Iterator[Place]:
        """Every image, visit after visit, then the volumes."""
        for shelf in self.shelves():
            yield from self.places_of(shelf)
        case = self.case()
        for n, volume in enumerate(case.volume if case is not None else ()):
            yield Place(
                id=_id(f"volume {volume.file}"),
                kind="volume",
                index=n,
                folder=self.root,
                table=volume,
                name=volume.file,
                stated_in=self.root / CASE_FILE,
            )

    def places_of(self, shelf: Shelf) -> Iterator[Place]:
        """Films, then photographs of one visit."""
        tables: Mapping[Kind, tuple[FilmTable | PhotoTable, ...]] = (
            {} if shelf.table is None else {"film": shelf.table.film, "photo": shelf.table.photo}
        )
        for kind, entries in tables.items():
            for n, table in enumerate(entries):
                name = table.file if self.lone is not None else f"{shelf.folder.name}/{table.file}"
                yield Place(
                    id=_id(name),
                    kind=kind,
                    index=n,
                    folder=shelf.folder,
                    table=table,
                    name=name,
                    stated_in=None if self.lone is not None else shelf.folder / VISIT_FILE,
                    shelf=shelf,
                )

    def place(self, id_: str, *, volume: bool = False) -> Place:
        """The image with this id; raises NotFound."""
        for place in self.places():
            if place.id == id_ and (place.kind == "volume") == volume:
                return place
        what = "is not in the case any more" if self.lone is None else "is not the film that is marked"
        raise NotFound("volume" if volume else "film", what, "Load the page again")

    def film_image(self, place: Place) -> FilmImage:
        """Shape and header of a film or photograph; raises BadInput."""
        path = self._existing(place)
        frame = getattr(place.table, "frame", None)
        return self._films.get(
            (path, frame),
            _signed(path, place.name),
            lambda: open_film(path, name=place.name, frame=frame),
        )

    def volume_image(self, place: Place) -> VolumeImage:
        """Grid of a volume; raises BadInput."""
        path, table = self._existing(place), place.table
        assert isinstance(table, VolumeTable)
        made_from = (_signed(path, place.name), table.hounsfield)
        return self._volumes.get(
            path, made_from, lambda: open_volume(path, name=place.name, hounsfield=table.hounsfield)
        )

    def sha256(self, place: Place) -> str:
        """Digest of the image's bytes as they are now; raises BadInput."""
        path = self._existing(place)
        digest = sha256_of_folder if path.is_dir() else sha256_of
        return self._digests.get(path, _signed(path, place.name), lambda: digest(path, name=place.name))

    def change_lone(self, changes: Mapping[str, object]) -> None:
        """Replace keys of the lone film's table."""
        with self._lock:
            assert self.lone is not None
            film = FilmTable.model_validate({**self.lone.film[0].model_dump(exclude_none=True), **changes})
            self.lone = self.lone.model_copy(update={"film": (film,)})

    def _shelf(self, folder: Path) -> Shelf:
        path = folder / VISIT_FILE
        try:
            table = self._visits.get(path, _signed(path, VISIT_FILE), lambda: read_visit_file(folder))
        except AtlasplaneError as fault:
            return Shelf(folder=folder, table=None, problem=fault)
        return Shelf(folder=folder, table=table)

    def _existing(self, place: Place) -> Path:
        named = place.stated_in.name if place.stated_in is not None else place.name
        return named_file(place.folder, place.table.file, name=named, where=f"{place.kind}[{place.index}]")


def _time(shelf: Shelf) -> tuple[object, int]:
    assert shelf.table is not None
    return shelf.table.time, ("pre", "single", "post").index(shelf.table.moment)


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _signed(path: Path, name: str) -> object:
    try:
        return folder_signature(path) if path.is_dir() else signature(path)
    except OSError as fault:
        raise unreadable(name, fault) from fault
