"""Text that the PDF's font can set: an archive file must not hold a letter without a shape."""

from __future__ import annotations

import re
from typing import Any

INSTEAD = "\N{CURRENCY SIGN}"
"""Stands for a letter that the font does not have; the HTML face keeps the letter itself."""
_LETTERS = ((0xA0, 0x17E), (0x218, 0x21B), (0x384, 0x38A), (0x38E, 0x3A1), (0x3A3, 0x3CE), (0x400, 0x45F))
"""Latin, Greek and Cyrillic code points that every upright weight of the font has."""
_ODD = re.compile(r"[^\n\x20-\x7e]")
"""What has to be looked at; pictures in the data are megabytes of plain letters."""
_SIGNS = frozenset("–—…‘’“”„•€→←↑↓≤≥≠≈−✓")


def printable(data: Any) -> Any:
    """The same nested data with every letter that cannot be set replaced by a sign."""
    match data:
        case str():
            return _ODD.sub(lambda found: _letter(found[0]), data)
        case dict():
            return {key: printable(value) for key, value in data.items()}
        case list() | tuple():
            return [printable(value) for value in data]
    return data


def _letter(letter: str) -> str:
    if letter.isascii():
        return " "
    known = letter in _SIGNS or any(first <= ord(letter) <= last for first, last in _LETTERS)
    return letter if known else INSTEAD
