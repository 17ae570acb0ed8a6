"""Line integrals through meshes: against convex bodies met plane by plane, spheres, volumes, differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.se3 import perturbed, rotation_from_vector
from atlasplane.geometry.transform import RigidTransform
from atlasplane.xray.projection import Window, project, window_of
from atlasplane.xray.surface_projection import InsideOut, OpenSurface, SurfaceBody, TooNearSource
from atlasplane.xray.surface_shells import inward, shells_of

ROUNDING = 3e-5
"""Line integrals of some 50 mm in single precision (4e-6), and vertices rounded to 1 / 16384 of a sample."""


def box(size_mm) -> TriangleMesh:
    index = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return TriangleMesh((index - 0.5) * np.array(size_mm, dtype=float), np.array(faces, dtype=np.int64))


def tetrahedron(edge_mm: float) -> TriangleMesh:
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * edge_mm / np.sqrt(8)
    return TriangleMesh(corners, np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], dtype=np.int64))


def ball(radius_mm: float, halvings: int) -> TriangleMesh:
    """An octahedron, its faces quartered and its vertices put on the sphere."""
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=float)
    upper = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4)]
    faces = np.array(upper + [(b, a, 5) for a, b, _ in upper], dtype=np.int64)
    for _ in range(halvings):
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        single, which = np.unique(edges, axis=0, return_inverse=True)
        middle = points[single].sum(axis=1)
        a, b, c = faces.T
        ab, bc, ca = len(points) + which.ravel().reshape(3, -1)
        points = np.vstack([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        faces = np.concatenate(
            [np.stack(f, axis=1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
        )
    return TriangleMesh(points * radius_mm, faces)


def planes(mesh: TriangleMesh):
    first, second, third = np.moveaxis(mesh.vertices_mm[mesh.faces], 1, 0)
    normal = np.cross(second - first, third - first)
    return first, normal / np.linalg.norm(normal, axis=1, keepdims=True)


def chords_mm(mesh: TriangleMesh, camera: PinholeCamera, window: Window) -> np.ndarray:
    """Of a convex body in the frame of the camera: the last plane entered to the first plane left."""
    corners, normals = planes(mesh)
    ray = rays(camera, window)
    speed = ray @ normals.T
    distance = np.einsum("ij,ij->i", corners - camera.source_mm, normals)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = distance / speed
    enter = np.where(speed < 0, at, -np.inf).max(axis=-1)
    leave = np.where(speed > 0, at, np.inf).min(axis=-1)
    return np.maximum(leave - enter, 0) * np.linalg.norm(ray, axis=-1)


def rays(camera: PinholeCamera, window: Window) -> np.ndarray:
    row, column = np.mgrid[: window.count[1], : window.count[0]]
    pixels = np.stack([column, row], axis=-1) * window.stride + np.array(window.first)
    return camera.detector_points_mm(pixels) - camera.source_mm


CAMERA = PinholeCamera(
    source_mm=np.array([40.0, -60.0, -1000.0]),
    centre_mm=np.array([5.0, 0.0, 200.0]),
    column_axis=np.array([1.0, 0.0, 0.0]),
    row_axis=np.array([0.0, 1.0, 0.0]),
    pitch_mm=np.array([0.7, 0.6]),
    principal_px=np.array([40.0, 45.0]),
)
POSE = RigidTransform(rotation_from_vector(np.array([0.4, -0.7, 0.3])), np.array([4.0, -3.0, 10.0]))
WHOLE = Window((0, 0), (90, 95), 1)


@pytest.mark.parametrize(
    "mesh", [box((30, 20, 12)), tetrahedron(35), ball(16, 3)], ids=["box", "tetra", "ball"]
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_convex_bodies_are_met_plane_by_plane(mesh, mirrored):
    camera = replace(CAMERA, column_axis=-CAMERA.column_axis) if mirrored else CAMERA
    window = Window((3, 5), (40, 44), 2)
    got = project(SurfaceBody(mesh, 2.0), POSE, camera, window).image
    expected = 2 * chords_mm(mesh.moved(POSE), camera, window)
    assert np.count_nonzero(expected) > 150
    assert np.max(np.abs(got - expected)) < 2 * ROUNDING


def test_a_face_in_line_with_the_beam_has_no_image():
    # Two sides of the box lie in planes through the source; no ray runs within them.
    camera = replace(CAMERA, source_mm=np.array([5.0, 0.0, -1000.0]), principal_px=np.array([40.5, 45.5]))
    pose = RigidTransform(np.eye(3), np.array([0.0, -4.0, 100.0]))
    got = project(SurfaceBody(box((10, 8, 20)), 1.0), pose, camera, WHOLE, derivative=True)
    expected = chords_mm(box((10, 8, 20)).moved(pose), camera, WHOLE)
    assert np.max(np.abs(got.image - expected)) < ROUNDING
    assert np.count_nonzero(expected > 20) > 100
    assert np.all(np.isfinite(got.by_pose)) and np.all(np.isfinite(got.by_camera))


def test_a_sphere_lies_between_the_spheres_in_and_round_its_mesh():
    mesh, radius = ball(16, 4), 16.0
    corners, normals = planes(mesh)
    inner = float(np.einsum("ij,ij->i", corners, normals).min())
    got = project(SurfaceBody(mesh, 1.0), POSE, CAMERA, WHOLE).image
    ray = rays(CAMERA, WHOLE)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    to_centre = POSE.translation_mm - CAMERA.source_mm
    beside = to_centre @ to_centre - (ray @ to_centre) ** 2
    low, high = (2 * np.sqrt(np.maximum(r * r - beside, 0)) for r in (inner, radius))
    assert np.all(got >= low - ROUNDING) and np.all(got <= high + ROUNDING)
    # Acute faces have circles round them of at most their longest edge over the root of 3; their planes lie
    # that far in, and no further.
    edge = np.linalg.norm(np.diff(mesh.vertices_mm[mesh.faces][:, [0, 1, 2, 0]], axis=1), axis=-1).max()
    assert inner >= np.sqrt(radius**2 - edge**2 / 3) > radius - 0.1


def test_the_integral_of_the_thickness_is_the_volume():
    far, mesh = 1e5, ball(16, 3)
    camera = replace(CAMERA, source_mm=np.array([0.0, 0.0, -far]), centre_mm=np.array([0.0, 0.0, 0.0]))
    got = project(SurfaceBody(mesh, 1.0), RigidTransform.identity(), camera, WHOLE).image
    # Sampling the rim's root errs by about (pitch / radius)^1.5 = 1 % of it, less by averaging over the rim.
    area = float(np.prod(camera.pitch_mm))
    assert got.sum() * area == pytest.approx(mesh.volume_mm3, rel=2e-3)


def test_only_the_pose_in_the_frame_of_the_camera_counts():
    body = SurfaceBody(tetrahedron(35), 1.0)
    move = RigidTransform(rotation_from_vector(np.array([1.0, 0.2, -0.5])), np.array([30.0, 10.0, -70.0]))
    camera = replace(
        CAMERA,
        source_mm=move.apply(CAMERA.source_mm),
        centre_mm=move.apply(CAMERA.centre_mm),
        column_axis=move.rotation @ CAMERA.column_axis,
        row_axis=move.rotation @ CAMERA.row_axis,
    )
    there = project(body, move @ POSE, camera, WHOLE).image
    assert np.max(np.abs(there - project(body, POSE, CAMERA, WHOLE).image)) < ROUNDING


def test_shells_add_up_and_equal_ones_cancel():
    outer, inner = SurfaceBody(ball(16, 2), 1.5), SurfaceBody(ball(9, 2), -1.0)
    both = project((outer, inner), POSE, CAMERA, WHOLE, derivative=True)
    parts = [project(body, POSE, CAMERA, WHOLE, derivative=True) for body in (outer, inner)]
    assert np.max(np.abs(both.image - parts[0].image - parts[1].image)) < 2 * ROUNDING
    assert np.allclose(both.by_pose, parts[0].by_pose + parts[1].by_pose, rtol=1e-5, atol=1e-4)
    none = project((outer, replace(outer, attenuation_per_mm=-1.5)), POSE, CAMERA, WHOLE)
    assert np.max(np.abs(none.image)) < ROUNDING
    assert not project((), POSE, CAMERA, WHOLE, derivative=True).by_pose.any()


CHANGES = [*(("pose", k) for k in range(6)), *(("camera", k) for k in range(4))]


@pytest.mark.parametrize(("of", "which"), CHANGES)
def test_derivatives_are_those_of_the_image_and_edges_add_nothing(of, which):
    body, window = SurfaceBody(tetrahedron(35), 1.0), Window((0, 0), (450, 475), 1)
    camera = replace(CAMERA, pitch_mm=CAMERA.pitch_mm / 5, principal_px=CAMERA.principal_px * 5)
    step = {"pose": [1e-4] * 3 + [1e-2] * 3, "camera": [1e-1, 1e-1, 1e-1, 1e-4]}[of][which]

    def image(size):
        if of == "pose":
            change = np.eye(6)[which] * size
            return project(body, perturbed(POSE, change), camera, window).image.astype(float)
        away = (camera.source_mm - camera.centre_mm) / camera.sid_mm
        moves = [away, camera.column_axis, camera.row_axis, np.zeros(3)]
        moved = replace(
            camera,
            source_mm=camera.source_mm + size * moves[which],
            pitch_mm=camera.pitch_mm * (1 + size * (which == 3)),
        )
        return project(body, POSE, moved, window).image.astype(float)

    made = project(body, POSE, camera, window, derivative=True)
    stated = (made.by_pose if of == "pose" else made.by_camera)[which].astype(float)
    measured = (image(step) - image(-step)) / (2 * step)
    size = float(np.sqrt(np.mean(stated**2)))
    # Rounding of both images, a ray to either side of an edge, and the second order of the step.
    assert np.median(np.abs(measured - stated)[stated != 0]) < 4e-6 / step + 2e-3 * size
    # Over the whole picture edges would add their length times a jump, were there one.
    assert abs(measured.sum() - stated.sum()) < 3e-3 * np.abs(stated).sum()


def test_only_the_wanted_samples_are_worked_out():
    body, wanted = SurfaceBody(ball(16, 2), 1.0), np.zeros(WHOLE.shape, dtype=bool)
    wanted[20:60:3, 30] = True
    full = project(body, POSE, CAMERA, WHOLE, derivative=True)
    some = project(body, POSE, CAMERA, WHOLE, derivative=True, pixels=wanted)
    assert np.array_equal(some.image, np.where(wanted, full.image, 0))
    assert np.array_equal(some.by_camera, np.where(wanted, full.by_camera, 0))
    assert some.image.any()


def test_the_window_of_a_mesh_holds_all_of_its_image():
    body = SurfaceBody(tetrahedron(35), 1.0)
    window = window_of(body, POSE, CAMERA, WHOLE.shape, stride=1)
    whole = project(body, POSE, CAMERA, WHOLE).image
    (column, row), (columns, rows) = window.first, window.count
    inside = project(body, POSE, CAMERA, window).image
    assert inside.astype(float).sum() == pytest.approx(whole.astype(float).sum(), rel=1e-6)
    assert np.max(np.abs(inside - whole[row : row + rows, column : column + columns])) < ROUNDING
    assert window_of((body,), POSE, CAMERA, WHOLE.shape, stride=1) == window
    assert window_of((), POSE, CAMERA, WHOLE.shape) is None
    assert not project(body, POSE, CAMERA, Window((4000, 0), (20, 20), 1)).image.any()


def test_meshes_that_enclose_nothing_are_named():
    mesh = box((30, 20, 12))
    with pytest.raises(OpenSurface, match="3 edges"):
        SurfaceBody(TriangleMesh(mesh.vertices_mm, mesh.faces[1:]), 1.0)
    turned = mesh.faces.copy()
    turned[0] = turned[0, ::-1]
    with pytest.raises(OpenSurface):
        SurfaceBody(TriangleMesh(mesh.vertices_mm, turned), 1.0)
    with pytest.raises(InsideOut, match="inside out"):
        SurfaceBody(TriangleMesh(mesh.vertices_mm, mesh.faces[:, ::-1].copy()), 1.0)
    with pytest.raises(OpenSurface, match="no faces"):
        SurfaceBody(TriangleMesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)), 1.0)
    with pytest.raises(ValueError, match="finite"):
        SurfaceBody(mesh, float("nan"))


def test_a_body_at_the_source_is_refused():
    body = SurfaceBody(ball(16, 1), 1.0)
    with pytest.raises(TooNearSource, match="reaches to the source"):
        project(body, RigidTransform(np.eye(3), CAMERA.source_mm + np.array([0, 0, 5.0])), CAMERA, WHOLE)
    near = RigidTransform(np.eye(3), CAMERA.source_mm + np.array([0, 0, 17.1]))
    with pytest.raises(TooNearSource, match="samples wide"):
        project(body, near, replace(CAMERA, pitch_mm=np.full(2, 0.01)), WHOLE)


def test_shells_take_their_attenuation_from_the_voxels():
    spacing, radius, cortex = 0.5, 9.0, 1.5
    axis = np.arange(-21, 22) * spacing
    distance = np.sqrt(sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij")))
    share = [np.clip((r - distance) / spacing + 0.5, 0, 1) for r in (radius, radius - cortex)]
    solid = Solid(
        attenuation_per_mm=(0.04 * share[0] - 0.03 * share[1]).astype(np.float32),
        origin_mm=np.full(3, axis[0]),
        spacing_mm=np.full(3, spacing),
    )
    outer, inner = shells_of(solid, ball(radius, 5), cortical_mm=cortex)
    assert np.linalg.norm(inner.mesh.vertices_mm, axis=1) == pytest.approx(radius - cortex, abs=0.01)
    # Voxels of 0.5 mm blur a cortex of 1.5 mm: the two numbers can make up for each other in part.
    assert outer.attenuation_per_mm == pytest.approx(0.04, rel=0.03)
    assert inner.attenuation_per_mm == pytest.approx(-0.03, rel=0.06)
    with pytest.raises(ValueError, match="positive"):
        shells_of(solid, ball(radius, 1), cortical_mm=0.0)


def test_a_plate_thinner_than_two_cortices_keeps_a_sponge():
    plate = ball(1.0, 4)
    plate = TriangleMesh(plate.vertices_mm * np.array([12.0, 12.0, 1.0]), plate.faces)
    within = inward(plate, 1.5)
    assert 0 < within.volume_mm3 < plate.volume_mm3
    # In the middle a fifth of 2 mm is left, and a little more since thinner places near by count too.
    middle = np.hypot(*plate.vertices_mm[:, :2].T) < 3
    left = within.vertices_mm[middle, 2] * np.sign(plate.vertices_mm[middle, 2])
    assert np.all((left > 0.19) & (left < 0.3))
