"""Did a joint move between the films? A score test at the fit that assumes it did not.

If the bone's pose in the skull differs from film to film by changes with covariance B about their mean, the
clicks spread by M B M' more than the fit expects (M: derivative of the clicks by those changes).
The statistic is the gain of the log-likelihood for that B over none, without its constant: with U = M' S^-1 v
(v the clicks off their expectation under the priors, S their covariance) and I the covariance of U when
nothing moved,

    Q = U' (B^-1 + I)^-1 U,

a sum of chi-squares of one degree of freedom with weights lambda / (1 + lambda), lambda the eigenvalues of
B^1/2 I B^1/2. No test has more power on average over movements drawn from B (Neyman and Pearson); for B
without bound it becomes the score test with all 6 (V - 1) degrees of freedom, which spends most of them on
directions that no film tells. What the shape leaves open is in S: a loose shape costs power, and raises no
false alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import helmert
from scipy.special import gammaincc

from atlasplane.geometry.least_squares import NotFinite
from atlasplane.geometry.types import Array

_TOLD = 1e-9
"""Weight of a direction below which the clicks say nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Size of the movements between films that the test looks for.

    Attributes
    ----------
    turn_deg : float
        Standard deviation about each axis through the joint's centre.
    shift_mm : float
        Standard deviation of that centre along each axis.
    """

    turn_deg: float
    shift_mm: float

    def __post_init__(self) -> None:
        if not (0 < self.turn_deg < np.inf and 0 <= self.shift_mm < np.inf):
            raise NotFinite(f"a movement has a finite turn above 0 and a shift not below 0: {self}")

    @property
    def sd(self) -> Array:
        """Of a change, rad and mm, shape (6,)."""
        return np.repeat([np.radians(self.turn_deg), self.shift_mm], 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedTest:
    """Whether a bone's pose in the skull was another one on some film.

    Attributes
    ----------
    statistic : float
        Q above.
    dof : float
        Sum of the weights: what the statistic is on average when nothing moved, and how many directions of
        the movement the films tell; well below 1, a movement of the size looked for is seldom found. 0 where
        the bone shows on one film only.
    p_value : float
        Probability of such a statistic or a larger one when nothing moved; 1 where nothing can be told.
    """

    statistic: float
    dof: float
    p_value: float


def moved_test(by_pose: Array, film_of: Array, score: Array, solved: Array, movement: Movement) -> MovedTest:
    """Test of one bone.

    Parameters
    ----------
    by_pose : array, shape (2 k, 6)
        Whitened change of the bone's k clicks by a turn about the joint's centre (rad) and a shift (mm).
    film_of : array of int, shape (2 k,)
        Film of each row.
    score : array, shape (2 k,)
        S^-1 v of those rows.
    solved : array, shape (2 k, 2 k)
        S^-1 of those rows and columns.
    movement : Movement
    """
    films = np.unique(film_of)
    if len(films) < 2:
        return MovedTest(statistic=0.0, dof=0.0, p_value=1.0)
    # Orthonormal contrasts of the films: a change that all films share is no movement.
    contrasts = helmert(len(films))[:, np.searchsorted(films, film_of)]
    moved = (contrasts.T[:, :, None] * (by_pose * movement.sd)[:, None, :]).reshape(len(film_of), -1)
    values, vectors = np.linalg.eigh(moved.T @ solved @ moved)
    values = np.clip(values, 0.0, None)
    along = vectors.T @ (moved.T @ score)
    weights = values / (1 + values)
    statistic = float(np.sum(along**2 / (1 + values)))
    return MovedTest(
        statistic=statistic,
        dof=float(weights.sum()),
        p_value=weighted_chi2_sf(statistic, weights[weights > _TOLD]),
    )


def weighted_chi2_sf(value: float, weights: Array) -> float:
    """P(sum of w_k chi2_1 > value) for weights > 0, by a chi-square with the same first three moments.

    Imhof 1961, doi:10.1093/biomet/48.3-4.419, section 4 (Pearson's three-moment approximation). 1 without
    weights: there is nothing to exceed.
    """
    if len(weights) == 0:
        return 1.0
    first, second, third = (float(np.sum(weights**power)) for power in (1, 2, 3))
    dof = second**3 / third**2
    quantile = max(0.0, (value - first) * np.sqrt(dof / second) + dof)
    return float(gammaincc(dof / 2, quantile / 2))
