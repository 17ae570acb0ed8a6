"""Tables of numbers in text files, read piece by piece, and unpacked for reading at any place."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile
from atlasplane.io.digest import unreadable
from atlasplane.io.recording_store import SampleStore

HEAD_BYTES = 1 << 18
"""Enough for the header of any text file, and for some rows of numbers."""

PIECE_BYTES = 1 << 22

_ROW = re.compile(r"at row (\d+)")
_AGAIN = "Export the table again, or state its layout in a channel map"

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableForm:
    """How the rows of a table are written.

    Attributes
    ----------
    first_line : int
        Lines before the first row.
    delimiter : str
        " " is any white space.
    decimal_comma : bool
    n_columns : int
    """

    first_line: int
    delimiter: str
    decimal_comma: bool = False
    n_columns: int


def first_lines(path: Path) -> list[str]:
    """The first lines of a text file; the last one that the head cut through is left out.

    Raises
    ------
    BadInput
        When it cannot be read or is no text in UTF-8 or Latin-1.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as fault:
        raise unreadable(path.name, fault) from fault
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise BadFile(path.name, "is not text in UTF-8", "Save it as UTF-8")
    try:
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = text.splitlines()
    return lines[:-1] if len(head) == HEAD_BYTES else lines


def number_rows(path: Path, form: TableForm) -> Iterator[Rows]:
    """The rows of a table, some thousands at a time; an empty cell is NaN, an empty line is no row.

    Raises
    ------
    BadFile
        Naming the line, when a row has another number of cells or a cell is no number.
    """
    line = form.first_line
    for content in _pieces(path, form.first_line):
        try:
            rows = np.loadtxt(
                io.StringIO(_plain(content, form)),
                delimiter=None if form.delimiter == " " else form.delimiter,
                comments=None,
                quotechar='"',
                ndmin=2,
            )
        except ValueError as fault:
            raise _not_a_table(path.name, line, str(fault), content) from fault
        line += content.count("\n")
        if not rows.size:
            continue
        if rows.shape[1] != form.n_columns:
            what = f"has {rows.shape[1]} columns where {form.n_columns} are named (before line {line})"
            raise BadFile(path.name, what, _AGAIN)
        yield rows


def _pieces(path: Path, skip_lines: int) -> Iterator[str]:
    try:
        with path.open("rb") as stream:
            for _ in range(skip_lines):
                stream.readline()
            rest = b""
            while piece := stream.read(PIECE_BYTES):
                whole, newline, rest = (rest + piece).rpartition(b"\n")
                if newline:
                    yield (whole + newline).decode("latin-1")
            if rest.strip():
                yield rest.decode("latin-1")
    except OSError as fault:
        raise unreadable(path.name, fault) from fault


def _plain(content: str, form: TableForm) -> str:
    """The text with points for decimals, and NaN in empty cells."""
    text = content.replace("\r\n", "\n").replace("\r", "\n")
    if form.decimal_comma:
        text = text.replace(",", ".")
    if form.delimiter == " ":
        return text
    mark = form.delimiter
    # Twice: neighbouring empty cells share a delimiter.
    text = text.replace(mark * 2, f"{mark}nan{mark}").replace(mark * 2, f"{mark}nan{mark}")
    text = text.replace(f"{mark}\n", f"{mark}nan\n").replace(f"\n{mark}", f"\nnan{mark}")
    if text.startswith(mark):
        text = f"nan{text}"
    return f"{text}nan" if text.endswith(mark) else text


def _not_a_table(file: str, line: int, said: str, content: str) -> BadFile:
    row = _ROW.search(said)
    if row is None:
        return BadFile(file, f"has no table of numbers after line {line}", _AGAIN)
    # numpy counts rows from 0 where a number fails and from 1 where the columns change, empty lines left out.
    wanted = int(row[1]) + ("could not convert" in said)
    filled = [n for n, text in enumerate(content.split("\n"), 1) if text.strip()]
    at = line + (filled[wanted - 1] if 0 < wanted <= len(filled) else wanted)
    if "could not convert" in said:
        word = re.search(r"string '(.*?)' to", said)
        what = f"line {at}: '{word[1][:40] if word else '?'}' is not a number"
    else:
        what = f"line {at} has another number of cells than the lines before it"
    return BadFile(file, what, _AGAIN)


def unpacked(
    rows: Iterator[Rows],
    columns: Sequence[int],
    *,
    file: str,
    lost: Callable[[Rows], NDArray[np.int64]] | None = None,
) -> SampleStore:
    """Columns of a table as samples.

    Parameters
    ----------
    rows : iterator of arrays, shape (n, columns)
    columns : sequence of int
        The column of each channel.
    file : str
    lost : callable, optional
        From the next rows to the samples that were lost before each of them.

    Returns
    -------
    SampleStore
        A channel ends with its last number: shorter channels are filled up with empty cells.
    """
    store = SampleStore(len(columns), file=file)
    ends = [0] * len(columns)
    for block in rows:
        before = np.zeros(len(block), dtype=np.int64) if lost is None else lost(block)
        cuts = np.flatnonzero(before)
        for start, stop in zip([0, *cuts], [*cuts, len(block)], strict=True):
            for channel, column in enumerate(columns):
                store.skip(channel, int(before[start]) if start in cuts else 0)
                values = block[start:stop, column].astype(np.float32)
                values[np.isinf(values)] = np.nan
                there = np.flatnonzero(~np.isnan(values))
                if len(there):
                    ends[channel] = store.length(channel) + int(there[-1]) + 1
                store.append(channel, values)
    for channel, end in enumerate(ends):
        store.trim(channel, end)
    return store
