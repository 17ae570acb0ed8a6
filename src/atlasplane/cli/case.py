"""`new` and `add`: make a case folder and put films into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlasplane.cli.add_many import add_folder_or_volume, is_folder_or_volume
from atlasplane.cli.documents import Json, print_json
from atlasplane.cli.picture_scale import picture_scale
from atlasplane.cli.values import instant, number_pair
from atlasplane.core.errors import BadInput

VISIT = "Visit"
SIDES = "Sides of the patient"
TAKEN = "How the film was taken"
PHOTOGRAPHED = "A photographed or scanned film"
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
        "--marker R --sid-mm 1067 --sod-mm 837 --tube-deg 12 --landmarks nasium.landmarks.json. "
        "A whole export: atlasplane add cases/P-014 DICOM --list"
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
    film: Annotated[
        Path,
        typer.Argument(
            metavar="FILM|FOLDER|VOLUME",
            help="A DICOM, PNG, TIFF or JPEG film; a folder of DICOM files of any kind; or a NIfTI volume.",
        ),
    ],
    view: Annotated[
        str | None, typer.Option(metavar="VIEW", help=f"{VIEWS} A folder's films take the header's.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Which frame of a file of several; the first is 1.")
    ] = None,
    list_only: Annotated[
        bool,
        typer.Option("--list", metavar="", help="Only say what a folder holds; the case is not touched."),
    ] = False,
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
    film_corners: Annotated[
        str | None,
        typer.Option(
            metavar='"C,R C,R C,R C,R"',
            help="Corners of the sheet on its photograph, clockwise from the top left, as a viewer shows it.",
            rich_help_panel=PHOTOGRAPHED,
        ),
    ] = None,
    film_size_mm: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Size of the sheet, as 240x300.", rich_help_panel=PHOTOGRAPHED),
    ] = None,
    scale_ends: Annotated[
        str | None,
        typer.Option(
            metavar='"C,R C,R"',
            help="Both ends of an object of known length.",
            rich_help_panel=PHOTOGRAPHED,
        ),
    ] = None,
    scale_mm: Annotated[
        float | None, typer.Option(metavar="MM", help="Its length.", rich_help_panel=PHOTOGRAPHED)
    ] = None,
    scale_plane: Annotated[
        str | None,
        typer.Option(
            metavar="film|bones",
            help="Whether it lay on the film or beside the bones.",
            rich_help_panel=PHOTOGRAPHED,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy films or a scan into a case; headers are proposed, what is missing is a finding."""
    from atlasplane.io.case_add import add_film
    from atlasplane.io.visit_choice import VisitStamp

    stated = {
        "view": view,
        "frame": frame,
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
    stated = {key: value for key, value in stated.items() if value is not None}
    scale = picture_scale(film_corners, film_size_mm, scale_ends, scale_mm, scale_plane)
    stamp = VisitStamp(
        id=visit,
        time=None if time is None else instant("--time", time),
        phase=phase,
        moment=moment,
        observer=observer,
    )
    if list_only or is_folder_or_volume(film):
        said = [
            *stated,
            *(["landmarks"] if landmarks else []),
            *(["scale"] if scale.sheet or scale.known else []),
        ]
        add_folder_or_volume(case, film, stamp, said, list_only=list_only, as_json=as_json)
        return
    added = add_film(case, film, stated, visit=stamp, landmarks=landmarks, scale=scale)
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
