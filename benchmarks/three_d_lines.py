"""The classical lines on the same clicks, read as flexion, laterality and rotation of C1 in the skull.

They are given the best of everything: the skull's line of the nasium is that of the true outline of the
vault, free of reading error, and the lateral's flexion is freed of what the person's own landmarks add.
"""

from __future__ import annotations

import numpy as np

from atlasplane.geometry.bundle import BundleFilm
from atlasplane.geometry.quadric import outline
from atlasplane.geometry.types import Array
from atlasplane.simulate.setup import SETUPS
from atlasplane.sources.film import View
from benchmarks.three_d_cases import FILMS, Person, SimulatedFit


def classical_deg(case: SimulatedFit, person: Person) -> Array:
    """Atlas flexion, laterality, rotation from lines, deg, shape (3,); see each film's function."""
    lateral, nasium, vertex = (
        _in_film(view, film) for view, film in zip(FILMS, case.problem.films, strict=True)
    )
    return np.array(
        [
            _flexion(lateral, dict(zip(person.shape.ids, person.shape.points_mm, strict=True))),
            _laterality(nasium, case.at_truth.films[1], person),
            _rotation(vertex),
        ]
    )


def _in_film(view: View, film: BundleFilm) -> dict[str, Array]:
    """Clicks in mm along the film's axes (geometry.film_frame)."""
    setup = SETUPS[view]
    axes = np.array([setup.first.vector, setup.second.vector], dtype=float)
    return dict(zip(film.ids, (film.at_px * film.camera.pitch_mm) @ axes.T, strict=True))


def _flexion(at: dict[str, Array], points_mm: dict[str, Array]) -> float:
    """Line of the tubercles against the hard palate on the lateral (S-line against palate)."""

    def pitch(points: dict[str, Array], front: str, back: str) -> float:
        ahead = points[front] - points[back]
        return float(np.degrees(np.arctan2(ahead[1], ahead[0])))

    def between(points: dict[str, Array]) -> float:
        return pitch(points, "C1_AT", "C1_PT") - pitch(points, "HP_ANT", "HP_POST")

    return between(points_mm) - between(at)


def _laterality(at: dict[str, Array], true: BundleFilm, person: Person) -> float:
    """Atlas plane line against the central skull line on the nasium: acute angle up on the right is +."""
    assert person.vault is not None
    right = at["PL_R"] - at["PL_L"]
    tilt = np.degrees(np.arctan2(right[1], right[0]))
    # Column and row run opposite to the film's axes: a half turn, which leaves the lean as it is.
    walls = outline(person.vault.moved(true.skull), true.camera.matrix(pixels=False))
    return float(tilt + walls.long_axis_lean_deg())


def _rotation(at: dict[str, Array]) -> float:
    """Line of the transverse foramina against cribriform plate to foramen magnum on the vertex."""
    right, ahead = at["TF_R"] - at["TF_L"], at["CRIB"] - at["FM_C"]
    cosine = right @ ahead / np.linalg.norm(right) / np.linalg.norm(ahead)
    return float(np.degrees(np.arcsin(cosine)))
