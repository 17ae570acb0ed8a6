"""What three visits or more say of one quantity: plots of the most important, a table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase
from atlasplane.chain.series import Series, SeriesPoint, beyond_by_chance, series_of
from atlasplane.core.change import LEVEL as CHANGE_LEVEL
from atlasplane.core.observation import Measurement, Observation
from atlasplane.plan.listing import LATERAL_FACTORS
from atlasplane.report.numbers import LEVEL, NOTHING, day_text, percent
from atlasplane.report.quantity_rows import quantity_row, repeats, site_text
from atlasplane.report.sections import sectioned
from atlasplane.report.series_plot import PlotPoint, series_plot
from atlasplane.report.view import (
    SeriesBlock,
    SeriesCell,
    SeriesGroup,
    SeriesPlotView,
    SeriesRow,
    SeriesView,
)
from atlasplane.report.wording import BEYOND_MARK, SERIES_NOTE, SERIES_PLOT_NOTE, SERIES_TITLE
from atlasplane.sources.case import Visit

ALWAYS_PLOTTED = (*LATERAL_FACTORS, "leg_length_difference")
"""The parts of the listing, and the leg check."""
BLOCK = 6
"""Visits that stand side by side."""
_EMPTY = SeriesCell(value=NOTHING, expanded="", mark="")


def series_view(measured: MeasuredCase, comparison: Comparison | None = None) -> SeriesView | None:
    """Plots and table of the case's series; None where no quantity has three visits."""
    found = series_of(measured) if comparison is None else comparison.series
    if not found:
        return None
    level = CHANGE_LEVEL if comparison is None else comparison.level
    ids = {point.visit for series in found for point in series.points}
    visits = [visit.visit for visit in measured.visits if visit.visit.id in ids]
    parts = sectioned(found, _first)
    by_id = {visit.id: visit for visit in visits}
    blocks = [visits[k : k + BLOCK] for k in range(0, len(visits), BLOCK)]
    return SeriesView(
        title=SERIES_TITLE,
        note=f"{SERIES_NOTE} {_chance_note(found, level)}".strip(),
        plot_note=SERIES_PLOT_NOTE,
        plots=tuple(_plot(series, by_id) for _, group in parts for series in group if _is_plotted(series)),
        blocks=tuple(
            SeriesBlock(
                title=_block_title(k * BLOCK, block, len(visits)),
                columns=tuple((f"Visit {visit.id}", day_text(visit.time)) for visit in block),
                groups=tuple(
                    SeriesGroup(name=section.name, rows=rows)
                    for section, group in parts
                    if (rows := _rows(group, block))
                ),
            )
            for k, block in enumerate(blocks)
        ),
    )


def _first(series: Series) -> Observation:
    return series.points[0].observation


def _title(series: Series) -> str:
    first = _first(series)
    site = site_text(first)
    return f"{first.quantity.name}, {site}" if site else first.quantity.name


def _chance_note(found: Sequence[Series], level: float) -> str:
    judged, beyond = sum(len(s.judged) for s in found), sum(s.beyond for s in found)
    expected = beyond_by_chance(judged, level=level)
    if expected < 1:
        return ""
    return (
        f"{judged} changes are judged: where nothing changed at all, about {expected} of them would lie "
        "beyond by chance, and those of one quantity go together, because they share its first visit. "
        f"Here {beyond} do."
    )


# ---- plots ----


def _is_plotted(series: Series) -> bool:
    """Whether it is chosen and can be drawn: measurements with at least one minimal detectable change."""
    wanted = series.beyond > 0 or _first(series).quantity.id in ALWAYS_PLOTTED
    values = all(isinstance(point.observation, Measurement) for point in series.points)
    return wanted and values and any(point.change and point.change.mdc for point in series.points)


def _plot(series: Series, visits: Mapping[str, Visit]) -> SeriesPlotView:
    points = [_plot_point(point, visits[point.visit]) for point in series.points]
    beyond = [point.visit for point in series.points if _is_beyond(point)]
    where = f"Distinguishable from the first visit: {', '.join(beyond)}." if beyond else ""
    said = where or "No visit is distinguishable from the first."
    days = f"{day_text(points[0].time)} to {day_text(points[-1].time)}"
    one_by_one = f"Each change judged one by one at {percent(LEVEL)}."
    return SeriesPlotView(
        title=_title(series),
        svg=series_plot(points, unit=_first(series).quantity.unit),
        alt=f"{_title(series)} at {len(points)} visits, {days}. {said} The table gives the same numbers.",
        caption=f"+ {_first(series).quantity.positive}. {one_by_one} {said}",
    )


def _plot_point(point: SeriesPoint, visit: Visit) -> PlotPoint:
    observed = point.observation
    assert isinstance(observed, Measurement)  # only such series are drawn
    interval, mdc = observed.interval(LEVEL), point.change and point.change.mdc
    return PlotPoint(
        time=visit.time,
        value=observed.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        mdc=mdc.value if mdc else None,
        beyond=_is_beyond(point),
    )


def _is_beyond(point: SeriesPoint) -> bool:
    return point.change is not None and point.change.distinguishable is True


# ---- table ----


def _block_title(before: int, block: Sequence[Visit], of: int) -> str:
    if len(block) == of:
        return f"All {of} visits"
    last = before + len(block)
    return f"Visit {last} of {of}" if len(block) == 1 else f"Visits {before + 1} to {last} of {of}"


def _rows(group: Sequence[Series], block: Sequence[Visit]) -> tuple[SeriesRow, ...]:
    """Rows of the series that have a value in the block."""
    ids = {visit.id for visit in block}
    own = [series for series in group if any(point.visit in ids for point in series.points)]
    again = repeats([_first(series) for series in own])
    return tuple(_row(series, block, continues=k) for series, k in zip(own, again, strict=True))


def _row(series: Series, block: Sequence[Visit], *, continues: bool) -> SeriesRow:
    cells = {point.visit: _cell(point) for point in series.points}
    return SeriesRow(
        name=_first(series).quantity.name,
        site=site_text(_first(series)),
        continues=continues,
        cells=tuple(cells.get(visit.id, _EMPTY) for visit in block),
    )


def _cell(point: SeriesPoint) -> SeriesCell:
    shown = quantity_row(point.observation)
    return SeriesCell(
        value=shown.value,
        expanded=shown.expanded or shown.u,
        mark=BEYOND_MARK if _is_beyond(point) else "",
    )
