"""Forest plot: studies with interval and weight, the pooled effect, and where a further study would lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from atlasplane.report.numbers import MINUS, fixed, percent
from atlasplane.report.statistics_plots import sheet
from atlasplane.report.statistics_plots.effect_digits import (
    EffectDigits,
    effect_digits,
    power_words,
    two_digits,
)
from atlasplane.stats.meta.heterogeneity import Heterogeneity
from atlasplane.stats.meta.pooled import PooledEffect, inference
from atlasplane.stats.meta.prediction import PredictionInterval, PredictionOverTau2
from atlasplane.stats.meta.weighted import Array, study_arrays
from atlasplane.stats.refusal import NotAChoice, OutOfRange, WrongShape

_ROW_MM, _HEAD_MM, _AXIS_MM, _EDGE_MM = 4.7, 9.0, 17.5, 2.0
_WEIGHT_MM, _NUMBERS_MM, _GAP_MM = 14.0, 36.0, 5.0
_SMALLEST_PLOT_MM = 50.0
_HALF_DIAMOND_MM, _LARGEST_SQUARE_PT = 1.5, 7.5
_BEYOND = 0.35
"""So many parts of what must be seen are added at its ends, where intervals of studies reach farther."""
_REACH = 3.0
"""No effect is on the axis where it lies within so many widths of what must be seen."""
_FEW_TICKS, _MANY_TICKS = 3, 7
_ROUNDING = 1e-9
"""Part of the effects by which a mean worked out anew may differ."""
_MOST_DECIMALS = 12
_LONG_DECADE = 5


class EffectScale(Enum):
    """What the numbers and the axis of a forest plot show.

    AS_IS: the effects themselves; no effect is 0. RATIO: their exponential on a logarithmic axis, for
    logarithms of risk, odds, rate or response ratios; no effect is 1.
    """

    AS_IS = "as is"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectAxis:
    """How effects are shown.

    Attributes
    ----------
    name : str
        E.g. "Risk ratio", with its unit.
    scale : EffectScale
    favours : tuple of str
        What lies on the left and on the right of no effect; empty for nothing.
    """

    name: str
    scale: EffectScale
    favours: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        if not isinstance(self.scale, EffectScale):
            raise NotAChoice(f"scale is {self.scale!r}; give EffectScale.AS_IS or EffectScale.RATIO")
        if isinstance(self.favours, str) or len(self.favours) != 2:
            raise WrongShape(f"favours is {self.favours!r}; give two words, left and right of no effect")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line, on the scale of the effects; a study has a weight in percent."""

    words: str
    mean: float
    low: float
    high: float
    weight: float | None = None


def forest_plot(
    effects: ArrayLike,
    variances: ArrayLike,
    pooled: PooledEffect,
    *,
    studies: Sequence[str],
    axis: EffectAxis,
    prediction: PredictionInterval | PredictionOverTau2 | None = None,
    spread: Heterogeneity | None = None,
    decimals: int | None = None,
) -> Figure:
    """The studies of one meta-analysis, one line each, in the order given; as wide as a page.

    Squares have an area in proportion to the weight; intervals of studies are normal, at the level of the
    pooled effect. One that leaves the axis ends in an arrow. The diamond spans the interval of the pooled
    effect, the bar under it the prediction interval. No effect is on the axis unless it lies three widths
    of the means and summaries away from them.

    Parameters
    ----------
    effects, variances : array, shape (n_studies,)
        What `pooled` was made from.
    pooled : PooledEffect
    studies : sequence of str
    axis : EffectAxis
    prediction : PredictionInterval or PredictionOverTau2, optional
    spread : Heterogeneity, optional
        Told at the foot.
    decimals : int, optional
        Of the numbers beside the plot; without it as many as leave the smallest standard error two digits,
        on a ratio axis that of the ratio, with a power of ten where they would be more than six.

    Raises
    ------
    WrongShape, TooFew, NotFinite, OutOfRange
        When these are not the studies that were pooled, or several data sets.
    """
    y, v = _checked(effects, variances, pooled, studies)
    if decimals is not None and not 0 <= decimals <= _MOST_DECIMALS:
        raise OutOfRange(f"decimals is {decimals}; give 0 to {_MOST_DECIMALS}, or None for what suits")
    rows, feet = _studies(y, v, pooled, studies), _summaries(pooled, prediction)
    height = _HEAD_MM + _ROW_MM * (len(rows) + len(feet) + 0.9) + _AXIS_MM
    figure = sheet.figure(sheet.PAGE_MM, height, placed=True)
    page = sheet.page(figure)
    at = [height - _HEAD_MM - _ROW_MM * (k + 0.5) for k in range(len(rows))]
    at += [at[-1] - _ROW_MM * (k + 1.6) for k in range(len(feet))]
    left = _names(page, [*rows, *feet], at, _words_of(pooled, spread), height)
    digits = _digits([*rows, *feet], np.sqrt(v), pooled, axis, decimals)
    wide = _numbers(page, [*rows, *feet], at, axis, digits, pooled.level, height)
    right = sheet.PAGE_MM - _EDGE_MM - wide - _WEIGHT_MM
    plot = sheet.window(figure, min(left, right - _SMALLEST_PLOT_MM), right, _AXIS_MM, height - _HEAD_MM + 1)
    plot.set_ylim(_AXIS_MM, height - _HEAD_MM + 1)
    plot.set_xlim(_ends(rows, feet))
    _scale_axis(plot, axis, digits.power)
    _draw(plot, rows, feet, at)
    return figure


def _checked(
    effects: ArrayLike, variances: ArrayLike, pooled: PooledEffect, studies: Sequence[str]
) -> tuple[Array, Array]:
    """The studies as arrays, refused where the pooled effect is not theirs."""
    y, v = study_arrays(effects, variances)
    if isinstance(studies, str):
        raise WrongShape(f"studies is the one word {studies!r}; give a name for each study")
    if y.ndim != 1 or np.ndim(pooled.mean) or not len(y) == len(studies) == pooled.n_studies:
        raise WrongShape(
            f"effects {y.shape}, {len(studies)} names and {pooled.n_studies} pooled studies do not belong "
            "together; give the studies of one meta-analysis with one name each"
        )
    mean = float(np.average(y, weights=pooled.weights))
    if abs(mean - float(pooled.mean)) > _ROUNDING * float(np.abs(y).max()):
        raise OutOfRange(
            f"the weighted mean of these effects is {mean:g}, but that of the result is {pooled.mean:g}; "
            "give the effects that were pooled, in their order"
        )
    if not np.allclose(pooled.weights * (v + pooled.tau2), 1, rtol=_ROUNDING, atol=0):
        raise OutOfRange("these variances are not those of the result; give the ones that were pooled")
    return y, v


def _studies(y: Array, v: Array, pooled: PooledEffect, names: Sequence[str]) -> list[_Row]:
    own = inference(y, np.sqrt(v), math.inf, level=pooled.level)
    columns = (names, own.estimate, own.low, own.high, pooled.weight_percent)
    return [
        _Row(words=words, mean=float(mean), low=float(low), high=float(high), weight=float(weight))
        for words, mean, low, high, weight in zip(*columns, strict=True)
    ]


def _summaries(
    pooled: PooledEffect, prediction: PredictionInterval | PredictionOverTau2 | None
) -> list[_Row]:
    kind = "Fixed effect" if pooled.tau2_method is None else "Random effects"
    mean = float(pooled.mean)
    found = [_Row(words=kind, mean=mean, low=float(pooled.low), high=float(pooled.high))]
    if prediction is not None:
        how = prediction.method.value if isinstance(prediction, PredictionInterval) else "over tau²"
        words = f"A further study ({how})"
        found.append(_Row(words=words, mean=mean, low=float(prediction.low), high=float(prediction.high)))
    return found


def _words_of(pooled: PooledEffect, spread: Heterogeneity | None) -> str:
    """What the foot tells: the methods, and the size of heterogeneity."""
    told = [f"Interval: {pooled.interval.value}."]
    if pooled.tau2_method is not None:
        told.append(f"τ {two_digits(math.sqrt(float(pooled.tau2)))} ({pooled.tau2_method.value}).")
    if spread is not None:
        told.append(f"I² {fixed(float(spread.i2_percent), 0)} %.")
        told.append(f"Q {fixed(float(spread.q), 1)} on {spread.dof}, p {p_text(float(spread.p_value))}.")
    return " ".join(told)


def p_text(p: float) -> str:
    """A probability as journals print it: three decimals, or "< 0.001"."""
    return "< 0.001" if p < 0.001 else fixed(p, 3)


def _ends(rows: Sequence[_Row], feet: Sequence[_Row]) -> tuple[float, float]:
    """Ends of the axis: all means and summaries, no effect in reach, and some of the studies' intervals."""
    seen = [*(row.mean for row in rows), *(end for foot in feet for end in (foot.low, foot.high))]
    reach = _REACH * (max(seen) - min(seen))
    if min(seen) - reach <= 0 <= max(seen) + reach:
        seen.append(0.0)
    more = _BEYOND * (max(seen) - min(seen))
    low = max(min(row.low for row in rows), min(seen) - more)
    high = min(max(row.high for row in rows), max(seen) + more)
    low, high = min(low, min(seen)), max(high, max(seen))
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _scale_axis(on: Axes, axis: EffectAxis, power: int) -> None:
    sheet.bare(on, "left")
    on.set_facecolor("none")
    low, high = on.get_xlim()
    is_ratio = axis.scale is EffectScale.RATIO
    if is_ratio:
        shown = _ratio_ticks(low, high)
        on.xaxis.set_major_locator(FixedLocator([at for at, _ in shown]))
        on.set_xticklabels([words for _, words in shown])
        on.xaxis.set_minor_locator(NullLocator())
    else:
        at = _inside(MaxNLocator(_MANY_TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high), low, high)
        on.xaxis.set_major_locator(FixedLocator(at))
        on.set_xticklabels([_plain(value * 10.0**-power) for value in at])
    unit = " (logarithmic axis)" if is_ratio else power_words(power)
    on.set_xlabel(f"{axis.name}{unit}", **sheet.type_of(), labelpad=11 if any(axis.favours) else 2)
    no_effect = min(max(0.0, low), high)
    for text, form, side, seen in (
        (axis.favours[0], "← {}  ", "right", low < 0),
        (axis.favours[1], "  {} →", "left", high > 0),
    ):
        if text and seen:
            look = sheet.type_of(sheet.SMALL, sheet.SOFT)
            on.text(no_effect, _AXIS_MM - 5.9, form.format(text), ha=side, va="center", **look)


def _ratio_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Logarithm and words of round ratios: 1, 2 and 5 of each decade, decades alone, or even steps."""
    decades = range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1)
    steps = [
        (decade * math.log(10) + math.log(step), decade, step) for decade in decades for step in (1, 2, 5)
    ]
    shown = [tick for tick in steps if low <= tick[0] <= high]
    if len(shown) < _FEW_TICKS:
        even = MaxNLocator(_MANY_TICKS, steps=[1, 2, 5, 10]).tick_values(math.exp(low), math.exp(high))
        return [(math.log(value), _plain(value)) for value in _inside(even, math.exp(low), math.exp(high))]
    if len(shown) > _MANY_TICKS:
        shown = [tick for tick in shown if tick[2] == 1]
        every = math.ceil(len(shown) / _MANY_TICKS)
        shown = [tick for tick in shown if tick[1] % every == 0]
    return [(at, _tick_words(step, decade)) for at, decade, step in shown]


def _tick_words(step: int, decade: int) -> str:
    if abs(decade) < _LONG_DECADE:
        return _plain(float(f"{step}e{decade}"))
    return f"{step}{power_words(decade)}"


def _inside(values: Sequence[float], low: float, high: float) -> list[float]:
    return [float(value) for value in values if low <= value <= high]


def _plain(value: float) -> str:
    """A round number without needless digits, with a real minus sign."""
    return f"{value:.10g}".replace("-", MINUS)


def _draw(on: Axes, rows: Sequence[_Row], feet: Sequence[_Row], at: Sequence[float]) -> None:
    pooled = feet[0]
    on.axvline(0.0, color=sheet.SOFT, linewidth=sheet.THIN, zorder=1)
    top = on.get_ylim()[1]
    on.plot(
        [pooled.mean] * 2,
        [at[len(rows)], top],
        color=sheet.FIRST,
        linewidth=sheet.THIN,
        linestyle=(0, (4, 3)),
        zorder=1,
    )
    heaviest = max(row.weight or 0.0 for row in rows)
    for row, y in zip(rows, at, strict=False):
        _interval(on, row, y)
        side = _LARGEST_SQUARE_PT * math.sqrt((row.weight or 0.0) / heaviest)
        on.plot(row.mean, y, "s", markersize=max(side, 1.5), color=sheet.INK, markeredgewidth=0, zorder=3)
    y = at[len(rows)]
    half = _HALF_DIAMOND_MM
    on.fill(
        [pooled.low, pooled.mean, pooled.high, pooled.mean],
        [y, y + half, y, y - half],
        color=sheet.FIRST,
        linewidth=0,
        zorder=3,
    )
    for foot, y in zip(feet[1:], at[len(rows) + 1 :], strict=True):
        on.barh(y, foot.high - foot.low, left=foot.low, height=0.9, color=sheet.SECOND, zorder=3)


def _interval(on: Axes, row: _Row, y: float) -> None:
    """Line of a study's interval; an end beyond the axis is an arrow at its edge."""
    low, high = on.get_xlim()
    on.plot(
        [max(row.low, low), min(row.high, high)],
        [y, y],
        color=sheet.INK,
        linewidth=sheet.LINE * 0.8,
        zorder=2,
    )
    for outside, edge, marker in ((row.low < low, low, "<"), (row.high > high, high, ">")):
        if outside:
            on.plot(edge, y, marker, markersize=3.5, color=sheet.INK, clip_on=False, zorder=3)


def _names(page: Axes, rows: Sequence[_Row], at: Sequence[float], foot: str, height: float) -> float:
    """Write the left column and the foot; where the plot may start, mm."""
    put = [
        page.text(_EDGE_MM, y, row.words, va="center", **sheet.type_of(bold=row.weight is None))
        for row, y in zip(rows, at, strict=True)
    ]
    page.text(_EDGE_MM, height - 4.5, "Study", va="center", **sheet.type_of(bold=True))
    page.text(_EDGE_MM, 2.4, foot, va="center", **sheet.type_of(sheet.SMALL, sheet.SOFT))
    page.plot([_EDGE_MM, sheet.PAGE_MM - _EDGE_MM], [height - 7.2] * 2, color=sheet.INK, linewidth=sheet.THIN)
    return _EDGE_MM + max(sheet.width_mm(text) for text in put) + _GAP_MM


def _digits(
    rows: Sequence[_Row], errors: Array, pooled: PooledEffect, axis: EffectAxis, decimals: int | None
) -> EffectDigits:
    """How the rows are printed; the error of a ratio is the ratio times that of its logarithm."""
    values = np.array([(row.mean, row.low, row.high) for row in rows])
    all_errors = np.append(errors, pooled.se)
    if axis.scale is EffectScale.RATIO:
        all_errors = all_errors * _ratio(values[: len(all_errors), 0])
        return effect_digits(_ratio(values), all_errors, decimals=decimals, ratio=True)
    return effect_digits(values, all_errors, decimals=decimals, ratio=False)


def _ratio(logarithms: Array) -> Array:
    """Their exponentials; beyond the largest number that there is they are infinite."""
    with np.errstate(over="ignore"):
        return np.exp(logarithms)


def _numbers(
    page: Axes,
    rows: Sequence[_Row],
    at: Sequence[float],
    axis: EffectAxis,
    digits: EffectDigits,
    level: float,
    height: float,
) -> float:
    """Write the right columns: weight, effect and interval; the width of the last, mm."""
    edge = sheet.PAGE_MM - _EDGE_MM
    put = []
    for k, (row, y) in enumerate(zip(rows, at, strict=True)):
        ends = np.array([row.low, row.high, row.mean])
        low, high, mean = (float(x) for x in (_ratio(ends) if axis.scale is EffectScale.RATIO else ends))
        only_interval = row.weight is None and k == len(rows) - 1 and rows[k - 1].weight is None
        text = digits.interval(low, high, None if only_interval else mean)
        look = sheet.type_of(bold=row.weight is None)
        put.append(page.text(edge, y, text, ha="right", va="center", **look))
    wide = max(_NUMBERS_MM, *(sheet.width_mm(text) + _GAP_MM for text in put))
    bold = sheet.type_of(bold=True)
    head = page.text(edge, height - 4.5, f"{axis.name} [{percent(level)}]", ha="right", va="center", **bold)
    if sheet.width_mm(head) > wide - _GAP_MM:
        head.set_text(f"Effect [{percent(level)}]")
    page.text(edge - wide, height - 4.5, "Weight", ha="right", va="center", **bold)
    for row, y in zip(rows, at, strict=True):
        if row.weight is not None:
            text = f"{fixed(row.weight, 1)} %"
            page.text(edge - wide, y, text, ha="right", va="center", **sheet.type_of())
    return wide
