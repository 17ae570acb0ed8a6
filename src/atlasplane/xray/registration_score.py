"""What the films say of quantities that the search holds fixed: one step of the normal equations with them.

Poses, cameras and gains follow along, so only what they cannot make good is told (a score test: Rao 1948,
doi:10.1017/S0305004100023987). A bone of another person wants other sizes; a camera that is not where it is
stated to be wants another place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.xray.registration_film import Film32, FilmComparison, FilmFit
from atlasplane.xray.registration_fit import Fit, LevelFit
from atlasplane.xray.registration_poses import Poses, change, size
from atlasplane.xray.registration_settings import setting
from atlasplane.xray.registration_sums import weighted_sums

_HELD = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Score:
    """How far quantities want to go from where they are held.

    Attributes
    ----------
    step : array, shape (q,)
        To first order.
    cov : array, shape (q, q)
        Of `step`, with residuals as far independent as the search takes them to be.
    """

    step: Array
    cov: Array

    def distance(self, tolerance: float) -> float:
        """Length of the step in standard deviations when each quantity may be off by so much (1 sd)."""
        spread = self.cov + tolerance**2 * np.eye(len(self.step))
        return float(np.sqrt(self.step @ np.linalg.solve(spread, self.step)))


def score(level: LevelFit, fit: Fit, extra: Sequence[Film32]) -> Score:
    """Step of further quantities at the end of a level.

    Parameters
    ----------
    level : LevelFit
    fit : Fit
        Where the search of that level ended.
    extra : sequence of array, shape (q, rows, columns)
        For every film the derivatives of its model (high-passed, before the gain) by the quantities.
    """
    count, more = size(level.problem), len(extra[0])
    matrix, downhill = np.zeros((count + more,) * 2), np.zeros(count + more)
    matrix[:count, :count], downhill[:count] = _held(level, fit)
    for own, film, columns in zip(level.films, fit.films, extra, strict=True):
        of_film = _of_film(own, film, fit.poses, columns)
        matrix += of_film[0]
        downhill += of_film[1]
    used = np.concatenate([level.free, np.arange(count, count + more)])
    reduced = matrix[np.ix_(used, used)]
    # What no film tells has no information at all: a step of 0.
    reduced[np.diag_indices_from(reduced)] += _HELD * np.maximum(np.diag(reduced), _HELD)
    inverse = np.linalg.inv(reduced)
    return Score(step=(inverse @ downhill[used])[-more:], cov=inverse[-more:, -more:])


def _held(level: LevelFit, fit: Fit) -> tuple[Array, Array]:
    """What holds poses and cameras apart from the level's own pixels."""
    matrix = level.precision.copy()
    downhill = -level.precision @ change(level.problem, level.start, fit.poses)
    if level.carried is not None:
        gone = change(level.problem, level.carried.poses, fit.poses)
        matrix += level.carried.matrix
        downhill += level.carried.downhill - level.carried.matrix @ gone
    return matrix, downhill


def _of_film(own: FilmComparison, film: FilmFit, poses: Poses, extra: Film32) -> tuple[Array, Array]:
    """One film's normal equations of all unknowns and the further quantities; the gain is taken out."""
    columns, lines, linked = own.columns(film, poses)
    count, more = len(columns), len(extra)
    everywhere = np.tile(np.array([0, own.section.shape[0]]), (more, 1))
    sums = weighted_sums(
        np.concatenate([columns, extra]),
        np.concatenate([lines, everywhere]),
        film.gain,
        film.residual,
        (film.model, own.section.basis),
        (own.section.high_pass.usable, film.residual, 1 / (setting("fit", "cauchy") * film.scale)),
    )
    free, gains = slice(0, count + more), slice(count + more, -1)
    gram = sums[gains, gains] + np.diag(_HELD + _HELD * np.diag(sums[gains, gains]))
    taken_out = np.linalg.solve(gram, sums[gains, free]).T
    chained = np.zeros((count + more, linked.shape[1] + more))
    chained[:count, :-more], chained[count:, -more:] = linked, np.eye(more)
    unit = own.independent / film.scale**2
    matrix = chained.T @ (sums[free, free] - taken_out @ sums[gains, free]) @ chained
    return unit * matrix, unit * chained.T @ (sums[free, -1] - taken_out @ sums[gains, -1])
