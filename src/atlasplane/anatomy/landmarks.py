"""The landmark catalogue: what each point is, where it shows, how precisely a trained observer places it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from atlasplane.core.catalogue import entries
from atlasplane.core.quantity import Tag
from atlasplane.geometry.types import Array

TOPICS = ("lateral", "nasium", "vertex", "coronal", "photo", "volume")
"""Files of the catalogue, by the view that a landmark is first marked on."""


class Placing(BaseModel):
    """Default placing error of one reading, in millimetres on the film.

    Attributes
    ----------
    along_mm, across_mm : standard deviations along and across the edge that the point lies on
    edge_deg : direction of that edge in the film frame, counter-clockwise from its first axis, for the right
    side of a pair
        (its mirror image for the left)
    dof : degrees of freedom that the standard deviations rest on; infinite where they are taken as known
        (JCGM 100 G.4.3)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    along_mm: float = Field(gt=0)
    across_mm: float = Field(gt=0)
    edge_deg: float = 0.0
    dof: float = Field(default=math.inf, gt=0)
    tag: Tag
    source: str

    def covariance(self, *, mirrored: bool) -> Array:
        """Covariance in the film frame, mm squared on the film, shape (2, 2)."""
        angle = math.radians(-self.edge_deg if mirrored else self.edge_deg)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        cov: Array = turn @ np.diag([self.along_mm**2, self.across_mm**2]) @ turn.T
        return cov


class Landmark(BaseModel):
    """One entry of the catalogue; a bilateral entry stands for both `_R` and `_L`.

    Attributes
    ----------
    id : without the side suffix
    kind : "point" or "contour" (a polyline)
    bilateral : whether it comes as a right and a left one
    views : films that it is marked on
    bone : bone that carries it (`skull`, `c1`, `c2`, `trunk`)
    definition, pitfalls : what to mark and how it goes wrong
    rare : whether most people do not have it, so that nothing is missing where it is not marked
    placing : default placing error of one reading
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = ""
    name: str
    kind: Literal["point", "contour"] = "point"
    bilateral: bool = False
    views: tuple[str, ...]
    bone: str
    definition: str
    pitfalls: str
    rare: bool = False
    placing: Placing
    tag: Tag
    source: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids as written in landmark files."""
        return (f"{self.id}_R", f"{self.id}_L") if self.bilateral else (self.id,)


@cache
def landmarks() -> Mapping[str, Landmark]:
    """Every landmark by the id used in files (sides apart), validated when first read."""
    text = files("atlasplane.anatomy").joinpath("data/placing.toml").read_text(encoding="utf-8")
    default_placing = {key: value for key, value in tomllib.loads(text).items() if key != "schema"}
    by_id: dict[str, Landmark] = {}
    for id_, entry in entries("atlasplane.anatomy", "landmarks", TOPICS, "atlasplane.landmark-catalogue/1"):
        merged = {**entry, "id": id_, "placing": {**default_placing, **entry.get("placing", {})}}
        landmark = Landmark(**merged)
        by_id.update(dict.fromkeys(landmark.ids, landmark))
    return MappingProxyType(by_id)


def landmark(id_: str) -> Landmark:
    """The catalogue entry of an id as written in files, e.g. ``PL_R``.

    Raises
    ------
    KeyError
        When the catalogue has no such id.
    """
    return landmarks()[id_]
