"""Levenberg-Marquardt on one level: the bones' poses and the films' cameras that explain the films best.

Poses are held by the start, widened, and cameras by what is stated of them, as far as the films do not tell.
Damping: Nocedal and Wright 2006, ch. 10.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from atlasplane.geometry.types import Array
from atlasplane.xray.registration_covariance import Linearised
from atlasplane.xray.registration_film import Film32, FilmComparison, FilmFit
from atlasplane.xray.registration_levels import Level, Section
from atlasplane.xray.registration_poses import Poses, bone_columns, camera_columns, change, changed, size
from atlasplane.xray.registration_problem import PER_POSE, RegistrationProblem

_TINY = 1e-12
_LEAST_DAMPING, _FIRST_DAMPING, _MOST_DAMPING = 1e-4, 1e-2, 1e6

Watch = Callable[[], None]
"""Called at every iteration; raises to end the search."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """Where the search stands.

    Attributes
    ----------
    poses : Poses
    films : tuple of FilmFit
    cost : float
        Robust cost of the residuals, on their own scales, and of the distance from the start.
    unlikeliness : float
        Minus the logarithm of the likelihood, up to a constant of the level: what ends on other scales are
        compared by. A wide residual has small costs on its own scale.
    settled : bool
        Whether the last step was small.
    iterations : int
    """

    poses: Poses
    films: tuple[FilmFit, ...]
    cost: float
    unlikeliness: float
    settled: bool = False
    iterations: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Carried:
    """What another level's pixels say, to second order about its end.

    Attributes
    ----------
    poses : Poses
    matrix : array, shape (size, size)
    downhill : array, shape (size,)
        Of the normal equations there.
    """

    poses: Poses
    matrix: Array
    downhill: Array


class LevelFit:
    """One level of a problem, ready to be searched.

    Parameters
    ----------
    problem : RegistrationProblem
    level : Level
    parts : sequence of Section
        Of the films.
    carried : Carried, optional
        From pixels that are not this level's.
    held : collection of int
        Bones that stay where they are; with the skull all cameras do.
    """

    def __init__(
        self,
        problem: RegistrationProblem,
        level: Level,
        parts: Sequence[Section],
        carried: Carried | None = None,
        *,
        held: Collection[int] = (),
    ) -> None:
        self.problem, self.level, self.carried = problem, level, carried
        self.films = [FilmComparison(problem, level, part, k, held=held) for k, part in enumerate(parts)]
        self.start = Poses.start(problem)
        self.precision = prior_precision(problem, level.spec.widening)
        poses = np.ones(PER_POSE * problem.poses, dtype=bool)
        for bone in held:
            poses[bone_columns(problem, bone)] = False
        self.free = np.flatnonzero(np.concatenate([poses, *(film.camera_free for film in self.films)]))

    def at(self, poses: Poses, before: Fit | None = None) -> Fit:
        """The films at given poses; what still holds of `before` is used again."""
        films = tuple(
            film.at(poses, None if before is None else before.films[k]) for k, film in enumerate(self.films)
        )
        cost = self.cost(poses, films, [film.scale for film in films])
        widths = sum(own.width(film) for own, film in zip(self.films, films, strict=True))
        return Fit(poses=poses, films=films, cost=cost, unlikeliness=cost + widths)

    def cost(self, poses: Poses, films: Sequence[FilmFit], scales: Sequence[float]) -> float:
        """Robust cost on given scales."""
        off = change(self.problem, self.start, poses)
        total = 0.5 * float(off @ self.precision @ off)
        if self.carried is not None:
            gone = change(self.problem, self.carried.poses, poses)
            total += float(gone @ (0.5 * self.carried.matrix @ gone - self.carried.downhill))
        return total + sum(
            own.cost(film, scale) for own, film, scale in zip(self.films, films, scales, strict=True)
        )

    def search(self, fit: Fit, watch: Watch) -> Fit:
        """The minimum that is found from there."""
        spec, damping, iterations, settled = self.level.spec, _FIRST_DAMPING, 0, False
        equations = self.equations(fit)
        while iterations < spec.most_steps and not settled and damping < _MOST_DAMPING:
            watch()
            iterations += 1
            step = self._step(*equations, damping)
            if step is None:
                damping *= 10
                continue
            trial = self.at(changed(self.problem, fit.poses, step), fit)
            # On the scales of the place that the step leaves: costs on different scales do not compare.
            gained = fit.cost - self.cost(trial.poses, trial.films, [film.scale for film in fit.films])
            settled = self._is_small(step) or float(step @ equations[1]) < 2 * spec.enough
            if gained >= 0 or settled:
                fit, damping = trial, max(damping / 10, _LEAST_DAMPING)
                if not settled:
                    equations = self.equations(fit)
            else:
                damping *= 10
        return replace(fit, settled=settled, iterations=iterations)

    def equations(self, fit: Fit) -> tuple[Array, Array]:
        """Matrix of the normal equations, shape (size, size), and the way downhill, shape (size,)."""
        off = change(self.problem, self.start, fit.poses)
        matrix, downhill = self.precision.copy(), -self.precision @ off
        if self.carried is not None:
            gone = change(self.problem, self.carried.poses, fit.poses)
            matrix += self.carried.matrix
            downhill += self.carried.downhill - self.carried.matrix @ gone
        for own, film in zip(self.films, fit.films, strict=True):
            of_film = own.equations(film, fit.poses)
            matrix += of_film[0]
            downhill += of_film[1]
        return matrix, downhill

    def outside(self, fit: Fit, masks: Sequence[Film32]) -> Carried:
        """What the pixels of the masks say at the end of this level."""
        matrix, downhill = np.zeros((size(self.problem),) * 2), np.zeros(size(self.problem))
        for own, film, mask in zip(self.films, fit.films, masks, strict=True):
            of_film = own.equations(film, fit.poses, mask)
            matrix += of_film[0]
            downhill += of_film[1]
        return Carried(poses=fit.poses, matrix=matrix, downhill=downhill)

    def likeness(self, fit: Fit, bone: int) -> float:
        """How a bone's shadow agrees with the second best film, -1 to 1; 0 where fewer than two show it.

        Depth needs two films, and on a third one the bones below may hide C1.
        """
        values = [own.likeness(film, bone) for own, film in zip(self.films, fit.films, strict=True)]
        told = sorted(value for value in values if value is not None)
        return told[-2] if len(told) > 1 else 0.0

    def linearised(self, fit: Fit, masks: Sequence[Film32 | None]) -> list[Linearised]:
        """The films at the minimum, for the covariance; of each the pixels of its mask."""
        return [
            own.linearised(film, fit.poses, mask)
            for own, film, mask in zip(self.films, fit.films, masks, strict=True)
        ]

    def _step(self, matrix: Array, downhill: Array, damping: float) -> Array | None:
        """The step; None where rounding leaves the matrix without an inverse."""
        inner = matrix[np.ix_(self.free, self.free)]
        # Turns in rad and shifts in mm differ by orders of size.
        scale = 1 / np.sqrt(np.diag(inner))
        inner = inner * np.outer(scale, scale) + damping * np.eye(len(inner))
        step = np.zeros(len(downhill))
        try:
            factor = cho_factor(inner, check_finite=False)
        except np.linalg.LinAlgError:
            return None
        step[self.free] = scale * cho_solve(factor, scale * downhill[self.free], check_finite=False)
        return step

    def _is_small(self, step: Array) -> bool:
        spec = self.level.spec
        seeks = self.problem.skulls if spec.seeks == "skull" else self.problem.poses
        parts = step[: PER_POSE * seeks].reshape(-1, PER_POSE)
        turned = np.degrees(np.linalg.norm(parts[:, :3], axis=1)).max()
        return bool(
            turned < spec.settled_deg and np.linalg.norm(parts[:, 3:], axis=1).max() < spec.settled_mm
        )


def prior_precision(problem: RegistrationProblem, widening: float) -> Array:
    """Inverse covariance of the unknowns off the start: the start's, widened, and the stated cameras'."""
    precision = np.zeros((size(problem), size(problem)))
    poses = PER_POSE * problem.poses
    cov = problem.start.cov * widening**2
    scale = np.sqrt(np.maximum(np.diag(cov), _TINY))
    unscaled = np.linalg.pinv(cov / np.outer(scale, scale), hermitian=True)
    precision[:poses, :poses] = unscaled / np.outer(scale, scale)
    for k, film in enumerate(problem.films):
        sds = film.camera_sds
        at = camera_columns(problem, k)
        precision[at, at] = np.diag(np.where(sds > 0, 1 / np.maximum(sds, _TINY) ** 2, 0.0))
    return precision
