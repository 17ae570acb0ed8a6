"""Lateral films placed by hand: steps forward and upward in pixels from the middle of the image.

The patient looks to the image's left, 0.25 mm a pixel. So (x, y) lies in column 600 - x and row 800 - y.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.core.catalogue import entries
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import Quantity, quantity
from atlasplane.pathways.alignment.film_analysis import analyse_film
from atlasplane.sources.film import Radiograph, View
from tests.film_cases import LEFT, RIGHT, HandFilm

MM = 0.25
"""Per pixel."""
EXACT = 1e-9
"""Plain arithmetic of numbers under 1000, and angles in degrees: a few roundings of 1e-13."""
Steps = Mapping[str, tuple[float, float]]


def side_on(steps: Steps) -> HandFilm:
    """A lateral film with marks at steps (forward, upward) in pixels."""
    return HandFilm(
        view=View.LATERAL,
        anterior=LEFT,
        mm_per_px=(MM, MM),
        points={id_: (600.0 - x, 800.0 - y) for id_, (x, y) in steps.items()},
    )


def turned_over(film: HandFilm) -> HandFilm:
    """The mirrored image, with the direction that the patient looks to."""
    return film.moved(lambda at: np.array([1200.0, 0.0]) + at * np.array([-1.0, 1.0]), anterior=RIGHT)


def pitched(film: HandFilm, deg: float) -> HandFilm:
    """Everything extended together: front up, about the middle of the image."""
    turn = math.radians(deg)
    # A mark at the image's left, before the middle, goes up, that is to smaller rows.
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    middle = np.array([600.0, 800.0])
    return film.moved(lambda at: middle + (at - middle) @ matrix.T)


def read(film: HandFilm, view: View = View.LATERAL, **fields: object) -> dict[str, float]:
    """Everything that a film gives, by key without condition; `view` is what it is taken for."""
    radiograph = replace(film.film(), view=view, **fields)
    return read_radiograph(radiograph)


def read_radiograph(film: Radiograph) -> dict[str, float]:
    """The same of a film that is there already."""
    analysis = analyse_film(film)
    assert analysis is not None
    return {
        key.partition("@")[0]: float(value)
        for key, value in zip(analysis.keys, analysis.values, strict=True)
        if not key.startswith("check.")
    }


def entry_of(key: str) -> Quantity:
    """The catalogue entry that a key is of."""
    return quantity(ObservationKey.parse(key).quantity)


def ids_of(topic: str, view: View) -> set[str]:
    """Quantities of a file of the catalogue that are read from a view."""
    table = entries("atlasplane.core", "quantities", (topic,), "atlasplane.quantities/1")
    return {id_ for id_, entry in table if view.value in entry.get("views", ())}


def check_sign(
    measured: Callable[[HandFilm], dict[str, float]], film: HandFilm, key: str, ids: str, x: float, y: float
) -> None:
    """Marks that move as the catalogue's + says raise the value, and lower it the other way."""
    rest = measured(film)[key]
    for times in (1.0, -1.0):
        moved = film.nudged(ids, (-times * x, -times * y))
        # Ten pixels are 2.5 mm: every quantity answers with far more than rounding.
        assert times * (measured(moved)[key] - rest) > 1e-3


def atan(up: float, forward: float) -> float:
    """Slope in degrees of a step."""
    return math.degrees(math.atan(up / forward))


def approx(value: float) -> object:
    """Equal up to the roundings of the arithmetic."""
    return pytest.approx(value, abs=EXACT)
