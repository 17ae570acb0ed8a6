"""Poses of skull, C1 and C2 from a CT and two or more films.

All bones are fitted jointly to the high-passed log images of all films, coarse to fine, from several starts;
poses of the films' cameras are unknowns where they are not calibrated. Every result carries a covariance that
allows for residuals with common causes, a floor for what residuals do not show, and a state.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.xray.registration_covariance import sandwich, with_floor
from atlasplane.xray.registration_evidence import agreement, evidence, film_residuals, worst_misfit
from atlasplane.xray.registration_fit import prior_precision
from atlasplane.xray.registration_poses import camera_columns, moved_camera
from atlasplane.xray.registration_problem import PER_POSE, RegistrationProblem
from atlasplane.xray.registration_result import FilmResidual, Registration
from atlasplane.xray.registration_search import Found, Reporter, search
from atlasplane.xray.registration_settings import setting
from atlasplane.xray.registration_states import Evidence, bounds, judged

__all__ = ["FilmResidual", "Registration", "register"]


def register(
    problem: RegistrationProblem,
    *,
    rng: np.random.Generator,
    starts: int | None = None,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Registration:
    """Fit the bones to the films.

    Parameters
    ----------
    problem : RegistrationProblem
    rng : Generator
        Source of the starts; the same state gives the same result.
    starts : int, optional
        Most starts that are tried, at least 1; default from the settings.
    progress : callable, optional
        Told the share of the work that is done, 0 to 1, and what comes next.
    cancelled : callable, optional
        Asked at every iteration whether to stop.

    Returns
    -------
    Registration

    Raises
    ------
    Cancelled
        When `cancelled` said so.
    BadInput
        When a film shows none of the bones where the start expects them.
    """
    began = time.perf_counter()
    reporter = Reporter(progress, cancelled)
    most = int(setting("starts", "most")) if starts is None else max(1, starts)
    found = search(problem, rng, most, reporter)
    reporter.tell(0.9, "uncertainty")
    result = _registration(problem, found, began)
    reporter.tell(1.0, "done")
    return result


def _registration(problem: RegistrationProblem, found: Found, began: float) -> Registration:
    poses = found.last.fit.poses
    skull = tuple(poses.skull_of(film) for film in range(len(problem.films)))
    bones = dict(zip(problem.names[1:], poses.bones, strict=True))
    try:
        known, camera_u = covariance(problem, found)
        unresolved = []
    except (ValueError, np.linalg.LinAlgError):
        # The films tell less than rounding takes away: nothing is known but the start.
        known, camera_u = problem.start.cov, tuple(film.camera_sds for film in problem.films)
        unresolved = [Evidence(measure="sd_mm", value=np.inf)]
    cov = with_floor(known, problem, skull, bones)
    status, reasons = judged([*evidence(problem, found, cov), *unresolved])
    turn_deg, shift_mm = agreement(problem, found)
    return Registration(
        status=status,
        reasons=reasons,
        skull=skull,
        bones=bones,
        cov=cov,
        cameras=tuple(
            moved_camera(film.camera, change)
            for film, change in zip(problem.films, poses.camera, strict=True)
        ),
        camera_u=camera_u,
        residual=worst_misfit([found.last]),
        limit=bounds("misfit").doubtful,
        agreement_deg=turn_deg,
        agreement_mm=shift_mm,
        films=film_residuals(problem, found.last),
        iterations=found.iterations,
        seconds=time.perf_counter() - began,
    )


def covariance(problem: RegistrationProblem, found: Found) -> tuple[Array, tuple[Array, ...]]:
    """Of all poses, without the floor, shape (p, p); standard uncertainties of the cameras, each (4,)."""
    whole, last = found.whole, found.last
    films = last.level.linearised(last.fit, [None] * len(problem.films))
    if found.masks:
        films += whole.level.linearised(whole.fit, found.masks)
    films = [part for part in films if len(part.row)]
    prior = prior_precision(problem, last.level.level.spec.widening)
    # What is known exactly is no unknown.
    fitted = last.level.free
    if len(fitted) < len(prior):
        films = [replace(film, jacobian=film.jacobian[:, fitted]) for film in films]
    cov = np.zeros_like(prior)
    both = np.ix_(fitted, fitted)
    cov[both] = sandwich(films, prior[both]).cov
    poses = slice(0, PER_POSE * problem.poses)
    sds = np.sqrt(np.diag(cov))
    return cov[poses, poses], tuple(sds[camera_columns(problem, k)] for k in range(len(problem.films)))
