"""Tables of numbers that stand beside the code as data, each number with its unit, tag and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@cache
def packaged_table(file: str, schema: str) -> Mapping[str, Any]:
    """A TOML file of this room's data folder, without its schema line.

    Raises
    ------
    ValueError
        When the file has another schema.
    """
    read = tomllib.loads(files("atlasplane.xray").joinpath(f"data/{file}").read_text(encoding="utf-8"))
    if read.pop("schema") != schema:
        raise ValueError(f"{file}: unknown schema")
    return MappingProxyType(read)
