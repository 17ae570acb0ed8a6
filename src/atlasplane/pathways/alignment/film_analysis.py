"""One film read: every quantity of its view with the joint covariance of placing, scale and observers.

The film's measurand is what this film would give with perfect landmarks; `head_position` adds what separates
it from the patient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadLandmarks
from atlasplane.core.quantity import quantity
from atlasplane.core.units import MM_PER_INCH
from atlasplane.geometry.midline import CentralLine, Levels, plan_levels
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.checks import LATERAL_CHECKS, NASIUM_CHECKS, VERTEX_CHECKS
from atlasplane.pathways.alignment.lateral import LATERAL, LateralLines, lateral_contradictions
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.marked_film import MarkedFilm, marked_film
from atlasplane.pathways.alignment.marks import Construction, Marks
from atlasplane.pathways.alignment.nasium import NASIUM, NasiumLines, nasium_contradictions, nasium_lines
from atlasplane.pathways.alignment.observers import combine_readings
from atlasplane.pathways.alignment.vertex import VERTEX, VertexLines, vertex_contradictions
from atlasplane.sources.film import Radiograph, View
from atlasplane.sources.reading import Reading
from atlasplane.uncertainty.first_order import covariance, jacobian

LEVEL_STEP_MM = MM_PER_INCH / 4
"""Steps of the skull line on the film (NUCCA workbook part 1: a quarter of an inch)."""
MIDPOINT_FLOOR_MM = 0.25
"""Scale of mid-point deviations on the film that counts as placing noise (proposed).

2.5 of it is 4.4 of the default error.
"""
_STEP_OF_U = 0.25
"""Half-distance of the numerical derivative, in standard uncertainties of the input."""


SKULL_LIMITS = frozenset({"SQ_R", "SQ_L", "TURN_R", "TURN_L"})
"""Marks that bound the skull line without being a quantity's own."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewAnalysis:
    """What is read from one view."""

    constructions: tuple[Construction[Any], ...]
    checks: tuple[Construction[Any], ...]
    contradictions: Callable[[Marks], list[str]]

    @property
    def marks(self) -> frozenset[str]:
        """Every mark that some construction or the skull line asks for."""
        asked = (id_ for c in (*self.constructions, *self.checks) for id_ in c.needs)
        return frozenset(asked) | SKULL_LIMITS


VIEWS: Mapping[View, ViewAnalysis] = {
    View.LATERAL: ViewAnalysis(LATERAL, LATERAL_CHECKS, lateral_contradictions),
    View.NASIUM: ViewAnalysis(NASIUM, NASIUM_CHECKS, nasium_contradictions),
    View.VERTEX: ViewAnalysis(VERTEX, VERTEX_CHECKS, vertex_contradictions),
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadFilm:
    """One reading of one film.

    Attributes
    ----------
    marked : MarkedFilm
    lines : the view's lines at the marks as placed
    levels : Levels or None
        Of the skull line; None for other views and for a refused line.
    skull : CentralLine or None
        Also present where it was refused, so that a report can say why.
    keys : tuple of str
        What can be read, quantities first, then checks.
    values : array, shape (q,)
    placing_cov : array, shape (q, q)
    """

    marked: MarkedFilm
    lines: LateralLines | NasiumLines | VertexLines
    levels: Levels | None
    skull: CentralLine | None
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array

    def model(self, inputs: Array, keys: Sequence[str] | None = None) -> Array:
        """Keys (default all) of input vectors, shape (..., n) -> (..., q)."""
        lines = _lines(self.marked, inputs, self.levels)
        table = _constructions(self.marked.film.view)
        return np.stack([table[key].value(lines) for key in keys or self.keys], axis=-1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmAnalysis:
    """One film with all its readings combined.

    Attributes
    ----------
    film : Radiograph
    readings : tuple of ReadFilm
    keys : tuple of str
        Quantities, then checks (`check.` in front).
    values : array, shape (q,)
    placing_cov : array, shape (q, q)
    scale : array, shape (q,)
        Effect of one standard uncertainty of the scale.
    observers : array, shape (q,)
        Standard uncertainty from the spread between observers; 0 with one.
    dof : float
    missing : mapping key -> ids
        Quantities that lack marks.
    """

    film: Radiograph
    readings: tuple[ReadFilm, ...]
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array
    scale: Array
    observers: Array
    dof: float
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


def analyse_film(film: Radiograph) -> FilmAnalysis | None:
    """Read a film with every reading that it has.

    None where it has no reading, or its view is not part of the series.

    Raises
    ------
    BadLandmarks
        When marks contradict the stored sides, are too few or geometrically impossible.
    """
    if film.view not in VIEWS or not film.readings:
        return None
    read = tuple(read_film(film, reading) for reading in film.readings)
    combined = combine_readings(read)
    table = _constructions(film.view)
    missing = {
        key: tuple(id_ for id_ in construction.needs if not read[0].lines.marks.has((id_,)))
        for key, construction in table.items()
        if key not in combined.keys and not key.startswith("check.") and _has_scale(film, key)
    }
    return FilmAnalysis(
        film=film,
        readings=read,
        keys=combined.keys,
        values=combined.values,
        placing_cov=combined.cov,
        scale=_scale_effect(film, combined.keys, combined.values),
        observers=combined.between,
        dof=combined.dof,
        missing=missing,
    )


def read_film(film: Radiograph, reading: Reading) -> ReadFilm:
    """Read one reading of a film."""
    marked = marked_film(film, reading, VIEWS[film.view].marks)
    marks = marked.marks(marked.values)
    _refuse_contradictions(film, marks)
    levels, skull = _skull_levels(marked, marks)
    lines = _lines(marked, marked.values, levels)
    keys = tuple(
        key for key, c in _constructions(film.view).items() if _can_read(film, key, c, marks, levels)
    )
    if not any(not key.startswith("check.") for key in keys):
        raise BadLandmarks(
            film.file,
            f"too few points for any quantity of a {film.view.value} film in reading '{reading.id}'",
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
    )
    values = draft.model(marked.values)
    if not np.all(np.isfinite(values)):
        bad = ", ".join(key for key, value in zip(keys, values, strict=True) if not np.isfinite(value))
        raise BadLandmarks(
            film.file,
            f"impossible geometry in reading '{reading.id}': {bad}",
            "Check that no two marks coincide.",
        )
    sensitivity = jacobian(draft.model, marked.values, _STEP_OF_U * np.sqrt(np.diag(marked.cov)))
    return ReadFilm(
        marked=marked,
        lines=lines,
        levels=levels,
        skull=skull,
        keys=keys,
        values=values,
        placing_cov=covariance(sensitivity, marked.cov),
    )


def _constructions(view: View) -> Mapping[str, Construction[Any]]:
    analysis = VIEWS[view]
    return {c.key: c for c in (*analysis.constructions, *analysis.checks)}


def _lines(
    marked: MarkedFilm, inputs: Array, levels: Levels | None
) -> LateralLines | NasiumLines | VertexLines:
    marks = marked.marks(inputs)
    match marked.film.view:
        case View.LATERAL:
            return LateralLines(marks)
        case View.NASIUM:
            return nasium_lines(marks, levels)
        case _:
            return VertexLines(marks)


def _refuse_contradictions(film: Radiograph, marks: Marks) -> None:
    faults = VIEWS[film.view].contradictions(marks)
    if faults:
        raise BadLandmarks(
            film.file,
            f"landmarks and the stored directions of the patient disagree: {'; '.join(faults)}",
            "Check the side marker, patient_right and patient_anterior, and the _R and _L of the marks.",
        )


def _skull_levels(marked: MarkedFilm, marks: Marks) -> tuple[Levels | None, CentralLine | None]:
    if not marks.has(("SKULL_R", "SKULL_L")) or marked.film.view is not View.NASIUM:
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
    skull = nasium_lines(marks, levels).skull
    assert isinstance(skull, CentralLine)
    # Refused is a walls' property: the line itself is kept for the report, the levels are not.
    usable = bool(np.isfinite(skull.lean_deg)) and float(skull.kappa) <= limits()["skull_line.refused"].value
    return (levels if usable else None), skull


def _can_read(
    film: Radiograph, key: str, construction: Construction[Any], marks: Marks, levels: Levels | None
) -> bool:
    if not marks.has(construction.needs) or not _has_scale(film, key):
        return False
    if "SKULL_R" in construction.needs and levels is None:
        return False
    circle_marks = [
        marks.contours[id_] for id_ in construction.needs if id_ in marks.contours and "SKULL" not in id_
    ]
    if circle_marks and sum(c.shape[-2] for c in circle_marks) < 3:
        raise BadLandmarks(
            film.file,
            f"{' and '.join(construction.needs)}: a circle needs three points",
            "Mark more points of the joint surface.",
        )
    return True


def _has_scale(film: Radiograph, key: str) -> bool:
    if key.startswith("check."):
        return True
    needs_scale = quantity(key.split("/")[0]).is_length or key == "axis_rotation"
    return not needs_scale or film.calibration.kind is not CalibrationKind.NONE


def _scale_effect(film: Radiograph, keys: Sequence[str], values: Array) -> Array:
    """Lengths are proportional to the scale, angles do not know it.

    C2 rotation is a length over a fixed length.
    """
    effect = np.zeros(len(keys))
    for k, key in enumerate(keys):
        if key.startswith("check."):
            continue
        entry = quantity(key.split("/")[0])
        if entry.is_length:
            effect[k] = values[k] * film.calibration.u_rel
        elif entry.id == "axis_rotation":
            effect[k] = math.degrees(math.tan(math.radians(values[k]))) * film.calibration.u_rel
    return effect
