"""Agreement of two raters on ordered grades: kappa by named weights, and the share that agrees exactly."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from atlasplane.stats.checks import Array, matrix, positive, share
from atlasplane.stats.refusal import Duplicate, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.shares import clopper_pearson, wilson
from atlasplane.stats.variants import named

_FEW = 60
"""Below so many subjects 95 % intervals of kappa were found to hold 90 to 94 % of the time."""

_ROUNDING = 1e-7
"""A standard error below this is 0: the root of what is lost in a difference of squares."""


class Weights(Enum):
    """What two grades d apart of g count as agreement.

    None (1 or 0), linear 1 - d / (g - 1), quadratic 1 - (d / (g - 1))^2. Quadratic kappa is close to an
    intraclass correlation of agreement and grows with the number of grades; the forms are not comparable.
    """

    UNWEIGHTED = "unweighted"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


class KappaInterval(Enum):
    """How kappa's interval is made from its large-sample standard error.

    On kappa itself (Fleiss, Cohen and Everitt 1969), or on atanh(kappa), which keeps it within -1 and 1.
    """

    NORMAL = "normal"
    ATANH = "normal on atanh"


class ShareInterval(Enum):
    """Interval of a share.

    The score interval (Wilson 1927) holds its level in the mean, the exact one (Clopper and Pearson 1934)
    nowhere less than its level.
    """

    WILSON = "Wilson"
    CLOPPER_PEARSON = "Clopper-Pearson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Chance-corrected agreement.

    Attributes
    ----------
    value : float
        1 for full agreement, 0 for that of chance with the raters' own frequencies, may be below 0.
    se : float
    low, high : float or None
        None where all agree or disagree alike, or a rater gave one grade: nothing tells how far that holds.
    p_value : float
        Of the hypothesis that kappa is 0, two-sided, by the standard error under it.
    observed, expected : float
        Weighted agreement, and that of chance.
    weights : Weights or None
        None for weights of the caller's own.
    interval : KappaInterval
    level : float
    n_subjects : int
    why : tuple of str
    """

    value: float
    se: float
    low: float | None
    high: float | None
    p_value: float
    observed: float
    expected: float
    weights: Weights | None
    interval: KappaInterval
    level: float
    n_subjects: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactAgreement:
    """Share of subjects with the same grade by both raters.

    Attributes
    ----------
    value, low, high : float
    interval : ShareInterval
    level : float
    n_agreeing, n_subjects : int
    """

    value: float
    low: float
    high: float
    interval: ShareInterval
    level: float
    n_agreeing: int
    n_subjects: int


def grade_table(
    first: Sequence[Hashable], second: Sequence[Hashable], *, grades: Sequence[Hashable]
) -> Array:
    """Counts of every pair of grades, shape (n_grades, n_grades), rows of the first rater.

    Parameters
    ----------
    grades : sequence
        All grades in order, those that nobody gave included: the weights depend on their number.
    """
    if len(set(grades)) < len(grades):
        raise Duplicate("a grade is named twice; name each once, in order")
    if len(grades) < 2:
        raise TooFew("one grade leaves nothing to agree on; name two or more")
    if len(first) != len(second):
        raise WrongShape(f"unequal lengths: first {len(first)}, second {len(second)}; give pairs of grades")
    at = {grade: i for i, grade in enumerate(grades)}
    table = np.zeros((len(grades), len(grades)))
    for pair in zip(first, second, strict=True):
        for grade in pair:
            if grade not in at:
                raise OutOfRange(f"{grade!r} is not among the grades {list(grades)}")
        table[at[pair[0]], at[pair[1]]] += 1
    return table


@named
def weighted_kappa(
    table: ArrayLike, *, weights: Weights, interval: KappaInterval, level: float = 0.95
) -> Kappa:
    """Kappa from the counts of pairs of grades (Cohen 1968, Psychol Bull 70:213, doi:10.1037/h0026256).

    Parameters
    ----------
    table : array, shape (n_grades, n_grades)
        As `grade_table` makes it.
    """
    counts = _counts(table)
    found = _kappa(counts, agreement_weights(len(counts), weights=weights))
    return _result(found, float(counts.sum()), weights, interval, level)


@named
def kappa_of_weights(
    table: ArrayLike, agreement: ArrayLike, *, interval: KappaInterval, level: float = 0.95
) -> Kappa:
    """Kappa with weights of agreement of the caller's own, 1 on the diagonal, shape as the table's."""
    counts, own = _counts(table), matrix(agreement, "agreement")
    if own.shape != counts.shape:
        raise WrongShape(f"weights {own.shape} for a table {counts.shape}; give one weight for each cell")
    if not (np.diag(own) == 1).all() or own.max() > 1:
        raise OutOfRange("weights must be 1 on the diagonal and at most 1 elsewhere")
    return _result(_kappa(counts, own), float(counts.sum()), None, interval, level)


@named
def agreement_weights(n_grades: int, *, weights: Weights) -> Array:
    """Weights of agreement, shape (n_grades, n_grades)."""
    if n_grades < 2:
        raise TooFew("one grade leaves nothing to agree on; name two or more")
    grades = np.arange(n_grades)
    apart = np.abs(grades[:, None] - grades) / (n_grades - 1)
    if weights is Weights.UNWEIGHTED:
        return np.asarray(apart == 0, dtype=np.float64)
    return np.asarray(1 - (apart if weights is Weights.LINEAR else apart**2))


@named
def exact_agreement(table: ArrayLike, *, interval: ShareInterval, level: float = 0.95) -> ExactAgreement:
    """Share on the diagonal with its interval, by `stats.shares`."""
    counts = _counts(table)
    n, same = float(counts.sum()), float(np.trace(counts))
    of = wilson if interval is ShareInterval.WILSON else clopper_pearson
    low, high = of(same, n, level=level)
    return ExactAgreement(
        value=same / n,
        low=low,
        high=high,
        interval=interval,
        level=level,
        n_agreeing=round(same),
        n_subjects=round(n),
    )


def _counts(table: ArrayLike) -> Array:
    counts = matrix(table, "table", at_least=(2, 2))
    positive(counts, "table", zero=True)
    if counts.shape[0] != counts.shape[1]:
        raise WrongShape(f"table has shape {counts.shape}; give the same grades in rows and columns")
    if (counts != np.round(counts)).any():
        raise OutOfRange("table holds parts of subjects; give counts, not shares")
    if counts.sum() < 2:
        raise TooFew(f"{counts.sum():g} subjects; two or more are needed")
    return counts


def _kappa(counts: Array, weights: Array) -> tuple[float, float, float, float, float]:
    """Kappa, its standard error, that under no agreement beyond chance, observed and expected agreement.

    Fleiss, Cohen and Everitt 1969, Psychol Bull 72:323, doi:10.1037/h0028106, equations 8 and 9.
    """
    n = counts.sum()
    shares = counts / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = np.outer(rows, columns)
    observed, expected = float((weights * shares).sum()), float((weights * chance).sum())
    if not expected < 1:
        raise NoVariance("both raters gave one and the same grade throughout; kappa is not defined")
    value = (observed - expected) / (1 - expected)
    sides = (weights @ columns)[:, None] + rows @ weights
    spread = float((shares * (weights - sides * (1 - value)) ** 2).sum())
    spread -= (value - expected * (1 - value)) ** 2
    none = float((chance * (weights - sides) ** 2).sum()) - expected**2
    scale = math.sqrt(n) * (1 - expected)
    # With a rater of one grade both are 0 but for rounding.
    return value, math.sqrt(max(0.0, spread)) / scale, math.sqrt(max(0.0, none)) / scale, observed, expected


def _result(
    found: tuple[float, float, float, float, float],
    n_subjects: float,
    weights: Weights | None,
    interval: KappaInterval,
    level: float,
) -> Kappa:
    share(level, "level")
    value, se, se_of_none, observed, expected = found
    z, why = float(ndtri((1 + level) / 2)), _why(found, n_subjects)
    one_grade = not se_of_none > _ROUNDING
    if one_grade or not se > _ROUNDING:
        low = high = None
    elif interval is KappaInterval.ATANH:
        half = z * se / (1 - value**2)
        low, high = math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half)
    else:
        low, high = value - z * se, value + z * se
    return Kappa(
        value=value,
        se=se,
        low=low,
        high=high,
        p_value=1.0 if one_grade else 2 * float(ndtr(-abs(value) / se_of_none)),
        observed=observed,
        expected=expected,
        weights=weights,
        interval=interval,
        level=level,
        n_subjects=round(n_subjects),
        why=why,
    )


def _why(found: tuple[float, float, float, float, float], n_subjects: float) -> tuple[str, ...]:
    _, se, se_of_none, observed, _ = found
    if not se_of_none > _ROUNDING:
        return (
            "a rater gave one grade throughout: kappa is 0 whatever the other gave; no interval can be given",
        )
    if not observed < 1:
        return ("all subjects have the same grade by both: no interval can be given",)
    if not se > _ROUNDING:
        return ("every subject has the same disagreement: no interval can be given",)
    if n_subjects < _FEW:
        return (f"fewer than {_FEW} subjects: the large-sample interval holds less often than it says",)
    return ()
