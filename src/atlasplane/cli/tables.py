"""Measured cases and comparisons as terminal tables; the digits are the report's."""

from __future__ import annotations

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
    """Change table of two visits."""
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
    shown = table(view.title, [Column("quantity", least=12), *numbers, *words])
    for row in view.rows:
        said = _words(row) if wide else (_verdict(row),)
        mdc_text = row.mdc if row.mdc[:1].isdigit() else NOTHING
        shown.add_row(*cells([_name(row), row.pre, row.post, row.change, mdc_text, *said]))
    out.print()
    out.print(shown)
    out.print(view.note)
    if not wide:
        out.print(NARROW_CHANGES)


def _words(row: ChangeRow) -> tuple[str, str, str]:
    if row.kind == "unknown":
        return row.mdc if not row.mdc[:1].isdigit() else row.distinguishable, row.meaningful, row.sustained
    return {"beyond": "yes", "within": "no"}[row.kind], row.meaningful, row.sustained


def _verdict(row: ChangeRow) -> str:
    first = row.distinguishable if row.mdc[:1].isdigit() else row.mdc
    more = {"meaningful": row.meaningful, "sustained": row.sustained}
    return ", ".join([first, *(word for word, held in more.items() if held == "yes")])


def _name(row: ChangeRow | QuantityRow) -> str:
    return f"{row.name}, {row.site}" if row.site else row.name


def _print_visit(out: Console, visit: MeasuredVisit, wanted: tuple[str, ...]) -> None:
    view, wide = visit_view(visit), out.width >= WIDE
    groups = quantity_groups(o for o in visit.joint.observations if not wanted or o.quantity.id in wanted)
    if groups:
        columns = [Column("quantity"), Column("value", "right"), Column("± (95 %)", "right")]
        columns += [Column("u", "right")] if wide else []
        columns += [Column("side"), Column("MDC95", "right")]
        columns += [Column("tag")] if wide else []
        shown = table(view.title, columns)
        for group in groups:
            shown.add_row(f"[bold cyan]{group.name}[/]")
            for row in group.rows:
                shown.add_row(*cells(_cells(row, wide=wide)))
            shown.add_section()
        out.print(shown)
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
