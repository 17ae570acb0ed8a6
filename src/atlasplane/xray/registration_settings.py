"""Settings of the registration (``data/registration.toml``): tables with unit, tag and source."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from atlasplane.xray.tables import packaged_table

SCHEMA = "atlasplane.registration-settings/1"


def settings() -> Mapping[str, Any]:
    """All of the file."""
    return packaged_table("registration.toml", SCHEMA)


@cache
def setting(table: str, name: str) -> float:
    """One number, in the unit beside it, e.g. of the table ``views`` the number ``same_direction``."""
    return float(settings()[table][name]["value"])
