"""Pooled n-of-1 series in two steps: each person's own effect, then a meta-analysis of them.

Where persons have enough sessions it must agree with the one-step model within noise (Riley et al. 2010,
doi:10.1136/bmj.c221; Burke et al. 2017, doi:10.1002/sim.7141).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from atlasplane.stats.checks import Array
from atlasplane.stats.meta.pooled import IntervalMethod, PooledEffect, random_effects
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.multilevel.person_series import PersonSeries, Trend
from atlasplane.stats.refusal import NoVariance, TooFew
from atlasplane.stats.variants import named


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonEstimates:
    """Each person's effect from their own rows alone, by least squares.

    Attributes
    ----------
    labels : tuple, length n_persons
    effects, standard_errors : array, shape (n_persons,)
        Treated minus untreated; residuals are taken as independent.
    dof : array, shape (n_persons,)
    trend : str
    """

    labels: tuple[Hashable, ...]
    effects: Array
    standard_errors: Array
    dof: Array
    trend: Trend


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwoStage:
    """Persons' own estimates and their meta-analysis."""

    persons: PersonEstimates
    pooled: PooledEffect


@named
def person_estimates(series: PersonSeries, *, trend: Trend) -> PersonEstimates:
    """Effect of each person by least squares on their own rows.

    Standard errors hold for independent residuals; with autocorrelated sessions they are too small.

    Raises
    ------
    TooFew
        When a person has no row left after the coefficients.
    NoVariance
        When a person's treatment never changes, follows from the trend, or the values are fitted exactly.
    """
    found = [_own(series, label, trend) for label in series.labels]
    effects, errors, dof = (np.array(column) for column in zip(*found, strict=True))
    return PersonEstimates(
        labels=series.labels, effects=effects, standard_errors=errors, dof=dof, trend=trend
    )


@named
def two_stage(
    series: PersonSeries, *, trend: Trend, tau2_method: Tau2Method, interval: IntervalMethod, level: float
) -> TwoStage:
    """Persons' own estimates, pooled with random effects (`meta.pooled.random_effects`)."""
    persons = person_estimates(series, trend=trend)
    pooled = random_effects(
        persons.effects,
        persons.standard_errors**2,
        tau2_method=tau2_method,
        interval=interval,
        level=level,
    )
    return TwoStage(persons=persons, pooled=pooled)


def _own(series: PersonSeries, label: Hashable, trend: Trend) -> tuple[float, float, float]:
    keep = np.array([person == label for person in series.persons])
    X, y = series.design(trend)[keep], series.values[keep]
    dof = len(y) - X.shape[1]
    if dof < 1:
        raise TooFew(f"{label!r} has {len(y)} rows for {X.shape[1]} coefficients; leave the person out")
    if np.linalg.matrix_rank(X - X.mean(axis=0)) < X.shape[1] - 1:
        raise NoVariance(f"{label!r}: treatment never changes, or only as the trend; leave the person out")
    y = y - y.mean()
    root = cho_factor(X.T @ X)
    coefficients = cho_solve(root, X.T @ y)
    rss = float(((y - X @ coefficients) ** 2).sum())
    if rss <= 1e-20 * float((y**2).sum()):
        raise NoVariance(f"{label!r}: the values are fitted exactly, the effect has no standard error")
    unit = np.eye(X.shape[1])[1]
    return float(coefficients[1]), float(np.sqrt(rss / dof * unit @ cho_solve(root, unit))), float(dof)
