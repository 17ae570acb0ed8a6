"""One reading of one film or photograph as numbers: film coordinates, covariance, vector for propagation."""

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
from atlasplane.sources.film import ImageDirection, PlanarImage
from atlasplane.sources.observer import ObserverPlacing
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading

MERGED_MM = {"SKULL": 4.0, "COND": 1.5, "AXIS": 1.5, "C0_FACET": 1.5, "C1_FACET": 1.5}
"""Vertices of a contour nearer than this on the film count as one click (proposed)."""
NOMINAL_MAGNIFICATION = 1.25
"""Stands in where a film states no SID and SOD.

It only turns default placing errors (mm on the film) into object size.
"""
OF_READING, DEFAULT = "covariances of the reading", "catalogue default"
"""What the provenance calls where placing errors came from; an observer's own have their own line."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MarkedFilm:
    """Marks of one reading in film coordinates.

    Attributes
    ----------
    film : PlanarImage
    reading : Reading
    frame : FilmFrame
        Pixels to film coordinates: object mm, detector mm (`detector_plane_only`), or pixels (no scale).
    film_mm_per_unit : float
        Millimetres on the detector per film coordinate; of a photograph, on the person.
    values : array, shape (n,)
        All coordinates, in the order of `slots`.
    cov : array, shape (n, n)
        Placing covariance, block-diagonal.
    slots : mapping id -> (start, count)
        Where a point (count 1) or a contour (count > 1) lies in `values`, two numbers a vertex.
    dofs : mapping id -> float
        Degrees of freedom of each mark's covariance, where it was estimated from few repeats.
    placed_by : frozenset of str
        Where placing errors came from, each in words for the provenance.
    """

    film: PlanarImage
    reading: Reading
    frame: FilmFrame
    film_mm_per_unit: float
    values: Array
    cov: Array
    slots: Mapping[str, tuple[int, int]]
    dofs: Mapping[str, float]
    placed_by: frozenset[str]

    @property
    def dof(self) -> float:
        """Of the least known mark; infinite where every covariance is taken as known."""
        return min(self.dofs.values(), default=math.inf)

    @property
    def has_defaults(self) -> bool:
        """Whether some mark's placing error is in millimetres and not the reading's own."""
        return bool(self.placed_by - {OF_READING})

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


def marked_film(
    film: PlanarImage, reading: Reading, used: Collection[str], observer: ObserverPlacing | None = None
) -> MarkedFilm:
    """Film coordinates and placing covariance of one reading.

    Parameters
    ----------
    used : collection of str
        Ids that some construction of the view asks for; others are left out.
    observer : ObserverPlacing, optional
        The observer's own placing errors, in place of the catalogue's; a reading's own come first.

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
    placings: list[_Placing] = []
    for id_, mark in _marks_of(reading):
        if id_ not in used:
            continue
        at = _upwards(id_, frame.film(np.atleast_2d(mark.at)))
        at = merged_vertices(at, MERGED_MM.get(id_[:-2], 0.0) / scale)
        placing = _placing(id_, mark, frame, scale, observer)
        slots[id_] = (2 * sum(len(v) for v in values), len(at))
        values.append(at)
        blocks.extend([placing.cov] * len(at))
        placings.append(placing)
    return MarkedFilm(
        film=film,
        reading=reading,
        frame=frame,
        film_mm_per_unit=scale,
        values=np.concatenate(values).ravel() if values else np.zeros(0),
        cov=_block_diagonal(blocks),
        slots=slots,
        dofs={id_: p.dof for id_, p in zip(slots, placings, strict=True) if not math.isinf(p.dof)},
        placed_by=frozenset(placing.source for placing in placings),
    )


def film_frame(film: PlanarImage) -> FilmFrame:
    """Frame of a film from its stored directions (geometry.film_frame).

    Raises
    ------
    BadLandmarks
        When a direction that the view needs is not stored, or the two are parallel.
    """
    if film.view.is_axial:
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


def _stored(film: PlanarImage, name: str) -> ImageDirection:
    direction: ImageDirection | None = getattr(film, name)
    if direction is None:
        raise BadLandmarks(
            film.file, f"{name} is not stored", f"State {name} (image_left, image_right, ...) in visit.toml."
        )
    return direction


def _superior(film: PlanarImage, name: str) -> ImageDirection:
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


def _upwards(id_: str, at: Array) -> Array:
    """Skull contours run upwards whichever way they were drawn."""
    if id_ in ("SKULL_R", "SKULL_L") and at[0, 1] > at[-1, 1]:
        return at[::-1]
    return at


@dataclass(frozen=True, slots=True, eq=False)
class _Placing:
    """Covariance of one vertex in film coordinates, its degrees of freedom and where it came from."""

    cov: Array
    dof: float
    source: str


def _placing(
    id_: str,
    mark: MarkedPoint | MarkedContour,
    frame: FilmFrame,
    scale: float,
    observer: ObserverPlacing | None,
) -> _Placing:
    """The reading's own placing error, else the observer's, else the catalogue's default."""
    if isinstance(mark, MarkedPoint) and mark.cov is not None:
        return _Placing(frame.covariance(mark.cov), math.inf, OF_READING)
    if isinstance(mark, MarkedContour) and mark.sd is not None:
        return _Placing(frame.covariance(mark.sd**2 * np.eye(2)), math.inf, OF_READING)
    entry = landmark(id_)
    mirrored = entry.bilateral and id_.endswith("_L")
    own = None if observer is None else observer.covariance(entry.id, mirrored=mirrored)
    if observer is not None and own is not None:
        return _Placing(own / scale**2, observer.dof[entry.id], observer.provenance)
    return _Placing(entry.placing.covariance(mirrored=mirrored) / scale**2, entry.placing.dof, DEFAULT)


def _block_diagonal(blocks: list[Array]) -> Array:
    cov = np.zeros((2 * len(blocks), 2 * len(blocks)))
    for k, block in enumerate(blocks):
        cov[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = block
    return cov


def _film_mm_per_unit(film: PlanarImage, reading: Reading, frame: FilmFrame) -> float:
    kind = film.calibration.kind
    if kind is CalibrationKind.DETECTOR_PLANE_ONLY:
        return 1.0
    magnification = nominal_magnification(film)
    if kind is not CalibrationKind.NONE:
        return magnification
    return magnification * nominal_mm_per_unit(reading, frame)


def nominal_magnification(film: PlanarImage) -> float:
    """Size on the detector over size of the patient; 1 for photographs, a guess where nothing is stated."""
    if film.technique is not None:
        return film.technique.magnification
    return 1.0 if film.view.is_photo else NOMINAL_MAGNIFICATION


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
