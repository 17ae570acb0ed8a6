"""Bones as shaded pictures: one parallel projection, hidden surfaces removed, the skull as clear as glass.

Plain numpy and deterministic: the same bones give the same picture, byte for byte.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array

Field32 = NDArray[np.float32]
Paint = tuple[float, float, float]

_CHUNK = 400_000
"""Fragments worked on at once: keeps the memory small."""
_LIGHT = np.array([-0.42, 0.55, 0.72])
"""To the lamp, in the picture: from the upper left, behind the viewer."""
_AMBIENT = 0.42
_SHINE = np.float32(0.14)
_EDGE_MM = 1.6
"""A step of depth between neighbouring pixels that is drawn as an outline."""
_EDGE_DARK = np.float32(0.45)
_COLOURS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A parallel projection of the skull's frame.

    Attributes
    ----------
    axes : array, shape (3, 3)
        Rows: to the right of the picture, up, and towards the viewer; orthonormal, right-handed.
    centre_mm : array, shape (3,)
        Point in the middle of the picture.
    mm_per_px : float
    shape : (rows, columns)
    """

    axes: Array
    centre_mm: Array
    mm_per_px: float
    shape: tuple[int, int]

    def picture(self, points_mm: Array) -> Array:
        """Column, row and depth (mm, + nearer to the viewer) of points, shape (..., 3)."""
        seen: Array = (np.asarray(points_mm, dtype=float) - self.centre_mm) @ self.axes.T
        rows, columns = self.shape
        column = columns / 2 + seen[..., 0] / self.mm_per_px
        row = rows / 2 - seen[..., 1] / self.mm_per_px
        return np.stack([column, row, seen[..., 2]], axis=-1)


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a body: points p with ``normal . p <= limit_mm`` (frame of the skull)."""

    normal: tuple[float, float, float]
    limit_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What is seen of one body in every pixel.

    Attributes
    ----------
    depth : array of float32, shape (rows, columns)
        mm, + nearer; minus infinity where nothing is.
    normal : array of float32, shape (rows, columns, 3)
        Unit vector out of the surface, in the picture's axes.
    inside : array of bool, shape (rows, columns)
        Whether the surface is seen from within: where the body is cut.
    """

    depth: Field32
    normal: Field32
    inside: NDArray[np.bool_]


def layer(mesh: TriangleMesh, sight: Sight, cuts: Sequence[Cut] = ()) -> Layer:
    """The nearest surface of a mesh in every pixel, of what all cuts leave of it."""
    corners = sight.picture(mesh.vertices_mm).astype(np.float32)
    normals = (vertex_normals(mesh) @ sight.axes.T).astype(np.float32)
    faces = _in_sight(corners, mesh.faces, sight.shape)
    if not cuts:
        faces = faces[_turned(corners, faces) < 0]
    for cut in cuts:
        beyond = mesh.vertices_mm @ np.array(cut.normal) > cut.limit_mm
        faces = faces[~np.all(beyond[faces], axis=1)]
    rows, columns = sight.shape
    depth = np.full(rows * columns, -np.inf, dtype=np.float32)
    normal = np.zeros((rows * columns, 3), dtype=np.float32)
    levels = [_level(cut, sight) for cut in cuts]
    for part in _chunks(corners, faces, sight.shape):
        pixel, face, weights = _fragments(corners, part, sight.shape)
        z = np.einsum("fi,fi->f", weights, corners[face, 2])
        for across, down, near, limit in levels:
            kept = across * (pixel % columns) + down * (pixel // columns) + near * z <= limit
            pixel, face, weights, z = pixel[kept], face[kept], weights[kept], z[kept]
        np.maximum.at(depth, pixel, z)
        nearest = z == depth[pixel]
        pixel, face, weights = pixel[nearest], face[nearest], weights[nearest]
        normal[pixel] = np.einsum("fi,fij->fj", weights, normals[face])
    hit = np.flatnonzero(np.isfinite(depth))
    length = np.sqrt(np.einsum("fi,fi->f", normal[hit], normal[hit]))
    normal[hit] /= np.where(length > 0, length, 1)[:, None]
    inside = normal[:, 2] < 0
    return Layer(
        depth.reshape(rows, columns), normal.reshape(rows, columns, 3), inside.reshape(rows, columns)
    )


def vertex_normals(mesh: TriangleMesh) -> Array:
    """Unit normals out of the surface at the vertices, shape (n, 3): faces weighted by their area."""
    a, b, c = np.moveaxis(mesh.vertices_mm[mesh.faces], 1, 0)
    across = np.cross(b - a, c - a)
    total = np.stack(
        [
            np.bincount(mesh.faces.ravel(), np.repeat(across[:, k], 3), minlength=len(mesh.vertices_mm))
            for k in range(3)
        ],
        axis=-1,
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    unit: Array = total / np.where(length > 0, length, 1)
    return unit


def shaded(seen: Layer, paint: Paint, cut_paint: Paint | None = None) -> Field32:
    """Colours of a layer, shape (rows, columns, 3), 0 to 1; outlines darkened where the depth jumps."""
    lamp = (_LIGHT / np.linalg.norm(_LIGHT)).astype(np.float32)
    hit = np.isfinite(seen.depth)
    normal = seen.normal[hit]
    lit, shine = np.clip(normal @ lamp, 0, 1), np.clip(normal @ _between(lamp), 0, 1) ** 24
    grey = np.float32(_AMBIENT) + np.float32(1 - _AMBIENT) * lit
    own = grey[:, None] * np.array(paint, dtype=np.float32) + _SHINE * shine[:, None]
    if cut_paint is not None:
        own[seen.inside[hit]] = cut_paint
    own *= 1 - _EDGE_DARK * _edges(seen.depth)[hit][:, None]
    colours = np.ones(seen.normal.shape, dtype=np.float32)
    colours[hit] = np.clip(own, 0, 1)
    return colours


def over(ground: Field32, colours: Field32, opacity: Field32) -> Field32:
    """Colours laid over a ground, shape (rows, columns, 3)."""
    laid: Field32 = ground + (colours - ground) * opacity[..., None]
    return laid


def glass(seen: Layer, *, face_on: float, grazing: float) -> Field32:
    """Opacity of a clear body: least where the surface faces the viewer, most at its outline."""
    slope = np.abs(seen.normal[..., 2])
    opacity = np.float32(face_on) + np.float32(grazing - face_on) * (1 - slope) ** 2
    return np.where(np.isfinite(seen.depth), opacity, 0).astype(np.float32)


def png(colours: Field32) -> bytes:
    """The picture as a PNG of few colours."""
    from PIL import Image  # here, so that the view-model can be used without an image library

    whole = Image.fromarray((colours * np.float32(255) + np.float32(0.5)).astype(np.uint8))
    few = whole.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    few.save(stream, "PNG")
    return stream.getvalue()


def _between(lamp: Array) -> Array:
    """Half way between the lamp and the viewer: where a surface shines."""
    half = lamp + np.array([0, 0, 1], dtype=np.float32)
    unit: Array = half / np.linalg.norm(half)
    return unit


def _edges(depth: Field32) -> Field32:
    """1 along outlines and steps of depth, 0 elsewhere, shape (rows, columns)."""
    filled = np.where(np.isfinite(depth), depth, np.float32(-1e4))
    edge = np.zeros(depth.shape, dtype=np.float32)
    for axis in (0, 1):
        step = np.abs(np.diff(filled, axis=axis)) > _EDGE_MM
        # The nearer of the two pixels carries the outline.
        first: list[slice] = [slice(None), slice(None)]
        second = first.copy()
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        nearer = filled[tuple(first)] > filled[tuple(second)]
        edge[tuple(first)] = np.maximum(edge[tuple(first)], step & nearer)
        edge[tuple(second)] = np.maximum(edge[tuple(second)], step & ~nearer)
    return edge


def _level(cut: Cut, sight: Sight) -> tuple[float, float, float, float]:
    """Coefficients of column, row and depth, and the limit, that the cut has in the picture."""
    normal = np.array(cut.normal)
    across, up, near = (float(normal @ axis) for axis in sight.axes)
    rows, columns = sight.shape
    scale = sight.mm_per_px
    # Middles of pixels lie half a pixel from their corners.
    rest = cut.limit_mm - float(normal @ sight.centre_mm)
    rest += scale * (across * (columns / 2 - 0.5) - up * (rows / 2 - 0.5))
    return scale * across, -scale * up, near, rest


def _turned(corners: Field32, faces: NDArray[np.int64]) -> Field32:
    """Twice the area of each face in the picture, negative where its outside is seen (rows run down)."""
    a, b, c = (corners[faces[:, k], :2] for k in range(3))
    twice: Field32 = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return twice


def _in_sight(corners: Field32, faces: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Faces whose rectangle touches the picture."""
    rows, columns = shape
    low, high = corners[faces].min(axis=1), corners[faces].max(axis=1)
    touching = (high[:, 0] > 0) & (low[:, 0] < columns) & (high[:, 1] > 0) & (low[:, 1] < rows)
    return np.asarray(faces[touching])


def _boxes(corners: Field32, faces: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """First column, first row, columns and rows of the pixels around each face, shape (n, 4)."""
    at = corners[faces, :2]
    limit = np.array([shape[1], shape[0]])
    first = np.clip(np.ceil(at.min(axis=1) - 0.5), 0, limit).astype(np.int64)
    last = np.clip(np.floor(at.max(axis=1) - 0.5) + 1, 0, limit).astype(np.int64)
    return np.concatenate([first, np.maximum(last - first, 0)], axis=1)


def _chunks(
    corners: Field32, faces: NDArray[np.int64], shape: tuple[int, int]
) -> Sequence[NDArray[np.int64]]:
    """Faces in order, in parts of about equal work."""
    boxes = _boxes(corners, faces, shape)
    work = np.cumsum(boxes[:, 2] * boxes[:, 3])
    cuts = np.searchsorted(work, np.arange(_CHUNK, work[-1] if len(work) else 0, _CHUNK))
    return np.split(faces, cuts)


def _fragments(
    corners: Field32, faces: NDArray[np.int64], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Field32]:
    """Pixels inside the faces: pixel number, the face's vertices, weights of the vertices; faces in order."""
    boxes = _boxes(corners, faces, shape)
    area = boxes[:, 2] * boxes[:, 3]
    which = np.repeat(np.arange(len(faces)), area)
    rank = np.arange(len(which)) - np.repeat(np.cumsum(area) - area, area)
    column = boxes[which, 0] + rank % boxes[which, 2]
    row = boxes[which, 1] + rank // boxes[which, 2]
    (ax, ay), (bx, by), (cx, cy) = (corners[faces[:, k], :2].T for k in range(3))
    double = _turned(corners, faces)
    flat = np.abs(double) < 1e-9
    share = np.where(flat, 0, 1 / np.where(flat, 1, double)).astype(np.float32)
    x, y = (column + 0.5).astype(np.float32) - ax[which], (row + 0.5).astype(np.float32) - ay[which]
    second = (x * (cy - ay)[which] - y * (cx - ax)[which]) * share[which]
    third = (y * (bx - ax)[which] - x * (by - ay)[which]) * share[which]
    hit = (second >= 0) & (third >= 0) & (second + third <= 1) & ~flat[which]
    which, second, third = which[hit], second[hit], third[hit]
    weights = np.stack([1 - second - third, second, third], axis=-1)
    return row[hit] * shape[1] + column[hit], faces[which], weights
