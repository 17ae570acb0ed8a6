"""`demo`: a simulated patient with known truth, end to end, and a twin without effect."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from atlasplane.core.errors import BadInput

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
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane demo my-demo --seed 4")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the two cases; an earlier demo in it is replaced.")] = Path(
        "atlasplane-demo"
    ),
    seed: Annotated[int | None, typer.Option(help="Another simulated patient.")] = None,
) -> None:
    """Films of a simulated patient before and after, and of a twin who was not changed; measured against the truth."""
    from atlasplane import api
    from atlasplane.cli.terminal import console, progress
    from atlasplane.simulate.demo import DEMO_SEED, demo_patients
    from atlasplane.simulate.patient import simulate_case

    _clear(folder)
    patients = demo_patients(DEMO_SEED if seed is None else seed)
    out = console()
    films = sum(len(p.scenario.moments) * len(p.scenario.views) for p in patients)
    with progress("Simulating films", films) as step:
        for patient in patients:
            simulate_case(folder / patient.name, patient.scenario, subject=patient.subject, on_film=step)
    reports: list[Path] = []
    for patient in patients:
        case = api.load(folder / patient.name)
        _print_truth(out, patient.title, case, folder / patient.name / "truth.json")
        reports += case.report(pdf=True)
    out.print("Reports:")
    for path in reports:
        typer.echo(f"  {path}")


def _clear(folder: Path) -> None:
    if not folder.exists():
        return
    known = [path for path in folder.iterdir() if (path / "truth.json").is_file()]
    if len(known) != len(list(folder.iterdir())):
        raise BadInput(str(folder), "holds more than an earlier demo", "Name another folder.")
    for path in known:
        shutil.rmtree(path)


def _print_truth(out: Any, title: str, case: Any, truth_file: Path) -> None:
    from atlasplane.cli.terminal import table
    from atlasplane.report.truth_rows import truth_rows

    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    columns = [
        ("visit", "left"),
        ("quantity", "left"),
        ("truth", "right"),
        ("measured", "right"),
        ("u", "right"),
        ("within 95 %", "left"),
    ]
    measured, comparison = case.measure(), case.compare()
    out.print(table(title, columns, truth_rows(measured, comparison, truth, SHOWN)))
    change = comparison.change("atlas_laterality")
    verdict = {True: "distinguishable", False: "not distinguishable from measurement error", None: "not comparable"}
    if change is not None:
        out.print(f"Atlas laterality, post against pre: {verdict[change.distinguishable]}\n")
