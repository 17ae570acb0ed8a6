"""Bland-Altman plot: differences of two readings against their mean, bias and limits with their intervals."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from atlasplane.report.numbers import fixed, percent
from atlasplane.report.statistics_plots import sheet
from atlasplane.stats.checks import Array, same_length, vector
from atlasplane.stats.refusal import OutOfRange, WrongShape
from atlasplane.stats.reliability.bland_altman import LimitsOfAgreement

_WIDTH_MM, _HEIGHT_MM = 105.0, 78.0
_ROOM = 0.12
"""Part of the spread that is left free at each end of the difference axis."""
_ROUNDING = 1e-9
"""Part of the readings by which a bias worked out anew may differ."""


def bland_altman_plot(
    limits: LimitsOfAgreement,
    first: ArrayLike,
    second: ArrayLike,
    *,
    names: tuple[str, str],
    unit: str,
    decimals: int,
) -> Figure:
    """Differences second - first against the mean of both; bands are the intervals of bias and limits.

    Where the result says that bias or spread grow with the size, a line under the plot repeats it: straight
    limits are too narrow at one end then, and too wide at the other.

    Parameters
    ----------
    limits : LimitsOfAgreement
    first, second : array, shape (n_differences,)
        The pairs, or each subject's means: those of which the bias is the mean.
    names : tuple of str
        What `first` and `second` were read with.
    unit : str
        Of the readings; may be empty.
    decimals : int
        Of the numbers beside the lines.

    Raises
    ------
    WrongShape, NotFinite, OutOfRange
        When these are not the readings of the result.
    """
    a, b = _checked(limits, first, second)
    figure = sheet.figure(_WIDTH_MM, _HEIGHT_MM)
    plot = sheet.axes(figure)
    plot.plot(
        (a + b) / 2, b - a, "o", markersize=3.6, color=sheet.INK, alpha=0.75, markeredgewidth=0, zorder=4
    )
    _lines(plot, limits, decimals)
    of = f", {unit}" if unit else ""
    sheet.name_axes(plot, f"Mean of both{of}", f"{names[1]} − {names[0]}{of}")
    seen = np.array([*(b - a), *_seen(limits)])
    room = _ROOM * float(np.ptp(seen))
    plot.set_ylim(seen.min() - room, seen.max() + room)
    sheet.note(figure, _words(limits))
    return figure


def _checked(limits: LimitsOfAgreement, first: ArrayLike, second: ArrayLike) -> tuple[Array, Array]:
    """The readings as arrays, refused where the limits are not theirs."""
    a, b = vector(first, "first"), vector(second, "second")
    same_length(first=a, second=b)
    if len(a) not in (limits.n_differences, limits.n_subjects):
        raise WrongShape(
            f"{len(a)} pairs, but the limits are those of {limits.n_differences}; give the same readings"
        )
    bias = float((b - a).mean())
    if abs(bias - limits.bias) > _ROUNDING * float(max(np.abs(a).max(), np.abs(b).max())):
        raise OutOfRange(
            f"the mean difference of these readings is {bias:g}, but the bias of the limits is "
            f"{limits.bias:g}; give the readings of which it is the mean: all pairs, or each subject's means"
        )
    return a, b


def _seen(limits: LimitsOfAgreement) -> list[float]:
    """Ends of all intervals, and no difference."""
    bands = (limits.bias_interval, limits.low_interval, limits.high_interval)
    return [0.0, limits.low, limits.high, *(end for band in bands if band for end in band)]


def _lines(on: Axes, limits: LimitsOfAgreement, decimals: int) -> None:
    on.axhline(0.0, color=sheet.RULE, linewidth=sheet.THIN, zorder=1)
    factor = f"{limits.factor:g} SD"
    rows = (
        (limits.high, limits.high_interval, f"+{factor}", sheet.SECOND, (0, (5, 3))),
        (limits.bias, limits.bias_interval, "Bias", sheet.FIRST, "-"),
        (limits.low, limits.low_interval, f"−{factor}", sheet.SECOND, (0, (5, 3))),
    )
    for at, band, words, colour, dashes in rows:
        if band:
            on.axhspan(*band, color=colour, alpha=0.13, linewidth=0, zorder=0)
        on.axhline(at, color=colour, linewidth=sheet.LINE, linestyle=dashes, zorder=3)
        told = f"{words} {fixed(at, decimals)}"
        ends = f"[{fixed(band[0], decimals)}, {fixed(band[1], decimals)}]" if band else ""
        for text, side, look in (
            (told, "bottom", sheet.type_of(sheet.SMALL, colour, bold=True)),
            (ends, "top", sheet.type_of(sheet.SMALL, colour)),
        ):
            on.annotate(
                text,
                (1, at),
                (5, 0.5 if side == "bottom" else -0.5),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va=side,
                annotation_clip=False,
                **look,
            )


def _words(limits: LimitsOfAgreement) -> str:
    """What the plot does not show by itself."""
    told = [f"n = {limits.n_subjects}. Bands: {percent(limits.level)} intervals ({limits.interval.value})."]
    for slope, words in (
        (limits.proportional_bias, "Bias changes with the size"),
        (limits.heteroscedasticity, "Spread changes with the size"),
    ):
        if slope.low is not None and slope.high is not None and not slope.low <= 0 <= slope.high:
            told.append(f"{words}: limits are not straight.")
    told += map(sheet.sentence, limits.why)
    return "\n".join(told)
