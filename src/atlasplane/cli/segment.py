"""`segment`: masks and meshes of skull, C1 and C2 of a scan, as a proposal that a person accepts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlasplane.cli.documents import Json, print_json

if TYPE_CHECKING:
    from atlasplane.api import SegmentedVolume

CasePath = Annotated[Path, typer.Argument(metavar="CASE", help="Case folder (with case.toml).")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: atlasplane segment cases/P-014, then accept it in: atlasplane mark cases/P-014"
    )(segment)


def segment(
    case: CasePath,
    volume: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Which volume, as case.toml names it. Default: the only one."),
    ] = None,
    seeds: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Points inside the bones. Default: they are looked for."),
    ] = None,
    tool: Annotated[
        str,
        typer.Option(
            "--with", metavar="WORD", help="atlasplane, or an installed program: totalsegmentator, spineps."
        ),
    ] = "atlasplane",
    accept: Annotated[
        str | None,
        typer.Option(
            metavar="OBSERVER",
            help="Accept the proposal that waits, or the new one if its shape check finds nothing grave.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find skull, C1 and C2 in a CT or CBCT: masks and meshes beside the scan.

    What is found is a proposal: it feeds no measurement before a person accepts it, here or in the page of
    atlasplane mark. Exit status 1 when the shape check says that a person must look.
    """
    from atlasplane import api
    from atlasplane.cli.terminal import progress

    with progress("Segmenting"):
        done = api.segment(case, volume=volume, seeds=seeds, tool=tool, accept=accept)
    if as_json:
        print_json(_document(done))
    else:
        _print(done)
    raise typer.Exit(1 if done.needs_a_person else 0)


def _document(done: SegmentedVolume) -> dict[str, Any]:
    record = done.stored.record
    return {
        "schema": "atlasplane.segment/1",
        "volume": record.volume.file,
        "record": done.stored.file,
        "status": record.status,
        "tool": record.tool.model_dump(exclude={"x"}),
        "masks": done.stored.masks,
        "meshes": done.stored.meshes,
        "findings": [each.model_dump(exclude={"x"}) for each in record.findings],
        "seconds": done.seconds,
    }


def _print(done: SegmentedVolume) -> None:
    from atlasplane.cli.terminal import cells, console, print_findings, print_labelled

    out, stored = console(), done.stored
    rows = [(cells([bone])[0], f"{stored.masks[bone]}  {stored.meshes[bone]}") for bone in stored.masks]
    print_labelled(out, rows)
    print_findings(out, done.findings)
    if stored.record.status == "accepted":
        out.print(f"Accepted by {cells([str(stored.record.accepted_by)])[0]}.")
    else:
        out.print("A proposal: look at it, and accept or reject it, in atlasplane mark.")
