"""Measured cases and comparisons as terminal tables; the digits are the report's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.cli.terminal import Column, cells, console, print_findings, print_labelled, table
from atlasplane.core.finding import Finding
from atlasplane.report.change_rows import changes_view
from atlasplane.report.numbers import NOTHING
from atlasplane.report.quantity_rows import quantity_groups
from atlasplane.report.view import ChangeRow, QuantityGroup, QuantityRow, VisitView
from atlasplane.report.visit_view import visit_view

SIMULATED = "[bold magenta]SIMULATED[/] data: not a patient's films."
WIDE = 108
"""From this many columns on a table shows everything; below it the columns that matter most."""
_BETWEEN = 2
"""Blanks between two columns."""
NARROW_NOTE = "u and evidence tag: in a wider window, in the report or with --json."
NARROW_CHANGES = "The verdict lists the words that hold; all three stand in a wider window, and with --json."


def print_measured(measured: MeasuredCase, wanted: tuple[str, ...]) -> None:
    """Tables of a measured case; with `wanted`, only these quantities."""
    out = console()
    if measured.case.simulated:
        out.print(SIMULATED)
    print_findings(out, measured.findings)
    if not measured.visits:
        out.print("The case has no visits yet: add a film with 'atlasplane add'.")
    for visit in measured.visits:
        out.print()
        _print_visit(out, visit, wanted)


def print_comparison(comparison: Comparison, findings: tuple[Finding, ...], *, simulated: bool) -> None:
    """Change tables of two visits, section by section."""
    out = console()
    if simulated:
        out.print(SIMULATED)
    print_findings(out, findings)
    view = changes_view(comparison)
    wide = out.width >= WIDE
    heads = ["distinguishable", "meaningful", "sustained"] if wide else ["verdict"]
    mdc = f"MDC{100 * comparison.level:g}"
    numbers = [Column(head, "right") for head in ("pre", "post", "change", mdc)]
    words = [Column(head, least=len("distinguishable")) for head in heads[:1]] + list(map(Column, heads[1:]))
    out.print()
    out.print(view.title, style="bold", markup=False)
    columns = [Column("quantity", least=12), *numbers, *words]
    rows = [
        (group.name, [line for row in group.rows for line in _change_lines(row, wide=wide)])
        for group in view.groups
    ]
    _print_sections(out, columns, rows)
    out.print(view.note)
    if not wide:
        out.print(NARROW_CHANGES)


def _change_lines(row: ChangeRow, *, wide: bool) -> list[list[str]]:
    """Cells of one change; of a pose the turn, then its angles line by line, which fits any window."""
    said = _words(row) if wide else (_verdict(row),)
    mdc_text = row.mdc if row.mdc[:1].isdigit() else NOTHING
    values = ("", "") if row.angles else (row.pre, row.post)
    angles = [[f"  {name}", pre, post, "", "", *("" for _ in said)] for name, pre, post in row.angles]
    return [[_name(row), *values, row.change, mdc_text, *said], *angles]


def _print_sections(
    out: Console, columns: Sequence[Column], parts: Sequence[tuple[str, Sequence[Sequence[str]]]]
) -> None:
    """One table a section; columns of all of them stand under each other."""
    widths = [
        max([len(column.heading), *(len(row[k]) for _, rows in parts for row in rows)])
        for k, column in enumerate(columns)
    ]
    rest = sum(widths[1:]) + _BETWEEN * (len(columns) - 1)
    widths[0] = max(min(widths[0], out.width - rest), columns[0].least or 1)
    aligned = [replace(column, least=width) for column, width in zip(columns, widths, strict=True)]
    narrow = widths[0] + rest > out.width  # words have to break, and each table has its own
    for name, rows in parts:
        shown = table(name, _fitted(columns, rows, out.width) if narrow else aligned)
        for row in rows:
            shown.add_row(*cells(row))
        out.print()
        out.print(shown)


def _fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[Column]:
    """Columns that break texts between words alone, the first one last; as they are where that cannot be."""
    texts = [[column.heading, *(row[k] for row in rows)] for k, column in enumerate(columns)]
    whole = [max(map(len, own)) for own in texts]
    least = [
        wide if column.justify == "right" else max(len(word) for text in own for word in text.split(" "))
        for column, own, wide in zip(columns, texts, whole, strict=True)
    ]
    spare = room - sum(least) - _BETWEEN * (len(columns) - 1)
    if spare < 0:
        return list(columns)
    fitted = []
    for column, low, wide in zip(columns, least, whole, strict=True):
        width = min(low + spare, wide)
        spare -= width - low
        fitted.append(replace(column, least=width, most=width))
    return fitted


def _words(row: ChangeRow) -> tuple[str, str, str]:
    if row.kind == "unknown":
        return row.mdc if not row.mdc[:1].isdigit() else row.distinguishable, row.meaningful, row.sustained
    return {"beyond": "yes", "within": "no"}[row.kind], row.meaningful, row.sustained


def _verdict(row: ChangeRow) -> str:
    first = row.mdc if row.kind == "unknown" and not row.mdc[:1].isdigit() else row.distinguishable
    more = {"meaningful": row.meaningful, "sustained": row.sustained}
    return ", ".join([first, *(word for word, held in more.items() if held == "yes")])


def _name(row: ChangeRow | QuantityRow) -> str:
    """Quantity with its site; a line that goes on from the one above has the site alone."""
    if row.continues and not row.angles:  # the one above a pose is an angle of another
        return f"  {row.site}"
    return f"{row.name}, {row.site}" if row.site else row.name


def _print_visit(out: Console, visit: MeasuredVisit, wanted: tuple[str, ...]) -> None:
    view, wide = visit_view(visit), out.width >= WIDE
    groups = quantity_groups(o for o in visit.joint.observations if not wanted or o.quantity.id in wanted)
    if groups:
        columns = [Column("quantity"), Column("value", "right"), Column("± (95 %)", "right")]
        columns += [Column("u", "right")] if wide else []
        columns += [Column("side"), Column("MDC95", "right")]
        columns += [Column("tag")] if wide else []
        out.print(view.title, style="bold", markup=False)
        rows = [(group.name, _all_lines(group, wide=wide)) for group in groups]
        _print_sections(out, columns, rows)
        if not wide:
            out.print(NARROW_NOTE, style="dim")
    else:
        out.print(view.title, style="bold", markup=False)
        out.print(view.empty or "The quantities that were asked for are not measured in this visit.")
    if not wanted:
        print_labelled(out, _plan_lines(view))


def _all_lines(group: QuantityGroup, *, wide: bool) -> list[list[str]]:
    return [line for row in group.rows for line in _lines(row, wide=wide)]


def _lines(row: QuantityRow, *, wide: bool) -> list[list[str]]:
    """Cells of one quantity; of a pose its name, then its angles line by line, which fits any window."""
    if not row.angles:
        known = bool(row.expanded)
        u = row.u if known else NOTHING
        return [_cells((_name(row), row.value, row.expanded if known else row.u, u), row, wide=wide)]
    head = (_name(row), "", "" if row.expanded else row.u, "")
    parts = [(f"  {name}", *numbers) for name, *numbers in row.angles]
    plain = replace(row, side="", mdc="", tag="")
    return [_cells(head, row, wide=wide), *(_cells(part, plain, wide=wide) for part in parts)]


def _cells(numbers: Sequence[str], row: QuantityRow, *, wide: bool) -> list[str]:
    """Name, value, expanded and standard uncertainty, then side, MDC and tag of the row."""
    shown = [*numbers, row.side, row.mdc, row.tag]
    return shown if wide else [*shown[:3], *shown[4:6]]


def _plan_lines(view: VisitView) -> list[tuple[str, str]]:
    """Listing, gates and vector, each beside its label."""
    lines = []
    if view.listing is not None:
        texts = (view.listing.text, view.listing.canonical, "; ".join(view.listing.words))
        lines += [("[bold]Listing[/]", texts[0]), *(("", text) for text in texts[1:])]
    lines += [("[bold]Gate[/]", f"{gate.name}: {gate.state} ({gate.reason})") for gate in view.gates]
    if view.vector is None:
        return [*lines, ("[bold]Vector[/]", view.no_vector)]
    words = "; ".join(view.vector.words)
    lines.append(("[bold]Vector[/]", f"{view.vector.headline}: {words} ({view.vector.tag})"))
    lines += [("", text) for text in (view.vector.unanswered, view.vector.note) if text]
    return lines
