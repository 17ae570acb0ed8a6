"""Settings of the analysis of recordings, as data (data/spasms.toml)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

SCHEMA = "atlasplane.spasms/1"


@cache
def spasms_setting(name: str) -> float:
    """One number by the name of its entry, in the unit beside it; raises ValueError for another schema."""
    text = files("atlasplane.chain").joinpath("data/spasms.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    if table["schema"] != SCHEMA:
        raise ValueError("spasms.toml: unknown schema")
    return float(table[name]["value"])
