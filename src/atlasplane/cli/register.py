"""`register`: where skull, C1 and C2 of a scan stand on the films of a visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atlasplane.cli.documents import Json, print_json
from atlasplane.core.errors import BadInput

if TYPE_CHECKING:
    from atlasplane.chain.registered import RegisteredVisit

CasePath = Annotated[
    Path, typer.Argument(metavar="CASE|FOLDER", help="Case folder (with case.toml), or a folder of cases.")
]
MANY = "A folder of cases"
STATES = {
    "ok": "[green]ok[/]: films and bones agree",
    "doubtful": "[yellow]doubtful[/]: look at the overlays; nothing is measured from it",
    "refused": "[bold red]refused[/]: no pose is given",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("register", epilog="Example: atlasplane register atlasplane-demo/patient --visit v3")(
        register_case
    )


def register_case(
    case: CasePath,
    visit: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Which visit. Default: the last with two films that can be used."),
    ] = None,
    rig: Annotated[
        str | None,
        typer.Option(
            metavar="fixed|free",
            help="Whether the films share one room and the head kept still. Default: as visit.toml says.",
        ),
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            metavar="landmarks|FILE",
            help="Where C1 and C2 begin: at their marks, or where an earlier registration.json found them.",
        ),
    ] = "landmarks",
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|tcp://HOST:PORT",
            help="How many processes, or a Dask scheduler. Default: one process a core.",
            rich_help_panel=MANY,
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Cases too whose registration is still valid.", rich_help_panel=MANY),
    ] = False,
    as_json: Json = False,
) -> None:
    """Register the CT or CBCT of a case to the films of a visit: poses of C1 and C2 from two films.

    The result is kept as registration.json in the visit's folder, and measure reads it from there. Exit
    status 1 when it is doubtful or refused. Of a folder of cases, each is registered.
    """
    from atlasplane import api
    from atlasplane.chain.batch import is_case

    if case.is_dir() and not is_case(case):
        from atlasplane.cli.batch_table import run_and_print
        from atlasplane.cli.register_job import RegisterJob

        job = RegisterJob(visit=visit, rig=_rig(rig), start=start)
        raise typer.Exit(run_and_print(case, job, workers=workers, again=again, as_json=as_json))
    with _progress() as told:
        done = api.register(case, visit=visit, rig=_rig(rig), start=start, progress=told)
    if as_json:
        from atlasplane.io.registration_record import record_document

        print_json(record_document(done.record))
    else:
        _print(done)
    raise typer.Exit(1 if done.needs_a_person else 0)


def _rig(word: str | None) -> Literal["fixed", "free"] | None:
    match word:
        case None | "fixed" | "free":
            return word
    raise BadInput("--rig", f"'{word}' is no rig", "Give fixed or free, or leave it out")


@contextmanager
def _progress() -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr that is told how far the work is and what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("Registering", total=1.0)
        yield lambda share, text: bar.update(task, completed=share, description=text)


def _print(done: RegisteredVisit) -> None:
    from atlasplane.cli.tables import SIMULATED
    from atlasplane.cli.terminal import Column, cells, console, print_findings, print_labelled, table
    from atlasplane.report.pose_rows import pose_rows

    out, record = console(), done.record
    if record.simulated:
        out.print(SIMULATED)
    print_findings(out, done.findings)
    films = ", ".join(film.file for film in record.cameras)
    title = f"Visit {record.visit}: {films}; rig {record.rig}"
    shown = table(title, [Column("pose"), Column("+"), Column("value", "right"), Column("u", "right")])
    for pose in done.poses:
        for k, row in enumerate(pose_rows(pose)):
            shown.add_row(*cells([pose.quantity.name if k == 0 else "", row.name, row.value, row.u]))
        shown.add_section()
    if done.poses:
        out.print(shown)
    out.print(STATES[record.status])
    folder = done.prepared.visit.folder
    print_labelled(
        out,
        [
            ("residual", f"{record.residual.value:.3g} (limit {record.residual.limit:.3g})"),
            ("starts agree", f"{record.agreement.deg:.2g} deg, {record.agreement.mm:.2g} mm"),
            ("seconds", f"{record.seconds:.1f}"),
            ("kept as", f"{folder}/registration.json"),
            *(("overlay", f"{folder}/{file}") for file in record.overlays),
        ],
    )
