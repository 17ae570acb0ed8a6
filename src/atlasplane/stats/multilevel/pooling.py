"""Pooled n-of-1 series in one step: mean effect, its spread, each person's own effect, a new person's.

y_it = (b0 + u0_i) + (b1 + u1_i) treated_it + b2 session_it + e_it, e independent or AR(1) within a person
(Zucker et al. 1997, doi:10.1016/S0895-4356(96)00429-5; 2010, doi:10.1016/j.jclinepi.2010.04.020).
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from atlasplane.stats.checks import Array, number, share
from atlasplane.stats.multilevel.grouped_rows import grouped_rows
from atlasplane.stats.multilevel.likelihood import Residual, Structure
from atlasplane.stats.multilevel.mixed_inference import (
    Coefficient,
    FixedInterval,
    PersonEffects,
    coefficient,
    new_person,
    person_effects,
)
from atlasplane.stats.multilevel.mixed_model import MixedModel, mixed_model
from atlasplane.stats.multilevel.person_series import PersonSeries, Trend
from atlasplane.stats.refusal import OutOfRange
from atlasplane.stats.variants import named

FEW_PERSONS = 10
"""Below this number the data hardly tell how far persons differ: a prior on tau is to be shown beside."""
_EFFECT = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PooledSeries:
    """Effect of treatment over persons.

    Attributes
    ----------
    mean : Coefficient
        b1: treated minus untreated, in the unit of the quantity.
    tau : float
        SD of the effect across persons.
    labels : tuple, length n_persons
    persons : PersonEffects
        b1 + u1_i of each.
    new_person : Coefficient
        Interval in which the true effect of a person of the same kind lies; `se` is sqrt(tau^2 + SE^2).
    mdc : float
        Minimal detectable change, > 0.
    trend : str
        "none" or "linear" over sessions, the same for all.
    model : MixedModel
    """

    mean: Coefficient
    tau: float
    labels: tuple[Hashable, ...]
    persons: PersonEffects
    new_person: Coefficient
    mdc: float
    trend: Trend
    model: MixedModel

    @property
    def probability_below_mdc(self) -> Array:
        """Probability that each person's effect is below -mdc, shape (n_persons,)."""
        return self.persons.probability_below(-self.mdc)

    @property
    def probability_above_mdc(self) -> Array:
        """Probability that each person's effect is above +mdc, shape (n_persons,)."""
        return 1 - self.persons.probability_below(self.mdc)

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded, in words."""
        few = len(self.labels) < FEW_PERSONS
        told = (
            f"{len(self.labels)} persons hardly tell how far persons differ: show half_normal_pooling beside",
        )
        return self.model.why + (told if few else ())


@named
def pooled_series(
    series: PersonSeries,
    *,
    trend: Trend,
    structure: Structure,
    residual: Residual,
    interval: FixedInterval,
    mdc: float,
    level: float,
) -> PooledSeries:
    """Mean effect, its spread and each person's effect by REML.

    Parameters
    ----------
    series : PersonSeries
    trend : {"none", "linear"}
        A linear course over sessions that has nothing to do with treatment; without it, a course is taken
        for an effect where treatment comes late.
    structure : {"full", "diagonal"}
        Whether a person's level and effect may be correlated.
    residual : {"independent", "ar1"}
    interval : {"satterthwaite", "persons", "normal"}
        Degrees of freedom of the mean and of the new person; see `coefficient` and `new_person`.
    mdc : float
        Minimal detectable change, > 0, in the unit of the quantity.
    level : float

    Raises
    ------
    NotFinite
        When mdc is None or a word: persons cannot be judged by it; see `minimal_detectable_change`.
    OutOfRange
        When mdc or level is out of range, or sessions are not whole with "ar1".
    Collinear, Duplicate, NotConverged, NoVariance, TooFew
    """
    share(level, "level")
    number(mdc, "mdc", remedy="give the minimal detectable change, in the unit of the effect")
    if not (mdc > 0 and math.isfinite(mdc)):
        raise OutOfRange(f"mdc must be above 0; it is {mdc:g}")
    fixed = series.design(trend)
    rows = grouped_rows(series.values, fixed, fixed[:, :2], persons=series.persons, sessions=series.sessions)
    model = mixed_model(rows, criterion="REML", structure=structure, residual=residual)
    weights, own = np.eye(fixed.shape[1])[_EFFECT], np.eye(2)[_EFFECT]
    return PooledSeries(
        mean=coefficient(model, weights, level=level, interval=interval),
        tau=float(model.random_sds[_EFFECT]),
        labels=rows.persons,
        persons=person_effects(model, fixed_weights=weights, random_weights=own, level=level),
        new_person=new_person(
            model, fixed_weights=weights, random_weights=own, level=level, interval=interval
        ),
        mdc=mdc,
        trend=trend,
        model=model,
    )
