"""Taubin circle: exactness, precision on the arcs of the joints, small shrinkage, invariance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.geometry.circle import Circle, taubin_circle
from atlasplane.geometry.types import Array
from tests.strategies import numbers, points_2d

INCH = 25.4
CONDYLES_MM = np.linspace(-28.0, 28.0, 8)
"""Eight points spread evenly across both condyles (the bow-tie), film mm from the midline."""
FACETS_MM = np.r_[-np.linspace(28.0, 10.0, 4), np.linspace(10.0, 28.0, 4)]
"""Four points a side, para-odontoid dip to outer edge of the axis facet, film mm from the midline."""


def arc(across: Array, radius: float) -> Array:
    """Points of a circle whose centre stands a radius above the origin."""
    return np.stack([across, radius - np.sqrt(radius**2 - across**2)], axis=-1)


def relative_sd(across: Array, radius: float, sd: float) -> float:
    circle = Circle(np.array([0.0, radius]), np.array(radius))
    return math.sqrt(circle.covariance(arc(across, radius), sd)[2, 2]) / radius


def kasa_radius(points: Array) -> Array:
    """The linear fit that the text compares with, shape (..., n, 2) -> (...)."""
    x, y = points[..., 0], points[..., 1]
    design = np.stack([x, y, np.ones_like(x)], axis=-1)
    d, e, f = np.moveaxis(np.linalg.pinv(design) @ -(x**2 + y**2)[..., None], -2, 0)
    return np.sqrt(d**2 / 4 + e**2 / 4 - f)[..., 0]


@given(points_2d, numbers(5, 200), st.lists(numbers(0, 6.28), min_size=3, max_size=9, unique=True))
def test_points_on_a_circle_give_it_back(centre, radius: float, angles) -> None:
    turns = np.sort(np.array(angles))
    gaps = np.diff(np.r_[turns, turns[0] + 2 * np.pi])
    if np.sum(gaps > 0.3) < 3:
        turns = np.array([0.0, 2.0, 4.0])
    points = centre + radius * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    circle = taubin_circle(points)
    # Moments of the fourth order about the mean of near-coincident points: at 0.3 rad arcs 1e-16 / 0.3^6 x
    # 200.
    assert float(circle.radius) == pytest.approx(radius, rel=1e-6)
    np.testing.assert_allclose(circle.centre, centre, atol=1e-4)
    np.testing.assert_allclose(circle.residuals(points), 0, atol=1e-5)


def test_three_points_by_hand() -> None:
    circle = taubin_circle(np.array([[5.0, 0.0], [-3.0, 4.0], [0.0, -5.0]]))
    np.testing.assert_allclose(circle.centre, [0, 0], atol=1e-12)
    assert float(circle.radius) == pytest.approx(5, rel=1e-12)
    assert float(circle.residuals(np.array([[0.0, 7.0]]))[0]) == pytest.approx(2)  # + outside


def test_points_on_one_line_have_no_circle() -> None:
    line = np.stack([np.arange(6.0), 2 * np.arange(6.0)], axis=-1)
    assert not np.isfinite(taubin_circle(line).radius) or taubin_circle(line).radius > 1e6
    assert (
        not np.isfinite(taubin_circle(np.zeros((4, 2))).radius) or taubin_circle(np.zeros((4, 2))).radius == 0
    )


@pytest.mark.parametrize(
    ("across", "diameter_in", "sd_mm", "percent"),
    [
        *[(CONDYLES_MM, 4, sd, p) for sd, p in ((0.3, 3), (0.5, 5), (1.0, 10))],
        *[(FACETS_MM, 8, sd, p) for sd, p in ((0.3, 8), (0.5, 14))],
        *[(FACETS_MM, 12, sd, p) for sd, p in ((0.3, 12), (0.5, 20))],
    ],
)
def test_precision_of_the_radius_as_in_the_text(across, diameter_in, sd_mm: float, percent: int) -> None:
    # Alignment 1.4, eight points, printed to a percent; the arc of the text is not stated, the layouts above
    # fit it.
    got = 100 * relative_sd(across, diameter_in * INCH / 2, sd_mm)
    assert got == pytest.approx(percent, abs=0.75)


@pytest.mark.parametrize(("diameter_in", "percent"), [(8, 29), (12, 43)])
def test_precision_at_one_millimetre_needs_simulation(diameter_in: float, percent: int) -> None:
    # The radius itself has no variance here (its reciprocal crosses 0); half the central 68 % stands for it,
    # and first order gives 26.7 and 41.1 %. The text's figures lie between the two.
    radius = diameter_in * INCH / 2
    rng = np.random.default_rng(5)
    drawn = taubin_circle(arc(FACETS_MM, radius) + rng.normal(0, 1.0, (8000, 8, 2))).radius
    low, high = np.quantile(drawn, [0.1587, 0.8413])
    simulated, first_order = 50 * (high - low) / radius, 100 * relative_sd(FACETS_MM, radius, 1.0)
    assert first_order < percent < simulated + 1.0  # quantiles of 8000 draws: +-0.5 %
    assert simulated - first_order < 10


def test_span_of_the_axial_circles() -> None:
    # "Axial circles of 8-12 in span only 20-32 deg": twice the angle whose sine is 28 mm over the radius.
    spans = [2 * math.degrees(math.asin(28 / (d * INCH / 2))) for d in (8, 12)]
    assert spans == [pytest.approx(32, abs=0.5), pytest.approx(21, abs=0.5)]


@pytest.mark.parametrize("span_deg", [40, 65, 90])
def test_covariance_agrees_with_simulation_on_short_arcs(span_deg: float) -> None:
    radius, sd, draws = 50.0, 0.05, 4000  # small noise: first order holds to (SD / R)^2
    turns = np.radians(np.linspace(-span_deg / 2, span_deg / 2, 10))
    points = radius * np.stack([np.sin(turns), -np.cos(turns)], axis=-1)
    fitted = taubin_circle(points + np.random.default_rng(2).normal(0, sd, (draws, 10, 2)))
    drawn = np.column_stack([fitted.centre, fitted.radius])
    expected = Circle(np.zeros(2), np.array(radius)).covariance(points, sd)
    # Standard error of a variance sqrt(2 / n) = 2.2 %: four of them, and as much for the covariances.
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(
        np.cov(drawn, rowvar=False) / scale, expected / scale, atol=4 * math.sqrt(2 / draws)
    )
    assert abs(drawn[:, 2].mean() - radius) < 4 * math.sqrt(expected[2, 2] / draws) + 0.01


@pytest.mark.parametrize("sd_mm", [0.3, 0.5, 1.0])
def test_taubin_hardly_shrinks_where_kasa_does(sd_mm: float) -> None:
    radius = 4 * INCH
    noisy = arc(FACETS_MM, radius) + np.random.default_rng(6).normal(0, sd_mm, (8000, 8, 2))
    # Standard error of a median 1.25 SD / sqrt n; SD = 26.7 % per mm.
    near = 4 * 1.25 * 0.27 * sd_mm / math.sqrt(8000)
    assert np.median(taubin_circle(noisy).radius) / radius == pytest.approx(1, abs=0.01 + near)
    shrunk = 1 - np.median(kasa_radius(noisy)) / radius
    # The text: 4, 8, 25 %; its layout is not stated, hence the last printed digit and one more.
    assert shrunk == pytest.approx({0.3: 0.04, 0.5: 0.08, 1.0: 0.25}[sd_mm], abs=0.02 + near)


@given(points_2d, numbers(-180, 180), numbers(0.1, 20))
def test_the_fit_moves_turns_scales_and_mirrors_with_the_points(shift, turn_deg: float, scale: float) -> None:
    points = arc(FACETS_MM, 90.0) + np.random.default_rng(1).normal(0, 0.2, (8, 2))
    c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    turn = scale * np.array([[c, -s], [s, c]]) @ np.diag([-1.0, 1.0])
    plain, moved = taubin_circle(points), taubin_circle(points @ turn.T + shift)
    # The arc's depth is 4 mm of 90: rounding is raised by (90 / 4)^2 or so.
    assert float(moved.radius) == pytest.approx(scale * float(plain.radius), rel=1e-8)
    np.testing.assert_allclose(moved.centre, turn @ plain.centre + shift, rtol=1e-8, atol=1e-6)


def test_many_circles_at_once() -> None:
    points = arc(FACETS_MM, 90.0) + np.random.default_rng(1).normal(0, 0.2, (3, 8, 2))
    together = taubin_circle(points)
    assert together.residuals(points).shape == (3, 8)
    for k in range(3):
        assert together.radius[k] == pytest.approx(float(taubin_circle(points[k]).radius), rel=1e-12)
