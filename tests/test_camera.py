"""Pinhole camera: projection, matrix, and the camera of a bare matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.anatomy.views import film_camera
from atlasplane.geometry.camera import PinholeCamera
from tests.strategies import numbers, transforms

SID_MM, SOD_MM = 1067.0, 837.0
ANTERIOR, UP, RIGHT = np.eye(3)


def nasium(*, tube_deg: float = 0.0, upright: bool = True, from_behind: bool = False) -> PinholeCamera:
    return film_camera(
        "nasium",
        sid_mm=SID_MM,
        sod_mm=SOD_MM,
        tube_deg=tube_deg,
        upright=upright,
        target_mm=np.zeros(3),
        first_px=np.array([1.0 if from_behind else -1.0, 0.0]),
        second_px=np.array([0.0, -1.0]),
        pitch_mm=np.array([0.15, 0.2]),
        principal_px=np.array([900.0, 1300.0]),
    )


near_atlas = st.tuples(*[numbers(-120, 120)] * 3).map(np.array)


def test_magnification_of_the_example_in_the_text() -> None:
    # SID 42 in, 230 mm from C1 to the film: M = 1.27; the lateral of 72 in and 250 mm: 1.16 (printed digits).
    assert float(nasium().magnification(np.zeros(3))) == pytest.approx(1067 / 837, rel=1e-12)
    assert pytest.approx(1.27, abs=0.005) == 1067 / 837
    assert pytest.approx(1.16, abs=0.005) == 1830 / (1830 - 250)


def test_a_point_by_hand() -> None:
    # 10 mm to the patient's right and 20 mm up in the atlas' depth, M = 1067 / 837.
    pixel = nasium().project(np.array([0.0, 20.0, 10.0]))
    m = 1067 / 837
    np.testing.assert_allclose(pixel, [900 - 10 * m / 0.15, 1300 - 20 * m / 0.2], rtol=1e-12)


def test_nearer_the_tube_is_larger() -> None:
    near, far = nasium().magnification(np.array([[100.0, 0, 0], [-100.0, 0, 0]]))
    assert (near, far) == (pytest.approx(1067 / 737), pytest.approx(1067 / 937))


@pytest.mark.parametrize("tube_deg", [-20.0, 0.0, 12.0, 30.0])
@pytest.mark.parametrize("upright", [True, False])
def test_central_ray_meets_the_principal_pixel_at_sid(tube_deg: float, upright: bool) -> None:
    camera = nasium(tube_deg=tube_deg, upright=upright)
    np.testing.assert_allclose(camera.project(np.zeros(3)), [900, 1300], atol=1e-9)
    assert camera.sid_mm == pytest.approx(SID_MM, rel=1e-14)
    # Caudad +: the tube stands above the patient.
    height = camera.source_mm[1]
    assert height == pytest.approx(SOD_MM * np.sin(np.radians(tube_deg)), abs=1e-9)


def test_upright_detector_stretches_and_the_perpendicular_one_does_not() -> None:
    # A small object in the plane across the beam: the vertical film stretches y by 1 / cos(tau) (alignment
    # 1.9).
    tube = np.radians(20.0)
    across = np.array([-np.sin(tube), np.cos(tube), 0.0]) * 0.1
    sizes = [
        np.linalg.norm(
            np.diff(nasium(tube_deg=20.0, upright=u).project_mm(np.array([-across, across])), axis=0)
        )
        for u in (True, False)
    ]
    # Second order in object over distance: (0.1 / 837)^2.
    assert sizes[0] / sizes[1] == pytest.approx(1 / np.cos(tube), rel=1e-7)


@given(near_atlas, numbers(-30, 30), st.booleans(), st.booleans())
def test_matrix_projects_like_the_camera(point, tube_deg: float, upright: bool, from_behind: bool) -> None:
    camera = nasium(tube_deg=tube_deg, upright=upright, from_behind=from_behind)
    for pixels, direct in ((True, camera.project(point)), (False, camera.project_mm(point))):
        *image, depth = camera.matrix(pixels=pixels) @ [*point, 1]
        assert depth > 0  # the third row is the depth before the source
        np.testing.assert_allclose(np.array(image) / depth, direct, rtol=1e-9, atol=1e-9)


@given(near_atlas, st.booleans())
def test_a_pixel_in_space_lies_on_its_ray(point, upright: bool) -> None:
    camera = nasium(tube_deg=15.0, upright=upright)
    on_film = camera.detector_points_mm(camera.project(point))
    along = np.cross(on_film - camera.source_mm, point - camera.source_mm)
    # 1000 mm x 1000 mm x rounding of 1e-16, with room for the projection's own.
    assert np.max(np.abs(along)) < 1e-6
    np.testing.assert_allclose(camera.project(on_film), camera.project(point), rtol=1e-10)


@given(near_atlas, transforms(), st.sampled_from([1.0, -1.0, 0.37, -250.0]), st.booleans())
def test_camera_of_a_matrix_projects_alike_whatever_its_scale_and_sign(
    point, pose, scale, from_behind
) -> None:
    camera = nasium(tube_deg=10.0, upright=False, from_behind=from_behind)
    # The same camera in a turned and shifted room.
    moved = replace(
        camera,
        source_mm=pose.apply(camera.source_mm),
        centre_mm=pose.apply(camera.centre_mm),
        column_axis=pose.rotation @ camera.column_axis,
        row_axis=pose.rotation @ camera.row_axis,
    )
    middle = pose.apply(np.zeros(3))
    back = PinholeCamera.from_matrix(scale * moved.matrix(), facing_mm=middle)
    # Solving for the source: coordinates of 1000 mm over entries up to 1e7, relative 1e-10.
    np.testing.assert_allclose(back.source_mm, moved.source_mm, atol=1e-5)
    np.testing.assert_allclose(back.project(pose.apply(point)), camera.project(point), atol=1e-5)
    np.testing.assert_allclose(back.normal, moved.normal, atol=1e-8)
    assert back.magnification(middle) > 0
    again = back.matrix()
    np.testing.assert_allclose(
        again / again[2, 3], moved.matrix() / moved.matrix()[2, 3], rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("scale", [1.0, -3.0])
def test_without_a_facing_point_the_pixel_axes_are_right_handed(scale: float) -> None:
    camera = nasium()
    back = PinholeCamera.from_matrix(scale * camera.matrix())
    np.testing.assert_allclose(back.normal, -ANTERIOR, atol=1e-9)
    np.testing.assert_allclose(back.column_axis, camera.column_axis, atol=1e-9)
    np.testing.assert_allclose(back.pitch_mm, camera.pitch_mm * 1000 / SID_MM, rtol=1e-9)
    np.testing.assert_allclose(back.project(UP * 30), camera.project(UP * 30), atol=1e-6)
    # An image from behind is left-handed: the same pixels, but only a facing point says where the patient is.
    behind = nasium(from_behind=True).matrix()
    blind, told = PinholeCamera.from_matrix(behind), PinholeCamera.from_matrix(behind, facing_mm=np.zeros(3))
    np.testing.assert_allclose(blind.project(RIGHT), told.project(RIGHT), atol=1e-6)
    np.testing.assert_allclose(blind.normal, -told.normal, atol=1e-9)


def test_upright_detector_comes_back_through_its_principal_pixel() -> None:
    camera = nasium(
        tube_deg=15.0
    )  # the central ray meets the film 286 mm below the foot of the perpendicular
    back = PinholeCamera.from_matrix(camera.matrix(), principal_px=camera.principal_px)
    toward, known = (c.centre_mm - c.source_mm for c in (back, camera))
    np.testing.assert_allclose(toward / np.linalg.norm(toward), known / np.linalg.norm(known), atol=1e-9)
    np.testing.assert_allclose(back.principal_px, camera.principal_px)
    at_foot = PinholeCamera.from_matrix(camera.matrix())
    assert at_foot.principal_px[1] == pytest.approx(1300 - SID_MM * np.sin(np.radians(15)) / 0.2, rel=1e-9)


def skewed() -> np.ndarray:
    matrix = nasium().matrix()
    matrix[0] += 0.01 * matrix[1]
    return matrix


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (np.eye(3), "3x4"),
        (np.full((3, 4), np.nan), "finite"),
        (np.zeros((3, 4)), "singular"),
        (np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]), "source is at infinity"),  # parallel beam
        (np.array([[1.0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 1, 0]]), "singular"),  # parallel image axes
        (skewed(), "not perpendicular"),
    ],
)
def test_what_is_no_camera(matrix, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PinholeCamera.from_matrix(matrix)


def test_a_fitted_matrix_with_a_trace_of_skew_is_read() -> None:
    matrix = nasium().matrix()
    matrix[0] += 0.0005 * matrix[1]  # skew 0.0005 x (0.15 / 0.2) of a column
    back = PinholeCamera.from_matrix(matrix)
    # Ignored skew moves a column by skew x rows from the principal pixel: 5e-4 x 127 rows < 0.1 px.
    np.testing.assert_allclose(
        back.project(20 * UP), nasium().project(20 * UP) + np.array([0.0005 * 1172.5, 0]), atol=0.1
    )
