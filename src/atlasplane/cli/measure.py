"""`measure`, `compare` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasplane.cli.documents import Json, print_json

if TYPE_CHECKING:
    from atlasplane.api import LoadedCase
    from atlasplane.chain.measured import MeasuredCase

CasePath = Annotated[Path, typer.Argument(metavar="CASE", help="Case folder (with case.toml).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: atlasplane measure atlasplane-demo/patient")(measure)
    app.command(epilog="Example: atlasplane compare atlasplane-demo/patient --pre v1 --post v2")(compare)
    app.command(epilog="Example: atlasplane report atlasplane-demo/patient")(report)


def _measured(loaded: LoadedCase) -> MeasuredCase:
    """The case measured; recordings take their time, which is shown."""
    if not any(visit.recordings for visit in loaded.case.visits):
        return loaded.measure()
    from atlasplane.cli.terminal import steps

    with steps("Reading recordings") as told:
        return loaded.measure(progress=told)


def measure(
    case: CasePath,
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            "--quantity",
            "-q",
            metavar="ID",
            help="Show this quantity; an error when no visit has it. May be repeated.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure every quantity of every visit, with its uncertainty, the listing, the gates and the vector.

    Exit status 1 when a finding says that a person must look.
    """
    from atlasplane import api

    measured = _measured(api.load(case))
    wanted = api.only_quantities(measured, tuple(quantity or ()))
    if as_json:
        from atlasplane.report.document import measure_document

        print_json(measure_document(measured))
    else:
        from atlasplane.cli.tables import print_measured

        print_measured(measured, wanted)
    raise typer.Exit(1 if measured.needs_a_person else 0)


def compare(
    case: CasePath,
    pre: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Earlier visit. Default: pre and post of one day, else the first."),
    ] = None,
    post: Annotated[str | None, typer.Option(metavar="ID", help="Later visit. Default: as above.")] = None,
    level: Annotated[
        float, typer.Option(min=0.5, max=0.9999, metavar="P", help="Confidence level of the MDC.")
    ] = 0.95,
    as_json: Json = False,
) -> None:
    """Compare two visits: each change beside its minimal detectable change.

    Exit status 1 when a finding says that a person must look.
    """
    from atlasplane import api
    from atlasplane.core.finding import Severity

    loaded = api.load(case)
    _measured(loaded)
    comparison = loaded.compare(pre=pre, post=post, level=level)
    findings = api.comparison_findings(loaded.case, comparison)
    if as_json:
        from atlasplane.report.document import compare_document, finding_json

        document = compare_document(comparison, case=loaded.case.id, simulated=loaded.case.simulated)
        print_json(document | {"findings": [finding_json(found) for found in findings]})
    else:
        from atlasplane.cli.tables import print_comparison

        print_comparison(comparison, findings, simulated=loaded.case.simulated)
    raise typer.Exit(1 if any(found.severity is Severity.STOP for found in findings) else 0)


def report(
    case: CasePath,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", metavar="", help="Write report.pdf too.")] = True,
    as_json: Json = False,
) -> None:
    """Write report.html and report.pdf into the case folder and print their paths."""
    from atlasplane import api
    from atlasplane.cli.terminal import progress

    loaded = api.load(case)
    _measured(loaded)
    with progress("Writing the report"):
        paths = loaded.report(pdf=pdf)
    if as_json:
        print_json({"schema": "atlasplane.report/1", "files": [str(path) for path in paths]})
    else:
        for path in paths:
            typer.echo(str(path))
