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
from atlasplane.sources.film import View


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPrior:
    """Standard deviations of the head's mis-position and of how the image was taken.

    Attributes
    ----------
    yaw_sd_deg, pitch_sd_deg, roll_sd_deg : float
        Of the patient's position, degrees.
    tube_sd_deg : float
        Of the tube's angle scale.
    camera_sd_deg : (float, float, float)
        Of a camera that is not square and level, as the yaw, pitch and roll of the patient that would look
        the same; 0 for films, whose tube has a scale.
    distance_sd_mm : float
        Of the camera's distance; 0 for films.
    """

    yaw_sd_deg: float
    pitch_sd_deg: float
    roll_sd_deg: float
    tube_sd_deg: float
    camera_sd_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    distance_sd_mm: float = 0.0


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
    yaw, pitch, roll, tube = (float(_table()[f"{name}_sd_deg"]) for name in ("yaw", "pitch", "roll", "tube"))
    return HeadPrior(yaw_sd_deg=yaw, pitch_sd_deg=pitch, roll_sd_deg=roll, tube_sd_deg=tube)


@cache
def own_prior(view: View) -> HeadPrior | None:
    """The prior of a view that is taken without head clamps; None for the films of the series."""
    if view.is_photo:
        return photo_prior(view)
    standing = _table()["standing"]
    if view.value not in standing["views"]:
        return None
    return HeadPrior(
        yaw_sd_deg=float(standing["yaw_sd_deg"]),
        pitch_sd_deg=float(standing["pitch_sd_deg"]),
        roll_sd_deg=float(standing["roll_sd_deg"]),
        tube_sd_deg=head_prior().tube_sd_deg,
    )


@cache
def photo_prior(view: View) -> HeadPrior:
    """The prior of a photograph: body and camera (data/head_position.toml).

    From the side a camera that is rolled looks like a pitched body and one that looks up or down like a
    leaning one; from the front it is the other way round.
    """
    table = _table()["photo"]
    rolled, raised = float(table["camera_roll_sd_deg"]), float(table["camera_elevation_sd_deg"])
    return HeadPrior(
        yaw_sd_deg=float(table["yaw_sd_deg"]),
        pitch_sd_deg=float(table["pitch_sd_deg"]),
        roll_sd_deg=float(table["roll_sd_deg"]),
        tube_sd_deg=0.0,
        camera_sd_deg=(0.0, rolled, raised) if view.is_profile else (0.0, raised, rolled),
        distance_sd_mm=float(table["distance_sd_mm"]),
    )


def camera_distance_mm() -> float:
    """How far the camera of a photograph stood, where nobody says (data/head_position.toml)."""
    return float(_table()["photo"]["distance_mm"])


def default_atlas() -> AtlasEstimate:
    """C1 in the skull where no film tells (data/head_position.toml)."""
    table = _table()["atlas"]
    pairs = np.array([table[name] for name in ("flexion", "laterality", "rotation")], dtype=float)
    return AtlasEstimate(pairs[:, 0], pairs[:, 1])


def neighbour_sd_deg(view: View) -> tuple[Array, Array]:
    """SD of (flexion, laterality, rotation) of C2 and of the bones below in the skull, degrees."""
    table = _table()["neighbours"]
    trunk = "trunk_sd_full_length" if view in (View.LATERAL_FULL, View.AP_FULL) else "trunk_sd"
    return np.array(table["axis_sd"], dtype=float), np.array(table[trunk], dtype=float)
