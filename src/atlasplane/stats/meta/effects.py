"""Effect sizes of studies with their sampling variances, from means and from counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from atlasplane.stats.checks import numbers
from atlasplane.stats.meta.weighted import Array, Flags, study_arrays
from atlasplane.stats.refusal import NotFinite, OutOfRange, Refusal, TooFew, WrongShape
from atlasplane.stats.variants import named


class MixedMeasures(Refusal):
    """Effects of different measures were put together: they are pooled apart."""


class Measure(Enum):
    """What an effect is; effects of two measures are never pooled together.

    A between-case effect of single-case studies is on the scale of a standardised mean difference, and
    still a stratum of its own.
    """

    MEAN_DIFFERENCE = "mean difference"
    STANDARDISED_MEAN_DIFFERENCE = "standardised mean difference"
    STANDARDISED_CHANGE = "standardised change, by the SD before"
    LOG_RISK_RATIO = "log risk ratio"
    LOG_ODDS_RATIO = "log odds ratio"
    RISK_DIFFERENCE = "risk difference"
    BETWEEN_CASE_DIFFERENCE = "between-case standardised mean difference"
    LOG_RESPONSE_RATIO = "log response ratio"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EffectSizes:
    """Effects of one measure, a study along the last axis.

    Attributes
    ----------
    effects, variances : array, shape (..., k)
    measure : Measure
    corrected : bool array, shape (..., k)
        Studies with an empty cell, to whose four cells 1/2 was added.
    uninformative : bool array, shape (..., k)
        Studies without an event, or with nothing but events, in both groups: they tell nothing of a ratio,
        and 1/2 makes it 1. Leave them out of ratios, and say so.

    Raises
    ------
    TooFew, NotFinite, OutOfRange, WrongShape
    """

    effects: Array
    variances: Array
    measure: Measure
    corrected: Flags
    uninformative: Flags

    def __post_init__(self) -> None:
        study_arrays(self.effects, self.variances, at_least=1)


@named
def effect_sizes(effects: ArrayLike, variances: ArrayLike, *, measure: Measure) -> EffectSizes:
    """Effects worked out elsewhere, for example of single-case studies.

    Parameters
    ----------
    effects, variances : array, shape (..., k)
    measure : Measure

    Raises
    ------
    TooFew, NotFinite, OutOfRange, WrongShape
    """
    y, v = study_arrays(effects, variances, at_least=1)
    none = np.zeros(y.shape, dtype=bool)
    return EffectSizes(effects=y, variances=v, measure=measure, corrected=none, uninformative=none)


def joined(parts: Sequence[EffectSizes]) -> EffectSizes:
    """All studies of several parts of one measure, in their order.

    Raises
    ------
    MixedMeasures
        For more than one measure.
    TooFew
        Without a part.
    """
    measures = sorted({part.measure.value for part in parts})
    if not measures:
        raise TooFew("no effect sizes were given; one part or more is needed")
    if len(measures) > 1:
        raise MixedMeasures(f"{' and '.join(measures)} do not mix; pool each apart")
    return EffectSizes(
        effects=np.concatenate([part.effects for part in parts], axis=-1),
        variances=np.concatenate([part.variances for part in parts], axis=-1),
        measure=parts[0].measure,
        corrected=np.concatenate([part.corrected for part in parts], axis=-1),
        uninformative=np.concatenate([part.uninformative for part in parts], axis=-1),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GroupMeans:
    """One group of each study.

    Attributes
    ----------
    means, sds : array, shape (k,)
    n_subjects : array, shape (k,)
        2 or more each.

    Raises
    ------
    NotFinite, OutOfRange, WrongShape
    """

    means: ArrayLike
    sds: ArrayLike
    n_subjects: ArrayLike

    def __post_init__(self) -> None:
        means, sds, n = self.arrays
        _checked(means=means, sds=sds, n_subjects=n)
        if (sds <= 0).any():
            raise OutOfRange("an SD must be above 0; a group without spread gives no variance")
        if (n < 2).any():
            raise OutOfRange("a group needs 2 or more subjects; leave that study out")

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """Means, SDs and numbers as float64."""
        return (
            numbers(self.means, "means"),
            numbers(self.sds, "sds"),
            numbers(self.n_subjects, "n_subjects"),
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GroupCounts:
    """One group of each study.

    Attributes
    ----------
    events : array, shape (k,)
    n_subjects : array, shape (k,)

    Raises
    ------
    NotFinite, OutOfRange, WrongShape
    """

    events: ArrayLike
    n_subjects: ArrayLike

    def __post_init__(self) -> None:
        events, n = numbers(self.events, "events"), numbers(self.n_subjects, "n_subjects")
        _checked(events=events, n_subjects=n)
        if (events < 0).any() or (events > n).any() or (n < 1).any():
            raise OutOfRange("events must lie between 0 and the number of subjects, 1 or more")
        if (events % 1 != 0).any() or (n % 1 != 0).any():
            raise OutOfRange("events and subjects are counted; give whole numbers, no shares")

    @property
    def cells(self) -> tuple[Array, Array]:
        """Subjects with and without an event as float64."""
        events = numbers(self.events, "events")
        return events, numbers(self.n_subjects, "n_subjects") - events


def small_sample_factor(dof: ArrayLike) -> Array:
    """J = G(dof / 2) / (sqrt(dof / 2) G((dof - 1) / 2)), exact (Hedges 1981, doi:10.3102/10769986006002107).

    About 1 - 3 / (4 dof - 1); takes the upward bias from a standardised difference.

    Raises
    ------
    OutOfRange
        For dof of 1 or less.
    """
    m = np.asarray(dof, dtype=np.float64)
    if not (m > 1).all():
        raise OutOfRange("the small-sample factor needs more than one degree of freedom")
    factor: Array = np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    return factor[()]


def mean_difference(treated: GroupMeans, control: GroupMeans) -> EffectSizes:
    """Mean of treated - mean of control, in their unit; variance s1^2 / n1 + s2^2 / n2.

    + where the treated have more. Raises WrongShape unless both groups hold the same studies.
    """
    _groups(GroupMeans, treated=treated, control=control)
    (m1, s1, n1), (m2, s2, n2) = treated.arrays, control.arrays
    _checked(treated=m1, control=m2)
    return effect_sizes(m1 - m2, s1**2 / n1 + s2**2 / n2, measure=Measure.MEAN_DIFFERENCE)


def standardised_mean_difference(treated: GroupMeans, control: GroupMeans) -> EffectSizes:
    """Hedges' g = J (m1 - m2) / pooled SD; variance 1 / n1 + 1 / n2 + g^2 / (2 (n1 + n2)).

    Hedges 1981; Hedges and Olkin 1985, eq. 5.14. + where the treated have more. Raises WrongShape unless both
    groups hold the same studies.
    """
    _groups(GroupMeans, treated=treated, control=control)
    (m1, s1, n1), (m2, s2, n2) = treated.arrays, control.arrays
    _checked(treated=m1, control=m2)
    dof = n1 + n2 - 2
    pooled_sd = np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / dof)
    g = small_sample_factor(dof) * (m1 - m2) / pooled_sd
    variances = 1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2))
    return effect_sizes(g, variances, measure=Measure.STANDARDISED_MEAN_DIFFERENCE)


def standardised_change(before: GroupMeans, means_after: ArrayLike, *, correlation: ArrayLike) -> EffectSizes:
    """Change of one group by its SD before: J (after - before) / SD; variance 2 (1 - r) / n + g^2 / (2 n).

    Becker 1988, doi:10.1111/j.2044-8317.1988.tb00901.x. + where there is more after. Without a control group
    it holds regression to the mean and whatever else happened meanwhile.

    Parameters
    ----------
    before : GroupMeans
    means_after : array, shape (k,)
    correlation : array, shape (k,) or broadcast to it
        Of before and after in each study. Where it is not told, pool with several: an array of shape
        (c, 1), say 0.3, 0.5 and 0.8, gives c data sets at once.

    Raises
    ------
    OutOfRange
        For a correlation outside (-1, 1).
    NotFinite, WrongShape
    """
    _groups(GroupMeans, before=before)
    m, sd, n = before.arrays
    after = numbers(means_after, "means_after")
    _checked(before=m, means_after=after)
    r = numbers(correlation, "correlation")
    if not (np.abs(r) < 1).all():
        raise OutOfRange("the correlation of before and after must lie between -1 and 1")
    g = small_sample_factor(n - 1) * (after - m) / sd
    effects, variances = np.broadcast_arrays(g, 2 * (1 - r) / n + g**2 / (2 * n))
    return effect_sizes(effects, variances, measure=Measure.STANDARDISED_CHANGE)


def log_risk_ratio(treated: GroupCounts, control: GroupCounts) -> EffectSizes:
    """Logarithm of (a / n1) / (c / n2); variance 1 / a - 1 / n1 + 1 / c - 1 / n2.

    + where the treated have more events. 1/2 is added to the four cells of those studies alone that have an
    empty one.
    """
    a, b, c, d, corrected, uninformative = _tables(treated, control)
    return EffectSizes(
        effects=np.log(a / (a + b)) - np.log(c / (c + d)),
        variances=1 / a - 1 / (a + b) + 1 / c - 1 / (c + d),
        measure=Measure.LOG_RISK_RATIO,
        corrected=corrected,
        uninformative=uninformative,
    )


def log_odds_ratio(treated: GroupCounts, control: GroupCounts) -> EffectSizes:
    """Logarithm of a d / (b c); variance 1 / a + 1 / b + 1 / c + 1 / d (Woolf 1955).

    + where the treated have more events. 1/2 is added to the four cells of those studies alone that have an
    empty one.
    """
    a, b, c, d, corrected, uninformative = _tables(treated, control)
    return EffectSizes(
        effects=np.log(a * d / (b * c)),
        variances=1 / a + 1 / b + 1 / c + 1 / d,
        measure=Measure.LOG_ODDS_RATIO,
        corrected=corrected,
        uninformative=uninformative,
    )


def risk_difference(treated: GroupCounts, control: GroupCounts) -> EffectSizes:
    """A / n1 - c / n2; variance p1 (1 - p1) / n1 + p2 (1 - p2) / n2. + where the treated have more events.

    1/2 is added to the four cells of those studies alone that have an empty one, so that none has variance 0.
    """
    a, b, c, d, corrected, uninformative = _tables(treated, control)
    return EffectSizes(
        effects=a / (a + b) - c / (c + d),
        variances=a * b / (a + b) ** 3 + c * d / (c + d) ** 3,
        measure=Measure.RISK_DIFFERENCE,
        corrected=corrected,
        uninformative=uninformative,
    )


def _tables(treated: GroupCounts, control: GroupCounts) -> tuple[Array, Array, Array, Array, Flags, Flags]:
    """The four cells, 1/2 more where one is empty, and which studies that and the second kind are."""
    _groups(GroupCounts, treated=treated, control=control)
    (a, b), (c, d) = treated.cells, control.cells
    _checked(treated=a, control=c)
    corrected = (a == 0) | (b == 0) | (c == 0) | (d == 0)
    more = 0.5 * corrected
    uninformative = ((a == 0) & (c == 0)) | ((b == 0) & (d == 0))
    return a + more, b + more, c + more, d + more, corrected, uninformative


def _groups(kind: type[GroupMeans] | type[GroupCounts], **given: object) -> None:
    for name, group in given.items():
        if not isinstance(group, kind):
            fields = ", ".join(f"{field}=..." for field in kind.__dataclass_fields__)
            raise WrongShape(f"{name} is {type(group).__name__}; give {kind.__name__}({fields})")


def _checked(**arrays: Array) -> None:
    if len({array.shape for array in arrays.values()}) > 1:
        told = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise WrongShape(f"unequal shapes: {told}; give one value of each for every study")
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise NotFinite(f"{name} holds a value that is missing or infinite; leave that study out")
