"""A triangle mesh: the surface of one bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False)
class TriangleMesh:
    """A surface made of triangles; whoever holds it says in which frame.

    Attributes
    ----------
    vertices_mm : array, shape (n, 3)
    faces : array of int, shape (m, 3)
        Vertex numbers, counter-clockwise seen from outside.

    Raises
    ------
    ValueError
        When shapes do not fit, a vertex is not finite, or a face names a vertex that is not there.
    """

    vertices_mm: Array
    faces: NDArray[np.int64]

    def __post_init__(self) -> None:
        vertices, faces = self.vertices_mm, self.faces
        if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
            raise ValueError(
                f"a mesh needs (n, 3) vertices and faces, got {vertices.shape} and {faces.shape}"
            )
        if not np.all(np.isfinite(vertices)):
            raise ValueError("a mesh has vertices that are not finite")
        if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise ValueError("a face of the mesh names a vertex that is not there")

    @property
    def volume_mm3(self) -> float:
        """Enclosed volume by the divergence theorem; negative where faces are turned inside out."""
        a, b, c = np.moveaxis(self.vertices_mm[self.faces], 1, 0)
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    def moved(self, transform: RigidTransform) -> TriangleMesh:
        """The same surface in another frame."""
        return TriangleMesh(transform.apply(self.vertices_mm), self.faces)
