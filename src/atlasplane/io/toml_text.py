"""TOML as text: what tomllib reads back is what was given. Keys with None are left out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def toml_text(content: Mapping[str, object]) -> str:
    """Plain values first, then a table each, then arrays of tables.

    Raises
    ------
    ValueError
        For a value that TOML, or our rule of finite numbers, does not know.
    """
    known = {key: value for key, value in content.items() if value is not None}
    plain = [key for key, value in known.items() if not _is_table(value) and not _is_tables(value)]
    blocks = [table_lines({key: known[key] for key in plain})] if plain else []
    for key, value in known.items():
        if isinstance(value, Mapping):
            blocks.append([f"[{_key(key)}]", *table_lines(value)])
        elif key not in plain and isinstance(value, list | tuple):
            blocks += [[f"[[{_key(key)}]]", *table_lines(entry)] for entry in value]
    return "\n".join("\n".join(block) + "\n" for block in blocks)


def table_lines(table: Mapping[str, object], notes: Mapping[str, str] | None = None) -> list[str]:
    """`key = value` lines, what is nested in one line each; a note becomes the comment of its key."""
    lines = []
    for key, value in table.items():
        if value is not None:
            note = (notes or {}).get(key)
            lines.append(f"{_key(key)} = {toml_value(value)}" + (f"  # {note}" if note else ""))
    return lines


def toml_value(value: object) -> str:
    """One value in one line; raises ValueError for what TOML does not know."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case int():
            return str(value)
        case float():
            return _float(value)
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            inner = ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items() if v is not None)
            return f"{{ {inner} }}" if inner else "{}"
        case list() | tuple():
            return "[" + ", ".join(toml_value(entry) for entry in value) + "]"
    raise ValueError(f"TOML has no {type(value).__name__}")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(_is_table(entry) for entry in value)


def _key(key: object) -> str:
    text = str(key)
    return text if _BARE.fullmatch(text) else _string(text)


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number that may be written")
    return repr(float(value))


def _string(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(c) or (c if _is_plain(c) else f"\\u{ord(c):04x}") for c in text) + '"'


def _is_plain(character: str) -> bool:
    return ord(character) >= 0x20 and ord(character) != 0x7F
