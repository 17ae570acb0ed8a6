"""Annotations of EDF+ files: time-stamped lists (Kemp 2003, doi:10.1016/S1388-2457(03)00123-8, 2.2).

A list is an onset, maybe a duration behind character 21, and texts, each between characters 20; it ends with
character 0. The first list of each data record tells its start. A text that ends with ``@@label`` is of the
channel of that label alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.sources.recording import Annotation

NOT_RECORDED = "not recorded"
"""Our note of a stretch without samples: EDF has no number for "nothing"."""
RECORDING_ENDS = "Recording ends"
"""Our note of the end: the last data record is filled up behind it."""

_LIST = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14(.*)", re.DOTALL)
_SEPARATOR = 0x14
_LINK = "@@"


@dataclass(frozen=True, slots=True)
class RecordNotes:
    """Annotations of a piece of a file.

    Attributes
    ----------
    annotations : tuple of Annotation
        Times after the start that the header states.
    damaged : int
        Lists that could not be read.
    """

    annotations: tuple[Annotation, ...]
    damaged: int


def onsets_s(records: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Start of each data record as its first list states it; NaN where it states none.

    Parameters
    ----------
    records : array, shape (n, bytes)
        The first annotation signal of n data records.
    """
    starts = np.full(len(records), np.nan)
    for n, row in enumerate(records):
        content = row.tobytes()
        try:
            starts[n] = float(content[: content.index(b"\x14")].split(b"\x15")[0])
        except ValueError:
            continue
    return starts


def notes_of(records: NDArray[np.uint8], *, timed: bool) -> RecordNotes:
    """The annotations of data records.

    Parameters
    ----------
    records : array, shape (n, bytes)
        One annotation signal of n data records.
    timed : bool
        Whether each record's first list tells its start: such a list alone is passed over quickly.
    """
    separators = np.count_nonzero(records == _SEPARATOR, axis=1)
    found: list[Annotation] = []
    damaged = 0
    for n in np.flatnonzero(separators > (2 if timed else 0)):
        for content in records[n].tobytes().split(b"\0"):
            read = list(_annotations(content)) if content else []
            damaged += bool(content) and not read and not _LIST.fullmatch(content)
            found += read
    return RecordNotes(tuple(found), damaged)


def _annotations(content: bytes) -> Iterator[Annotation]:
    match = _LIST.fullmatch(content)
    if match is None:
        return
    for text in match[3].split(b"\x14"):
        said, link, label = text.decode("utf-8", errors="replace").strip().rpartition(_LINK)
        whole = said if link else label
        if not whole:
            continue
        yield Annotation(
            start_s=float(match[1]),
            duration_s=float(match[2] or 0),
            text=whole.strip(),
            channel=label.strip() or None if link else None,
        )


def note_bytes(annotation: Annotation) -> bytes:
    """An annotation as one list; characters that would end it are left out."""
    text = annotation.text if annotation.channel is None else f"{annotation.text}{_LINK}{annotation.channel}"
    clean = "".join(letter for letter in text if letter not in "\0\x14\x15")
    duration = f"\x15{seconds_text(annotation.duration_s)}" if annotation.duration_s else ""
    return f"{signed_text(annotation.start_s)}{duration}\x14{clean}\x14\0".encode()


def time_bytes(start_s: str) -> bytes:
    """The list that tells the start of a data record."""
    return f"{start_s}\x14\x14\0".encode()


def signed_text(value_s: float) -> str:
    """A time with its sign."""
    return ("-" if value_s < 0 else "+") + seconds_text(abs(value_s))


def seconds_text(value_s: float) -> str:
    """Seconds without an exponent, to the nanosecond."""
    text = f"{value_s:.9f}".rstrip("0").rstrip(".")
    return text or "0"


def packed(lists: Sequence[bytes], room: int) -> Iterator[bytes]:
    """The lists in order, as many together as `room` bytes hold."""
    filled = b""
    for each in lists:
        if filled and len(filled) + len(each) > room:
            yield filled
            filled = b""
        filled += each
    if filled:
        yield filled
