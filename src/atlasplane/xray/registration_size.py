"""Whether a bone is as large as the films want it: that of another person is not.

So is no bone where a distance of a calibrated rig is not what is stated, or the voxels of the scan are not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.types import Array
from atlasplane.xray.projection import project, window_of
from atlasplane.xray.registration_film import Film32, FilmComparison
from atlasplane.xray.registration_fit import Fit, LevelFit
from atlasplane.xray.registration_poses import moved_camera
from atlasplane.xray.registration_score import Score, score
from atlasplane.xray.registration_shadow import Shadow

_STEP = 0.01
"""Relative change of size that derivatives are differences over: less than a voxel at the bone's ends."""
_Derivative = Callable[[FilmComparison, Shadow, int], Film32]


def size_score(level: LevelFit, fit: Fit, bone: int) -> Score:
    """Relative change of a bone's size as a whole that the films want, one quantity.

    Parameters
    ----------
    level : LevelFit
    fit : Fit
        Where the search of that level ended.
    bone : int
        Place among the problem's bones.
    """
    return _score(level, fit, bone, by_size)


def sizes_score(level: LevelFit, fit: Fit, bone: int) -> Score:
    """The same along the three axes of the bone's solid, three quantities."""
    return _score(level, fit, bone, by_sizes)


def by_size(own: FilmComparison, seen: Shadow, bone: int) -> Film32:
    """Derivative of a shadow by the logarithm of the bone's size, (1, rows, columns) of the shadow.

    A bone that grows about the source casts the same shadow, darker by as much; it comes back by a shift.
    """
    camera = moved_camera(own.section.camera, seen.camera)
    back = camera.source_mm - seen.pose.apply(_middle(own, bone))
    image: Film32 = seen.image + np.tensordot(back.astype(np.float32), seen.columns[3:6], axes=1)
    return image[None]


def by_sizes(own: FilmComparison, seen: Shadow, bone: int) -> Film32:
    """Derivatives by the logarithms of the bone's three sizes, (3, rows, columns) of the shadow."""
    images = np.zeros((3, *own.section.shape), dtype=np.float32)
    for axis in range(3):
        for share in (_STEP, -_STEP):
            solid = stretched(own.level.solids[bone], _middle(own, bone), axis, share)
            _add(images[axis], own, seen, solid, 0.5 / share)
    return own.section.high_pass.apply(images)[:, *seen.at]


def stretched(solid: Solid, about_mm: Array, axis: int, share: float) -> Solid:
    """The solid longer by a share along one of its axes; a point of it stays where it is."""
    factor = np.ones(3)
    factor[axis] += share
    return Solid(
        attenuation_per_mm=solid.attenuation_per_mm,
        origin_mm=about_mm + factor * (solid.origin_mm - about_mm),
        spacing_mm=factor * solid.spacing_mm,
    )


def _score(level: LevelFit, fit: Fit, bone: int, derivative: _Derivative) -> Score:
    extra = []
    count = 3 if derivative is by_sizes else 1
    for own, film in zip(level.films, fit.films, strict=True):
        seen = film.shadows[bone]
        columns = np.zeros((count, *own.section.shape), dtype=np.float32)
        if seen is not None:
            columns[:, *seen.at] = derivative(own, seen, bone)
        extra.append(columns)
    return score(level, fit, extra)


def _middle(own: FilmComparison, bone: int) -> Array:
    """The bone's centre in the frame of its solid."""
    model = own.problem.bones[bone]
    return model.to_volume.inverse().apply(model.centre_mm)


def _add(image: Film32, own: FilmComparison, seen: Shadow, solid: Solid, times: float) -> None:
    """Add the image of another solid in the place of the one whose shadow was seen."""
    camera = moved_camera(own.section.camera, seen.camera)
    window = window_of(solid, seen.pose, camera, own.section.shape, stride=1)
    if window is None:
        return
    column, row = window.first
    drawn = project(solid, seen.pose, camera, window).image
    part = image[row : row + drawn.shape[0], column : column + drawn.shape[1]]
    part += np.float32(times) * drawn[: part.shape[0], : part.shape[1]]
