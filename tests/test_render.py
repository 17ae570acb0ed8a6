"""Ray-casting against closed forms, and attenuation of CT greys."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from atlasplane.anatomy.phantom import mean_phantom, posture, random_phantom
from atlasplane.anatomy.solids import CORTICAL_PER_MM, WATER_PER_MM, Solid, solids
from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.quadric import outline
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.xray.ct import HOUNSFIELD, GreyMap, attenuation, cropped, patient_mask

pytest.importorskip("numba")

from atlasplane.xray.render import Part, render

MU = 0.02
HERE = RigidTransform.identity()


def camera(pitch_mm: float, shape_px: tuple[int, int], *, reach_mm: float = 1000.0) -> PinholeCamera:
    """Source at x = 800, detector behind the origin, patient's right at the left of the film."""
    return PinholeCamera(
        source_mm=np.array([800.0, 0.0, 0.0]),
        centre_mm=np.array([800.0 - reach_mm, 0.0, 0.0]),
        column_axis=np.array([0.0, 0.0, -1.0]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.full(2, pitch_mm),
        principal_px=0.5 * (np.array(shape_px[::-1]) - 1.0),
    )


def ball(radius_mm: float, spacing_mm: float = 1.0) -> Solid:
    """Ball about the origin with an edge blurred over one voxel."""
    count = 2 * int(np.ceil(radius_mm / spacing_mm) + 3) + 1
    axis = (np.arange(count) - count // 2) * spacing_mm
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    depth = radius_mm - np.sqrt(x**2 + y**2 + z**2)
    value = MU * np.clip(0.5 + depth / spacing_mm, 0, 1)
    return Solid(
        attenuation_per_mm=value.astype(np.float32),
        origin_mm=np.full(3, axis[0]),
        spacing_mm=np.full(3, spacing_mm),
    )


def test_line_integral_of_a_box() -> None:
    spacing = np.array([1.0, 0.8, 1.2])
    value = np.zeros((16, 14, 12), dtype=np.float32)
    value[3:-3, 2:-2, 2:-2] = MU
    box = Solid(
        attenuation_per_mm=value, origin_mm=-0.5 * (np.array(value.shape) - 1) * spacing, spacing_mm=spacing
    )
    film = render([Part(solid=box, pose=HERE)], camera(0.2, (41, 41)), (41, 41))
    # The blurred faces keep the length of 10 voxels. The midpoint rule errs by at most
    # (change of slope) * step^2 / 8 at each of four kinks, with slope MU / 1 mm and step 0.4 mm.
    assert film[20, 20] == pytest.approx(MU * 10 * spacing[0], abs=4 * MU / spacing[0] * 0.4**2 / 8)


def test_line_integrals_of_a_ball_off_the_axis() -> None:
    radius, spacing = 20.0, 1.0
    shift = np.array([-40.0, 25.0, -30.0])
    turned = RigidTransform(rotation_from_zxy(20.0, -35.0, 50.0), shift)
    view, shape = camera(0.5, (160, 220)), (160, 220)
    film = render([Part(solid=ball(radius, spacing), pose=turned)], view, shape)
    rows, columns = np.nonzero(film > 0.8 * film.max())
    pixels = np.column_stack([columns, rows])
    rays = view.detector_points_mm(pixels) - view.source_mm
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    along = rays @ (shift - view.source_mm)
    miss2 = np.sum((shift - view.source_mm) ** 2) - along**2
    chord = 2 * np.sqrt(radius**2 - miss2)
    # Each of two surfaces is placed to a tenth of a voxel along its normal by the samples of the ramp, and
    # met at a cosine of half the chord over the radius. With samples h apart a ramp of slope q along the ray
    # is integrated to within q h^2 / 8: its two kinks err by -q h^2 / 24 to q h^2 / 12 each (second Bernoulli
    # polynomial), with opposite signs of q.
    cosine = 0.5 * chord / radius
    apart = spacing / np.abs(rays @ turned.rotation).max(axis=1)
    tolerance = MU * 2 * (0.1 * spacing / cosine + cosine * apart**2 / (8 * spacing))
    assert np.all(np.abs(film[rows, columns] - MU * chord) < tolerance)


def test_image_of_a_small_ball_is_where_the_camera_projects_it() -> None:
    view, shape = camera(0.2, (400, 500)), (400, 500)
    for at in ([0.0, 0.0, 0.0], [60.0, 20.0, -25.0], [-50.0, -18.0, 30.0]):
        pose = RigidTransform(np.eye(3), np.array(at))
        film = render([Part(solid=ball(4.0, 0.5), pose=pose)], view, shape).astype(float)
        weight = film / film.sum()
        centre = [
            float((weight.sum(axis=0) * np.arange(500)).sum()),
            float((weight.sum(axis=1) * np.arange(400)).sum()),
        ]
        # A ball's image is stretched outwards by (radius / distance)^2 of its offset: here under 0.01 px.
        assert centre == pytest.approx(view.project(np.array(at)), abs=0.1)
        volume = 4 / 3 * np.pi * 4.0**3 * MU
        area = film.sum() * 0.2**2
        # Oblique rays lengthen the image by under 0.2 %, the voxels change the volume by under 2 %.
        assert area == pytest.approx(volume * float(view.magnification(np.array(at))) ** 2, rel=0.02)


def test_parts_add_and_may_lie_beside_the_film() -> None:
    view, shape = camera(0.5, (80, 80)), (80, 80)
    near, beside, behind = (
        Part(solid=ball(6.0), pose=RigidTransform(np.eye(3), np.array(at)))
        for at in ([0.0, 0.0, 0.0], [0.0, 400.0, 0.0], [900.0, 0.0, 0.0])
    )
    alone = render([near], view, shape)
    assert np.array_equal(render([near, beside, behind], view, shape), alone)
    assert np.allclose(render([near, near], view, shape), 2 * alone)
    assert render([], view, shape).shape == shape


def test_part_around_the_source_is_seen_from_within() -> None:
    block = Solid(
        attenuation_per_mm=np.full((21, 21, 21), MU, dtype=np.float32),
        origin_mm=np.array([700.0, -100.0, -100.0]),
        spacing_mm=np.full(3, 10.0),
    )
    film = render([Part(solid=block, pose=HERE)], camera(1.0, (11, 11)), (11, 11))
    # From the source at x = 800 to the last voxel's centre at 900, and the fall over one voxel to nothing.
    assert film[5, 5] == pytest.approx(MU * (100.0 + 0.5 * 10.0), rel=1e-5)


def test_left_out_pixels_are_interpolated() -> None:
    coarse, shape = ball(30.0, 3.0), (300, 300)
    fine_view = camera(0.3, shape)
    film = render([Part(solid=coarse, pose=HERE)], fine_view, shape)
    # The same rays one by one: a film of one pixel is never thinned out.
    for row, column in ((150, 150), (101, 187), (77, 133)):
        at = fine_view.detector_points_mm(np.array([column, row], dtype=float))
        one = PinholeCamera(
            source_mm=fine_view.source_mm,
            centre_mm=at,
            column_axis=fine_view.column_axis,
            row_axis=fine_view.row_axis,
            pitch_mm=np.full(2, 50.0),
            principal_px=np.zeros(2),
        )
        alone = render([Part(solid=coarse, pose=HERE)], one, (1, 1))
        # Linear interpolation between samples 2/5 voxel apart: (0.4 voxel)^2 / 8 of a curvature of order MU.
        assert film[row, column] == pytest.approx(alone[0, 0], abs=0.1 * MU * 3.0)


def nasium(shape_px: tuple[int, int], pitch_mm: float) -> PinholeCamera:
    tilt = np.radians(12.0)
    ray = np.array([-np.cos(tilt), -np.sin(tilt), 0.0])
    return PinholeCamera(
        source_mm=-837.0 * ray,
        centre_mm=230.0 * ray,
        column_axis=np.array([0.0, 0.0, -1.0]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.full(2, pitch_mm),
        principal_px=np.array([(shape_px[1] - 1) / 2, 0.75 * shape_px[0]]),
    )


@pytest.mark.parametrize("seed", [None, 20])
def test_outline_of_the_vault_is_the_closed_form(seed: int | None) -> None:
    phantom = mean_phantom() if seed is None else random_phantom(np.random.default_rng(seed))
    # Only the skull is looked at, so the others are made coarse.
    edge = 1.25
    made = solids(
        phantom, rng=np.random.default_rng(0), skull_voxel_mm=edge, spine_voxel_mm=4.0, soft_voxel_mm=10.0
    )
    pose = posture(phantom, head_deg=np.array([3.0, -2.0, 4.0]), atlas_deg=np.zeros(3)).room_from("skull")
    shape, pitch = (480, 400), 0.6
    view = nasium(shape, pitch)
    film = render([Part(solid=made["skull"], pose=pose)], view, shape)
    ellipse = outline(phantom.vault.moved(pose), view.matrix())
    levels = pose.apply(
        np.array([[0.0, y, 0.0] for y in (phantom.squamous_y_mm, 70.0, phantom.turn_y_mm, 105.0)])
    )
    voxel_px = edge * 1067 / 837 / pitch
    for row in np.round(view.project(levels)[:, 1]).astype(int):
        seen = np.flatnonzero(film[row] > 0.02)
        expected = [float(ellipse.points(np.array([row]), side)[0, 0]) for side in (-1, 1)]
        assert [seen[0], seen[-1]] == pytest.approx(expected, abs=voxel_px)


def test_film_of_the_mean_person_is_symmetric() -> None:
    phantom = mean_phantom()
    made = solids(
        phantom, rng=np.random.default_rng(0), skull_voxel_mm=2.0, spine_voxel_mm=1.4, soft_voxel_mm=5.0
    )
    stand = posture(phantom, head_deg=np.zeros(3), atlas_deg=np.zeros(3))
    parts = [
        Part(solid=s, pose=stand.room_from("skull" if name == "soft" else name)) for name, s in made.items()
    ]
    shape = (200, 161)
    film = render(parts, nasium(shape, 1.4), shape)
    # Samples fall differently on either side of a thinned-out film: a few per cent of one voxel of bone.
    assert np.abs(film - film[:, ::-1]).max() < 0.05 * film.max()
    assert np.abs(film - film[:, ::-1]).mean() < 1e-3 * film.mean()


def test_missing_numba_is_named() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from atlasplane.core.errors import MissingExtra\n"
        "try:\n    import atlasplane.xray.render\n"
        "except MissingExtra as error:\n    print(error.extra)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    assert told.stdout.strip() == "ct"


def test_hounsfield_units_map_to_air_water_and_bone() -> None:
    value, note = attenuation(np.array([-1024, -1000, -500, 0, 900, 1800], dtype=np.int16), HOUNSFIELD)
    half_bone = 0.5 * (WATER_PER_MM + CORTICAL_PER_MM)
    assert value == pytest.approx(
        [0, 0, 0.5 * WATER_PER_MM, WATER_PER_MM, half_bone, CORTICAL_PER_MM], abs=1e-7
    )
    assert note is None
    assert value.dtype == np.float32


def test_greys_of_eight_bits_are_called_uncalibrated() -> None:
    value, note = attenuation(
        np.array([0, 90, 250], dtype=np.uint8), GreyMap(air=0, water=90, bone=250, hounsfield=False)
    )
    assert value == pytest.approx([0.0, WATER_PER_MM, CORTICAL_PER_MM], abs=1e-7)
    assert note is not None and "not calibrated" in note


def test_greys_that_do_not_increase_are_refused() -> None:
    with pytest.raises(BadInput, match="do not increase"):
        GreyMap(air=0, water=100, bone=90, hounsfield=False)


def head_and_table() -> Solid:
    value = np.zeros((40, 50, 30), dtype=np.float32)
    value[8:28, 15:40, 6:24] = WATER_PER_MM
    value[15:20, 20:30, 10:20] = 0.0
    value[8:28, 5:8, 2:28] = 0.03
    return Solid(
        attenuation_per_mm=value, origin_mm=np.array([-3.0, 4.0, 5.0]), spacing_mm=np.array([1.0, 2.0, 0.5])
    )


def test_table_is_dropped_and_hollows_stay_with_the_patient() -> None:
    solid = head_and_table()
    mask = patient_mask(solid.attenuation_per_mm)
    assert mask[17, 25, 15]
    assert mask[8, 15, 6]
    assert not mask[10, 6, 10]


def test_cropped_solid_stays_in_its_place() -> None:
    solid = head_and_table()
    part = cropped(solid, patient_mask(solid.attenuation_per_mm), margin_voxels=2)
    whole = float(solid.attenuation_per_mm[8:28, 15:40, 6:24].sum())
    assert float(part.attenuation_per_mm.sum()) == pytest.approx(whole, rel=1e-5)

    def centre(one: Solid) -> np.ndarray:
        index = np.argwhere(one.attenuation_per_mm == np.float32(WATER_PER_MM)).mean(axis=0)
        return one.origin_mm + index * one.spacing_mm

    assert centre(part) == pytest.approx(centre(solid))
    assert all(
        a < b for a, b in zip(part.attenuation_per_mm.shape, solid.attenuation_per_mm.shape, strict=True)
    )


def test_empty_volume_has_no_patient() -> None:
    with pytest.raises(BadInput, match="nothing reaches"):
        patient_mask(np.zeros((5, 5, 5), dtype=np.float32))
