"""What is known of a head's position and of C1 before a film is looked at (data/head_position.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPrior:
    """Standard deviations of the head's mis-position and of the tube angle, degrees."""

    yaw_sd_deg: float
    pitch_sd_deg: float
    roll_sd_deg: float
    tube_sd_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class AtlasEstimate:
    """What the visit's films say of C1 in the skull.

    (flexion, laterality, rotation), deg, each with its uncertainty.
    """

    mean_deg: Array
    u_deg: Array


@cache
def _table() -> Mapping[str, Any]:
    text = (
        files("atlasplane.pathways.alignment").joinpath("data/head_position.toml").read_text(encoding="utf-8")
    )
    return tomllib.loads(text)


@cache
def head_prior() -> HeadPrior:
    """The default prior of the head's mis-position (data/head_position.toml)."""
    names = ("yaw_sd_deg", "pitch_sd_deg", "roll_sd_deg", "tube_sd_deg")
    return HeadPrior(**{name: float(_table()[name]) for name in names})


def default_atlas() -> AtlasEstimate:
    """C1 in the skull where no film tells (data/head_position.toml)."""
    table = _table()["atlas"]
    pairs = np.array([table[name] for name in ("flexion", "laterality", "rotation")], dtype=float)
    return AtlasEstimate(pairs[:, 0], pairs[:, 1])


def neighbour_sd_deg() -> tuple[Array, Array]:
    """SD of (flexion, laterality, rotation) of C2 and of the bones below in the skull, degrees."""
    table = _table()["neighbours"]
    return np.array(table["axis_sd"], dtype=float), np.array(table["trunk_sd"], dtype=float)
