"""A look at a DICOM file's skeleton before any library parses it: hostile or cut-off files stop here.

Nothing is decoded, nothing recurses, and every length is held against the file's size and the caps.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

from atlasplane.core.errors import BadFile
from atlasplane.io.dicom_stream import DEFLATED, MARK_AT, opened, stream_bytes
from atlasplane.io.digest import unreadable
from atlasplane.io.limits import limit

MAX_BYTES = limit("image_bytes")
MAX_DEPTH = limit("dicom_depth")
MAX_ELEMENTS = limit("dicom_elements")
MAX_ELEMENT_BYTES = limit("dicom_element_bytes")

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
PACKED = (
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.50",  # JPEG
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",  # JPEG-LS
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",  # JPEG 2000
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",  # HTJ2K
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
)

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_PIXEL_TAGS = ((0x7FE0, 0x0010), (0x7FE0, 0x0008), (0x7FE0, 0x0009))
_LONG_VR = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_CODESTREAM_HEAD = 1 << 16
_PROGRAM_MARKS = (
    b"MZ",
    b"\x7fELF",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"%PDF",
    b"#!",
    b"<html",
    b"<svg",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """What the scan saw.

    Attributes
    ----------
    transfer_syntax : str
    pixel_bytes : int or None
        Bytes of pixel data stored; None without pixel data.
    is_packed : bool
        Whether the pixels are a row of fragments, as compressed ones are.
    codestream : bytes
        Beginning of the first compressed image, at most 64 kB; empty where nothing is compressed.
    """

    transfer_syntax: str
    pixel_bytes: int | None
    is_packed: bool = False
    codestream: bytes = field(default=b"", repr=False)

    @property
    def is_native(self) -> bool:
        """Whether the pixels are stored uncompressed."""
        return not self.is_packed


@dataclass(slots=True)
class _Level:
    """A data set, a sequence of items, or an icon's row of fragments, that the scan is inside of."""

    what: str
    end: int | None
    implicit: bool


@dataclass(slots=True)
class _Walk:
    stream: BinaryIO
    size: int
    name: str
    order: str = "<"
    levels: list[_Level] = field(default_factory=list)
    elements: int = 0
    codestream: bytes = b""
    is_packed: bool = False

    def fail(self, what: str, remedy: str = "Export the file again") -> NoReturn:
        raise BadFile(self.name, what, remedy)

    def cut_off(self) -> NoReturn:
        self.fail("is cut off: its contents end before they should", "Copy or export the file again")

    def other_syntax(self) -> NoReturn:
        self.fail("is not stored in the way that its header says (transfer syntax)")

    def read(self, n: int) -> bytes:
        piece = self.stream.read(n)
        if len(piece) < n:
            self.cut_off()
        return piece

    def skip(self, n: int) -> None:
        if self.stream.tell() + n > self.size:
            self.cut_off()
        self.stream.seek(n, os.SEEK_CUR)

    def tag(self) -> tuple[int, int]:
        group, element = struct.unpack(self.order + "HH", self.read(4))
        return group, element

    def length4(self) -> int:
        return int(struct.unpack(self.order + "I", self.read(4))[0])

    def element_head(self, *, implicit: bool) -> tuple[bytes, int]:
        """VR (empty where implicit) and length."""
        if implicit:
            return b"", self.length4()
        vr, short = self.read(2), self.read(2)
        if not (vr.isalpha() and vr.isupper()):
            self.other_syntax()
        if vr in _LONG_VR:
            return vr, self.length4()
        return vr, int(struct.unpack(self.order + "H", short)[0])


def scan(path: Path, *, name: str) -> Skeleton:
    """Walk the file from tag to tag; a deflated one is inflated under its cap first.

    Raises
    ------
    BadFile
        When it is no DICOM file, too large, cut off, nested too deeply, or stored in a way that is not read.
    """
    try:
        _check_start(path, name)
        with opened(path, name=name) as stream:
            return _scan(_Walk(stream, stream_bytes(stream), name))
    except OSError as fault:
        raise unreadable(name, fault) from fault


def _check_start(path: Path, name: str) -> None:
    if path.stat().st_size > MAX_BYTES:
        raise BadFile(name, f"is larger than {MAX_BYTES >> 20} MB", "Check that this is the right file")
    with path.open("rb") as stream:
        head = stream.read(MARK_AT + 4)
    if head[MARK_AT:] != b"DICM":
        what = "is not a DICOM file (no mark 'DICM' at byte 128)"
        raise BadFile(name, what, "Export it as DICOM, or give it as PNG or TIFF")
    if head.startswith(_PROGRAM_MARKS):
        what = "is a program or document with a DICOM file inside"
        raise BadFile(name, what, "Do not use it; export the film again")


def _scan(walk: _Walk) -> Skeleton:
    walk.stream.seek(MARK_AT + 4)
    syntax = transfer_syntax(walk.stream, walk.size, name=walk.name)
    if syntax not in NATIVE and syntax not in PACKED and syntax != DEFLATED:
        walk.fail(
            f"is stored with transfer syntax {syntax}, which is not read",
            "Export it uncompressed or as JPEG 2000",
        )
    walk.order = ">" if syntax == NATIVE[2] else "<"
    walk.levels = [_Level("data set", walk.size, syntax == NATIVE[0])]
    stored = _pixel_bytes(walk)
    if stored is not None and walk.is_packed != (syntax in PACKED):
        walk.other_syntax()
    return Skeleton(
        transfer_syntax=syntax, pixel_bytes=stored, is_packed=walk.is_packed, codestream=walk.codestream
    )


def transfer_syntax(stream: BinaryIO, size: int, *, name: str) -> str:
    """Read a file's meta group (explicit, little endian) from behind its mark, and stop at the group's end.

    Raises
    ------
    BadFile
        When it is cut off or states no transfer syntax.
    """
    walk, syntax = _Walk(stream, size, name), ""
    while stream.tell() < size:
        start = stream.tell()
        tag = walk.tag()
        if tag[0] != 0x0002:
            stream.seek(start)
            break
        _, length = walk.element_head(implicit=False)
        if tag == (0x0002, 0x0010):
            syntax = walk.read(min(length, 64)).decode("ascii", "replace").strip("\0 ")
        else:
            walk.skip(length)
    if not syntax:
        walk.fail("does not say how it is stored (no transfer syntax)", "Export it again as a DICOM file")
    return syntax


def _pixel_bytes(walk: _Walk) -> int | None:
    while walk.levels:
        level, here = walk.levels[-1], walk.stream.tell()
        if level.end is not None and here >= level.end:
            if here > level.end:
                walk.fail("holds an element that is longer than its sequence")
            walk.levels.pop()
            continue
        walk.elements += 1
        if walk.elements > MAX_ELEMENTS:
            walk.fail(f"holds more than {MAX_ELEMENTS} elements", "Check that this is the right file")
        if level.what == "data set":
            stored = _step_element(walk, level)
            if stored is not None:
                return stored
        else:
            _step_item(walk, level)
    return None


def _step_element(walk: _Walk, level: _Level) -> int | None:
    """Pass one element, or go down into it; the stored length where it is the image's pixel data."""
    tag = walk.tag()
    if tag == _ITEM_END:
        walk.skip(4)
        _leave(walk, level)
        return None
    vr, length = walk.element_head(implicit=level.implicit)
    if tag in _PIXEL_TAGS and len(walk.levels) == 1:
        return _fragments(walk) if length == _UNDEFINED else _whole(walk, length)
    if length != _UNDEFINED and vr != b"SQ":
        _pass(walk, length, implicit=level.implicit)
        return None
    if len(walk.levels) > 2 * MAX_DEPTH:
        walk.fail(f"nests sequences more than {MAX_DEPTH} deep", "Do not use it; export the film again")
    end = None if length == _UNDEFINED else walk.stream.tell() + length
    what = "fragments" if tag in _PIXEL_TAGS else "sequence"
    walk.levels.append(_Level(what, end, level.implicit or vr == b"UN"))
    return None


def _pass(walk: _Walk, length: int, *, implicit: bool) -> None:
    """Pass over a value; a length beyond the file that is two letters tells of a VR where none should be."""
    fits = walk.stream.tell() + length <= walk.size
    letters = struct.pack(walk.order + "I", length)[:2]
    if implicit and not fits and letters.isalpha() and letters.isupper():
        walk.other_syntax()
    if fits and length > MAX_ELEMENT_BYTES:
        what = f"holds an element of {length >> 20} MB beside its image"
        walk.fail(what, "Check that this is the right file")
    walk.skip(length)


def _step_item(walk: _Walk, level: _Level) -> None:
    """Enter the next item of a sequence, or leave the sequence."""
    tag, length = walk.tag(), walk.length4()
    if tag == _SEQUENCE_END:
        _leave(walk, level)
    elif tag != _ITEM:
        walk.fail("holds a broken sequence")
    elif level.what == "fragments":
        walk.skip(length)
    else:
        end = None if length == _UNDEFINED else walk.stream.tell() + length
        walk.levels.append(_Level("data set", end, level.implicit))


def _leave(walk: _Walk, level: _Level) -> None:
    if level.end is not None:
        walk.fail("ends a sequence of known length a second time")
    walk.levels.pop()


def _whole(walk: _Walk, length: int) -> int:
    walk.skip(length)
    return length


def _fragments(walk: _Walk) -> int:
    """Bytes of compressed pixel data, whose row of fragments must come to its end; the first is a table."""
    walk.is_packed = True
    total = seen = 0
    while True:
        tag, length = walk.tag(), walk.length4()
        if tag == _SEQUENCE_END:
            return total
        if tag != _ITEM:
            walk.fail("holds broken compressed pixel data")
        seen += 1
        if seen > MAX_ELEMENTS:
            walk.fail(f"holds more than {MAX_ELEMENTS} pieces of image", "Check that this is the right file")
        if seen > 1 and not walk.codestream:
            walk.codestream = walk.read(min(length, _CODESTREAM_HEAD))
            walk.skip(length - len(walk.codestream))
        else:
            walk.skip(length)
        total += length
