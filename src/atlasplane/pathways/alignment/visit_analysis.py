"""The Orthospinology analysis of one visit: lateral, nasium and vertex together, with a joint covariance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Category, Measurement, Observation, Site
from atlasplane.core.quantity import Quantity, quantity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, analyse_film
from atlasplane.pathways.alignment.film_geometry import film_technique
from atlasplane.pathways.alignment.head_position import ProjectionTerm, projection_term
from atlasplane.pathways.alignment.head_prior import AtlasEstimate, HeadPrior, default_atlas, head_prior
from atlasplane.pathways.alignment.lateral import LateralLines
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.observers import pooled_name
from atlasplane.pathways.alignment.quality import film_findings
from atlasplane.sources.case import Visit
from atlasplane.sources.film import View
from atlasplane.uncertainty.first_order import bias_widened_u, effective_dof

_S_CLASSES = ("S0", "S", "I")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AlignmentAnalysis:
    """What the films of one visit say.

    Attributes
    ----------
    joint : JointObservations
    films : tuple of FilmAnalysis
        In the order lateral, nasium, vertex; a report draws their lines.
    findings : tuple of Finding
    """

    joint: JointObservations
    films: tuple[FilmAnalysis, ...]
    findings: tuple[Finding, ...]

    def film(self, view: View) -> FilmAnalysis | None:
        """The analysed film of a view, or None."""
        return next((f for f in self.films if f.film.view is view), None)


def analyse_visit(visit: Visit, *, prior: HeadPrior | None = None) -> AlignmentAnalysis:
    """Every quantity of the visit's marked films, jointly.

    Parameters
    ----------
    visit : Visit
    prior : HeadPrior, optional
        Spread of head positions; default data/head_position.toml.

    Raises
    ------
    BadLandmarks
        When marks contradict the stored sides, are too few or geometrically impossible.
    """
    prior = prior or head_prior()
    analyses, findings = _analysed(visit)
    atlas = atlas_estimate(analyses, prior)
    s_line = next((a.value("s_line_angle") for a in analyses if a.film.view is View.LATERAL), None)
    parts = []
    for analysis in analyses:
        technique = film_technique(analysis)
        term = None if technique is None else projection_term(analysis, technique, atlas, prior)
        findings.extend(film_findings(analysis, term, s_line_deg=s_line))
        parts.append(_film_part(visit, analysis, term))
    return AlignmentAnalysis(joint=_joined(parts), films=tuple(analyses), findings=tuple(findings))


def atlas_estimate(analyses: Sequence[FilmAnalysis], prior: HeadPrior) -> AtlasEstimate:
    """C1 in the skull as the films show it; a default with a wide spread for what they do not show."""
    default = default_atlas()
    mean, u = default.mean_deg.copy(), default.u_deg.copy()
    sources = [
        (("atlas_plane_sagittal", "s_line_angle"), -1.0, prior.pitch_sd_deg),
        (("atlas_laterality",), 1.0, 0.5),
        (("atlas_rotation",), 1.0, 0.5),
    ]
    for k, (keys, sign, extra) in enumerate(sources):
        read = [(a.value(key), a.u_placing(key)) for key in keys for a in analyses if key in a.keys]
        if read:
            value, placing = read[0]
            assert value is not None
            mean[k], u[k] = sign * value, math.hypot(placing, extra)
    return AtlasEstimate(mean, u)


def _analysed(visit: Visit) -> tuple[list[FilmAnalysis], list[Finding]]:
    analyses: dict[View, FilmAnalysis] = {}
    findings = []
    for film in visit.films:
        analysis = analyse_film(film)
        if analysis is None:
            why = f"no analysis for view {film.view.value}" if film.readings else "no landmarks yet"
            findings.append(
                Finding(
                    code="film.not_measured",
                    severity=Severity.INFO,
                    file=film.file,
                    text=f"Not measured: {why}",
                )
            )
        elif film.view in analyses:
            findings.append(
                Finding(
                    code="film.second_of_view",
                    severity=Severity.WARN,
                    file=film.file,
                    text=f"A second {film.view.value} film of this visit is not used; "
                    f"the first is {analyses[film.view].film.file}",
                )
            )
        else:
            analyses[film.view] = analysis
    order = [View.LATERAL, View.NASIUM, View.VERTEX]
    return [analyses[view] for view in order if view in analyses], findings


@dataclass(frozen=True, slots=True, eq=False)
class _FilmPart:
    """Observations of one film with their share of the joint covariance."""

    measurements: tuple[Measurement, ...]
    others: tuple[Observation, ...]
    own_cov: Array
    shared: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class _Terms:
    """Contributions to u of one film's quantities, each (q,), and the covariance of landmarks and head."""

    keys: tuple[str, ...]
    landmarks: Array
    observers: Array
    scale: Array
    tube: Array
    head: Array
    own_cov: Array
    known: bool

    @property
    def film(self) -> Array:
        """u_film."""
        return np.sqrt(self.landmarks**2 + self.observers**2 + self.scale**2)

    @property
    def total(self) -> Array:
        """Standard uncertainty of the patient's value."""
        return np.sqrt(self.film**2 + self.tube**2 + self.head**2)


def _film_part(visit: Visit, analysis: FilmAnalysis, term: ProjectionTerm | None) -> _FilmPart:
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
    if terms.known:
        shared[f"tube angle scale, {analysis.film.view.value}"] = terms.tube
    return _FilmPart(measurements, tuple(_categories(visit, analysis)), terms.own_cov, shared)


def _terms(
    analysis: FilmAnalysis, term: ProjectionTerm | None, keys: tuple[str, ...], rows: list[int]
) -> _Terms:
    placing = analysis.placing_cov[np.ix_(rows, rows)]
    landmarks = np.sqrt(np.diag(placing))
    observers, scale = analysis.observers[rows], analysis.scale[rows]
    none = np.zeros(len(keys))
    if term is None:
        return _Terms(keys, landmarks, observers, scale, none, none, placing, known=False)
    picks = [term.keys.index(key) for key in keys]
    tube, bias, cov = term.tube[picks], term.bias[picks], term.cov[np.ix_(picks, picks)]
    film2 = landmarks**2 + observers**2 + scale**2
    spread = np.sqrt(np.maximum(film2 + np.diag(cov), film2 / 4) + tube**2)
    total = bias_widened_u(bias, spread)
    head = np.sqrt(np.maximum(total**2 - film2 - tube**2, 0.0))
    # Placing and head together, since the checks correlate them; widened by a congruence, which keeps it a
    # covariance.
    moment = placing + cov + np.outer(bias, bias)
    size = np.sqrt((landmarks**2 + head**2) / np.maximum(np.diag(moment), 1e-300))
    own_cov = moment * np.outer(size, size)
    return _Terms(keys, landmarks, observers, scale, tube, head, own_cov, known=True)


def _worth_giving(analysis: FilmAnalysis, key: str) -> bool:
    """Whether one side's arc can carry a circle.

    Judged by its length alone, so that noise cannot choose what is shown. For n points along a chord L with
    errors sd, u(1/R) is about sd / L^2 sqrt(720 / n) (parabola through equal steps).
    """
    id_, _, side = key.partition("/")
    both = analysis.value(id_)
    if not side or not id_.endswith("_radius") or both is None:
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
    key = terms.keys[k]
    id_, _, side = key.partition("/")
    entry = quantity(id_)
    at_detector = entry.is_length and analysis.film.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    known = terms.known and not at_detector
    u, u_film = float(terms.total[k]), float(terms.film[k])
    budget = {
        "landmarks": float(terms.landmarks[k]),
        "observers": float(terms.observers[k]),
        "scale": float(abs(terms.scale[k])),
        "head": float(terms.head[k]),
        "tube": float(abs(terms.tube[k])),
    }
    return Measurement(
        quantity=entry,
        visit=visit.id,
        site=Site(side=side) if side else None,
        method=entry.method or f"{id_}/1",
        measurand="patient" if known else "film",
        tag=entry.tag,
        source=(analysis.film.file,),
        observer=tuple(sorted({r.marked.reading.observer for r in analysis.readings})),
        provenance=_provenance(analysis),
        quality=_quality(analysis, entry, at_detector=at_detector),
        value=value,
        u=u if known else None,
        u_film=u_film,
        dof=effective_dof(u if known else u_film, (float(terms.landmarks[k]),), (analysis.dof,)),
        budget={
            name: part for name, part in budget.items() if part or name in ("landmarks", "scale", "head")
        },
        calibration=analysis.film.calibration.kind.value,
    )


def _quality(analysis: FilmAnalysis, entry: Quantity, *, at_detector: bool) -> tuple[str, ...]:
    flags = {
        "mm_at_detector": at_detector,
        "technique_missing": analysis.film.technique is None and analysis.film.camera_lps is None,
        "nominal_scale": analysis.film.calibration.kind is CalibrationKind.NONE and _has_defaults(analysis),
        entry.tag: entry.tag in ("proposed", "unverified"),
    }
    return tuple(name for name, raised in flags.items() if raised) or ("ok",)


def _provenance(analysis: FilmAnalysis) -> dict[str, str]:
    readings = [r.marked.reading for r in analysis.readings]
    return {
        "sha256": analysis.film.sha256,
        "readings": ", ".join(r.id for r in readings),
        "tools": ", ".join(sorted({r.tool for r in readings})),
        "placing": "catalogue default" if _has_defaults(analysis) else "covariances of the reading",
        "head": "template persons, prior of data/head_position.toml",
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


def _categories(visit: Visit, analysis: FilmAnalysis) -> Iterator[Observation]:
    lines = analysis.first.lines
    if not (isinstance(lines, LateralLines) and {"s_offset", "s_palate_angle"} & set(analysis.keys)):
        return
    entry = quantity("s_line_class")
    yield Category(
        quantity=entry,
        visit=visit.id,
        method="s_line_class/1",
        tag=entry.tag,
        measurand="film",
        source=(analysis.film.file,),
        observer=tuple(sorted({r.marked.reading.observer for r in analysis.readings})),
        provenance=_provenance(analysis),
        value=lines.s_class(),
        choices=_S_CLASSES,
    )


def _joined(parts: Sequence[_FilmPart]) -> JointObservations:
    order = tuple(m.key for part in parts for m in part.measurements)
    own = np.zeros((len(order), len(order)))
    shared: dict[str, Array] = {}
    start = 0
    for part in parts:
        stop = start + len(part.measurements)
        own[start:stop, start:stop] = part.own_cov
        for key, effect in part.shared.items():
            shared.setdefault(key, np.zeros(len(order)))[start:stop] += effect
        start = stop
    observations = tuple(o for part in parts for o in (*part.measurements, *part.others))
    used = {key: effect for key, effect in shared.items() if np.any(effect)}
    return JointObservations(observations=observations, order=order, own_cov=own, shared=used)
