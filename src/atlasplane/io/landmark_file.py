"""The landmark file: readings of one image, tied to it by its digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.landmarks import Landmark, landmarks
from atlasplane.core.errors import BadLandmarks
from atlasplane.geometry.types import Array
from atlasplane.io.atomic import write_text
from atlasplane.io.faults import nearest, validated
from atlasplane.io.limits import agreement
from atlasplane.io.models_readings import LANDMARKS_SCHEMA, LandmarkFile, PointTable, ReadingTable
from atlasplane.io.text_file import checked_schema, read_json
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading

_HEAD = ("id", "observer", "time", "tool", "blinded")
"""Keys of a reading that stand on its first line."""
BORDER_PX = 0.5
"""A pixel reaches half its size beyond its centre, and so does the image."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MarkedImage:
    """The image a landmark file must belong to.

    Attributes
    ----------
    sha256 : str
        Digest of the image's bytes.
    size : tuple of int
        (columns, rows) of a film, voxels along i, j, k of a volume.
    index_from_lps : array, shape (4, 4), or None
        LPS mm to voxel index; None for a film, whose points are pixels already.
    """

    sha256: str
    size: tuple[int, ...]
    index_from_lps: Array | None = None

    @property
    def space(self) -> str:
        """`pixel` or `lps_mm`."""
        return "pixel" if self.index_from_lps is None else "lps_mm"

    def holds(self, at: Array) -> NDArray[np.bool_]:
        """Whether each of the points, shape (n, 2) or (n, 3), lies inside the image; shape (n,)."""
        index = (
            at
            if self.index_from_lps is None
            else at @ self.index_from_lps[:3, :3].T + self.index_from_lps[:3, 3]
        )
        inside: NDArray[np.bool_] = np.all(
            (index >= -BORDER_PX) & (index <= np.array(self.size) - 1 + BORDER_PX), axis=1
        )
        return inside


def read_landmarks(
    path: Path, *, name: str | None = None, image: MarkedImage | None = None
) -> tuple[Reading, ...]:
    """Readings of a landmark file, in the file's order.

    Parameters
    ----------
    name : str, optional
        How messages call the file.
    image : MarkedImage, optional
        The image that they must belong to; without it digest, space and borders are not checked.

    Raises
    ------
    BadLandmarks
        When a point is unknown, given twice, outside or impossible, or the file belongs to another image.
    BadInput
        When the file cannot be read.
    """
    name = name or path.as_posix()
    return readings_of(read_json(path, name=name), name=name, image=image)


def readings_of(content: object, *, name: str, image: MarkedImage | None = None) -> tuple[Reading, ...]:
    """Readings of a landmark file's tables; parameters and errors as for `read_landmarks`."""
    table = validated(
        LandmarkFile,
        checked_schema(content, LANDMARKS_SCHEMA, name=name),
        name=name,
        error=BadLandmarks,
    )
    if image is not None:
        _check_belongs(table, image, name)
    _check_reading_ids(table, name)
    return tuple(_reading(reading, table.space, image, name) for reading in table.readings)


def write_landmarks(
    path: Path, readings: Iterable[Reading], *, image_file: str, sha256: str, space: str = "pixel"
) -> None:
    """Write a landmark file, one point a line; reading it gives the same readings.

    Parameters
    ----------
    image_file : str
        Name of the image beside the landmark file.
    sha256 : str
        Digest of the image's bytes.
    space : str
        `pixel` or `lps_mm`.

    Raises
    ------
    OutputFailed
        When it cannot be written.
    """
    image = {"file": image_file, "sha256": sha256}
    tables = [reading_table(reading) for reading in readings]
    write_text(path, landmark_text({"image": image, "space": space, "readings": tables}))


def reading_table(reading: Reading) -> dict[str, object]:
    """A reading as the table that stands in a landmark file."""
    points: dict[str, object] = {id_: _point_table(point) for id_, point in reading.points.items()}
    points |= {id_: {"visible": False} for id_ in sorted(reading.not_visible)}
    sd = {id_: contour.sd for id_, contour in reading.contours.items() if contour.sd is not None}
    return {
        "id": reading.id,
        "observer": reading.observer,
        "time": reading.time.isoformat(),
        "tool": reading.tool,
        "blinded": reading.blinded,
        "points": points,
        "contours": {id_: contour.at.tolist() for id_, contour in reading.contours.items()},
        **({"contour_sd": sd} if sd else {}),
        **({"x": dict(reading.x)} if reading.x else {}),
    }


def landmark_text(content: Mapping[str, Any]) -> str:
    """Text of a landmark file from its tables, one point a line; what the tables hold is kept to the digit.

    Parameters
    ----------
    content : mapping
        `image`, `space`, `readings` and what else a landmark file may hold.
    """
    own = {key: value for key, value in content.items() if key not in ("schema", "readings")}
    head = ",\n ".join(f"{_json(key)}: {_json(value)}" for key, value in own.items())
    body = ",\n".join(_reading_text(table) for table in content["readings"])
    return f'{{"schema": {_json(LANDMARKS_SCHEMA)},\n {head},\n "readings": [\n{body}\n]}}\n'


def _check_belongs(table: LandmarkFile, image: MarkedImage, name: str) -> None:
    if table.image.sha256 != image.sha256:
        raise BadLandmarks(
            name,
            f"belongs to another image: it was placed on '{table.image.file}' "
            f"with sha256 {table.image.sha256[:12]}…, but this image has {image.sha256[:12]}…",
            "Put back the image that was marked, or mark this one",
        )
    if table.space != image.space:
        raise BadLandmarks(
            name,
            f"has space '{table.space}', expected '{image.space}'",
            "A film takes pixel, a volume lps_mm",
        )


def _check_reading_ids(table: LandmarkFile, name: str) -> None:
    ids = [reading.id for reading in table.readings]
    twice = next((id_ for id_ in ids if ids.count(id_) > 1), None)
    if twice is not None:
        raise BadLandmarks(name, f"reading '{twice}' is given twice", "Give every reading an id of its own")


def _reading(table: ReadingTable, space: str, image: MarkedImage | None, name: str) -> Reading:
    where = f"reading '{table.id}'"
    _check_known(table, name, where)
    length = 2 if space == "pixel" else 3
    points = {id_: _point(id_, p, length, name, where) for id_, p in table.points.items() if p.visible}
    contours = {
        id_: MarkedContour(_array(id_, vertices, length, name, where), table.contour_sd.get(id_))
        for id_, vertices in table.contours.items()
    }
    if image is not None:
        _check_inside({id_: point.at[None] for id_, point in points.items()}, image, name, where)
        _check_inside({id_: contour.at for id_, contour in contours.items()}, image, name, where)
    return Reading(
        id=table.id,
        observer=table.observer,
        time=table.time,
        tool=table.tool,
        blinded=table.blinded,
        points=points,
        contours=contours,
        not_visible=frozenset(id_ for id_, point in table.points.items() if not point.visible),
        x=dict(table.x or {}),
    )


def _check_known(table: ReadingTable, name: str, where: str) -> None:
    catalogue = landmarks()
    kinds = [*((id_, "point") for id_ in table.points), *((id_, "contour") for id_ in table.contours)]
    for id_, kind in kinds:
        entry = catalogue.get(id_)
        if entry is None:
            raise _unknown(id_, catalogue, name, where)
        hidden = kind == "point" and not table.points[id_].visible
        if entry.kind != kind and not hidden:
            raise BadLandmarks(
                name,
                f"{where}: '{id_}' is a {entry.kind}, but is given as a {kind}",
                f"Move it to '{entry.kind}s'",
            )
    stray = next((id_ for id_ in table.contour_sd if id_ not in table.contours), None)
    if stray is not None:
        raise BadLandmarks(
            name, f"{where}: 'contour_sd' names '{stray}', which has no contour", "Add it, or delete the SD"
        )


def _unknown(id_: str, catalogue: Mapping[str, Landmark], name: str, where: str) -> BadLandmarks:
    sides = [f"{id_}_R", f"{id_}_L"]
    if sides[0] in catalogue:
        remedy = f"Say which side: {' or '.join(sides)}"
    else:
        close = nearest(id_, catalogue)
        remedy = f"Did you mean '{close}'?" if close else "Use the ids of the landmark catalogue"
    return BadLandmarks(name, f"{where}: unknown landmark '{id_}'", remedy)


def _point(id_: str, point: PointTable, length: int, name: str, where: str) -> MarkedPoint:
    assert point.at is not None  # the model gives every visible point a place
    at = _array(id_, (point.at,), length, name, where)[0]
    if point.cov is None:
        return MarkedPoint(at)
    cov = np.array(point.cov, dtype=float)
    if not np.allclose(cov, cov.T, rtol=1e-9, atol=0.0) or not np.all(np.linalg.eigvalsh(cov) > 0):
        raise BadLandmarks(
            name,
            f"{where}: 'cov' of '{id_}' is not symmetric and positive definite",
            "Give variances > 0 on the diagonal and one covariance, or leave 'cov' out",
        )
    most = agreement("placing_sd_most")
    if np.diag(cov).max() > most**2:
        raise BadLandmarks(
            name,
            f"{where}: 'cov' of '{id_}' is a placing error of more than {most:g}",
            "Variances are in pixels squared, or millimetres squared of a volume",
        )
    return MarkedPoint(at, cov)


def _array(id_: str, rows: Sequence[Sequence[float]], length: int, name: str, where: str) -> Array:
    if any(len(row) != length for row in rows):
        raise BadLandmarks(
            name,
            f"{where}: '{id_}' needs {length} numbers a point",
            "A pixel has 2 (column, row), LPS mm has 3",
        )
    return np.array(rows, dtype=float)


def _check_inside(places: Mapping[str, Array], image: MarkedImage, name: str, where: str) -> None:
    for id_, at in places.items():
        outside = at[~image.holds(at)]
        if len(outside):
            shown = ", ".join(f"{value:g}" for value in outside[0])
            size = " x ".join(str(n) for n in image.size)
            raise BadLandmarks(
                name,
                f"{where}: '{id_}' at ({shown}) lies outside the image ({size})",
                "Place it again, or check that [column, row] were not exchanged",
            )


def _reading_text(table: Mapping[str, Any]) -> str:
    head = {key: table[key] for key in _HEAD if key in table}
    rest = {key: value for key, value in table.items() if key not in (*_HEAD, "points", "contours")}
    places = [f'"{key}": {_lines(table.get(key) or {})}' for key in ("points", "contours")]
    more = [f"{_json(key)}: {_json(value)}" for key, value in rest.items()]
    return "  " + ",\n   ".join([_json(head)[:-1], *places, *more]) + "}"


def _point_table(point: MarkedPoint) -> dict[str, object]:
    at = {"at": point.at.tolist()}
    return at if point.cov is None else {**at, "cov": point.cov.tolist()}


def _lines(table: Mapping[str, object]) -> str:
    return "{" + ",".join(f"\n    {_json(key)}: {_json(value)}" for key, value in table.items()) + "}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
