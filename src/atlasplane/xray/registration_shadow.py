"""Shadows of bones on a part of a film: high-passed, with derivatives, projected anew only if need be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.se3 import difference
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.projection import project, window_of
from atlasplane.xray.registration_levels import Section
from atlasplane.xray.registration_poses import moved_camera

Film32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Shadow:
    """One bone on one section of a film.

    Attributes
    ----------
    pose : RigidTransform
        Solid -> room at which it was projected.
    camera : array, shape (4,)
        Change of the stated camera at which it was projected.
    first : (row, column)
        Of the shadow's rectangle on the section.
    image : array of float32, shape (rows, columns)
    columns : array of float32, shape (6 or 10, rows, columns)
        Derivatives by the pose (`geometry.se3`) and, where it is fitted, by the camera.
    """

    pose: RigidTransform
    camera: Array
    first: tuple[int, int]
    image: Film32
    columns: Film32

    @property
    def at(self) -> tuple[slice, slice]:
        """The rectangle on the section."""
        rows, columns = self.image.shape
        return slice(self.first[0], self.first[0] + rows), slice(self.first[1], self.first[1] + columns)

    def change_to(self, pose: RigidTransform, camera: Array) -> Array:
        """What the columns have to be multiplied by, shape (10,)."""
        return np.concatenate([difference(self.pose, pose), camera - self.camera])

    def image_after(self, change: Array) -> Film32:
        """The image after a small change, to first order."""
        share = change[: len(self.columns)].astype(np.float32)
        return self.image + np.tensordot(share, self.columns, axes=1)


def shadow(
    solid: Solid, pose: RigidTransform, camera: Array, section: Section, *, camera_fitted: bool
) -> Shadow | None:
    """The shadow of a bone; None where it does not fall on the section."""
    seen_by = moved_camera(section.camera, camera)
    window = window_of(solid, pose, seen_by, section.shape, stride=1)
    if window is None:
        return None
    rows = min(window.shape[0], section.shape[0] - window.first[1])
    columns = min(window.shape[1], section.shape[1] - window.first[0])
    seen = project(solid, pose, seen_by, window, derivative=True)
    assert seen.by_pose is not None and seen.by_camera is not None
    kinds = [seen.image[None], seen.by_pose, *([seen.by_camera] if camera_fitted else [])]
    reach = section.high_pass.reach
    low = max(window.first[1] - reach, 0), max(window.first[0] - reach, 0)
    high = (
        min(window.first[1] + rows + reach, section.shape[0]),
        min(window.first[0] + columns + reach, section.shape[1]),
    )
    stack = np.zeros((sum(map(len, kinds)), high[0] - low[0], high[1] - low[1]), dtype=np.float32)
    row, column, at = window.first[1] - low[0], window.first[0] - low[1], 0
    for kind in kinds:
        stack[at : at + len(kind), row : row + rows, column : column + columns] = kind[:, :rows, :columns]
        at += len(kind)
    filtered = section.high_pass.apply(stack, low)
    return Shadow(pose=pose, camera=camera, first=low, image=filtered[0], columns=filtered[1:])
