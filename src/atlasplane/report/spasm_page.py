"""A recording as a page of its own: the section on spasm, self-contained and without a script."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import atlasplane
from atlasplane.chain.spasms import AnalysedRecording
from atlasplane.core.errors import OutputFailed
from atlasplane.io.atomic import check_place, write_text
from atlasplane.report.spasm_section import spasm_section
from atlasplane.report.spasm_view import SpasmView
from atlasplane.report.wording import DISCLAIMER

if TYPE_CHECKING:
    from jinja2 import Template

SUFFIXES = (".html", ".htm")
SIMULATED = "SIMULATED DATA: this recording is not of a real person"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmPage:
    """What the page shows; named as in `report.view.ReportView`."""

    title: str
    simulated: str
    disclaimer: str
    spasm: SpasmView
    software: str


def spasm_page(analysed: AnalysedRecording) -> str:
    """The page as HTML text."""
    analysis = analysed.analysis
    page = SpasmPage(
        title=f"Spasm in {analysis.file}",
        simulated=SIMULATED if analysis.simulated else "",
        disclaimer=DISCLAIMER,
        spasm=spasm_section([(analysed, analysis.file)]),
        software=f"Atlasplane {atlasplane.__version__}",
    )
    return _template().render(report=page)


def check_page_path(path: Path) -> None:
    """Refuse a name that would call the page something else, or a place that is none; raises OutputFailed."""
    if path.suffix.lower() not in SUFFIXES and not path.is_dir():
        what = f"ends in '{path.suffix}', and the report is a page" if path.suffix else "has no ending"
        remedy = "Name it .html; a browser prints it as PDF, and 'report' writes a case's report as PDF"
        raise OutputFailed(str(path), what, remedy)
    check_place(path)


def write_spasm_page(analysed: AnalysedRecording, path: Path) -> None:
    """Write the page whole or not at all; raises OutputFailed."""
    check_page_path(path)
    write_text(path, spasm_page(analysed))


@cache
def _template() -> Template:
    from jinja2 import (  # here: what needs no page stays light
        Environment,
        PackageLoader,
        StrictUndefined,
    )

    loader = PackageLoader("atlasplane.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("spasm_page.html.j2")
