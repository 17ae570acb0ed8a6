"""`demo`: a simulated patient with known truth, end to end, and a twin without effect."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasplane.cli.documents import Json, print_json
from atlasplane.core.errors import AtlasplaneError, BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from atlasplane.api import LoadedCase
    from atlasplane.simulate.demo import DemoPatient

SHOWN = (
    "s_line_angle",
    "atlas_plane_tilt",
    "head_tilt",
    "atlas_laterality",
    "lower_angle",
    "axis_rotation",
    "condylar_radius",
    "axial_radius",
    "atlas_rotation",
    "atlas_flexion_3d",
    "atlas_laterality_3d",
    "atlas_rotation_3d",
    "atlas_flexion_3d@registered",
    "atlas_laterality_3d@registered",
    "atlas_rotation_3d@registered",
    "c1_c2_flexion_3d@registered",
    "c1_c2_lateral_3d@registered",
    "spasm_burden/trapezius_upper/left",
    "spasm_burden/trapezius_upper/right",
)
"""Films one by one, then the films fitted together, then the scan registered to them, then the nights."""
VERDICTS = {
    True: "distinguishable from measurement error",
    False: "not distinguishable from measurement error",
    None: "not comparable",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane demo my-demo --seed 4")(demo)


def demo(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[FOLDER]", help="Folder for the two cases; an earlier demo in it is replaced."
        ),
    ] = Path("atlasplane-demo"),
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Another simulated patient.")] = None,
    as_json: Json = False,
) -> None:
    """Show everything on a simulated patient: films, recordings, measurements against the truth, reports.

    The patient has a CBCT and is filmed before and after a correction; six weeks later his CBCT is registered
    to two low-dose films. The twin is filmed twice with nothing changed, and has no CBCT. Of both, the neck's
    muscles are recorded for a night before and a night after.
    """
    from atlasplane import api
    from atlasplane.cli.terminal import console, progress
    from atlasplane.simulate.demo import DEMO_SEED, demo_patients
    from atlasplane.simulate.patient import simulate_case

    patients = demo_patients(DEMO_SEED if seed is None else seed)
    _clear(folder, [patient.name for patient in patients])
    films = sum(p.scenario.pictures for p in patients)
    with progress("Taking films, recording nights", films) as step:
        for patient in patients:
            simulate_case(folder / patient.name, patient.scenario, subject=patient.subject, on_film=step)
    with progress("Registering the CBCT"):
        registered = {p.name: _registered(folder / p.name) for p in patients if p.scenario.follow_up}
    cases = [api.load(folder / patient.name) for patient in patients]
    reports: list[Path] = []
    with progress("Measuring, writing reports", len(cases)) as step:
        for case in cases:
            reports += case.report(pdf=True)
            step()
    if as_json:
        made = [str(folder / patient.name) for patient in patients]
        print_json({"schema": "atlasplane.demo/1", "cases": made, "files": [str(path) for path in reports]})
        return
    out = console()
    for patient, case in zip(patients, cases, strict=True):
        _print_truth(out, patient, case)
        if patient.name in registered:
            out.print(f"CBCT registered to the two films of the follow-up: {registered[patient.name]}\n")
    out.print("Reports, to be opened with a web browser or a PDF reader:")
    for path in reports:
        typer.echo(f"  {path}")
    typer.echo(f"Next: atlasplane measure {folder / patients[0].name}")


def _registered(case: Path) -> str:
    """Register the CBCT to the films of the last visit; the state, and the turn of C1 beside its truth."""
    from atlasplane import api
    from atlasplane.cli.terminal import cells
    from atlasplane.report.truth_rows import turned_since_scan

    try:
        record = api.register(case).record
    except AtlasplaneError as wrong:  # of another patient (--seed) whose marks do not fit: the rest is shown
        return f"[bold]not done[/]: {cells([wrong.what])[0]}"
    because = "" if record.reason is None else f": {cells([record.reason])[0]}"
    text = f"[bold]{record.status}[/]{because} ({record.seconds:.1f} s)"
    turned = turned_since_scan(record, json.loads((case / "truth.json").read_text(encoding="utf-8")))
    if turned is None:
        return text
    true, found, u, within = turned
    return f"{text}\nC1 turned since the scan: truth {true}, registered {found}, u {u}, within 95 %: {within}"


def _clear(folder: Path, names: list[str]) -> None:
    """Remove an earlier demo, and nothing else."""
    if not folder.exists():
        return
    remedy = "Name another folder"
    if not folder.is_dir():
        raise BadInput(str(folder), "is a file", remedy)
    found = list(folder.iterdir())
    if any(path.name not in names or not (path / "truth.json").is_file() for path in found):
        raise BadInput(str(folder), "holds more than an earlier demo", remedy)
    for path in found:
        shutil.rmtree(path)


def _print_truth(out: Console, patient: DemoPatient, case: LoadedCase) -> None:
    from atlasplane.cli.terminal import Column, cells, table
    from atlasplane.report.truth_rows import truth_rows

    truth = json.loads((case.case.folder / "truth.json").read_text(encoding="utf-8"))
    comparison = case.compare()
    numbers = [Column(head, "right") for head in ("truth", "measured", "u")]
    shown = table(patient.title, [Column("visit"), Column("quantity"), *numbers, Column("within 95 %")])
    before = None
    for row in truth_rows(case.measure(), comparison, truth, SHOWN):
        if before not in (None, row[0]):
            shown.add_section()
        shown.add_row(*cells(["" if row[0] == before else row[0], *row[1:]]))
        before = row[0]
    out.print(shown)
    change = comparison.change("atlas_laterality")
    if change is not None:
        out.print(f"Atlas laterality, post against pre: [bold]{VERDICTS[change.distinguishable]}[/]\n")
