"""The image of several bodies on a whole film: their line integrals, added.

A body whose detail appears many pixels wide is worked out on every second, third ... pixel and interpolated:
the film holds no more detail than the voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.xray.projection import Film32, Window, project, window_of
from atlasplane.xray.spread import spread


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Part:
    """A solid and where it stands: `pose` leads from its own frame to the frame of the camera (mm)."""

    solid: Solid
    pose: RigidTransform


def render(parts: Sequence[Part], camera: PinholeCamera, shape_px: tuple[int, int]) -> Film32:
    """Line integrals of all parts, added.

    Parameters
    ----------
    parts : sequence of Part
        Solids whose attenuations add (bones hold their excess over water).
    camera : PinholeCamera
        In the frame that the parts' poses lead to.
    shape_px : (rows, columns)

    Returns
    -------
    array of float32, shape (rows, columns)
        Dimensionless: -ln of the transmitted share of a monochromatic beam.
    """
    film = np.zeros(shape_px, dtype=np.float32)
    for part in parts:
        window = window_of(part.solid, part.pose, camera, shape_px)
        if window is not None:
            _add(film, project(part.solid, part.pose, camera, window).image, window)
    return film


def _add(film: Film32, samples: Film32, window: Window) -> None:
    """Add the samples to the film, interpolated linearly between them."""
    (column, row), stride = window.first, window.stride
    rows = min(film.shape[0] - row, (window.count[1] - 1) * stride + 1)
    columns = min(film.shape[1] - column, (window.count[0] - 1) * stride + 1)
    reached = film[row : row + rows, column : column + columns]
    if stride == 1:
        reached += samples[:rows, :columns]
    else:
        spread(samples, stride, reached)
