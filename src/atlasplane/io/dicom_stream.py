"""The bytes of a DICOM file, with a deflated data set inflated under a cap."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from atlasplane.core.errors import BadFile
from atlasplane.io.limits import limit

DEFLATED = "1.2.840.10008.1.2.1.99"
MARK_AT = 128
"""Where the four letters DICM stand."""

_META_AT = MARK_AT + 4
_HEAD_BYTES = 1 << 16
"""No meta group is as long."""
_PIECE_BYTES = 1 << 16
_PLAIN = b"1.2.840.10008.1.2.1\0"
_SYNTAX = struct.pack("<HH2s", 0x0002, 0x0010, b"UI")


def opened(path: Path, *, name: str) -> BinaryIO:
    """The file for reading from its beginning; a deflated one as the plain file that it stands for.

    It keeps the mark of its transfer syntax: who hands it to a parser takes `as_plain` of it.

    Raises
    ------
    BadFile
        When it inflates beyond the caps, or is damaged.
    OSError
        When it cannot be read.
    """
    stream = path.open("rb")
    try:
        start = _deflated_from(stream.read(_HEAD_BYTES))
        if start is None:
            stream.seek(0)
            return stream
        with stream:
            stream.seek(0)
            head = stream.read(start)
            return BytesIO(head + _inflated(stream, path.stat().st_size - start, name))
    except BaseException:
        stream.close()
        raise


def as_plain(stream: BinaryIO) -> BinaryIO:
    """An inflated file with the transfer syntax that it has now; any other stream as it is."""
    if not isinstance(stream, BytesIO):
        return stream
    content = stream.getbuffer()
    head = bytes(content[:_HEAD_BYTES])
    start = _deflated_from(head)
    if start is None:
        return stream
    group = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(_SYNTAX) + 2 + len(_PLAIN))
    meta = group + _SYNTAX + struct.pack("<H", len(_PLAIN)) + _PLAIN
    return BytesIO(head[:_META_AT] + meta + bytes(content[start:]))


def stream_bytes(stream: BinaryIO) -> int:
    """Length of a stream, which is left at its beginning."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size


def _deflated_from(head: bytes) -> int | None:
    """Where the data set begins, if the meta group says that it is deflated."""
    if head[MARK_AT:_META_AT] != b"DICM":
        return None
    at, deflated = _META_AT, False
    while head[at : at + 2] == b"\x02\x00" and len(head) >= at + 12:
        vr = head[at + 4 : at + 6]
        long = vr in (b"OB", b"OW", b"UN", b"SQ", b"UT")
        length = (
            struct.unpack_from("<I", head, at + 8)[0] if long else struct.unpack_from("<H", head, at + 6)[0]
        )
        body = at + (12 if long else 8)
        if head[at : at + 4] == _SYNTAX[:4]:
            deflated = head[body : body + length].strip(b"\0 ") == DEFLATED.encode()
        at = body + int(length)
    return at if deflated else None


def _inflated(stream: BinaryIO, stored: int, name: str) -> bytes:
    most = min(limit("image_bytes"), max(limit("deflate_free_bytes"), limit("deflate_ratio") * stored))
    inflater, made, total = zlib.decompressobj(-zlib.MAX_WBITS), [], 0
    try:
        while not inflater.eof:
            piece = inflater.unconsumed_tail or stream.read(_PIECE_BYTES)
            if not piece:
                raise BadFile(
                    name, "is cut off: its contents end before they should", "Copy or export the file again"
                )
            made.append(inflater.decompress(piece, _PIECE_BYTES * 16))
            total += len(made[-1])
            if total > most:
                what = (
                    f"is stored deflated, and inflates from {stored} bytes to more than {most}: no image does"
                )
                raise BadFile(name, what, "Do not use it; export the film again, uncompressed")
    except zlib.error as fault:
        raise BadFile(name, "is deflated and damaged", "Copy or export the file again") from fault
    return b"".join(made)
