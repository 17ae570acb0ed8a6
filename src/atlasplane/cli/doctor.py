"""`doctor`: whether this computer has everything that the program needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasplane.cli.documents import Json, print_json

if TYPE_CHECKING:
    from atlasplane.cli.trials import Trial

STYLE = {"ok": "green", "note": "yellow", "problem": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane doctor clinic/cases")(doctor)


def doctor(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder that your cases lie in.", show_default=False)
    ] = Path(),
    as_json: Json = False,
) -> None:
    """Look whether this computer has what the program needs, and say how to mend what is missing.

    The exit status is 0 also with problems: they are shown.
    """
    import atlasplane
    from atlasplane.cli.terminal import progress
    from atlasplane.cli.trials import trials

    with progress("Looking at this computer") as _:
        found = list(trials(folder))
    if as_json:
        rows = [
            {"group": t.group, "name": t.name, "state": t.state, "text": t.text, "remedy": t.remedy or None}
            for t in found
        ]
        print_json({"schema": "atlasplane.doctor/1", "software": atlasplane.__version__, "trials": rows})
    else:
        _print(found)


def _print(found: list[Trial]) -> None:
    from rich.table import Table

    from atlasplane.cli.terminal import cells, console

    out = console()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(max_width=26)
    grid.add_column()
    group = ""
    for each in found:
        if each.group != group:
            group = each.group
            grid.add_row(f"[bold cyan]{group}[/]", "", "")
        name, text, remedy = cells([each.name, each.text, each.remedy])
        grid.add_row(f"  [{STYLE[each.state]}]{each.state}[/]", name, text)
        if remedy:
            grid.add_row("", "", f"[dim]{remedy}[/]")
    out.print(grid)
    counts = {state: sum(each.state == state for each in found) for state in STYLE}
    said = ", ".join(
        f"{count} {state if count == 1 or state == 'ok' else state + 's'}"
        for state, count in reversed(counts.items())
    )
    out.print()
    out.print(f"{said}.")
