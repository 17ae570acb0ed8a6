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
        Read in every reading.
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

    The between-observer variance is the moment estimate of DerSimonian and Laird 1986
    (doi:10.1016/0197-2456(86)90046-2), quantity by quantity; its effective degrees of freedom are taken as
    observers - 1 where it dominates.
    """
    keys = tuple(key for key in readings[0].keys if all(key in r.keys for r in readings))
    by_observer: dict[str, list[Read]] = {}
    for reading in readings:
        by_observer.setdefault(reading.marked.reading.observer, []).append(reading)
    means, covs = [], []
    for own in by_observer.values():
        picks = [[r.keys.index(key) for key in keys] for r in own]
        means.append(np.mean([r.values[p] for r, p in zip(own, picks, strict=True)], axis=0))
        covs.append(sum(r.placing_cov[np.ix_(p, p)] for r, p in zip(own, picks, strict=True)) / len(own) ** 2)
    dof = min(r.marked.dof for r in readings)
    if len(means) == 1:
        return Combined(keys, means[0], np.asarray(covs[0]), np.zeros(len(keys)), dof)
    values, cov, between = _random_effects(np.array(means), np.array(covs))
    if np.any(between > np.sqrt(np.diag(cov))):
        dof = min(dof, len(means) - 1)
    return Combined(keys, values, cov, between, dof)


def _random_effects(values: Array, covs: Array) -> tuple[Array, Array, Array]:
    """Combination of observers, values (m, q) and covs (m, q, q)."""
    within = np.diagonal(covs, axis1=1, axis2=2)
    fixed = 1 / within
    mean = (fixed * values).sum(axis=0) / fixed.sum(axis=0)
    excess = (fixed * (values - mean) ** 2).sum(axis=0) - (len(values) - 1)
    tau2 = np.maximum(0.0, excess / (fixed.sum(axis=0) - (fixed**2).sum(axis=0) / fixed.sum(axis=0)))
    weights = 1 / (within + tau2)
    weights = weights / weights.sum(axis=0)
    cov = np.einsum("oi,oij,oj->ij", weights, covs, weights)
    between = np.sqrt((weights**2).sum(axis=0) * tau2)
    return (weights * values).sum(axis=0), cov, between


def pooled_name(observers: Sequence[str]) -> str:
    """How a set of observers is named in keys and reports."""
    return "+".join(sorted(set(observers)))
