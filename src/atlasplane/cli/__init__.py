"""The command line: thin, no arithmetic; every command calls the verbs of `atlasplane.api`.

Exit status: 0 done; 1 done, and a person must look; 2 bad input; 3 our fault.
"""

from __future__ import annotations

import json
import os
import sys

import click
import typer

from atlasplane.cli import case, demo, measure, schema, simulate
from atlasplane.core.errors import AtlasplaneError

NOTICE = (
    "Research and education software. Not cleared or approved as a medical device in any country. Results are measurements "
    "with stated error, not a diagnosis or a treatment recommendation."
)

app = typer.Typer(
    name="atlasplane",
    help=f"Measure how the atlas sits between skull and axis, with the uncertainty of every number.\n\n{NOTICE}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (demo, case, measure, simulate, schema):
    module.register(app)


@app.callback(invoke_without_command=True)
def _version(show: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if show:
        from atlasplane import __version__

        typer.echo(f"atlasplane {__version__}\n{NOTICE}")
        raise typer.Exit()


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    try:
        outcome = app(args=arguments, standalone_mode=False)
        return int(outcome or 0)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        typer.echo("Stopped; nothing half-written was left.", err=True)
        return 130
    except AtlasplaneError as error:
        if "--json" in arguments:
            fault = {"schema": "atlasplane.error/1", "file": error.file, "what": error.what, "remedy": error.remedy}
            typer.echo(json.dumps(fault, indent=1))
        typer.echo(f"atlasplane: {error}", err=True)
        return 2
    except Exception as error:  # what no module foresaw is ours to mend, and says so without a patient's data
        typer.echo(f"atlasplane: our fault ({type(error).__name__}); set ATLASPLANE_DEBUG=1 to see where", err=True)
        if os.environ.get("ATLASPLANE_DEBUG") == "1":
            raise
        return 3

