"""PNG and TIFF files made in the test that claim or inflate to far more than they hold."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def zeros(megabytes: int) -> bytes:
    """Packed zeros, a thousandth of their size."""
    packer = zlib.compressobj(6)
    return b"".join([*(packer.compress(b"\0" * (1 << 20)) for _ in range(megabytes)), packer.flush()])


def png(path: Path, columns: int, rows: int, data: bytes, *before: bytes) -> Path:
    """A PNG of 8-bit grey with the given packed data; further chunks stand before them."""
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *before, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def inflating_png(path: Path, megabytes: int = 256) -> Path:
    """A PNG of 60 x 40 pixels whose data inflate to many megabytes."""
    return png(path, 60, 40, zeros(megabytes))


def talking_png(path: Path, megabytes: int = 256) -> Path:
    """A PNG whose packed text chunk inflates to many megabytes."""
    text = b"k\0\0" + zeros(megabytes)
    return png(path, 60, 40, zlib.compress(b"\0" * 61 * 40), chunk(b"zTXt", text))


def tiff(path: Path, columns: int, rows: int, *, compression: int, strip: bytes) -> Path:
    """A little-endian TIFF of 8-bit grey in one strip."""
    entries = [
        (256, 4, columns),
        (257, 4, rows),
        (258, 3, 8),
        (259, 3, compression),
        (262, 3, 1),
        (273, 4, 8 + 2 + 12 * 8 + 4),
        (278, 4, rows),
        (279, 4, len(strip)),
    ]
    fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + struct.pack("<I", 0) + strip)
    return path
