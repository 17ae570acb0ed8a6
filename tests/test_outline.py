"""Outlines of shadows against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("skimage")

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.outline import LEAST_MM2, RIM_MM, TOLERANCE_PX, enclosed, level_lines, outline
from tests.test_render import MU, ball, camera

SHAPE = (160, 220)
VIEW = camera(0.5, SHAPE)


def at(x: float, y: float, z: float) -> RigidTransform:
    return RigidTransform(np.eye(3), np.array([x, y, z]))


def misses_mm(line: Array, centre_mm: Array) -> Array:
    """Distances of the rays through film pixels from a point."""
    rays = VIEW.detector_points_mm(line) - VIEW.source_mm
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    along = rays @ (centre_mm - VIEW.source_mm)
    return np.sqrt(np.sum((centre_mm - VIEW.source_mm) ** 2) - along**2)


def test_ball_is_outlined_where_rays_meet_the_rim_of_it() -> None:
    radius, spacing, place = 20.0, 0.5, at(-30.0, 12.0, -25.0)
    body = ball(radius, spacing)
    (line,) = outline(body, place, VIEW, SHAPE, tolerance_px=0.0)
    # What rays meet of a ball whose edge is a ramp a voxel wide, by their distance from its middle.
    along = np.linspace(0.0, radius, 8001)
    miss = np.linspace(radius - 1.0, radius + 1.0, 401)
    depth = radius - np.hypot(miss[:, None], along)
    met_mm = 2 * np.clip(0.5 + depth / spacing, 0, 1).mean(axis=1) * radius
    full = body.attenuation_per_mm
    level_mm = RIM_MM * float(full[full > 0].mean()) / MU
    expected = float(np.interp(-level_mm, -met_mm, miss))
    # Between its voxels the ramp is interpolated, which blurs it further: by less than half a voxel.
    assert misses_mm(line, place.translation_mm) == pytest.approx(
        np.full(len(line), expected), abs=0.4 * spacing
    )
    assert expected == pytest.approx(radius, abs=0.5 * spacing)


def test_simplified_line_strays_no_more_than_it_may() -> None:
    body, place = ball(20.0), at(0.0, 0.0, 0.0)
    (fine,), (simple,) = (outline(body, place, VIEW, SHAPE, tolerance_px=t) for t in (0.0, TOLERANCE_PX))
    assert len(simple) < 0.3 * len(fine)
    start, step = simple[:-1], np.diff(simple, axis=0)
    along = np.einsum("pij,ij->pi", fine[:, None] - start, step) / np.sum(step**2, axis=1)
    near = start + np.clip(along, 0, 1)[..., None] * step
    assert np.linalg.norm(fine[:, None] - near, axis=2).min(axis=1).max() <= TOLERANCE_PX


def test_line_is_closed_and_a_shadow_beyond_the_film_ends_at_its_edge() -> None:
    body = ball(20.0)
    (inside,) = outline(body, at(0.0, 0.0, 0.0), VIEW, SHAPE)
    assert np.array_equal(inside[0], inside[-1])
    assert inside.min() > 0
    (beyond,) = outline(body, at(0.0, 30.0, 0.0), VIEW, SHAPE)
    assert np.array_equal(beyond[0], beyond[-1])
    assert beyond[:, 1].min() == -0.5
    assert beyond[:, 1].max() < 0.5 * SHAPE[0]
    assert outline(body, at(0.0, 300.0, 0.0), VIEW, SHAPE) == ()


def test_outline_moves_with_the_bone() -> None:
    body, up = ball(15.0), 8.0
    (here,), (there,) = (outline(body, at(0.0, y, 0.0), VIEW, SHAPE, tolerance_px=0.0) for y in (0.0, up))
    # Source to ball 800, to film 1000; rows of half a millimetre grow downwards. The far shadow is an
    # ellipse whose middle lies (radius / 800)^2 of the shift further out: 0.007 px.
    moved = 0.5 * (here.min(axis=0) + here.max(axis=0) - there.min(axis=0) - there.max(axis=0))
    assert moved == pytest.approx([0.0, up * 1.25 / 0.5], abs=0.05)


def test_holes_have_lines_and_specks_have_none() -> None:
    body = ball(20.0)
    values = body.attenuation_per_mm.copy()
    middle = values.shape[0] // 2
    wide, narrow = 5, 1
    values[:, middle - wide : middle + wide + 1, middle - wide : middle + wide + 1] = 0
    values[:, middle - narrow : middle + narrow + 1, middle + 12 : middle + 13 + narrow] = 0
    holed = Solid(attenuation_per_mm=values, origin_mm=body.origin_mm, spacing_mm=body.spacing_mm)
    outer, hole = outline(holed, at(0.0, 0.0, 0.0), VIEW, SHAPE)
    px2_per_mm2 = (1.25 / 0.5) ** 2
    # Half a voxel of ramp, see above.
    assert np.sqrt(enclosed(outer) / px2_per_mm2 / np.pi) == pytest.approx(20.0, abs=0.5)
    # From the centre of the hole's last voxel the ball's 40 mm come up over a voxel of 1 mm. Rays spread by a
    # fortieth between the middle of the ball and its ends, which narrows what goes straight through.
    side_mm = 2 * (wide + RIM_MM / 40.0)
    assert enclosed(hole) == pytest.approx(side_mm**2 * px2_per_mm2, rel=2 / 40)
    assert enclosed(hole) > LEAST_MM2 * px2_per_mm2


def test_line_of_a_level_is_interpolated() -> None:
    image = np.zeros((5, 6), dtype=np.float32)
    image[2, 3] = 4.0
    (line,) = level_lines(image, 1.0)
    # From 4 to 0 over one pixel, 1 is reached after three quarters of it: a square on its corner.
    corners = {tuple(p) for p in line}
    assert corners == {(3.75, 2.0), (2.25, 2.0), (3.0, 1.25), (3.0, 2.75)}
    assert enclosed(line) == pytest.approx(2 * 0.75**2)
    assert level_lines(image, 5.0) == ()
    assert level_lines(np.zeros((0, 0), dtype=np.float32), 1.0) == ()
