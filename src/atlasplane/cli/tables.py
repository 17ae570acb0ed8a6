"""Measured cases and comparisons as terminal tables; the digits are the report's."""

from __future__ import annotations

from rich.console import Console

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.cli.terminal import console, print_findings, table
from atlasplane.report.change_rows import changes_view
from atlasplane.report.quantity_rows import quantity_row
from atlasplane.report.visit_view import visit_view

SIMULATED = "[bold magenta]SIMULATED[/] data: not a patient's films."


def print_measured(measured: MeasuredCase, wanted: tuple[str, ...]) -> None:
    """Tables of a measured case; with `wanted`, only these quantities."""
    out = console()
    if measured.case.simulated:
        out.print(SIMULATED)
    print_findings(out, measured.findings)
    for visit in measured.visits:
        _print_visit(out, visit, wanted)


def print_comparison(comparison: Comparison, *, simulated: bool) -> None:
    """Change table of two visits."""
    out = console()
    if simulated:
        out.print(SIMULATED)
    view = changes_view(comparison)
    columns = [
        ("quantity", "left"),
        ("pre", "right"),
        ("post", "right"),
        ("change", "right"),
        ("MDC", "right"),
        ("distinguishable", "left"),
        ("meaningful", "left"),
        ("reduction", "right"),
    ]
    rows = [
        [f"{r.name} {r.site}".strip(), r.pre, r.post, r.change, r.mdc, r.distinguishable, r.meaningful, r.reduction]
        for r in view.rows
    ]
    out.print(table(view.title, columns, rows))
    out.print(view.note, soft_wrap=True)


def _print_visit(out: Console, visit: MeasuredVisit, wanted: tuple[str, ...]) -> None:
    columns = [
        ("quantity", "left"),
        ("value", "right"),
        ("± (95 %)", "right"),
        ("u", "right"),
        ("side", "left"),
        ("MDC95", "right"),
        ("tag", "left"),
    ]
    view = visit_view(visit)
    shown = [quantity_row(o) for o in visit.joint.observations if not wanted or o.quantity.id in wanted]
    rows = [[f"{r.name} {r.site}".strip(), r.value, r.expanded, r.u, r.side, r.mdc, r.tag] for r in shown]
    out.print(table(view.title, columns, rows))
    if view.listing is not None:
        out.print(f"Listing  [bold]{view.listing.text}[/]   {view.listing.canonical}", soft_wrap=True)
        out.print(f"         {'; '.join(view.listing.words)}", soft_wrap=True)
    for gate in view.gates:
        out.print(f"Gate     {gate.name}: {gate.state} ({gate.reason})", soft_wrap=True)
    if view.vector is None:
        out.print(f"Vector   {view.no_vector}", soft_wrap=True)
    else:
        out.print(f"Vector   {view.vector.headline}: {'; '.join(view.vector.words)} ({view.vector.tag})", soft_wrap=True)
    out.print()
