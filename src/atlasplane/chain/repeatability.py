"""Repeat readings: how far one observer scatters, and how far two observers lie apart.

A group is what one observer read of one thing on one film. Groups may have any number of readings; those of
one reading tell nothing of the scatter and are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from atlasplane.geometry.types import Array

LIMITS_K = 1.96
"""Bland and Altman's limits of agreement hold 95 % of normal differences."""


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Pooled covariance of one reading about its film's mean.

    Attributes
    ----------
    cov : array, shape (d, d)
        Unbiased: sums of squares over degrees of freedom.
    dof : float
        Sum of readings - 1 over the groups.
    groups : int
        Groups with at least two readings.
    """

    cov: Array
    dof: float
    groups: int

    @property
    def sd(self) -> float:
        """Standard deviation of a single quantity (d = 1)."""
        return math.sqrt(self.cov[0, 0])

    def mdc(self, level: float = 0.95) -> float:
        """Minimal detectable change of a single quantity, reading alone: t sqrt(2) sd."""
        return float(stats.t.ppf((1 + level) / 2, self.dof)) * math.sqrt(2) * self.sd


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """Second observer minus first.

    Attributes
    ----------
    mean : float
    interval : (float, float)
        Of the mean, by t with films - 1 degrees of freedom.
    limits : (float, float)
        Limits of agreement of two single readings.
    films : int
    """

    mean: float
    interval: tuple[float, float]
    limits: tuple[float, float]
    films: int


def scatter(groups: Sequence[Array]) -> Scatter | None:
    """Pooled within-group covariance; None without a repeat.

    With two readings a group this is sum(d d') / 2n, d the difference of the two: s_w of Bland and Altman
    1996 (BMJ 313:744, doi:10.1136/bmj.313.7059.744).

    Parameters
    ----------
    groups : sequence of array, each of shape (readings, d)
    """
    repeated = [group for group in groups if len(group) > 1]
    if not repeated:
        return None
    deviations = np.concatenate([group - group.mean(axis=0) for group in repeated])
    dof = sum(len(group) - 1 for group in repeated)
    return Scatter(deviations.T @ deviations / dof, float(dof), len(repeated))


def edge_scatter(groups: Sequence[Sequence[Array]]) -> Scatter | None:
    """Variance of a vertex across the edge, from polylines traced again; None without a repeat.

    A vertex of one trace lies off the other's chord by its own error less the chord's, which is
    (1 - t) of one end and t of the other: the squared distance has the expectation
    sigma^2 (1 + (1 - t)^2 + t^2). Degrees of freedom count each repeated trace once, since the errors of
    neighbouring vertices may go together.

    Parameters
    ----------
    groups : sequence of sequences of array, each of shape (n, 2)
    """
    squares = weights = 0.0
    dof = used = 0
    for group in groups:
        parts = [_across(a, b) for pair in combinations(group, 2) for a, b in (pair, pair[::-1])]
        weight = sum(part[1] for part in parts)
        if weight > 0:
            # Each group counts as its independent repeats do, however many pairs they make.
            share = (len(group) - 1) / len(parts)
            squares += share * sum(part[0] for part in parts)
            weights += share * weight
            dof += len(group) - 1
            used += 1
    return Scatter(np.atleast_2d(squares / weights), float(dof), used) if used else None


def _across(trace: Array, other: Array) -> tuple[float, float]:
    """Sum of squared distances of a trace's vertices from another polyline, and of their weights.

    Vertices beyond the other's ends are passed over.
    """
    if len(other) < 2:
        return 0.0, 0.0
    start, step = other[:-1], np.diff(other, axis=0)
    length2 = np.maximum((step**2).sum(axis=1), 1e-300)
    along = ((trace[:, None, :] - start) * step).sum(axis=2) / length2
    share = np.clip(along, 0.0, 1.0)
    squared = ((trace[:, None, :] - start - share[..., None] * step) ** 2).sum(axis=2)
    nearest = squared.argmin(axis=1)
    rows = np.arange(len(trace))
    at = along[rows, nearest]
    beyond = ((nearest == 0) & (at < 0)) | ((nearest == len(step) - 1) & (at > 1))
    t = share[rows, nearest][~beyond]
    return float(squared[rows, nearest][~beyond].sum()), float((1 + (1 - t) ** 2 + t**2).sum())


def bias(first: Sequence[Array], second: Sequence[Array], *, level: float = 0.95) -> Bias | None:
    """How far a second observer reads above a first one, film by film; None below two films.

    The limits of agreement are those of two single readings, whatever the number of repeats (Bland and
    Altman 1999, Stat Methods Med Res 8:135, doi:10.1177/096228029900800204, section 5.1).

    Parameters
    ----------
    first, second : sequences of array, each of shape (readings,)
        One pair of groups a film, in the same order.
    """
    if len(first) < 2:
        return None
    differences = np.array([b.mean() - a.mean() for a, b in zip(first, second, strict=True)])
    n, mean, spread2 = len(differences), float(differences.mean()), float(differences.var(ddof=1))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * math.sqrt(spread2 / n)
    single = math.sqrt(spread2 + _averaged_away(first) + _averaged_away(second))
    return Bias(
        mean=mean,
        interval=(mean - half, mean + half),
        limits=(mean - LIMITS_K * single, mean + LIMITS_K * single),
        films=n,
    )


def _averaged_away(groups: Sequence[Array]) -> float:
    """Variance of a single reading that the means of repeats do not show."""
    found = scatter([group[:, None] for group in groups])
    if found is None:
        return 0.0
    return (1 - float(np.mean([1 / len(group) for group in groups]))) * float(found.cov[0, 0])
