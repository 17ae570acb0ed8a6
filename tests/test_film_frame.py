"""From pixels to the patient's axes on the film: mirrored, turned and non-square images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.geometry.film_frame import FilmFrame
from tests.strategies import numbers, points_2d

LEFT, RIGHT = np.array([-1.0, 0.0]), np.array([1.0, 0.0])
UP, DOWN = np.array([0.0, -1.0]), np.array([0.0, 1.0])
ORIGIN = np.array([100.0, 200.0])


@pytest.mark.parametrize(
    ("first", "second", "film"),
    [
        (LEFT, UP, (-1.0, 3.0)),  # face to face: the patient's right is the image's left
        (RIGHT, UP, (1.0, 3.0)),  # seen from behind: only the first sign changes
        (DOWN, RIGHT, (-3.0, 1.0)),  # a turned image
    ],
)
def test_a_point_right_of_and_above_the_origin(first, second, film) -> None:
    frame = FilmFrame.of(first, second, np.array([0.1, 0.2]), ORIGIN)
    # 10 columns of 0.1 mm to the right, 15 rows of 0.2 mm up.
    np.testing.assert_allclose(frame.film(np.array([110.0, 185.0])), film, atol=1e-14)
    np.testing.assert_array_equal(frame.film(ORIGIN), [0, 0])


directions = st.sampled_from([(LEFT, UP), (RIGHT, UP), (RIGHT, DOWN), (DOWN, RIGHT), (UP, LEFT)])


@given(directions, numbers(0.05, 2), numbers(0.05, 2), points_2d)
def test_there_and_back(axes, column_mm: float, row_mm: float, pixel) -> None:
    frame = FilmFrame.of(*axes, [column_mm, row_mm], ORIGIN)
    # Pixels up to 500, condition of the pixel sizes up to 40.
    np.testing.assert_allclose(frame.pixels(frame.film(pixel)), pixel, atol=1e-11)


def test_covariance_is_scaled_by_its_own_axis_and_mirrors_its_correlation() -> None:
    cov_px = np.array([[4.0, 1.0], [1.0, 9.0]])
    plain = FilmFrame.of(RIGHT, UP, np.array([0.1, 0.2]), ORIGIN).covariance(cov_px)
    np.testing.assert_allclose(plain, [[0.04, -0.02], [-0.02, 0.36]], rtol=1e-14)
    mirrored = FilmFrame.of(LEFT, UP, np.array([0.1, 0.2]), ORIGIN).covariance(cov_px)
    np.testing.assert_allclose(mirrored, [[0.04, 0.02], [0.02, 0.36]], rtol=1e-14)


def test_many_points_at_once() -> None:
    frame = FilmFrame.of(LEFT, UP, np.array([0.1, 0.2]), ORIGIN)
    pixels = np.arange(24.0).reshape(4, 3, 2)
    np.testing.assert_array_equal(frame.film(pixels)[2, 1], frame.film(pixels[2, 1]))
