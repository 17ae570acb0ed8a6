"""Burden and counts over several recordings: as a table with the changes, and as a plot of intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from atlasplane.chain.comparison import Comparison
from atlasplane.core.change import Change
from atlasplane.pathways.spasm.result import ChannelSpasms, Estimate, SpasmAnalysis
from atlasplane.report.bones_view import BonesCell, BonesRow, BonesTable
from atlasplane.report.numbers import NOTHING, change_decimals, fixed, mdc_text, with_unit
from atlasplane.report.palette import BLACK_INK, GRID
from atlasplane.report.spasm_numbers import (
    burden_cell,
    by_muscle,
    channel_name,
    count_cell,
    estimate_interval,
    estimate_text,
)
from atlasplane.report.spasm_svg import STAMP_INK, letters, opened, path
from atlasplane.report.wording import QUALITY_WORDS

Named = Sequence[tuple[SpasmAnalysis, str]]
"""Recordings and what each is called."""
CHANGE_NOTE = (
    "A change of the burden is distinguishable beyond the minimal detectable change (MDC95) of this very "
    "pair, one of counts where the two intervals do not meet."
)
_MISSING = BonesCell(value=NOTHING, sub="", kind="missing")
_WIDTH = 640.0
_LEFT, _RIGHT, _SAID = 164.0, 452.0, 468.0
_HEAD, _NAME, _LINE, _GAP, _FOOT = 4.0, 22.0, 22.0, 10.0, 46.0
_NICE = (0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0)


def recordings_table(recordings: Named, comparison: Comparison | None = None) -> BonesTable | None:
    """Burden and counts of each muscle and side over the recordings; None where there is only one.

    Parameters
    ----------
    recordings : sequence of (SpasmAnalysis, name)
    comparison : Comparison, optional
        Its changes get a column of their own.
    """
    if len(recordings) < 2:
        return None
    rows = []
    for name, own in _channels(recordings).items():
        for quantity, measure, cell in (
            ("spasm_burden", "burden", burden_cell),
            ("spasm_rate", "spasms", count_cell),
        ):
            cells = _cells(own, cell)
            if comparison is not None:
                cells = (*cells, _change_cell(_change(comparison, quantity, own)))
            rows.append(BonesRow(name=name, sub=measure, cells=cells))
    changes = () if comparison is None else (_heading(comparison),)
    return BonesTable(
        title="Over the recordings",
        columns=(*(name for _, name in recordings), *changes),
        rows=tuple(rows),
        notes=(CHANGE_NOTE,) if changes else (),
        rows_are="Muscle",
    )


def _channels(recordings: Named) -> dict[str, list[ChannelSpasms | None]]:
    """The channel of each recording by its name, the left of a muscle first."""
    names = dict.fromkeys(
        channel_name(c) for analysis, _ in recordings for g in by_muscle(analysis.channels) for c in g
    )
    return {
        name: [next((c for c in a.channels if channel_name(c) == name), None) for a, _ in recordings]
        for name in names
    }


def _cells(
    own: Sequence[ChannelSpasms | None], cell: Callable[[ChannelSpasms], BonesCell]
) -> tuple[BonesCell, ...]:
    return tuple(_MISSING if channel is None else cell(channel) for channel in own)


# ---- changes ----


def _heading(comparison: Comparison) -> str:
    return f"Change, {comparison.pre.visit.id} to {comparison.post.visit.id}"


def _change(comparison: Comparison, quantity: str, own: Sequence[ChannelSpasms | None]) -> Change | None:
    known = next(
        (channel for channel in own if channel is not None and channel.muscle and channel.side), None
    )
    return None if known is None else comparison.change(f"{quantity}/{known.muscle}/{known.side}")


def _change_cell(change: Change | None) -> BonesCell:
    if change is None or change.value is None:
        return _MISSING
    unit, digits = change.pre.quantity.unit, change_decimals(change)
    verdict = {True: "distinguishable", False: "not distinguishable", None: "not compared"}
    limit = mdc_text(change.mdc, digits, unit)
    why = "".join(f": {QUALITY_WORDS[flag]}" for flag in change.withheld)
    return BonesCell(
        value=with_unit(fixed(change.value, digits, plus=True), unit),
        sub=f"{f'MDC95 {limit}; ' if limit else ''}{verdict[change.distinguishable]}{why}",
        kind="beyond" if change.distinguishable else "",
    )


# ---- plot ----


@dataclass(frozen=True, slots=True)
class _Line:
    """One interval."""

    group: str
    name: str
    k: int
    burden: Estimate

    @property
    def high(self) -> float:
        interval = self.burden.interval
        return self.burden.value if interval is None or interval.high is None else interval.high


def series_plot(recordings: Named, title: str, *, stamp: str = "") -> str:
    """Burden of each muscle and side, a line with its interval for each recording, as SVG.

    Parameters
    ----------
    stamp : str
        Stands in the drawing itself, which may be copied out of its page.
    """
    groups = _lines(recordings)
    height = _HEAD + sum(_NAME + _LINE * len(group) + _GAP for group in groups) + _FOOT
    foot = height - _FOOT
    most = max((line.high for group in groups for line in group), default=1.0)
    high = next((nice for nice in _NICE if most <= nice), 100.0)
    parts = [opened(height, title, width=_WIDTH), *_scale(high, foot)]
    y = _HEAD
    for group in groups:
        parts.append(letters((0, y + 16), group[0].group, colour=BLACK_INK, size=14, bold=True))
        y += _NAME
        for line in group:
            parts += _interval(line, y + _LINE / 2, high)
            y += _LINE
        y += _GAP
    parts.append(letters((_RIGHT, height - 5), "burden: share of the time in spasm", anchor="end", size=13))
    if stamp:
        parts.append(letters((0, height - 5), stamp, colour=STAMP_INK, size=13, bold=True))
    return "".join([*parts, "</svg>"])


def _lines(recordings: Named) -> list[list[_Line]]:
    return [
        [
            _Line(name, recordings[k][1], k, channel.burden_percent)
            for k, channel in enumerate(own)
            if channel is not None
        ]
        for name, own in _channels(recordings).items()
    ]


def _x(percent: float, high: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(percent / high, 1.0)


def _scale(high: float, foot: float) -> Iterator[str]:
    for k in range(5):
        level = high * k / 4
        x = _x(level, high)
        yield path(f"M{x:.1f} {_HEAD}V{foot:.1f}", GRID, 1)
        digits = next(d for d in range(4) if round(high / 4, d) == high / 4)
        yield letters((x, foot + 18), with_unit(fixed(level, digits), "%"), anchor="middle", size=13)


def _interval(line: _Line, y: float, high: float) -> Iterator[str]:
    """Name, interval with its ends, value as a disc (open for the first recording), and both in digits."""
    burden, within = line.burden, line.burden.interval
    yield letters((_LEFT - 16, y + 5), line.name, anchor="end", size=13)
    if within is not None and within.low is not None and within.high is not None:
        low, end = _x(within.low, high), _x(within.high, high)
        ends = "".join(f"M{x:.1f} {y - 5:.1f}v10" for x in (low, end))
        yield path(f"M{low:.1f} {y:.1f}H{end:.1f}{ends}", BLACK_INK, 1.6)
    fill = "#ffffff" if line.k == 0 else BLACK_INK
    yield (
        f'<circle cx="{_x(burden.value, high):.1f}" cy="{y:.1f}" r="5.5" fill="{fill}" '
        f'stroke="{BLACK_INK}" stroke-width="2"/>'
    )
    text = estimate_text(burden, "%")
    said = f"{text} ({estimate_interval(burden, '%')})"
    yield letters((_SAID, y + 5), said, colour=BLACK_INK, size=13)
