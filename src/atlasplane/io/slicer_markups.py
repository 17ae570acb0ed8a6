"""One reading as a Slicer markups file (`.mrk.json`, schema 1.0.3): points as fiducials, contours as curves.

A volume's points are in its own LPS millimetres. Slicer knows no films: a film's point [column, row] stands
at LPS (column * width, row * height, 0) with the size of a pixel in mm, which is where Slicer shows the film
when it is loaded as a volume of one slice with that spacing. What Slicer has no place for (observer, time,
covariances, the very pixel) stands under the key `atlasplane`, which the schema allows and Slicer drops when
it saves the file anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlasplane.core.errors import BadFile, BadLandmarks
from atlasplane.geometry.types import Array
from atlasplane.sources.reading import MarkedPoint, Reading

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/"
    "Resources/Schema/markups-schema-v1.0.3.json#"
)
OURS = "atlasplane"
"""Key of what is ours in such a file."""
READING_SCHEMA = "atlasplane.slicer-reading/1"

_VERSION = re.compile(r"markups-schema-v1\.0\.[0-3]\.json")
_NUMBERED = re.compile(r"(.+?)-\d+")
_AGAIN = "Save the markups again in Slicer as .mrk.json"
_TO_LPS = {"LPS": np.array([1.0, 1.0, 1.0]), "RAS": np.array([-1.0, -1.0, 1.0])}
_TO_MM = {"mm": 1.0, "um": 1e-3}
_PLACED, _LOOKED_FOR = "defined", "missing"
_SAME_PX = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkupsSpace:
    """How points of an image stand in a markups file.

    Attributes
    ----------
    mm_per_px : (float, float) or None
        [column, row] size for a film (1 where it has no scale); None for a volume, whose points are LPS mm.
    """

    mm_per_px: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """`pixel` or `lps_mm`."""
        return "lps_mm" if self.mm_per_px is None else "pixel"

    def to_lps(self, at: Array) -> list[list[float]]:
        """Points of the image, shape (n, 2) or (n, 3), as LPS mm."""
        if self.mm_per_px is None:
            return [[float(v) for v in point] for point in at]
        return [[float(c) * self.mm_per_px[0], float(r) * self.mm_per_px[1], 0.0] for c, r in at]

    def from_lps(self, at: Sequence[float]) -> list[float] | None:
        """A point in LPS mm as one of the image; None for one that is off the plane of a film."""
        if self.mm_per_px is None:
            return [float(v) for v in at]
        if abs(at[2]) > max(self.mm_per_px) / 2:
            return None
        return [at[0] / self.mm_per_px[0], at[1] / self.mm_per_px[1]]


def markups_text(reading: Reading, space: MarkupsSpace, *, image_file: str, sha256: str) -> str:
    """The file of one reading; `image_file` and `sha256` say which image it is of."""
    points = [
        _control_point(n, id_, point, space) for n, (id_, point) in enumerate(reading.points.items(), 1)
    ]
    hidden = [
        {"id": str(n), "label": id_, "positionStatus": _LOOKED_FOR}
        for n, id_ in enumerate(sorted(reading.not_visible), len(points) + 1)
    ]
    curves = [_curve(id_, contour.at, space) for id_, contour in reading.contours.items()]
    sd = {id_: contour.sd for id_, contour in reading.contours.items() if contour.sd is not None}
    ours = {
        "schema": READING_SCHEMA,
        "image": {"file": image_file, "sha256": sha256},
        "space": space.name,
        **({} if space.mm_per_px is None else {"mm_per_px": list(space.mm_per_px)}),
        "reading": {
            "id": reading.id,
            "observer": reading.observer,
            "time": reading.time.isoformat(),
            "tool": reading.tool,
            "blinded": reading.blinded,
            **({"contour_sd": sd} if sd else {}),
            **({"x": dict(reading.x)} if reading.x else {}),
        },
    }
    markups = [_markup("Fiducial", reading.id, [*points, *hidden]), *curves]
    content = {"@schema": SCHEMA, OURS: ours, "markups": markups}
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def our_part(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands under our key; empty where Slicer, or a person, made the file."""
    found = content.get(OURS)
    known = isinstance(found, dict) and found.get("schema") == READING_SCHEMA
    return found if known and isinstance(found, dict) else {}


def marks_of(content: object, space: MarkupsSpace, *, name: str) -> dict[str, Any]:
    """Points and contours as the tables of a landmark file's reading (`points`, `contours`, `contour_sd`).

    Ids are not looked up here: whoever puts the tables into a landmark file checks them like any other.

    Raises
    ------
    BadFile
        When it is no markups file, or of another version.
    BadLandmarks
        When a label stands twice, is of a kind that is not read, or a point is off the film.
    """
    if not isinstance(content, dict) or not _VERSION.search(str(content.get("@schema", ""))):
        raise BadFile(name, "is not a Slicer markups file (schema 1.0.0 to 1.0.3)", _AGAIN)
    points: dict[str, Any] = {}
    contours: dict[str, Any] = {}
    for markup in _tables(content, "markups", name):
        kind = str(markup.get("type"))
        if kind == "Fiducial":
            _add_points(points, markup, space, name)
        elif kind == "Curve":
            _add_contour(contours, markup, space, name)
        else:
            what = f"holds a markup of type '{kind}', which stands for no landmark"
            raise BadLandmarks(name, what, "Keep point lists and open curves only")
    sd = our_part(content).get("reading", {}).get("contour_sd", {})
    kept = {id_: value for id_, value in sd.items() if id_ in contours}
    return {"points": points, "contours": contours, **({"contour_sd": kept} if kept else {})}


def _markup(kind: str, name: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(points),
        "controlPoints": points,
    }


def _control_point(number: int, id_: str, point: MarkedPoint, space: MarkupsSpace) -> dict[str, Any]:
    ours: dict[str, Any] = {"at": [float(v) for v in point.at]}
    if point.cov is not None:
        ours["cov"] = point.cov.tolist()
    return {
        "id": str(number),
        "label": id_,
        "position": space.to_lps(point.at[None])[0],
        "selected": True,
        "visibility": True,
        "positionStatus": _PLACED,
        OURS: ours,
    }


def _curve(id_: str, at: Array, space: MarkupsSpace) -> dict[str, Any]:
    points = [
        {
            "id": str(n),
            "label": f"{id_}-{n}",
            "position": position,
            "positionStatus": _PLACED,
            OURS: {"at": [float(v) for v in own]},
        }
        for n, (position, own) in enumerate(zip(space.to_lps(at), at, strict=True), 1)
    ]
    return _markup("Curve", id_, points)


def _add_points(points: dict[str, Any], markup: Mapping[str, Any], space: MarkupsSpace, name: str) -> None:
    for label, at, ours in _placed(markup, space, name):
        if label in points:
            raise BadLandmarks(name, f"'{label}' is given twice", "Keep one of them: a point has one place")
        cov = ours.get("cov")
        points[label] = {"visible": False} if at is None else {"at": at, **({"cov": cov} if cov else {})}


def _add_contour(contours: dict[str, Any], markup: Mapping[str, Any], space: MarkupsSpace, name: str) -> None:
    placed = [(label, at) for label, at, _ in _placed(markup, space, name) if at is not None]
    numbered = _NUMBERED.fullmatch(placed[0][0]) if placed else None
    id_ = str(markup.get("name") or (numbered[1] if numbered else ""))
    if not id_ or not placed:
        raise BadLandmarks(
            name, "holds a curve without a name or a point", "Name it as the contour, e.g. SKULL_R"
        )
    if id_ in contours:
        raise BadLandmarks(name, f"'{id_}' is given twice", "Keep one of them")
    contours[id_] = [at for _, at in placed]


def _placed(
    markup: Mapping[str, Any], space: MarkupsSpace, name: str
) -> Iterator[tuple[str, list[float] | None, Mapping[str, Any]]]:
    """Label, place in the image (None where it was looked for and not seen) and our notes of each point."""
    factor = _factor(markup, name)
    for n, point in enumerate(_tables(markup, "controlPoints", name)):
        label, status = str(point.get("label", "")), str(point.get("positionStatus", _PLACED))
        ours = point.get(OURS) if isinstance(point.get(OURS), dict) else {}
        if status == _LOOKED_FOR:
            yield label, None, {}
        elif status == _PLACED:
            yield label, _place(point, factor, space, ours or {}, name, label or f"point {n + 1}"), ours or {}


def _place(
    point: Mapping[str, Any],
    factor: Array,
    space: MarkupsSpace,
    ours: Mapping[str, Any],
    name: str,
    label: str,
) -> list[float]:
    position = point.get("position")
    numbers = isinstance(position, list) and len(position) == 3
    if not numbers or not all(isinstance(v, int | float) and np.isfinite(v) for v in position or ()):
        raise BadLandmarks(name, f"'{label}' has no position of three numbers", _AGAIN)
    at = space.from_lps([float(v) for v in np.array(position, dtype=float) * factor])
    if at is None:
        raise BadLandmarks(
            name, f"'{label}' lies off the plane of the film", "Place it on the slice that shows the film"
        )
    exact = ours.get("at")
    same = isinstance(exact, list) and len(exact) == len(at) and np.allclose(exact, at, rtol=0, atol=_SAME_PX)
    return [float(v) for v in exact] if same and isinstance(exact, list) else at


def _factor(markup: Mapping[str, Any], name: str) -> Array:
    system, unit = str(markup.get("coordinateSystem", "LPS")), markup.get("coordinateUnits", "mm")
    unit = unit[0] if isinstance(unit, list) and unit else unit
    if system not in _TO_LPS or unit not in _TO_MM:
        raise BadFile(name, f"gives its points in {unit} of {system}", "Use LPS or RAS, and mm or um")
    factor: Array = _TO_LPS[system] * _TO_MM[str(unit)]
    return factor


def _tables(content: Mapping[str, Any], key: str, name: str) -> list[Mapping[str, Any]]:
    found = content.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadFile(name, f"has no list '{key}'", _AGAIN)
    return found
