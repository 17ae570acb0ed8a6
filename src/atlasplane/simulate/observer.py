"""A simulated observer: true positions on the film, with placing errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from atlasplane.anatomy.landmarks import landmark, landmarks
from atlasplane.anatomy.phantom import later_ids
from atlasplane.anatomy.phantom_groups import later_stream
from atlasplane.geometry.types import Array
from atlasplane.simulate.setup import FilmSetup
from atlasplane.simulate.subject import Posed
from atlasplane.simulate.truth import film_axes_camera
from atlasplane.sources.film import View
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading

CONTOUR_SPACING_MM = 5.0
"""Between vertices of a skull contour, on the film."""
DISEASE = frozenset({"OPLL"})
"""Landmarks of a finding that few people have: the phantom knows their place, no picture shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """How a simulated observer places points.

    Attributes
    ----------
    name : str
    noise_mm : float or None
        Isotropic SD of the clicks on the film, written into the landmark file; None takes the catalogue's
        covariances, which `measure` then assumes too.
    absent : frozenset of str
        Landmarks that this patient does not have.
    marked : frozenset of str or None
        All that is looked for; None looks for whatever the catalogue marks on the view.
    """

    name: str = "SIM"
    noise_mm: float | None = None
    absent: frozenset[str] = DISEASE
    marked: frozenset[str] | None = None

    def places(self, id_: str) -> bool:
        """Whether this observer places a landmark that a film shows."""
        return id_ not in self.absent and (self.marked is None or id_ in self.marked)


def true_marks(
    setup: FilmSetup, posed: Posed, tube_deg: float, target_mm: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Points (2,) and contours (n, 2) of a film without error, film axes, detector mm."""
    camera = film_axes_camera(setup, tube_deg, target_mm)
    points = {id_: camera.project_mm(at) for id_, at in posed.points_mm.items() if _shows(setup, id_)}
    contours = {id_: camera.project_mm(at) for id_, at in posed.contours_mm.items() if _shows(setup, id_)}
    if setup.view is not View.NASIUM:
        return points, contours
    walls = posed.walls(camera)
    low, high = posed.wall_heights(camera)
    # Half a step beyond both ends, as a person draws a little more than is used.
    heights = np.arange(low - CONTOUR_SPACING_MM, high + 1.5 * CONTOUR_SPACING_MM, CONTOUR_SPACING_MM)
    for suffix, sign in (("R", 1), ("L", -1)):
        contours[f"SKULL_{suffix}"] = walls.side(heights, sign)
        points[f"SQ_{suffix}"], points[f"TURN_{suffix}"] = walls.side(np.array([low, high]), sign)
    return points, contours


def _shows(setup: FilmSetup, id_: str) -> bool:
    """Whether the catalogue marks a landmark on the view; light shows the side towards the camera alone."""
    entry = landmarks().get(id_)
    if entry is None or setup.view.value not in entry.views:
        return False
    far = "_R" if setup.from_left else "_L"
    return not (setup.view is View.PHOTO_LATERAL and entry.bilateral and id_.endswith(far))


def place(
    setup: FilmSetup,
    posed: Posed,
    tube_deg: float,
    target_mm: Array,
    observer: Observer,
    *,
    rng: np.random.Generator,
    reading_id: str,
    time: datetime,
) -> Reading:
    """One reading of one film, in pixels; marks that fall off the film are not visible."""
    streams = {False: rng, True: later_stream(rng)}
    points, contours = true_marks(setup, posed, tube_deg, target_mm)
    to_pixels = _pixels_from_film(setup)
    principal = np.array(setup.principal_px)
    sd_px = None if observer.noise_mm is None else observer.noise_mm / setup.pitch_mm
    placed: dict[str, MarkedPoint] = {}
    hidden: set[str] = set()
    for id_, at in points.items():
        clicked = (at + _error(id_, observer, streams[id_ in later_ids()], 1)[0]) @ to_pixels.T + principal
        if not observer.places(id_):
            continue
        if not _on_film(clicked, setup):
            hidden.add(id_)
            continue
        placed[id_] = MarkedPoint(clicked, sd_px**2 * np.eye(2) if sd_px else None)
    drawn = {}
    for id_, at in contours.items():
        clicked = (at + _error(id_, observer, streams[id_ in later_ids()], len(at))) @ to_pixels.T + principal
        if observer.marked is not None and id_ not in observer.marked:
            continue
        shown = clicked[[_on_film(vertex, setup) for vertex in clicked]]
        if len(shown) < 2:
            hidden.add(id_)
            continue
        drawn[id_] = MarkedContour(shown, sd_px or None)
    return Reading(
        id=reading_id,
        observer=observer.name,
        time=time,
        tool="simulate/1.0",
        points=placed,
        contours=drawn,
        not_visible=frozenset(hidden),
    )


def _error(id_: str, observer: Observer, rng: np.random.Generator, count: int) -> Array:
    """Placing errors in film axes, mm on the film, shape (count, 2)."""
    if observer.noise_mm is not None:
        return rng.normal(0.0, observer.noise_mm, (count, 2))
    entry = landmark(id_)
    cov = entry.placing.covariance(mirrored=entry.bilateral and id_.endswith("_L"))
    return rng.multivariate_normal(np.zeros(2), cov, size=count)


def _pixels_from_film(setup: FilmSetup) -> Array:
    axes = np.stack([setup.first.vector, setup.second.vector])
    return np.asarray(np.linalg.inv(axes * setup.pitch_mm), dtype=np.float64)


def _on_film(at: Array, setup: FilmSetup) -> bool:
    rows, columns = setup.shape
    return bool(0 <= at[0] <= columns - 1 and 0 <= at[1] <= rows - 1)
