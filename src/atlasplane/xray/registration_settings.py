"""Settings and limits of the registration: tables with unit, tag and source, read from the data folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

SCHEMA = "atlasplane.registration-settings/1"


@cache
def settings() -> Mapping[str, Any]:
    """All of ``registration.toml``.

    Raises
    ------
    ValueError
        When the file has another schema.
    """
    read = tomllib.loads(
        files("atlasplane.xray").joinpath("data/registration.toml").read_text(encoding="utf-8")
    )
    if read.pop("schema") != SCHEMA:
        raise ValueError("registration.toml: unknown schema")
    return MappingProxyType(read)


@cache
def setting(table: str, name: str) -> float:
    """One number, in the unit beside it, e.g. of the table ``views`` the number ``same_direction``."""
    return float(settings()[table][name]["value"])
