"""Text that the PDF's font can set: an archive file must not hold a letter without a shape."""

from __future__ import annotations

from typing import Any

INSTEAD = "\N{CURRENCY SIGN}"
"""Stands for a letter that the font does not have; the HTML face keeps the letter itself."""
_LETTERS = ((0xA0, 0x17E), (0x218, 0x21B), (0x384, 0x38A), (0x38E, 0x3A1), (0x3A3, 0x3CE), (0x400, 0x45F))
"""Latin, Greek and Cyrillic code points that every upright weight of the font has."""
_SIGNS = frozenset("–—…‘’“”„•€→←↑↓≤≥≠≈−✓")


def printable(data: Any) -> Any:
    """The same nested data with every letter that cannot be set replaced by a sign."""
    match data:
        case str():
            return "".join(map(_letter, data))
        case dict():
            return {key: printable(value) for key, value in data.items()}
        case list() | tuple():
            return [printable(value) for value in data]
    return data


def _letter(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() or letter == "\n" else " "
    known = letter in _SIGNS or any(first <= ord(letter) <= last for first, last in _LETTERS)
    return letter if known else INSTEAD
