"""Change-point plot: counts with their rates before and after, and the probability of a change by session."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from atlasplane.report.numbers import fixed, percent
from atlasplane.report.statistics_plots import sheet
from atlasplane.stats.checks import Array, positive, same_length, vector
from atlasplane.stats.refusal import WrongShape
from atlasplane.stats.series.change_point import ChangePoint
from atlasplane.stats.series.count_regression import CountFamily

_WIDTH_MM, _HEIGHT_MM = 140.0, 92.0
_FAMILIES = {CountFamily.POISSON: "Poisson", CountFamily.NB2: "negative binomial, NB2"}
_DOTS: dict[str, Any] = {
    "markersize": 3.0,
    "color": sheet.INK,
    "alpha": 0.75,
    "markeredgewidth": 0,
    "clip_on": False,
    "zorder": 3,
}


def change_point_plot(
    found: ChangePoint,
    counts: ArrayLike,
    *,
    exposure: ArrayLike,
    sessions: ArrayLike,
    rate: str,
    session: str = "Session",
    expected_after: float | None = None,
) -> Figure:
    """Above the rates of sessions and of both sides; below the posterior of a change.

    The bar of a change after session k stands between it and the next; "no change" has a bar of its own
    at the right, on the same axis of probability.

    Parameters
    ----------
    found : ChangePoint
    counts, exposure, sessions : array, shape (n,)
        From which `found` was made; `sessions` increasing, e.g. days or years.
    rate : str
        Name of the rate with its unit, e.g. "Spasms a day".
    session : str
    expected_after : float, optional
        When the change was expected, in the unit of `sessions`.

    Raises
    ------
    WrongShape, NotFinite, OutOfRange
        When these are not the counts of the result.
    """
    y, e, when = vector(counts, "counts"), vector(exposure, "exposure"), vector(sessions, "sessions")
    same_length(counts=y, exposure=e, sessions=when)
    positive(e, "exposure")
    if len(y) != len(found.by_session) + 1:
        raise WrongShape(
            f"{len(y)} counts, but the posterior is that of {len(found.by_session) + 1}; give the same ones"
        )
    figure = sheet.figure(_WIDTH_MM, _HEIGHT_MM)
    grid = figure.add_gridspec(2, 2, width_ratios=(14, 1), height_ratios=(3, 2))
    above = sheet.axes(figure, grid[0, 0])
    below = sheet.axes(figure, grid[1, 0], sharex=above)
    aside = sheet.axes(figure, grid[1, 1], sharey=below)
    between = (when[:-1] + when[1:]) / 2
    _rates(above, found, y / e, when, between)
    _posterior(below, aside, found, np.diff(when), between)
    for panel in (above, below):
        if expected_after is not None:
            panel.axvline(
                expected_after, color=sheet.SOFT, linewidth=sheet.THIN, linestyle=(0, (4, 3)), zorder=1
            )
    above.tick_params(labelbottom=False)
    below.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    sheet.name_axes(above, "", rate)
    sheet.name_axes(below, session, "Probability")
    sheet.note(figure, _words(found))
    return figure


def _rates(on: Axes, found: ChangePoint, rates: Array, when: Array, between: Array) -> None:
    on.plot(when, rates, "o", **_DOTS)
    at = between[found.mode - 1]
    for level, ends, words in (
        (found.before, (when[0], at), "before"),
        (found.after, (at, when[-1]), "after"),
    ):
        on.fill_between(ends, level.low, level.high, color=sheet.FIRST, alpha=0.15, linewidth=0, zorder=0)
        on.plot(ends, [level.mean] * 2, color=sheet.FIRST, linewidth=1.8 * sheet.LINE, zorder=4)
        on.annotate(
            f"{fixed(level.mean, 2)} [{fixed(level.low, 2)}, {fixed(level.high, 2)}] {words}",
            (sum(ends) / 2, 1),
            (0, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            **sheet.type_of(sheet.SMALL, sheet.FIRST, bold=True),
        )
    on.set_ylim(bottom=0)


def _posterior(on: Axes, aside: Axes, found: ChangePoint, gaps: Array, between: Array) -> None:
    on.bar(between, found.by_session, width=0.8 * gaps, color=sheet.FIRST, linewidth=0, zorder=2)
    aside.bar([0], [found.p_no_change], width=0.8, color=sheet.SECOND, linewidth=0)
    aside.annotate(
        _p_text(found.p_no_change),
        (0, found.p_no_change),
        (0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        **sheet.type_of(sheet.SMALL, sheet.SECOND, bold=True),
    )
    aside.set_xlim(-0.8, 0.8)
    aside.set_xticks([0], ["no\nchange"])
    sheet.bare(aside, "left")
    on.set_ylim(bottom=0)


def _words(found: ChangePoint) -> str:
    ratio, prior = found.ratio, fixed(1 - found.prior.no_change, 2)
    values = f"{fixed(ratio.median, 2)} [{fixed(ratio.low, 2)}, {fixed(ratio.high, 2)}]"
    return (
        f"P(change) {_p_text(found.p_change)} (prior {prior}). Given a change, rate after over before "
        f"{values}; {percent(ratio.level)} posterior intervals ({_FAMILIES[found.family]})."
    )


def _p_text(p: float) -> str:
    """A probability with three decimals, and no 0 or 1 that it is not."""
    if p < 0.0005:
        return "< 0.001"
    return "> 0.999" if p > 0.9995 else fixed(p, 3)
