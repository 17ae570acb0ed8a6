"""Changing keys of one table in a TOML text: every other line, with its comments, stays as it is."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from atlasplane.core.errors import BadInput
from atlasplane.io.toml_text import table_lines


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement of a TOML text with its lines: a header, a key with its value, or no more than a comment.

    Attributes
    ----------
    header : dotted name of the table that starts here, without its brackets; empty for other statements
    starts_entry : whether the header opens a new entry of an array of tables
    key : first part of the key; empty for headers and comments
    """

    text: str
    header: tuple[str, ...] = ()
    starts_entry: bool = False
    key: str = ""


def with_keys(text: str, array: str, index: int, changes: Mapping[str, object], *, name: str) -> str:
    """The text with keys of one entry of an array of tables set, or taken away where the value is None.

    Parameters
    ----------
    array, index : str, int
        The entry: the `index`-th of ``[[array]]``, the first is 0.
    changes : mapping
        Plain values, lists and tables as TOML knows them. A changed key loses the comment on its own line,
        which spoke of the old value.
    name : str
        How messages call the file.

    Raises
    ------
    BadInput
        When the entry does not stand as a table of its own in the text.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    text = text if text.endswith("\n") else text + end
    statements = list(_statements(text))
    first, stop = _entry(statements, array, index, name)
    body = _without(statements[first + 1 : stop], array, changes)
    lines = [_Statement(f"{line}{end}") for line in table_lines(changes)]
    at = _after_last_key(body)
    kept = [*statements[: first + 1], *body[:at], *lines, *body[at:], *statements[stop:]]
    edited = "".join(each.text for each in kept)
    _check(text, edited, array, index, changes)
    return edited


def _statements(text: str) -> Iterator[_Statement]:
    """Statements in order; each is the shortest run of lines that is TOML by itself."""
    piece = ""
    for line in text.split("\n")[:-1]:
        piece += line + "\n"
        try:
            content = tomllib.loads(piece)
        except tomllib.TOMLDecodeError:
            continue
        yield _statement(piece, content)
        piece = ""


def _statement(piece: str, content: Mapping[str, object]) -> _Statement:
    if not content:
        return _Statement(piece)
    if not piece.lstrip().startswith("["):
        return _Statement(piece, key=next(iter(content)))
    header, inner = [], content
    starts = piece.lstrip().startswith("[[")
    while inner:
        key = next(iter(inner))
        header.append(key)
        below = inner[key]
        inner = below if isinstance(below, dict) else {}
    return _Statement(piece, header=tuple(header), starts_entry=starts)


def _entry(statements: list[_Statement], array: str, index: int, name: str) -> tuple[int, int]:
    """First statement of the entry, its header, and the first one behind it."""
    starts = [k for k, each in enumerate(statements) if each.starts_entry and each.header == (array,)]
    if index >= len(starts):
        raise BadInput(name, f"has no [[{array}]] number {index + 1}", f"Write every {array} as [[{array}]]")
    first = starts[index]
    behind = (
        k
        for k, each in enumerate(statements)
        if k > first and each.header and (each.header[0] != array or each.header == (array,))
    )
    return first, next(behind, len(statements))


def _without(body: list[_Statement], array: str, changes: Mapping[str, object]) -> list[_Statement]:
    """The entry without the keys that change, neither as a line nor as a table below it."""
    kept, dropping, below = [], False, False
    for each in body:
        if each.header:
            below = True
            dropping = len(each.header) > 1 and each.header[0] == array and each.header[1] in changes
        mine = not below and each.key in changes
        if not (mine or (dropping and (each.header or each.key))):
            kept.append(each)
    return kept


def _after_last_key(body: list[_Statement]) -> int:
    """Where a new key goes: behind the last of the entry's own, before tables below it."""
    own = next((k for k, each in enumerate(body) if each.header), len(body))
    return max((k + 1 for k, each in enumerate(body[:own]) if each.key), default=0)


def _check(text: str, edited: str, array: str, index: int, changes: Mapping[str, object]) -> None:
    """Hold the edit against what it should have done; anything else is our fault and nothing is written."""
    expected, found = tomllib.loads(text), tomllib.loads(edited)
    entry = expected[array][index]
    for key, value in changes.items():
        entry.pop(key, None)
        if value is not None:
            entry[key] = found[array][index].get(key)
    if found != expected:
        raise RuntimeError(f"the edit of [[{array}]] changed more than its keys")
