"""Settings of this room (``data/*.toml``), each number with its unit, tag and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@cache
def table(name: str) -> Mapping[str, Any]:
    """A table of settings without its schema line.

    Raises
    ------
    ValueError
        When the file has another schema.
    """
    text = files("atlasplane.signals").joinpath(f"data/{name}.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    if read.pop("schema") != f"atlasplane.{name}/1":
        raise ValueError(f"{name}.toml: unknown schema")
    return MappingProxyType(read)


@cache
def setting(name: str, file: str = "conditioning") -> float:
    """One number by the name of its entry, in the unit beside it."""
    return float(table(file)[name]["value"])
