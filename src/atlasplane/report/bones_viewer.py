"""What the page's viewer of the bones needs, as JSON: meshes once, a placing of them for every scene."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.report.bones_fans import angle_fans
from atlasplane.report.bones_numbers import angle_text
from atlasplane.report.bones_picture import PAINTS
from atlasplane.report.bones_render import Cut
from atlasplane.report.bones_scene import ANGLES, BoneScene
from atlasplane.report.bones_sights import DIRECTIONS, Direction

_STEP_MM = 0.01
_MOST_MM = 327.0
"""Farthest coordinate that sixteen bits hold in these steps."""


def viewer_json(scenes: Sequence[BoneScene], centre_mm: Array) -> str:
    """Scenes, directions and meshes; no character of it can end the element of the page that it stands in."""
    meshes: dict[int, int] = {}
    kept: list[tuple[str, TriangleMesh]] = []
    for scene in scenes:
        for bone in scene.places:
            mesh = scene.shapes[bone].mesh
            if meshes.setdefault(id(mesh), len(kept)) == len(kept):
                kept.append((bone, mesh))
    data = {
        "centre": _numbers(centre_mm),
        "step": _STEP_MM,
        "meshes": [_mesh(bone, mesh) for bone, mesh in kept],
        "directions": [_direction(direction) for direction in DIRECTIONS],
        "scenes": [_scene(scene, meshes) for scene in scenes],
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _scene(scene: BoneScene, meshes: Mapping[int, int]) -> dict[str, Any]:
    return {
        "name": scene.name,
        "words": [f"{kind.id}: {angle_text(kind, scene.angle(kind))}" for kind in ANGLES],
        "fans": [_numbers(fan) for kind in ANGLES for fan in angle_fans(scene, kind, alone=False)],
        "bones": [
            {"mesh": meshes[id(scene.shapes[bone].mesh)], **_place(place)}
            for bone, place in scene.places.items()
        ],
    }


def _mesh(bone: str, mesh: TriangleMesh) -> dict[str, Any]:
    at = np.clip(mesh.vertices_mm, -_MOST_MM, _MOST_MM)
    return {
        "bone": bone,
        "paint": list(PAINTS[bone]),
        "vertices": _base64(np.rint(at / _STEP_MM).astype("<i2")),
        "faces": _base64(mesh.faces.astype("<u2")),
    }


def _base64(values: np.typing.NDArray[np.integer]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def _direction(direction: Direction) -> dict[str, Any]:
    return {
        "id": direction.id,
        "title": direction.title,
        "axes": _numbers(direction.axes),
        "cuts": [_cut(cut) for cut in direction.cuts],
    }


def _cut(cut: Cut) -> list[float]:
    return [*cut.normal, cut.limit_mm]


def _place(place: RigidTransform) -> dict[str, list[float]]:
    return {"rotation": _numbers(place.rotation), "translation": _numbers(place.translation_mm)}


def _numbers(values: Array) -> list[float]:
    return [round(float(v), 5) for v in np.asarray(values).ravel()]
