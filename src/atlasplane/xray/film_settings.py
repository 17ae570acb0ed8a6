"""Settings of the film's signal, read from the data folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

SCHEMA = "atlasplane.film-signal/1"


@cache
def settings() -> Mapping[str, Any]:
    """All of ``film_signal.toml``.

    Raises
    ------
    ValueError
        When the file has another schema.
    """
    read = tomllib.loads(
        files("atlasplane.xray").joinpath("data/film_signal.toml").read_text(encoding="utf-8")
    )
    if read.pop("schema") != SCHEMA:
        raise ValueError("film_signal.toml: unknown schema")
    return MappingProxyType(read)


@cache
def setting(name: str) -> float:
    """One number by the name of its table, in the unit beside it."""
    return float(settings()[name]["value"])
