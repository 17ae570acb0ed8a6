"""The procedural phantom: where every landmark of a simulated person lies in its bone; how persons differ.

One `Phantom` is one person. Its bones are `skull`, `c1`, `c2` and `trunk` (C3 downwards); each has its own
frame with ISB axes (mm), parallel to the others in the neutral pose. The outer table of the vault is an
ellipsoid, so every outline has a closed form and the truth of a film can be worked out without drawing one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from atlasplane.anatomy.phantom_groups import Draws, facet_arcs, grouped_points, later_stream
from atlasplane.geometry.quadric import Ellipsoid
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

BONES = ("skull", "c1", "c2", "trunk")
ARC_POINTS = 8
_MOST_RHO = 0.75
"""Keeps a far draw an ellipsoid: |rho| must stay under half length over half height."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Phantom:
    """One simulated person, or many at once along leading axes.

    Attributes
    ----------
    origins_mm : mapping bone -> array, shape (..., 3)
        Where the bone's frame lies in the skull frame in the neutral pose.
    pivots_mm : mapping bone -> array, shape (..., 3)
        Point of a bone's frame that it turns about, where that is not the origin.
    points_mm : mapping id -> (bone, array of shape (..., 3))
        Landmarks in the frame of their bone.
    arcs_mm : mapping id -> (bone, array of shape (..., n, 3))
        Joint surfaces `COND_R, COND_L, AXIS_R, AXIS_L`, and `C0_FACET`, `C1_FACET` of either side.
    vault : Ellipsoid
        Outer table of the skull, skull frame.
    squamous_y_mm, turn_y_mm : array, shape (...)
        Skull-frame heights of the squamous suture and of the turn of the skull on the outer table.
    """

    origins_mm: Mapping[str, Array]
    pivots_mm: Mapping[str, Array]
    points_mm: Mapping[str, tuple[str, Array]]
    arcs_mm: Mapping[str, tuple[str, Array]]
    vault: Ellipsoid
    squamous_y_mm: Array
    turn_y_mm: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Posture:
    """How the bones of a phantom stand to each other and in the room.

    Attributes
    ----------
    head : RigidTransform
        Mis-position of the whole patient in the room, about the neutral origin of C1, which is the origin of
        the room.
    c1, c2, trunk : RigidTransform
        Bone frame to skull frame.
    """

    head: RigidTransform
    c1: RigidTransform
    c2: RigidTransform
    trunk: RigidTransform
    pivot_mm: Array

    def room_from(self, bone: str) -> RigidTransform:
        """Transform from a bone's frame to the room (ISB axes, mm, origin at the neutral C1 origin)."""
        skull_to_pivot = RigidTransform(np.eye(3), -np.asarray(self.pivot_mm, dtype=float))
        in_skull = RigidTransform.identity() if bone == "skull" else getattr(self, bone)
        combined: RigidTransform = self.head @ skull_to_pivot @ in_skull
        return combined


def posture(
    phantom: Phantom,
    *,
    head_deg: Array,
    atlas_deg: Array,
    axis_deg: Array | None = None,
    trunk_deg: Array | None = None,
) -> Posture:
    """Posture from angles in degrees.

    Parameters
    ----------
    head_deg : array, shape (..., 3)
        yaw, pitch, roll of the patient in the room: + = right side anterior, extension, right side bending.
    atlas_deg : array, shape (..., 3)
        flexion, laterality, rotation of C1 in the skull, with the signs of the `_3d` quantities
        (alpha = -flexion, beta = -laterality, gamma = rotation).
    axis_deg, trunk_deg : array, shape (..., 3), optional
        The same three angles of C2 and of the bones below in the skull; default 0.
    """
    head_deg, atlas_deg = np.asarray(head_deg, dtype=float), np.asarray(atlas_deg, dtype=float)
    yaw, pitch, roll = np.moveaxis(head_deg, -1, 0)

    def in_skull(bone: str, angles: Array | None) -> RigidTransform:
        given = np.zeros(3) if angles is None else np.asarray(angles, dtype=float)
        flexion, laterality, rotation = np.moveaxis(given, -1, 0)
        turn = rotation_from_zxy(-flexion, -laterality, rotation)
        place = phantom.origins_mm[bone]
        if bone in phantom.pivots_mm:
            pivot = phantom.pivots_mm[bone]
            place = place + pivot - np.squeeze(turn @ pivot[..., None], axis=-1)
        return RigidTransform(turn, place)

    return Posture(
        head=RigidTransform(rotation_from_zxy(pitch, roll, yaw), np.zeros(3)),
        c1=in_skull("c1", atlas_deg),
        c2=in_skull("c2", axis_deg),
        trunk=in_skull("trunk", trunk_deg),
        pivot_mm=phantom.origins_mm["c1"],
    )


@cache
def _table() -> Mapping[str, Any]:
    text = files("atlasplane.anatomy").joinpath("data/phantom.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


@cache
def later_ids() -> frozenset[str]:
    """Points and arcs that came after the first series of films.

    Clicks on them are drawn from a stream of their own, so that the others stay as they were.
    """
    first = [id_ for bone in BONES for id_ in _table()["points"][bone]]
    paired = {f"{id_[:-2]}_L" for id_ in first if id_.endswith("_R")}
    known = mean_phantom()
    arcs = {id_ for id_ in known.arcs_mm if not id_.startswith(("COND", "AXIS"))}
    return frozenset(known.points_mm.keys() - set(first) - paired | arcs)


def mean_phantom(count: int | None = None) -> Phantom:
    """The mean person, exactly symmetric; with a count, that many alike along a leading axis."""
    shape = () if count is None else (count,)
    none = {name: np.zeros((*shape, *v.shape)) for name, v in _no_variation().items()}
    return _phantom(np.zeros(shape), none, Draws(shape, None))


def phantom_population(count: int, rng: np.random.Generator) -> Phantom:
    """`count` persons at once, normal about the mean person with the variation of the phantom table."""
    sd = _table()["variation"]
    draws = {name: rng.normal(0.0, sd[name], shape) for name, shape in _variation_shapes(count).items()}
    return _phantom(np.zeros(count), draws, Draws((count,), later_stream(rng)))


def random_phantom(rng: np.random.Generator) -> Phantom:
    """One person of that population."""
    sd = _table()["variation"]
    draws = {name: rng.normal(0.0, sd[name], shape[1:]) for name, shape in _variation_shapes(1).items()}
    return _phantom(np.zeros(()), draws, Draws((), later_stream(rng)))


def _variation_shapes(count: int) -> dict[str, tuple[int, ...]]:
    return {
        "size": (count,),
        "half_height": (count,),
        "half_width": (count,),
        "rho": (count,),
        "level": (count, 2),
        "frame": (count, 3, 2),
        "paired": (count, 4),
        "neck": (count,),
    }


def _no_variation() -> dict[str, Array]:
    return {name: np.zeros(shape[1:]) for name, shape in _variation_shapes(1).items()}


def _phantom(lead: Array, draws: Mapping[str, Array], later: Draws) -> Phantom:
    """A phantom from the mean table and its deviations; `lead` has the leading shape."""
    table = _table()
    size = 1.0 + draws["size"]
    origins, arcs = _origins(table, size, draws), _arcs(table, lead, size)
    frames = {bone: draws["frame"][..., k, :] for k, bone in enumerate(BONES[1:])}
    grouped = grouped_points(table, later, size=size, neck=draws["neck"], frames=frames)
    condyle = arcs["COND_R"][1]
    return Phantom(
        origins_mm=origins,
        pivots_mm={bone: size[..., None] * np.array(at) for bone, at in table["pivots"].items()},
        points_mm=_points(table, lead, size, draws) | grouped,
        arcs_mm=arcs | facet_arcs(table, later, condyle=condyle, size=size, atlas_mm=origins["c1"]),
        vault=_vault(table["vault"], size, draws),
        squamous_y_mm=size * (table["vault"]["squamous_y"] + draws["level"][..., 0]),
        turn_y_mm=size * (table["vault"]["turn_y"] + draws["level"][..., 1]),
    )


def _origins(table: Mapping[str, Any], size: Array, draws: Mapping[str, Array]) -> dict[str, Array]:
    origins = {bone: np.array(table["frames"][bone]) + np.zeros((*size.shape, 3)) for bone in BONES}
    for k, bone in enumerate(BONES[1:]):
        origins[bone][..., :2] += draws["frame"][..., k, :]
    return {bone: size[..., None] * origin for bone, origin in origins.items()}


def _points(
    table: Mapping[str, Any], lead: Array, size: Array, draws: Mapping[str, Array]
) -> dict[str, tuple[str, Array]]:
    points: dict[str, tuple[str, Array]] = {}
    for bone in BONES:
        for name, at in table["points"][bone].items():
            right = np.array(at) + np.zeros((*lead.shape, 3))
            points[name] = (bone, right)
            if name.endswith("_R"):
                points[f"{name[:-2]}_L"] = (bone, right * [1, 1, -1])
    for k, name in enumerate(("ORB_R", "ORB_L", "RAM_R", "RAM_L")):
        points[name][1][..., 2] += draws["paired"][..., k]
    points["C7_C"][1][..., 2] += draws["neck"]
    return {name: (bone, size[..., None] * at) for name, (bone, at) in points.items()}


def _arcs(table: Mapping[str, Any], lead: Array, size: Array) -> dict[str, tuple[str, Array]]:
    arcs: dict[str, tuple[str, Array]] = {}
    for name, arc in table["arcs"].items():
        inner, outer = arc["z"]
        z = np.linspace(inner, outer, ARC_POINTS)
        y = arc["y_mid"] + arc["centre"] * (arc["radius"] - np.sqrt(arc["radius"] ** 2 - z**2))
        right = np.stack([np.full_like(z, arc["x"]), y, z], axis=-1) + np.zeros((*lead.shape, 1, 1))
        arcs[name] = (arc["bone"], size[..., None, None] * right)
        arcs[f"{name[:-2]}_L"] = (arc["bone"], size[..., None, None] * right * [1, 1, -1])
    return arcs


def _vault(vault: Mapping[str, Any], size: Array, draws: Mapping[str, Array]) -> Ellipsoid:
    half_height = vault["half_height"] * (1 + draws["half_height"])
    half_width = vault["half_width"] * (1 + draws["half_width"])
    shape = np.zeros((*size.shape, 3, 3))
    shape[..., 0, 0] = vault["half_length"] ** 2
    shape[..., 1, 1] = half_height**2
    shape[..., 2, 2] = half_width**2
    rho = np.clip(vault["rho"] + draws["rho"], -_MOST_RHO, _MOST_RHO)
    shape[..., 0, 1] = shape[..., 1, 0] = rho * half_height**2
    return Ellipsoid(size[..., None] * np.array(vault["centre"]), size[..., None, None] ** 2 * shape)
