"""Forest plot: studies with interval and weight, the pooled effect, and where a further study would lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import ArrayLike

from atlasplane.report.numbers import fixed, percent
from atlasplane.report.statistics_plots import sheet
from atlasplane.stats.meta.heterogeneity import Heterogeneity
from atlasplane.stats.meta.pooled import PooledEffect, inference
from atlasplane.stats.meta.prediction import PredictionInterval, PredictionOverTau2
from atlasplane.stats.meta.weighted import Array, study_arrays
from atlasplane.stats.refusal import WrongShape

_ROW_MM, _HEAD_MM, _AXIS_MM, _EDGE_MM = 4.7, 9.0, 17.5, 2.0
_WEIGHT_MM, _NUMBERS_MM, _GAP_MM = 14.0, 36.0, 5.0
_SMALLEST_PLOT_MM = 50.0
_HALF_DIAMOND_MM, _LARGEST_SQUARE_PT = 1.5, 7.5
_BEYOND = 0.35
"""So many parts of what must be seen are added at its ends, where intervals of studies reach farther."""
_RATIO_TICKS = tuple(step * 10.0**decade for decade in range(-4, 4) for step in (1, 2, 5))
_MANY_TICKS = 7


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
) -> Figure:
    """The studies of one meta-analysis, one line each, in the order given; as wide as a page.

    Squares have an area in proportion to the weight; intervals of studies are normal, at the level of the
    pooled effect. One that leaves the axis ends in an arrow. The diamond spans the interval of the pooled
    effect, the bar under it the prediction interval.

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

    Raises
    ------
    WrongShape, TooFew, NotFinite, OutOfRange
        When these are not the studies that were pooled, or several data sets.
    """
    y, v = study_arrays(effects, variances)
    if y.ndim != 1 or np.ndim(pooled.mean) or not len(y) == len(studies) == pooled.n_studies:
        raise WrongShape(
            f"effects {y.shape}, {len(studies)} names and {pooled.n_studies} pooled studies do not belong "
            "together; give the studies of one meta-analysis with one name each"
        )
    rows, feet = _studies(y, v, pooled, studies), _summaries(pooled, prediction)
    height = _HEAD_MM + _ROW_MM * (len(rows) + len(feet) + 0.9) + _AXIS_MM
    figure = sheet.figure(sheet.PAGE_MM, height, placed=True)
    page = sheet.page(figure)
    at = [height - _HEAD_MM - _ROW_MM * (k + 0.5) for k in range(len(rows))]
    at += [at[-1] - _ROW_MM * (k + 1.6) for k in range(len(feet))]
    left = _names(page, [*rows, *feet], at, _words_of(pooled, spread), height)
    right = sheet.PAGE_MM - _EDGE_MM - _NUMBERS_MM - _WEIGHT_MM
    plot = sheet.window(figure, min(left, right - _SMALLEST_PLOT_MM), right, _AXIS_MM, height - _HEAD_MM + 1)
    plot.set_ylim(_AXIS_MM, height - _HEAD_MM + 1)
    plot.set_xlim(_ends(rows, feet))
    _scale_axis(plot, axis)
    _draw(plot, rows, feet, at)
    _numbers(page, [*rows, *feet], at, axis, pooled.level, height)
    return figure


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
        told.append(f"τ {fixed(math.sqrt(float(pooled.tau2)), 2)} ({pooled.tau2_method.value}).")
    if spread is not None:
        told.append(f"I² {fixed(float(spread.i2_percent), 0)} %.")
        told.append(f"Q {fixed(float(spread.q), 1)} on {spread.dof}, p {p_text(float(spread.p_value))}.")
    return " ".join(told)


def p_text(p: float) -> str:
    """A probability as journals print it: three decimals, or "< 0.001"."""
    return "< 0.001" if p < 0.001 else fixed(p, 3)


def _ends(rows: Sequence[_Row], feet: Sequence[_Row]) -> tuple[float, float]:
    """Ends of the axis: all means, summaries and no effect are seen, and some of the studies' intervals."""
    seen = [0.0, *(row.mean for row in rows), *(end for foot in feet for end in (foot.low, foot.high))]
    more = _BEYOND * (max(seen) - min(seen))
    low = max(min(row.low for row in rows), min(seen) - more)
    high = min(max(row.high for row in rows), max(seen) + more)
    low, high = min(low, min(seen)), max(high, max(seen))
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _scale_axis(on: Axes, axis: EffectAxis) -> None:
    sheet.bare(on, "left")
    on.set_facecolor("none")
    is_ratio = axis.scale is EffectScale.RATIO
    if is_ratio:
        low, high = on.get_xlim()
        shown = [value for value in _RATIO_TICKS if low <= math.log(value) <= high]
        if len(shown) > _MANY_TICKS:
            shown = [value for value in shown if f"{value:e}"[0] == "1"]
        on.xaxis.set_major_locator(FixedLocator([math.log(value) for value in shown]))
        on.set_xticklabels([f"{value:g}" for value in shown])
        on.xaxis.set_minor_locator(NullLocator())
    words = f"{axis.name} (logarithmic axis)" if is_ratio else axis.name
    on.set_xlabel(words, **sheet.type_of(), labelpad=11 if any(axis.favours) else 2)
    for text, form, side in ((axis.favours[0], "← {}  ", "right"), (axis.favours[1], "  {} →", "left")):
        if text:
            look = sheet.type_of(sheet.SMALL, sheet.SOFT)
            on.text(0.0, _AXIS_MM - 5.9, form.format(text), ha=side, va="center", **look)


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


def _numbers(
    page: Axes, rows: Sequence[_Row], at: Sequence[float], axis: EffectAxis, level: float, height: float
) -> None:
    """Write the right columns: weight, effect and interval."""
    weights, numbers = sheet.PAGE_MM - _EDGE_MM - _NUMBERS_MM, sheet.PAGE_MM - _EDGE_MM
    for x, words in ((weights, "Weight"), (numbers, f"{axis.name} [{percent(level)}]")):
        page.text(x, height - 4.5, words, ha="right", va="center", **sheet.type_of(bold=True))
    shown: Callable[[float], float] = math.exp if axis.scale is EffectScale.RATIO else float
    for k, (row, y) in enumerate(zip(rows, at, strict=True)):
        mean, low, high = (fixed(shown(value), 2) for value in (row.mean, row.low, row.high))
        only_interval = row.weight is None and k == len(rows) - 1 and rows[k - 1].weight is None
        text = f"[{low}, {high}]" if only_interval else f"{mean} [{low}, {high}]"
        look = sheet.type_of(bold=row.weight is None)
        page.text(numbers, y, text, ha="right", va="center", **look)
        if row.weight is not None:
            page.text(weights, y, f"{fixed(row.weight, 1)} %", ha="right", va="center", **look)
