"""`new` and `add`: make a case folder and put films into it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog='Example: atlasplane new cases/P-014 --pseudonym P-014 --birth-year 1980 --sex female')(new)
    app.command(epilog="Example: atlasplane add cases/P-014 nasium.dcm --view nasium --patient-right image_left --marker R")(add)


def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    pseudonym: Annotated[str, typer.Option(help="How the patient is called here; never a name.")],
    birth_year: Annotated[int | None, typer.Option(help="Year of birth.")] = None,
    sex: Annotated[str, typer.Option(help="female, male, other or unknown.")] = "unknown",
) -> None:
    """Make an empty case folder with its case.toml."""
    from atlasplane.io.case_new import new_case

    content: dict[str, object] = {"pseudonym": pseudonym, "sex": sex}
    if birth_year is not None:
        content["birth_year"] = birth_year
    typer.echo(str(new_case(folder, content)))


def add(
    case: Annotated[Path, typer.Argument(help="Case folder.")],
    film: Annotated[Path, typer.Argument(help="DICOM, PNG, TIFF or JPEG file.")],
    view: Annotated[str, typer.Option(help="lateral, nasium, vertex, base-posterior, apom, ...")],
    visit: Annotated[str | None, typer.Option(help="Visit id; default the visit of the film's day.")] = None,
    time: Annotated[str | None, typer.Option(help="Time of a new visit, ISO 8601 with offset.")] = None,
    phase: Annotated[str | None, typer.Option(help="baseline, care or follow-up.")] = None,
    moment: Annotated[str | None, typer.Option(help="single, pre or post.")] = None,
    patient_right: Annotated[str | None, typer.Option(help="image_left, image_right, image_up, image_down.")] = None,
    patient_anterior: Annotated[str | None, typer.Option(help="The same, for lateral and vertex films.")] = None,
    marker: Annotated[str | None, typer.Option(help="Side marker seen on the film: R, L or none.")] = None,
    landmarks: Annotated[Path | None, typer.Option(help="Landmark file of this film.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Copy a film into a case; what its header states is proposed, what is missing becomes a finding."""
    from atlasplane.cli.terminal import console, print_findings, print_json
    from atlasplane.io.case_add import add_film
    from atlasplane.io.visit_choice import VisitStamp
    from atlasplane.report.document import finding_json

    stated = {
        "view": view,
        "patient_right": patient_right,
        "patient_anterior": patient_anterior,
        "marker": marker,
    }
    stamp = VisitStamp(id=visit, time=None if time is None else _instant(time), phase=phase, moment=moment)
    added = add_film(
        case, film, {key: value for key, value in stated.items() if value is not None}, visit=stamp
    )
    del landmarks
    if as_json:
        findings = [finding_json(found) for found in added.findings]
        print_json({"schema": "atlasplane.add/1", "visit": added.visit, "file": added.file, "findings": findings})
        return
    typer.echo(f"{added.file}  (visit {added.visit})")
    print_findings(console(), added.findings)


def _instant(text: str) -> datetime:
    from atlasplane.core.errors import BadInput

    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput("--time", f"'{text}' is no time", "Write 2026-03-02T09:10:00+01:00.") from error
    if found.tzinfo is None:
        raise BadInput("--time", f"'{text}' has no offset from UTC", "Write 2026-03-02T09:10:00+01:00.")
    return found
