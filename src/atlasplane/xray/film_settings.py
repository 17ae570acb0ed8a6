"""Settings of the film's signal (``data/film_signal.toml``)."""

from __future__ import annotations

from functools import cache

from atlasplane.xray.tables import packaged_table

SCHEMA = "atlasplane.film-signal/1"


@cache
def setting(name: str) -> float:
    """One number by the name of its table, in the unit beside it."""
    return float(packaged_table("film_signal.toml", SCHEMA)[name]["value"])
