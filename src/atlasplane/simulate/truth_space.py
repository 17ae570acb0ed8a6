"""Truth in space: poses of the bones, the measures read from them, and what a scan truly holds.

Formulas are this room's own, written from the definitions of the catalogue. Frames of the bones follow from
true landmarks, as the catalogue defines them, and not from the axes that the phantom is built on; the two
agree for skull and C1. Points are of shape (3,), ISB mm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.truth_coronal import open_mouth_values, rotation_values
from atlasplane.simulate.truth_sagittal import sagittal_values
from atlasplane.simulate.truth_series import Values

Points = Mapping[str, Array]
PAIRS = (("c1", "skull"), ("c2", "skull"), ("c2", "c1"))
"""Bone and the bone that it is told in."""
_MIDLINE = ("N", "BA", "INC_F", "OP", "HP_ANT", "HP_POST", "CLIV_SUP")
_NEEDS = {
    "skull": ("N", "BA", "INC_F", "PO_R", "PO_L", "OR_R", "OR_L"),
    "c1": ("TF_R", "TF_L", "C1_AT", "C1_PT"),
    "c2": ("DENS_TIP", "C2_AI", "C2_PI", "OD_BASE"),
}


def bone_poses(points: Points, contours: Points) -> dict[str, RigidTransform]:
    """Frame to the points' axes, of each bone whose landmarks are there: `skull`, `c1`, `c2`.

    The transverse axis of C2 goes through its foramina; where those are not known, through the middles of its
    upper joint surfaces.
    """
    whole = [bone for bone, needs in _NEEDS.items() if all(id_ in points for id_ in needs)]
    frames = {bone: _frame(bone, points, contours) for bone in whole}
    return {bone: frame for bone, frame in frames.items() if frame is not None}


def _frame(bone: str, points: Points, contours: Points) -> RigidTransform | None:
    if bone == "c2":
        return _axis(points, contours)
    return _skull(points) if bone == "skull" else _atlas(points)


def _skull(p: Points) -> RigidTransform:
    right = _unit(np.cross(p["INC_F"] - p["BA"], p["N"] - p["BA"]))
    # Forward lies in both planes: square to the mid-plane's normal and to that of the Frankfort plane.
    level = np.cross((p["OR_R"] + p["OR_L"]) / 2 - p["PO_L"], p["PO_R"] - p["PO_L"])
    forward = np.cross(level, right)
    return _square(forward * np.sign(forward @ (p["N"] - p["BA"])), right, p["BA"])


def _atlas(p: Points) -> RigidTransform:
    return _square(p["C1_AT"] - p["C1_PT"], p["TF_R"] - p["TF_L"], (p["TF_R"] + p["TF_L"]) / 2)


def _axis(p: Points, contours: Points) -> RigidTransform | None:
    if "C2_TF_R" in p and "C2_TF_L" in p:
        across = p["C2_TF_R"] - p["C2_TF_L"]
    elif "AXIS_R" in contours and "AXIS_L" in contours:
        across = contours["AXIS_R"].mean(axis=0) - contours["AXIS_L"].mean(axis=0)
    else:
        return None
    upward = p["DENS_TIP"] - (p["C2_AI"] + p["C2_PI"]) / 2
    return _square(np.cross(upward, across), across, p["OD_BASE"])


def _square(forward: Array, right: Array, origin: Array) -> RigidTransform:
    """Axes with `right` kept and `forward` made square to it."""
    right = _unit(right)
    forward = _unit(forward - (forward @ right) * right)
    return RigidTransform(np.column_stack([forward, np.cross(right, forward), right]), origin)


def relative_poses(bones: Mapping[str, RigidTransform]) -> dict[str, RigidTransform]:
    """Poses of one bone in another by the pairs of `PAIRS`, keyed `c1_in_skull` and so on."""
    return {
        f"{bone}_in_{other}": bones[other].inverse() @ bones[bone]
        for bone, other in PAIRS
        if bone in bones and other in bones
    }


def space_values(points: Points, contours: Points) -> Values:
    """The measures in space that the landmarks allow, catalogue units, by quantity."""
    bones = bone_poses(points, contours)
    values: Values = {}
    if "skull" in bones and "c1" in bones:
        skull, atlas = bones["skull"].rotation, bones["c1"].rotation
        flexion, laterality, rotation = _cardan(skull, atlas)
        values |= {
            "atlas_flexion_3d": flexion,
            "atlas_laterality_3d": laterality,
            "atlas_rotation_3d": rotation,
        }
        values |= _lower_angle(points, skull, atlas, laterality)
    if "c1" in bones and "c2" in bones:
        flexion, laterality, _ = _cardan(bones["c2"].rotation, bones["c1"].rotation)
        values |= {"c1_c2_flexion_3d": flexion, "c1_c2_lateral_3d": laterality}
    return values | rotation_values(points)


def _cardan(reference: Array, moved: Array) -> tuple[float, float, float]:
    """Flexion, laterality and rotation of one bone on another, from the directions of their axes, deg.

    The moved bone's upward axis is pitched and leaned alone: rotation goes about it.
    """
    along, up, right = reference.T
    forward_1, up_1, right_1 = moved.T
    flexion = math.atan2(along @ up_1, up @ up_1)
    laterality = -math.asin(right @ up_1)
    rotation = math.atan2(-(right @ forward_1), right @ right_1)
    return math.degrees(flexion), math.degrees(laterality), math.degrees(rotation)


def _lower_angle(p: Points, skull: Array, atlas: Array, laterality: float) -> Values:
    """Seen along the plane of the atlas with the head straight: lean of the neck against the atlas."""
    if not all(id_ in p for id_ in ("OD_BASE", "C2_SPB", "C7_C")):
        return {}
    neck, right = (p["OD_BASE"] + p["C2_SPB"]) / 2 - p["C7_C"], skull[:, 2]
    upward = _unit(atlas[:, 1] - (atlas[:, 1] @ right) * right)
    lean = math.degrees(math.atan2(neck @ right, neck @ upward))
    return {"lower_angle_3d": -(lean + laterality)}


def scan_values(points: Points, contours: Points) -> Values:
    """What a scan with these landmarks holds, by key without condition.

    From the side as on the lateral film, drawn on the mid-sagittal plane; measures of posture are none of a
    scan.
    """
    profile = sagittal_values(_on_the_mid_plane(points)) if _middle_ids(points) else {}
    values = {key: value for key, value in profile.items() if not _is_posture(key)}
    values |= open_mouth_values(points, contours) | space_values(points, contours)
    # The mid-plane of a scan rests on all its mid-line points, not on three of them.
    values.pop("c0_c1_rotation", None)
    if _middle_ids(points) and "C1_AT" in points and "C1_PT" in points:
        ahead = _unit(points["C1_AT"] - points["C1_PT"])
        values["c0_c1_rotation"] = -math.degrees(math.asin(ahead @ _middle_normal(points)))
    return values


def _is_posture(key: str) -> bool:
    return quantity(ObservationKey.parse(key).quantity).posture


def _middle_ids(points: Points) -> list[str]:
    found = [id_ for id_ in _MIDLINE if id_ in points]
    return found if len(found) >= 3 else []


def _on_the_mid_plane(points: Points) -> dict[str, Array]:
    """All points as (anterior, superior) on the skull's mid-plane."""
    normal = _middle_normal(points)
    forward = _unit(np.array([1.0, 0.0, 0.0]) - normal[0] * normal)
    axes = np.array([forward, np.cross(normal, forward)])
    return {id_: axes @ at for id_, at in points.items()}


def _middle_normal(points: Points) -> Array:
    """Normal, to the right, of the plane nearest to the skull's mid-line points."""
    middle = np.array([points[id_] for id_ in _middle_ids(points)])
    _, vectors = np.linalg.eigh(np.cov(middle.T))
    normal: Array = vectors[:, 0] * np.sign(vectors[2, 0])
    return normal


def _unit(v: Array) -> Array:
    length: Array = v / np.linalg.norm(v)
    return length
