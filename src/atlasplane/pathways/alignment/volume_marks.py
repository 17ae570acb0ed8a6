"""The marks of one reading of a volume as one vector in ISB axes, with their placing covariance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.landmarks import Landmark, landmark
from atlasplane.anatomy.views import BEAM_VIEWS
from atlasplane.geometry.frames import ISB_FROM_LPS, isb_from_lps
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Marks
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading
from atlasplane.sources.volume import Volume


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MarkedVolume:
    """Marks of one reading in ISB axes, as one vector with its placing covariance.

    Attributes
    ----------
    file : str
        Of the volume.
    reading : Reading
    values : array, shape (n,)
        Coordinates, mm, point after point.
    cov : array, shape (n, n)
        mm squared.
    slots : mapping id -> (int, int)
        Where the points of a mark begin, and how many they are.
    dof : float
        Degrees of freedom of the placing errors.
    has_defaults : bool
        Whether some come from the catalogue.
    """

    file: str
    reading: Reading
    values: Array
    cov: Array
    slots: Mapping[str, tuple[int, int]]
    dof: float
    has_defaults: bool

    def marks(self, values: Array) -> Marks:
        """Marks of input vectors, shape (..., n)."""
        points, contours = {}, {}
        for id_, (start, count) in self.slots.items():
            piece = values[..., start : start + 3 * count]
            if id_ in self.reading.contours:
                contours[id_] = piece.reshape(*piece.shape[:-1], count, 3)
            else:
                points[id_] = piece
        return Marks(points, contours)


def marked_volume(volume: Volume, reading: Reading, used: frozenset[str]) -> MarkedVolume:
    """The marks of one reading that something is made of; `used` names them."""
    marks: list[tuple[str, MarkedPoint | MarkedContour]] = [
        *sorted(reading.points.items()),
        *sorted(reading.contours.items()),
    ]
    marks = [(id_, mark) for id_, mark in marks if id_ in used]
    grid = voxel_covariance(volume.affine_lps)
    values: list[Array] = []
    blocks: list[Array] = []
    slots: dict[str, tuple[int, int]] = {}
    for id_, mark in marks:
        at = isb_from_lps(np.atleast_2d(mark.at))
        slots[id_] = (3 * len(blocks), len(at))
        values.append(at)
        blocks.extend([placing_covariance(id_, mark, grid)] * len(at))
    defaults = [id_ for id_, mark in marks if _own_placing(mark) is None]
    return MarkedVolume(
        file=volume.file,
        reading=reading,
        values=np.concatenate(values).ravel() if values else np.zeros(0),
        cov=_block_diagonal(blocks),
        slots=slots,
        dof=min((landmark(id_).placing.dof for id_ in defaults), default=math.inf),
        has_defaults=bool(defaults),
    )


def _own_placing(mark: MarkedPoint | MarkedContour) -> Array | None:
    """Placing covariance that the reading states, LPS mm squared, shape (3, 3)."""
    if isinstance(mark, MarkedPoint):
        return mark.cov
    return None if mark.sd is None else mark.sd**2 * np.eye(3)


def placing_covariance(id_: str, mark: MarkedPoint | MarkedContour, grid: Array) -> Array:
    """Placing covariance of a mark in ISB axes, mm squared, shape (3, 3).

    That which the reading states, which is of the whole error; else the catalogue's default and, since that
    knows no volume, the voxel's share `grid` (`voxel_covariance`).
    """
    own = _own_placing(mark)
    if own is not None:
        return np.asarray(ISB_FROM_LPS @ own @ ISB_FROM_LPS.T)
    return default_placing(landmark(id_), mirrored=id_.endswith("_L")) + grid


def voxel_covariance(affine_lps: Array) -> Array:
    """Covariance of a place that is known to lie in one voxel, ISB axes, mm squared, shape (3, 3).

    Edge squared over 12 along each edge (JCGM 100:2008, 4.3.7).
    """
    edges = ISB_FROM_LPS @ affine_lps[:3, :3]
    cov: Array = edges @ edges.T / 12
    return cov


def default_placing(entry: Landmark, *, mirrored: bool) -> Array:
    """The catalogue's placing error in space, ISB axes, mm squared, shape (3, 3).

    In the plane of the film that the landmark is first marked on, as on that film; along the beam, which a
    film does not show, the larger of its two errors. The same in all directions for a landmark of volumes.
    """
    placing = entry.placing
    if not entry.views:
        return placing.along_mm**2 * np.eye(3)
    setup = BEAM_VIEWS[entry.views[0]]
    plane = np.column_stack([setup.first, setup.second])
    depth = max(placing.along_mm, placing.across_mm) ** 2 * np.outer(setup.beam, setup.beam)
    cov: Array = plane @ placing.covariance(mirrored=entry.bilateral and mirrored) @ plane.T + depth
    return cov


def _block_diagonal(blocks: list[Array]) -> Array:
    cov = np.zeros((3 * len(blocks), 3 * len(blocks)))
    for k, block in enumerate(blocks):
        cov[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] = block
    return cov
