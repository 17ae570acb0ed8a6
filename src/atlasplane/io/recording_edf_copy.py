"""An EDF or BDF recording copied with more annotations: samples and earlier annotations stay as they are."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.io.atomic import write_filled
from atlasplane.io.digest import unreadable
from atlasplane.io.recording_edf import edf_header, readable_records, record_times
from atlasplane.io.recording_edf_fields import header_with_notes
from atlasplane.io.recording_edf_header import EdfHeader
from atlasplane.io.recording_edf_notes import note_bytes, packed, signed_text, time_bytes
from atlasplane.io.recording_edf_samples import PIECE_BYTES, record_rows
from atlasplane.io.recording_marks import BDF_MARK, EDF_MARK
from atlasplane.sources.recording import Annotation

_DIGITS = 10
"""A point and nine digits: what the start of a record may need more than that of the last one."""


def write_annotations(source: Path, path: Path, annotations: Sequence[Annotation]) -> None:
    """Copy an EDF or BDF recording, with annotations in a signal of their own behind the others.

    A plain EDF becomes an EDF+. The patient's field is left blank and the recording's is written anew: the
    copy names no person.

    Parameters
    ----------
    source, path : Path
        Different files.
    annotations : sequence of Annotation
        Times after the first sample, as `read_edf` gives them.

    Raises
    ------
    BadInput
        When the source cannot be read, or both are one file.
    OutputFailed
        When the copy cannot be written; what was there before is untouched.
    """
    if path.exists() and path.samefile(source):
        raise BadInput(path.name, "is the recording itself", "Name another file for the copy")
    check_edf(source)
    header = edf_header(source)
    n_records, _ = readable_records(header, source.stat().st_size, source.name)
    zero_s = record_times(source, header, n_records).zero_s
    lists = [
        note_bytes(replace(each, start_s=each.start_s + zero_s))
        for each in sorted(annotations, key=lambda each: each.start_s)
    ]
    room = max([0, *map(len, lists)]) + math.ceil(sum(map(len, lists)) / n_records)
    # The first annotation signal of a file tells the time of every record; a plain EDF has none yet.
    timed = 0 if header.is_plus else len(time_bytes(_time(header, n_records))) + _DIGITS
    notes = deque(packed(lists, room))
    # Whole samples, and at least one, so that the signal is there.
    own = header.width * max(1, -(-(room + timed) // header.width))
    write_filled(
        path, partial(_fill, source=source, header=header, n_records=n_records, notes=notes, own=own)
    )


def check_edf(source: Path) -> None:
    """Refuse a recording beside which no annotations can be written; raises BadInput."""
    try:
        with source.open("rb") as stream:
            head = stream.read(len(EDF_MARK))
    except OSError as fault:
        raise unreadable(source.name, fault) from fault
    if head not in (EDF_MARK, BDF_MARK):
        what = "is no EDF recording, and annotations can be written beside one alone"
        raise BadInput(source.name, what, "Leave --annotations out; --json and --report have all events")


def _fill(
    stream: BinaryIO, *, source: Path, header: EdfHeader, n_records: int, notes: deque[bytes], own: int
) -> None:
    try:
        with source.open("rb") as reader:
            head = reader.read(header.bytes)
    except OSError as fault:
        raise unreadable(source.name, fault) from fault
    stream.write(header_with_notes(head, header, n_records=n_records, samples=own // header.width))
    step = max(1, PIECE_BYTES // header.record_bytes)
    for first in range(0, n_records, step):
        stop = min(first + step, n_records)
        rows = []
        for record in range(first, stop):
            time = b"" if header.is_plus else time_bytes(_time(header, record))
            rows.append((time + (notes.popleft() if notes else b"")).ljust(own, b"\0"))
        added = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(stop - first, own)
        stream.write(np.hstack([record_rows(source, header, first, stop), added]).data)


def _time(header: EdfHeader, record: int) -> str:
    """Start of a data record."""
    return signed_text(float(record * header.record_s))
