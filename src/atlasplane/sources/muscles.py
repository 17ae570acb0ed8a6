"""The table of muscles (``data/muscles.toml``): ids, electrode places, and what disturbs a record there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from atlasplane.sources.recording import BodySide

SCHEMA = "atlasplane.muscles/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Muscle:
    """One muscle; every one of the table has a right and a left.

    Attributes
    ----------
    id, name : str
    seniam : str or None
        As SENIAM names it; None where it has no place for it.
    site : str
        Where the electrodes go.
    heart : bool
        Whether heart beats reach the electrodes at rest.
    neck : bool
        Whether they lie on the neck.
    tag, source : str
        Of the site.
    """

    id: str
    name: str
    seniam: str | None = None
    site: str
    heart: bool
    neck: bool
    tag: str
    source: str


@cache
def muscles() -> Mapping[str, Muscle]:
    """Every muscle by its id."""
    found = {id_: Muscle(id=id_, **table) for id_, table in _table()["muscle"].items()}
    return MappingProxyType(found)


def side_in(label: str) -> BodySide | None:
    """The side that the words of a channel's label say; None where they say none, or both.

    It is used to doubt a channel map, never in place of one.
    """
    words = re.findall(r"[^\W_]+", label)
    found = {side for side, known in _side_words().items() if any(_says(word, known) for word in words)}
    if len(found) != 1:
        return None
    return "right" if "right" in found else "left"


def _says(word: str, known: frozenset[str]) -> bool:
    return word in known if len(word) == 1 else word.lower() in known


@cache
def _side_words() -> Mapping[str, frozenset[str]]:
    return {side: frozenset(words) for side, words in _table()["side_words"].items()}


@cache
def _table() -> dict[str, Any]:
    read = tomllib.loads(
        files("atlasplane.sources").joinpath("data/muscles.toml").read_text(encoding="utf-8")
    )
    if read.pop("schema") != SCHEMA:
        raise ValueError("muscles.toml: unknown schema")
    return read
