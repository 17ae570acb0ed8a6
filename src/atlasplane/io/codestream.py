"""What a compressed image says of itself in its first bytes: format and size, before any codec runs."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""JPEG's frame headers, and that of JPEG-LS (0xF7)."""
_JP2_BOX = b"\0\0\0\x0cjP  \r\n\x87\n"
_SIZ = b"\xff\x4f\xff\x51"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodestreamHead:
    """Format (`jpeg`, `jpeg-ls`, `jpeg2000`), rows, columns and samples a pixel."""

    format: str
    rows: int
    columns: int
    samples: int


def codestream_head(content: bytes) -> CodestreamHead | None:
    """What the beginning of a compressed image states; None where that is not known (RLE states nothing)."""
    if content.startswith(b"\xff\xd8"):
        return _jpeg(content)
    if content.startswith((_SIZ, _JP2_BOX)):
        return _jpeg2000(content)
    return None


def _jpeg(content: bytes) -> CodestreamHead | None:
    at = 2
    while at + 9 < len(content):
        if content[at] != 0xFF:
            return None
        mark = content[at + 1]
        if mark == 0xFF:  # fill byte
            at += 1
            continue
        if mark in _START_OF_FRAME:
            rows, columns, samples = struct.unpack_from(">HHB", content, at + 5)
            kind = "jpeg-ls" if mark == 0xF7 else "jpeg"
            return CodestreamHead(format=kind, rows=rows, columns=columns, samples=samples)
        at += 2 + int(struct.unpack_from(">H", content, at + 2)[0])
    return None


def _jpeg2000(content: bytes) -> CodestreamHead | None:
    at = content.find(_SIZ)
    if at < 0 or len(content) < at + 44:
        return None
    right, low, left, top = struct.unpack_from(">IIII", content, at + 8)
    (samples,) = struct.unpack_from(">H", content, at + 40)
    return CodestreamHead(format="jpeg2000", rows=low - top, columns=right - left, samples=samples)
