"""Rigid transforms between two named frames, one or many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """``x_to = R x_from + t``.

    Attributes
    ----------
    rotation : array, shape (..., 3, 3)
    translation_mm : array, shape (..., 3)
    """

    rotation: Array
    translation_mm: Array

    @classmethod
    def identity(cls) -> RigidTransform:
        """The transform that changes nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def about(cls, rotation: Array, pivot_mm: Array) -> RigidTransform:
        """Rotation about a fixed point, shape (..., 3), of the common frame."""
        pivot_mm = np.asarray(pivot_mm, dtype=float)
        return cls(rotation, pivot_mm - np.einsum("...ij,...j->...i", rotation, pivot_mm))

    def __matmul__(self, inner: RigidTransform) -> RigidTransform:
        """Apply `inner` first, then this one."""
        moved = np.einsum("...ij,...j->...i", self.rotation, inner.translation_mm)
        return RigidTransform(self.rotation @ inner.rotation, moved + self.translation_mm)

    def inverse(self) -> RigidTransform:
        """The transform back."""
        back = np.swapaxes(self.rotation, -1, -2)
        return RigidTransform(back, -np.einsum("...ij,...j->...i", back, self.translation_mm))

    def apply(self, points_mm: Array) -> Array:
        """Transformed points; points (3,) or (..., 3) broadcast against the leading axes of the transform."""
        moved: Array = np.einsum("...ij,...j->...i", self.rotation, np.asarray(points_mm, dtype=float))
        return moved + self.translation_mm
