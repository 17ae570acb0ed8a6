"""Caps on what is read, held before anything is decoded, and how far two statements of one film may differ.

Both are data with unit, tag and source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from atlasplane.core.catalogue import entries

LIMITS_SCHEMA = "atlasplane.limits/1"
_TOPICS = ("limits", "agreement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One cap: `value` in `unit` (UCUM; px for pixels), what it bounds, and why it stands where it does."""

    value: float
    unit: str
    what: str
    tag: str
    source: str


@cache
def limits() -> Mapping[str, Limit]:
    """Every cap and agreement by its id.

    Raises
    ------
    ValueError
        When the shipped table is not as it should be.
    """
    found = {id_: Limit(**table) for id_, table in entries(__package__, "reading", _TOPICS, LIMITS_SCHEMA)}
    wrong = [id_ for id_, each in found.items() if each.value <= 0 or not each.source]
    if wrong:
        raise ValueError(f"reading: {wrong[0]} is no cap with a source")
    return MappingProxyType(found)


def limit(id_: str) -> int:
    """The value of one cap, a whole number."""
    return int(limits()[id_].value)


def agreement(id_: str) -> float:
    """How far two statements may lie apart."""
    return limits()[id_].value
