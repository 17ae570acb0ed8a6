"""Least squares with priors: closed forms, robust weights, hard valleys, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.geometry.least_squares import NotConverged, NotFinite, innovation_factor, minimise


def linear(matrix: np.ndarray, data: np.ndarray):
    return lambda z: (matrix @ z - data, matrix)


@pytest.mark.parametrize("rows", [4, 20])
def test_a_linear_problem_is_ridge_regression(rows: int) -> None:
    """(J'J + I)^-1 J'y, with more unknowns than residuals and with fewer."""
    rng = np.random.default_rng(rows)
    matrix, data = rng.normal(0, 3, (rows, 8)), rng.normal(0, 5, rows)
    found = minimise(linear(matrix, data), 8)
    expected = np.linalg.solve(matrix.T @ matrix + np.eye(8), matrix.T @ data)
    np.testing.assert_allclose(found.unknowns, expected, atol=1e-12)
    assert found.iterations == 2  # one step, and one to see that nothing is left
    residual = matrix @ expected - data
    assert found.objective == pytest.approx(residual @ residual + expected @ expected)
    np.testing.assert_array_equal(found.weights, 1)


def test_without_data_the_prior_stays() -> None:
    found = minimise(linear(np.zeros((2, 3)), np.ones(2)), 3)
    np.testing.assert_array_equal(found.unknowns, 0)
    assert found.objective == 2


def test_one_outlier_pulls_no_further_than_its_constant() -> None:
    """A mean of ten zeros and one 100 under a wide prior: Huber's k / 10 (10 m = k)."""
    matrix = 1e3 * np.kron(np.ones((11, 1)), np.eye(2))
    data = np.zeros(22)
    data[-2:] = [60.0, 80.0]
    found = minimise(linear(matrix, data), 2, robust_k=2.0)
    mean = 1e3 * found.unknowns
    # Ten residuals of length m against one of weight k / (100 - m): pull 10 m = 2 along (0.6, 0.8).
    np.testing.assert_allclose(mean, 0.2 * np.array([0.6, 0.8]), rtol=1e-4)
    assert found.weights[-1] == pytest.approx(2 / 99.8, rel=1e-4)
    assert found.weights[0] == 1
    plain = 1e3 * minimise(linear(matrix, data), 2).unknowns
    np.testing.assert_allclose(plain, np.array([60, 80]) / 11, rtol=1e-5)


def test_a_curved_valley_is_followed_to_its_end() -> None:
    """Rosenbrock's valley, scaled so that the prior matters little: minimum near (1, 1)."""

    def valley(z):
        x, y = 100 * z
        residual = 1e3 * np.array([10 * (y - x**2), 1 - x])
        return residual, 1e5 * np.array([[-20 * x, 10.0], [-1.0, 0.0]])

    found = minimise(valley, 2, most_iterations=200)
    np.testing.assert_allclose(100 * found.unknowns, [1, 1], atol=1e-3)


def test_steps_that_overshoot_are_shortened() -> None:
    """Residual and curvature as large as the derivative: undamped steps would swing for ever.

    e = (3 + z^2 / 2, z): the objective has the curvature 2 (1 + 3 + 1), the linear model 2 (1 + 1).
    """

    def bowl(z):
        return np.array([3 + (z[0] + 0.4) ** 2 / 2, z[0] + 0.4]), np.array([[z[0] + 0.4], [1.0]])

    found = minimise(bowl, 1)
    gradient = found.jacobian.T @ found.residuals + found.unknowns
    assert abs(gradient[0]) < 1e-3
    assert found.iterations < 25


def test_steps_that_fall_short_go_on_until_nothing_is_left() -> None:
    """Large residuals that bend away: the linear model sees the curvature 10, the objective 0.7 at first.

    e = (93 - z^2 / 20, 3 z - 1): half the gradient is z^3 / 200 + 0.7 z - 3. Steps shrink by about
    1 - 0.9 / 10 each, so that some 100 are needed for 1e-7 of the objective.
    """

    def saddle(z):
        return np.array([93 - z[0] ** 2 / 20, 3 * z[0] - 1]), np.array([[-z[0] / 10], [3.0]])

    found = minimise(saddle, 1)
    expected = max(root.real for root in np.roots([1 / 200, 0, 0.7, -3]))
    assert found.unknowns[0] == pytest.approx(expected, abs=1e-2)
    assert found.iterations > 60
    with pytest.raises(NotConverged, match="no minimum within 60"):
        minimise(saddle, 1, most_iterations=60)


def test_a_step_into_the_undefined_is_taken_back() -> None:
    """log x for data 5 from x = 1: the first full step overshoots where the model is not finite."""

    def root(z):
        if z[0] > 4:
            return np.array([np.nan, np.nan]), np.zeros((2, 1))
        return np.array([10 * (np.sqrt(4.5 - z[0]) - 1), 0.0]), np.array([[-5 / np.sqrt(4.5 - z[0])], [0.0]])

    found = minimise(root, 1)
    gradient = found.jacobian.T @ found.residuals + found.unknowns
    assert abs(gradient[0]) < 1e-3


def test_nan_at_the_prior_is_refused() -> None:
    with pytest.raises(NotFinite, match="at the prior"):
        minimise(lambda z: (np.full(2, np.nan), np.zeros((2, 1))), 1)


def test_too_few_steps_are_no_result() -> None:
    def wrong(z):
        return np.array([z[0] - 1, 0.0]), np.array([[-1.0], [0.0]])  # a derivative of the wrong sign

    with pytest.raises(NotConverged, match="no minimum within 7"):
        minimise(wrong, 1, most_iterations=7)


def test_innovation_factor_is_the_root_of_the_covariance_of_the_data() -> None:
    jacobian = np.random.default_rng(3).normal(0, 1, (5, 3))
    factor, lower = innovation_factor(jacobian, damping=0.5)
    assert lower
    root = np.tril(factor)
    np.testing.assert_allclose(root @ root.T, 1.5 * np.eye(5) + jacobian @ jacobian.T, atol=1e-13)
