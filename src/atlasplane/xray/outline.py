"""Outline of a bone on a film: where its projection reaches a small thickness, as closed lines.

The outline of a shadow has no edge of its own: rays that graze a bone meet less and less of it. It is drawn
where they meet `RIM_MM` of it. Where a bone is round with a radius of R mm that lies RIM_MM^2 / (8 R) inside
its edge, a twentieth of a millimetre; a scan that blurs the edge over w mm lets the ray that grazes it meet
about 2/3 sqrt(R w), so that the line stays within half of w of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.core.errors import MissingExtra
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.projection import Film32, project, reach_mm, window_of

if TYPE_CHECKING:
    from atlasplane.xray.surface_projection import SurfaceBody

RIM_MM = 1.5
"""Bone of its own mean attenuation that a ray meets on the outline."""
TOLERANCE_PX = 0.3
"""The simplified line strays at most this far, film pixels."""
LEAST_MM2 = 20.0
"""Loops around less than this (at the bone) are noise or a small hole, and are left out."""


def outline(
    body: Solid | SurfaceBody,
    pose: RigidTransform,
    camera: PinholeCamera,
    shape_px: tuple[int, int],
    *,
    tolerance_px: float = TOLERANCE_PX,
) -> tuple[Array, ...]:
    """Closed lines around a bone's shadow, the largest first; holes in it have lines of their own.

    Parameters
    ----------
    body : Solid or SurfaceBody
        The bone in its own frame.
    pose : RigidTransform
        That frame -> frame of the camera (mm).
    camera : PinholeCamera
    shape_px : (rows, columns)
        Of the film; a shadow that leaves it is closed along the film's edge.
    tolerance_px : float
        How far the simplified line may stray (Douglas and Peucker 1973, doi:10.3138/FM57-6770-U75U-7727).

    Returns
    -------
    tuple of array, shape (n, 2)
        Film pixels [column, row], (0, 0) the centre of the top-left pixel; first and last point are the same.
        Empty where the bone does not reach the film.

    Raises
    ------
    MissingExtra
        Without the extra ``ct``.
    """
    window = window_of(body, pose, camera, shape_px)
    if window is None:
        return ()
    image = project(body, pose, camera, window).image
    lines = level_lines(image, RIM_MM * _mean_per_mm(body))
    last = np.array(shape_px[::-1]) - 0.5
    on_film = [np.clip(np.array(window.first) + window.stride * line, -0.5, last) for line in lines]
    least_px2 = LEAST_MM2 * _px2_per_mm2(camera, pose.apply(_middle_mm(body)))
    large = sorted((-enclosed(line), k) for k, line in enumerate(on_film) if enclosed(line) >= least_px2)
    return tuple(_simplified(on_film[k], tolerance_px) for _, k in large)


def level_lines(image: Film32, level: float) -> tuple[Array, ...]:
    """Closed lines along which an image crosses a level > 0, in its own samples [column, row].

    Marching squares with linear interpolation (Maple 2003, doi:10.1109/GMAG.2003.1219671). Beyond its border
    the image is taken as 0, so that every line is closed.
    """
    try:
        from skimage.measure import find_contours
    except ImportError as fault:
        raise MissingExtra("ct", "outlines of bones") from fault
    if image.max(initial=0.0) <= level:
        return ()
    found = find_contours(np.pad(image.astype(float), 1), level)  # type: ignore[no-untyped-call]
    return tuple(np.asarray(line, dtype=float)[:, ::-1] - 1.0 for line in found)


def enclosed(line: Array) -> float:
    """Area inside a closed line, shape (n, 2), in squared units of its points, whichever way it runs."""
    x, y = (line - line[0]).T
    return float(0.5 * abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])))


def _simplified(line: Array, tolerance_px: float) -> Array:
    from skimage.measure import approximate_polygon

    simple: Array = approximate_polygon(line, tolerance_px)  # type: ignore[no-untyped-call]
    return simple


def _mean_per_mm(body: Solid | SurfaceBody) -> float:
    values = np.asarray(body.attenuation_per_mm)
    return float(values[values > 0].mean(dtype=float))


def _middle_mm(body: Solid | SurfaceBody) -> Array:
    reach = reach_mm(body)
    return np.zeros(3) if reach is None else np.asarray(reach[0].mean(axis=0))


def _px2_per_mm2(camera: PinholeCamera, at_mm: Array) -> float:
    """Pixels on the film for a square millimetre of an object there."""
    return float(camera.magnification(at_mm) ** 2 / np.prod(camera.pitch_mm))
