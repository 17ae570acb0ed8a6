"""Standard error of measurement and the minimal detectable change, in the unit of the measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from atlasplane.stats.checks import same_length, share, vector
from atlasplane.stats.refusal import NoVariance
from atlasplane.stats.reliability.mean_squares import mean_squares
from atlasplane.stats.reliability.mover import VarianceTerm, satterthwaite_dof, variance_sum_interval
from atlasplane.stats.variants import named


class Error(Enum):
    """What counts as error of a single rating.

    Consistency leaves the raters' level out: for readings that one and the same rater compares. Agreement
    counts it: for readings of any raters. One way takes raters who differ from subject to subject.
    """

    CONSISTENCY = "consistency"
    AGREEMENT = "agreement"
    ONE_WAY = "one way"


class Quantile(Enum):
    """The factor of a detectable change: of the normal law, or of Student's with the error's own dof."""

    NORMAL = "normal"
    STUDENT = "Student"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardError:
    """Standard error of one measurement.

    Attributes
    ----------
    value : float
    low, high : float or None
        None where nothing scatters.
    dof : float
        Exact, or Satterthwaite's for agreement; 0 where nothing scatters.
    error : Error
    interval : "exact chi-squared" or "modified large sample"
    level : float
    why : tuple of str
        What cannot be concluded.
    """

    value: float
    low: float | None
    high: float | None
    dof: float
    error: Error
    interval: Literal["exact chi-squared", "modified large sample"]
    level: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableChange:
    """The change that two measurements of an unchanged subject seldom show.

    Attributes
    ----------
    value : float
        factor sqrt(2) SEM: beyond it lie 1 - level of the changes of unchanged subjects.
    low, high : float or None
        Factor times the ends of the SEM: how well the value itself is known.
    factor : float
    quantile : Quantile
    dof : float
    level : float
    error : Error
    """

    value: float
    low: float | None
    high: float | None
    factor: float
    quantile: Quantile
    dof: float
    level: float
    error: Error


@named
def standard_error_of_measurement(ratings: ArrayLike, *, error: Error, level: float = 0.95) -> StandardError:
    """Standard error of a single rating, from mean squares.

    Consistency sqrt(MSE), one way sqrt(MSW), both with exact intervals sqrt(dof MS / chi2); agreement
    sqrt(MSE + max(0, (MSJ - MSE) / n)). Not taken from an ICC, whose form is usually unsaid. The interval of
    agreement is that of (MSJ + (n - 1) MSE) / n, before the 0 is put in. De Vet et al. 2006, J Clin Epidemiol
    59:1033, doi:10.1016/j.jclinepi.2005.10.015.

    Parameters
    ----------
    ratings : array, shape (n_subjects, n_raters)
    """
    squares = mean_squares(ratings)
    n, residual = squares.n_subjects, float(squares.error)
    if error is Error.AGREEMENT:
        of_raters = float(squares.raters)
        terms = [
            VarianceTerm(value=of_raters / n, dof=squares.dof_raters),
            VarianceTerm(value=(n - 1) / n * residual, dof=squares.dof_error),
        ]
        variance = residual + max(0.0, (of_raters - residual) / n)
        why = ("the raters' levels differ less than chance lets them: taken as equal",)
        return _standard_error(terms, variance, error, level, why if of_raters < residual else ())
    if error is Error.ONE_WAY:
        terms = [VarianceTerm(value=float(squares.within), dof=squares.dof_within)]
    else:
        terms = [VarianceTerm(value=residual, dof=squares.dof_error)]
    return _standard_error(terms, terms[0].value, error, level, ())


def two_trial_error(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> StandardError:
    """Standard error from two trials of each subject: SD(second - first) / sqrt 2, n - 1 dof, exact.

    It is that of consistency: a change of all from trial to trial is left out.
    """
    a, b = vector(first, "first", at_least=2), vector(second, "second", at_least=2)
    same_length(first=a, second=b)
    return standard_error_of_measurement(np.column_stack([a, b]), error=Error.CONSISTENCY, level=level)


@named
def minimal_detectable_change(
    sem: StandardError, *, quantile: Quantile, level: float = 0.95
) -> DetectableChange:
    """The change beyond measurement error at a level: q sqrt(2) SEM.

    With Student's quantile the level holds for the SEM as it was estimated, on few degrees of freedom too;
    the normal one takes the SEM for known. It says nothing about what change matters.

    Raises
    ------
    NoVariance
        An SEM of 0: the scale was too coarse, or the readings too few, to show the error.
    """
    if not sem.value > 0:
        raise NoVariance(
            "the sem is 0: no two ratings of a subject differ, so their error is not known; "
            "read again with a finer scale, or take more readings"
        )
    factor = detectable_factor(sem.dof, quantile=quantile, level=level)
    scale = factor * math.sqrt(2)
    return DetectableChange(
        value=scale * sem.value,
        low=None if sem.low is None else scale * sem.low,
        high=None if sem.high is None else scale * sem.high,
        factor=factor,
        quantile=quantile,
        dof=sem.dof,
        level=level,
        error=sem.error,
    )


@named
def detectable_factor(dof: float, *, quantile: Quantile, level: float) -> float:
    """Two-sided quantile at a level; infinite without degrees of freedom."""
    share(level, "level")
    if quantile is Quantile.NORMAL:
        return float(ndtri((1 + level) / 2))
    return float(stdtrit(dof, (1 + level) / 2)) if dof > 0 else math.inf


def _standard_error(
    terms: list[VarianceTerm], variance: float, error: Error, level: float, why: tuple[str, ...]
) -> StandardError:
    share(level, "level")
    ends = variance_sum_interval(terms, level=level) if variance > 0 else None
    return StandardError(
        value=math.sqrt(variance),
        low=None if ends is None else math.sqrt(ends[0]),
        high=None if ends is None else math.sqrt(ends[1]),
        dof=satterthwaite_dof(terms),
        error=error,
        interval="modified large sample" if len(terms) > 1 else "exact chi-squared",
        level=level,
        why=why if ends else ("no two ratings of a subject differ: how far that holds is not known",),
    )
