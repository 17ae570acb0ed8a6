"""Marked points of skull, C1 and C2 in a volume, readings combined: what bones and their shape are made of.

Films that are fitted with the shape of a volume's bones and the measures of that volume rest on the same
marks. Each coordinate's error therefore stands under one key for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.geometry.frames import isb_from_lps
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_fit_settings import excluded_ids
from atlasplane.pathways.alignment.observers import combine_readings
from atlasplane.pathways.alignment.volume_marks import MarkedVolume, placing_covariance, voxel_covariance
from atlasplane.sources.reading import Reading
from atlasplane.sources.volume import Volume

BONES = ("skull", "c1", "c2")
"""Bones that films are fitted with, the reference first."""


@cache
def fitted_ids() -> frozenset[str]:
    """Landmarks that are one fixed point of skull, C1 or C2 (data/film_fit.toml says what is not)."""
    return frozenset(
        id_
        for id_, entry in landmarks().items()
        if entry.bone in BONES and entry.kind == "point" and id_ not in excluded_ids()
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VolumePoints:
    """Combined points of a volume.

    Attributes
    ----------
    name : str
        "CT <file>".
    ids : tuple of str
    at_mm : array, shape (n, 3)
        ISB axes of the volume.
    root_mm : array, shape (n, 3, 3)
        Cholesky roots of the covariances: errors of three standardised inputs a point.
    counts : array, shape (n,)
        Readings that have the point.
    observers : frozenset of str
    """

    name: str
    ids: tuple[str, ...]
    at_mm: Array
    root_mm: Array
    counts: Array
    observers: frozenset[str]


def shape_key(name: str, column: int) -> str:
    """Name of one input of a shape's errors, for `core.joint`."""
    return f"shape of {name} #{column}"


def frame_key(name: str, bone: str) -> str:
    """Name of the input that is the choice of a bone's frame, for `core.joint`."""
    return f"frame of {bone} in {name}"


def volume_name(volume: Volume) -> str:
    """Name of a volume in keys and provenances."""
    return f"{volume.modality.upper()} {volume.file}"


def volume_points(volume: Volume) -> VolumePoints:
    """Points of all readings, combined; of those that the reading with the most points has.

    Their covariance is that of placing them (`volume_marks.placing_covariance`), over n for n readings of one
    observer, and the spread between observers where there are several.
    """
    reads = [_read_points(volume, reading) for reading in volume.readings]
    reads = sorted((read for read in reads if read.keys), key=lambda read: -len(read.keys))
    if not reads:
        return VolumePoints(
            name=volume_name(volume),
            ids=(),
            at_mm=np.zeros((0, 3)),
            root_mm=np.zeros((0, 3, 3)),
            counts=np.zeros(0),
            observers=frozenset(),
        )
    combined = combine_readings(reads)  # type: ignore[arg-type]
    ids = tuple(key.partition(" ")[0] for key in combined.keys[::3])
    whole = (combined.cov + np.diag(combined.between**2)).reshape(len(ids), 3, len(ids), 3)
    return VolumePoints(
        name=volume_name(volume),
        ids=ids,
        at_mm=combined.values.reshape(-1, 3),
        root_mm=np.linalg.cholesky(np.stack([whole[k, :, k] for k in range(len(ids))])),
        counts=np.array([sum(id_ in read.marked.reading.points for read in reads) for id_ in ids]),
        observers=frozenset(read.marked.reading.observer for read in reads),
    )


class ReadMarks(Protocol):
    """One reading of a volume with what its marks make."""

    @property
    def marked(self) -> MarkedVolume:
        """The marks."""

    @property
    def keys(self) -> tuple[str, ...]:
        """What was read."""

    @property
    def sensitivity(self) -> Array:
        """Change of what was read by the marks' coordinates, shape (q, n)."""


def effects_of_points(
    points: VolumePoints, reads: Sequence[ReadMarks], keys: Sequence[str]
) -> Mapping[str, Array]:
    """Effect of one standard uncertainty of each input of the points' errors on combined keys.

    A key is the mean over its readings, a point the mean over those that have it. With several observers,
    who weigh differently in every number, nothing is told to be shared.

    Returns
    -------
    mapping input (`shape_key`) -> array, shape (q,)
        Those with an effect.
    """
    if len(points.observers) != 1:
        return {}
    cov, counts = np.zeros((len(keys), len(points.ids), 3)), np.zeros(len(keys))
    for read in reads:
        at = [k for k, key in enumerate(keys) if key in read.keys]
        by_marks = read.sensitivity[[read.keys.index(keys[k]) for k in at]]
        counts[at] += 1
        for p, id_ in enumerate(points.ids):
            if id_ in read.marked.slots:
                start = read.marked.slots[id_][0]
                own = slice(start, start + 3)
                cov[at, p] += by_marks[:, own] @ read.marked.cov[own, own]
    cov /= np.maximum(counts, 1)[:, None, None] * points.counts[:, None]
    # Of a key with a point L e, e standardised: E L', so E = cov L^-T.
    effects = np.einsum("qpi,pji->qpj", cov, np.linalg.inv(points.root_mm)).reshape(len(keys), -1)
    return {
        shape_key(points.name, k): effects[:, k] for k in range(effects.shape[1]) if np.any(effects[:, k])
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whose reading, as observers.combine_readings asks for it."""

    reading: Reading
    dof: float = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class _ReadPoints:
    """Points of one reading of a volume, ISB mm, three keys a point."""

    marked: _Reader
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array


def _read_points(volume: Volume, reading: Reading) -> _ReadPoints:
    marks = [(id_, mark) for id_, mark in sorted(reading.points.items()) if id_ in fitted_ids()]
    grid = voxel_covariance(volume.affine_lps)
    cov = np.zeros((3 * len(marks), 3 * len(marks)))
    for k, (id_, mark) in enumerate(marks):
        cov[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] = placing_covariance(id_, mark, grid)
    values = [isb_from_lps(mark.at) for _, mark in marks]
    return _ReadPoints(
        marked=_Reader(reading),
        keys=tuple(f"{id_} {axis}" for id_, _ in marks for axis in "XYZ"),
        values=np.concatenate(values) if values else np.zeros(0),
        placing_cov=cov,
    )
