"""Limits and devices of recordings (``data/recording``): every number with unit, tag and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from atlasplane.core.catalogue import entries
from atlasplane.io.limits import Limit

LIMITS_SCHEMA = "atlasplane.recording-limits/1"
DEVICES_SCHEMA = "atlasplane.recording-devices/1"


@cache
def recording_limits() -> Mapping[str, Limit]:
    """Every limit by its id.

    Raises
    ------
    ValueError
        When the shipped table is not as it should be.
    """
    found = {
        id_: Limit(**table) for id_, table in entries(__package__, "recording", ("limits",), LIMITS_SCHEMA)
    }
    wrong = [id_ for id_, each in found.items() if each.value <= 0 or not each.source]
    if wrong:
        raise ValueError(f"recording limits: {wrong[0]} is no limit with a source")
    return MappingProxyType(found)


def recording_limit(id_: str) -> float:
    """The value of one limit, in the unit that its table names."""
    return recording_limits()[id_].value


@cache
def devices() -> Mapping[str, Any]:
    """The table of devices: `trigno`, `plux`, `otb`."""
    text = files("atlasplane.io").joinpath("data/recording/devices.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    if read.pop("schema") != DEVICES_SCHEMA:
        raise ValueError("devices.toml: unknown schema")
    return MappingProxyType(read)
