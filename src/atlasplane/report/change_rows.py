"""Changes between two visits as lines of a table."""

from __future__ import annotations

from atlasplane.chain.comparison import Comparison
from atlasplane.core.change import Change
from atlasplane.report.change_plot import PLOT_WIDTH, PlotRow, change_plot, plot_height
from atlasplane.report.numbers import NO_ERROR, NOTHING, change_decimals, fixed, mdc_text, percent, with_unit
from atlasplane.report.quantity_rows import site_text, value_text
from atlasplane.report.view import ChangeRow, ChangesView
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import CHANGE_NOTE, prose

_KINDS = {True: "beyond", False: "within", None: "unknown"}
_YES_NO = {True: "yes", False: "no", None: "not known"}


def changes_view(comparison: Comparison) -> ChangesView:
    """Table and plot of a comparison."""
    rows = tuple(_row(change) for change in comparison.changes)
    plotted = [
        PlotRow(
            name=_name(row), change=row.change, mdc=row.mdc, ratio=change.value / mdc.value, kind=row.kind
        )
        for row, change in zip(rows, comparison.changes, strict=True)
        if (mdc := change.mdc) is not None and change.value is not None and mdc.value > 0
    ]
    beyond = sum(row.kind == "beyond" for row in plotted)
    return ChangesView(
        title=f"{visit_name(comparison.pre)}, against {visit_name(comparison.post).lower()}",
        rows=rows,
        note=CHANGE_NOTE,
        plot_svg=change_plot(plotted) if plotted else "",
        plot_alt=(
            f"Changes of {len(plotted)} quantities against their minimal detectable change; "
            f"{beyond} lie beyond it. The table gives the same numbers."
        ),
        plot_width=PLOT_WIDTH,
        plot_height=plot_height(len(plotted)),
        footnotes=_footnotes(comparison),
    )


def _name(row: ChangeRow) -> str:
    return f"{row.name}, {row.site}" if row.site else row.name


def _row(change: Change) -> ChangeRow:
    entry = change.pre.quantity
    digits = change_decimals(change)
    amount = (
        NOTHING if change.value is None else with_unit(fixed(change.value, digits, plus=True), entry.unit)
    )
    return ChangeRow(
        name=entry.name,
        site=site_text(change.pre),
        pre=value_text(change.pre),
        post=value_text(change.post),
        change=amount,
        mdc=mdc_text(change.mdc, digits, entry.unit) or NO_ERROR,
        kind=_KINDS[change.distinguishable],
        distinguishable=_distinguishable(change),
        meaningful=_YES_NO[change.meaningful],
        sustained=_YES_NO[change.sustained],
        reduction=NOTHING if change.percent_reduction is None else percent(change.percent_reduction / 100),
        correlation=NOTHING if change.correlation is None else fixed(change.correlation, 2),
    )


def _distinguishable(change: Change) -> str:
    if change.distinguishable is None:
        return "not compared"
    return "distinguishable" if change.distinguishable else "not distinguishable"


def _footnotes(comparison: Comparison) -> tuple[str, ...]:
    """What each correlation rests on; one stated by a caller is printed like the derived ones."""
    sources = sorted(
        {change.correlation_source for change in comparison.changes if change.correlation_source}
    )
    return tuple(f"Correlation of the two errors, {prose(source)}." for source in sources)
