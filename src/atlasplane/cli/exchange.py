"""`export` and `import`: readings of a case out to other programs and back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from atlasplane.cli.documents import Json, print_json
from atlasplane.cli.values import instant
from atlasplane.core.errors import BadInput


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: atlasplane export cases/P-014 --slicer slicer/P-014")(export)
    app.command(
        name="import",
        epilog="Example: atlasplane import cases/P-014 nasium.r1.mrk.json --film 2026-03-02/nasium.png "
        "--observer KR",
    )(import_)


def export(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Case folder.")],
    slicer: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="New folder for 3D Slicer: a .mrk.json a reading, films as one-slice volumes.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Write the readings of a case for another program."""
    from atlasplane.io.slicer_exchange import export_slicer

    written = export_slicer(case, slicer)
    if as_json:
        print_json({"schema": "atlasplane.export/1", "folder": str(slicer), "files": list(written)})
        return
    for file in written:
        typer.echo(str(slicer / file))


def import_(  # noqa: PLR0913 - one option a key of the reading
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Case folder.")],
    markups: Annotated[Path, typer.Argument(metavar="FILE", help="Slicer markups, .mrk.json.")],
    film: Annotated[
        str | None, typer.Option(metavar="PATH", help="Film or photograph, as its path in the case.")
    ] = None,
    volume: Annotated[
        str | None, typer.Option(metavar="PATH", help="Volume, as its path in the case.")
    ] = None,
    observer: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Who placed the marks. Default: what the file says.")
    ] = None,
    reading: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Id of the reading. Default: the file's, else a free one."),
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="TIME", help="When they were placed. Default: the file's, else now.")
    ] = None,
    blinded: Annotated[
        bool, typer.Option("--blinded", metavar="", help="The reader saw no earlier reading.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put marks made in another program into a case; labels are the ids of the landmark catalogue."""
    from atlasplane.io.slicer_exchange import ReadingStamp, import_slicer

    if (film is None) == (volume is None):
        raise BadInput(markups.name, "is of one image", "Give --film or --volume, and not both")
    placed: datetime | None = None if time is None else instant("--time", time)
    stamp = ReadingStamp(id=reading, observer=observer, time=placed, blinded=blinded)
    done = import_slicer(case, markups, film or volume or "", stamp)
    if as_json:
        print_json(
            {
                "schema": "atlasplane.import/1",
                "file": done.file,
                "reading": done.reading,
                "is_known": done.is_known,
            }
        )
        return
    more = " was there already: nothing was changed" if done.is_known else ""
    typer.echo(f"{done.file}  (reading {done.reading}){more}")
