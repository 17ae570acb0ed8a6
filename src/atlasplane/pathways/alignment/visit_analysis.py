"""The analysis of one visit: films, photographs and leg check together, with one joint covariance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from atlasplane.core.finding import Finding, Severity
from atlasplane.core.joint import JointObservations
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, analyse_film
from atlasplane.pathways.alignment.film_fit import FittedVisit, fit_films
from atlasplane.pathways.alignment.film_fit_difference import bounded, click_covariance
from atlasplane.pathways.alignment.film_geometry import film_technique
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.pathways.alignment.head_position import ProjectionTerm, projection_term
from atlasplane.pathways.alignment.head_prior import (
    AtlasEstimate,
    HeadPrior,
    default_atlas,
    head_prior,
    own_prior,
)
from atlasplane.pathways.alignment.image_part import Part, image_part
from atlasplane.pathways.alignment.leg_check import leg_check
from atlasplane.pathways.alignment.pose_observations import PosePart, pose_part
from atlasplane.pathways.alignment.quality import film_findings
from atlasplane.pathways.alignment.volume_measures import analyse_volume
from atlasplane.sources.case import Visit
from atlasplane.sources.film import PlanarImage, Radiograph, View
from atlasplane.sources.observer import ObserverPlacing
from atlasplane.sources.volume import Volume


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AlignmentAnalysis:
    """What the films, photographs and examination of one visit say.

    Attributes
    ----------
    joint : JointObservations
    films : tuple of FilmAnalysis
        In the order of `View`: lateral, nasium, vertex, then the others; a report draws their lines.
    photos : tuple of FilmAnalysis
        From the side, from the front, from behind.
    findings : tuple of Finding
    terms : mapping file -> ProjectionTerm
        Of the films and photographs whose projection is known.
    fitted : FittedVisit or None
        The films fitted jointly, for a report that draws the bones; None where the findings say why not.
    """

    joint: JointObservations
    films: tuple[FilmAnalysis, ...]
    findings: tuple[Finding, ...]
    photos: tuple[FilmAnalysis, ...] = ()
    terms: Mapping[str, ProjectionTerm] = field(default_factory=dict)
    fitted: FittedVisit | None = None

    @property
    def images(self) -> tuple[FilmAnalysis, ...]:
        """Films, then photographs: the order of the joint result."""
        return self.films + self.photos

    def film(self, view: View) -> FilmAnalysis | None:
        """The analysed film of a view, or None."""
        return next((f for f in self.films if f.film.view is view), None)


def analyse_visit(
    visit: Visit,
    *,
    prior: HeadPrior | None = None,
    observers: Mapping[str, ObserverPlacing] | None = None,
    volumes: Sequence[Volume] = (),
    apart: Mapping[str, str] | None = None,
) -> AlignmentAnalysis:
    """Every quantity of the visit's marked films, photographs and volumes and of its leg check, jointly.

    The films are read one by one, and fitted together for the poses of C1 and C2 in space.

    Parameters
    ----------
    visit : Visit
    prior : HeadPrior, optional
        Spread of head positions in the clamps; default data/head_position.toml, which also has that of
        views taken without them.
    observers : mapping observer -> ObserverPlacing, optional
        Placing errors of observers that replace the catalogue's defaults.
    volumes : sequence of Volume
        The case's volumes. What is measured on those of other visits is left out; the shape of the bones is
        the same on all.
    apart : mapping file -> reason, optional
        Films that the records say are of another person or day: read, but not fitted with the others.

    Raises
    ------
    BadLandmarks
        When marks contradict the stored sides, are too few or geometrically impossible.
    """
    prior = prior or head_prior()
    films, findings = _analysed(visit.films, observers)
    photos, of_photos = _analysed(visit.photos, observers)
    findings += of_photos
    atlas = atlas_estimate(films, prior)
    s_line = next((a.value("s_line_angle") for a in films if a.film.view is View.LATERAL), None)
    parts, terms = [], {}
    for analysis in (*films, *photos):
        term = film_term(analysis, atlas, prior)
        if term is not None:
            terms[analysis.film.file] = term
        findings.extend(
            film_findings(analysis, term, s_line_deg=s_line)
            if isinstance(analysis.film, Radiograph)
            else _photo_findings(analysis)
        )
        parts.append(image_part(visit, analysis, term))
    of_volumes, pose_shared, said = _volume_parts(visit, volumes)
    parts += [*of_volumes, *_leg_check_parts(visit)]
    findings += said
    fitted, told = fit_films(visit, films, volumes=volumes, observers=observers, apart=apart)
    findings += told
    joint = _joined(parts, pose_shared)
    if fitted is not None:
        poses, told = pose_part(visit, fitted)
        findings += told
        joint = _with_poses(joint, fitted, poses)
    return AlignmentAnalysis(
        joint=joint,
        films=tuple(films),
        photos=tuple(photos),
        findings=tuple(findings),
        terms=terms,
        fitted=fitted,
    )


def film_term(analysis: FilmAnalysis, atlas: AtlasEstimate, prior: HeadPrior) -> ProjectionTerm | None:
    """The projection term of one film or photograph of a visit; None where its geometry is not known."""
    technique = film_technique(analysis)
    if technique is None:
        return None
    return projection_term(analysis, technique, atlas, own_prior(analysis.film.view) or prior)


def film_observations(visit: Visit, analysis: FilmAnalysis, term: ProjectionTerm | None) -> JointObservations:
    """Observations of one film or photograph, as they stand in the analysis of its visit."""
    return _joined([image_part(visit, analysis, term)])


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


def _analysed(
    images: Sequence[PlanarImage], observers: Mapping[str, ObserverPlacing] | None
) -> tuple[list[FilmAnalysis], list[Finding]]:
    """One analysed image a view (a lateral photograph: a view and side), in the order of `View`."""
    analyses: dict[tuple[View, bool], FilmAnalysis] = {}
    findings = []
    for image in images:
        analysis = analyse_film(image, observers)
        if analysis is None:
            findings.append(_not_measured(image))
            continue
        place = (image.view, _of_left_side(analysis))
        if place in analyses:
            findings.append(_second(image, analyses[place].film))
        else:
            analyses[place] = analysis
    order = list(View)
    return [analyses[place] for place in sorted(analyses, key=lambda p: (order.index(p[0]), p[1]))], findings


def _of_left_side(analysis: FilmAnalysis) -> bool:
    """Whether an image that shows one side of the patient shows the left."""
    return VIEWS[analysis.film.view].one_side and any(key.endswith("/left") for key in analysis.keys)


def _not_measured(image: PlanarImage) -> Finding:
    view = image.view.value
    if image.view not in VIEWS:
        why = f"the sources give no measure for a {view} film; it can be viewed and marked"
    else:
        why = "too few marks yet for any quantity" if image.readings else "no landmarks yet"
    return Finding(
        code="film.not_measured", severity=Severity.INFO, file=image.file, text=f"Not measured: {why}"
    )


def _second(image: PlanarImage, first: PlanarImage) -> Finding:
    return Finding(
        code="film.second_of_view",
        severity=Severity.WARN,
        file=image.file,
        text=f"A second {image.view.value} {'photograph' if image.view.is_photo else 'film'} of this visit "
        f"is not used; the first is {first.file}",
    )


def _photo_findings(analysis: FilmAnalysis) -> list[Finding]:
    names = ", ".join(f"{key} ({', '.join(ids)})" for key, ids in sorted(analysis.missing.items()) if ids)
    if not names:
        return []
    text = f"Not read for lack of marks: {names}"
    return [Finding(code="landmarks.missing", severity=Severity.INFO, file=analysis.film.file, text=text)]


def _volume_parts(
    visit: Visit, volumes: Sequence[Volume]
) -> tuple[list[Part], dict[str, Mapping[str, Array]], list[Finding]]:
    """One marked volume a modality, and what their poses share with films fitted with their bones."""
    parts: list[Part] = []
    pose_shared: dict[str, Mapping[str, Array]] = {}
    findings = []
    first: dict[str, str] = {}
    for volume in volumes:
        if volume.visit != visit.id or not volume.readings:
            continue
        if volume.modality in first:
            text = f"A second {volume.modality} volume of visit {visit.id} is not used; "
            text += f"the first is {first[volume.modality]}"
            findings.append(
                Finding(code="volume.second", severity=Severity.WARN, file=volume.file, text=text)
            )
            continue
        first[volume.modality] = volume.file
        read = analyse_volume(volume, visit.id)
        findings += read.findings
        if read.measurements or read.poses:
            parts.append(Part(read.measurements, read.poses, read.own_cov, read.shared))
            pose_shared |= read.pose_shared
    return parts, pose_shared, findings


def _leg_check_parts(visit: Visit) -> list[Part]:
    checked = leg_check(visit)
    if checked is None or checked.u is None:
        return []
    return [Part((checked,), (), np.array([[checked.u**2]]), {})]


def _joined(
    parts: Sequence[Part], pose_shared: Mapping[str, Mapping[str, Array]] | None = None
) -> JointObservations:
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
    return JointObservations(
        observations=observations, order=order, own_cov=own, shared=used, pose_shared=pose_shared or {}
    )


def _with_poses(joint: JointObservations, fitted: FittedVisit, poses: PosePart) -> JointObservations:
    """The visit's observations with those of the joint fit, which share clicks with the films' own."""
    n, angles = len(joint.order), tuple(m.key for m in poses.part.measurements)
    cross = np.zeros((n, len(angles)))
    for clicks in fitted.clicks:
        for key, cov in click_covariance(clicks, poses.click_effect[clicks.file]).items():
            if key in joint.order:
                cross[joint.order.index(key)] += cov
    rows = np.flatnonzero(np.any(cross, axis=1))
    if len(rows):
        cross[rows] = bounded(cross[rows], joint.own_cov[np.ix_(rows, rows)], poses.part.own_cov)
    shared = {key: np.pad(effect, (0, len(angles))) for key, effect in joint.shared.items()}
    for key, effect in poses.part.shared.items():
        shared[key] = shared.get(key, np.zeros(n + len(angles))) + np.pad(effect, (n, 0))
    return JointObservations(
        observations=(*joint.observations, *poses.part.measurements, *poses.part.others),
        order=(*joint.order, *angles),
        own_cov=np.block([[joint.own_cov, cross], [cross.T, poses.part.own_cov]]),
        shared=shared,
        pose_shared={**joint.pose_shared, **poses.pose_shared},
    )
