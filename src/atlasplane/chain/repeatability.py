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

from atlasplane.geometry.types import Array
from atlasplane.stats.reliability.bland_altman_repeated import repeated_limits
from atlasplane.stats.reliability.mean_squares import within_groups
from atlasplane.stats.reliability.sem import Quantile, detectable_factor

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
        return detectable_factor(self.dof, quantile=Quantile.STUDENT, level=level) * math.sqrt(2) * self.sd


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
    """Pooled within-group covariance (`stats.reliability.mean_squares.within_groups`); None without a repeat.

    Parameters
    ----------
    groups : sequence of array, each of shape (readings, d)
    """
    found = within_groups(groups)
    return Scatter(found.cov, float(found.dof), found.n_groups) if found.n_groups else None


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
    # Of the limits only themselves are told here: the interval of each is left out.
    found = repeated_limits(first, second, factor=LIMITS_K, level=level)
    return Bias(
        mean=found.bias,
        interval=found.bias_interval,
        limits=(found.low, found.high),
        films=found.n_subjects,
    )
