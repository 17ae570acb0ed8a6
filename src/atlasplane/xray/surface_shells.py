"""A bone as two shells: its surface, filled as cortex, and within it the surface of the sponge.

Two numbers and two meshes stand for the voxels of a bone, at a fraction of their cost: enough for coarse
levels of a fit, not for its end, since the grain of the sponge is missing.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.projection import Window, project
from atlasplane.xray.surface_projection import InsideOut, SurfaceBody

_FAR_MM = 2000.0
"""Distance of the source when shells are fitted: beams of radiographs are about as parallel."""
_VIEW_SAMPLES = 96
"""Samples across the longest side of a bone, of each of the three views that its shells are fitted on."""
_LEAST_SPONGE = 0.2
"""Part of a thin place that is left to the sponge where both cortices would meet."""
_OPPOSITE = -0.3
"""Cosine of the normals of two places below which they belong to opposite sides."""


def shells_of(solid: Solid, mesh: TriangleMesh, *, cortical_mm: float) -> tuple[SurfaceBody, SurfaceBody]:
    """Cortex and sponge of a bone as closed surfaces, attenuations fitted to its voxels.

    Parameters
    ----------
    solid : Solid
    mesh : TriangleMesh
        Surface of the bone in the frame of the solid; closed.
    cortical_mm : float
        Thickness of the cortex; where the bone is thinner than two of them it is less.

    Returns
    -------
    outer, inner : SurfaceBody
        The inner one holds what the sponge adds to the cortex, a negative number. Both attenuations make the
        line integrals along the three axes of the solid's frame fit best (least squares).

    Raises
    ------
    OpenSurface, InsideOut
        When the mesh is no closed surface, or so thin everywhere that no sponge is left.
    ValueError
        When the thickness is not positive.
    """
    if not cortical_mm > 0:
        raise ValueError(f"the thickness of a cortex is positive, got {cortical_mm} mm")
    outer = SurfaceBody(mesh, 1.0)
    within = inward(mesh, cortical_mm)
    if within.volume_mm3 <= 0:
        raise InsideOut(f"a cortex of {cortical_mm} mm leaves no sponge in this bone")
    inner = SurfaceBody(within, 1.0)
    images = [_three_views(body, mesh) for body in (outer, inner)]
    filling = np.linalg.lstsq(np.stack(images, axis=1), _three_views(solid, mesh), rcond=None)[0]
    return SurfaceBody(mesh, float(filling[0])), SurfaceBody(within, float(filling[1]))


def inward(mesh: TriangleMesh, depth_mm: float) -> TriangleMesh:
    """The surface moved inwards along its normals, less where the body is too thin for twice the depth."""
    normals = _normals(mesh)
    tree = cKDTree(mesh.vertices_mm)
    depth = np.full(len(normals), float(depth_mm))
    # Two cortices and the sponge between them reach this far.
    wanted = 2 * depth_mm / (1 - _LEAST_SPONGE)
    pairs = tree.query_pairs(wanted, output_type="ndarray")
    pairs = pairs[np.einsum("ij,ij->i", normals[pairs[:, 0]], normals[pairs[:, 1]]) < _OPPOSITE]
    for here, there in (pairs.T, pairs[:, ::-1].T):
        across = np.einsum("ij,ij->i", mesh.vertices_mm[here] - mesh.vertices_mm[there], normals[here])
        # A place on the near side of a gap faces outwards to it: only what lies behind it counts.
        behind = across > 0
        np.minimum.at(depth, here[behind], 0.5 * (1 - _LEAST_SPONGE) * across[behind])
    return TriangleMesh(mesh.vertices_mm - depth[:, None] * normals, mesh.faces)


def _normals(mesh: TriangleMesh) -> Array:
    """Unit normals of the vertices, means of their faces' by area, shape (n, 3)."""
    first, second, third = np.moveaxis(mesh.vertices_mm[mesh.faces], 1, 0)
    across = np.cross(second - first, third - first)
    normals = np.zeros_like(mesh.vertices_mm)
    for corner in mesh.faces.T:
        np.add.at(normals, corner, across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.where(length > 0, length, 1.0))


def _three_views(body: Solid | SurfaceBody, mesh: TriangleMesh) -> Array:
    """Line integrals of a body along the axes, on samples round the mesh, in one row."""
    low, high = mesh.vertices_mm.min(axis=0), mesh.vertices_mm.max(axis=0)
    middle, half = 0.5 * (low + high), 0.5 * float((high - low).max())
    pitch = 2.2 * half / _VIEW_SAMPLES
    axes, views = np.eye(3), []
    for k in range(3):
        camera = PinholeCamera(
            source_mm=middle - _FAR_MM * axes[k],
            centre_mm=middle + 1.1 * half * axes[k],
            column_axis=axes[(k + 1) % 3],
            row_axis=axes[(k + 2) % 3],
            pitch_mm=np.full(2, pitch),
            principal_px=np.full(2, 0.5 * (_VIEW_SAMPLES - 1)),
        )
        window = Window((0, 0), (_VIEW_SAMPLES, _VIEW_SAMPLES), 1)
        views.append(project(body, RigidTransform.identity(), camera, window).image.ravel())
    return np.concatenate(views).astype(float)
