"""TOML and JSON as plain data: UTF-8, no key twice, no NaN, a size that a person could have written."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import NoReturn

from atlasplane.core.errors import BadFile, BadInput, BadLandmarks
from atlasplane.io.digest import unreadable
from atlasplane.io.limits import limit

MAX_TEXT_BYTES = limit("text_bytes")
"""No table of a case comes near this; a larger file is something else."""


class _KeyTwice(ValueError):
    """A JSON object with one key given twice."""


def read_text(path: Path, *, name: str) -> str:
    """Text of a UTF-8 file with its line ends as they are; a byte order mark is passed over.

    Raises
    ------
    BadInput
        When the file cannot be read, is too large or is not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise BadFile(
                name, f"is larger than {MAX_TEXT_BYTES >> 20} MB", "Check that this is the right file"
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise BadFile(name, f"is not UTF-8 text (byte {fault.start})", "Save it as UTF-8") from fault
    except OSError as fault:
        raise unreadable(name, fault) from fault


def read_toml(path: Path, *, name: str) -> dict[str, object]:
    """Content of a TOML file; raises BadInput."""
    return toml_content(read_text(path, name=name), name=name)


def toml_content(text: str, *, name: str) -> dict[str, object]:
    """Content of TOML text.

    Raises
    ------
    BadFile
        With line and column, when it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError) as fault:
        raise BadFile(name, f"is not valid TOML: {fault}", "Correct that place") from fault
    except RecursionError as fault:
        raise BadFile(name, "is nested too deeply", "Check that this is the right file") from fault


def read_json(path: Path, *, name: str) -> object:
    """Content of a JSON file.

    Raises
    ------
    BadFile
        When it is not JSON, or holds NaN or Infinity.
    BadLandmarks
        When one object gives a key twice: a point has one place.
    """
    text = read_text(path, name=name)
    try:
        content: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except _KeyTwice as fault:
        raise BadLandmarks(name, str(fault), "Keep one of them, and delete the other") from fault
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise BadFile(name, f"is not valid JSON: {fault.msg} ({where})", "Correct that place") from fault
    except RecursionError as fault:
        raise BadFile(name, "is nested too deeply", "Check that this is the right file") from fault
    except ValueError as fault:
        raise BadFile(name, str(fault), "Leave an unknown value out, or write null") from fault
    return content


def checked_schema(content: object, schema: str, *, name: str) -> dict[str, object]:
    """The content as a table, after its `schema` key was found to be the expected one.

    Raises
    ------
    BadInput
        When it is no table, or of another schema.
    """
    if not isinstance(content, dict):
        raise BadInput(name, "is not a table of keys and values", f"Start from an example of {schema}")
    found = content.get("schema")
    if found == schema:
        return content
    what = "has no key 'schema'" if found is None else f"says schema = {found!r}, expected '{schema}'"
    raise BadInput(name, what, _schema_remedy(found, schema))


def _schema_remedy(found: object, schema: str) -> str:
    if isinstance(found, str) and found.rpartition("/")[0] == schema.rpartition("/")[0]:
        return "Use the version of the program that wrote this file, or a newer one"
    return f'Write schema = "{schema}", or check that this is the right file'


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _KeyTwice(f"'{twice}' is given twice")
    return table


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"holds {word}, which is not a number")
