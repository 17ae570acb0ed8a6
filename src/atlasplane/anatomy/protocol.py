"""The protocol of marking: which landmarks a view asks for, in which order, and what they belong to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from atlasplane.anatomy.landmarks import Landmark, landmarks

SCHEMA = "atlasplane.protocols/1"
VOLUME = "volume"
"""Stands for the view of a CT or CBCT."""

Side = Literal["right", "left"]
_SIDES: Mapping[str, Side] = {"_R": "right", "_L": "left"}


class Step(BaseModel):
    """One landmark to be marked.

    Attributes
    ----------
    id : as written in landmark files, with its side
    landmark : the catalogue's entry
    side : of a bilateral landmark; None for the others
    group : the construction that it belongs to
    optional : whether the view's main measures do without it
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    id: str
    landmark: Landmark
    side: Side | None
    group: str
    optional: bool


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    landmarks: tuple[str, ...] = Field(min_length=1)
    optional: bool = False


@cache
def protocols() -> Mapping[str, tuple[Step, ...]]:
    """Steps of every view in the order of marking; the key of CT and CBCT is `VOLUME`.

    Raises
    ------
    ValueError
        When a group names a landmark that the catalogue does not have, or a view names one twice.
    """
    text = files("atlasplane.anatomy").joinpath("data/protocols.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    if table.pop("schema") != SCHEMA:
        raise ValueError("protocols.toml: unknown schema")
    return MappingProxyType({view: _steps(view, groups) for view, groups in table.items()})


def protocol(view: str) -> tuple[Step, ...]:
    """Steps of one view, in order; empty for a view without a protocol."""
    return protocols().get(view, ())


def _steps(view: str, groups: list[dict[str, object]]) -> tuple[Step, ...]:
    entries = {entry.id: entry for entry in landmarks().values()}
    steps: dict[str, Step] = {}
    for group in (_Group.model_validate(each) for each in groups):
        for name in group.landmarks:
            if name not in entries:
                raise ValueError(f"protocols.toml: {view} asks for '{name}', which is no landmark")
            for id_ in entries[name].ids:
                if id_ in steps:
                    raise ValueError(f"protocols.toml: {view} asks for '{id_}' twice")
                side = _SIDES.get(id_[-2:]) if entries[name].bilateral else None
                steps[id_] = Step(
                    id=id_, landmark=entries[name], side=side, group=group.group, optional=group.optional
                )
    return tuple(steps.values())
