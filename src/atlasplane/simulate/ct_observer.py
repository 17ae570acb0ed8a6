"""How a simulated observer clicks on a scan: every bony landmark in the field, with errors in space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import numpy as np

from atlasplane.anatomy.landmarks import Landmark, landmark, landmarks
from atlasplane.anatomy.views import BEAM_VIEWS
from atlasplane.geometry.frames import ISB_FROM_LPS, lps_from_isb
from atlasplane.geometry.types import Array
from atlasplane.simulate.ct_scan import Field
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.subject import Posed
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading

VOXEL_SHARE = 1 / math.sqrt(12.0)
"""SD that the voxels add to a click along each axis, in voxels: a place is known to a voxel (derived)."""
MARGIN_MM = 5.0
"""A landmark nearer to the field's border is not marked: its bone is cut off there."""
REPEATS = 3
"""A scan is marked once for all film sets of a case, so it is worth more than one reading."""


def repeated_clicks(
    posed: Posed, field: Field, observer: Observer, *, rng: np.random.Generator, time: datetime
) -> tuple[Reading, ...]:
    """Readings of a scan by one observer, ten minutes apart; one where clicks have no noise.

    Parameters as for `clicks`.
    """
    count = 1 if observer.noise_mm == 0 else REPEATS
    return tuple(
        clicks(posed, field, observer, rng=rng, time=time + timedelta(minutes=10 * k), number=k + 1)
        for k in range(count)
    )


def clicks(
    posed: Posed,
    field: Field,
    observer: Observer,
    *,
    rng: np.random.Generator,
    time: datetime,
    number: int = 1,
) -> Reading:
    """One reading of a scan, LPS mm.

    Parameters
    ----------
    posed : Posed
        Bones in the room, as scanned.
    field : Field
    observer : Observer
        `noise_mm` is the SD of the clicks along each axis, mm, 0 for none; without it the catalogue's placing
        errors and a share of the voxel are added. Either is written as the points' `cov`.
    rng : Generator
    time : datetime
    number : int
        Of the reading, from 1.
    """
    points: dict[str, MarkedPoint] = {}
    contours: dict[str, MarkedContour] = {}
    for id_ in _marked(posed, field, observer):
        cov = click_covariance(id_, observer, field.voxel_mm)
        stated = cov if np.any(cov) else None
        at = posed.points_mm[id_] if id_ in posed.points_mm else posed.contours_mm[id_]
        root = np.zeros((3, 3)) if stated is None else np.linalg.cholesky(cov)
        placed = lps_from_isb(at) + rng.standard_normal(at.shape) @ root.T
        if at.ndim == 1:
            points[id_] = MarkedPoint(placed, stated)
        else:
            contours[id_] = MarkedContour(placed, None if stated is None else float(np.sqrt(cov[0, 0])))
    return Reading(
        id=f"ct-r{number}",
        observer=observer.name,
        time=time,
        tool="simulate/1.0",
        points=points,
        contours=contours,
    )


def _marked(posed: Posed, field: Field, observer: Observer) -> Iterator[str]:
    """Ids in the catalogue's order: what lies on bone, is seen by X-rays and is in the field."""
    for id_, entry in landmarks().items():
        at = posed.points_mm.get(id_, posed.contours_mm.get(id_))
        if at is None or id_ in observer.absent or not _on_bone(entry):
            continue
        if np.all(field.holds(at, MARGIN_MM)):
            yield id_


def _on_bone(entry: Landmark) -> bool:
    """What a photograph shows is skin."""
    return not any(view.startswith("photo") for view in entry.views)


def click_covariance(id_: str, observer: Observer, voxel_mm: float) -> Array:
    """Covariance of one click on a scan, LPS axes, mm squared, shape (3, 3).

    The same along every axis for a contour, whose file states one SD.
    """
    if observer.noise_mm is not None:
        return observer.noise_mm**2 * np.eye(3)
    voxels = (VOXEL_SHARE * voxel_mm) ** 2 * np.eye(3)
    entry = landmark(id_)
    if entry.kind == "contour":
        return entry.placing.across_mm**2 * np.eye(3) + voxels
    placing = placing_in_space(entry, mirrored=id_.endswith("_L"))
    turned = ISB_FROM_LPS.T @ placing @ ISB_FROM_LPS + voxels
    symmetric: Array = (turned + turned.T) / 2  # to the last digit, as the landmark file asks
    return symmetric


def placing_in_space(entry: Landmark, *, mirrored: bool) -> Array:
    """The catalogue's placing error in space, ISB axes, mm squared, shape (3, 3).

    In the plane of the landmark's own film as on that film, across it the larger of the two errors; of a
    landmark that only volumes show, the same along every axis.
    """
    placing = entry.placing
    if not entry.views:
        return placing.along_mm**2 * np.eye(3)
    view = BEAM_VIEWS[entry.views[0]]
    axes = np.column_stack([view.first, view.second, view.beam])
    cov = np.zeros((3, 3))
    cov[:2, :2] = placing.covariance(mirrored=entry.bilateral and mirrored)
    cov[2, 2] = max(placing.along_mm, placing.across_mm) ** 2
    turned: Array = axes @ cov @ axes.T
    return turned


def marked_truth(posed: Posed, reading: Reading) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """Points and contours of a reading without its errors, room, ISB mm."""
    points = {id_: posed.points_mm[id_] for id_ in reading.points}
    return points, {id_: posed.contours_mm[id_] for id_ in reading.contours}
