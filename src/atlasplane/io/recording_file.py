"""Recordings of muscle activity and movement: the reader is chosen by what a file holds, not by its name."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.io.digest import unreadable
from atlasplane.io.recording_c3d import read_c3d
from atlasplane.io.recording_edf import read_edf
from atlasplane.io.recording_map import ChannelMap, RecordingLayout
from atlasplane.io.recording_marks import (
    BDF_MARK,
    BIOSPPY_MARK,
    DATALOG_MARK,
    EDF_MARK,
    HDF5_MARK,
    OPENSIGNALS_MARK,
    TRIGNO_MARK,
)
from atlasplane.io.recording_otb import read_otb
from atlasplane.io.recording_plux import read_opensignals, read_plux
from atlasplane.io.recording_text import read_biosppy, read_datalog, read_table
from atlasplane.io.recording_trigno import read_trigno
from atlasplane.io.text_file import read_text
from atlasplane.sources.recording import LabelledEvent, Recording

_HEAD_BYTES = 512
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")
_LABEL_COLUMNS = ["channel", "start_s", "stop_s", "class"]


def read_recording(
    path: Path, *, layout: RecordingLayout | None = None, channels: ChannelMap | None = None
) -> Recording:
    """A recording; its samples are read later, piece by piece.

    EDF, EDF+, BDF, Delsys Trigno CSV, OpenSignals (HDF5 and text), OTB+, C3D, BioSPPy and Biometrics text,
    and tables of numbers are known.

    Parameters
    ----------
    path : Path
    layout : RecordingLayout, optional
        Of a text file; else the channel map's.
    channels : ChannelMap, optional
        Muscles and sides, and what the file does not say.

    Raises
    ------
    MissingExtra
        When the format needs a library that is not installed.
    BadInput
        Naming the file, the fault and what to do.
    """
    head = _head(path)
    for marks, reader in (
        ((EDF_MARK, BDF_MARK), read_edf),
        ((HDF5_MARK,), read_plux),
    ):
        if head.startswith(marks):
            return reader(path, channels=channels)
    if head[257:262] == b"ustar":
        return read_otb(path, channels=channels)
    # The second byte of a C3D file is its key; the first says where the parameters start.
    if head[1:2] == b"\x50" and 2 <= head[0] <= 32 and b"\0" in head:
        return read_c3d(path, channels=channels)
    if head.startswith(_PACKED):
        raise BadFile(path.name, "is packed", "Unpack it, and name the recording inside")
    return _read_text(path, head, layout, channels)


def _read_text(
    path: Path, head: bytes, layout: RecordingLayout | None, channels: ChannelMap | None
) -> Recording:
    start = head.removeprefix(b"\xef\xbb\xbf")
    if start.startswith(TRIGNO_MARK):
        return read_trigno(path, channels=channels)
    if start.startswith(OPENSIGNALS_MARK):
        return read_opensignals(path, channels=channels)
    if start.startswith(BIOSPPY_MARK):
        return read_biosppy(path, layout=layout, channels=channels)
    if start.startswith(DATALOG_MARK) and b"engineering units" in start:
        return read_datalog(path, layout=layout, channels=channels)
    if b"\0" in head:
        raise BadFile(
            path.name,
            "is no recording that is known",
            "Give an EDF, BDF, OTB+, C3D, HDF5 (OpenSignals), CSV or text file",
        )
    return read_table(path, layout=layout, channels=channels)


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise BadInput(path.name, "is a folder", "Name the recording inside")
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as fault:
        raise unreadable(path.name, fault) from fault
    if not head.strip():
        raise BadFile(path.name, "is empty", "Copy the recording again")
    return head


def read_labels(path: Path) -> tuple[LabelledEvent, ...]:
    """Events that a person marked: CSV with the columns channel, start_s, stop_s, class; in time order.

    Raises
    ------
    BadInput
        Naming the line, when columns are missing, a time is no number or an event ends before it starts.
    """
    name = path.name
    lines = csv.reader(read_text(path, name=name).splitlines())
    header = [cell.strip() for cell in next(lines, [])]
    if header != _LABEL_COLUMNS:
        what = f"starts with {','.join(header)[:80] or 'nothing'}"
        raise BadInput(name, what, f"Its first line must be {','.join(_LABEL_COLUMNS)}")
    return tuple(sorted(_events(lines, name), key=lambda event: (event.start_s, event.channel)))


def _events(lines: Iterator[list[str]], name: str) -> Iterator[LabelledEvent]:
    for n, row in enumerate(lines, 2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            channel, start, stop, class_ = (cell.strip() for cell in row)
            event = LabelledEvent(channel=channel, start_s=float(start), stop_s=float(stop), class_=class_)
        except ValueError as fault:
            what = f"line {n}: '{','.join(row)[:80]}' is no channel, start, stop and class"
            raise BadInput(name, what, "Times are seconds, and an event ends after it starts") from fault
        if not (channel and class_ and event.start_s >= 0 and math.isfinite(event.stop_s)):
            what = f"line {n} lacks its channel or class, or has times outside a recording"
            raise BadInput(name, what, "Correct that line")
        yield event
