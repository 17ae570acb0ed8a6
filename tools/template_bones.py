"""Makes the packaged template meshes of skull, C1 and C2 from the bodies of the phantom's solids.

`python -m tools.template_bones` writes the file of `atlasplane.anatomy.template_bones` anew. One half of
every bone is cut from its voxels by marching cubes, thinned out, and mirrored, so the template is exactly
symmetric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.solids_cervical import atlas, axis
from atlasplane.anatomy.solids_field import Block3
from atlasplane.anatomy.solids_person import Person, person_of
from atlasplane.anatomy.solids_skull import skull
from atlasplane.anatomy.template_bones import STEP_MM, template_file
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array

SEED = 0
"""Of the sponge texture, which is filled in: it does not change the surface."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one template is made.

    Attributes
    ----------
    build : builds the bone's voxels for a person at the mean size
    spacing_mm : voxel edge; the block's width is an even number of them, so that one layer lies at z = 0
    level_per_mm : attenuation over water at the surface, half of what the bone's cortex holds
    blur_mm : 1 sd of the smoothing before the surface is cut
    faces : number of triangles wanted
    """

    build: Callable[[Person, float, np.random.Generator], Block3]
    spacing_mm: float
    level_per_mm: float
    blur_mm: float
    faces: int


RECIPES: Mapping[str, Recipe] = {
    "skull": Recipe(skull, 1.0, 0.0165, 0.7, 26_000),
    "c1": Recipe(atlas, 0.5, 0.0155, 0.3, 4_000),
    "c2": Recipe(axis, 0.5, 0.0155, 0.3, 4_400),
}
SMALLEST_PART_MM3 = 1000.0
"""Smaller pieces (walls of air cells, single teeth) are left out."""
FEWEST_FACES = 300
Faces = NDArray[np.int64]


def extracted(bone: str, *, spacing_mm: float | None = None, faces: int | None = None) -> TriangleMesh:
    """The surface of one bone of the mean phantom, in the bone's frame, symmetric about z = 0.

    Parameters
    ----------
    bone : "skull", "c1" or "c2"
    spacing_mm : voxel edge in place of the recipe's; half the block's width must be a multiple of it
    faces : number of triangles wanted in place of the recipe's
    """
    recipe = RECIPES[bone]
    block = recipe.build(
        person_of(mean_phantom()), spacing_mm or recipe.spacing_mm, np.random.default_rng(SEED)
    )
    vertices, triangles = _right_half(block, recipe)
    vertices, triangles = _thinned(vertices, triangles, (faces or recipe.faces) // 2)
    return _whole(vertices, triangles)


def _right_half(block: Block3, recipe: Recipe) -> tuple[Array, Faces]:
    """Surface of the side z >= 0, open along z = 0."""
    from skimage.measure import marching_cubes

    middle = block.count[2] // 2
    if block.count[2] % 2 == 0 or abs(block.axes[2][middle]) > 1e-4:
        raise ValueError(f"no layer of voxels lies at z = 0 with an edge of {block.spacing} mm")
    level = recipe.level_per_mm
    values = np.clip(_filled(block, level), 0.0, 2 * level)
    values = ndimage.gaussian_filter(values, recipe.blur_mm / block.spacing)[:, :, middle:]
    edge = (block.spacing, block.spacing, block.spacing)
    vertices, triangles, _, _ = marching_cubes(values, level, spacing=edge, gradient_direction="ascent")
    placed = np.asarray(vertices, dtype=float) + np.array([*block.origin[:2], 0.0])
    return placed, np.asarray(triangles, dtype=np.int64)


def _filled(block: Block3, level: float) -> Array:
    """Attenuation with sponge and air cells filled, small pieces left out: outer surfaces remain."""
    values = np.asarray(block.attenuation, dtype=float)
    solid = values > level
    parts, count = ndimage.label(solid)
    sizes = ndimage.sum_labels(solid, parts, np.arange(1, count + 1)) * block.spacing**3
    kept = np.isin(parts, 1 + np.nonzero(sizes >= SMALLEST_PART_MM3)[0])
    # Of the partly filled voxels around a kept part the values stay: they place the surface between voxels.
    near = ndimage.binary_dilation(ndimage.binary_fill_holes(kept), np.ones((3, 3, 3)))
    values = np.where(near & (kept | ~solid), values, 0.0)
    inside = ndimage.binary_fill_holes(kept)
    # Sponge is thinner than the level: what has bone of any kind all around it is inside, too.
    inside |= ndimage.binary_erosion(ndimage.binary_fill_holes(values > 0.1 * level), np.ones((3, 3, 3)))
    return np.where(inside, np.maximum(values, 2 * level), values)


def _thinned(vertices: Array, faces: Faces, wanted: int) -> tuple[Array, Faces]:
    """Fewer triangles, in steps: each step may fold a thin sheet onto itself, which is then taken away."""
    from fast_simplification import simplify

    while len(faces) > 1.05 * wanted:
        target = max(wanted, int(0.6 * len(faces)))
        vertices, thin = simplify(np.asarray(vertices, dtype=np.float32), faces, target_count=target)
        faces = _without_folds(np.asarray(thin, dtype=np.int64))
    return np.asarray(vertices, dtype=float), faces


def _without_folds(faces: Faces) -> Faces:
    """Triangles without those that lie back to back on the same three vertices."""
    _, which, count = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    return faces[count[which] == 1]


def _whole(vertices: Array, faces: Faces) -> TriangleMesh:
    """The half and its mirror image, joined at z = 0, on the grid of the file."""
    at = np.rint(vertices / STEP_MM)
    rim = np.abs(at[:, 2]) < 0.5
    mirrored = np.where(rim, np.arange(len(at)), len(at) + np.cumsum(~rim) - 1)
    points = np.concatenate([at, at[~rim] * [1, 1, -1]]) * STEP_MM
    faces = _without_folds(np.concatenate([faces, mirrored[faces][:, ::-1]]))
    return _closed(_without_crumbs(*_unpinched(points, faces)))


def _unpinched(points: Array, faces: Faces) -> tuple[Array, Faces]:
    """The surface with every edge between two triangles: where four meet, vertices are doubled."""
    corners = np.arange(faces.size).reshape(faces.shape)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    from_corner, to_corner = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
    onward = np.lexsort((end, start))
    back = np.lexsort((-np.arange(len(start)), start, end))
    if not (np.array_equal(start[onward], end[back]) and np.array_equal(end[onward], start[back])):
        raise ValueError("the surface is open: an edge has no triangle on its other side")
    same = np.concatenate([from_corner[onward], to_corner[onward]])
    other = np.concatenate([to_corner[back], from_corner[back]])
    links = csr_array((np.ones(len(same)), (same, other)), shape=(faces.size,) * 2)
    _, vertex = connected_components(links, directed=False)
    _, first = np.unique(vertex, return_index=True)
    return points[start[first]], vertex.reshape(faces.shape).astype(np.int64)


def _without_crumbs(points: Array, faces: Faces) -> TriangleMesh:
    """Without the few small closed pieces that thinning leaves, and without unused vertices."""
    ends = faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    links = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(points),) * 2)
    _, part = connected_components(links, directed=False)
    share = np.bincount(part[faces[:, 0]])
    kept = faces[share[part[faces[:, 0]]] >= FEWEST_FACES]
    used, compact = np.unique(kept, return_inverse=True)
    return TriangleMesh(points[used], compact.reshape(-1, 3))


def _closed(mesh: TriangleMesh) -> TriangleMesh:
    """With the last edges that hold four triangles halved, each pair of triangles at a middle of its own."""
    points, faces = list(mesh.vertices_mm), [tuple(face) for face in mesh.faces.tolist()]
    while (edge := _crowded(faces)) is not None:
        a, b = edge
        holders = [face for face in faces if a in face and b in face]
        faces = [face for face in faces if face not in holders]
        onward = [face for face in holders if face[(face.index(a) + 1) % 3] == b]
        back = [face for face in holders if face not in onward]
        for pair in zip(onward, back, strict=True):
            points.append((points[a] + points[b]) / 2)
            for face in pair:
                faces += [tuple(len(points) - 1 if v == end else v for v in face) for end in (a, b)]
    return TriangleMesh(np.array(points), np.array(faces, dtype=np.int64))


def _crowded(faces: list[tuple[int, ...]]) -> tuple[int, int] | None:
    """The first edge with more than two triangles."""
    ends = np.sort(np.array(faces)[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, count = np.unique(ends, axis=0, return_counts=True)
    crowded = edges[count > 2].tolist()
    return (crowded[0][0], crowded[0][1]) if crowded else None


def main() -> None:
    """Write the packaged file anew and say what it holds."""
    path = Path(str(template_file()))
    arrays: dict[str, NDArray[np.integer]] = {}
    for bone in RECIPES:
        mesh = extracted(bone)
        arrays[f"{bone}_vertices"] = np.rint(mesh.vertices_mm / STEP_MM).astype(np.int16)
        arrays[f"{bone}_faces"] = mesh.faces.astype(np.uint16)
        print(f"{bone}: {len(mesh.vertices_mm)} vertices, {len(mesh.faces)} faces, {mesh.volume_mm3:.0f} mm3")
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
