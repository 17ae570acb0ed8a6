"""Caterpillar plot: each person's own effect in order of size, the mean, and where a new one would lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from atlasplane.report.numbers import fixed, percent
from atlasplane.report.statistics_plots import sheet
from atlasplane.stats.multilevel.pooling import PooledSeries

_ROW_MM, _HEAD_MM, _AXIS_MM, _EDGE_MM, _NOTE_MM = 4.7, 9.0, 14.5, 2.0, 3.2
_NUMBERS_MM, _SHARE_MM, _GAP_MM = 29.0, 22.0, 5.0
_WIDTH_MM, _SMALLEST_PLOT_MM = 150.0, 40.0
_ROOM = 0.04
_TO_MEAN: dict[str, Any] = {
    "color": sheet.FIRST,
    "linewidth": sheet.THIN,
    "linestyle": (0, (4, 3)),
    "zorder": 1,
}


def caterpillar_plot(found: PooledSeries, *, effect: str, decimals: int) -> Figure:
    """Persons from the smallest effect to the largest; grey is what cannot be told from noise (MDC).

    Dots are the persons' effects, shrunken towards the mean; the diamond is the mean with its interval, the
    bar under it the interval of a new person. The last column is the probability that an effect lies beyond
    the MDC on the side on which it lies.

    Parameters
    ----------
    found : PooledSeries
    effect : str
        Name of the effect with its unit.
    decimals : int
    """
    persons = found.persons
    order = np.argsort(persons.values, kind="stable")
    height = _HEAD_MM + _ROW_MM * (len(order) + 2.9) + _AXIS_MM + _NOTE_MM * len(found.why)
    figure = sheet.figure(_WIDTH_MM, height, placed=True)
    page = sheet.page(figure)
    foot = _AXIS_MM + _NOTE_MM * len(found.why)
    at = height - _HEAD_MM - _ROW_MM * (np.arange(len(order)) + 0.5)
    below = [at[-1] - 1.6 * _ROW_MM, at[-1] - 2.6 * _ROW_MM]
    left = _names(page, [str(found.labels[k]) for k in order], [*at, *below], height)
    right = _WIDTH_MM - _EDGE_MM - _NUMBERS_MM - _SHARE_MM
    top = height - _HEAD_MM + 1
    plot = sheet.window(figure, min(left, right - _SMALLEST_PLOT_MM), right, foot, top)
    plot.set_ylim(foot, top)
    _draw(plot, found, order, at, below)
    plot.set_xlabel(effect, **sheet.type_of(), labelpad=2)
    _numbers(page, found, order, [*at, *below], decimals, height)
    _foot(page, found, decimals)
    return figure


def _draw(on: Axes, found: PooledSeries, order: np.ndarray, at: np.ndarray, below: list[float]) -> None:
    sheet.bare(on, "left")
    persons, mean, new = found.persons, found.mean, found.new_person
    ends = np.array([0.0, *persons.low, *persons.high, new.low, new.high, -found.mdc, found.mdc])
    room = _ROOM * float(np.ptp(ends))
    on.set_xlim(ends.min() - room, ends.max() + room)
    on.axvspan(-found.mdc, found.mdc, color=sheet.GROUND, linewidth=0, zorder=0)
    on.axvline(0.0, color=sheet.SOFT, linewidth=sheet.THIN, zorder=1)
    on.plot([mean.value] * 2, [below[0], on.get_ylim()[1]], **_TO_MEAN)
    on.hlines(
        at, persons.low[order], persons.high[order], color=sheet.INK, linewidth=0.8 * sheet.LINE, zorder=2
    )
    on.plot(persons.values[order], at, "o", markersize=4.0, color=sheet.INK, markeredgewidth=0, zorder=3)
    y = below[0]
    on.fill(
        [mean.low, mean.value, mean.high, mean.value],
        [y, y + 1.5, y, y - 1.5],
        color=sheet.FIRST,
        linewidth=0,
        zorder=3,
    )
    on.barh(below[1], new.high - new.low, left=new.low, height=0.9, color=sheet.SECOND, zorder=3)


def _names(page: Axes, names: list[str], at: list[float], height: float) -> float:
    """Write the left column; where the plot may start, mm."""
    looks = [sheet.type_of()] * len(names) + [sheet.type_of(bold=True)] * 2
    put = [
        page.text(_EDGE_MM, y, words, va="center", **look)
        for words, y, look in zip([*names, "Mean", "A new person"], at, looks, strict=True)
    ]
    page.text(_EDGE_MM, height - 4.5, "Person", va="center", **sheet.type_of(bold=True))
    page.plot([_EDGE_MM, _WIDTH_MM - _EDGE_MM], [height - 7.2] * 2, color=sheet.INK, linewidth=sheet.THIN)
    return _EDGE_MM + max(sheet.width_mm(text) for text in put) + _GAP_MM


def _numbers(
    page: Axes, found: PooledSeries, order: np.ndarray, at: list[float], decimals: int, height: float
) -> None:
    """Write the right columns: effect with interval, probability beyond the MDC."""
    right = _WIDTH_MM - _EDGE_MM
    columns = (right - _SHARE_MM, right)
    heads = (f"Effect [{percent(found.persons.level)}]", "P(beyond MDC)")
    for x, words in zip(columns, heads, strict=True):
        page.text(x, height - 4.5, words, ha="right", va="center", **sheet.type_of(bold=True))
    persons, mean, new = found.persons, found.mean, found.new_person
    beyond = np.where(persons.values < 0, found.probability_below_mdc, found.probability_above_mdc)
    for k, y in zip(order, at, strict=False):
        text = _with_interval(persons.values[k], persons.low[k], persons.high[k], decimals)
        for x, words in zip(columns, (text, _share_text(float(beyond[k]))), strict=True):
            page.text(x, y, words, ha="right", va="center", **sheet.type_of())
    bold = sheet.type_of(bold=True)
    text = _with_interval(mean.value, mean.low, mean.high, decimals)
    page.text(columns[0], at[-2], text, ha="right", va="center", **bold)
    text = f"[{fixed(new.low, decimals)}, {fixed(new.high, decimals)}]"
    page.text(columns[0], at[-1], text, ha="right", va="center", **bold)


def _with_interval(value: float, low: float, high: float, decimals: int) -> str:
    return f"{fixed(value, decimals)} [{fixed(low, decimals)}, {fixed(high, decimals)}]"


def _share_text(p: float) -> str:
    """A probability with two decimals, and no 0 or 1 that it is not."""
    if p < 0.005:
        return "< 0.01"
    return "> 0.99" if p > 0.995 else fixed(p, 2)


def _foot(page: Axes, found: PooledSeries, decimals: int) -> None:
    """What the picture does not show by itself."""
    mdc, tau = fixed(found.mdc, decimals), fixed(found.tau, decimals)
    how = found.mean.interval.capitalize()
    told = f"Grey: ± MDC {mdc}. SD of effects between persons (τ) {tau}. Interval of the mean: {how}."
    for k, words in enumerate([*map(sheet.sentence, found.why[::-1]), told]):
        page.text(_EDGE_MM, 2.4 + _NOTE_MM * k, words, va="center", **sheet.type_of(sheet.SMALL, sheet.SOFT))
