"""Line integrals against a closed form, a ray walk through boxes, and plastimatch and RTK where they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.projection import Window, project
from benchmarks.box_voxels import box_line_integrals
from benchmarks.registration_peers import (
    PeerMissing,
    View,
    agreement,
    missing_bar,
    plastimatch_image,
    rtk_image,
)
from benchmarks.registration_render import render_view

VOXEL_MM = np.array([0.9, 1.0, 1.1])
SIGMA_MM = 4.0
BLOBS = ((np.array([5.0, -3.0, 8.0]), 0.05), (np.array([-9.0, 6.0, -4.0]), 0.03))
"""Centre in the solid and attenuation there."""
ROUNDING = 1e-4
"""Of single precision along some hundred voxels."""


def camera(handed: float) -> PinholeCamera:
    """Source off the axis, pixels not square; `handed` -1 is a film that is displayed from behind."""
    return PinholeCamera(
        source_mm=np.array([-300.0, 12.0, -7.0]),
        centre_mm=np.array([150.0, 0.0, 0.0]),
        column_axis=np.array([0.0, 0.0, -handed]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.array([2.0, 2.5]),
        principal_px=np.array([22.0, 17.0]),
    )


def seen(handed: float) -> View:
    shape = (56, 52, 48)
    origin = -VOXEL_MM * (np.array(shape) - 1) / 2
    axes = [o + s * np.arange(n) for o, s, n in zip(origin, VOXEL_MM, shape, strict=True)]
    at = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = sum(
        per_mm * np.exp(-np.sum((at - centre) ** 2, axis=-1) / (2 * SIGMA_MM**2)) for centre, per_mm in BLOBS
    )
    solid = Solid(
        attenuation_per_mm=np.asarray(values, dtype=np.float32), origin_mm=origin, spacing_mm=VOXEL_MM
    )
    pose = RigidTransform(rotation_from_zxy(12.0, -7.0, 25.0), np.array([3.0, -5.0, 4.0]))
    return View(solid=solid, pose=pose, camera=camera(handed), shape_px=(36, 44))


def ours(view: View) -> Array:
    whole = Window((0, 0), (view.shape_px[1], view.shape_px[0]), 1)
    return project(view.solid, view.pose, view.camera, whole).image


def closed_form(view: View) -> Array:
    """Of a Gaussian, along a line at distance d from its centre: sqrt(2 pi) sigma exp(-d^2 / 2 sigma^2)."""
    rows, columns = np.mgrid[: view.shape_px[0], : view.shape_px[1]]
    ends = view.camera.detector_points_mm(np.stack([columns, rows], axis=-1).astype(float))
    along = ends - view.camera.source_mm
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    total = np.zeros(view.shape_px)
    for centre, per_mm in BLOBS:
        off = view.pose.apply(centre) - view.camera.source_mm
        away = off - (along @ off)[..., None] * along
        total += per_mm * np.exp(-np.sum(away**2, axis=-1) / (2 * SIGMA_MM**2))
    return total * np.sqrt(2 * np.pi) * SIGMA_MM


@pytest.mark.parametrize("handed", [1.0, -1.0])
def test_agrees_with_a_closed_form(handed: float) -> None:
    """Linear interpolation errs by h^2/8 times the second derivative, f/sigma^2, at most, on two axes."""
    view = seen(handed)
    exact = closed_form(view)
    limit = 2 * VOXEL_MM.max() ** 2 / (8 * SIGMA_MM**2) * exact.max()
    assert np.abs(ours(view) - exact).max() <= limit
    assert agreement(ours(view), exact) <= 0.5 * limit / exact.max()


@pytest.mark.parametrize("handed", [1.0, -1.0])
def test_agrees_with_a_walk_through_boxes(handed: float) -> None:
    """A box holds its middle's value: at most half a voxel's diagonal times the slope, 0.61 f/sigma, off.

    The errors of the boxes along a ray have either sign and largely cancel; a quarter of the bound is left.
    """
    view = seen(handed)
    walked = box_line_integrals(view)
    limit = 0.25 * 0.61 * 0.5 * np.linalg.norm(VOXEL_MM) / SIGMA_MM * walked.max()
    assert np.abs(ours(view) - walked).max() <= limit


def test_walk_through_one_box() -> None:
    """A ray along an axis through the middle of a box of 3 x 2 x 2 voxels crosses three of them."""
    solid = Solid(
        attenuation_per_mm=np.full((3, 2, 2), 0.1, dtype=np.float32),
        origin_mm=np.array([-1.0, -0.5, -0.5]),
        spacing_mm=np.ones(3),
    )
    central = replace(
        camera(1.0),
        source_mm=np.array([-300.0, 0.2, 0.2]),
        centre_mm=np.array([150.0, 0.2, 0.2]),
        principal_px=np.zeros(2),
    )
    view = View(solid=solid, pose=RigidTransform.identity(), camera=central, shape_px=(1, 1))
    assert box_line_integrals(view)[0, 0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("peer", "handed"), [(plastimatch_image, 1.0), (plastimatch_image, -1.0), (rtk_image, -1.0)]
)
def test_peers_see_the_same_rays(handed: float, peer) -> None:
    view = seen(handed)
    try:
        image = peer(view).image
    except PeerMissing as why:
        pytest.skip(f"the peer is not installed, and is too large for every test run: {why}")
    like = box_line_integrals(view) if peer is plastimatch_image else ours(view)
    assert agreement(image, like) <= ROUNDING


def test_a_missing_peer_gives_a_bar_without_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(PeerMissing, match="apt-get install plastimatch") as missing:
        plastimatch_image(seen(1.0))
    line = missing_bar("registration.render_forward", str(missing.value)).line()
    assert line["value"] is None and line["pass"] is None and "plastimatch" in line["why"]


def test_hardly_a_timed_ray_passes_beside_the_block() -> None:
    """Four rays in five have work to do: empty ones would flatter whoever finds that out first."""
    assert (ours(render_view(np.random.default_rng(3), 24, 20)) > 0).mean() > 0.8
