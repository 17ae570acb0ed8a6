"""`schema`: the JSON Schema of a file or an output."""

from __future__ import annotations

from typing import Annotated

import typer

from atlasplane.cli.documents import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane schema landmarks > landmarks.schema.json")(schema)


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Name of a schema; without it the names are listed."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the JSON Schema (draft 2020-12) of an input file or of a command's --json output."""
    from atlasplane.io.schemas import json_schema, schema_names

    if name is not None:
        print_json(json_schema(name))
    elif as_json:
        print_json({"schema": "atlasplane.schemas/1", "names": list(schema_names())})
    else:
        for known in schema_names():
            typer.echo(known)
