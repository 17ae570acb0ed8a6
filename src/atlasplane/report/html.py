"""The report as one self-contained HTML file: no network, printable.

Its one script turns the bones in space, where there are any; without it their pictures stand alone.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from atlasplane.report.bones_sights import DIRECTIONS
from atlasplane.report.palette import BUDGET_COLOURS, OTHER_BUDGET
from atlasplane.report.view import ReportView

if TYPE_CHECKING:
    from jinja2 import Template


def html_report(view: ReportView) -> str:
    """The report as HTML text."""
    return _template().render(
        report=view,
        budget_colours=BUDGET_COLOURS,
        other_budget=OTHER_BUDGET,
        bone_directions=[(direction.id, direction.title) for direction in DIRECTIONS],
    )


@cache
def _template() -> Template:
    from jinja2 import (  # here: `import atlasplane.report.document` stays light
        Environment,
        PackageLoader,
        StrictUndefined,
    )

    loader = PackageLoader("atlasplane.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2")
