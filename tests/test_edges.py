"""Snapping to edges: where the steepest place of a simulated edge is known to the last digit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import erf

from atlasplane import api
from atlasplane.cli import run
from atlasplane.geometry.types import Array
from atlasplane.xray.edges import snapped

STEP = 2000.0
SIZE = 240
REACH = 8.0
BIAS_PX = 0.2
"""What the project promises; the mean of what is found must stay within it."""
ROWS, COLUMNS = np.indices((SIZE, SIZE)).astype(float)


def film(inside_px: Array, rng: np.random.Generator, *, psf: float = 1.0, noise: float = 0.0) -> Array:
    """A 16-bit film of a step, from the distance of each pixel to it: 0 is the middle of the blurred step."""
    grey = 8000 + STEP / 2 * (1 + erf(inside_px / (np.sqrt(2) * psf)))
    return np.rint(grey + rng.normal(0, noise, inside_px.shape) if noise else grey).astype(np.uint16)


def straight(angle_deg: float, offset: float) -> tuple[Array, Array, Array]:
    """Distance of every pixel from a straight edge near the middle, a point on it, and its normal."""
    normal = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    point = np.array([120.0, 120.0]) + offset * normal
    return (COLUMNS - point[0]) * normal[0] + (ROWS - point[1]) * normal[1], point, normal


def drawn(point: Array, normal: Array, rng: np.random.Generator, *, off: float = 4.0) -> Array:
    """A polyline along the edge as a quick hand draws it: each vertex up to `off` px beside it."""
    along = np.linspace(-60, 60, 13)[:, None] * np.array([-normal[1], normal[0]])
    return point + along + rng.uniform(-off, off, (13, 1)) * normal


@pytest.mark.parametrize("noise", [0.0, 40.0, 160.0])
@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0, 73.0, 90.0])
@pytest.mark.parametrize("psf", [0.6, 1.0, 2.0])
def test_a_straight_edge_at_every_fraction_of_a_pixel(psf: float, angle: float, noise: float) -> None:
    rng = np.random.default_rng(int(1000 * psf + angle + noise))
    errors = []
    for offset in np.arange(0.0, 1.01, 0.1):
        distance, point, normal = straight(angle, offset)
        found = snapped(film(distance, rng, psf=psf, noise=noise), drawn(point, normal, rng), reach_px=REACH)
        assert found.found.all()
        errors += list((found.at - point) @ normal)
        # Each fraction by itself, so that errors of two fractions do not cancel.
        assert abs(np.mean(errors[-13:])) < BIAS_PX
    # Without noise only rounding of the grey is left, 0.3 of 2000 greys over a slope of some 400 a pixel.
    assert abs(np.mean(errors)) < (0.01 if not noise else 0.05)


@pytest.mark.parametrize("noise", [0.0, 40.0, 160.0])
@pytest.mark.parametrize("bright_inside", [True, False])
def test_a_curved_edge_is_found_on_its_circle(noise: float, bright_inside: bool) -> None:
    rng = np.random.default_rng(3)
    radius, centre = 300.0, np.array([-180.0, 120.3])
    inside = radius - np.hypot(COLUMNS - centre[0], ROWS - centre[1])
    angles = np.radians(np.linspace(-18, 18, 15))
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    errors = []
    for _ in range(10):
        line = centre + (radius + rng.uniform(-3, 3, (15, 1))) * ring
        picture = film(inside if bright_inside else -inside, rng, noise=noise)
        found = snapped(picture, line, reach_px=REACH)
        assert found.found.all()
        errors += list(np.hypot(*(found.at - centre).T) - radius)
    # A Gaussian of total width s shifts the edge of a disc by about s^2 / (2 R) towards its centre.
    expected = -(1.5**2 + 1.0**2) / (2 * radius)
    assert np.mean(errors) == pytest.approx(expected, abs=0.005 if not noise else 0.05)
    assert abs(np.mean(errors)) < BIAS_PX


def test_where_there_is_no_edge_nothing_moves() -> None:
    rng = np.random.default_rng(4)
    line = drawn(np.array([120.0, 120.0]), np.array([1.0, 0.0]), rng)
    found = snapped(rng.normal(8000, 40, (SIZE, SIZE)).astype(np.uint16), line, reach_px=REACH)
    assert not found.found.any() and np.array_equal(found.at, line) and not found.moved_px.any()
    flat = snapped(np.full((SIZE, SIZE), 7, np.uint16), line, reach_px=REACH)
    assert not flat.found.any()


def test_an_edge_that_ends_is_left_where_it_ends() -> None:
    rng = np.random.default_rng(5)
    distance, point, normal = straight(0.0, 0.4)
    half = np.where(ROWS < 120, distance, -50.0)
    line = drawn(point, normal, rng, off=2.0)
    found = snapped(film(half, rng, noise=20.0), line, reach_px=REACH)
    assert found.found[line[:, 1] < 110].all()
    assert not found.found[line[:, 1] > 130].any()


def test_no_vertex_jumps_to_the_other_edge_of_a_bright_band() -> None:
    """Outer and inner table: two edges 7 px apart, one bright to dark, the other dark to bright. The line was
    drawn along the left one, and some of its vertices lie nearer to the right one."""
    rng = np.random.default_rng(6)
    left, right = 116.0, 123.0
    picture = film(np.minimum(COLUMNS - left, right - COLUMNS), rng, noise=20.0)
    columns = left + rng.uniform(-2, 1, 13)
    columns[[3, 8]] = left + 4.5
    found = snapped(picture, np.stack([columns, np.linspace(60, 180, 13)], axis=1), reach_px=REACH)
    assert found.found.all()
    assert np.all(np.abs(found.at[:, 0] - left) < 0.3)


def test_a_faint_edge_nearby_is_not_taken_for_the_clear_one() -> None:
    rng = np.random.default_rng(7)
    distance, point, normal = straight(0.0, 0.0)
    faint = 0.2 * STEP / 2 * (1 + erf((distance + 5) / np.sqrt(2)))
    picture = film(distance, rng, noise=20.0) + faint.astype(np.uint16)
    line = drawn(point - 3.0 * normal, normal, rng, off=1.0)
    found = snapped(picture, line, reach_px=REACH)
    assert np.all(np.abs((found.at - point) @ normal) < 0.3)


@pytest.mark.parametrize("angle", [0.0, 30.0, 60.0, 90.0, 135.0])
def test_one_vertex_alone_finds_its_own_way(angle: float) -> None:
    rng = np.random.default_rng(8)
    distance, point, normal = straight(angle, 0.3)
    start = point + 3.0 * normal
    found = snapped(film(distance, rng, noise=20.0), start[None], reach_px=REACH)
    assert found.found.all()
    assert abs((found.at[0] - point) @ normal) < BIAS_PX
    assert abs(found.moved_px[0]) == pytest.approx(3.0, abs=BIAS_PX)


def test_moved_is_to_the_right_of_the_way_the_line_was_drawn() -> None:
    rng = np.random.default_rng(9)
    distance, point, normal = straight(0.0, 0.0)
    upwards = np.array([[117.0, row] for row in (180.0, 150.0, 120.0, 90.0)])
    picture = film(distance, rng)
    assert np.allclose(snapped(picture, upwards, reach_px=REACH).moved_px, 3.0, atol=0.05)
    assert np.allclose(snapped(picture, upwards[::-1], reach_px=REACH).moved_px, -3.0, atol=0.05)
    del point, normal


def test_vertices_at_the_border_and_on_one_place_are_borne() -> None:
    rng = np.random.default_rng(10)
    distance, _, _ = straight(0.0, -118.0)  # an edge at column 2
    line = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 120.0], [-0.5, 239.5]])
    found = snapped(film(distance, rng), line, reach_px=REACH)
    assert np.all(np.isfinite(found.at))
    assert snapped(np.full((3, 3), 5, np.uint16), np.array([[1.0, 1.0]]), reach_px=REACH).found.tolist() == [
        False
    ]


def test_a_long_line_in_pieces_is_the_line_as_a_whole() -> None:
    rng = np.random.default_rng(11)
    rows, columns = np.indices((900, 900)).astype(float)
    distance = (columns - rows) / np.sqrt(2)
    picture = film(distance, rng, noise=20.0)
    along = np.linspace(30, 870, 12)
    line = np.stack([along + 2.0, along], axis=1)
    found = snapped(picture, line, reach_px=REACH)
    assert found.found.all()
    assert np.all(np.abs(found.at[:, 0] - found.at[:, 1]) / np.sqrt(2) < 0.3)


@pytest.mark.slow
def test_both_walls_of_a_rendered_skull_are_moved_alike(tmp_path: Path) -> None:
    """The outline of a rounded bone lies outside its steepest grey, as rays that graze it pass little bone:
    a property of films and not of the search. It is the same on both sides, so no mid-line moves."""
    assert (
        run(["simulate", str(tmp_path / "case"), "--seed", "5", "--views", "nasium", "--noise-mm", "0"]) == 0
    )
    (film,) = api.load(tmp_path / "case").case.visits[0].films
    walls = film.readings[0].contours
    rng = np.random.default_rng(12)
    inwards = {}
    for id_ in ("SKULL_R", "SKULL_L"):
        outline = walls[id_].at
        toward = np.array([1.0 if id_ == "SKULL_R" else -1.0, 0.0])  # the patient's right is the image's left
        shifts = []
        for _ in range(5):
            line = outline + rng.uniform(-3, 3, (len(outline), 1)) * toward
            found = snapped(film.load_pixels(), line, reach_px=REACH)
            assert found.found.all()
            shifts += list((found.at - outline) @ toward)
        inwards[id_] = float(np.mean(shifts))
    assert 0.5 < inwards["SKULL_R"] < 3.5
    assert inwards["SKULL_R"] == pytest.approx(inwards["SKULL_L"], abs=0.5)
