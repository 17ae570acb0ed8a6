"""Catalogues are folders of TOML tables, one file a topic, each with its schema."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any


def entries(
    package: str, folder: str, topics: Iterable[str], schema: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and table of every entry, topic after topic.

    Parameters
    ----------
    package, folder : str
        Where the files lie: `package`/data/`folder`/<topic>.toml.
    topics : iterable of str
    schema : str
        What each file must state.

    Raises
    ------
    ValueError
        When a file has another schema, or an id stands twice.
    """
    seen: set[str] = set()
    for topic in topics:
        name = f"{folder}/{topic}.toml"
        table = tomllib.loads(files(package).joinpath(f"data/{name}").read_text(encoding="utf-8"))
        if table.pop("schema") != schema:
            raise ValueError(f"{name}: unknown schema")
        twice = sorted(seen & table.keys())
        if twice:
            raise ValueError(f"{name}: {twice[0]} is in the catalogue already")
        seen |= table.keys()
        yield from table.items()
