"""`schema`: the JSON Schema of a file or an output."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: atlasplane schema landmarks > landmarks.schema.json")(schema)


def schema(
    name: Annotated[str | None, typer.Argument(help="Name of a schema; without it the names are listed.")] = None,
) -> None:
    """Print a JSON Schema (draft 2020-12) of an input file or of a command's --json output."""
    from atlasplane.cli.terminal import print_json
    from atlasplane.core.errors import BadInput
    from atlasplane.io.schemas import json_schema, schema_names

    if name is None:
        for known in schema_names():
            typer.echo(known)
        return
    if name not in schema_names():
        raise BadInput("schema", f"there is no schema '{name}'", f"Names: {', '.join(schema_names())}.")
    print_json(json_schema(name))
