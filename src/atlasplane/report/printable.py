"""Text that the PDF's font can set: an archive file must not hold a letter without a shape."""

from __future__ import annotations

import unicodedata
from typing import Any

INSTEAD = "\N{WHITE SQUARE}"
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "DIGIT", "COMBINING")
"""Beginnings of the Unicode names of letters that the report's font has."""
_SIGNS = frozenset("×÷±−–—…‘’“”„•·°µ½¼¾²³§€£→←↑↓≤≥≠≈□✓")


def printable(data: Any) -> Any:
    """The same nested data with every letter that cannot be set replaced by a square."""
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
    if letter in _SIGNS or letter == "\N{NO-BREAK SPACE}":
        return letter
    name = unicodedata.name(letter, "")
    return letter if name.startswith(_SCRIPTS) and ord(letter) < 0x530 else INSTEAD
