"""Phase plot: the sessions of one case or several, phase by phase, with level and trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from matplotlib.ticker import MaxNLocator

from atlasplane.report.statistics_plots import sheet
from atlasplane.stats.checks import Array
from atlasplane.stats.refusal import TooFew, WrongShape
from atlasplane.stats.single_case.piecewise import PiecewiseRegression, Terms, TimeCoding
from atlasplane.stats.single_case.series import PhasedSeries

_WIDTH_MM, _CASE_MM, _REST_MM = 140.0, 42.0, 20.0
_STEP, _APART = 1.07, 0.06
"""Height of the step over the lower panel, and room between panels, in heights of a panel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCase:
    """One panel of a phase plot.

    Attributes
    ----------
    name : str
        Of the case; may be empty.
    series : PhasedSeries
    regression : PiecewiseRegression or None
        Of this series: its level and trend in each phase, and those of the baseline carried on.
    """

    name: str
    series: PhasedSeries
    regression: PiecewiseRegression | None = None


def phases_plot(cases: Sequence[ShownCase], *, value: str, session: str = "Session") -> Figure:
    """One panel a case, one below the other, on common axes.

    Sessions of one phase are joined, those of two are not; baselines have open dots. Without a regression the
    mean of each phase is drawn. The first changes of phase of several cases are joined by steps (multiple
    baseline). Phases are named where they differ from those of the panel above.

    Parameters
    ----------
    cases : sequence of ShownCase
    value : str
        What was measured, with its unit.
    session : str

    Raises
    ------
    TooFew
        Without a case.
    WrongShape
        A regression of another series.
    """
    if not cases:
        raise TooFew("there is no case to show")
    figure = sheet.figure(_WIDTH_MM, _REST_MM + _CASE_MM * len(cases))
    grid = figure.add_gridspec(len(cases), 1, hspace=_APART)
    panels: list[Axes] = []
    labels: list[str] = []
    for k, case in enumerate(cases):
        panels.append(
            sheet.axes(figure, grid[k], **({"sharex": panels[0], "sharey": panels[0]} if panels else {}))
        )
        drawn = _panel(panels[-1], case)
        if k == 0:
            sheet.key(panels[0], drawn, where="best")
        if k < len(cases) - 1:
            panels[-1].tick_params(labelbottom=False)
        own = [run.label for run in case.series.stretches]
        if own != labels:
            _name_phases(panels[-1], case.series)
        labels = own
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    panels[-1].set_xlabel(session, **sheet.type_of())
    figure.supylabel(value, **sheet.type_of())
    changes = [_changes(case.series) for case in cases]
    for above, below, one, other in zip(panels, panels[1:], changes, changes[1:], strict=False):
        if one and other:
            _step(figure, above, below, one[0], other[0])
    return figure


def _panel(on: Axes, case: ShownCase) -> list[tuple[Artist, str]]:
    """Draw one case; what the key explains."""
    series, regression = case.series, case.regression
    if regression is not None and len(regression.residuals) != series.n_sessions:
        raise WrongShape(
            f"{case.name}: a regression of {len(regression.residuals)} sessions for a series of "
            f"{series.n_sessions}; give that of this series"
        )
    fitted = _means(series) if regression is None else series.values - regression.residuals
    for run in series.stretches:
        own = slice(run.start, run.stop)
        when = series.sessions[own]
        treated = run.label != series.baseline
        on.plot(
            when,
            series.values[own],
            "o-",
            color=sheet.INK,
            linewidth=sheet.THIN,
            markersize=3.6,
            markerfacecolor=sheet.INK if treated else "white",
            markeredgewidth=0.8,
            zorder=3,
        )
        (line,) = on.plot(when, fitted[own], color=sheet.FIRST, linewidth=1.8 * sheet.LINE, zorder=4)
    for at in _changes(series):
        on.axvline(at, color=sheet.SOFT, linewidth=sheet.THIN, linestyle=(0, (4, 3)), zorder=1)
    told: list[tuple[Artist, str]] = [(line, _words(regression))]
    if regression is not None:
        later = series.sessions >= series.sessions[series.stretches[0].stop - 1]
        (carried,) = on.plot(
            series.sessions[later],
            _baseline(series, regression)[later],
            color=sheet.SECOND,
            linewidth=sheet.LINE,
            linestyle=(0, (3, 2)),
            zorder=2,
        )
        told.append((carried, "baseline carried on"))
    on.annotate(
        case.name,
        (1, 0.5),
        (4, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        rotation=-90,
        va="center",
        **sheet.type_of(bold=True),
    )
    on.margins(x=0.02, y=0.12)
    return told


def _words(regression: PiecewiseRegression | None) -> str:
    if regression is None:
        return "mean of the phase"
    return "level" if regression.terms is Terms.LEVELS else "level and trend"


def _name_phases(on: Axes, series: PhasedSeries) -> None:
    """The label of each phase over its middle."""
    for run in series.stretches:
        first, last = series.sessions[run.start], series.sessions[run.stop - 1]
        on.annotate(
            run.label,
            ((first + last) / 2, 1),
            (0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            **sheet.type_of(bold=True),
        )


def _means(series: PhasedSeries) -> Array:
    """The mean of each stretch, at each of its sessions."""
    means = [np.full(len(run), series.values[run.start : run.stop].mean()) for run in series.stretches]
    return np.concatenate(means)


def _baseline(series: PhasedSeries, regression: PiecewiseRegression) -> Array:
    """Intercept and trend of the baseline at every session."""
    first = 0.0 if regression.coding is TimeCoding.FROM_ZERO else 1.0
    time = series.sessions - series.sessions[0] + first
    of = dict(zip(regression.names, regression.coefficients, strict=True))
    return np.asarray(of["intercept"] + of.get("trend", 0.0) * time)


def _changes(series: PhasedSeries) -> list[float]:
    """Halfway between the last session of one phase and the first of the next."""
    return [float(series.sessions[run.start - 1 : run.start + 1].mean()) for run in series.stretches[1:]]


def _step(figure: Figure, above: Axes, below: Axes, one: float, other: float) -> None:
    """Join the first change of a case with that of the case below it."""
    over, under = above.get_xaxis_transform(), below.get_xaxis_transform()
    for start, end, come_from in (
        ((one, 0.0), (one, _STEP), over),
        ((one, _STEP), (other, _STEP), under),
        ((other, _STEP), (other, 1.0), under),
    ):
        line = ConnectionPatch(start, end, come_from, under, color=sheet.SOFT, linewidth=sheet.THIN)
        line.set_linestyle((0, (4, 3)))
        line.set_in_layout(False)
        figure.add_artist(line)
