"""Limits that films and constructions are held against, as data (data/film_quality.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class Limit(BaseModel):
    """A limit of the quality table (data/film_quality.toml)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    unit: str
    can_fail: bool = False
    tag: str
    source: str


@cache
def limits() -> Mapping[str, Limit]:
    """Limits by finding code."""
    text = (
        files("atlasplane.pathways.alignment").joinpath("data/film_quality.toml").read_text(encoding="utf-8")
    )
    table = tomllib.loads(text)
    table.pop("schema")
    return {code: Limit(**entry) for code, entry in table.items()}
