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
from atlasplane.report.view import ChangeRow, QuantityRow, VisitView
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
    _print_sections(
        out,
        [Column("quantity", least=12), *numbers, *words],
        [(group.name, [_change_cells(row, wide=wide) for row in group.rows]) for group in view.groups],
    )
    out.print(view.note)
    if not wide:
        out.print(NARROW_CHANGES)


def _change_cells(row: ChangeRow, *, wide: bool) -> list[str]:
    said = _words(row) if wide else (_verdict(row),)
    mdc_text = row.mdc if row.mdc[:1].isdigit() else NOTHING
    return [_name(row), row.pre, row.post, row.change, mdc_text, *said]


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
    if widths[0] + rest > out.width:  # words have to break, and where is the table's own matter
        aligned = list(columns)
    for name, rows in parts:
        shown = table(name, aligned)
        for row in rows:
            shown.add_row(*cells(row))
        out.print()
        out.print(shown)


def _words(row: ChangeRow) -> tuple[str, str, str]:
    if row.kind == "unknown":
        return row.mdc if not row.mdc[:1].isdigit() else row.distinguishable, row.meaningful, row.sustained
    return {"beyond": "yes", "within": "no"}[row.kind], row.meaningful, row.sustained


def _verdict(row: ChangeRow) -> str:
    first = row.distinguishable if row.mdc[:1].isdigit() else row.mdc
    more = {"meaningful": row.meaningful, "sustained": row.sustained}
    return ", ".join([first, *(word for word, held in more.items() if held == "yes")])


def _name(row: ChangeRow | QuantityRow) -> str:
    """Quantity with its site; a line that goes on from the one above has the site alone."""
    if row.continues:
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
        rows = [(group.name, [_cells(row, wide=wide) for row in group.rows]) for group in groups]
        _print_sections(out, columns, rows)
        if not wide:
            out.print(NARROW_NOTE, style="dim")
    else:
        out.print(view.title, style="bold", markup=False)
        out.print(view.empty or "The quantities that were asked for are not measured in this visit.")
    if not wanted:
        print_labelled(out, _plan_lines(view))


def _cells(row: QuantityRow, *, wide: bool) -> list[str]:
    known = bool(row.expanded)
    found = [_name(row), row.value, row.expanded if known else row.u]
    found += [row.u if known else NOTHING] if wide else []
    found += [row.side, row.mdc]
    return [*found, row.tag] if wide else found


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
