"""A body's image on a film: line integrals of its attenuation, and how they change with pose and camera.

One function, `project`, for every kind of body. A kind is added by registering its reach and its image with
`reach_mm.register` and `image_of.register`; voxel solids are registered here, meshes in
`xray.surface_projection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.solids import Solid
from atlasplane.core.errors import MissingExtra
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.occupied import occupied_voxels

try:
    from atlasplane.xray.joseph import line_integrals
    from atlasplane.xray.threads import shared_out
except ImportError as missing:
    raise MissingExtra("ct", "rendering radiographs") from missing

Film32 = NDArray[np.float32]

SAMPLES_PER_VOXEL = 2.5
"""The image of a voxel is sampled at least this often across when pixels are left out."""
_VALUES_PER_RAY = 30
"""A ray costs about as much as so many values of a plain picture."""
_NEAREST_MM = 1.0
"""A body that comes nearer to the plane of the source than this has no bounding rectangle on the film."""


@dataclass(frozen=True, slots=True)
class Window:
    """Pixels first + stride * k, k = 0 .. count - 1, that a body is worked out on.

    Attributes
    ----------
    first : (column, row)
        Pixel of the film.
    count : (columns, rows)
    stride : int
        Pixels of the film from sample to sample.
    """

    first: tuple[int, int]
    count: tuple[int, int]
    stride: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of an image on the window."""
        return self.count[1], self.count[0]

    def corners_mm(self, camera: PinholeCamera) -> Array:
        """Sample (0, 0) and its neighbours in the next column and the next row on the detector, (3, 3)."""
        steps = np.array([[0, 0], [1, 0], [0, 1]])
        return camera.detector_points_mm(np.array(self.first, dtype=float) + self.stride * steps)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Projection:
    """Image of a body on a window.

    Attributes
    ----------
    image : array of float32, shape (rows, columns)
        Line integral, dimensionless: -ln of the transmitted share of a monochromatic beam.
    by_pose : array of float32, shape (6, rows, columns), or None
        Derivative of `image` by a change xi = (w, d) of the pose, rad and mm (`geometry.se3`).
    by_camera : array of float32, shape (4, rows, columns), or None
        Derivative by the camera as in `geometry.bundle_problem.CameraSd`: the source's distance along the
        stated central ray (per mm), its shift along column and row axis (per mm), relative pitch (per 1).
        The detector stands still.
    """

    image: Film32
    by_pose: Film32 | None = None
    by_camera: Film32 | None = None


@singledispatch
def reach_mm(body: object) -> tuple[Array, float] | None:
    """Corners of a box round a body, (8, 3), own frame, and its finest detail, mm; None if empty."""
    raise TypeError(f"{type(body).__name__} is no body that can be projected")


@singledispatch
def image_of(
    body: object,
    pose: RigidTransform,
    camera: PinholeCamera,
    window: Window,
    derivative: bool,
    pixels: NDArray[np.bool_] | None,
) -> Projection:
    """What `project` returns, for one kind of body."""
    raise TypeError(f"{type(body).__name__} is no body that can be projected")


def window_of(
    body: object,
    pose: RigidTransform,
    camera: PinholeCamera,
    shape_px: tuple[int, int],
    *,
    stride: int | None = None,
    margin_px: int = 0,
) -> Window | None:
    """Pixels of the film that a body can reach.

    Parameters
    ----------
    body : Solid or SurfaceBody
    pose : RigidTransform
        Frame of the body -> frame of the camera.
    camera : PinholeCamera
    shape_px : (rows, columns)
        Of the film.
    stride : int, optional
        Pixels from sample to sample; default as many as the body's finest detail allows, `SAMPLES_PER_VOXEL`
        samples to a voxel. Beyond 1, one sample follows the last pixel, maybe off the film, so that samples
        in between can be interpolated.
    margin_px : int
        Border added on all sides, as far as the film goes.

    Returns
    -------
    Window or None
        None when the body is empty, behind the source or beside the film.
    """
    reach = reach_mm(body)
    if reach is None:
        return None
    corners = pose.apply(reach[0])
    rays, normal = corners - camera.source_mm, camera.normal
    depth = rays @ normal
    size = np.array([shape_px[1], shape_px[0]])
    if depth.max() <= 0:
        return None
    to_detector = camera.centre_mm - camera.source_mm
    distance = to_detector @ normal
    if depth.min() <= _NEAREST_MM:
        # The body reaches round the source: no bounding rectangle, every pixel may see it.
        return _between(np.zeros(2, dtype=int), size, stride or 1)
    if stride is None:
        detail_px = reach[1] * (distance / depth.max()) / camera.pitch_mm.max()
        stride = max(1, int(detail_px / SAMPLES_PER_VOXEL))
    on_detector = rays * (distance / depth)[:, None] - to_detector
    axes = np.stack([camera.column_axis, camera.row_axis], axis=1)
    pixels = on_detector @ axes / camera.pitch_mm + camera.principal_px
    first = np.clip(np.floor(pixels.min(axis=0)).astype(int) - margin_px, 0, size)
    last = np.clip(np.ceil(pixels.max(axis=0)).astype(int) + 1 + margin_px, 0, size)
    return _between(first, last, stride) if np.all(last > first) else None


def _between(first: NDArray[np.int_], last: NDArray[np.int_], stride: int) -> Window:
    # One sample beyond the last pixel, so that interpolation never has to reach outside.
    count = (last - first - 2) // stride + 2
    return Window((int(first[0]), int(first[1])), (int(count[0]), int(count[1])), stride)


def project(
    body: object,
    pose: RigidTransform,
    camera: PinholeCamera,
    window: Window,
    *,
    derivative: bool = False,
    pixels: NDArray[np.bool_] | None = None,
) -> Projection:
    """Line integrals of a body's attenuation from the source to samples of the film.

    Parameters
    ----------
    body : Solid or SurfaceBody
        A solid is made ready for rays at its first projection and its values must not be changed in place
        afterwards (`xray.occupied`).
    pose : RigidTransform
        Frame of the body -> frame of the camera.
    camera : PinholeCamera
    window : Window
        Any, not only the one of `window_of`.
    derivative : bool
        Whether `by_pose` and `by_camera` are wanted. Source and detector have to lie outside of the body.
    pixels : array of bool, shape (rows, columns) of the window, optional
        Samples that are wanted; the others are 0.

    Returns
    -------
    Projection
    """
    return image_of(body, pose, camera, window, derivative, pixels)


@reach_mm.register
def _(body: Solid) -> tuple[Array, float] | None:
    ready = occupied_voxels(body)
    return None if ready is None else (ready.corners_mm(body), float(body.spacing_mm.min()))


@image_of.register
def _(
    body: Solid,
    pose: RigidTransform,
    camera: PinholeCamera,
    window: Window,
    derivative: bool,
    pixels: NDArray[np.bool_] | None,
) -> Projection:
    image = np.zeros(window.shape, dtype=np.float32)
    by = np.zeros((10, *window.shape) if derivative else (0, 0, 0), dtype=np.float32)
    ready = occupied_voxels(body)
    if ready is not None:
        seen = np.vstack([camera.source_mm, window.corners_mm(camera)])
        index = (pose.inverse().apply(seen) - body.origin_mm) / body.spacing_mm - ready.first
        away = (camera.source_mm - camera.centre_mm) / camera.sid_mm
        geometry = (
            _rays(index, index[0]),
            _rays(seen, camera.source_mm - pose.translation_mm),
            np.ascontiguousarray(pose.rotation / body.spacing_mm),
            np.array([away, camera.column_axis, camera.row_axis, camera.centre_mm - camera.source_mm]),
        )
        wanted = np.zeros((0, 0), dtype=np.bool_) if pixels is None else np.array(pixels, dtype=np.bool_)
        voxels, filled = (ready.values, ready.bricks), (image, by)
        shared_out(
            lambda k, n: line_integrals(voxels, geometry, wanted, filled, (k, n)),
            work=_VALUES_PER_RAY * image.size,
        )
    if not derivative:
        return Projection(image=image)
    return Projection(image=image, by_pose=by[:6], by_camera=by[6:])


def _rays(points: Array, start: Array) -> Array:
    """`start`, ray from point 0 to point 1, and its changes per column and per row, shape (4, 3)."""
    source, corner, right, below = points
    return np.array([start, corner - source, right - corner, below - corner])
