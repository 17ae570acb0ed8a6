"""Shaded pictures of skull, C1 and C2 from the fixed directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.report.bones_render import (
    Field32,
    Layer,
    Sight,
    glass,
    layer,
    over,
    png,
    shaded,
)
from atlasplane.report.bones_scene import BoneScene
from atlasplane.report.bones_sights import DIRECTIONS, Direction

PAINTS = {"skull": (0.95, 0.93, 0.87), "c1": (0.97, 0.70, 0.22), "c2": (0.48, 0.69, 0.88)}
"""Red, green and blue of each bone, 0 to 1: ivory, amber and sky, told apart by every kind of eye."""
_CUT_PAINT = (0.85, 0.78, 0.69)
_BEHIND = 0.55
"""How much of a bone is seen through the skull."""

Pictures = dict[str, bytes]


def scene_pictures(scenes: Sequence[BoneScene], centre_mm: Array) -> list[Pictures]:
    """PNG of every direction for every scene; the same direction shows the same cut of space in all of them.

    Parameters
    ----------
    scenes : sequence of BoneScene
    centre_mm : array, shape (3,)
        About in the middle of every picture, frame of the skull.
    """
    pictures: list[Pictures] = [{} for _ in scenes]
    for direction in DIRECTIONS:
        sight = direction.sight(centre_mm)
        skulls: dict[int, tuple[Layer, Field32]] = {}
        for scene, own in zip(scenes, pictures, strict=True):
            mesh = scene.shapes["skull"].mesh
            if id(mesh) not in skulls:
                seen = layer(mesh, sight, direction.cuts)
                skulls[id(mesh)] = seen, shaded(seen, PAINTS["skull"], _CUT_PAINT)
            own[direction.id] = png(_composed(scene, sight, *skulls[id(mesh)]))
    return pictures


def _composed(scene: BoneScene, sight: Sight, skull: Layer, ivory: Field32) -> Field32:
    """Skull as clear as glass on white, the other bones in it and before it."""
    ground = over(np.ones_like(ivory), ivory, glass(skull, face_on=0.72, grazing=0.95))
    colours, depth = np.ones_like(ivory), np.full(skull.depth.shape, -np.inf, dtype=np.float32)
    for bone, place in scene.places.items():
        if bone != "skull":
            seen = layer(scene.shapes[bone].mesh.moved(place), sight)
            nearer = seen.depth > depth
            colours = np.where(nearer[..., None], shaded(seen, PAINTS[bone]), colours)
            depth = np.maximum(depth, seen.depth)
    share = np.where(skull.depth > depth, _BEHIND, 1.0) * np.isfinite(depth)
    return over(ground, colours, share.astype(np.float32))


def picture_direction(id_: str) -> Direction:
    """A fixed direction by its id."""
    return next(direction for direction in DIRECTIONS if direction.id == id_)
