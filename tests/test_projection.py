"""Line integrals of voxel solids and their derivatives: closed forms, finite differences, invariances."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.se3 import perturbed
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

pytest.importorskip("numba")

from atlasplane.xray import occupied, threads
from atlasplane.xray.projection import Projection, Window, project, reach_mm, window_of

MU = 0.02
HERE = RigidTransform.identity()
SIZE = (60, 66)
TURNS = ((0.0, 0.0, 0.0), (12.0, -20.0, 9.0), (50.0, 30.0, -70.0))


def camera(pitch_mm: float = 1.0, size: tuple[int, int] = SIZE) -> PinholeCamera:
    """Source at x = 800 and slightly above, detector at x = -200, oblique central ray."""
    return PinholeCamera(
        source_mm=np.array([800.0, 30.0, -12.0]),
        centre_mm=np.array([-200.0, 4.0, 3.0]),
        column_axis=np.array([0.0, 0.0, -1.0]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.full(2, pitch_mm),
        principal_px=0.5 * (np.array(size[::-1]) - 1.0),
    )


def moved_camera(view: PinholeCamera, off: Array) -> PinholeCamera:
    """Changed by source distance, shifts along column and row axis (mm) and relative pitch."""
    away = (view.source_mm - view.centre_mm) / view.sid_mm
    shift = off[0] * away + off[1] * view.column_axis + off[2] * view.row_axis
    return replace(view, source_mm=view.source_mm + shift, pitch_mm=view.pitch_mm * (1 + off[3]))


def block(values: NDArray[np.floating], spacing_mm: Array | float = 1.0) -> Solid:
    """Voxels centred on the origin."""
    spacing = np.broadcast_to(np.asarray(spacing_mm, dtype=float), (3,)).copy()
    return Solid(
        attenuation_per_mm=np.ascontiguousarray(values, dtype=np.float32),
        origin_mm=-0.5 * (np.array(values.shape) - 1) * spacing,
        spacing_mm=spacing,
    )


def hill(width_mm: float = 6.0, spacing: tuple[float, float, float] = (1.0, 0.8, 0.9)) -> Solid:
    """A Gaussian cut off at 4 widths, off the centre of its block: smooth for its voxels."""
    count = [int(8.6 * width_mm / step) for step in spacing]
    axes = [(np.arange(n) - 0.5 * (n - 1)) * step for n, step in zip(count, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return block(MU * np.exp(-0.5 * (x**2 + y**2 + z**2) / width_mm**2), np.array(spacing))


def whole(size: tuple[int, int] = SIZE) -> Window:
    return Window((0, 0), (size[1], size[0]), 1)


def rays(view: PinholeCamera, size: tuple[int, int] = SIZE) -> tuple[Array, Array]:
    """Unit directions and lengths of all rays, shapes (rows, columns, 3) and (rows, columns)."""
    row, column = np.mgrid[: size[0], : size[1]]
    way = view.detector_points_mm(np.stack([column, row], axis=-1).astype(float)) - view.source_mm
    length = np.linalg.norm(way, axis=-1)
    return way / length[..., None], length


def gaussian_integral(view: PinholeCamera, at_mm: Array, width_mm: float) -> Array:
    """Line integrals of a Gaussian hill in closed form, shape SIZE."""
    along, _ = rays(view)
    to = at_mm - view.source_mm
    miss2 = to @ to - (along @ to) ** 2
    image: Array = MU * width_mm * np.sqrt(2 * np.pi) * np.exp(-0.5 * miss2 / width_mm**2)
    return image


@pytest.fixture(scope="module")
def pebble() -> Solid:
    """Uneven voxels whose rim is not zero, with a hole and an empty corner."""
    values = np.random.default_rng(3).uniform(0.5, 1.0, (17, 22, 19)) * MU
    values[6:11, 5:12, 7:13] = 0.0
    values[:8, :9, 10:] = 0.0
    return block(values, np.array([1.1, 0.9, 1.3]))


@pytest.mark.parametrize("turn", TURNS)
def test_image_of_a_gaussian_hill_is_the_closed_form(turn: tuple[float, float, float]) -> None:
    width, at = 6.0, np.array([20.0, -3.0, 4.0])
    image = project(hill(width), RigidTransform(rotation_from_zxy(*turn), at), camera(), whole()).image
    # Cut at 4.3 widths; linear interpolation widens the hill: its variance grows by h^2 / 6 along each axis,
    # which lowers the integral by a share of at most h^2 / 6 / width^2 for the two axes across the ray.
    lowest = 1.0**2 / 6 / width**2
    assert np.abs(image - gaussian_integral(camera(), at, width)).max() < 1.05 * lowest * image.max()


@pytest.mark.parametrize("turn", TURNS)
def test_derivatives_of_a_gaussian_hill_are_the_closed_form(turn: tuple[float, float, float]) -> None:
    width, at, view = 6.0, np.array([20.0, -3.0, 4.0]), camera()
    pose = RigidTransform(rotation_from_zxy(*turn), at)
    seen = project(hill(width), pose, view, whole(), derivative=True)
    assert seen.by_pose is not None and seen.by_camera is not None
    # A turn about its own centre does not change a hill of equal widths.
    step = np.array([1.0, 1.0, 1.0, 1e-4])
    expected = [np.zeros(SIZE)] * 3
    for k in range(3):
        d = np.eye(3)[k]
        expected.append(gaussian_integral(view, at + d, width) - gaussian_integral(view, at - d, width))
    expected = [e / 2 for e in expected]
    for k in range(4):
        off = step * np.eye(4)[k]
        one, other = (gaussian_integral(moved_camera(view, s * off), at, width) for s in (1, -1))
        expected.append((one - other) / (2 * step[k]))
    for got, wanted, unit in zip(
        [*seen.by_pose, *seen.by_camera],
        expected,
        [width] * 3 + [1.0] * 3 + [1.0] * 3 + [1000.0],
        strict=True,
    ):
        # The gradient between two voxels is a constant: it errs by half a voxel times the curvature, which is
        # at most height / width^2. Along the axes all samples err alike; turned, they average out. Central
        # differences over 1 mm err by 1 / 6 / width^2 of the slope.
        share = 0.025 if any(turn) else 0.5 * 1.0 / width
        assert np.abs(got - wanted).max() < share * unit * seen.image.max() / width


def difference(solid: Solid, pose: RigidTransform, view: PinholeCamera, k: int) -> Array:
    """Central difference of the image by unknown k of pose (0 - 5) and camera (6 - 9)."""
    step = np.array([2e-4] * 3 + [0.01] * 3 + [0.05] * 3 + [2e-4])[k]
    images = []
    for sign in (1, -1):
        off = sign * step * np.eye(10)[k]
        seen = project(solid, perturbed(pose, off[:6]), moved_camera(view, off[6:]), whole())
        images.append(seen.image.astype(float))
    change: Array = (images[0] - images[1]) / (2 * step)
    return change


@pytest.mark.parametrize("turn", TURNS)
def test_derivatives_are_those_of_the_image(pebble: Solid, turn: tuple[float, float, float]) -> None:
    view = camera()
    pose = RigidTransform(rotation_from_zxy(*turn), np.array([15.0, -2.0, 3.0]))
    seen = project(pebble, pose, view, whole(), derivative=True)
    assert seen.by_pose is not None and seen.by_camera is not None
    for k, got in enumerate([*seen.by_pose, *seen.by_camera]):
        off = got - difference(pebble, pose, view, k)
        size = np.sqrt(np.mean(got.astype(float) ** 2))
        # Where a sample crosses a voxel's face within the step (0.01 mm of 1 mm and some 15 samples a ray)
        # the derivative jumps by one sample's share: in one pixel of three by 1/15 of twice itself.
        assert np.median(np.abs(off[seen.image > 0])) < 0.003 * size
        assert np.sqrt(np.mean(off**2)) < np.sqrt(1 / 3) * 2 / 15 * size


def test_turn_is_about_the_origin_of_the_solid(pebble: Solid) -> None:
    """The same solid with another origin: its turn is its old turn and a shift (`geometry.se3`)."""
    pose = RigidTransform(rotation_from_zxy(*TURNS[1]), np.array([15.0, -2.0, 3.0]))
    arm = np.array([7.0, -5.0, 11.0])
    other = replace(pebble, origin_mm=pebble.origin_mm - arm)
    there = RigidTransform(pose.rotation, pose.apply(arm))
    here = project(pebble, pose, camera(), whole(), derivative=True).by_pose
    same = project(other, there, camera(), whole(), derivative=True).by_pose
    assert here is not None and same is not None
    # A turn w about the new origin moves the old one by w x (old - new).
    lever = pose.rotation @ -arm
    for k in range(3):
        moved = np.cross(np.eye(3)[k], lever)
        expected = here[k] + np.tensordot(moved, here[3:], axes=1)
        assert same[k] == pytest.approx(expected, abs=1e-3 * float(np.abs(here[k]).max()))


def test_moving_everything_alike_changes_nothing(pebble: Solid) -> None:
    pose = RigidTransform(rotation_from_zxy(*TURNS[1]), np.array([15.0, -2.0, 3.0]))
    room = RigidTransform(rotation_from_zxy(70.0, -40.0, 25.0), np.array([100.0, -300.0, 50.0]))
    view = camera()
    turned = replace(
        view,
        source_mm=room.apply(view.source_mm),
        centre_mm=room.apply(view.centre_mm),
        column_axis=room.rotation @ view.column_axis,
        row_axis=room.rotation @ view.row_axis,
    )
    one = project(pebble, pose, view, whole(), derivative=True)
    other = project(pebble, room @ pose, turned, whole(), derivative=True)
    assert other.image == pytest.approx(one.image, abs=1e-4 * float(one.image.max()))
    assert one.by_camera is not None and other.by_camera is not None
    assert one.by_pose is not None and other.by_pose is not None
    # Rounding may put a sample into the next voxel, where the gradient is another.
    for k in range(4):
        assert np.median(np.abs(other.by_camera[k] - one.by_camera[k])) < 1e-3 * np.ptp(one.by_camera[k])
    back = np.tensordot(room.rotation.T, other.by_pose[3:], axes=1)
    assert np.median(np.abs(back - one.by_pose[3:])) < 1e-3 * np.ptp(one.by_pose[3:])


def test_mirrored_solid_gives_the_mirrored_image() -> None:
    values = np.random.default_rng(5).uniform(0, MU, (14, 16, 13))
    view = replace(camera(), source_mm=np.array([800.0, 30.0, 0.0]), centre_mm=np.array([-200.0, 4.0, 0.0]))
    one = project(block(values), HERE, view, whole(), derivative=True)
    mirror = project(block(values[:, :, ::-1]), HERE, view, whole(), derivative=True)
    assert mirror.image[:, ::-1] == pytest.approx(one.image, abs=1e-5)
    assert one.by_pose is not None and mirror.by_pose is not None
    # A shift along Z and turns about X and Y change sign.
    signs = np.array([-1, -1, 1, 1, 1, -1])[:, None, None]
    off = np.abs(signs * mirror.by_pose[:, :, ::-1] - one.by_pose)
    assert np.median(off) < 1e-4 * np.abs(one.by_pose).max()


def test_attenuations_add() -> None:
    rng = np.random.default_rng(7)
    a, b = (rng.uniform(0, MU, (12, 15, 13)) * (rng.random((12, 15, 13)) < 0.3) for _ in range(2))
    pose = RigidTransform(rotation_from_zxy(*TURNS[2]), np.zeros(3))
    one, other, both = (
        project(block(v), pose, camera(), whole(), derivative=True) for v in (a, b, a.astype(np.float32) + b)
    )
    assert one.image + other.image == pytest.approx(both.image, abs=1e-5)
    assert one.by_pose is not None and other.by_pose is not None and both.by_pose is not None
    assert one.by_pose + other.by_pose == pytest.approx(
        both.by_pose, abs=1e-4 * float(np.abs(both.by_pose).max())
    )


def test_axial_ray_through_a_box_by_hand() -> None:
    """One ray along X: samples at 10 voxels of 1.5 mm, each for the way from slice to slice."""
    values = np.zeros((16, 9, 9))
    values[3:13] = MU
    view = PinholeCamera(
        source_mm=np.array([500.0, 0.0, 0.0]),
        centre_mm=np.array([-500.0, 0.0, 0.0]),
        column_axis=np.array([0.0, 0.0, -1.0]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.ones(2),
        principal_px=np.zeros(2),
    )
    seen = project(block(values, np.array([1.5, 1.0, 1.0])), HERE, view, Window((0, 0), (1, 1), 1))
    assert seen.image[0, 0] == pytest.approx(MU * 15.0, rel=1e-6)
    assert seen.by_pose is None and seen.by_camera is None


def test_edge_of_a_wedge_by_hand() -> None:
    """A slope of attenuation across the rays: a shift against it raises the image by slope times length."""
    slope, height = 0.001, np.arange(21) - 10.0
    values = np.broadcast_to((0.05 + slope * height)[None, :, None], (11, 21, 21))
    view = replace(
        camera(0.5), source_mm=np.array([1e6, 0.0, 0.0]), centre_mm=np.array([800 - 1e6, 0.0, 0.0])
    )
    seen = project(block(values), HERE, view, whole(), derivative=True)
    assert seen.by_pose is not None
    centre = (slice(27, 33), slice(30, 36))
    # 11 voxels of 1 mm; the rays are parallel to 1e-5.
    assert seen.by_pose[4][centre] == pytest.approx(-slope * 11.0, rel=1e-3)
    assert np.abs(seen.by_pose[3][centre]).max() < 1e-4 * slope * 11.0
    assert np.abs(seen.by_pose[5][centre]).max() < 1e-4 * slope * 11.0


def test_window_holds_all_that_is_seen(pebble: Solid) -> None:
    for turn in TURNS:
        pose = RigidTransform(rotation_from_zxy(*turn), np.array([15.0, -2.0, 3.0]))
        window = window_of(pebble, pose, camera(), SIZE)
        assert window is not None and window.stride == 1
        everywhere = project(pebble, pose, camera(), whole()).image
        inside = project(pebble, pose, camera(), window).image
        (column, row), (columns, rows) = window.first, window.count
        cut = everywhere[row : row + rows, column : column + columns]
        assert np.count_nonzero(cut) == np.count_nonzero(everywhere)
        assert inside == pytest.approx(cut, abs=1e-5)


def test_window_with_a_stride_and_a_margin(pebble: Solid) -> None:
    tight = window_of(pebble, HERE, camera(), SIZE)
    wide = window_of(pebble, HERE, camera(), SIZE, stride=2, margin_px=3)
    assert tight is not None and wide is not None
    assert wide.first == (tight.first[0] - 3, tight.first[1] - 3) and wide.stride == 2
    assert all(
        first + 2 * (n - 1) >= tight.first[k] + tight.count[k] - 1 + 3
        for k, (first, n) in enumerate(zip(wide.first, wide.count, strict=True))
    )
    every = project(
        pebble, HERE, camera(), Window(wide.first, (2 * wide.count[0], 2 * wide.count[1]), 1)
    ).image
    assert project(pebble, HERE, camera(), wide).image == pytest.approx(every[::2, ::2], abs=1e-5)
    assert window_of(pebble, HERE, camera(0.1), SIZE).stride > 1  # type: ignore[union-attr]


def test_nothing_is_seen_of_what_is_empty_behind_or_beside(pebble: Solid) -> None:
    behind, beside = (RigidTransform(np.eye(3), np.array(at)) for at in ([900.0, 0, 0], [0, 400.0, 0]))
    assert window_of(pebble, behind, camera(), SIZE) is None
    assert window_of(pebble, beside, camera(), SIZE) is None
    empty = block(np.zeros((4, 5, 6)))
    assert window_of(empty, HERE, camera(), SIZE) is None
    for solid, pose in ((empty, HERE), (pebble, behind), (pebble, beside)):
        seen = project(solid, pose, camera(), whole(), derivative=True)
        assert seen.by_pose is not None and seen.by_camera is not None
        assert not seen.image.any() and not seen.by_pose.any() and not seen.by_camera.any()


def test_only_wanted_pixels_are_worked_out(pebble: Solid) -> None:
    wanted = np.random.default_rng(2).random(SIZE) < 0.3
    wanted.flags.writeable = False
    all_of_them = project(pebble, HERE, camera(), whole(), derivative=True)
    some = project(pebble, HERE, camera(), whole(), derivative=True, pixels=wanted)
    for one, other in zip(parts(some), parts(all_of_them), strict=True):
        assert np.array_equal(one, other * wanted)


def parts(seen: Projection) -> tuple[NDArray[np.float32], ...]:
    assert seen.by_pose is not None and seen.by_camera is not None
    return seen.image, seen.by_pose, seen.by_camera


def test_threads_change_nothing(pebble: Solid, monkeypatch: pytest.MonkeyPatch) -> None:
    images = []
    for count in (1, 3):
        monkeypatch.setattr(threads, "_pool", None)
        monkeypatch.setattr(threads, "thread_count", lambda count=count: count)
        images.append(parts(project(pebble, HERE, camera(), whole(), derivative=True)))
    for one, other in zip(*images, strict=True):
        assert np.array_equal(one, other)


def test_failure_in_a_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_pool", None)
    monkeypatch.setattr(threads, "thread_count", lambda: 2)

    def share(k: int, _n: int) -> None:
        if k == 1:
            raise ValueError("the second share")

    with pytest.raises(ValueError, match="the second share"):
        threads.shared_out(share)


def test_rays_wider_than_a_square_has_room_for() -> None:
    """A film so near and coarse that the rays of neighbouring pixels run along different axes."""
    view = PinholeCamera(
        source_mm=np.array([10.0, 0.0, 0.0]),
        centre_mm=np.array([-10.0, 0.0, 0.0]),
        column_axis=np.array([0.0, 0.0, -1.0]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.full(2, 20.0),
        principal_px=np.array([3.0, 3.0]),
    )
    thin = np.full((3, 161, 161), MU)
    image = project(block(thin), HERE, view, Window((0, 0), (7, 7), 1)).image
    row, column = np.mgrid[:7, :7] - 3.0
    # A slab of 3 mm met at tan = 20 mm per pixel over 20 mm.
    assert image == pytest.approx(3.0 * MU * np.sqrt(1 + row**2 + column**2), rel=0.01)


def test_source_and_detector_cut_the_rays() -> None:
    inside = PinholeCamera(
        source_mm=np.array([0.3, 0.0, 0.0]),
        centre_mm=np.array([-5.1, 0.0, 0.0]),
        column_axis=np.array([0.0, 0.0, -1.0]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.ones(2),
        principal_px=np.zeros(2),
    )
    window = window_of(block(np.full((21, 21, 21), MU)), HERE, inside, (1, 1))
    assert window == Window((0, 0), (1, 1), 1)
    seen = project(block(np.full((21, 21, 21), MU)), HERE, inside, window)
    assert seen.image[0, 0] == pytest.approx(5.4 * MU, rel=1e-5)


def test_solid_is_made_ready_once_and_forgotten_with_its_voxels() -> None:
    solid = hill()
    before = len(occupied._made)
    ready = occupied.occupied_voxels(solid)
    assert ready is occupied.occupied_voxels(replace(solid, origin_mm=np.zeros(3)))
    assert len(occupied._made) == before + 1
    del ready, solid
    gc.collect()
    assert len(occupied._made) == before


def test_occupied_box_and_bricks() -> None:
    values = np.zeros((30, 20, 25))
    values[10, 5, 7] = values[21, 9, 7] = MU
    ready = occupied.occupied_voxels(block(values))
    assert ready is not None
    rim, brick = occupied.RIM, occupied.BRICK
    assert ready.values.shape == (12 + 2 * rim, 5 + 2 * rim, 1 + 2 * rim)
    assert list(ready.first) == [10 - rim, 5 - rim, 7 - rim]
    found = {tuple(int(k) for k in at) for at in np.argwhere(ready.bricks)}
    assert found == {(rim // brick, rim // brick, rim // brick), ((11 + rim) // brick, (4 + rim) // brick, 0)}


def test_too_many_voxels_are_refused() -> None:
    endless = np.broadcast_to(np.float32(MU), (4, 30000, 30000))
    solid = Solid(attenuation_per_mm=endless[:, :2, :2], origin_mm=np.zeros(3), spacing_mm=np.ones(3))
    assert occupied.occupied_voxels(solid) is not None
    with pytest.raises(ValueError, match="too large"):
        occupied.check_size(endless.shape)


def test_other_things_are_no_bodies() -> None:
    with pytest.raises(TypeError, match="str is no body"):
        project("bone", HERE, camera(), whole())
    with pytest.raises(TypeError, match="str is no body"):
        reach_mm("bone")
