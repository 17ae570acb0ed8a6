"""`mark`: the page in which films and volumes are marked."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from atlasplane.core.errors import BadInput, MissingExtra

DIRECTIONS = "image_left, image_right, image_up or image_down"
LONE = "A film without a case"
EXTRA = ("fastapi", "starlette", "uvicorn")
"""What the extra [web] installs."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane mark atlasplane-demo/patient --observer KR")(mark)


def mark(
    source: Annotated[
        Path, typer.Argument(metavar="CASE|FILM", help="Case folder, or one film without a case.")
    ],
    observer: Annotated[str | None, typer.Option(metavar="TEXT", help="Who marks, e.g. initials.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="N", help="Port of this computer. Default: a free one."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", metavar="", help="Open the page in the web browser.")
    ] = True,
    view: Annotated[
        str | None, typer.Option(metavar="WORD", help="View of the film.", rich_help_panel=LONE)
    ] = None,
    patient_right: Annotated[
        str | None, typer.Option(metavar="WAY", help=f"{DIRECTIONS}.", rich_help_panel=LONE)
    ] = None,
    patient_anterior: Annotated[
        str | None, typer.Option(metavar="WAY", help=f"{DIRECTIONS}.", rich_help_panel=LONE)
    ] = None,
) -> None:
    """Mark films and volumes in a page of the web browser; everything is saved as you go.

    The page is served on this computer alone (127.0.0.1). Close it with Finish in the page, or Ctrl+C here.
    """
    stated = {"view": view, "patient_right": patient_right, "patient_anterior": patient_anterior}
    given = {key: value for key, value in stated.items() if value is not None}
    try:
        from atlasplane.web.desks import case_desk, film_desk
        from atlasplane.web.serve import listening
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in EXTRA:
            raise
        raise MissingExtra("web", "atlasplane mark") from missing
    if source.is_file():
        desk = film_desk(source, given)
    else:
        if given:
            option = f"--{next(iter(given)).replace('_', '-')}"
            raise BadInput(option, "is for a film without a case", "State it in visit.toml, or in the page")
        desk = case_desk(source)
    server = listening(desk, port=port, observer=observer)
    typer.echo(f"{server.address}\nMarks are saved as you go. Ctrl+C, or Finish in the page, ends it.")
    if browser:
        import webbrowser

        webbrowser.open(server.address)
    with suppress(KeyboardInterrupt):
        server.run()
    typer.echo("Ended; everything that the page showed as saved is saved.")
