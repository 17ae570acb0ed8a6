"""Law of propagation of uncertainty: hand-worked derivatives, second order, degrees of freedom, bias."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import (
    bias_widened_u,
    covariance,
    effective_dof,
    jacobian,
    second_order_u,
)
from tests.strategies import numbers


def test_jacobian_of_a_product_and_a_sum() -> None:
    def model(x: Array) -> Array:
        return np.stack([x[..., 0] * x[..., 1], x[..., 0] + 2 * x[..., 1]], axis=-1)

    # Central differences are exact for polynomials of degree 2; what is left is rounding, 1e-16 x 6 / 0.01.
    got = jacobian(model, np.array([3.0, 2.0]), np.array([0.01, 0.02]))
    np.testing.assert_allclose(got, [[2, 3], [1, 2]], atol=1e-12)


def test_jacobian_error_falls_with_the_square_of_the_step() -> None:
    def sine(x: Array) -> Array:
        return np.sin(x)

    for step in (0.1, 0.05):
        got = jacobian(sine, np.array([0.7]), np.array([step]))[0, 0]
        # sin(h)/h - 1 = -h^2/6 (1 - h^2/20 ...), times the derivative.
        assert got == pytest.approx(math.cos(0.7) * (1 - step**2 / 6), abs=math.cos(0.7) * step**4 / 100)


def test_covariance_is_the_sandwich_and_stays_symmetric() -> None:
    j, cov = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[4.0, 1.0], [1.0, 9.0]])
    # Var(a + b) = 4 + 9 + 2, Var(a - b) = 4 + 9 - 2, Cov(a + b, a - b) = 4 - 9.
    np.testing.assert_array_equal(covariance(j, cov), [[15, -5], [-5, 11]])


def test_second_order_of_a_square_at_zero_is_exact() -> None:
    # x^2 with x ~ N(0, u): variance 2 u^4, of which first order sees nothing.
    got = second_order_u(lambda x: x**2, np.zeros(1), [0.3])
    assert got == pytest.approx(math.sqrt(2) * 0.09, rel=1e-9)  # polynomial: exact but for rounding


def test_second_order_of_a_product_counts_the_mixed_term_once() -> None:
    # x y, independent: y^2 ux^2 + x^2 uy^2 + ux^2 uy^2 exactly.
    got = second_order_u(lambda x: x[..., :1] * x[..., 1:], np.array([2.0, 3.0]), [0.5, 0.7])
    assert got == pytest.approx(math.sqrt(9 * 0.25 + 4 * 0.49 + 0.25 * 0.49), rel=1e-9)


def test_second_order_takes_third_derivatives() -> None:
    # x^3 at 1, u = 0.2: f' = 3, f'' = 6, f''' = 6; variance 9 u^2 + (18 + 18) u^4. The central difference of
    # f' carries f''' h^2 u^2 / 6 = h^2 u^2 = 4e-4, 0.013 % of 3.
    exact = math.sqrt(9 * 0.04 + 36 * 0.0016)
    assert second_order_u(lambda x: x**3, np.ones(1), [0.2]) == pytest.approx(exact, rel=2e-4)
    # x y^2 at (1, 1): the mixed third derivative d3f/dxdy2 = 2 joins f_x = 1.
    # variance = ux^2 + 4 uy^2 + 2 uy^4 + 4 ux^2 uy^2 + f_x f_xyy ux^2 uy^2 (+ f_y f_yxx = 0).
    got = second_order_u(lambda x: x[..., :1] * x[..., 1:] ** 2, np.ones(2), [0.1, 0.2])
    assert got == pytest.approx(math.sqrt(0.01 + 4 * 0.04 + 2 * 0.0016 + 6 * 0.01 * 0.04), rel=1e-9)


def test_second_order_refuses_where_the_expansion_breaks_down() -> None:
    # sin at 0 with u = 2: u^2 - u^4 < 0.
    with pytest.raises(ValueError, match="Monte Carlo"):
        second_order_u(np.sin, np.zeros(1), [2.0])


def test_welch_satterthwaite_by_hand() -> None:
    # Two equal contributions of 10 degrees of freedom: 4 / (2 / 10) = 20.
    assert effective_dof(math.sqrt(2), (1, 1), (10, 10)) == pytest.approx(20, rel=1e-12)
    # An exactly known one beside them only raises the combined u: 9 / (2 / 10) = 45.
    assert effective_dof(math.sqrt(3), (1, 1, 1), (10, 10, math.inf)) == pytest.approx(45, rel=1e-12)


@pytest.mark.parametrize(
    ("contributions", "dofs"), [((1.0, 2.0), (math.inf, math.inf)), ((0.0,), (5,)), ((), ())]
)
def test_nothing_estimated_leaves_dof_infinite(contributions, dofs) -> None:
    assert effective_dof(2.0, contributions, dofs) == math.inf


def test_contributions_and_dofs_go_in_pairs() -> None:
    with pytest.raises(ValueError, match="zip"):
        effective_dof(1.0, (1.0,), (5, 6))


@given(st.lists(st.tuples(numbers(0.01, 10), numbers(1, 200)), min_size=1, max_size=5))
def test_effective_dof_lies_between_the_smallest_and_the_sum(parts) -> None:
    contributions, dofs = zip(*parts, strict=True)
    got = effective_dof(math.hypot(*contributions), contributions, dofs)
    assert min(dofs) * (1 - 1e-12) <= got <= sum(dofs) * (1 + 1e-12)  # rounding of two sums of squares


@pytest.mark.parametrize("bias", [0.0, 0.1, 0.5, 1.0, 1.96, 3.0, 5.0])
@pytest.mark.parametrize("u", [0.2, 1.0, 4.0])
def test_widened_u_keeps_the_coverage_exact(bias: float, u: float) -> None:
    half = 1.96 * float(bias_widened_u(bias * u, u))
    covered = ndtr((half - bias * u) / u) - ndtr((-half - bias * u) / u)
    # 50 halvings of at most 7 u leave 6e-15 u, times a density of at most 0.4 per u and two ends.
    assert covered == pytest.approx(math.erf(1.96 / math.sqrt(2)), abs=1e-13)


def test_without_bias_u_is_unchanged_and_far_away_it_grows_like_the_bias() -> None:
    assert float(bias_widened_u(0.0, 0.7)) == pytest.approx(0.7, rel=1e-14)
    # One tail is left beyond b = 4 u: h = b + z u with Phi(z) the two-sided probability of k = 1.96.
    assert 1.96 * float(bias_widened_u(5.0, 1.0)) == pytest.approx(5 + 1.645, abs=5e-4)  # 1.6448 rounded


@given(numbers(-5, 5), numbers(0.01, 10))
def test_widening_ignores_the_sign_and_scales_with_the_unit(bias: float, u: float) -> None:
    plain = float(bias_widened_u(bias, u))
    assert plain >= u * (1 - 1e-13)
    assert float(bias_widened_u(-bias, u)) == plain
    assert float(bias_widened_u(7 * bias, 7 * u)) == pytest.approx(7 * plain, rel=1e-12)


def test_widening_works_elementwise_and_at_other_coverage_factors() -> None:
    bias, u = np.array([0.0, 1.0, -2.0]), np.array([1.0, 2.0, 0.5])
    together = bias_widened_u(bias, u, k=2.576)
    alone = [float(bias_widened_u(b, s, k=2.576)) for b, s in zip(bias, u, strict=True)]
    np.testing.assert_array_equal(together, alone)
    assert 2.576 * alone[1] / 2 == pytest.approx(0.5 + 2.326, abs=0.03)  # one tail holds nearly all of 1 %
