"""Regression to the mean: how a first value that was selected for being bad changes without any care."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, ndtr, ndtri

from atlasplane.stats.checks import Array, same_length, share, vector
from atlasplane.stats.refusal import NotFinite, NoVariance, OutOfRange
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named


class Selected(Enum):
    """Which first values enter: those above the threshold, or those below it."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionEffect:
    """Mean change without care of those who are selected by a threshold.

    Attributes
    ----------
    change : float
        Second - first; against the side of selection.
    selected_share : float
        Of all who are measured.
    mean_first, mean_second : float
        Of the selected.
    selected : Selected
    """

    change: float
    selected_share: float
    mean_first: float
    mean_second: float
    selected: Selected


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkenValue:
    """A first value drawn towards the mean of those it comes from.

    Attributes
    ----------
    value : float
        What the same person's next measurement is expected to be without care.
    low, high : float
        Prediction interval of that measurement.
    se : float
        Standard error of the prediction.
    dof : float
        Infinite where the group's mean, spread and correlation are taken as known.
    slope : float
        Share of the deviation from the mean that stays.
    level : float
    """

    value: float
    low: float
    high: float
    se: float
    dof: float
    slope: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedChange:
    """Mean change without care of people with these first values, from an untreated series.

    Attributes
    ----------
    value, low, high : float
        Mean of second - first, and the interval of its expectation.
    se : float
    dof : int
    slope : float
        Of second on first; the smaller, the stronger the regression to the mean.
    level : float
    n_untreated, n_selected : int
    why : tuple of str
        What cannot be concluded.
    """

    value: float
    low: float
    high: float
    se: float
    dof: int
    slope: float
    level: float
    n_untreated: int
    n_selected: int
    why: tuple[str, ...]


@named
def selection_effect(
    *, mean: float, sd: float, reliability: float, threshold: float, selected: Selected
) -> SelectionEffect:
    """Regression to the mean of those beyond a threshold, for a known normal group.

    -(1 - r) sd phi(z) / (1 - Phi(z)), z = (threshold - mean) / sd, above; mirrored below. Davis 1976, Am J
    Epidemiol 104:493, doi:10.1093/oxfordjournals.aje.a112321; Barnett et al. 2005, Int J Epidemiol 34:215,
    doi:10.1093/ije/dyh299.

    Parameters
    ----------
    mean, sd : float
        Of single measurements of all from whom is selected.
    reliability : float
        Correlation of two measurements of a person, over the interval in question.
    """
    _group(sd, reliability)
    _finite(mean=mean, threshold=threshold)
    side = 1.0 if selected is Selected.ABOVE else -1.0
    z = side * (threshold - mean) / sd
    # The ratio phi / (1 - Phi) scaled: it stays right where the share is too small for a float.
    ratio = math.sqrt(2 / math.pi) / float(erfcx(z / math.sqrt(2)))
    first = mean + side * sd * ratio
    second = mean + side * reliability * sd * ratio
    return SelectionEffect(
        change=second - first,
        selected_share=float(ndtr(-z)),
        mean_first=first,
        mean_second=second,
        selected=selected,
    )


def shrunken_value(
    first: float, *, mean: float, sd: float, reliability: float, level: float = 0.95
) -> ShrunkenValue:
    """Shrunken value of a known normal group: mean + r (first - mean), SE sd sqrt(1 - r^2).

    Kelley 1927, Interpretation of Educational Measurements; the interval is that of the next measurement.
    With a mean and correlation that are themselves estimated use `shrunken_value_from`.
    """
    share(level, "level")
    _group(sd, reliability)
    _finite(first=first, mean=mean)
    value, se = mean + reliability * (first - mean), sd * math.sqrt(1 - reliability**2)
    half = float(ndtri((1 + level) / 2)) * se
    return ShrunkenValue(
        value=value,
        low=value - half,
        high=value + half,
        se=se,
        dof=math.inf,
        slope=reliability,
        level=level,
    )


def shrunken_value_from(
    first: float, *, untreated_first: ArrayLike, untreated_second: ArrayLike, level: float = 0.95
) -> ShrunkenValue:
    """Shrunken value by the regression of second on first measurements of people without care.

    The interval is that of a prediction by simple regression, Student's with n - 2 degrees of freedom: exact
    where second is linear in first with normal errors, however the untreated were selected by their first.

    Parameters
    ----------
    untreated_first, untreated_second : array, shape (n_untreated,)
        Repeat measurements of untreated or waiting people, at the interval in question.
    """
    _finite(first=first)
    line = _line(untreated_first, untreated_second)
    value = line.at(first)
    se = line.residual_sd * math.sqrt(1 + line.leverage(first))
    half = float(half_width(se, line.dof, level=level))
    return ShrunkenValue(
        value=value,
        low=value - half,
        high=value + half,
        se=se,
        dof=line.dof,
        slope=line.slope,
        level=level,
    )


def expected_change(
    selected_first: ArrayLike,
    *,
    untreated_first: ArrayLike,
    untreated_second: ArrayLike,
    level: float = 0.95,
) -> ExpectedChange:
    """Mean change that the treated would have shown without care, from their own first values.

    The regression of `shrunken_value_from` at the mean of the first values; exact under the same conditions,
    and without a law for the first values, which a threshold formula needs. What is to be called an effect of
    care must go beyond it.

    Parameters
    ----------
    selected_first : array, shape (n_selected,)
    untreated_first, untreated_second : array, shape (n_untreated,)
    """
    chosen = vector(selected_first, "selected_first")
    line = _line(untreated_first, untreated_second)
    at = float(chosen.mean())
    value, se = line.at(at) - at, line.residual_sd * math.sqrt(line.leverage(at))
    half = float(half_width(se, line.dof, level=level))
    outside = bool(((chosen < line.lowest) | (chosen > line.highest)).any())
    return ExpectedChange(
        value=value,
        low=value - half,
        high=value + half,
        se=se,
        dof=line.dof,
        slope=line.slope,
        level=level,
        n_untreated=line.dof + 2,
        n_selected=len(chosen),
        why=("some first values lie beyond those of the untreated: the line is extended",) if outside else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Second on first among the untreated."""

    mean: float
    level: float
    slope: float
    squares: float
    residual_sd: float
    dof: int
    lowest: float
    highest: float

    def at(self, first: float) -> float:
        return self.level + self.slope * (first - self.mean)

    def leverage(self, first: float) -> float:
        return 1 / (self.dof + 2) + (first - self.mean) ** 2 / self.squares


def _line(untreated_first: ArrayLike, untreated_second: ArrayLike) -> _Line:
    x = vector(untreated_first, "untreated_first", at_least=3)
    y = vector(untreated_second, "untreated_second", at_least=3)
    same_length(untreated_first=x, untreated_second=y)
    centred: Array = x - x.mean()
    squares = float(centred @ centred)
    if not squares > 0:
        raise NoVariance("all first values of the untreated are equal; no slope can be told")
    slope = float(centred @ y) / squares
    residuals = y - y.mean() - slope * centred
    return _Line(
        mean=float(x.mean()),
        level=float(y.mean()),
        slope=slope,
        squares=squares,
        residual_sd=math.sqrt(float(residuals @ residuals) / (len(x) - 2)),
        dof=len(x) - 2,
        lowest=float(np.min(x)),
        highest=float(np.max(x)),
    )


def _group(sd: float, reliability: float) -> None:
    if not 0 < sd < math.inf:
        raise OutOfRange(f"sd must be above 0 and finite; it is {sd:g}")
    if not 0 <= reliability <= 1:
        raise OutOfRange(f"reliability must lie between 0 and 1; it is {reliability:g}")


def _finite(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise NotFinite(f"{name} must be a number; it is {value:g}: leave out who has none")
