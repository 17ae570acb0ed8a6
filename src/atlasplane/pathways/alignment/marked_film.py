"""One reading of one film as numbers: film coordinates, covariance, and the vector for propagation."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.landmarks import landmark, landmarks
from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadLandmarks
from atlasplane.geometry.film_frame import FilmFrame
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Marks
from atlasplane.sources.film import ImageDirection, Radiograph, View
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading

MERGED_MM = {"SKULL": 4.0, "COND": 1.5, "AXIS": 1.5}
"""Vertices of a contour nearer than this on the film count as one click (proposed)."""
NOMINAL_MAGNIFICATION = 1.25
"""Stands in where a film states no SID and SOD.

It only turns default placing errors (mm on the film) into object size.
"""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MarkedFilm:
    """Marks of one reading in film coordinates.

    Attributes
    ----------
    film : Radiograph
    reading : Reading
    frame : FilmFrame
        Pixels to film coordinates: object mm, detector mm (`detector_plane_only`), or pixels (no scale).
    film_mm_per_unit : float
        Millimetres on the detector per film coordinate.
    values : array, shape (n,)
        All coordinates, in the order of `slots`.
    cov : array, shape (n, n)
        Placing covariance, block-diagonal.
    slots : mapping id -> (start, count)
        Where a point (count 1) or a contour (count > 1) lies in `values`, two numbers a vertex.
    dof : float
        Degrees of freedom of the placing covariance.
    has_defaults : bool
        Whether some mark takes the catalogue's placing error.
    """

    film: Radiograph
    reading: Reading
    frame: FilmFrame
    film_mm_per_unit: float
    values: Array
    cov: Array
    slots: Mapping[str, tuple[int, int]]
    dof: float
    has_defaults: bool

    @property
    def nominal_mm_per_px(self) -> float:
        """Rough size of a pixel at the atlas, from the spread of the points; for films without a scale."""
        pixel = float(np.sqrt(np.abs(np.linalg.det(self.frame.matrix))))
        return nominal_mm_per_unit(self.reading, self.frame) * pixel

    def marks(self, values: Array) -> Marks:
        """Marks of input vectors, shape (..., n)."""
        points, contours = {}, {}
        for id_, (start, count) in self.slots.items():
            piece = values[..., start : start + 2 * count]
            if id_ in self.reading.contours:
                contours[id_] = piece.reshape(*piece.shape[:-1], count, 2)
            else:
                points[id_] = piece
        return Marks(points, contours)


def marked_film(film: Radiograph, reading: Reading, used: Collection[str]) -> MarkedFilm:
    """Film coordinates and placing covariance of one reading.

    Parameters
    ----------
    used : collection of str
        Ids that some construction of the view asks for; others are left out.

    Raises
    ------
    BadLandmarks
        When a mark does not belong on this view, or the film's axes cannot be told.
    """
    frame = film_frame(film)
    scale = _film_mm_per_unit(film, reading, frame)
    values: list[Array] = []
    blocks: list[Array] = []
    slots: dict[str, tuple[int, int]] = {}
    defaults = False
    for id_, mark in _marks_of(reading):
        if id_ not in used:
            continue
        at = _upwards(id_, frame.film(np.atleast_2d(mark.at)), film.view)
        at = merged_vertices(at, MERGED_MM.get(id_[:-2], 0.0) / scale)
        cov, is_default = _placing(id_, mark, frame, scale)
        slots[id_] = (2 * sum(len(v) for v in values), len(at))
        values.append(at)
        blocks.extend([cov] * len(at))
        defaults = defaults or is_default
    dof = min((landmark(id_).placing.dof for id_ in slots), default=math.inf) if defaults else math.inf
    return MarkedFilm(
        film=film,
        reading=reading,
        frame=frame,
        film_mm_per_unit=scale,
        values=np.concatenate(values).ravel() if values else np.zeros(0),
        cov=_block_diagonal(blocks),
        slots=slots,
        dof=dof,
        has_defaults=defaults,
    )


def film_frame(film: Radiograph) -> FilmFrame:
    """Frame of a film from its stored directions (geometry.film_frame).

    Raises
    ------
    BadLandmarks
        When a direction that the view needs is not stored, or the two are parallel.
    """
    if film.view in (View.VERTEX, View.BASE_POSTERIOR):
        first, second = _stored(film, "patient_anterior"), _stored(film, "patient_right")
    else:
        name = "patient_anterior" if film.view.needs_anterior else "patient_right"
        first, second = _stored(film, name), film.patient_superior or _superior(film, name)
    if first.is_horizontal == second.is_horizontal:
        raise BadLandmarks(
            film.file,
            "its two stored directions are parallel",
            "State perpendicular directions of the patient.",
        )
    origin = np.array([film.shape[1] - 1, film.shape[0] - 1]) / 2
    return FilmFrame.of(first.vector, second.vector, np.array(film.calibration.pixel_shape), origin)


def _stored(film: Radiograph, name: str) -> ImageDirection:
    direction: ImageDirection | None = getattr(film, name)
    if direction is None:
        raise BadLandmarks(
            film.file, f"{name} is not stored", f"State {name} (image_left, image_right, ...) in visit.toml."
        )
    return direction


def _superior(film: Radiograph, name: str) -> ImageDirection:
    if not _stored(film, name).is_horizontal:
        raise BadLandmarks(
            film.file,
            f"{name} runs along the image's rows, so the superior direction is unknown",
            "State patient_superior (image_left or image_right) in visit.toml.",
        )
    return ImageDirection.UP


def _marks_of(reading: Reading) -> list[tuple[str, MarkedPoint | MarkedContour]]:
    return [*sorted(reading.points.items()), *sorted(reading.contours.items())]


def merged_vertices(contour: Array, spacing: float) -> Array:
    """The polyline with runs of vertices closer than `spacing` replaced by their mean, (n, 2) -> (m, 2).

    A traced line has many vertices whose errors go together; taken for independent clicks they would pretend
    a precision that nobody has, and a wall would fold between them. The mean keeps the error of one click.
    """
    runs: list[list[Array]] = [[contour[0]]]
    for vertex in contour[1:]:
        if np.linalg.norm(vertex - runs[-1][0]) < spacing:
            runs[-1].append(vertex)
        else:
            runs.append([vertex])
    return np.array([np.mean(run, axis=0) for run in runs])


def _upwards(id_: str, at: Array, view: View) -> Array:
    """Skull contours run upwards whichever way they were drawn."""
    if view is View.NASIUM and id_ in ("SKULL_R", "SKULL_L") and at[0, 1] > at[-1, 1]:
        return at[::-1]
    return at


def _placing(
    id_: str, mark: MarkedPoint | MarkedContour, frame: FilmFrame, scale: float
) -> tuple[Array, bool]:
    """Covariance of one vertex in film coordinates, and whether it is the catalogue's default."""
    if isinstance(mark, MarkedPoint) and mark.cov is not None:
        return frame.covariance(mark.cov), False
    if isinstance(mark, MarkedContour) and mark.sd is not None:
        return frame.covariance(mark.sd**2 * np.eye(2)), False
    entry = landmark(id_)
    cov_mm2 = entry.placing.covariance(mirrored=entry.bilateral and id_.endswith("_L"))
    return cov_mm2 / scale**2, True


def _block_diagonal(blocks: list[Array]) -> Array:
    cov = np.zeros((2 * len(blocks), 2 * len(blocks)))
    for k, block in enumerate(blocks):
        cov[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = block
    return cov


def _film_mm_per_unit(film: Radiograph, reading: Reading, frame: FilmFrame) -> float:
    kind = film.calibration.kind
    if kind is CalibrationKind.DETECTOR_PLANE_ONLY:
        return 1.0
    magnification = NOMINAL_MAGNIFICATION if film.technique is None else film.technique.magnification
    if kind is not CalibrationKind.NONE:
        return magnification
    return magnification * nominal_mm_per_unit(reading, frame)


def nominal_mm_per_unit(reading: Reading, frame: FilmFrame) -> float:
    """Rough object scale of a film without one.

    Spread of its points in the mean phantom over their spread on the film.
    Only default placing errors are scaled by it, never a length.
    """
    table = mean_phantom()
    shared = [id_ for id_ in reading.points if id_ in table.points_mm and id_ in landmarks()]
    if len(shared) < 2:
        return 1.0
    bodies = np.array([table.points_mm[id_][1] + table.origins_mm[table.points_mm[id_][0]] for id_ in shared])
    drawn = frame.film(np.array([reading.points[id_].at for id_ in shared]))
    # Of a body's three extents a film shows two; the mean phantom's two largest serve for any view.
    body = np.sort(bodies.var(axis=0))[1:].sum()
    spread = drawn.var(axis=0).sum()
    return float(np.sqrt(body / spread)) if spread > 0 else 1.0
