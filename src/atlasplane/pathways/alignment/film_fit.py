"""The films of a visit fitted jointly: where C1 and C2 stand in the skull, or why that cannot be told.

The clicks of all films are explained by one shape of the bones, one pose of C1 and of C2 in the skull, and
for each film a pose of the head and a camera of its own (geometry.bundle). Head position and enlargement,
which bend the lines of a single film, are so told by the films themselves. What is assumed beforehand, and
the limits beyond which nothing is given, are data (data/film_fit.toml).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES
from atlasplane.core.finding import Finding
from atlasplane.geometry.bundle import (
    BundleFit,
    JointPrior,
    NotConverged,
    NotFinite,
    Problem,
    TooFewClicks,
    solve,
)
from atlasplane.geometry.bundle_problem import LEAST_CLICKS, BundleFilm, view_angle_deg
from atlasplane.geometry.se3 import difference
from atlasplane.pathways.alignment import film_fit_findings as say
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.film_fit_camera import bundle_film
from atlasplane.pathways.alignment.film_fit_clicks import FilmClicks, film_clicks
from atlasplane.pathways.alignment.film_fit_findings import NoFit
from atlasplane.pathways.alignment.film_fit_settings import fit_settings, movement_looked_for
from atlasplane.pathways.alignment.film_fit_shape import FittedShape, case_shape, generic_shape
from atlasplane.pathways.alignment.film_geometry import film_technique
from atlasplane.sources.case import Visit
from atlasplane.sources.film import View
from atlasplane.sources.observer import ObserverPlacing
from atlasplane.sources.volume import Volume

__all__ = ["FittedVisit", "fit_films", "generic_shape"]

_PER_POSE = 6
_PULL_DOF = 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedVisit:
    """A visit's films fitted jointly.

    Attributes
    ----------
    fit : BundleFit
    problem : Problem
        What was assumed beforehand.
    shape : FittedShape
        Of the points that the films show and the frames need.
    clicks : tuple of FilmClicks
        In the order of the problem's films.
    moved : frozenset of str
        Bones that did not keep one pose from film to film: nothing of them is given.
    damped : tuple of str
        Clicks that lie so far off that all were fitted again with robust weights, in words.
    """

    fit: BundleFit
    problem: Problem
    shape: FittedShape
    clicks: tuple[FilmClicks, ...]
    moved: frozenset[str]
    damped: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the films."""
        return tuple(each.file for each in self.clicks)

    @property
    def views(self) -> frozenset[View]:
        """Views of the films."""
        return frozenset(each.analysis.film.view for each in self.clicks)


def fit_films(
    visit: Visit,
    analyses: Sequence[FilmAnalysis],
    *,
    volumes: Sequence[Volume] = (),
    observers: Mapping[str, ObserverPlacing] | None = None,
    apart: Mapping[str, str] | None = None,
) -> tuple[FittedVisit | None, tuple[Finding, ...]]:
    """Fit the analysed films of a visit jointly.

    Parameters
    ----------
    analyses : sequence of FilmAnalysis
        One a view.
    volumes : sequence of Volume
        The case's, whatever their visit: bones keep their shape.
    observers : mapping observer -> ObserverPlacing, optional
        Placing errors that replace the catalogue's defaults.
    apart : mapping file -> reason, optional
        Films that the records say are of another person or day; they are left out.

    Returns
    -------
    FittedVisit or None, tuple of Finding
        The findings say why there is nothing, or what it rests on.
    """
    asked = [a for a in analyses if a.film.view in fit_settings().films.views]
    if not asked:
        return None, ()
    films, findings = _of_one_day(asked, apart or {})
    try:
        known, lacking = _with_geometry(films)
        findings += lacking
        shape, said = case_shape(volumes) if len(known) > 1 else (None, ())
        findings += said
        fitted, told = _fitted(visit, known, shape, observers)
    except NoFit as refused:
        return None, (*findings, refused.finding)
    return fitted, (*findings, *told)


def _of_one_day(
    films: Sequence[FilmAnalysis], apart: Mapping[str, str]
) -> tuple[list[FilmAnalysis], list[Finding]]:
    """Films of this person and day, each file once."""
    kept: list[FilmAnalysis] = []
    findings = []
    for analysis in films:
        film = analysis.film
        twin = next((k.film.file for k in kept if film.sha256 and k.film.sha256 == film.sha256), None)
        if film.file in apart:
            findings.append(say.apart(film.file, apart[film.file]))
        elif twin is not None:
            findings.append(say.film_twice(film.file, twin))
        else:
            kept.append(analysis)
    return kept, findings


def _with_geometry(films: Sequence[FilmAnalysis]) -> tuple[list[FilmAnalysis], list[Finding]]:
    known = [analysis for analysis in films if film_technique(analysis) is not None]
    return known, [say.no_geometry(a.film.file) for a in films if a not in known]


def _fitted(
    visit: Visit,
    films: Sequence[FilmAnalysis],
    shape: FittedShape | None,
    observers: Mapping[str, ObserverPlacing] | None,
) -> tuple[FittedVisit, list[Finding]]:
    if shape is None:
        raise NoFit(say.one_film(visit, [a.film.file for a in films]))
    clicks, bones, findings = _usable_clicks(visit, films, shape, observers)
    if len(clicks) < 2:
        raise NoFit(say.one_film(visit, [c.file for c in clicks]))
    if not shape.own and not any(c.analysis.film.view is View.VERTEX for c in clicks):
        raise NoFit(say.no_vertex(visit))
    shown = shape.keeping({id_ for c in clicks for id_ in c.ids}, bones)
    problem = _problem(visit, clicks, shown)
    fit = _solved(visit, problem, None)
    moved = _moved(fit)
    _refuse_misfit(visit, problem, fit, clicks, moved)
    fit, damped = _damped(visit, problem, fit, clicks)
    if moved:
        findings.append(say.joint_moved(visit, moved))
    if not shape.own:
        findings.append(say.generic_shape())
    fitted = FittedVisit(
        fit=fit,
        problem=problem,
        shape=shown,
        clicks=tuple(clicks),
        moved=frozenset(moved),
        damped=damped,
    )
    return fitted, findings


def _usable_clicks(
    visit: Visit,
    films: Sequence[FilmAnalysis],
    shape: FittedShape,
    observers: Mapping[str, ObserverPlacing] | None,
) -> tuple[list[FilmClicks], tuple[str, ...], list[Finding]]:
    """Clicks of films and bones that have enough of them, and the bones."""
    bone_of = shape.bone_of
    read = [film_clicks(a, bone_of.keys(), observers) for a in films]
    clicks = [c for c in read if c is not None]
    count = {bone: sum(bone_of[id_] == bone for c in clicks for id_ in c.ids) for bone in shape.bones}
    poor = [bone for bone in shape.bones if count[bone] < LEAST_CLICKS]
    findings = [say.too_few(visit, bone, count[bone], LEAST_CLICKS) for bone in poor]
    if {"skull", "c1"} & set(poor):
        raise NoFit(findings[0])
    bones = tuple(bone for bone in shape.bones if bone not in poor)
    kept = [c.of({id_ for id_ in c.ids if bone_of[id_] in bones}) for c in clicks]
    return [c for c in kept if len(c.ids) >= LEAST_CLICKS], bones, findings


def _problem(visit: Visit, clicks: Sequence[FilmClicks], shape: FittedShape) -> Problem:
    films = [bundle_film(c, shape) for c in clicks]
    known = tuple(film for film in films if film is not None)
    _refuse_collinear(visit, known, clicks)
    spread = {"c1": fit_settings().joint.c1, "c2": fit_settings().joint.c2}
    joints = tuple(
        JointPrior(
            bone=bone,
            pose=shape.joints[bone],
            cov=np.diag(
                np.repeat([math.radians(spread[bone].rotation_sd_deg), spread[bone].translation_sd_mm], 3)
                ** 2
            ),
            centre_mm=np.array(fit_settings().movement.c1_centre_mm) if bone == "c1" else None,
        )
        for bone in shape.bones
        if bone != "skull"
    )
    frames = {bone: FRAMES[DEFAULT_FRAMES[bone]].build for bone in shape.bones}
    try:
        return Problem(films=known, shape=shape.shape, joints=joints, frames=frames)
    except (TooFewClicks, NotFinite) as fault:
        raise NoFit(say.not_fitted(visit, str(fault))) from fault


def _refuse_collinear(visit: Visit, films: Sequence[BundleFilm], clicks: Sequence[FilmClicks]) -> None:
    angle = view_angle_deg(films)
    if angle < fit_settings().limits["views_deg"].value:
        raise NoFit(say.collinear(visit, angle, [c.file for c in clicks]))


def _solved(visit: Visit, problem: Problem, robust_k: float | None) -> BundleFit:
    try:
        fit = solve(problem, robust_k=robust_k, movement=movement_looked_for())
        if not np.all(np.diag(fit.cov) > 0):
            raise NotFinite("what is known beforehand and what the films tell differ beyond number")
        return fit
    except (NotConverged, NotFinite) as fault:
        raise NoFit(say.not_fitted(visit, str(fault))) from fault


def _moved(fit: BundleFit) -> dict[str, float]:
    limit = fit_settings().limits["joint_moved"].value
    return {bone: test.p_value for bone, test in fit.moved.items() if test.p_value < limit}


def _refuse_misfit(
    visit: Visit,
    problem: Problem,
    fit: BundleFit,
    clicks: Sequence[FilmClicks],
    moved: Mapping[str, float],
) -> None:
    """Raise where the clicks, or what they make of a film's set-up, cannot be of one patient.

    A joint that moved makes clicks disagree too: it is the likelier cause then, and C1 takes all with it.
    """
    limits = fit_settings().limits
    if "c1" in moved:
        raise NoFit(say.joint_moved(visit, moved))
    for film, found, click in zip(problem.films, fit.films, clicks, strict=True):
        for what, pull in _pulls(film, replace(film, camera=found.camera, skull=found.skull)).items():
            chance = float(chdtrc(_PULL_DOF, pull**2))
            if chance < limits["set_up"].value:
                raise NoFit(say.set_up(click.file, chance, what))
    free = max(fit.dof - _PER_POSE * (len(fit.films) + len(fit.bones)), 1)
    p_value = float(chdtrc(free, fit.chi2))
    if p_value < limits["residual"].value:
        file, why = _worst(fit, clicks)
        raise NoFit(say.residual(visit, p_value, file, why))


def _worst(fit: BundleFit, clicks: Sequence[FilmClicks]) -> tuple[str, str]:
    """The film with the click that fits least, and that click in words."""
    k = int(np.argmax([found.standardised.max() for found in fit.films]))
    worst = int(np.argmax(fit.films[k].standardised))
    off = float(fit.films[k].standardised[worst])
    return clicks[
        k
    ].file, f"the worst is {clicks[k].ids[worst]} on {clicks[k].file}, {off:.1f} standard deviations off"


def _pulls(stated: BundleFilm, found: BundleFilm) -> dict[str, float]:
    """How far size and direction of a film lie off what was stated, in standard deviations of that."""
    sid, depth = stated.camera.sid_mm, _depth_mm(stated)
    per_sid = 1 / sid - 1 / depth
    depth_sd = math.sqrt(stated.skull_cov[5, 5])
    sd = math.hypot(per_sid * stated.camera_sd.sid_mm, depth_sd / depth, stated.camera_sd.pitch_rel)
    turn = difference(stated.skull, found.skull)[:3] / np.sqrt(np.diag(stated.skull_cov)[:3])
    return {
        "another distance or size": math.log(_enlargement(found) / _enlargement(stated)) / sd,
        "another direction of the beam": float(np.abs(turn).max()),
    }


def _depth_mm(film: BundleFilm) -> float:
    return float((film.skull.translation_mm - film.camera.source_mm) @ film.camera.normal)


def _enlargement(film: BundleFilm) -> float:
    """Pixels per millimetre at the skull's origin, but for a constant of the film."""
    reach = float((film.camera.centre_mm - film.camera.source_mm) @ film.camera.normal)
    return reach / _depth_mm(film) / float(film.camera.pitch_mm[0])


def _damped(
    visit: Visit, problem: Problem, fit: BundleFit, clicks: Sequence[FilmClicks]
) -> tuple[BundleFit, tuple[str, ...]]:
    """The fit again with robust weights where a click lies far off."""
    robust = fit_settings().robust
    if max(float(found.standardised.max()) for found in fit.films) < robust.beyond:
        return fit, ()
    damped = [
        f"{id_} on {click.file}"
        for click, found in zip(clicks, fit.films, strict=True)
        for id_, off in zip(click.ids, found.standardised, strict=True)
        if off >= robust.beyond
    ]
    return _solved(visit, problem, robust.k), tuple(damped)
