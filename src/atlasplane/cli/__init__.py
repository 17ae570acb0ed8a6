"""The command line: thin, no arithmetic; every command calls the verbs of `atlasplane.api`.

Exit status: 0 done; 1 done, and a person must look; 2 bad input; 3 our fault.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback

import typer

from atlasplane.cli import (
    case,
    check,
    demo,
    doctor,
    exchange,
    mark,
    measure,
    observers,
    register,
    schema,
    segment,
    simulate,
    spasm,
)
from atlasplane.cli.documents import print_error
from atlasplane.core.errors import AtlasplaneError

NOTICE = (
    "Research and education software. Not cleared or approved as a medical device in any country. "
    "Results are measurements with stated error, not a diagnosis or a treatment recommendation."
)
DEBUG = "ATLASPLANE_DEBUG"
STOPPED = 130
"""As shells count an interrupt."""
READER_LEFT = 141
"""As shells count a closed pipe."""

app = typer.Typer(
    name="atlasplane",
    help=(
        "Measure how the atlas sits between skull and axis, with the uncertainty of every number.\n\n"
        "Start with 'atlasplane demo'. 'atlasplane COMMAND --help' shows an example of each command.\n\n"
        f"{NOTICE}"
    ),
    epilog="Exit status: 0 done; 1 done, and a person must look; 2 bad input; 3 our fault.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_MODULES = (
    demo,
    case,
    mark,
    segment,
    register,
    spasm,
    measure,
    simulate,
    schema,
    observers,
    check,
    doctor,
    exchange,
)
for module in _MODULES:
    module.register(app)


@app.callback(invoke_without_command=True)
def _version(
    show: bool = typer.Option(False, "--version", metavar="", help="Print the version and leave."),
) -> None:
    if show:
        from atlasplane import __version__

        typer.echo(f"atlasplane {__version__}\n{NOTICE}")
        raise typer.Exit()


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file or a pipe is always UTF-8; a terminal keeps its encoding and never ends a run for a sign.
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    as_json = "--json" in arguments
    try:
        status = int(app(args=arguments, prog_name="atlasplane", standalone_mode=False) or 0)
    except typer.TyperException as wrong:
        return _usage(wrong, as_json=as_json)
    except AtlasplaneError as wrong:
        print_error(wrong.file, wrong.what, wrong.remedy, as_json=as_json)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        status = STOPPED
    except SystemExit:  # whoever read our output has closed it
        return READER_LEFT
    except Exception as fault:  # what no module foresaw is ours to mend, and says so without a patient's data
        if isinstance(fault, OSError) and fault.errno == errno.ENOSPC:
            print_error(
                "output", "could not be written: the disk is full", "Make room and try again", as_json=False
            )
            return 2
        return _our_fault(fault, as_json=as_json)
    if status == STOPPED:
        typer.echo("atlasplane: stopped; nothing half-written was left", err=True)
    return status


def _usage(wrong: typer.TyperException, *, as_json: bool) -> int:
    """An unknown command or option, or one that is missing."""
    context = getattr(wrong, "ctx", None)
    command = "atlasplane" if context is None else context.command_path
    what = wrong.format_message().strip().rstrip(".")
    if what:  # without one the help was asked for and is printed already
        print_error(command, what[:1].lower() + what[1:], f"See: {command} --help", as_json=as_json)
    return 2


def _our_fault(fault: Exception, *, as_json: bool) -> int:
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(fault)
    what = f"our fault ({type(fault).__name__})"
    print_error("atlasplane", what, f"Set {DEBUG}=1 to see where, and tell us", as_json=as_json)
    return 3
