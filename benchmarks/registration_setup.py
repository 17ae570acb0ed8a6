"""What films of the phantom and of the real head share: set-up, poses, bodies that no model holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.setup import SETUPS
from atlasplane.sources.film import View

Grey = NDArray[np.float32]
PITCH_MM = 0.6
"""Of the films' pixels on the detector, where nothing else is said."""
SID_MM: Mapping[View, float] = {View.LATERAL: 1830.0, View.NASIUM: 1100.0, View.VERTEX: 1100.0}
TUBE_DEG: Mapping[View, float] = {View.LATERAL: 0.0, View.NASIUM: 25.0, View.VERTEX: 12.0}
TURN_DEG, SHIFT_MM = (6.0, 4.0, 5.0), 1.0
"""Flexion, laterality, rotation of C1 since the scan, uniform within +-; 1 sd of its shift; C2 on C1 half."""
HEAD_DEG, HEAD_MM = (4.0, 1.5, 2.0), 6.0
"""1 sd of pitch, roll, yaw and of each coordinate of the head."""


@dataclass(frozen=True, slots=True, eq=False)
class Ellipsoid:
    """|A (x - centre)| = 1 in the volume (ISB, mm), attenuation over what surrounds it."""

    centre_mm: Array
    inverse_axes: Array
    per_mm: float


def stated_camera(
    view: View, rows: tuple[int, int], pitch_mm: float = PITCH_MM
) -> tuple[PinholeCamera, tuple[int, int]]:
    """Camera of the clinic's set-up on coarser pixels, and rows and columns of its film.

    Parameters
    ----------
    rows : (first, number)
        That the beam is narrowed to, of `PITCH_MM`.
    """
    setup = SETUPS[view]
    share, sid = setup.pitch_mm / pitch_mm, SID_MM[view]
    first, count = (row * PITCH_MM / pitch_mm for row in rows)
    shape = round(count), round(setup.shape[1] * share)
    column, row = ((p + 0.5) * share - 0.5 for p in setup.principal_px)
    coarse = replace(
        setup,
        sid_mm=sid,
        sod_mm=setup.sod_mm * sid / setup.sid_mm,
        pitch_mm=pitch_mm,
        shape=shape,
        principal_px=(column, row - first),
    )
    return coarse.camera(TUBE_DEG[view], np.zeros(3)), shape


def true_camera(rng: np.random.Generator, stated: PinholeCamera, sd: CameraSd) -> PinholeCamera:
    """A camera that is off what is stated as `sd` says."""
    away = (stated.source_mm - stated.centre_mm) / stated.sid_mm
    along, across = rng.normal(0.0, sd.sid_mm), rng.normal(0.0, sd.principal_mm, 2)
    moved = along * away + across[0] * stated.column_axis + across[1] * stated.row_axis
    pitch = stated.pitch_mm * (1 + rng.normal(0.0, sd.pitch_rel))
    return replace(stated, source_mm=stated.source_mm + moved, pitch_mm=pitch)


def head_pose(rng: np.random.Generator, upright: Array, c1_mm: Array) -> RigidTransform:
    """Volume -> room: the skull straight but for the set-up's error, C1 near the room's origin.

    Parameters
    ----------
    upright : array, shape (3, 3)
        From the volume's axes to those of the skull's frame.
    c1_mm : array, shape (3,)
        Middle of C1 in the volume.
    """
    turn = rotation_from_zxy(*rng.normal(0.0, HEAD_DEG)) @ upright
    return RigidTransform(turn, -turn @ c1_mm + rng.normal(0.0, HEAD_MM, 3))


def motions(
    rng: np.random.Generator,
    centres_mm: Mapping[str, Array],
    turn_deg: tuple[float, float, float] = TURN_DEG,
) -> dict[str, RigidTransform]:
    """How C1 moved in the skull since the scan, and C2 with it and on it."""
    c1, c2 = (_motion(rng, centres_mm[bone], part, turn_deg) for bone, part in (("c1", 1.0), ("c2", 0.5)))
    return {"c1": c1, "c2": c1 @ c2}


def _motion(
    rng: np.random.Generator, centre_mm: Array, part: float, turn_deg: tuple[float, float, float]
) -> RigidTransform:
    flexion, laterality, rotation = part * np.array(turn_deg) * rng.uniform(-1, 1, 3)
    turn = RigidTransform.about(rotation_from_zxy(-flexion, -laterality, rotation), centre_mm)
    return RigidTransform(turn.rotation, turn.translation_mm + part * rng.normal(0.0, SHIFT_MM, 3))


def random_body(rng: np.random.Generator, near_mm: Array) -> Ellipsoid:
    """Bone or air of 10 to 40 mm within some 6 cm."""
    semi = rng.uniform(5.0, 20.0, 3)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return Ellipsoid(
        centre_mm=near_mm + rng.uniform(-60, 60, 3),
        inverse_axes=(turn / semi).T,
        per_mm=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.004, 0.012)),
    )


def shadows(
    bodies: Sequence[Ellipsoid], to_room: RigidTransform, camera: PinholeCamera, shape: tuple[int, int]
) -> Grey:
    """Line integrals of ellipsoids, exact."""
    total = np.zeros(shape, dtype=np.float32)
    if not bodies:
        return total
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    back = to_room.inverse()
    source = back.apply(camera.source_mm)
    rays = back.apply(camera.detector_points_mm(np.stack([columns, rows], axis=-1).astype(float))) - source
    lengths = np.linalg.norm(rays, axis=-1)
    for body in bodies:
        start, along = body.inverse_axes @ (source - body.centre_mm), rays @ body.inverse_axes.T
        square, half = np.sum(along**2, axis=-1), along @ start
        inside = np.maximum(half**2 - square * (start @ start - 1), 0)
        total += (body.per_mm * 2 * np.sqrt(inside) / square * lengths).astype(np.float32)
    return total


def finer(camera: PinholeCamera) -> PinholeCamera:
    """Two by two pixels for every one."""
    return replace(camera, pitch_mm=camera.pitch_mm / 2, principal_px=2 * camera.principal_px + 0.5)


def means(image: NDArray[np.floating]) -> Grey:
    """Means of two by two pixels."""
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    halved: Grey = image.reshape(rows, 2, columns, 2).mean(axis=(1, 3), dtype=np.float32)
    return halved
