"""The whole view-model from a measured case and, where there is one, a comparison."""

from __future__ import annotations

from collections.abc import Iterable

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.core.finding import Finding, Severity
from atlasplane.report.bones_section import bones_view
from atlasplane.report.change_rows import changes_view
from atlasplane.report.film_view import film_groups
from atlasplane.report.numbers import day_text
from atlasplane.report.patient_page import patient_page
from atlasplane.report.provenance_view import provenance_view
from atlasplane.report.registration_section import registration_view
from atlasplane.report.series_view import series_view
from atlasplane.report.spasm_view import SpasmView
from atlasplane.report.view import FindingView, ReportView
from atlasplane.report.visit_view import visit_view
from atlasplane.report.wording import (
    DISCLAIMER,
    EXPANDED_NOTE,
    FILM_NOTE,
    PATIENT_TITLE,
    SEVERITIES,
    SEVERITY_ORDER,
    SIMULATED,
    prose,
    sentence,
)


def report_view(measured: MeasuredCase, comparison: Comparison | None = None) -> ReportView:
    """Everything that the report shows.

    Parameters
    ----------
    measured : MeasuredCase
    comparison : Comparison, optional
        Its two visits are shown; without one every visit of the case is.
    """
    case = measured.case
    visits = measured.visits if comparison is None else (comparison.pre, comparison.post)
    return ReportView(
        title=f"Atlas alignment report, {case.pseudonym}",
        subtitle=_subtitle(visits),
        case_facts=_case_facts(measured, visits),
        simulated=SIMULATED if case.simulated else "",
        disclaimer=DISCLAIMER,
        findings=_findings(measured.findings),
        visits=tuple(visit_view(visit, sex=case.sex) for visit in visits),
        table_note=EXPANDED_NOTE,
        changes=None if comparison is None else changes_view(comparison),
        no_changes=_no_changes(visits) if comparison is None else "",
        series=series_view(measured, comparison),
        bones=bones_view(measured, visits, comparison),
        registration=registration_view(measured),
        spasm=_spasm(measured, comparison),
        films=film_groups(visits, simulated=case.simulated),
        film_note=FILM_NOTE,
        plain_title=PATIENT_TITLE,
        plain=patient_page(visits, comparison, simulated=case.simulated),
        provenance=provenance_view(visits),
    )


def _spasm(measured: MeasuredCase, comparison: Comparison | None) -> SpasmView | None:
    """The section on spasm; a case without recordings needs none of what it is drawn with."""
    if not any(visit.recordings for visit in measured.visits):
        return None
    from atlasplane.report.spasm_section import spasm_view

    return spasm_view(measured, comparison)


def _subtitle(visits: tuple[MeasuredVisit, ...]) -> str:
    days = list(dict.fromkeys(day_text(visit.visit.time) for visit in visits))
    return " and ".join(days) if len(days) <= 2 else f"{days[0]} to {days[-1]}"


def _case_facts(measured: MeasuredCase, visits: tuple[MeasuredVisit, ...]) -> tuple[tuple[str, str], ...]:
    case = measured.case
    shown = ", ".join(visit.visit.id for visit in visits) or "none"
    facts = [
        ("Person", case.pseudonym),
        ("Born", "not stated" if case.birth_year is None else str(case.birth_year)),
        ("Sex", case.sex),
        ("Case", case.id),
        ("Visits shown", f"{shown} (of {len(measured.visits)} in the case)"),
    ]
    return tuple(facts)


def _no_changes(visits: tuple[MeasuredVisit, ...]) -> str:
    if len(visits) < 2:
        return "One visit: there is nothing to compare it with."
    return "No two visits were chosen for comparison."


def _findings(findings: Iterable[Finding]) -> tuple[FindingView, ...]:
    """Findings by severity; one that several files have in common is said once, with all their names."""
    files: dict[tuple[Severity, str, str, str], list[str]] = {}
    for found in findings:
        said = (found.severity, found.code, found.text, found.source or "")
        files.setdefault(said, []).append(found.file or "")
    return tuple(
        FindingView(
            kind=severity.value,
            severity=SEVERITIES[severity],
            code=code,
            file=", ".join(name for name in named if name),
            text=sentence(text),
            source=prose(source),
        )
        for wanted in SEVERITY_ORDER
        for (severity, code, text, source), named in files.items()
        if severity is wanted
    )
