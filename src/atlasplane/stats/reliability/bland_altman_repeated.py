"""Limits of agreement of two methods that read each subject several times."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.checks import Array, same_length, vector
from atlasplane.stats.refusal import TooFew, WrongShape
from atlasplane.stats.reliability.bland_altman import LimitInterval, LimitsOfAgreement, composed_limits
from atlasplane.stats.reliability.mean_squares import within_groups
from atlasplane.stats.reliability.mover import VarianceTerm
from atlasplane.stats.variants import named


class LinkedVariance(Enum):
    """How unequally many linked pairs are weighed; the same for equally many.

    `ANALYSIS_OF_VARIANCE` weighs every pair alike (Bland and Altman 2007), `SUBJECT_MEANS` every subject
    (Zou 2013).
    """

    ANALYSIS_OF_VARIANCE = "analysis of variance"
    SUBJECT_MEANS = "subject means"


def repeated_limits(
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    *,
    factor: float,
    level: float = 0.95,
) -> LimitsOfAgreement:
    """Limits for single readings, from repeats during which the true value of a subject is constant.

    s^2 = var(mean differences) + (1 - mean(1/m_x)) s_xw^2 + (1 - mean(1/m_y)) s_yw^2: Bland and Altman 1999,
    Stat Methods Med Res 8:135, doi:10.1177/096228029900800204, section 5.1. Limits of the means themselves
    would understate the disagreement of single readings. By MOVER: Zou 2013, Stat Methods Med Res 22:630,
    doi:10.1177/0962280211402548.

    Parameters
    ----------
    first, second : sequences of array, each of shape (readings,)
        The readings of each subject by each method, in the same order of subjects; one reading is enough.
    """
    x, y = _groups(first, "first"), _groups(second, "second")
    if len(x) != len(y):
        raise WrongShape(f"first has {len(x)} subjects, second {len(y)}; give the same subjects in both")
    if len(x) < 2:
        raise TooFew(f"{len(x)} subject; two or more are needed")
    of_x, of_y = _means(x), _means(y)
    differences = of_y - of_x
    between = float(differences.var(ddof=1))
    return composed_limits(
        means=(of_x, of_y),
        bias=float(differences.mean()),
        se_bias=math.sqrt(between / len(x)),
        terms=[VarianceTerm(value=between, dof=len(x) - 1), _averaged_away(x), _averaged_away(y)],
        n_differences=len(x),
        factor=factor,
        interval=LimitInterval.MOVER,
        level=level,
    )


@named
def linked_limits(
    subjects: Sequence[Hashable],
    first: ArrayLike,
    second: ArrayLike,
    *,
    variance: LinkedVariance,
    factor: float,
    level: float = 0.95,
) -> LimitsOfAgreement:
    """Limits from pairs read at one moment each, the true value changing from pair to pair.

    One-way analysis of the differences by subject: s^2 = MSW + (MSB - MSW) / lambda,
    lambda = (N^2 - sum m_i^2) / ((n - 1) N) (Bland and Altman 2007, J Biopharm Stat 17:571,
    doi:10.1080/10543400701329422), or s^2 = var(subject means) + (1 - mean(1/m_i)) MSW (Zou 2013,
    doi:10.1177/0962280211402548). A between-subject part below 0 is not put to 0: the sum stays unbiased.

    Parameters
    ----------
    subjects : sequence, length n_pairs
    first, second : array, shape (n_pairs,)
    """
    a, b = vector(first, "first", at_least=2), vector(second, "second", at_least=2)
    same_length(first=a, second=b)
    groups = _by_subject(subjects, b - a)
    if len(groups) < 2:
        raise TooFew("one subject; two or more are needed, or limits_of_agreement for its pairs alone")
    within = within_groups([group[:, None] for group in groups])
    if not within.dof:
        raise TooFew("every subject has one pair; use limits_of_agreement")
    means = _means(groups)
    counts = np.array([float(len(group)) for group in groups])
    bias, se_bias, shares = _composition(means, counts, float(within.cov[0, 0]), variance)
    return composed_limits(
        means=(_means(_by_subject(subjects, a)), _means(_by_subject(subjects, b))),
        bias=bias,
        se_bias=se_bias,
        terms=[
            VarianceTerm(value=shares[0], dof=len(groups) - 1),
            VarianceTerm(value=shares[1], dof=within.dof),
        ],
        n_differences=len(a),
        factor=factor,
        interval=LimitInterval.MOVER,
        level=level,
    )


def within_subject_sd(readings: Sequence[ArrayLike]) -> float:
    """Within-subject standard deviation of one method, sqrt(pooled variance); of pairs sqrt(mean(d^2) / 2).

    Bland and Altman 1996, BMJ 313:744, doi:10.1136/bmj.313.7059.744. The coefficient of repeatability is
    factor sqrt(2) times it: two readings of one subject differ by less in 95 % at 1.96.

    Parameters
    ----------
    readings : sequence of array, each of shape (readings,)
    """
    within = within_groups([group[:, None] for group in _groups(readings, "readings")])
    if not within.dof:
        raise TooFew("every subject is read once; two or more readings of a subject are needed")
    return math.sqrt(float(within.cov[0, 0]))


def _composition(
    means: Array, counts: Array, within: float, variance: LinkedVariance
) -> tuple[float, float, tuple[float, float]]:
    """Bias, its standard error, and the parts of the variance from between and within subjects."""
    n, total = len(counts), float(counts.sum())
    if variance is LinkedVariance.SUBJECT_MEANS:
        between = float(means.var(ddof=1))
        bias, se2 = float(means.mean()), between / n
        return bias, math.sqrt(se2), (between, (1 - float(np.mean(1 / counts))) * within)
    bias = float(counts @ means) / total
    between = float(counts @ (means - bias) ** 2) / (n - 1)
    weight = (total**2 - float(counts @ counts)) / ((n - 1) * total)
    of_subject = max(0.0, (between - within) / weight)
    se2 = of_subject * float(counts @ counts) / total**2 + within / total
    return bias, math.sqrt(se2), (between / weight, (1 - 1 / weight) * within)


def _averaged_away(groups: Sequence[Array]) -> VarianceTerm:
    """Variance of a single reading that the means of repeats do not show."""
    found = within_groups([group[:, None] for group in groups])
    weight = 1 - float(np.mean([1 / len(group) for group in groups]))
    return VarianceTerm(value=weight * float(found.cov[0, 0]), dof=found.dof)


def _means(groups: Sequence[Array]) -> Array:
    return np.array([group.mean() for group in groups])


def _groups(readings: Sequence[ArrayLike], name: str) -> list[Array]:
    return [vector(group, f"{name}, subject {i}") for i, group in enumerate(readings)]


def _by_subject(subjects: Sequence[Hashable], values: Array) -> list[Array]:
    if len(subjects) != len(values):
        raise WrongShape(f"subjects {len(subjects)}, pairs {len(values)}; give the subject of every pair")
    groups: dict[Hashable, list[float]] = {}
    for subject, value in zip(subjects, values, strict=True):
        groups.setdefault(subject, []).append(float(value))
    return [np.array(group) for group in groups.values()]
