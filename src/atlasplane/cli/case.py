"""`new` and `add`: make a case folder and put films into it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from atlasplane.cli.documents import Json, print_json
from atlasplane.cli.values import number_pair
from atlasplane.core.errors import BadInput

VISIT = "Visit"
SIDES = "Sides of the patient"
TAKEN = "How the film was taken"
DIRECTIONS = "image_left, image_right, image_up or image_down"
VIEWS = (
    "lateral, nasium, vertex, base-posterior, apom, ap-cervical, lateral-full, ap-full, blair-right "
    "or blair-left."
)
KINDS = (
    "Where --mm-per-px comes from: sid_sod, ermf, user_fiducial, dicom_fiducial, dicom_geometry, "
    "modality_corrected, detector_plane_only or none."
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Example: atlasplane new cases/P-014 --pseudonym P-014 --birth-year 1980 --sex female"
    )(new)
    app.command(
        epilog="Example: atlasplane add cases/P-014 nasium.dcm --view nasium --patient-right image_left "
        "--marker R --sid-mm 1067 --sod-mm 837 --tube-deg 12 --landmarks nasium.landmarks.json"
    )(add)


def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to make.")],
    pseudonym: Annotated[
        str, typer.Option(metavar="TEXT", help="How the patient is called here; never a name.")
    ],
    birth_year: Annotated[int | None, typer.Option(metavar="YEAR", help="Year of birth.")] = None,
    sex: Annotated[str, typer.Option(metavar="WORD", help="female, male, other or unknown.")] = "unknown",
    as_json: Json = False,
) -> None:
    """Make an empty case folder with its case.toml."""
    from atlasplane.io.case_new import new_case

    content: dict[str, object] = {"pseudonym": pseudonym, "sex": sex}
    if birth_year is not None:
        content["birth_year"] = birth_year
    made = new_case(folder, content)
    if as_json:
        print_json({"schema": "atlasplane.new/1", "folder": str(made)})
    else:
        typer.echo(str(made))


def add(  # noqa: PLR0913 - one option a key of the film's table
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Case folder.")],
    film: Annotated[Path, typer.Argument(metavar="FILM", help="DICOM, PNG, TIFF or JPEG file.")],
    view: Annotated[str, typer.Option(metavar="VIEW", help=VIEWS)],
    landmarks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Landmark file of this very film; copied beside it.")
    ] = None,
    visit: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Visit of the case, or the id of a new one. Default: that of the film's day.",
            rich_help_panel=VISIT,
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Time of a new visit, as 2026-03-02T09:10:00+01:00. Default: the DICOM header's.",
            rich_help_panel=VISIT,
        ),
    ] = None,
    phase: Annotated[
        str | None, typer.Option(metavar="WORD", help="baseline, care or follow-up.", rich_help_panel=VISIT)
    ] = None,
    moment: Annotated[
        str | None, typer.Option(metavar="WORD", help="single, pre or post.", rich_help_panel=VISIT)
    ] = None,
    observer: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Who takes the visit; initials.", rich_help_panel=VISIT)
    ] = None,
    patient_right: Annotated[
        str | None,
        typer.Option(
            metavar="DIRECTION",
            help=f"Where the patient's right is: {DIRECTIONS}. Needed but for lateral films.",
            rich_help_panel=SIDES,
        ),
    ] = None,
    patient_anterior: Annotated[
        str | None,
        typer.Option(
            metavar="DIRECTION",
            help="Where the patient's front is. Needed for lateral, vertex and base films.",
            rich_help_panel=SIDES,
        ),
    ] = None,
    patient_superior: Annotated[
        str | None,
        typer.Option(
            metavar="DIRECTION",
            help="Where the patient's head end is. Default: image_up.",
            rich_help_panel=SIDES,
        ),
    ] = None,
    marker: Annotated[
        str | None,
        typer.Option(metavar="R|L|none", help="Side marker seen on the film.", rich_help_panel=SIDES),
    ] = None,
    marker_at: Annotated[
        str | None,
        typer.Option(metavar='"COL,ROW"', help="Pixel of the side marker; checked.", rich_help_panel=SIDES),
    ] = None,
    ignore_header_orientation: Annotated[
        bool,
        typer.Option(
            "--ignore-header-orientation",
            metavar="",
            help="A person found the orientation in the DICOM header to be wrong.",
            rich_help_panel=SIDES,
        ),
    ] = False,
    sid_mm: Annotated[
        float | None, typer.Option(metavar="MM", help="Source to detector.", rich_help_panel=TAKEN)
    ] = None,
    sod_mm: Annotated[
        float | None, typer.Option(metavar="MM", help="Source to atlas.", rich_help_panel=TAKEN)
    ] = None,
    tube_deg: Annotated[
        float | None, typer.Option(metavar="DEG", help="Tube angle, caudad +.", rich_help_panel=TAKEN)
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="upright, or perpendicular to the beam.", rich_help_panel=TAKEN),
    ] = None,
    principal_px: Annotated[
        str | None,
        typer.Option(
            metavar='"COL,ROW"',
            help="Pixel that the central ray meets. Default: the centre.",
            rich_help_panel=TAKEN,
        ),
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="KIND", help=KINDS, rich_help_panel=TAKEN)
    ] = None,
    mm_per_px: Annotated[
        str | None,
        typer.Option(
            metavar="MM",
            help='Millimetres of a pixel at the atlas: one number, or "COLUMN,ROW".',
            rich_help_panel=TAKEN,
        ),
    ] = None,
    u_rel: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Standard uncertainty of that scale, as 0.02.", rich_help_panel=TAKEN
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy a film into a case; its DICOM header's statements are proposed, what is missing is a finding."""
    from atlasplane.io.case_add import add_film
    from atlasplane.io.visit_choice import VisitStamp

    stated = {
        "view": view,
        "patient_right": patient_right,
        "patient_anterior": patient_anterior,
        "patient_superior": patient_superior,
        "marker": marker,
        "marker_at": number_pair("--marker-at", marker_at),
        "ignore_header_orientation": ignore_header_orientation or None,
        "technique": _technique(
            sid_mm=sid_mm,
            sod_mm=sod_mm,
            tube_deg=tube_deg,
            detector=detector,
            principal_px=number_pair("--principal-px", principal_px),
        ),
        "calibration": _calibration(calibration, number_pair("--mm-per-px", mm_per_px, one=True), u_rel),
    }
    added = add_film(
        case,
        film,
        {key: value for key, value in stated.items() if value is not None},
        visit=VisitStamp(
            id=visit,
            time=None if time is None else _instant(time),
            phase=phase,
            moment=moment,
            observer=observer,
        ),
        landmarks=landmarks,
    )
    if as_json:
        from atlasplane.report.document import finding_json

        findings = [finding_json(found) for found in added.findings]
        print_json(
            {"schema": "atlasplane.add/1", "visit": added.visit, "file": added.file, "findings": findings}
        )
        return
    from atlasplane.cli.terminal import console, print_findings

    typer.echo(f"{added.file}  (visit {added.visit})")
    print_findings(console(), added.findings)


def _technique(*, sid_mm: float | None, sod_mm: float | None, **more: object) -> dict[str, object] | None:
    """The table of the technique; None where nothing of it was given."""
    given = {"sid_mm": sid_mm, "sod_mm": sod_mm, **more}
    table = {key: value for key, value in given.items() if value is not None}
    if table and (sid_mm is None or sod_mm is None):
        first = f"--{next(iter(table)).replace('_', '-')}"
        raise BadInput(first, "needs both distances of the film", "Give --sid-mm and --sod-mm")
    return table or None


def _calibration(
    kind: str | None, mm_per_px: tuple[float, float] | None, u_rel: float | None
) -> dict[str, object] | None:
    """The table of the calibration; None where nothing of it was given."""
    if kind is None:
        first = "--mm-per-px" if mm_per_px is not None else "--u-rel" if u_rel is not None else None
        if first is None:
            return None
        raise BadInput(first, "the kind of the calibration is not stated", f"Give --calibration. {KINDS}")
    if kind != "none" and mm_per_px is None:
        raise BadInput("--calibration", f"'{kind}' has no millimetres", "Give --mm-per-px, or leave both out")
    given = {"kind": kind, "mm_per_px": mm_per_px, "u_rel": u_rel}
    return {key: value for key, value in given.items() if value is not None}


def _instant(text: str) -> datetime:
    remedy = "Write it as 2026-03-02T09:10:00+01:00"
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput("--time", f"'{text}' is no time", remedy) from error
    if found.tzinfo is None:
        raise BadInput("--time", f"'{text}' has no offset from UTC", remedy)
    return found
