"""`check`: everything that can be known of a case before its numbers are trusted."""

from __future__ import annotations

import typer

from atlasplane.cli.documents import Json, print_json
from atlasplane.cli.measure import CasePath


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane check atlasplane-demo/patient")(check)


def check(case: CasePath, as_json: Json = False) -> None:
    """Check a case before trusting its numbers: film quality, view, sides, person, dates, scale, pictures.

    Contradictions that other commands refuse are findings here. Exit status 1 when a finding stops.
    """
    from atlasplane import api
    from atlasplane.cli.terminal import progress

    with progress("Checking the films") as _:
        checked = api.check(case)
    if as_json:
        from atlasplane.report.document import check_document

        print_json(check_document(checked.case.id, checked.findings) | {"simulated": checked.case.simulated})
    else:
        from atlasplane.cli.tables import SIMULATED
        from atlasplane.cli.terminal import console, print_findings

        out = console()
        if checked.case.simulated:
            out.print(SIMULATED)
        print_findings(out, checked.findings)
        if not checked.findings:
            out.print("Nothing was found that speaks against the films.")
    raise typer.Exit(1 if checked.needs_a_person else 0)
