"""Which bone each voxel of bone belongs to: parted at the joints, then filled.

Bone voxels are a network that conducts well where it is dense and badly where it is thin or grey. The fitted
templates say what is surely which bone; those voxels are held at their label, and the rest takes the label
whose random walker reaches it most likely (Grady 2006, doi:10.1109/TPAMI.2006.233). So a parting runs through
the darkest and narrowest place between two bones, also where the threshold has fused them. Seeds of a person
override the templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import cg
from scipy.spatial import cKDTree

from atlasplane.geometry.types import Array
from atlasplane.volume.grid import GreyGrid, widened
from atlasplane.volume.settings import setting
from atlasplane.volume.template_fit import TemplateFit, signed_distance
from atlasplane.volume.threshold import GreyLevels

LABELS = ("skull", "c1", "c2", "other")
"""Order of the labels 1, 2, 3, 4; `other` is bone that is none of the three, such as C3."""
Mask = NDArray[np.bool_]
Labels = NDArray[np.uint8]
_FAR_MM = 30.0
_PLUG = 6
"""Voxels that a plug reaches from the hole behind it."""


@dataclass(frozen=True, slots=True, eq=False)
class Priors:
    """What the templates say of the bone voxels of one grid.

    Attributes
    ----------
    distances_mm : mapping bone -> array, shape of the grid
        Signed distance to the fitted template.
    step_mm, low_mm : spacing and LPS origin of the grid, whose axes run along LPS
    """

    distances_mm: Mapping[str, NDArray[np.float32]]
    step_mm: float
    low_mm: Array

    def at(self, bone: str, points_mm: Array) -> NDArray[np.float32]:
        """Signed distances at LPS points, shape (n,), mm."""
        index = (points_mm - self.low_mm).T / self.step_mm
        return np.asarray(
            ndimage.map_coordinates(self.distances_mm[bone], index, order=1, mode="nearest"), dtype=np.float32
        )


def priors(fit: TemplateFit, low_mm: Array, high_mm: Array) -> Priors:
    """Signed distances to the templates over a box along the LPS axes."""
    step = setting("prior_step")
    size = np.ceil((high_mm - low_mm) / step).astype(int) + 1
    at = np.indices(tuple(size)).reshape(3, -1).T * step + low_mm
    distances = {}
    for bone, surface in fit.surfaces.items():
        distance = np.clip(signed_distance(surface, at), -_FAR_MM, _FAR_MM)
        distances[bone] = distance.reshape(tuple(size)).astype(np.float32)
    return Priors(distances, step, np.asarray(low_mm, dtype=float))


def parted(
    neck: GreyGrid, levels: GreyLevels, fit: TemplateFit, prior: Priors, seeds: Mapping[str, Array]
) -> Labels:
    """Label of every voxel above the surface level, 0 elsewhere.

    Parameters
    ----------
    neck : GreyGrid
        Float32 greys of the neck.
    seeds : mapping label -> array, shape (k, 3)
        Points of a person, LPS mm; keys as `LABELS`.
    """
    bone = neck.values > levels.surface
    for points in seeds.values():
        bone |= _balls(neck, points, setting("seed_radius"))
    whole = bone | _enclosed(bone)
    nodes = np.argwhere(whole)
    if not len(nodes):
        return np.zeros(bone.shape, dtype=np.uint8)
    places = neck.place_of(nodes)
    distances = {name: prior.at(name, places) for name in LABELS[:3]}
    isb = fit.frames["c1"].inverse().apply(places)
    # Below the atlas there is no skull, whatever the generic shape says there.
    distances["skull"] = np.where(isb[:, 1] > setting("skull_floor"), distances["skull"], np.float32(_FAR_MM))
    height = fit.frames["c2"].inverse().apply(places)[:, 1]
    marks = _marks(distances, isb, height)
    _seeded(marks, places, seeds)
    network = _network(whole, nodes, _conductance(bone, neck, levels), neck.spacing_mm)
    # Below, where C3 is near and has no template, the templates pull at nothing.
    pull = (float(neck.spacing_mm.min()) / setting("belief_reach")) ** 2 * (
        height > setting("lower_end_of_sure")
    ) + setting("least_pull")
    chances = _chances(network, marks, _belief(distances), pull)
    labels = np.zeros(bone.shape, dtype=np.uint8)
    labels[tuple(nodes.T)] = np.argmax(chances, axis=1) + 1
    labels[~(bone | _surely_sponge(whole, labels, nodes, distances, neck, levels))] = 0
    return labels


def _surely_sponge(
    whole: Mask,
    labels: Labels,
    nodes: NDArray[np.int64],
    distances: Mapping[str, NDArray[np.float32]],
    neck: GreyGrid,
    levels: GreyLevels,
) -> Mask:
    """Enclosed dark voxels that are no joint space: grey as sponge, far from where two templates meet."""
    ranked = np.sort(np.stack([distances[b] for b in LABELS[:3]]), axis=0)
    apart = np.zeros(whole.shape, dtype=bool)
    apart[tuple(nodes.T)] = ranked[1] - ranked[0] > setting("sponge_apart")
    smooth = levels.share(ndimage.gaussian_filter(neck.values, 1.0))
    return np.asarray(apart & (smooth > least_sponge()) & (labels > 0))


def sponge_inside(neck: GreyGrid, levels: GreyLevels, depth_mm: NDArray[np.float32]) -> Mask:
    """Voxels that a template takes for the inside of its bone, shape of the neck.

    Deep inside whatever is brighter than soft tissue; nearer to its surface what is as grey as sponge and
    does not touch darker voxels, so that the blurred rim of a bone is not added to it.
    """
    share = levels.share(ndimage.gaussian_filter(neck.values, 0.5))
    rim = ndimage.binary_dilation(share < setting("sponge_share"))
    deep = (depth_mm < -setting("surely_inside")) & (share > least_sponge())
    return np.asarray(deep | ((depth_mm < setting("near")) & ~rim))


def least_sponge() -> float:
    """Grey between that of a joint space and that of sponge, as a share from soft tissue to dense bone."""
    return (setting("joint_share") + setting("sponge_share")) / 2


def _enclosed(bone: Mask) -> Mask:
    """Dark voxels that a shell of bone surrounds on all sides: sponge, and joint spaces with fused rims."""
    sealed = ndimage.binary_closing(np.pad(bone, 1), iterations=1)[1:-1, 1:-1, 1:-1] | bone
    return np.asarray(ndimage.binary_fill_holes(sealed) & ~bone)


def _conductance(bone: Mask, neck: GreyGrid, levels: GreyLevels) -> NDArray[np.float32]:
    """How well a voxel conducts: dense bone 1, little at the surface level, sponge fairly, a joint space not.

    Sponge ties the two shells of one bone together; it is told from a joint space by its grey.
    """
    dense = np.maximum(levels.share(neck.values), setting("least_share")) ** setting("conduction_power")
    smooth = levels.share(ndimage.gaussian_filter(neck.values, 1.0))
    low, high = setting("joint_share"), setting("sponge_share")
    sponge = setting("sponge_conducts") * np.clip((smooth - low) / (high - low), 0.01, 1)
    return np.where(bone, dense, sponge).astype(np.float32)


def _marks(distances: Mapping[str, NDArray[np.float32]], isb_mm: Array, height_mm: Array) -> Labels:
    """Label of the nodes that the templates are sure of, 0 for the others.

    `isb_mm` are places in the frame of C1, `height_mm` those along the axis of C2. There is no template of
    C3, so the lower part of C2 is left to the network.
    """
    skull, c1, c2 = (distances[b] for b in LABELS[:3])
    sure, far = setting("sure"), setting("far")
    marks = np.zeros(len(skull), dtype=np.uint8)
    apart = (c1 > far) & (c2 > far)
    x, y, z = isb_mm.T
    column = (x < setting("column_front")) & (np.abs(z) < setting("column_side")) & (y < _lower_end(c2, y))
    marks[apart & (y > setting("above"))] = 1
    marks[(np.minimum(c1, c2) - skull > sure) & (skull < setting("near"))] = 1
    marks[(np.minimum(skull, c2) - c1 > sure) & (c1 < setting("near"))] = 2
    upper = (height_mm > setting("lower_end_of_sure")) | (c2 < -setting("surely_inside"))
    marks[(np.minimum(skull, c1) - c2 > sure) & (c2 < setting("near")) & upper] = 3
    marks[apart & column] = 4
    return marks


def _lower_end(c2: NDArray[np.float32], y: Array) -> float:
    """Height below which bone far from C2 is of the bones below: the lower end of C2, in the frame of C1."""
    own = y[c2 < 0]
    return float(np.quantile(own, 0.1)) if own.size else -40.0


def _seeded(marks: Labels, places: Array, seeds: Mapping[str, Array]) -> None:
    """Marks around a person's seeds: theirs hold, and others give way around them."""
    tree = cKDTree(places)
    for label, points in seeds.items():
        number = LABELS.index(label) + 1
        for near in tree.query_ball_point(points, setting("seed_clears")):
            at = np.array(near, dtype=int)
            marks[at[marks[at] != number]] = 0
    for label, points in seeds.items():
        for near in tree.query_ball_point(points, setting("seed_radius")):
            marks[np.array(near, dtype=int)] = LABELS.index(label) + 1


def _balls(grid: GreyGrid, points_mm: Array, radius_mm: float) -> Mask:
    """Voxels within a radius of points, and the voxels that hold them."""
    found = np.zeros(grid.values.shape, dtype=bool)
    for point in np.atleast_2d(points_mm):
        box = grid.box(point - radius_mm, point + radius_mm)
        index = np.argwhere(np.ones([s.stop - s.start for s in box], dtype=bool)) + [s.start for s in box]
        near = np.linalg.norm(grid.place_of(index) - point, axis=1) <= radius_mm
        found[tuple(index[near].T)] = True
    return found


def _network(bone: Mask, nodes: NDArray[np.int64], share: NDArray[np.float32], edge: Array) -> csr_matrix:
    """Conductances between neighbouring voxels, symmetric."""
    number = np.full(bone.shape, -1, dtype=np.int64)
    number[tuple(nodes.T)] = np.arange(len(nodes))
    rows, columns, weights = [], [], []
    for axis in range(3):
        low = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        high = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        both = bone[low] & bone[high]
        rows.append(number[low][both])
        columns.append(number[high][both])
        weights.append(np.minimum(share[low][both], share[high][both]) * (edge.min() / edge[axis]) ** 2)
    i, j, w = np.concatenate(rows), np.concatenate(columns), np.concatenate(weights).astype(float)
    half = coo_matrix((w, (i, j)), shape=(len(nodes), len(nodes)))
    return (half + half.T).tocsr()


def _belief(distances: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Chance of each label from the templates alone, shape (n, 4)."""
    columns = [distances[b] for b in LABELS[:3]]
    columns.append(np.full_like(columns[0], setting("far")))
    stacked = -np.stack(columns, axis=1).astype(np.float64) / setting("belief_width")
    weights = np.exp(stacked - stacked.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _chances(
    network: csr_matrix, marks: Labels, belief: NDArray[np.float64], pull: NDArray[Any]
) -> NDArray[np.float64]:
    """Chance that a walker from each node reaches each label first, shape (n, 4)."""
    held = marks > 0
    chances = np.zeros((len(marks), len(LABELS)))
    chances[held, marks[held].astype(int) - 1] = 1.0
    free = np.flatnonzero(~held)
    if not len(free):
        return chances
    pull = pull[free]
    rows = network[free]
    degree = np.asarray(rows.sum(axis=1)).ravel() + pull
    system = diags(degree) - rows[:, free]
    fixed = rows[:, np.flatnonzero(held)] @ chances[held]
    scale = diags(1 / degree)
    for k in range(len(LABELS) - 1):
        goal = fixed[:, k] + pull * belief[free, k]
        solved, _ = cg(system, goal, x0=belief[free, k], rtol=1e-4, maxiter=500, M=scale)
        chances[free, k] = solved
    # All four sum to one, so the last follows from the others.
    chances[free, -1] = 1 - chances[free, :-1].sum(axis=1)
    return chances


def filled(own: Mask, free: Mask, inside: Mask, spacing_mm: Array) -> Mask:
    """One bone with its sponge: the holes of its shell, small leaks of it sealed.

    Parameters
    ----------
    own : array of bool
        The bone's voxels above the surface level.
    free : array of bool, same shape
        Voxels that may be filled: of no other bone, and no air.
    inside : array of bool, same shape
        Voxels that are surely inside the bone however dark.
    """
    if not own.any():
        return own
    box = ndimage.find_objects(own.astype(np.uint8))[0]
    pad = int(np.ceil(2 * setting("closing") / spacing_mm.min())) + 2
    box = widened(box, pad, own.shape)
    found, may = np.pad(own[box], 1), np.pad(free[box], 1)
    found = _sealed(found, may, ndimage.binary_closing(found))
    found = _sealed(found, may, _closed(found, spacing_mm, setting("closing")))
    found |= np.pad(inside[box], 1) & may
    found = _sealed(found, may, ndimage.binary_closing(found))
    whole = np.zeros_like(own)
    whole[box] = _kept(found)[1:-1, 1:-1, 1:-1]
    return whole


def _sealed(mask: Mask, free: Mask, closed: Mask) -> Mask:
    """The mask and the holes of its closing.

    Leaks that the closing plugged belong to the bone; what it adds in other concave places does not.
    """
    holes = ndimage.binary_fill_holes(closed) & ~closed & ~mask
    added = closed & ~mask
    plugs = ndimage.binary_propagation(
        ndimage.binary_dilation(holes) & added, mask=added & ndimage.binary_dilation(holes, iterations=_PLUG)
    )
    sealed = mask | ((holes | plugs) & free)
    return np.asarray(ndimage.binary_fill_holes(sealed) & (sealed | free))


def _closed(mask: Mask, spacing: Array, radius_mm: float) -> Mask:
    grown = _distance(~mask, spacing) <= max(radius_mm, 1.01 * float(spacing.max()))
    return np.asarray(_distance(grown, spacing) > radius_mm) | mask


def _distance(mask: Mask, spacing: Array) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(mask, sampling=spacing))


def _kept(found: Mask) -> Mask:
    """The bodies that hold a fair share of the bone; specks are left out."""
    labels, count = ndimage.label(found, np.ones((3, 3, 3)))
    if count < 2:
        return found
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= setting("least_body") * sizes.max())[labels] & found)
