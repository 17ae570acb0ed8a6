"""Whether films agree with cameras that are stated as exactly known.

A wrong distance of the tube shifts the bones and leaves a result that looks good. So the cameras of a
calibrated rig are tried as unknowns: one Gauss-Newton step with poses and cameras free, and how much the
films want it. This is the score test of Rao 1948, doi:10.1017/S0305004100023987, in units of independent
pixels; what the residuals have in common makes it larger on good films too, which its bound allows for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.xray.registration_fit import Fit, LevelFit
from atlasplane.xray.registration_poses import camera_columns
from atlasplane.xray.registration_problem import FilmImage, RegistrationProblem
from atlasplane.xray.registration_search import Stage
from atlasplane.xray.registration_settings import setting


def camera_misfit(problem: RegistrationProblem, stage: Stage) -> float | None:
    """How many standard deviations the films would move the cameras that are stated as known, all together.

    Parameters
    ----------
    problem : RegistrationProblem
    stage : Stage
        A level that looks at all bones, at its end.

    Returns
    -------
    float or None
        Square root of the squared step in units of its covariance; None where every camera is fitted, or
        each film has a room of its own, in which a bone that stands deeper makes up for the distance.
    """
    known = [k for k, film in enumerate(problem.films) if not film.camera_sds.any()]
    if problem.rig != "fixed" or not known:
        return None
    films = (film if film.camera_sds.any() else _freed(film) for film in problem.films)
    freed = replace(problem, films=tuple(films))
    level = LevelFit(freed, stage.level.level, [own.section for own in stage.level.films])
    matrix, downhill = level.equations(_on_same_scales(level.at(stage.fit.poses), stage.fit))
    cov = np.linalg.pinv(matrix[np.ix_(level.free, level.free)], hermitian=True)
    step = cov @ downhill[level.free]
    columns = np.concatenate([np.arange(*camera_columns(problem, k).indices(len(matrix))) for k in known])
    tried = np.isin(level.free, columns)
    return float(np.sqrt(step[tried] @ np.linalg.solve(cov[np.ix_(tried, tried)], step[tried])))


def _freed(film: FilmImage) -> FilmImage:
    sd = CameraSd(
        sid_mm=setting("cameras", "sid"), principal_mm=setting("cameras", "principal"), pitch_rel=0.0
    )
    return replace(film, camera_sd=sd)


def _on_same_scales(fit: Fit, end: Fit) -> Fit:
    films = zip(fit.films, end.films, strict=True)
    return replace(fit, films=tuple(replace(own, scale=ended.scale) for own, ended in films))
