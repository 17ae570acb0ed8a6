"""The three angles of C1 as lines in space, and their 95 % intervals as fans at the ends of these lines."""

from __future__ import annotations

import numpy as np

from atlasplane.core.observation import coverage_factor
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.types import Array
from atlasplane.report.bones_scene import AngleKind, BoneScene
from atlasplane.report.numbers import LEVEL

ARM_MM = 62.0
_FAN_FROM_MM = 42.0
"""Past the transverse processes, so that the fan hides no bone."""
_RAYS = 9
_FORWARD, _RIGHT = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
_FLEXION = 0


def arm_end(
    scene: BoneScene, kind: AngleKind, angle_deg: float, reach_mm: float, *, alone: bool = True
) -> Array:
    """A point of the line through the origin of C1 that one of the pose's angles turns.

    Parameters
    ----------
    angle_deg : float
        With the pose's sign.
    reach_mm : float
        From the origin of C1; + forward for flexion, to the right for the other two.
    alone : bool
        Whether the other two angles are left out: the direction in which this one is seen then shows it as
        it is, and 0 gives the line of the skull. Otherwise they are those of the pose.

    Returns
    -------
    array, shape (3,)
        Frame of the skull, mm.
    """
    angles = [0.0, 0.0, 0.0] if alone else list(scene.pose.zxy_deg)
    angles[kind.place] = angle_deg
    arm = _FORWARD if kind.place == _FLEXION else _RIGHT
    end: Array = scene.places["c1"].translation_mm + reach_mm * rotation_from_zxy(*angles) @ arm
    return end


def angle_fans(scene: BoneScene, kind: AngleKind, *, alone: bool = True) -> tuple[Array, ...]:
    """Outlines of the 95 % interval at both ends of the line, each (n, 3), skull frame; none without u."""
    half = _half_deg(scene, kind)
    if half is None:
        return ()
    angle = scene.pose.zxy_deg[kind.place]
    rays = np.linspace(angle - half, angle + half, _RAYS)

    def ends(reach_mm: float) -> list[Array]:
        return [arm_end(scene, kind, ray, reach_mm, alone=alone) for ray in rays]

    return tuple(np.array(ends(end * ARM_MM) + ends(end * _FAN_FROM_MM)[::-1]) for end in (-1, 1))


def _half_deg(scene: BoneScene, kind: AngleKind) -> float | None:
    measured = scene.angle(kind)
    if measured is not None and measured.u is not None:
        return coverage_factor(LEVEL, measured.dof) * measured.u
    u = scene.pose.zxy_u_deg
    return None if u is None else coverage_factor(LEVEL, np.inf) * u[kind.place]
