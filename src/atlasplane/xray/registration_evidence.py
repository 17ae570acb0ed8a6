"""What speaks for and against the end of a search, for `registration_states.judged`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_cameras import camera_misfit
from atlasplane.xray.registration_covariance import relations
from atlasplane.xray.registration_film import SEEN, FilmComparison, FilmFit
from atlasplane.xray.registration_poses import Poses, bone_pose, change, moved_camera
from atlasplane.xray.registration_problem import PER_POSE, RegistrationProblem
from atlasplane.xray.registration_result import FilmResidual
from atlasplane.xray.registration_search import Found, Stage
from atlasplane.xray.registration_settings import setting
from atlasplane.xray.registration_size import size_score, sizes_score
from atlasplane.xray.registration_states import Evidence, limit, spread_of, start_probability


def evidence(problem: RegistrationProblem, found: Found, cov: Array) -> list[Evidence]:
    """All measures of one result; `cov` as `Registration.cov`."""
    poses = found.last.fit.poses
    return [
        *_likenesses(problem, found),
        *_sizes(problem, found),
        *_of_films(problem, found.last),
        *_agreement(problem, found),
        *_uncertainties(problem, poses, cov),
        *(
            Evidence(measure="on_film", value=on_film(problem, found, b), where=problem.names[b])
            for b in range(len(problem.bones))
        ),
        *_cameras(problem, found),
        Evidence(measure="start_p", value=_start_p(problem, poses, cov)),
        Evidence(measure="converged", value=_converged(found)),
    ]


def film_residuals(problem: RegistrationProblem, stage: Stage) -> tuple[FilmResidual, ...]:
    """What is left of every film at the finest level."""
    return tuple(
        _film_residual(problem, own, film)
        for own, film in zip(stage.level.films, stage.fit.films, strict=True)
    )


def agreement(problem: RegistrationProblem, found: Found) -> tuple[float, float]:
    """Largest turn (deg) and shift (mm) of a bone in the skull between starts that ended nearly as likely.

    Where the skull stands in a room whose films are not calibrated is told by no start and no result.
    """
    best = found.rivals[0]
    alike = [
        fit for fit in found.rivals if fit.unlikeliness < best.unlikeliness + setting("starts", "as_good")
    ]
    joints = slice(PER_POSE * problem.skulls, PER_POSE * problem.poses)
    steps = [change(problem, best.poses, fit.poses)[joints] for fit in alike]
    return spread_of([step.reshape(-1, PER_POSE) for step in steps])


def misfit(own: FilmComparison, film: FilmFit) -> float:
    """Share of a film's filtered signal in the bones' shadows that the model does not explain."""
    seen = np.abs(film.model) > SEEN * float(np.abs(film.model).max(initial=0.0))
    seen &= own.section.high_pass.usable > 0
    signal = float(np.square(own.section.film[seen]).sum())
    return float(np.square(film.residual[seen]).sum()) / signal if signal > 0 else 1.0


def on_film(problem: RegistrationProblem, found: Found, bone: int) -> float:
    """Share of a bone's shadow on the usable part of a film, of the film that shows most of it but one."""
    level, poses = found.whole.level.level, found.last.fit.poses
    shares = []
    for film, signal in enumerate(level.signals):
        camera = moved_camera(level.cameras[film], poses.camera[film])
        points, weight = _points(level.solids[bone])
        at = np.rint(camera.project(bone_pose(problem, poses, film, bone).apply(points))).astype(int)
        rows, columns = signal.valid.shape
        inside = (at[:, 0] >= 0) & (at[:, 0] < columns) & (at[:, 1] >= 0) & (at[:, 1] < rows)
        clipped = np.clip(at, 0, [columns - 1, rows - 1])
        inside &= signal.valid[clipped[:, 1], clipped[:, 0]]
        shares.append(float(weight[inside].sum() / weight.sum()))
    return sorted(shares)[-2]


def _points(solid: Solid) -> tuple[Array, Array]:
    """Every fourth voxel that holds bone, mm, and how much."""
    thinned = solid.attenuation_per_mm[::4, ::4, ::4]
    index = np.argwhere(thinned > 0)
    if not len(index):
        thinned = solid.attenuation_per_mm
        index = np.argwhere(thinned > 0)
        return solid.origin_mm + index * solid.spacing_mm, thinned[thinned > 0].astype(float)
    return solid.origin_mm + 4 * index * solid.spacing_mm, thinned[thinned > 0].astype(float)


def _likenesses(problem: RegistrationProblem, found: Found) -> Iterator[Evidence]:
    """The skull on the finest level that looks at it, the other bones on the finest."""
    for bone, name in enumerate(problem.names):
        stage = found.last if bone else found.whole
        value = stage.level.likeness(stage.fit, bone)
        yield Evidence(measure="likeness" if bone else "likeness_skull", value=value, where=name)


def _sizes(problem: RegistrationProblem, found: Found) -> Iterator[Evidence]:
    """Each on the level of its likeness; the skull as a whole, since its solid ends where the scan does."""
    whole = size_score(found.whole.level, found.whole.fit, 0).distance(limit("size", "tolerance_skull"))
    yield Evidence(measure="size", value=whole, where=problem.names[0])
    for bone in range(1, len(problem.bones)):
        own = sizes_score(found.last.level, found.last.fit, bone).distance(limit("size", "tolerance"))
        yield Evidence(measure="size", value=own, where=problem.names[bone])


def _of_films(problem: RegistrationProblem, stage: Stage) -> Iterator[Evidence]:
    for film, own, fit in zip(problem.films, stage.level.films, stage.fit.films, strict=True):
        yield Evidence(measure="misfit", value=misfit(own, fit), where=film.file)
        if film.signal.kind == "counts":
            yield Evidence(measure="gain", value=float(fit.gains[0]), where=film.file)


def _agreement(problem: RegistrationProblem, found: Found) -> Iterator[Evidence]:
    turn_deg, shift_mm = agreement(problem, found)
    yield Evidence(measure="agreement_deg", value=turn_deg)
    yield Evidence(measure="agreement_mm", value=shift_mm)


def _uncertainties(problem: RegistrationProblem, poses: Poses, cov: Array) -> Iterator[Evidence]:
    motions = dict(zip(problem.names[1:], poses.bones, strict=True))
    for name, relation in relations(problem, motions, cov).items():
        turn, shift = (np.sqrt(np.linalg.eigvalsh(relation.cov[at, at])[-1]) for at in (_TURN, _SHIFT))
        yield Evidence(measure="sd_deg", value=float(np.degrees(turn)), where=name)
        yield Evidence(measure="sd_mm", value=float(shift), where=name)


_TURN, _SHIFT = slice(0, 3), slice(3, 6)


def _cameras(problem: RegistrationProblem, found: Found) -> Iterator[Evidence]:
    off = camera_misfit(problem, found.whole)
    if off is not None:
        yield Evidence(measure="cameras", value=off)


def _start_p(problem: RegistrationProblem, poses: Poses, cov: Array) -> float:
    step = change(problem, Poses.start(problem), poses)[: PER_POSE * problem.poses]
    return start_probability(step, problem.start.cov, cov)


def _converged(found: Found) -> float:
    return 1.0 if found.settled else 0.75 if found.last.fit.settled else 0.0


def _film_residual(problem: RegistrationProblem, own: FilmComparison, film: FilmFit) -> FilmResidual:
    signal = own.level.signals[own.film]
    row, column = (first * signal.pixel_step + (signal.pixel_step - 1) // 2 for first in own.section.first)
    weights = own.weights(film)
    signal_square = float((weights * np.square(own.section.film)).sum())
    left = float((weights * np.square(film.residual)).sum())
    return FilmResidual(
        file=problem.films[own.film].file,
        gain=float(film.gains[0]),
        first_px=(column, row),
        step_px=signal.pixel_step,
        residual=film.residual,
        weights=weights,
        share=float(np.clip(1 - left / signal_square, 0, 1)) if signal_square > 0 else 0.0,
    )


def worst_misfit(stages: Sequence[Stage]) -> float:
    """Largest misfit of a film."""
    return max(
        misfit(own, film)
        for stage in stages
        for own, film in zip(stage.level.films, stage.fit.films, strict=True)
    )
