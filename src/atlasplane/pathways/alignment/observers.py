"""Several readings of one film: the mean of one observer's, then a random-effects mean over observers.

Never pooled silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marked_film import MarkedFilm


class Read(Protocol):
    """What is combined: the numbers of one reading."""

    @property
    def marked(self) -> MarkedFilm:
        """Where observer and degrees of freedom come from."""

    @property
    def keys(self) -> tuple[str, ...]:
        """What was read."""

    @property
    def values(self) -> Array:
        """Shape (q,)."""

    @property
    def placing_cov(self) -> Array:
        """Shape (q, q)."""


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """Combined readings.

    Attributes
    ----------
    keys : tuple of str
        Of the first reading.
    values : array, shape (q,)
    cov : array, shape (q, q)
        Placing covariance of the combination.
    between : array, shape (q,)
        Standard uncertainty from the spread between observers; 0 with one observer.
    dof : float
    """

    keys: tuple[str, ...]
    values: Array
    cov: Array
    between: Array
    dof: float


def combine_readings(readings: Sequence[Read]) -> Combined:
    """Mean of an observer's n readings (placing u over sqrt n), random-effects mean of several observers.

    The first reading says what is combined, each quantity over the readings that have it: a mark that another
    reading could not see costs the film no number. The between-observer variance is the moment estimate of
    DerSimonian and Laird 1986 (doi:10.1016/0197-2456(86)90046-2), quantity by quantity; its effective degrees
    of freedom are taken as observers - 1 where it dominates.
    """
    keys = readings[0].keys
    by_observer: dict[str, list[Read]] = {}
    for reading in readings:
        by_observer.setdefault(reading.marked.reading.observer, []).append(reading)
    means, covs = zip(*(_mean_reading(own, keys) for own in by_observer.values()), strict=True)
    dof = min(r.marked.dof for r in readings)
    if len(means) == 1:
        return Combined(keys, means[0], covs[0], np.zeros(len(keys)), dof)
    values, cov, between = _random_effects(np.array(means), np.array(covs))
    if np.any(between > np.sqrt(np.diag(cov))):
        dof = min(dof, len(means) - 1)
    return Combined(keys, values, cov, between, dof)


def _mean_reading(own: Sequence[Read], keys: tuple[str, ...]) -> tuple[Array, Array]:
    """Mean values (q,), NaN where no reading has one, and placing covariance (q, q) of one observer."""
    values, counts = np.zeros(len(keys)), np.zeros(len(keys))
    cov = np.zeros((len(keys), len(keys)))
    for reading in own:
        shared = [key for key in keys if key in reading.keys]
        at, own_at = [keys.index(key) for key in shared], [reading.keys.index(key) for key in shared]
        values[at] += reading.values[own_at]
        counts[at] += 1
        cov[np.ix_(at, at)] += reading.placing_cov[np.ix_(own_at, own_at)]
    n = np.maximum(counts, 1)
    return np.where(counts > 0, values / n, np.nan), cov / np.outer(n, n)


def _random_effects(values: Array, covs: Array) -> tuple[Array, Array, Array]:
    """Combination of observers, values (m, q) with NaN where an observer has none, and covs (m, q, q)."""
    has = np.isfinite(values)
    known = np.where(has, values, 0.0)
    within = np.where(has, np.diagonal(covs, axis1=1, axis2=2), 1.0)
    fixed = has / within
    total = fixed.sum(axis=0)
    mean = (fixed * known).sum(axis=0) / total
    excess = (fixed * (known - mean) ** 2).sum(axis=0) - (has.sum(axis=0) - 1)
    room = total - (fixed**2).sum(axis=0) / total
    tau2 = np.maximum(0.0, excess / np.where(room > 0, room, np.inf))
    weights = has / (within + tau2)
    weights = weights / weights.sum(axis=0)
    cov = np.einsum("oi,oij,oj->ij", weights, covs, weights)
    between = np.sqrt((weights**2).sum(axis=0) * tau2)
    return (weights * known).sum(axis=0), cov, between


def pooled_name(observers: Sequence[str]) -> str:
    """How a set of observers is named in keys and reports."""
    return "+".join(sorted(set(observers)))
