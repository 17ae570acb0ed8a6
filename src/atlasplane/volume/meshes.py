"""Surfaces of a grey field and of masks, as triangle meshes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.spatial import cKDTree

from atlasplane.core.errors import MissingExtra
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.volume.grid import GreyGrid, widened

Mask = NDArray[np.bool_]
MASK_FACES = 10_000
_STEP_BLUR = 0.8
"""Blur of a mask, SD in voxels, that takes its steps away and leaves its size."""
_LEAST_STEP = 0.5
"""Least brightness of the inside of a mask, in standard deviations of its grey."""
_EMPTY = TriangleMesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))


def iso_surface(grid: GreyGrid, level: float) -> TriangleMesh:
    """Surface where the grey crosses `level`, LPS mm, seen from the dark side counter-clockwise.

    Marching cubes (Lewiner et al. 2003, doi:10.1080/10867651.2003.10487582). The grid is closed with dark
    voxels, so that bodies that leave it are closed at its border. Empty where nothing reaches the level.
    """
    try:
        from skimage.measure import marching_cubes
    except ImportError as fault:
        raise MissingExtra("ct", "surfaces of a scan") from fault
    values = np.asarray(grid.values, dtype=np.float32)
    if not values.size or values.max() <= level:
        return _EMPTY
    dark = level - max(float(values.max()) - level, 1e-3)
    padded = np.pad(np.maximum(values, dark), 1, constant_values=dark)
    vertices, faces, _, _ = marching_cubes(padded, level, allow_degenerate=False)  # type: ignore[no-untyped-call]
    mesh = TriangleMesh(grid.place_of(vertices.astype(float) - 1), faces.astype(np.int64))
    return mesh if mesh.volume_mm3 >= 0 else TriangleMesh(mesh.vertices_mm, mesh.faces[:, ::-1].copy())


def vertex_normals(mesh: TriangleMesh) -> Array:
    """Unit directions out of the body at the vertices, shape (n, 3), whichever way its faces turn."""
    a, b, c = np.moveaxis(mesh.vertices_mm[mesh.faces], 1, 0)
    across = np.cross(b - a, c - a)
    count = len(mesh.faces)
    corner = coo_matrix(
        (np.ones(3 * count), (mesh.faces.T.ravel(), np.tile(np.arange(count), 3))),
        shape=(len(mesh.vertices_mm), count),
    )
    normals: Array = np.asarray(corner.tocsr() @ across)
    normals *= np.sign(mesh.volume_mm3) or 1.0
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.where(length > 0, length, 1.0))


def bone_surface(grid: GreyGrid, level: float, own: Mask, others: Mask) -> TriangleMesh:
    """Surface of one bone, LPS mm: at the grey `level` towards soft tissue, half way to another bone.

    Parameters
    ----------
    grid : GreyGrid
    level : float
        Grey at which bone begins.
    own, others : array of bool, shape of the grid
        Voxels of this bone with its inside, and those of any other.
    """
    if not own.any():
        return _EMPTY
    box = ndimage.find_objects(own.astype(np.uint8))[0]
    wider = widened(box, 2, own.shape)
    mine, theirs = own[wider], others[wider]
    above = np.asarray(grid.values[wider], dtype=np.float32) - level
    least = _LEAST_STEP * float(np.std(above[mine])) + 1e-3
    # Inside the mask bone is bright: dark sponge and plugged leaks must not cut holes into the surface.
    inside = ndimage.binary_erosion(mine, border_value=1)
    field = np.where(mine, np.maximum(above, np.where(inside, least, 1e-3)), np.minimum(above, -1e-3))
    # Across a joint without a gap both voxels are bright: the other bone's is turned dark by as much.
    field = np.where(theirs, -np.maximum(np.abs(above), least), field)
    far = ~ndimage.binary_dilation(mine)
    field = np.where(far, np.minimum(field, -least), field)
    part = GreyGrid(field.astype(np.float32), grid.part(wider).affine_lps)
    return iso_surface(part, 0.0)


def mask_surface(mask: Mask, affine_lps: Array, *, faces: int = MASK_FACES) -> TriangleMesh:
    """Surface of a mask alone, LPS mm, without its steps: half way in the mask blurred by less than a voxel.

    Parameters
    ----------
    mask : array of bool, shape (nx, ny, nz)
    affine_lps : array, shape (4, 4)
    faces : int
        About the most triangles that it may have.
    """
    if not mask.any():
        return _EMPTY
    grid = GreyGrid(mask, affine_lps)
    part = grid.part(widened(ndimage.find_objects(mask.astype(np.uint8))[0], 2, mask.shape))
    soft = ndimage.gaussian_filter(part.values.astype(np.float32), _STEP_BLUR)
    return lighter(iso_surface(GreyGrid(soft, part.affine_lps), 0.5), faces)


def lighter(mesh: TriangleMesh, faces: int) -> TriangleMesh:
    """The surface with at most about `faces` triangles (quadric edge collapse).

    Garland and Heckbert 1997, doi:10.1145/258734.258849.
    """
    if len(mesh.faces) <= faces:
        return mesh
    try:
        import fast_simplification
    except ImportError as fault:
        raise MissingExtra("ct", "lighter meshes") from fault
    vertices, kept = fast_simplification.simplify(
        mesh.vertices_mm.astype(np.float32),
        mesh.faces.astype(np.int32),
        target_reduction=1 - faces / len(mesh.faces),
    )
    return TriangleMesh(np.asarray(vertices, dtype=float), np.asarray(kept, dtype=np.int64))


def surface_distances(one: TriangleMesh, other: TriangleMesh) -> Array:
    """Distances between two surfaces, both ways together, mm.

    From the vertices and face centres of each to the nearest of the other, less what lies within the
    other's plane there: distance to the nearest face's plane where that face is near.

    Returns
    -------
    array, shape (n,)
        Unsigned; weighted equally a point, so both surfaces should be about evenly meshed.
    """
    return np.concatenate([_to_surface(one, other), _to_surface(other, one)])


def _to_surface(start: TriangleMesh, goal: TriangleMesh) -> Array:
    corners = goal.vertices_mm[goal.faces]
    centres = corners.mean(axis=1)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    points = start.vertices_mm[start.faces].mean(axis=1)
    straight, nearest = cKDTree(centres).query(points)
    normal = np.abs(np.einsum("ij,ij->i", points - centres[nearest], normals[nearest]))
    # Beyond the rim of the nearest face its plane says nothing: the in-plane way left over is added.
    reach = np.linalg.norm(corners[nearest] - centres[nearest][:, None], axis=2).max(axis=1)
    along = np.sqrt(np.maximum(straight**2 - normal**2, 0))
    return np.asarray(np.hypot(normal, np.maximum(along - reach, 0)))
