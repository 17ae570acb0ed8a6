"""A marked CT or CBCT as measurements: the patient's own values, without projection.

Their u is that of placing the landmarks, and of the spread between observers where there are several. What
the films add for head position and enlargement does not exist here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlasplane.anatomy.landmarks import Landmark, landmark
from atlasplane.anatomy.views import BEAM_VIEWS
from atlasplane.core.errors import BadLandmarks
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Measurement, Site
from atlasplane.core.quantity import quantity
from atlasplane.geometry.frames import ISB_FROM_LPS, isb_from_lps
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks
from atlasplane.pathways.alignment.observers import Combined, combine_readings
from atlasplane.pathways.alignment.volume_lines import (
    MIDLINE,
    NEEDS_MIDLINE,
    VOLUME,
    VolumeLines,
    volume_contradictions,
)
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading
from atlasplane.sources.volume import Volume
from atlasplane.uncertainty.first_order import covariance, effective_dof, jacobian

_STEP_OF_U = 0.25
"""Half-distance of the numerical derivative, in standard uncertainties of the input."""
_LEAST_SHARE = 1e-3
"""Mid-line points whose spread along the second axis is a smaller share of the first lie on one line."""
_TABLE: Mapping[str, Construction[VolumeLines]] = {c.key: c for c in VOLUME}
_USED = frozenset(id_ for c in VOLUME for id_ in c.needs) | frozenset(MIDLINE)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _MarkedVolume:
    """Marks of one reading in ISB axes, as one vector with its placing covariance."""

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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _ReadVolume:
    """One reading of a volume."""

    marked: Any  # observers.Read asks for a MarkedFilm; only its reading and dof are used
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VolumeAnalysis:
    """What a volume says.

    Attributes
    ----------
    measurements : tuple of Measurement
    cov : array, shape (n, n)
        Their joint covariance, in this order; nothing outside the volume shares it.
    """

    measurements: tuple[Measurement, ...]
    cov: Array


def measure_volume(volume: Volume, visit: str) -> tuple[Measurement, ...]:
    """Every quantity that the landmarks of a volume allow; none without a reading."""
    return analyse_volume(volume, visit).measurements


def analyse_volume(volume: Volume, visit: str) -> VolumeAnalysis:
    """Every quantity that the landmarks of a volume allow, with the joint covariance.

    Parameters
    ----------
    volume : Volume
        With its readings in LPS mm.
    visit : str
        Id of the visit that the volume belongs to.

    Raises
    ------
    BadLandmarks
        When marks contradict the volume's axes or are geometrically impossible.
    """
    reads = [read for reading in volume.readings if (read := _read(volume, reading)).keys]
    if not reads:
        return VolumeAnalysis(measurements=(), cov=np.zeros((0, 0)))
    combined = combine_readings(reads)
    cov = combined.cov + np.diag(combined.between**2)
    measurements = tuple(_measurement(volume, visit, reads, combined, k) for k in range(len(combined.keys)))
    return VolumeAnalysis(measurements=measurements, cov=cov)


def _read(volume: Volume, reading: Reading) -> _ReadVolume:
    marked = _marked(volume, reading)
    marks = marked.marks(marked.values)
    faults = volume_contradictions(marks)
    if faults:
        raise BadLandmarks(
            volume.file,
            f"landmarks and the axes of the volume disagree: {'; '.join(faults)}",
            "Check the _R and _L of the marks, and that their space is lps_mm.",
        )
    keys = _readable(VolumeLines(marks))

    def values(inputs: Array) -> Array:
        lines = VolumeLines(marked.marks(inputs))
        return np.stack([_TABLE[key].value(lines) for key in keys], axis=-1)

    def carried(inputs: Array) -> Array:
        lines = VolumeLines(marked.marks(inputs))
        return np.stack([_TABLE[key].carried(lines) for key in keys], axis=-1)

    if not keys:
        return _ReadVolume(marked=marked, keys=(), values=np.zeros(0), placing_cov=np.zeros((0, 0)))
    found = values(marked.values)
    if not np.all(np.isfinite(found)):
        bad = ", ".join(key for key, value in zip(keys, found, strict=True) if not np.isfinite(value))
        raise BadLandmarks(
            volume.file,
            f"impossible geometry in reading '{reading.id}': {bad}",
            "Check that no two marks coincide.",
        )
    sensitivity = jacobian(carried, marked.values, _STEP_OF_U * np.sqrt(np.diag(marked.cov)))
    return _ReadVolume(
        marked=marked, keys=keys, values=found, placing_cov=covariance(sensitivity, marked.cov)
    )


def _readable(lines: VolumeLines) -> tuple[str, ...]:
    """Keys whose marks are there; those on the mid-sagittal plane only where three points carry it."""
    has_plane = len(lines.midline) >= 3
    if has_plane:
        spread = lines.midline_spread_mm
        has_plane = bool(spread[1] > _LEAST_SHARE * spread[0])
    return tuple(
        key
        for key, c in _TABLE.items()
        if lines.marks.has(c.needs) and (has_plane or key not in NEEDS_MIDLINE)
    )


def _marked(volume: Volume, reading: Reading) -> _MarkedVolume:
    marks: list[tuple[str, MarkedPoint | MarkedContour]] = [
        *sorted(reading.points.items()),
        *sorted(reading.contours.items()),
    ]
    marks = [(id_, mark) for id_, mark in marks if id_ in _USED]
    values: list[Array] = []
    blocks: list[Array] = []
    slots: dict[str, tuple[int, int]] = {}
    for id_, mark in marks:
        at = isb_from_lps(np.atleast_2d(mark.at))
        slots[id_] = (3 * len(blocks), len(at))
        values.append(at)
        blocks.extend([_placing(id_, mark)] * len(at))
    defaults = [id_ for id_, mark in marks if _own_placing(mark) is None]
    return _MarkedVolume(
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


def _placing(id_: str, mark: MarkedPoint | MarkedContour) -> Array:
    """Placing covariance in ISB axes, shape (3, 3)."""
    own = _own_placing(mark)
    if own is not None:
        return ISB_FROM_LPS @ own @ ISB_FROM_LPS.T
    return default_placing(landmark(id_), mirrored=id_.endswith("_L"))


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


def _measurement(
    volume: Volume, visit: str, reads: Sequence[_ReadVolume], combined: Combined, k: int
) -> Measurement:
    key = ObservationKey.parse(combined.keys[k])
    entry = quantity(key.quantity)
    placing, between = math.sqrt(combined.cov[k, k]), float(combined.between[k])
    u = math.hypot(placing, between)
    budget = {"landmarks": placing} | ({"observers": between} if between else {})
    readings = [read.marked.reading for read in reads]
    defaults = any(read.marked.has_defaults for read in reads)
    weak = entry.tag in ("proposed", "unverified")
    return Measurement(
        quantity=entry,
        visit=visit,
        site=Site(level=key.level, side=key.side) if key.level or key.side else None,
        condition=volume.modality,
        method=f"{entry.id}-volume/1",
        tag=entry.tag,
        source=(volume.file,),
        observer=tuple(sorted({reading.observer for reading in readings})),
        provenance={
            "readings": ", ".join(reading.id for reading in readings),
            "tools": ", ".join(sorted({reading.tool for reading in readings})),
            "placing": "catalogue default" if defaults else "covariances of the reading",
        },
        quality=(entry.tag,) if weak else ("ok",),
        value=float(combined.values[k]),
        u=u,
        dof=effective_dof(u, (placing,), (combined.dof,)),
        budget=budget,
    )
