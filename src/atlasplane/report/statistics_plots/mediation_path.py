"""Path diagram of a mediation: the estimate on each path, and the indirect effect with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from atlasplane.report.numbers import fixed, percent
from atlasplane.report.statistics_plots import sheet
from atlasplane.stats.mediation.product import LinearMediation

_WIDTH_MM, _DIAGRAM_MM, _AXIS_MM, _ROW_MM, _NOTE_MM = 120.0, 48.0, 8.5, 5.0, 3.3
_BOX_MM = (32.0, 10.0)
_EDGE_MM, _GAP_MM, _NUMBERS_MM = 3.0, 4.0, 34.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownIndirect:
    """One indirect effect beneath the diagram.

    Attributes
    ----------
    name : str
        E.g. "corrected for the mediator's error".
    value, low, high : float
    """

    name: str
    value: float
    low: float
    high: float


def mediation_path_plot(
    found: LinearMediation,
    *,
    names: tuple[str, str, str],
    decimals: int,
    besides: Sequence[ShownIndirect] = (),
) -> Figure:
    """The three paths with their standard errors; beneath, the indirect effect with its interval.

    Parameters
    ----------
    found : LinearMediation
    names : tuple of str
        Treatment, mediator, outcome.
    decimals : int
    besides : sequence of ShownIndirect
        The same effect by other means: corrected for measurement error, with covariates, as a sensitivity.
    """
    indirect = found.indirect
    first = ShownIndirect(
        name=f"indirect, a × b ({indirect.method})",
        value=indirect.value,
        low=indirect.low,
        high=indirect.high,
    )
    rows = [first, *besides]
    told = [*_words(found, decimals), *map(sheet.sentence, indirect.why)]
    foot = _AXIS_MM + _NOTE_MM * len(told)
    height = _DIAGRAM_MM + _ROW_MM * len(rows) + 4 + foot
    figure = sheet.figure(_WIDTH_MM, height, placed=True)
    page = sheet.page(figure)
    _diagram(page, found, names, decimals, height)
    at = [foot + _ROW_MM * (len(rows) - k - 0.5) + 1 for k in range(len(rows))]
    _indirect(figure, page, rows, at, foot, decimals)
    for k, words in enumerate(reversed(told)):
        page.text(_EDGE_MM, 2.6 + _NOTE_MM * k, words, va="center", **sheet.type_of(sheet.SMALL, sheet.SOFT))
    return figure


def _diagram(
    page: Axes, found: LinearMediation, names: tuple[str, str, str], decimals: int, height: float
) -> None:
    low, high = height - _DIAGRAM_MM + 12, height - 8
    middle = _WIDTH_MM / 2
    left, right = _EDGE_MM + _BOX_MM[0] / 2 + 1, _WIDTH_MM - _EDGE_MM - _BOX_MM[0] / 2 - 1
    places = ((left, low), (middle, high), (right, low))
    for (x, y), words in zip(places, names, strict=True):
        _box(page, x, y, words)
    half, rise = _BOX_MM[0] / 2, _BOX_MM[1] / 2
    effect = found.indirect
    paths = (
        ((left, low + rise), (middle - half, high), "a", effect.a, effect.se_a, (-1, "right")),
        ((middle + half, high), (right, low + rise), "b", effect.b, effect.se_b, (1, "left")),
        ((left + half, low), (right - half, low), "c′", found.direct, found.se_direct, (0, "center")),
    )
    for start, end, name, value, se, (side, align) in paths:
        page.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=8,
                color=sheet.INK,
                linewidth=sheet.LINE,
                shrinkA=2,
            )
        )
        x, y = (start[0] + end[0]) / 2 + 4 * side, (start[1] + end[1]) / 2
        text = f"{name} = {fixed(value, decimals)}"
        told = f"SE {fixed(se, decimals)}"
        if side:
            page.text(x, y + 4.2, text, ha=align, va="center", **sheet.type_of(bold=True))
            page.text(x, y + 0.8, told, ha=align, va="center", **sheet.type_of(sheet.SMALL, sheet.SOFT))
        else:
            page.text(x, y + 2.4, text, ha=align, va="center", **sheet.type_of(bold=True))
            page.text(x, y - 2.4, told, ha=align, va="center", **sheet.type_of(sheet.SMALL, sheet.SOFT))


def _box(page: Axes, x: float, y: float, words: str) -> None:
    width, height = _BOX_MM
    page.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=1.5",
            facecolor="white",
            edgecolor=sheet.FIRST,
            linewidth=sheet.LINE,
        )
    )
    page.text(x, y, words, ha="center", va="center", **sheet.type_of(bold=True))


def _indirect(
    figure: Figure, page: Axes, rows: Sequence[ShownIndirect], at: Sequence[float], foot: float, decimals: int
) -> None:
    """Intervals of the indirect effect, with names on the left and numbers on the right."""
    put = [
        page.text(_EDGE_MM, y, row.name, va="center", **sheet.type_of(bold=k == 0))
        for k, (row, y) in enumerate(zip(rows, at, strict=True))
    ]
    left = _EDGE_MM + max(sheet.width_mm(text) for text in put) + _GAP_MM
    right = _WIDTH_MM - _EDGE_MM - _NUMBERS_MM
    plot = sheet.window(figure, min(left, right - 25), right, foot, at[0] + _ROW_MM)
    plot.set_ylim(foot, at[0] + _ROW_MM)
    sheet.bare(plot, "left")
    plot.axvline(0.0, color=sheet.SOFT, linewidth=sheet.THIN, zorder=1)
    for row, y in zip(rows, at, strict=True):
        colour = sheet.FIRST if row is rows[0] else sheet.SECOND
        plot.plot([row.low, row.high], [y, y], color=colour, linewidth=1.4 * sheet.LINE, zorder=2)
        plot.plot(row.value, y, "o", markersize=4.5, color=colour, markeredgewidth=0, zorder=3)
        numbers = f"{fixed(row.value, decimals)} [{fixed(row.low, decimals)}, {fixed(row.high, decimals)}]"
        page.text(
            _WIDTH_MM - _EDGE_MM, y, numbers, ha="right", va="center", **sheet.type_of(bold=row is rows[0])
        )
    plot.margins(x=0.08)


def _words(found: LinearMediation, decimals: int) -> list[str]:
    """What the picture does not show by itself."""
    total, level = fixed(found.total, decimals), percent(found.indirect.level)
    return [
        f"n = {found.n_persons}. Total effect {total}. Brackets: {level} intervals.",
        "Causal only without unmeasured confounding of mediator and outcome.",
    ]
