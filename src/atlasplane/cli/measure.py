"""`measure`, `compare` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CasePath = Annotated[Path, typer.Argument(help="Case folder (with case.toml).")]
Json = Annotated[bool, typer.Option("--json", help="Print the JSON document, full precision.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: atlasplane measure demo/patient --json > measured.json")(measure)
    app.command(epilog="Example: atlasplane compare demo/patient --pre v1 --post v2")(compare)
    app.command(epilog="Example: atlasplane report demo/patient --pdf")(report)


def measure(
    case: CasePath,
    as_json: Json = False,
    quantity: Annotated[
        list[str] | None, typer.Option("--quantity", "-q", help="Ask for this quantity; an error when it cannot be measured.")
    ] = None,
) -> None:
    """Every quantity of every visit with its uncertainty, the listing, the gates and the vector."""
    from atlasplane import api
    from atlasplane.cli.terminal import print_json
    from atlasplane.cli.tables import print_measured
    from atlasplane.report.document import measure_document

    measured = api.load(case).measure()
    wanted = api.only_quantities(measured, tuple(quantity or ()))
    if as_json:
        print_json(measure_document(measured))
    else:
        print_measured(measured, wanted)
    raise typer.Exit(1 if measured.needs_a_person else 0)


def compare(
    case: CasePath,
    pre: Annotated[str | None, typer.Option(help="Id of the earlier visit.")] = None,
    post: Annotated[str | None, typer.Option(help="Id of the later visit.")] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Confidence level of the MDC.")] = 0.95,
    as_json: Json = False,
) -> None:
    """Pre against post: each change beside its minimal detectable change."""
    from atlasplane import api
    from atlasplane.cli.terminal import print_json
    from atlasplane.cli.tables import print_comparison
    from atlasplane.report.document import compare_document

    loaded = api.load(case)
    comparison = loaded.compare(pre=pre, post=post, level=level)
    if as_json:
        print_json(compare_document(comparison))
    else:
        print_comparison(comparison, simulated=loaded.case.simulated)
    looks = (*comparison.pre.alignment.findings, *comparison.post.alignment.findings, *loaded.case.findings)
    raise typer.Exit(1 if any(f.severity.value == "stop" for f in looks) else 0)


def report(
    case: CasePath,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Also write report.pdf (PDF/A).")] = True,
    as_json: Json = False,
) -> None:
    """Write report.html and report.pdf into the case folder and print their paths."""
    from atlasplane import api
    from atlasplane.cli.terminal import print_json

    paths = api.load(case).report(pdf=pdf)
    if as_json:
        print_json({"schema": "atlasplane.report/1", "files": [str(path) for path in paths]})
    else:
        for path in paths:
            typer.echo(str(path))
