"""Which films of a visit are registered, in which rig, and where their bones are expected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.linalg import block_diag

from atlasplane.chain.film_days import films_apart
from atlasplane.chain.registered_settings import between_visits
from atlasplane.chain.registered_start import (
    LandmarkStart,
    in_one_room,
    landmark_start,
)
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.geometry.bundle_problem import LEAST_CLICKS
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.registration_record import pose_of
from atlasplane.pathways.alignment.film_analysis import analyse_film
from atlasplane.pathways.alignment.film_fit import FittedVisit, fit_films
from atlasplane.pathways.alignment.film_fit_settings import fit_settings
from atlasplane.pathways.alignment.volume_points import fitted_ids
from atlasplane.sources.case import Case, Visit
from atlasplane.sources.film import Radiograph
from atlasplane.sources.volume import Volume
from atlasplane.xray.registration_problem import Rig

_LIMIT = re.compile(r" \(limit [^()]*\)$")
_MARK = "Mark three points or more of skull, C1 and C2 on two films of one visit, and state their technique"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VisitFilms:
    """The films of a visit as they go into a registration.

    Attributes
    ----------
    films : tuple of Radiograph
        In the order of the start's films.
    start : LandmarkStart
    fitted : FittedVisit
    rig : "fixed" or "free"
    findings : tuple of Finding
        What the fit of the landmarks said.
    """

    films: tuple[Radiograph, ...]
    start: LandmarkStart
    fitted: FittedVisit
    rig: Rig
    findings: tuple[Finding, ...]

    def from_earlier(self, earlier: RegisterOutput) -> VisitFilms:
        """The films with C1 and C2 where an earlier registration found them, give or take a correction."""
        motions = {
            bone: pose_of(earlier.motion[bone]) if bone in earlier.motion else motion
            for bone, motion in self.start.motions.items()
        }
        of_skull = len(self.start.cov) - 6 * len(motions)
        cov = block_diag(self.start.cov[:of_skull, :of_skull], *(between_visits().cov for _ in motions))
        return replace(self, start=replace(self.start, motions=motions, cov=cov))


def visit_to_register(case: Case, id_: str | None) -> Visit:
    """The visit that is named, or the last with two films that can be registered.

    Raises
    ------
    BadInput
        When there is no such visit.
    """
    if id_ is not None:
        found = case.visit(id_)
        if found is None:
            known = ", ".join(visit.id for visit in case.visits) or "none"
            raise BadInput(str(case.folder), f"there is no visit '{id_}'", f"Its visits are: {known}")
        return found
    ready = [visit for visit in case.visits if len(usable_films(visit)) > 1]
    if not ready:
        raise BadInput(str(case.folder), "has no visit with two films that can be registered", _MARK)
    return ready[-1]


def usable_films(visit: Visit) -> tuple[Radiograph, ...]:
    """Films of a visit, one a view, whose geometry is stated and that show three marks or more."""
    first: dict[str, Radiograph] = {}
    for film in visit.films:
        stated = film.technique is not None or film.camera_lps is not None
        marked = any(len(fitted_ids() & reading.points.keys()) >= LEAST_CLICKS for reading in film.readings)
        if film.view in fit_settings().films.views and stated and marked:
            first.setdefault(film.view.value, film)
    return tuple(first.values())


def rig_of(films: Sequence[Radiograph], asked: Rig | None) -> Rig:
    """How the films are held together: as asked, else fixed where all name one rig and state full cameras.

    Raises
    ------
    BadInput
        When a fixed rig is asked of films that cannot be in one.
    """
    without = [film.file for film in films if film.camera_lps is None or film.technique is not None]
    rigs = sorted({film.rig for film in films if film.rig is not None})
    if asked == "fixed" and without:
        what = "states no full camera, so its place in a fixed rig is not known"
        raise BadInput(
            without[0], what, "State camera.P (and no technique) in visit.toml, or leave --rig out"
        )
    if asked == "fixed" and len(rigs) > 1:
        what = f"names another rig than the other films: {', '.join(rigs)}"
        raise BadInput(films[0].file, what, "Correct rig in visit.toml, or register with --rig free")
    if asked is not None:
        return asked
    one = len(rigs) == 1 and all(film.rig is not None for film in films)
    return "fixed" if one and not without else "free"


def visit_films(
    case: Case,
    visit: Visit,
    volume: Volume,
    *,
    frames: Mapping[str, RigidTransform],
    centres_mm: Mapping[str, Array],
    rig: Rig | None,
) -> VisitFilms:
    """The films of a visit with the start that their landmarks give.

    Parameters
    ----------
    frames : mapping bone -> RigidTransform
        Frame of the scan's landmarks -> volume.
    centres_mm : mapping bone -> array, shape (3,)
        Centres of the bones that are registered.
    rig : "fixed", "free" or None

    Raises
    ------
    BadInput
        When the landmarks of the films give no start; names what is missing.
    """
    films = usable_films(visit)
    if len(films) < 2:
        raise _too_few(visit, films)
    analyses = [found for film in films if (found := analyse_film(film, case.observers)) is not None]
    fitted, findings = fit_films(
        visit, analyses, volumes=(volume,), observers=case.observers, apart=films_apart(case)
    )
    if fitted is None or not fitted.shape.own:
        raise _no_start(visit, findings)
    used = tuple(next(film for film in films if film.file == file) for file in fitted.files)
    held = rig_of(used, rig)
    start = landmark_start(fitted, frames, centres_mm, calibrated=held == "fixed")
    if held == "fixed":
        start = in_one_room(start, centres_mm)
    return VisitFilms(films=used, start=start, fitted=fitted, rig=held, findings=findings)


def _too_few(visit: Visit, films: Sequence[Radiograph]) -> BadInput:
    have = f"only {films[0].file} can be registered" if films else "no film can be registered"
    what = f"{have}: two films from two directions are needed, each with geometry and three marks"
    return BadInput(f"{visit.folder}/visit.toml", what, _MARK)


def _no_start(visit: Visit, findings: Sequence[Finding]) -> BadInput:
    """The last thing that the fit of the landmarks said, as the reason why there is no start."""
    told = [found for found in findings if found.code.startswith("pose.")]
    if not told:
        return _too_few(visit, ())
    text = _LIMIT.sub("", told[-1].text).rstrip(".")
    what, _, remedy = text.rpartition(". ")
    file = told[-1].file or f"{visit.folder}/visit.toml"
    return BadInput(file, f"gives no start: {what or text}", remedy or _MARK)
