"""`add` of a folder or a volume: a line for every film, scan and group of files that was left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from atlasplane.cli.documents import print_json
from atlasplane.core.errors import BadInput

if TYPE_CHECKING:
    from atlasplane.io.case_add_folder import SortedEntry
    from atlasplane.io.visit_choice import VisitStamp

VOLUME_ENDS = (".nii", ".nii.gz")


def is_folder_or_volume(path: Path) -> bool:
    """Whether it is added as a whole, without a view."""
    return path.is_dir() or path.name.lower().endswith(VOLUME_ENDS)


def add_folder_or_volume(
    case: Path, path: Path, stamp: VisitStamp, said: Sequence[str], *, list_only: bool, as_json: bool
) -> None:
    """Add or list, and print what went where.

    Parameters
    ----------
    said : sequence of str
        Keys of a single film that were given: they have no meaning here.

    Raises
    ------
    BadInput
        When an option of one film was given, or what is given cannot be added.
    """
    if said:
        option = f"--{said[0].replace('_', '-')}"
        raise BadInput(option, f"speaks of one film, but {path.name} is a folder or a volume", "Leave it out")
    entries = _entries(case, path, stamp, list_only=list_only)
    if as_json:
        print_json(_document(entries, list_only=list_only))
    else:
        _print(entries)


def _entries(case: Path, path: Path, stamp: VisitStamp, *, list_only: bool) -> Sequence[SortedEntry]:
    if path.is_dir():
        from atlasplane.io.case_add_folder import add_folder, list_folder

        return list_folder(path) if list_only else add_folder(case, path, visit=stamp)
    if list_only:
        raise BadInput("--list", f"{path.name} is no folder", "Give the folder that an archive exported")
    from atlasplane.io.case_add_folder import SortedEntry
    from atlasplane.io.case_add_volume import add_volume
    from atlasplane.io.series_kind import SeriesKind

    added = add_volume(case, path)
    entry = SortedEntry(
        kind=SeriesKind.VOLUME,
        source=path.name,
        count=1,
        what="NIfTI volume",
        file=added.file,
        findings=added.findings,
    )
    return (entry,)


def _document(entries: Sequence[SortedEntry], *, list_only: bool) -> dict[str, Any]:
    from atlasplane.report.document import finding_json

    return {
        "schema": "atlasplane.add-folder/1",
        "listed_only": list_only,
        "entries": [
            {
                "kind": each.kind.value,
                "source": each.source,
                "count": each.count,
                "what": each.what,
                "file": each.file,
                "reason": each.reason,
                "remedy": each.remedy,
                "findings": [finding_json(found) for found in each.findings],
            }
            for each in entries
        ],
    }


def _print(entries: Sequence[SortedEntry]) -> None:
    from atlasplane.cli.terminal import console, print_findings, print_labelled

    rows = []
    for each in entries:
        more = f" and {each.count - 1} more" if each.count > 1 else ""
        where = f" -> {each.file}" if each.file else f": left out. {each.remedy}." if each.reason else ""
        reason = f" ({each.reason})" if each.reason and each.reason != each.what else ""
        rows.append((each.kind.value, f"{each.source}{more}: {each.what}{reason}{where}"))
    print_labelled(console(), rows)
    print_findings(console(), [found for each in entries for found in each.findings])
    if not entries:
        typer.echo("The folder holds no files.")
