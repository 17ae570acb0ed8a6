"""What the registration of a visit takes as known beforehand, as data (data/registered.toml)."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from atlasplane.core.quantity import Tag
from atlasplane.geometry.types import Array


class BetweenVisits(BaseModel):
    """How far a bone stands off where an earlier registration found it, about and along every axis."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation_sd_deg: float = Field(gt=0)
    translation_sd_mm: float = Field(gt=0)
    tag: Tag
    source: str

    @property
    def cov(self) -> Array:
        """Covariance of a change, shape (6, 6), rad and mm."""
        return np.diag(np.repeat([math.radians(self.rotation_sd_deg), self.translation_sd_mm], 3) ** 2)


@cache
def between_visits() -> BetweenVisits:
    """The setting, validated when first read."""
    text = files("atlasplane.chain").joinpath("data/registered.toml").read_text(encoding="utf-8")
    return BetweenVisits(**tomllib.loads(text)["between_visits"])
