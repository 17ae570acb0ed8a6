"""Observations of one analysed film or photograph, with their share of the visit's joint covariance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Category, Measurement, Observation, Site
from atlasplane.core.quantity import Quantity, quantity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.pathways.alignment.head_position import ProjectionTerm
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.observers import pooled_name
from atlasplane.sources.case import Visit
from atlasplane.uncertainty.first_order import bias_widened_u, effective_dof


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Observations of one source with their share of the joint covariance.

    Attributes
    ----------
    measurements : tuple of Measurement
    others : tuple of Observation
        What has no place in the covariance.
    own_cov : array, shape (n, n)
        Of the measurements; nothing outside shares it.
    shared : mapping key -> array, shape (n,)
        Effect of one standard uncertainty of inputs that other sources or visits share (core.joint).
    """

    measurements: tuple[Measurement, ...]
    others: tuple[Observation, ...]
    own_cov: Array
    shared: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class _Terms:
    """Contributions to u of one film's quantities, each (q,), and the covariance of landmarks and head.

    `known` says for which of them the projection, and so the patient's u, is known.
    """

    keys: tuple[str, ...]
    landmarks: Array
    observers: Array
    scale: Array
    tube: Array
    head: Array
    own_cov: Array
    known: tuple[bool, ...]

    @property
    def film(self) -> Array:
        """u_film."""
        return np.sqrt(self.landmarks**2 + self.observers**2 + self.scale**2)

    @property
    def total(self) -> Array:
        """Standard uncertainty of the patient's value."""
        return np.sqrt(self.film**2 + self.tube**2 + self.head**2)


def image_part(visit: Visit, analysis: FilmAnalysis, term: ProjectionTerm | None) -> Part:
    """Everything that one film or photograph gives; without a term the patient's own u is not known."""
    keys = tuple(
        key for key in analysis.keys if not key.startswith("check.") and _worth_giving(analysis, key)
    )
    rows = [analysis.keys.index(key) for key in keys]
    terms = _terms(analysis, term, keys, rows)
    measurements = tuple(
        _measurement(visit, analysis, terms, k, float(analysis.values[row])) for k, row in enumerate(rows)
    )
    shared = {_scale_key(analysis): terms.scale}
    for k, key in enumerate(keys):
        if terms.observers[k] > 0:
            shared[f"observers {_observers(analysis)} on {key}"] = terms.observers * (
                np.arange(len(keys)) == k
            )
    if any(terms.known):
        shared[_setup_key(visit, analysis)] = terms.tube
    return Part(measurements, tuple(_categories(visit, analysis)), terms.own_cov, shared)


def _terms(
    analysis: FilmAnalysis, term: ProjectionTerm | None, keys: tuple[str, ...], rows: list[int]
) -> _Terms:
    placing = analysis.placing_cov[np.ix_(rows, rows)]
    landmarks = np.sqrt(np.diag(placing))
    observers, scale = analysis.observers[rows], analysis.scale[rows]
    known = tuple(term is not None and key in term.keys for key in keys)
    tube, bias, cov = _of_term(term, keys, known)
    film2 = landmarks**2 + observers**2 + scale**2
    spread = np.sqrt(np.maximum(film2 + np.diag(cov), film2 / 4) + tube**2)
    total = np.where(known, bias_widened_u(bias, spread), np.sqrt(film2))
    head = np.sqrt(np.maximum(total**2 - film2 - tube**2, 0.0))
    # Placing and head together, since the checks correlate them; widened by a congruence, which keeps it a
    # covariance.
    moment = placing + cov + np.outer(bias, bias)
    size = np.sqrt((landmarks**2 + head**2) / np.maximum(np.diag(moment), 1e-300))
    own_cov = moment * np.outer(size, size)
    return _Terms(keys, landmarks, observers, scale, tube, head, own_cov, known)


def _of_term(
    term: ProjectionTerm | None, keys: Sequence[str], known: Sequence[bool]
) -> tuple[Array, Array, Array]:
    """Tube effect, bias and covariance of the projection for some keys; 0 where it is not known."""
    n = len(keys)
    tube, bias, cov = np.zeros(n), np.zeros(n), np.zeros((n, n))
    if term is not None:
        at = [k for k, is_known in enumerate(known) if is_known]
        picks = [term.keys.index(keys[k]) for k in at]
        tube[at], bias[at] = term.tube[picks], term.bias[picks]
        cov[np.ix_(at, at)] = term.cov[np.ix_(picks, picks)]
    return tube, bias, cov


def _worth_giving(analysis: FilmAnalysis, key: str) -> bool:
    """Whether one side's arc can carry a circle.

    Judged by its length alone, so that noise cannot choose what is shown. For n points along a chord L with
    errors sd, u(1/R) is about sd / L^2 sqrt(720 / n) (parabola through equal steps).
    """
    parts = ObservationKey.parse(key)
    id_, side = parts.quantity, parts.side
    if side is None or not id_.endswith("_radius"):
        return True
    both = analysis.value(id_)
    if both is None:
        return True
    marked = analysis.first.marked
    name = {"condylar_radius": "COND", "axial_radius": "AXIS"}[id_] + {"right": "_R", "left": "_L"}[side]
    start, count = marked.slots[name]
    at = marked.values[start : start + 2 * count].reshape(count, 2)
    chord = float(np.linalg.norm(at[-1] - at[0]))
    sd = math.sqrt(marked.cov[start, start])
    return (
        count >= 3
        and sd / chord**2 * math.sqrt(720 / count) * both < limits()["circle.one_sided"].value / 100
    )


def _measurement(visit: Visit, analysis: FilmAnalysis, terms: _Terms, k: int, value: float) -> Measurement:
    parts = analysis.observed(terms.keys[k])
    entry = quantity(parts.quantity)
    at_detector = entry.is_length and analysis.film.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    known = terms.known[k] and not at_detector
    u, u_film = float(terms.total[k]), float(terms.film[k])
    return Measurement(
        quantity=entry,
        visit=visit.id,
        site=Site(level=parts.level, side=parts.side) if parts.level or parts.side else None,
        condition=parts.condition,
        method=entry.method or f"{entry.id}/1",
        measurand="patient" if known else "film",
        tag=entry.tag,
        source=(analysis.film.file,),
        observer=tuple(sorted({r.marked.reading.observer for r in analysis.readings})),
        provenance=_provenance(analysis, known=terms.known[k]),
        quality=_quality(analysis, entry, at_detector=at_detector, known=terms.known[k]),
        value=value,
        u=u if known else None,
        u_film=u_film,
        dof=effective_dof(u if known else u_film, (float(terms.landmarks[k]),), (_dof(analysis, terms, k),)),
        budget=_budget(analysis, terms, k),
        calibration=analysis.film.calibration.kind.value,
    )


def _dof(analysis: FilmAnalysis, terms: _Terms, k: int) -> float:
    return float(analysis.dof[analysis.keys.index(terms.keys[k])])


def _budget(analysis: FilmAnalysis, terms: _Terms, k: int) -> dict[str, float]:
    parts = {
        "landmarks": float(terms.landmarks[k]),
        "observers": float(terms.observers[k]),
        "scale": float(abs(terms.scale[k])),
        "head": float(terms.head[k]),
        "camera" if analysis.film.view.is_photo else "tube": float(abs(terms.tube[k])),
    }
    return {name: part for name, part in parts.items() if part or name in ("landmarks", "scale", "head")}


def _quality(analysis: FilmAnalysis, entry: Quantity, *, at_detector: bool, known: bool) -> tuple[str, ...]:
    film = analysis.film
    bare = film.technique is None and film.camera_lps is None and not film.view.is_photo
    flags = {
        "mm_at_detector": at_detector,
        "technique_missing": bare,
        "projection_unknown": not known and not bare,
        "nominal_scale": film.calibration.kind is CalibrationKind.NONE and _has_defaults(analysis),
        entry.tag: entry.tag in ("proposed", "unverified"),
    }
    return tuple(name for name, raised in flags.items() if raised) or ("ok",)


def _provenance(analysis: FilmAnalysis, *, known: bool) -> dict[str, str]:
    readings = [r.marked.reading for r in analysis.readings]
    kind = "photograph" if analysis.film.view.is_photo else "film"
    head = "template persons, prior of data/head_position.toml"
    return {
        "sha256": analysis.film.sha256,
        "readings": ", ".join(r.id for r in readings),
        "tools": ", ".join(sorted({r.tool for r in readings})),
        "placing": "; ".join(sorted(frozenset().union(*(r.marked.placed_by for r in analysis.readings)))),
        "head": head if known else f"not known: the value is this {kind}'s own",
    }


def _has_defaults(analysis: FilmAnalysis) -> bool:
    return any(r.marked.has_defaults for r in analysis.readings)


def _observers(analysis: FilmAnalysis) -> str:
    return pooled_name([r.marked.reading.observer for r in analysis.readings])


def _scale_key(analysis: FilmAnalysis) -> str:
    """Films of one set-up share the error of their scale."""
    film, technique = analysis.film, analysis.film.technique
    setup = "" if technique is None else f", SID {technique.sid_mm:g}, SOD {technique.sod_mm:g}"
    return f"scale {film.calibration.kind.value} {film.calibration.mm_per_px}{setup}"


def _setup_key(visit: Visit, analysis: FilmAnalysis) -> str:
    """A tube keeps the error of its angle scale; a camera stands elsewhere for every photograph."""
    if analysis.film.view.is_photo:
        return f"camera distance, {visit.id}, {analysis.film.file}"
    return f"tube angle scale, {analysis.film.view.value}"


def _categories(visit: Visit, analysis: FilmAnalysis) -> Iterator[Observation]:
    lines = analysis.first.lines
    for found in VIEWS[analysis.film.view].classes:
        if not all(r.lines.marks.has(found.needs) for r in analysis.readings):
            continue
        entry = quantity(found.quantity)
        yield Category(
            quantity=entry,
            visit=visit.id,
            condition=analysis.observed(entry.id).condition,
            method=f"{entry.id}/1",
            tag=entry.tag,
            measurand="film",
            source=(analysis.film.file,),
            observer=tuple(sorted({r.marked.reading.observer for r in analysis.readings})),
            provenance=_provenance(analysis, known=False),
            value=found.word(lines),
            choices=found.choices,
        )
