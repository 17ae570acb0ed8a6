"""One film or photograph read: every quantity of its view, with the covariance of placing and scale.

The film's measurand is what this image would give with perfect landmarks; `head_position` adds what separates
it from the patient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atlasplane.anatomy.landmarks import landmark
from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadLandmarks, TooFewPoints
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.core.units import MM_PER_INCH
from atlasplane.geometry.midline import CentralLine, Levels, plan_levels
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_views import VIEWS, ViewAnalysis
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.marked_film import MarkedFilm, marked_film
from atlasplane.pathways.alignment.marks import Construction, Marks
from atlasplane.pathways.alignment.nasium import skull_line
from atlasplane.pathways.alignment.observers import Combined, combine_readings
from atlasplane.sources.film import PlanarImage
from atlasplane.sources.observer import ObserverPlacing
from atlasplane.sources.reading import Reading
from atlasplane.uncertainty.first_order import covariance, jacobian

__all__ = ["VIEWS", "FilmAnalysis", "ReadFilm", "ViewAnalysis", "analyse_film", "read_film"]

LEVEL_STEP_MM = MM_PER_INCH / 4
"""Steps of the skull line on the film (NUCCA workbook part 1: a quarter of an inch)."""
MIDPOINT_FLOOR_MM = 0.25
"""Scale of mid-point deviations on the film that counts as placing noise (proposed).

2.5 of it is 4.4 of the default error.
"""
_STEP_OF_U = 0.25
"""Half-distance of the numerical derivative, in standard uncertainties of the input."""

_CIRCLES = ("COND", "AXIS")
"""Contours that carry a circle."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadFilm:
    """One reading of one film.

    Attributes
    ----------
    marked : MarkedFilm
    lines : the view's lines (`film_views`) at the marks as placed
    levels : Levels or None
        Of the skull line; None for other views and for a refused line.
    skull : CentralLine or None
        Also present where it was refused, so that a report can say why.
    keys : tuple of str
        What can be read, quantities first, then checks.
    values : array, shape (q,)
    placing_cov : array, shape (q, q)
    dof : array, shape (q,)
        Effective degrees of freedom of each value's placing error.
    """

    marked: MarkedFilm
    lines: Any
    levels: Levels | None
    skull: CentralLine | None
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array
    dof: Array

    def model(self, inputs: Array, keys: Sequence[str] | None = None) -> Array:
        """Keys (default all) of input vectors, shape (..., n) -> (..., q)."""
        lines = _lines(self.marked, inputs, self.levels)
        table = VIEWS[self.marked.film.view].table
        return np.stack([table[key].value(lines) for key in keys or self.keys], axis=-1)

    def carried(self, inputs: Array) -> Array:
        """What errors of the keys are carried through, (..., n) -> (..., q): `model` without its kinks."""
        lines = _lines(self.marked, inputs, self.levels)
        table = VIEWS[self.marked.film.view].table
        return np.stack([table[key].carried(lines) for key in self.keys], axis=-1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmAnalysis:
    """One film or photograph with all its readings combined.

    Attributes
    ----------
    film : PlanarImage
    readings : tuple of ReadFilm
    keys : tuple of str
        Quantities, then checks (`check.` in front); without condition.
    values : array, shape (q,)
    placing_cov : array, shape (q, q)
    scale : array, shape (q,)
        Effect of one standard uncertainty of the scale.
    observers : array, shape (q,)
        Standard uncertainty from the spread between observers; 0 with one.
    dof : array, shape (q,)
        Effective degrees of freedom of the placing error, and of the spread between observers where that
        prevails.
    missing : mapping key -> ids
        Quantities that lack marks.
    """

    film: PlanarImage
    readings: tuple[ReadFilm, ...]
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array
    scale: Array
    observers: Array
    dof: Array
    missing: Mapping[str, tuple[str, ...]]

    @property
    def first(self) -> ReadFilm:
        """The reading whose lines are drawn."""
        return self.readings[0]

    def value(self, key: str) -> float | None:
        """One value, or None where it was not read."""
        return float(self.values[self.keys.index(key)]) if key in self.keys else None

    def u_placing(self, key: str) -> float:
        """Standard uncertainty of one value from placing alone."""
        k = self.keys.index(key)
        return math.sqrt(self.placing_cov[k, k])

    def observed(self, key: str) -> ObservationKey:
        """The key that joins a value of this film with others: off its home view it names the view."""
        own, view = ObservationKey.parse(key), self.film.view.value
        return replace(own, condition=None if quantity(own.quantity).view == view else view)


def analyse_film(
    film: PlanarImage, observers: Mapping[str, ObserverPlacing] | None = None
) -> FilmAnalysis | None:
    """Read a film or photograph with every reading that it has.

    None where it has no reading, or nothing is read from its view, or its only readings are still being made.
    The fullest reading comes first.

    Parameters
    ----------
    film : PlanarImage
    observers : mapping observer -> ObserverPlacing, optional
        Placing errors that replace the catalogue's defaults.

    Raises
    ------
    BadLandmarks
        When marks contradict the stored sides, are too few or geometrically impossible.
    """
    if film.view not in VIEWS or not film.readings:
        return None
    own = observers or {}
    read = sorted(_read_films(film, own), key=lambda r: -len(r.keys))
    if not read:
        return None
    combined = combine_readings(read)
    return FilmAnalysis(
        film=film,
        readings=tuple(read),
        keys=combined.keys,
        values=combined.values,
        placing_cov=combined.cov,
        scale=_scale_effect(film, combined.keys, combined.values),
        observers=combined.between,
        dof=_combined_dof(read, combined),
        missing=_missing(film, read[0], combined.keys),
    )


def _read_films(film: PlanarImage, observers: Mapping[str, ObserverPlacing]) -> Iterator[ReadFilm]:
    """Readings that give something; one that the marking page is still collecting may give nothing yet."""
    for reading in film.readings:
        try:
            yield read_film(film, reading, observers.get(reading.observer))
        except TooFewPoints:
            if not reading.saved_as_it_goes:
                raise


def read_film(film: PlanarImage, reading: Reading, observer: ObserverPlacing | None = None) -> ReadFilm:
    """Read one reading of a film, with its observer's own placing errors where they are known."""
    view = VIEWS[film.view]
    marked = marked_film(film, reading, view.marks, observer)
    marks = marked.marks(marked.values)
    _refuse_contradictions(film, marks)
    levels, skull = _skull_levels(marked, marks)
    lines = _lines(marked, marked.values, levels)
    keys = tuple(key for key, c in view.table.items() if _can_read(film, key, c, marks, levels))
    if not any(not key.startswith("check.") for key in keys):
        raise TooFewPoints(
            film.file,
            f"too few points for any quantity of view {film.view.value} in reading '{reading.id}'",
            "Mark at least the two points of one line (see the landmark atlas).",
        )
    draft = ReadFilm(
        marked=marked,
        lines=lines,
        levels=levels,
        skull=skull,
        keys=keys,
        values=np.zeros(0),
        placing_cov=np.zeros((0, 0)),
        dof=np.zeros(0),
    )
    values = draft.model(marked.values)
    if not np.all(np.isfinite(values)):
        bad = ", ".join(key for key, value in zip(keys, values, strict=True) if not np.isfinite(value))
        raise BadLandmarks(
            film.file,
            f"impossible geometry in reading '{reading.id}': {bad}",
            "Check that no two marks coincide.",
        )
    sensitivity = jacobian(draft.carried, marked.values, _STEP_OF_U * np.sqrt(np.diag(marked.cov)))
    cov = covariance(sensitivity, marked.cov)
    return replace(draft, values=values, placing_cov=cov, dof=_placing_dof(marked, sensitivity, np.diag(cov)))


def _placing_dof(marked: MarkedFilm, sensitivity: Array, variance: Array) -> Array:
    """Welch-Satterthwaite over landmarks; both sides of a pair rest on one estimate. Shape (q,)."""
    shares: dict[str, Array] = {}
    for id_ in marked.dofs:
        start, count = marked.slots[id_]
        own = slice(start, start + 2 * count)
        share = np.einsum("qi,ij,qj->q", sensitivity[:, own], marked.cov[own, own], sensitivity[:, own])
        name = landmark(id_).id
        shares[name] = shares.get(name, 0.0) + share
    dofs = {landmark(id_).id: dof for id_, dof in marked.dofs.items()}
    spent = sum((share**2 / dofs[name] for name, share in shares.items()), start=np.zeros(len(variance)))
    with np.errstate(divide="ignore"):
        return np.where(spent > 0, variance**2 / spent, math.inf)


def _combined_dof(read: Sequence[ReadFilm], combined: Combined) -> Array:
    """The least of the readings'; where the spread between observers prevails, that of their number."""
    least = np.array(
        [min(r.dof[r.keys.index(key)] for r in read if key in r.keys) for key in combined.keys], dtype=float
    )
    by_number = combined.dof < min(r.marked.dof for r in read)
    return np.minimum(least, combined.dof) if by_number else least


def _missing(film: PlanarImage, read: ReadFilm, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Quantities without a value, and the marks that they lack."""
    view = VIEWS[film.view]
    seen = {ObservationKey.parse(key).quantity for key in keys if view.one_side}
    return {
        c.key: tuple(id_ for id_ in c.needs if not read.lines.marks.has((id_,)))
        for c in view.constructions
        if c.key not in keys and _has_scale(film, c.key) and ObservationKey.parse(c.key).quantity not in seen
    }


def _lines(marked: MarkedFilm, inputs: Array, levels: Levels | None) -> Any:
    marks = marked.marks(inputs)
    return VIEWS[marked.film.view].lines(marks, None if levels is None else skull_line(marks, levels))


def _refuse_contradictions(film: PlanarImage, marks: Marks) -> None:
    faults = VIEWS[film.view].contradictions(marks)
    if faults:
        raise BadLandmarks(
            film.file,
            f"landmarks and the stored directions of the patient disagree: {'; '.join(faults)}",
            "Check the side marker, patient_right and patient_anterior, and the _R and _L of the marks.",
        )


def _skull_levels(marked: MarkedFilm, marks: Marks) -> tuple[Levels | None, CentralLine | None]:
    if not marks.has(("SKULL_R", "SKULL_L")) or not VIEWS[marked.film.view].skull_line:
        return None, None
    right, left = marks.contours["SKULL_R"], marks.contours["SKULL_L"]

    def height(name: str, otherwise: float) -> float:
        ids = [id_ for id_ in (f"{name}_R", f"{name}_L") if id_ in marks.points]
        return float(np.mean([marks[id_][1] for id_ in ids])) if ids else otherwise

    try:
        levels = plan_levels(
            right,
            left,
            low=height("SQ", -math.inf),
            high=height("TURN", math.inf),
            step=LEVEL_STEP_MM / marked.film_mm_per_unit,
            floor=MIDPOINT_FLOOR_MM / marked.film_mm_per_unit,
        )
    except ValueError as error:
        raise BadLandmarks(
            marked.film.file,
            f"skull contours: {error}",
            "Mark both sides from the squamous suture to the turn of the skull.",
        ) from error
    skull = skull_line(marks, levels)
    # Refused is a walls' property: the line itself is kept for the report, the levels are not.
    usable = bool(np.isfinite(skull.lean_deg)) and float(skull.kappa) <= limits()["skull_line.refused"].value
    return (levels if usable else None), skull


def _can_read(
    film: PlanarImage, key: str, construction: Construction[Any], marks: Marks, levels: Levels | None
) -> bool:
    if not marks.has(construction.needs) or not _has_scale(film, key):
        return False
    if "SKULL_R" in construction.needs and levels is None:
        return False
    circle_marks = [
        marks.contours[id_] for id_ in construction.needs if id_ in marks.contours and id_[:-2] in _CIRCLES
    ]
    if circle_marks and sum(c.shape[-2] for c in circle_marks) < 3:
        raise BadLandmarks(
            film.file,
            f"{' and '.join(construction.needs)}: a circle needs three points",
            "Mark more points of the joint surface.",
        )
    return True


def _has_scale(film: PlanarImage, key: str) -> bool:
    if key.startswith("check."):
        return True
    needs_scale = quantity(ObservationKey.parse(key).quantity).is_length or key == "axis_rotation"
    return not needs_scale or film.calibration.kind is not CalibrationKind.NONE


def _scale_effect(film: PlanarImage, keys: Sequence[str], values: Array) -> Array:
    """Lengths are proportional to the scale, angles do not know it.

    C2 rotation is a length over a fixed length.
    """
    effect = np.zeros(len(keys))
    for k, key in enumerate(keys):
        if key.startswith("check."):
            continue
        entry = quantity(ObservationKey.parse(key).quantity)
        if entry.is_length:
            effect[k] = values[k] * film.calibration.u_rel
        elif entry.id == "axis_rotation":
            effect[k] = math.degrees(math.tan(math.radians(values[k]))) * film.calibration.u_rel
    return effect
