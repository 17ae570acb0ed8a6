r"""Line integrals of bodies bounded by closed triangle meshes, exact, with derivatives in closed form.

A ray from the source S through a point Q of the film, X(t) = S + t (Q - S), passes the plane of a face with
outward normal n and corner a at t = n.(a - S) / n.(Q - S). It enters a closed body by as many faces as it
leaves, so the length within the body is

    |Q - S| (sum over faces that it leaves by of t  -  sum over faces that it enters by of t),

in whatever order the faces come. With g = n / n.(a - S), so that 1 / t = g.(Q - S), a shift d and a turn w of
the body change t by t g.(d + w x (X - p)), where p is the point that the turn keeps: every hit point moves
along the ray until it is on its plane again. Sums of t, t g and t^2 g therefore hold all derivatives, by pose
and by camera.

Which faces a ray meets changes with the pose too, but this adds nothing: where a ray goes over from one face
to its neighbour both are met at the same t, and so are, on the body's outline, the last face entered and the
last one left. The length is continuous, and its derivative is the sum over faces except on the edges' images,
which have no area. Faces parallel to their ray are left out: they
have no image.

A bone is a set of shells: the outer surface with the attenuation of its cortex, and within it the surface of
the sponge with what the sponge adds to that (a negative number).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.projection import Projection, Window, image_of, reach_mm
from atlasplane.xray.surface_raster import MOST_SAMPLES, cast_faces, face_planes
from atlasplane.xray.threads import shared_out

_NEAREST_MM = 1.0


class OpenSurface(ValueError):
    """A mesh encloses no space: an edge has a face on one side only, or its faces turn different ways."""


class InsideOut(ValueError):
    """The faces of a mesh turn inwards: it encloses a negative volume."""


class TooNearSource(ValueError):
    """A body reaches to the source, or so near to it that its image runs over."""


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceBody:
    """A closed surface filled evenly.

    Attributes
    ----------
    mesh : TriangleMesh
        In the frame of the bone; faces counter-clockwise seen from outside, vertices common to neighbours.
    attenuation_per_mm : float
        What is inside adds to what surrounds it; negative within a denser body.

    Raises
    ------
    OpenSurface, InsideOut
    ValueError
        When the attenuation is not finite.
    """

    mesh: TriangleMesh
    attenuation_per_mm: float

    def __post_init__(self) -> None:
        if not np.isfinite(self.attenuation_per_mm):
            raise ValueError(f"the attenuation of a body is finite, got {self.attenuation_per_mm}")
        if not len(self.mesh.faces):
            raise OpenSurface("the mesh has no faces")
        if open_edges := _open_edges(self.mesh):
            raise OpenSurface(
                f"the mesh is not closed: {open_edges} edges have no face on one of their sides"
            )
        if self.mesh.volume_mm3 <= 0:
            raise InsideOut(f"the mesh is inside out: its volume is {self.mesh.volume_mm3:.3g} mm3")


def _open_edges(mesh: TriangleMesh) -> int:
    """Directed edges that no face runs along the other way round."""
    faces = mesh.faces.astype(np.int64)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    size = len(mesh.vertices_mm)
    there, back = np.sort(start * size + end), np.sort(end * size + start)
    if np.array_equal(there, back):
        return 0
    edges, net = np.unique(np.concatenate([there, back]), return_inverse=True)
    weight = np.concatenate([np.ones(there.size), -np.ones(back.size)])
    return int(np.count_nonzero(np.bincount(net, weights=weight, minlength=edges.size) > 0))


@reach_mm.register
def _(body: SurfaceBody) -> tuple[Array, float] | None:
    return _reach((body,))


@reach_mm.register(tuple)
def _(body: tuple[SurfaceBody, ...]) -> tuple[Array, float] | None:
    return _reach(body) if body else None


def _reach(bodies: Sequence[SurfaceBody]) -> tuple[Array, float]:
    points = np.concatenate([body.mesh.vertices_mm for body in bodies])
    ends = np.array([points.min(axis=0), points.max(axis=0)])
    index = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    # The finest that a mesh tells is about the edge of its faces: the root of twice their mean area.
    first, second, third = np.moveaxis(bodies[0].mesh.vertices_mm[bodies[0].mesh.faces], 1, 0)
    area = 0.5 * np.linalg.norm(np.cross(second - first, third - first), axis=1)
    return ends[index, np.arange(3)], float(np.sqrt(2 * area.mean()))


@image_of.register
def _(
    body: SurfaceBody,
    pose: RigidTransform,
    camera: PinholeCamera,
    window: Window,
    derivative: bool,
    pixels: NDArray[np.bool_] | None,
) -> Projection:
    return _shells_image((body,), pose, camera, window, derivative, pixels)


@image_of.register(tuple)
def _shells_image(
    body: tuple[SurfaceBody, ...],
    pose: RigidTransform,
    camera: PinholeCamera,
    window: Window,
    derivative: bool,
    pixels: NDArray[np.bool_] | None,
) -> Projection:
    """Image of shells that move as one, all in one frame."""
    image = np.zeros(window.shape, dtype=np.float32)
    by = np.zeros((10, *window.shape) if derivative else (0, 0, 0), dtype=np.float32)
    if body:
        source = camera.source_mm
        seen = window.corners_mm(camera) - source
        rays = np.array([seen[0], seen[1] - seen[0], seen[2] - seen[0]])
        wanted = np.zeros((0, 0), dtype=np.bool_) if pixels is None else np.ascontiguousarray(pixels)
        away = (source - camera.centre_mm) / camera.sid_mm
        moves = [away, camera.column_axis, camera.row_axis, camera.centre_mm - source]
        frame = np.array([*rays, source - pose.translation_mm, *moves])
        faces = _faces(body, pose, source, rays)
        shared_out(lambda k, n: cast_faces(*faces, frame, wanted, image, by, (k, n)))
    if not derivative:
        return Projection(image=image)
    return Projection(image=image, by_pose=by[:6], by_camera=by[6:])


def _faces(
    bodies: tuple[SurfaceBody, ...], pose: RigidTransform, source: Array, rays: Array
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Rounded corners, lines and planes of all faces, as `surface_raster.cast_faces` takes them."""
    sizes = np.cumsum([0] + [len(body.mesh.vertices_mm) for body in bodies])
    faces = np.concatenate([body.mesh.faces + size for body, size in zip(bodies, sizes[:-1], strict=True)])
    points = pose.apply(np.concatenate([body.mesh.vertices_mm for body in bodies])) - source
    # In units of the three rays a vertex is t (1, column, row).
    in_rays = points @ np.linalg.inv(rays)
    along = in_rays[:, 0]
    normal = np.cross(rays[1], rays[2])
    handed = np.sign(rays[0] @ normal)
    if np.min(points @ normal) * handed < _NEAREST_MM * np.linalg.norm(normal):
        raise TooNearSource("a surface to be projected reaches to the source of the rays or behind it")
    grid = in_rays[:, 1:] / along[:, None]
    if np.abs(grid).max() > MOST_SAMPLES:
        raise TooNearSource(f"the image of a surface is more than {MOST_SAMPLES} samples wide")
    corners = np.empty((len(faces), 3, 2), dtype=np.int64)
    lines, planes = np.empty((len(faces), 2), dtype=np.int64), np.empty((len(faces), 7))
    face_planes(points, faces, grid, along, corners, lines, planes)
    counts = [len(body.mesh.faces) for body in bodies]
    planes[:, 6] = handed * np.repeat([body.attenuation_per_mm for body in bodies], counts)
    return corners, lines, planes
