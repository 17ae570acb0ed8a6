"""The report as files in the case folder: each whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase
from atlasplane.io.atomic import write_together
from atlasplane.report.assemble import report_view
from atlasplane.report.html import html_report
from atlasplane.report.pdf import pdf_report

HTML_NAME = "report.html"
PDF_NAME = "report.pdf"


def write_report(
    measured: MeasuredCase, comparison: Comparison | None, folder: Path, *, pdf: bool = True
) -> list[Path]:
    """Write ``report.html`` and, where wanted, ``report.pdf``; both are made before either is written.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    OutputFailed
        When a file cannot be written; what was there before is untouched.
    """
    view = report_view(measured, comparison)
    page = html_report(view)
    paper = pdf_report(view, dated=_latest(measured)) if pdf else None
    files = {folder / HTML_NAME: page.encode("utf-8")}
    if paper is not None:
        files[folder / PDF_NAME] = paper
    write_together(files)
    return list(files)


def _latest(measured: MeasuredCase) -> datetime:
    """Time of the latest visit, which dates the file; a fixed day for a case without visits."""
    return max((visit.visit.time for visit in measured.visits), default=datetime(2000, 1, 1, tzinfo=UTC))
