"""The recordings that visit.toml names, and where their rest and reference lie; no sample is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.io.models import QuietTable, RecordingTable, ReferenceTable
from atlasplane.sources.visit_recording import NamedChannel, StatedStretch, VisitRecording

Place = Callable[[str], Path]
"""From a file that the table names to its path; raises BadInput where it is not there."""


def visit_recordings(
    folder: Path, tables: tuple[RecordingTable, ...], place: Callable[..., Path], *, name: str
) -> tuple[VisitRecording, ...]:
    """The recordings of a visit.

    Parameters
    ----------
    folder : Path
        Of the visit.
    place : callable
        From folder and file, with `name` and `where` for the message, to the file's path.
    name : str
        Of visit.toml, for messages.

    Raises
    ------
    BadInput
        When a file is not there, is named twice, or a stretch ends before it begins.
    """
    found: dict[str, VisitRecording] = {}
    for n, table in enumerate(tables):
        where = f"recording[{n}]"
        if table.file in found:
            what = f"{where} names '{table.file}', which another recording names too"
            raise BadInput(name, what, "Delete one of them")
        to_path = partial(place, folder, name=name, where=where)
        found[table.file] = VisitRecording(
            file=f"{folder.name}/{table.file}",
            path=to_path(table.file),
            kind=table.kind,
            channels=_channels(table, name=name, where=where),
            channel_map=None if table.channel_map is None else to_path(table.channel_map),
            quiet=_stretch(table.quiet, to_path, name=name, where=f"{where}.quiet"),
            noise_uV=dict(table.noise_uV or {}),
            reference=_stretch(table.reference, to_path, name=name, where=f"{where}.reference"),
            reference_kind="RVC" if table.reference is None else table.reference.kind,
        )
    return tuple(found.values())


def _channels(table: RecordingTable, *, name: str, where: str) -> tuple[NamedChannel, ...]:
    if table.channels and table.channel_map is not None:
        what = f"{where} has channels and a channel_map"
        raise BadInput(name, what, "State the channels in one place")
    labels = [channel.label for channel in table.channels]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise BadInput(name, f"{where} names the channel '{twice[0]}' twice", "Keep one of them")
    return tuple(
        NamedChannel(label=channel.label, muscle=channel.muscle, side=channel.side)
        for channel in table.channels
    )


def _stretch(
    table: QuietTable | ReferenceTable | None, to_path: Place, *, name: str, where: str
) -> StatedStretch | None:
    if table is None:
        return None
    if table.start_s is not None and table.stop_s is not None and not table.start_s < table.stop_s:
        what = f"{where} ends at {table.stop_s:g} s, before it begins at {table.start_s:g} s"
        raise BadInput(name, what, "Correct start_s and stop_s")
    if table.file is None and (table.start_s is None or table.stop_s is None):
        raise BadInput(name, f"{where} lacks start_s or stop_s", "State both, or name a file of its own")
    return StatedStretch(
        start_s=table.start_s,
        stop_s=table.stop_s,
        path=None if table.file is None else to_path(table.file),
    )
