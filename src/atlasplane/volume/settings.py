"""Settings and limits of the segmentation: tables with unit, tag and source, read from the data folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

SCHEMA = "atlasplane.segmentation-settings/1"


@cache
def table(name: str) -> Mapping[str, Any]:
    """A table of the data folder by its name, e.g. ``segmentation``.

    Raises
    ------
    ValueError
        When the file has another schema.
    """
    read = tomllib.loads(files("atlasplane.volume").joinpath(f"data/{name}.toml").read_text(encoding="utf-8"))
    if read.pop("schema") != SCHEMA:
        raise ValueError(f"{name}.toml: unknown schema")
    return MappingProxyType(read)


def setting(name: str) -> float:
    """One number of ``segmentation.toml``, in the unit that stands beside it."""
    return float(table("segmentation")[name]["value"])
