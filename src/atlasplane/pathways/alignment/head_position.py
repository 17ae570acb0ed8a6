"""What separates a film from the patient: head position, beam and projection, propagated through the camera.

A few thousand template persons (anatomy.phantom) are placed in the film's own camera with head positions
drawn from the prior that the film's own checks have tightened, and with the pose of C1 that the visit's films
show; the camera of a photograph is level and square only on average. Each gives the difference film minus
patient of every quantity at once; its mean and covariance are the projection term of u. The template's shape
is varied between persons because sign and size of the effect are patient-specific: nothing is ever corrected
with a constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from atlasplane.anatomy.phantom import posture
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.checks import YAW_PAIRS
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.pathways.alignment.head_prior import AtlasEstimate, HeadPrior
from atlasplane.pathways.alignment.template import Scene, Template, population, projected
from atlasplane.sources.film import Technique

TEMPLATE_PERSONS = 2048
"""Relative standard error of the term: 1 / sqrt(2 n) = 1.6 %."""
CONFLICT_K = 3.0
"""Joint standard deviations beyond which a check overrules the prior: rare enough (0.3 %) not to widen
ordinary films."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCheck:
    """A head angle as the film itself tells it, degrees; None u where the film cannot tell."""

    name: str
    value_deg: float
    u_deg: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProjectionTerm:
    """Film minus patient, for the quantities in `keys`.

    Attributes
    ----------
    keys : tuple of str
        Without those whose marks the template persons do not have.
    bias : array, shape (q,)
        Mean difference, left uncorrected.
    cov : array, shape (q, q)
        Covariance of the difference beyond placing; its diagonal may be slightly negative where the checks
        also tell of placing.
    tube : array, shape (q,)
        Effect of one standard uncertainty of the tube angle; of a photograph, of the camera's distance.
    checks : tuple of HeadCheck
        Yaw and roll as the film tells them.
    """

    keys: tuple[str, ...]
    bias: Array
    cov: Array
    tube: Array
    checks: tuple[HeadCheck, ...]


def projection_term(
    analysis: FilmAnalysis, technique: Technique, atlas: AtlasEstimate, prior: HeadPrior
) -> ProjectionTerm | None:
    """The projection term of one film whose geometry is known; None where no quantity has one.

    Parameters
    ----------
    analysis : FilmAnalysis
    technique : Technique
    atlas : AtlasEstimate
    prior : HeadPrior
    """
    people = population(TEMPLATE_PERSONS)
    scene = Scene(
        analysis.film.view,
        technique,
        np.zeros(2),
        from_left=VIEWS[analysis.film.view].one_side and any(key.endswith("/left") for key in analysis.keys),
    )
    scene = replace(scene, shift_mm=_shift(analysis, scene, atlas))
    sd = np.array([prior.yaw_sd_deg, prior.pitch_sd_deg, prior.roll_sd_deg])
    camera_deg = people.camera * prior.camera_sd_deg if any(prior.camera_sd_deg) else None

    def crowd(spread_deg: Array) -> Template:
        return Template(people, scene, people.atlas_deg(atlas), spread_deg * people.head, camera_deg)

    template = crowd(sd)
    shown = [key for key in analysis.keys if template.can_show(key)]
    keys = tuple(key for key in shown if not key.startswith("check."))
    asked = tuple(key for key in (*YAW_PAIRS, "check.roll") if key in shown)
    if not keys:
        return None
    seen = _Seen.on(analysis, asked)
    film = template.film_values((*keys, *asked))
    checks = _head_checks(template.head_deg, film[:, len(keys) :], seen)
    wider = _without_conflicts(sd, checks)
    if np.any(wider != sd):
        template = crowd(wider)
        film = template.film_values((*keys, *asked))
    difference = _film_minus_patient(film[:, : len(keys)], template.patient_values(keys), analysis, keys)
    bias, cov = _given_checks(difference, film[:, len(keys) :], seen, analysis, keys)
    off = replace(template, scene=scene.off_by_one_u(prior)).film_values(keys)
    return ProjectionTerm(
        keys=keys, bias=bias, cov=cov, tube=(off - film[:, : len(keys)]).mean(axis=0), checks=checks
    )


def _shift(analysis: FilmAnalysis, scene: Scene, atlas: AtlasEstimate) -> Array:
    """How far the film shows C1 off the central ray, object mm along the film's axes.

    From the points of the bones nearest to C1 that the film shows and the phantom has.
    """
    film, technique = analysis.film, scene.technique
    if not (film.calibration.kind.has_object_scale or film.view.is_photo):
        return np.zeros(2)
    marked = analysis.first.marked
    principal = technique.principal_px or tuple((np.array(film.shape[::-1]) - 1) / 2)
    seen = marked.marks(marked.values).points
    people = population(1)
    pose = posture(people.phantom, head_deg=np.zeros((1, 3)), atlas_deg=atlas.mean_deg[None])
    shown = projected(people.phantom, pose, scene.camera(), seen.keys(), 1 / technique.magnification).points
    bones = {id_: people.phantom.points_mm[id_][0] for id_ in shown}
    near = next(
        (own for tier in VIEWS[film.view].placed_on if (own := [i for i in shown if bones[i] in tier])), ()
    )
    if not near:
        return np.zeros(2)
    unit_mm = 1.0 if film.calibration.kind.has_object_scale else _unit_mm(analysis)
    drawn = np.mean([seen[id_] for id_ in near], axis=0) - marked.frame.film(np.array(principal))
    return np.asarray(unit_mm * drawn - np.mean([shown[id_][0] for id_ in near], axis=0))


def _film_minus_patient(film: Array, patient: Array, analysis: FilmAnalysis, keys: Sequence[str]) -> Array:
    """Differences of the template persons, shape (persons, q), in the quantities' units.

    Where the error is normal on the reciprocal scale (radii), the relative difference there is carried over
    to the value at hand.
    """
    difference = film - patient
    for k, key in enumerate(keys):
        if quantity(ObservationKey.parse(key).quantity).interval == "reciprocal":
            value = analysis.values[analysis.keys.index(key)]
            difference[:, k] = (1 - patient[:, k] / film[:, k]) * value
    return difference


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The film's own checks as read, object mm and degrees.

    Attributes
    ----------
    values : array, shape (k,)
    cov : array, shape (k, k)
        Placing covariance of the checks.
    with_quantities : array, shape (q, k)
        Placing covariance of all keys of the film with the checks.
    """

    values: Array
    cov: Array
    with_quantities: Array

    @classmethod
    def on(cls, analysis: FilmAnalysis, asked: Sequence[str]) -> _Seen:
        scale = 1.0 if analysis.film.calibration.kind.has_object_scale else _unit_mm(analysis)
        size = np.array([1.0 if key == "check.roll" else scale for key in asked])
        rows = [analysis.keys.index(key) for key in asked]
        cov = analysis.placing_cov[np.ix_(rows, rows)] * np.outer(size, size)
        return cls(size * analysis.values[rows], cov, analysis.placing_cov[:, rows] * size)


def _head_checks(head_deg: Array, shown: Array, seen: _Seen) -> tuple[HeadCheck, ...]:
    """Yaw and roll as the film alone tells them.

    By generalised least squares on slopes and noise of the template.
    """
    angles = head_deg[:, [0, 2]]
    design = np.column_stack([angles, np.ones(len(angles))])
    fitted, *_ = np.linalg.lstsq(design, shown, rcond=None)
    slopes = fitted[:2].T
    if np.linalg.matrix_rank(slopes) < 2:
        return ()
    noise = np.atleast_2d(np.cov(shown - design @ fitted, rowvar=False)) + seen.cov
    cov = np.linalg.inv(slopes.T @ np.linalg.solve(noise, slopes))
    told = cov @ slopes.T @ np.linalg.solve(noise, seen.values)
    return tuple(
        HeadCheck(name=name, value_deg=float(told[k]), u_deg=math.sqrt(cov[k, k]))
        for k, name in enumerate(("yaw", "roll"))
    )


def _without_conflicts(sd: Array, checks: Sequence[HeadCheck]) -> Array:
    """Prior SD of (yaw, pitch, roll), widened to what a check says where the prior cannot explain it.

    A conflict (beyond 3 of the joint SD) is evidence against the prior, not a reason to shrink.
    """
    wider = sd.copy()
    for k, check in zip((0, 2), checks, strict=False):
        if abs(check.value_deg) > CONFLICT_K * math.hypot(sd[k], check.u_deg):
            wider[k] = abs(check.value_deg)
    return wider


def _given_checks(
    difference: Array, shown: Array, seen: _Seen, analysis: FilmAnalysis, keys: Sequence[str]
) -> tuple[Array, Array]:
    """Mean and covariance of film minus patient, given the film's own checks.

    Linear Gaussian conditioning on the joint covariance of (error, checks) of the template persons, placing
    errors included; the placing part is taken off again.
    """
    mean = difference.mean(axis=0)
    rows = [analysis.keys.index(key) for key in keys]
    placing = analysis.placing_cov[np.ix_(rows, rows)]
    if not seen.values.size:
        return mean, np.atleast_2d(np.cov(difference, rowvar=False))
    joint = np.cov(np.hstack([difference, shown]), rowvar=False)
    q = len(keys)
    with_checks = joint[:q, q:] + seen.with_quantities[rows]
    gain = np.linalg.solve(joint[q:, q:] + seen.cov, with_checks.T).T
    bias = mean + gain @ (seen.values - shown.mean(axis=0))
    total = placing + joint[:q, :q] - gain @ with_checks.T
    return bias, total - placing


def _unit_mm(analysis: FilmAnalysis) -> float:
    marked = analysis.first.marked
    technique = analysis.film.technique
    return marked.film_mm_per_unit / (1.0 if technique is None else technique.magnification)
