"""What stands on stdout with `--json`, and what stands on stderr when something is wrong."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON document, in full precision.")]


def print_json(document: dict[str, Any]) -> None:
    """Print a document at full precision."""
    typer.echo(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False))


def print_error(file: str, what: str, remedy: str, *, as_json: bool) -> None:
    """The message on stderr, and with `as_json` its document on stdout."""
    if as_json:
        print_json({"schema": "atlasplane.error/1", "file": file, "what": what, "remedy": remedy})
    program = "" if file.startswith("atlasplane") else "atlasplane: "
    typer.echo(printable(f"{program}{file}: {_stopped(what)} {_stopped(remedy)}"), err=True)


def printable(text: str) -> str:
    """The text with control characters written out: what a file holds cannot steer the terminal."""
    return "".join(c.encode("unicode_escape").decode("ascii") if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _stopped(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
