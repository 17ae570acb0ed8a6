"""Changes between two visits as lines of a table."""

from __future__ import annotations

from collections.abc import Sequence

from atlasplane.chain.comparison import Comparison
from atlasplane.core.change import Change
from atlasplane.core.observation import Pose
from atlasplane.report.change_plot import PLOT_WIDTH, PlotRow, change_plot, plot_height
from atlasplane.report.numbers import NO_ERROR, NOTHING, change_decimals, fixed, mdc_text, percent, with_unit
from atlasplane.report.quantity_rows import pose_angles, repeats, site_text, value_text
from atlasplane.report.sections import Section, sectioned
from atlasplane.report.view import ChangeGroup, ChangeRow, ChangesView
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import CHANGE_NOTE, QUALITY_WORDS, prose

_KINDS = {True: "beyond", False: "within", None: "unknown"}
_SHARED = "shared terms: "
"""How a derived correlation names its source (core.joint)."""
_YES_NO = {True: "yes", False: "no", None: "not known"}


def changes_view(comparison: Comparison) -> ChangesView:
    """Table and plot of a comparison."""
    parts = sectioned(comparison.changes, lambda change: change.pre)
    groups = tuple(ChangeGroup(name=section.name, rows=_rows(changes)) for section, changes in parts)
    plotted, left_out = _plotted(parts, groups)
    beyond = sum(row.kind == "beyond" for row in plotted)
    return ChangesView(
        title=f"{visit_name(comparison.pre)}, against {visit_name(comparison.post).lower()}",
        groups=groups,
        note=f"{CHANGE_NOTE} {_chance_note(comparison)}".strip(),
        plot_note=_plot_note(left_out),
        plot_svg=change_plot(plotted) if plotted else "",
        plot_alt=(
            f"Changes of {len(plotted)} quantities against their minimal detectable change; "
            f"{beyond} lie beyond it. The table gives the same numbers."
        ),
        plot_width=PLOT_WIDTH,
        plot_height=plot_height(len(plotted)),
        footnotes=_footnotes(comparison),
    )


def _rows(changes: Sequence[Change]) -> tuple[ChangeRow, ...]:
    again = repeats([change.pre for change in changes])
    return tuple(_row(change, continues=k) for change, k in zip(changes, again, strict=True))


def _plotted(
    parts: Sequence[tuple[Section, list[Change]]], groups: Sequence[ChangeGroup]
) -> tuple[list[PlotRow], int]:
    """Rows of the plot, and how many compared changes it leaves out."""
    shown, left_out = [], 0
    for (section, changes), group in zip(parts, groups, strict=True):
        for change, row in zip(changes, group.rows, strict=True):
            mdc = change.mdc
            if mdc is None or change.value is None or not mdc.value > 0:
                continue
            if not section.plot and row.kind != "beyond":
                left_out += 1
                continue
            ratio = change.value / mdc.value
            shown.append(PlotRow(name=_name(row), change=row.change, mdc=row.mdc, ratio=ratio, kind=row.kind))
    return shown, left_out


def _chance_note(comparison: Comparison) -> str:
    """How many of so many changes, judged one by one, chance alone puts beyond their limit."""
    judged = [change for change in comparison.changes if change.distinguishable is not None]
    expected = round(len(judged) * (1 - comparison.level))
    if expected < 1:
        return ""
    beyond = sum(change.distinguishable is True for change in judged)
    return (
        f"{len(judged)} changes are judged one by one: where nothing changed at all, about {expected} of "
        "them would lie beyond their minimal detectable change by chance, and those that share marks go "
        f"together. Here {beyond} do."
    )


def _plot_note(left_out: int) -> str:
    if not left_out:
        return ""
    others = "1 other change that lies" if left_out == 1 else f"{left_out} other changes that lie"
    return f"The plot leaves out {others} within the minimal detectable change; the table has all of them."


def _name(row: ChangeRow) -> str:
    return f"{row.name}, {row.site}" if row.site else row.name


def _row(change: Change, *, continues: bool) -> ChangeRow:
    entry = change.pre.quantity
    digits = change_decimals(change)
    signed = not isinstance(change.pre, Pose)
    amount = (
        NOTHING if change.value is None else with_unit(fixed(change.value, digits, plus=signed), entry.unit)
    )
    return ChangeRow(
        name=entry.name,
        site=site_text(change.pre),
        continues=continues,
        pre=value_text(change.pre),
        post=value_text(change.post),
        change=amount,
        mdc=mdc_text(change.mdc, digits, entry.unit) or _without_mdc(change),
        kind=_KINDS[change.distinguishable],
        distinguishable=_distinguishable(change),
        meaningful=_YES_NO[change.meaningful],
        sustained=_YES_NO[change.sustained],
        reduction=NOTHING if change.percent_reduction is None else percent(change.percent_reduction / 100),
        correlation=NOTHING if change.correlation is None else fixed(change.correlation, 2),
        angles=_angles(change),
    )


def _without_mdc(change: Change) -> str:
    """Counts are judged by their intervals; of the rest the error is not known, or larger than it says."""
    if change.withheld:
        return f"not compared: {', '.join(QUALITY_WORDS[flag] for flag in change.withheld)}"
    return NO_ERROR if change.distinguishable is None else NOTHING


def _angles(change: Change) -> tuple[tuple[str, str, str], ...]:
    """Angles of the two poses; the change is one turn, which has no part in each of them."""
    if not (isinstance(change.pre, Pose) and isinstance(change.post, Pose)):
        return ()
    pairs = zip(pose_angles(change.pre), pose_angles(change.post), strict=True)
    return tuple((pre[0], pre[1], post[1]) for pre, post in pairs)


def _distinguishable(change: Change) -> str:
    if change.distinguishable is None:
        return "not compared"
    return "distinguishable" if change.distinguishable else "not distinguishable"


def _footnotes(comparison: Comparison) -> tuple[str, ...]:
    """What the correlations rest on, in one sentence; one stated by a caller is printed like derived ones."""
    sources = sorted(
        {change.correlation_source for change in comparison.changes if change.correlation_source}
    )
    if not sources:
        return ()
    shared = [source.removeprefix(_SHARED) for source in sources if source.startswith(_SHARED)]
    said = [source for source in sources if not source.startswith(_SHARED)]
    said += [_SHARED + "; ".join(shared)] if shared else []
    return tuple(f"Correlation of the two errors, {prose(source)}." for source in said)
