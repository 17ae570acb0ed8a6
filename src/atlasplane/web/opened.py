"""One film of the desk, opened: its image, what is stored of it, and its readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.io.dicom_header import Person
from atlasplane.io.film_file import FilmImage
from atlasplane.io.landmark_file import MarkedImage, read_landmarks
from atlasplane.io.landmark_save import revision
from atlasplane.io.models import FilmTable, PhotoTable
from atlasplane.io.photo_file import read_photo
from atlasplane.io.visit_folder import film_of
from atlasplane.sources.film import PlanarImage
from atlasplane.sources.reading import Reading
from atlasplane.web.desk import Desk, Place


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stated:
    """A film or photograph with what visit.toml says of it; without `film` where that cannot be.

    Attributes
    ----------
    film : PlanarImage or None
    person : whom its header speaks of
    findings : what the table brought up
    problem : why there is no film
    """

    film: PlanarImage | None = None
    person: Person | None = None
    findings: tuple[Finding, ...] = ()
    problem: BadInput | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OpenImage:
    """A film, photograph or volume whose image can be shown.

    Attributes
    ----------
    place : Place
    sha256 : of the image's bytes
    marked : what its landmark file must belong to
    revision : of its landmark file
    readings : of its landmark file; empty where that cannot be used
    unread : why it cannot, or None
    image : header and pixels of a film; None for volumes
    stated : Stated
    """

    place: Place
    sha256: str
    marked: MarkedImage
    revision: str
    readings: tuple[Reading, ...]
    unread: BadInput | None
    image: FilmImage | None = None
    stated: Stated = Stated()

    @property
    def problem(self) -> BadInput | None:
        """Why nothing can be measured on it, or None."""
        return self.unread or self.stated.problem

    @property
    def film(self) -> PlanarImage | None:
        """The film as it is stated, without readings; None for volumes and where that cannot be."""
        return self.stated.film


def open_place(desk: Desk, place: Place) -> OpenImage:
    """The image with everything that the folder says of it.

    Raises
    ------
    BadInput
        When the image itself cannot be opened; whatever else is wrong stands in `problem`.
    """
    return _open_volume(desk, place) if place.kind == "volume" else _open_film(desk, place)


def _open_film(desk: Desk, place: Place) -> OpenImage:
    image, sha256 = desk.film_image(place), desk.sha256(place)
    rows, columns = image.shape
    marked = MarkedImage(sha256=sha256, size=(columns, rows))
    readings, unread = _readings(place, marked)
    return OpenImage(
        place=place,
        sha256=sha256,
        marked=marked,
        revision=revision(place.landmarks),
        readings=readings,
        unread=unread,
        image=image,
        stated=_stated(place, image, sha256),
    )


def _open_volume(desk: Desk, place: Place) -> OpenImage:
    volume = desk.volume_image(place)
    sha256 = desk.sha256(place)
    from_lps = np.linalg.inv(volume.affine_lps).astype(np.float64)
    marked = MarkedImage(sha256=sha256, size=volume.shape, index_from_lps=from_lps)
    readings, unread = _readings(place, marked)
    return OpenImage(
        place=place,
        sha256=sha256,
        marked=marked,
        revision=revision(place.landmarks),
        readings=readings,
        unread=unread,
        stated=Stated(person=volume.person),
    )


def _stated(place: Place, image: FilmImage, sha256: str) -> Stated:
    name, table = _stated_name(place), place.table
    where = f"{place.kind}[{place.index}] ({table.file})"
    try:
        if isinstance(table, PhotoTable):
            photo = read_photo(place.path, table, sha256, file=place.name, name=name, where=where)
            return Stated(film=photo.photo, person=photo.person, findings=photo.findings)
        assert isinstance(table, FilmTable)
        read = film_of(image, table, sha256, file=place.name, name=name, where=where)
    except BadInput as fault:
        return Stated(problem=fault)
    return Stated(film=read.film, person=read.person, findings=read.findings)


def _stated_name(place: Place) -> str:
    """How messages call the file that the film's keys stand in."""
    return place.name if place.stated_in is None else f"{place.folder.name}/{place.stated_in.name}"


def _readings(place: Place, marked: MarkedImage) -> tuple[tuple[Reading, ...], BadInput | None]:
    path = place.landmarks
    if path is None:
        return (), None
    try:
        return read_landmarks(path, name=_landmark_name(place, path), image=marked), None
    except BadInput as fault:
        return (), fault


def _landmark_name(place: Place, path: Path) -> str:
    alone = place.kind == "volume" or place.stated_in is None
    return str(place.table.landmarks) if alone else f"{place.folder.name}/{path.name}"


def summary_of_readings(readings: tuple[Reading, ...]) -> list[Mapping[str, object]]:
    """Who read when, and how much, without where."""
    return [
        {
            "id": reading.id,
            "observer": reading.observer,
            "time": reading.time.isoformat(),
            "blinded": reading.blinded,
            "points": len(reading.points) + len(reading.contours) + len(reading.not_visible),
        }
        for reading in readings
    ]
