"""Parts that the tables are divided into: by what is measured, not by the file that it was read from."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeVar

from atlasplane.core.observation import Observation

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part.

    Attributes
    ----------
    name : str
    quantities : tuple of str
        Ids, in the order of the rows.
    plot : bool
        Whether the plot of the changes shows all of them.
    """

    name: str
    quantities: tuple[str, ...]
    plot: bool = False


OTHER = Section(name="Other measurements", quantities=(), plot=True)
"""Holds what the table of sections does not name, so that nothing measured is left out."""


@cache
def sections() -> tuple[Section, ...]:
    """Every section in reading order, validated when first read.

    Raises
    ------
    ValueError
        When a quantity stands in two sections.
    """
    text = files("atlasplane.report").joinpath("data/sections.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    if table["schema"] != "atlasplane.report-sections/1":
        raise ValueError("sections.toml: unknown schema")
    found = tuple(
        Section(name=entry["name"], quantities=tuple(entry["quantities"]), plot=entry.get("plot", False))
        for entry in table["section"]
    )
    ids = [id_ for section in found for id_ in section.quantities]
    twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if twice:
        raise ValueError(f"sections.toml: {twice[0]} stands in two sections")
    return found


def sectioned(
    items: Iterable[T], observation_of: Callable[[T], Observation]
) -> list[tuple[Section, list[T]]]:
    """Items by section and, inside it, by quantity, those of its home view first; else in their order.

    Parameters
    ----------
    items : iterable
        Observations, or what holds one.
    observation_of : callable
        From an item to its observation.
    """
    all_items = list(items)
    parts = []
    for section in (*sections(), OTHER):
        own = [item for item in all_items if section_of(observation_of(item)) is section]
        ids = section.quantities or tuple(dict.fromkeys(observation_of(item).quantity.id for item in own))
        place = {id_: k for k, id_ in enumerate(ids)}
        if own:
            parts.append((section, sorted(own, key=lambda item: _place(observation_of(item), place))))
    return parts


def _place(observation: Observation, place: Mapping[str, int]) -> tuple[int, bool]:
    return place[observation.quantity.id], observation.condition is not None


def section_of(observation: Observation) -> Section:
    """The section of an observation."""
    id_ = observation.quantity.id
    return next((section for section in sections() if id_ in section.quantities), OTHER)
