"""Films and photographs placed by hand from their middle, in steps of pixels.

On the images of the front, open-mouth film and back the patient's right is the image's left, 0.2 mm a pixel:
(z, y), right and up, lies in column 600 - z and row 800 - y. A base film has the patient's front at its top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.core.catalogue import entries
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, analyse_film
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.sources.case import Moment, Phase, Visit
from atlasplane.sources.film import PlanarImage, View
from atlasplane.sources.photograph import Photograph
from tests.film_cases import LEFT, RIGHT, UP, HandFilm

MM = 0.2
"""Per pixel."""
EXACT = 1e-9
"""Plain arithmetic of numbers under 2000, and angles in degrees: a few roundings of 1e-13."""
Step = tuple[float, float]


def from_front(view: View, points: Mapping[str, Step], **contours: Sequence[Step]) -> HandFilm:
    """An image with marks at steps (right, up)."""
    return HandFilm(
        view=view,
        right=LEFT,
        mm_per_px=(MM, MM),
        points={id_: (600.0 - z, 800.0 - y) for id_, (z, y) in points.items()},
        contours={id_: [(600.0 - z, 800.0 - y) for z, y in steps] for id_, steps in contours.items()},
    )


def from_below(points: Mapping[str, Step]) -> HandFilm:
    """A base-posterior film with marks at steps (forward, right)."""
    return HandFilm(
        view=View.BASE_POSTERIOR,
        anterior=UP,
        right=LEFT,
        mm_per_px=(MM, MM),
        points={id_: (600.0 - z, 800.0 - x) for id_, (x, z) in points.items()},
    )


def from_side(points: Mapping[str, Step], *, anterior: object = LEFT) -> HandFilm:
    """A lateral photograph with marks at steps (forward, up)."""
    way = -1.0 if anterior is LEFT else 1.0
    return HandFilm(
        view=View.PHOTO_LATERAL,
        anterior=anterior,  # type: ignore[arg-type]
        mm_per_px=(MM, MM),
        points={id_: (600.0 + way * x, 800.0 - y) for id_, (x, y) in points.items()},
    )


def mirrored_person(film: HandFilm) -> HandFilm:
    """The person's mirror image: marks reflected in the middle of the image, right and left exchanged."""
    return film.moved(lambda at: np.array([1200.0, 0.0]) + at * np.array([-1.0, 1.0])).relabelled()


def turned_over(film: HandFilm) -> HandFilm:
    """The image mirrored, with the stored direction: the same person."""
    other = {LEFT: RIGHT, RIGHT: LEFT, None: None}
    moved = film.moved(lambda at: np.array([1200.0, 0.0]) + at * np.array([-1.0, 1.0]))
    return replace(
        moved,
        right=other[film.right],
        anterior=film.anterior if film.anterior is UP else other[film.anterior],
    )


def image_of(film: HandFilm, **fields: object) -> PlanarImage:
    """The film, or the photograph where the view is one."""
    if not film.view.is_photo:
        return film.film(**fields)
    given: dict[str, object] = {
        "file": f"{film.view.value}.jpg",
        "sha256": "0" * 64,
        "view": film.view,
        "shape": film.shape,
        "load_pixels": lambda: np.zeros(film.shape, dtype=np.uint8),
        "patient_right": film.right,
        "patient_anterior": film.anterior,
        "calibration": Calibration(kind=CalibrationKind.USER_FIDUCIAL, mm_per_px=film.mm_per_px, u_rel=0.01),
        "readings": (film.reading(),),
    }
    return Photograph(**(given | fields))  # type: ignore[arg-type]


def analysed(film: HandFilm, **fields: object) -> FilmAnalysis:
    """Its analysis."""
    analysis = analyse_film(image_of(film, **fields))
    assert analysis is not None
    return analysis


def values(film: HandFilm, **fields: object) -> dict[str, float]:
    """Everything that an image gives, by key without condition."""
    analysis = analysed(film, **fields)
    return dict(zip(analysis.keys, map(float, analysis.values), strict=True))


def visit_of(*images: HandFilm | PlanarImage, **fields: object) -> Visit:
    """A visit with films and photographs."""
    made = [image_of(image) if isinstance(image, HandFilm) else image for image in images]
    given: dict[str, object] = {
        "id": "v1",
        "time": datetime(2026, 3, 2, 9, 10, tzinfo=UTC),
        "phase": Phase.BASELINE,
        "moment": Moment.SINGLE,
        "folder": "2026-03-02",
        "observer": "KR",
        "films": tuple(image for image in made if not image.view.is_photo),
        "photos": tuple(image for image in made if image.view.is_photo),
    }
    return Visit(**(given | fields))  # type: ignore[arg-type]


def ids_of(topic: str, view: View) -> set[str]:
    """Quantities of a file of the catalogue that are read from a view."""
    table = entries("atlasplane.core", "quantities", (topic,), "atlasplane.quantities/1")
    return {id_ for id_, entry in table if view.value in entry.get("views", ())}


def read_of(view: View) -> set[str]:
    """Ids that a view's constructions give."""
    return {c.key.partition("/")[0] for c in VIEWS[view].constructions}


def check_sign(
    measured: Callable[[HandFilm], dict[str, float]], film: HandFilm, key: str, ids: str, step: Step
) -> None:
    """Marks that move right and up as the catalogue's + says raise the value, and lower it the other way."""
    rest = measured(film)[key]
    for times in (1.0, -1.0):
        moved = film.nudged(ids, (-times * step[0], -times * step[1]))
        # Five pixels are 1 mm: every quantity answers with far more than rounding.
        assert times * (measured(moved)[key] - rest) > 1e-3
