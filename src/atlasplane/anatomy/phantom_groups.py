"""Points of the phantom that move in groups: vertebrae, pelvis, skin, the joint of condyle and C1.

How a group varies between persons stands in data/phantom.toml. All draws come from a stream of their own, so
that a point more or less never changes the bones and films that were there before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.types import Array

Points = dict[str, tuple[str, Array]]
_DRAWN = {"tilt": (), "roll": (), "shift": (3,)}


class Draws:
    """Standard normal draws by name, each asked for once and in a fixed order; without a stream all are 0."""

    def __init__(self, lead: tuple[int, ...], rng: np.random.Generator | None) -> None:
        self.lead = lead
        self._rng = rng

    def __call__(self, *shape: int) -> Array:
        """Draws of shape (*lead, *shape)."""
        whole = (*self.lead, *shape)
        return np.zeros(whole) if self._rng is None else self._rng.normal(0.0, 1.0, whole)


def later_stream(rng: np.random.Generator) -> np.random.Generator:
    """A stream for what was added later; the given one goes on as if nothing had been drawn."""
    return rng.spawn(1)[0]


def grouped_points(
    table: Mapping[str, Any], draws: Draws, *, size: Array, neck: Array, frames: Mapping[str, Array]
) -> Points:
    """Points of all groups, mm in the frame of their bone.

    Parameters
    ----------
    table : mapping
        The phantom table.
    draws : Draws
    size : array, shape (...)
        The person's size factor.
    neck : array, shape (...)
        Lateral place of C7, mm at the mean size.
    frames : mapping bone -> array, shape (..., 2)
        How far the bone's frame lies off its mean place (x, y), mm at the mean size.
    """
    lordosis = table["between_persons"]["lordosis"] * draws()
    points: Points = {}
    for group in table["groups"].values():
        points |= _group(group, draws, lordosis, neck, frames)
    return {id_: (bone, size[..., None] * at) for id_, (bone, at) in points.items()}


def _group(
    group: Mapping[str, Any], draws: Draws, lordosis: Array, neck: Array, frames: Mapping[str, Array]
) -> Points:
    tilt, roll, shift = (np.array(group.get(name, 0.0)) * draws(*shape) for name, shape in _DRAWN.items())
    share, forward = group.get("lordosis", (0.0, 0.0))
    turn = rotation_from_zxy(tilt - share * lordosis, roll, np.zeros_like(tilt))
    shift = shift.copy()
    shift[..., 0] += forward * lordosis
    shift[..., 2] += group.get("neck", 0.0) * neck
    if "fits" in group:
        shift[..., :2] += group.get("fit", 1.0) * (frames[group["fits"]] - frames[group["bone"]])
    centre = np.array(group.get("centre", np.zeros(3)))
    points: Points = {}
    for name, place in group["points"].items():
        sides = (("_R", 1.0), ("_L", -1.0)) if name.endswith("_R") else (("", 0.0),)
        for suffix, sign in sides:
            mirror = np.array([1.0, 1.0, sign])
            free = np.array([1.0, 1.0, abs(sign)])
            at = np.array(place) * mirror + group["scatter"] * free * draws(3)
            moved = centre + (turn @ (at - centre)[..., None])[..., 0] + shift
            points[f"{name.removesuffix('_R')}{suffix}"] = (group["bone"], moved)
    return points


def facet_arcs(
    table: Mapping[str, Any], draws: Draws, *, condyle: Array, size: Array, atlas_mm: Array
) -> Points:
    """Joint surfaces of condyle and C1 in a coronal section, arrays of shape (..., n, 3).

    Parameters
    ----------
    condyle : array, shape (..., n, 3)
        `COND_R` in the skull's frame: an arc whose centre lies above it in the mid-plane.
    atlas_mm : array, shape (..., 3)
        Origin of C1's frame in the skull's.
    """
    facet, arc = table["facet"], table["arcs"]["COND_R"]
    gap = facet["gap"] + table["between_persons"]["facet_gap"] * draws(2)
    middle = np.array([arc["x"], arc["y_mid"] + arc["radius"], 0.0])
    into_atlas = rotation_from_zxy(facet["flexion_deg"], 0.0, 0.0)
    arcs: Points = {}
    for k, (side, sign) in enumerate((("R", 1.0), ("L", -1.0))):
        surface = condyle * [1.0, 1.0, sign]
        centre = size[..., None, None] * middle
        grown = centre + (surface - centre) * (1 + gap[..., k, None, None] / arc["radius"])
        arcs[f"C0_FACET_{side}"] = ("skull", surface)
        arcs[f"C1_FACET_{side}"] = ("c1", (grown - atlas_mm[..., None, :]) @ into_atlas.T)
    return arcs
