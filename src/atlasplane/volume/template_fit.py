"""Template bones laid into a volume: found coarsely by their pattern, then fitted bone by bone.

Three steps, each from coarse to fine. The neck is found by correlating the bones' pattern (bone inside, none
around) with the volume at many head positions. Each bone is then moved, sized and sheared to the surfaces of
bone (iterated closest points: Besl and McKay 1992, doi:10.1109/34.121791), matched by place and by direction
together, so that two surfaces that face each other across a joint are not exchanged. Last, the surface is
bent smoothly. The template is a generic shape: it says which bone is where, never where its surface is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.spatial import cKDTree

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.template_bones import template_mesh
from atlasplane.core.errors import BadInput
from atlasplane.geometry.frames import isb_from_lps, lps_from_isb
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.volume.grid import GreyGrid, along_axes
from atlasplane.volume.meshes import iso_surface, vertex_normals
from atlasplane.volume.settings import setting
from atlasplane.volume.threshold import GreyLevels

BONES = ("skull", "c1", "c2")
_PITCHES_DEG = (-30, -15, 0, 15, 30)
_TURNS_DEG = (-12, 0, 12)
_SIZES = (0.9, 1.05)
_RADIUS_MM = 56.0
"""Reach of the pattern around C1."""
_FINE_MM = 2.0
_SAMPLE = 1200
"""Points of a template that take part in a step."""
_LEAST_MATCHES = 50
_LEAST_AGREEMENT = 0.3
_LEAST_VARIANCE = 0.01
"""Of the share of bone; keeps even regions from being blown up."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Points on a surface and the directions out of the bone there, each shape (n, 3), LPS mm."""

    points_mm: Array
    normals: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TemplateFit:
    """Where the template bones lie in one volume.

    Attributes
    ----------
    surfaces : mapping bone -> Surface
        The fitted templates, LPS mm; the skull only near the joints.
    score : float
        Contrast of the pattern at the place found: mean share of bone inside less that around it (-1 to 1).
    frames : mapping bone -> RigidTransform
        Bone frame of the template (ISB axes) to LPS, without size and bend.
    distances_mm : mapping bone -> array, shape (n,)
        Distance of each template point to the nearest matching surface of the volume, before bending.
    """

    surfaces: Mapping[str, Surface]
    score: float
    frames: Mapping[str, RigidTransform]
    distances_mm: Mapping[str, Array]


@cache
def template_surfaces() -> dict[str, Surface]:
    """The templates in the neutral pose, LPS axes, mm, origin at C1; of the skull its base near the neck."""
    origins = mean_phantom().origins_mm
    found = {}
    for bone in BONES:
        mesh = template_mesh(bone)
        place = np.zeros(3) if bone == "skull" else origins[bone]
        at = lps_from_isb(mesh.vertices_mm + place - origins["c1"])
        near = (
            np.linalg.norm(at, axis=1) < setting("skull_reach") if bone == "skull" else np.full(len(at), True)
        )
        found[bone] = Surface(at[near], lps_from_isb(vertex_normals(mesh))[near])
    return found


def found_neck(
    volume: GreyGrid, levels: GreyLevels, marks: Mapping[str, Array]
) -> tuple[float, dict[str, Surface]]:
    """Likeliest place of the templates: its score, and the templates placed there.

    Parameters
    ----------
    marks : mapping bone -> array, shape (k, 3)
        Points known to lie on or in a bone, LPS mm; places far from them are left out.
    """
    step = setting("search_step")
    low, high = volume.corners_mm()
    coarse = along_axes(volume, low, high, step, outside=levels.soft)
    bone = np.minimum(2 * levels.share(coarse.values), 1)
    search = _Search(coarse, bone, marks)
    nods = [search.best(pitch, 0, 0, size) for pitch, size in product(_PITCHES_DEG, _SIZES)]
    _, _, _, (pitch, _, _, size) = max(nods, key=lambda found: found[0])
    turns = [search.best(pitch, roll, yaw, size) for roll, yaw in product(_TURNS_DEG, _TURNS_DEG)]
    score, turn, place, _ = max(turns, key=lambda found: found[0])
    placed = {
        bone: Surface(s.points_mm @ turn.T + place, s.normals @ turn.T / _size(turn))
        for bone, s in template_surfaces().items()
    }
    return score, placed


def _size(turn: Array) -> float:
    return float(np.cbrt(np.linalg.det(turn)))


class _Search:
    """The pattern of the neck against one volume, one head position after the other."""

    def __init__(self, coarse: GreyGrid, bone: NDArray[np.float32], marks: Mapping[str, Array]) -> None:
        self._coarse = coarse
        self._marks = marks
        self._shape = bone.shape
        self._reach = int(_RADIUS_MM / coarse.affine_lps[0, 0])
        self._size = [fft.next_fast_len(s + 2 * self._reach + 1, real=True) for s in bone.shape]
        self._spectra = [fft.rfftn(field, self._size) for field in (bone, bone**2)]

    def best(self, pitch: float, roll: float, yaw: float, size: float) -> tuple[float, Array, Array, Any]:
        """Highest score of one head position, the turn (with size), the place of C1, and the position."""
        isb = rotation_from_zxy(pitch, roll, yaw)
        turn = size * lps_from_isb(lps_from_isb(isb).T).T
        pattern = _pattern(turn, float(self._coarse.affine_lps[0, 0]), self._reach)
        scores = self._correlation(pattern)
        templates = template_surfaces()
        middles = [
            at.mean(axis=0) - turn @ templates[bone].points_mm.mean(axis=0)
            for bone, at in self._marks.items()
            if bone in ("c1", "c2") and len(at)
        ]
        if middles:
            scores = np.where(_within(self._coarse, np.mean(middles, axis=0)), scores, -1.0)
        at = np.unravel_index(int(np.argmax(scores)), scores.shape)
        return float(scores[at]), turn, self._coarse.place_of(np.array(at)), (pitch, roll, yaw, size)

    def _correlation(self, pattern: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalised correlation (-1 to 1) with the pattern's middle at every voxel."""
        support = (pattern != 0).astype(np.float32)
        count = float(support.sum())

        def around(spectrum: NDArray[np.complex64], weights: NDArray[np.float32]) -> NDArray[np.float32]:
            # Correlation at shift s puts the corner of the weights at s: their middle lies `reach` further.
            summed = fft.irfftn(spectrum * np.conj(fft.rfftn(weights, self._size)), self._size)
            moved = np.roll(summed, [self._reach] * 3, axis=(0, 1, 2))
            return np.asarray(moved[tuple(slice(0, s) for s in self._shape)])

        mean = around(self._spectra[0], support) / count
        spread = np.sqrt(np.maximum(around(self._spectra[1], support) / count - mean**2, _LEAST_VARIANCE))
        size = float(np.sqrt(np.sum(pattern**2) * count))
        return np.asarray(around(self._spectra[0], pattern) / (spread * size))


def _within(coarse: GreyGrid, place_mm: Array) -> NDArray[np.bool_]:
    index = np.indices(coarse.values.shape).reshape(3, -1).T
    near = np.linalg.norm(coarse.place_of(index) - place_mm, axis=1) < setting("marks_within")
    return np.asarray(near.reshape(coarse.values.shape))


@cache
def _whole_pattern() -> NDArray[np.float32]:
    """Bone (1) and its surroundings (-1) of the templates on a cubic grid of `_FINE_MM`, C1 in the middle."""
    count = int((_RADIUS_MM + 8) / _FINE_MM)
    edge = np.arange(-count, count + 1) * _FINE_MM
    at = np.stack(np.meshgrid(edge, edge, edge, indexing="ij"), axis=-1).reshape(-1, 3)
    near = np.linalg.norm(at, axis=1) < _RADIUS_MM
    distance = np.full(len(at), np.inf)
    for bone, surface in template_surfaces().items():
        usable = near & (np.linalg.norm(at, axis=1) < setting("skull_reach") - 4) if bone == "skull" else near
        distance[usable] = np.minimum(distance[usable], signed_distance(surface, at[usable]))
    pattern = np.where(distance < 0, 1.0, np.where(distance < setting("around"), -1.0, 0.0))
    return pattern.reshape([2 * count + 1] * 3).astype(np.float32)


def _pattern(turn: Array, step: float, reach: int) -> NDArray[np.float32]:
    """The turned pattern; bone weighs as much as its surroundings, so that an even volume scores 0."""
    whole = _whole_pattern()
    linear = np.linalg.inv(turn) * step / _FINE_MM
    middle = (np.array(whole.shape) - 1) / 2 - linear @ np.full(3, float(reach))
    turned = ndimage.affine_transform(
        whole, linear, middle, output_shape=[2 * reach + 1] * 3, order=1, prefilter=False
    )
    bone, around = np.maximum(turned, 0), np.maximum(-turned, 0)
    return np.asarray(bone / max(bone.sum(), 1) - around / max(around.sum(), 1), dtype=np.float32)


def signed_distance(surface: Surface, points_mm: Array) -> Array:
    """Distance of points to a surface given by its own points, negative inside, shape (n,), mm.

    Inside and outside come from the direction at the nearest surface point, which is right up to the
    spacing of those points.
    """
    distance, nearest = cKDTree(surface.points_mm).query(points_mm)
    outwards = np.einsum("ij,ij->i", points_mm - surface.points_mm[nearest], surface.normals[nearest])
    return np.asarray(np.where(outwards < 0, -distance, distance))


def bone_surfaces(grid: GreyGrid, level: float) -> Surface:
    """Points where the grey crosses a level, and the directions from bright to dark.

    Parameters
    ----------
    grid : GreyGrid
        Cubic voxels along the LPS axes.

    Raises
    ------
    BadInput
        When nothing reaches the level.
    """
    mesh = iso_surface(GreyGrid(ndimage.gaussian_filter(grid.values, 0.5), grid.affine_lps), level)
    if not len(mesh.faces):
        raise BadInput("CT volume", "holds no bone near the place of C1", "Give a scan that holds C1 and C2.")
    return Surface(mesh.vertices_mm, vertex_normals(mesh))


def fitted(placed: Mapping[str, Surface], volume: Surface, score: float) -> TemplateFit:
    """Templates fitted to the surfaces of a volume, first together, then each by itself."""
    match = _Match(volume)
    together = Surface(
        *(np.concatenate([getattr(placed[b], name) for b in BONES]) for name in ("points_mm", "normals"))
    )
    for reach in (14.0, 14.0, 14.0, 10.0, 10.0, 10.0, 7.0, 7.0, 7.0):
        linear, shift = match.step(together, reach, kind="similarity")
        together = _moved(together, linear, shift)
    counts = np.cumsum([len(placed[b].points_mm) for b in BONES])[:-1]
    parts = zip(np.split(together.points_mm, counts), np.split(together.normals, counts), strict=True)
    surfaces, distances = {}, {}
    for bone, (points, normals) in zip(BONES, parts, strict=True):
        one = Surface(points, normals)
        for kind, reach in _OWN_STEPS:
            one = _moved(one, *match.step(one, reach, kind=kind))
        distances[bone] = match.distances(one)
        for width in (16.0, 12.0, 8.0, 8.0, 6.0, 6.0):
            one = match.bent(one, setting("bend_reach"), width)
        surfaces[bone] = one
    frames = {bone: _frame(bone, surface) for bone, surface in surfaces.items()}
    return TemplateFit(surfaces=surfaces, score=score, frames=frames, distances_mm=distances)


def _frame(bone: str, fit: Surface) -> RigidTransform:
    """Bone frame of the template to LPS: the turn and shift that carry the template nearest to its fit."""
    neutral = isb_from_lps(template_surfaces()[bone].points_mm)
    if bone != "skull":
        neutral = neutral + mean_phantom().origins_mm["c1"] - mean_phantom().origins_mm[bone]
    else:
        neutral = neutral + mean_phantom().origins_mm["c1"]
    linear, shift = _linear(neutral, fit.points_mm, np.ones(len(neutral)), "similarity")
    return RigidTransform(linear / _size(linear), shift)


_OWN_STEPS = (("similarity", 8.0),) * 5 + (("similarity", 6.0),) * 5 + (("affine", 5.0),) * 6


def _moved(one: Surface, linear: Array, shift: Array) -> Surface:
    normals = one.normals @ np.linalg.inv(linear)
    return Surface(one.points_mm @ linear.T + shift, normals / np.linalg.norm(normals, axis=1, keepdims=True))


class _Match:
    """Closest points of a volume's surfaces, by place and direction together."""

    def __init__(self, volume: Surface) -> None:
        self._weight = setting("direction_weight")
        self._volume = volume
        self._tree = cKDTree(np.hstack([volume.points_mm, self._weight * volume.normals]))

    def _goals(self, one: Surface, reach_mm: float) -> tuple[Array, Array]:
        """Displacement to the match of each point, and its weight (Tukey's; 0 where there is no match)."""
        joined = np.hstack([one.points_mm, self._weight * one.normals])
        distance, at = self._tree.query(joined, distance_upper_bound=1.5 * reach_mm)
        found = np.isfinite(distance)
        at = np.where(found, at, 0)
        move = self._volume.points_mm[at] - one.points_mm
        agree = np.einsum("ij,ij->i", self._volume.normals[at], one.normals)
        miss = np.linalg.norm(move, axis=1)
        weight = np.where(miss < reach_mm, (1 - (miss / reach_mm) ** 2) ** 2, 0.0)
        return move, weight * found * (agree > _LEAST_AGREEMENT)

    def distances(self, one: Surface) -> Array:
        """Distance of each point to its match, mm; at most `bend_reach`, which stands for none."""
        far = setting("bend_reach")
        move, weight = self._goals(one, far)
        return np.asarray(np.where(weight > 0, np.linalg.norm(move, axis=1), far))

    def step(self, one: Surface, reach_mm: float, *, kind: str) -> tuple[Array, Array]:
        """Linear map and shift of one step of closest points, from a sample of the points."""
        every = max(len(one.points_mm) // _SAMPLE, 1)
        sample = Surface(one.points_mm[::every], one.normals[::every])
        move, weight = self._goals(sample, reach_mm)
        if np.count_nonzero(weight) < _LEAST_MATCHES:
            return np.eye(3), np.zeros(3)
        return _linear(sample.points_mm, sample.points_mm + move, weight, kind)

    def bent(self, one: Surface, reach_mm: float, width_mm: float) -> Surface:
        """One step of a smooth bend: the matches' displacements averaged under a Gaussian."""
        move, weight = self._goals(one, reach_mm)
        controls = np.arange(0, len(one.points_mm), max(len(one.points_mm) // _SAMPLE, 1))
        square = np.sum((one.points_mm[:, None] - one.points_mm[None, controls]) ** 2, axis=2)
        kernel = np.exp(-0.5 * square / width_mm**2)
        total = kernel @ weight[controls] + setting("bend_pull") * kernel.sum(axis=1)
        smooth = kernel @ (weight[controls, None] * move[controls]) / total[:, None]
        return Surface(one.points_mm + smooth, one.normals)


def _linear(points: Array, goal: Array, weight: Array, kind: str) -> tuple[Array, Array]:
    """Weighted least-squares map (Umeyama 1991, doi:10.1109/34.88573, where it only turns and sizes)."""
    total = weight.sum()
    a, b = weight @ points / total, weight @ goal / total
    p, g = points - a, goal - b
    if kind == "affine":
        spread = (p * weight[:, None]).T @ p
        # A little pull to no change keeps flat parts from being stretched.
        ridge = setting("affine_pull") * np.trace(spread) / 3 * np.eye(3)
        linear = np.linalg.solve(spread + ridge, (p * weight[:, None]).T @ g + ridge).T
    else:
        u, s, vt = np.linalg.svd((g * weight[:, None]).T @ p)
        flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        size = float(np.trace(np.diag(s) @ flip) / (weight @ np.einsum("ij,ij->i", p, p)))
        linear = float(np.clip(size, 0.9, 1.1)) * u @ flip @ vt
    return linear, b - linear @ a


def as_mesh(surface: Surface, bone: str) -> TriangleMesh:
    """A fitted whole template (C1 or C2) as a mesh, LPS mm."""
    return TriangleMesh(surface.points_mm, template_mesh(bone).faces)
