"""`observers`: what repeat readings say of each observer, and the data file that the next run loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasplane.cli.documents import Json, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from atlasplane.chain.observer_study import ObserverStudy
    from atlasplane.io.models_observers import BiasTable, ObserversFile, ObserverTable, PlacedTable


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane observers clinic/cases --write clinic/cases/observers.toml")(
        observers
    )


def observers(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder that the cases lie in, or one case.")
    ],
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the data file, observers.toml: beside case.toml or one folder above, it is used.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Pool repeat readings: scatter of every mark and quantity, and bias between observers.

    With at least ten cases read twice an observer's own scatter replaces the catalogue's placing errors.
    """
    from atlasplane.chain.observer_study import case_folders, observer_study
    from atlasplane.chain.observer_tables import observers_file
    from atlasplane.cli.terminal import progress
    from atlasplane.io.observer_file import write_observers

    folders = case_folders(folder)
    with progress("Reading the cases", len(folders)) as tick:
        study = observer_study(folders, tick=tick)
    table = observers_file(study)
    if write is not None:
        write_observers(write, table)
    if as_json:
        print_json(_document(study, table, write))
    else:
        _print(study, table, write)


def _document(study: ObserverStudy, table: ObserversFile, written: Path | None) -> dict[str, object]:
    from atlasplane.report.document import finding_json

    content = table.model_dump(mode="json", by_alias=True)
    content.pop("x")
    return content | {
        "schema": "atlasplane.observer-study/1",
        "cases": study.cases,
        "findings": [finding_json(found) for found in study.findings],
        "file": None if written is None else str(written),
    }


def _print(study: ObserverStudy, table: ObserversFile, written: Path | None) -> None:
    from atlasplane.cli.terminal import console, print_findings

    out = console()
    print_findings(out, study.findings)
    if not any(each.landmark or each.quantity for each in table.observer):
        out.print("No film was read twice by one observer: mark a second reading, blind to the first.")
    for each in table.observer:
        if each.landmark or each.quantity:
            _print_observer(out, each)
    _print_bias(out, table.bias)
    if written is not None:
        out.print(f"Written: {written}", markup=False)


def _print_observer(out: Console, table: ObserverTable) -> None:
    from atlasplane.cli.terminal import Column, cells
    from atlasplane.cli.terminal import table as empty_table

    out.print()
    title = f"{table.name}: {table.cases} cases, {table.films} films read at least twice"
    heads = ("SD 1", "SD 2", "r", "default", "dof", "films")
    columns = [Column("mark"), *(Column(head, "right") for head in heads), Column("taken", least=12)]
    marks = empty_table(title, columns)
    for id_, row in sorted(table.landmark.items()):
        marks.add_row(*cells([id_, *_placing_cells(id_, row)]))
    if table.landmark:
        out.print(marks)
        out.print(
            "Within-observer SD of one reading along the film's first and second axis, mm on the film, and "
            "their correlation r; default: the catalogue's.",
            style="dim",
        )
    numbers = empty_table(
        "", [Column("quantity"), *(Column(h, "right") for h in ("SD", "MDC95", "dof", "films"))]
    )
    for key, each in sorted(table.quantity.items()):
        shown = [
            _amount(each.sd, each.unit),
            _amount(each.mdc95, each.unit),
            f"{each.dof:g}",
            str(each.films),
        ]
        numbers.add_row(*cells([key, *shown]))
    if table.quantity:
        out.print(numbers)
        out.print("MDC95: t times root 2 times SD, of reading alone; repositioning adds to it.", style="dim")


def _placing_cells(id_: str, row: PlacedTable) -> list[str]:
    import math

    from atlasplane.anatomy.landmarks import landmarks

    entry = next(each for each in landmarks().values() if each.id == id_)
    default = entry.placing.covariance(mirrored=False)
    (a, b), (_, d) = row.cov_mm2
    r = f"{b / math.sqrt(a * d):+.2f}" if a > 0 and d > 0 else "-"
    taken = "own" if row.used else f"default: {row.why_default}"
    shown_default = f"{math.sqrt(default[0, 0]):.2f}, {math.sqrt(default[1, 1]):.2f}"
    return [
        f"{math.sqrt(a):.2f}",
        f"{math.sqrt(d):.2f}",
        r,
        shown_default,
        f"{row.dof:g}",
        str(row.films),
        taken,
    ]


def _amount(value: float, unit: str, *, plus: bool = False) -> str:
    from atlasplane.report.numbers import fixed, with_unit

    return with_unit(fixed(value, 2, plus=plus), unit)


def _print_bias(out: Console, rows: tuple[BiasTable, ...]) -> None:
    """All quantities; of the marks those whose interval leaves zero out."""
    from atlasplane.cli.terminal import Column, cells
    from atlasplane.cli.terminal import table as empty_table

    for first, second in sorted({(row.first, row.second) for row in rows}):
        heads = ("mean", "95 % interval", "limits of agreement", "films")
        columns = [Column("read", least=22), *(Column(head, "right") for head in heads)]
        made = empty_table(f"{second} minus {first}", columns)
        own = [row for row in rows if (row.first, row.second) == (first, second)]
        shown = [row for row in own if row.kind == "quantity" or row.interval[0] * row.interval[1] > 0]
        for row in shown:
            name = row.id if row.axis is None else f"{row.id}, axis {row.axis}"
            spans = (f"{low:+.2f} to {high:+.2f}" for low, high in (row.interval, row.limits))
            made.add_row(*cells([name, _amount(row.mean, row.unit, plus=True), *spans, str(row.films)]))
        out.print()
        out.print(made)
        out.print(
            f"Limits of agreement of two single readings (Bland and Altman). {len(own) - len(shown)} more "
            "coordinates of marks, whose intervals hold 0, stand in the file and with --json.",
            style="dim",
        )
