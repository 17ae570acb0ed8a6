"""Propagation of distributions: each density's moments, both kinds of interval, the adaptive stop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from atlasplane.geometry.types import Array
from atlasplane.uncertainty.monte_carlo import (
    Arcsine,
    CurvilinearTrapezoid,
    Distribution,
    Normal,
    Rectangular,
    StudentT,
    adaptive_monte_carlo,
    monte_carlo,
    numerical_tolerance,
    summarise,
    transformed,
)

COUNT = 40_000
NEAR = 4.0
"""Standard errors: chance of a false alarm 6e-5 a comparison, and the seeds are fixed."""

DENSITIES = [
    # distribution, mean, variance, fourth central moment over variance squared, limits
    (Normal(2.0, 0.5), 2.0, 0.25, 3.0, (-math.inf, math.inf)),
    # t: variance nu / (nu - 2) u^2, kurtosis 3 + 6 / (nu - 4).
    (StudentT(1.0, 2.0, 10), 1.0, 4.0 * 10 / 8, 4.0, (-math.inf, math.inf)),
    (Rectangular(-1.0, 5.0), 2.0, 3.0, 1.8, (-1.0, 5.0)),
    (Arcsine(-0.5, 0.5), 0.0, 0.125, 1.5, (-0.5, 0.5)),
    (Arcsine(1.0, 3.0), 2.0, 0.5, 1.5, (1.0, 3.0)),
    # JCGM 101, 6.4.3.4: variance (b - a)^2 / 12 + d^2 / 9.
    (CurvilinearTrapezoid(-1.0, 1.0, 0.5), 0.0, 1 / 3 + 0.25 / 9, 2.1, (-1.5, 1.5)),
    (CurvilinearTrapezoid(4.0, 10.0, 0.3), 7.0, 3.0 + 0.01, 1.9, (3.7, 10.3)),
]


@pytest.mark.parametrize(("density", "mean", "variance", "kurtosis", "limits"), DENSITIES)
def test_draws_have_the_moments_of_their_density(
    density: Distribution, mean: float, variance: float, kurtosis: float, limits: tuple[float, float]
) -> None:
    drawn = density.draw(COUNT, np.random.default_rng(7))
    assert drawn.shape == (COUNT,)
    assert abs(drawn.mean() - mean) < NEAR * math.sqrt(variance / COUNT)
    assert abs(drawn.var() - variance) < NEAR * variance * math.sqrt((kurtosis - 1) / COUNT)
    assert limits[0] <= drawn.min()
    assert drawn.max() <= limits[1]


def test_arcsine_crowds_its_limits() -> None:
    drawn = Arcsine(-1.0, 1.0).draw(COUNT, np.random.default_rng(3))
    # P(|x| > cos 45 deg) = 1/2.
    assert abs(np.mean(np.abs(drawn) > math.sqrt(0.5)) - 0.5) < NEAR * math.sqrt(0.25 / COUNT)


def test_trapezoid_with_exact_limits_is_rectangular() -> None:
    drawn = CurvilinearTrapezoid(0.0, 1.0, 0.0).draw(COUNT, np.random.default_rng(5))
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3


def normal_pair(count: int, rng: np.random.Generator) -> Array:
    return rng.multivariate_normal([0.0, 1.0], [[1.0, 0.6], [0.6, 4.0]], size=count)


def test_a_run_of_fixed_size_gives_joint_moments_and_ends() -> None:
    run = monte_carlo(lambda x: x, normal_pair, draws=COUNT, rng=np.random.default_rng(1), level=0.9)
    assert (run.draws, run.level, run.interval, run.stable) == (COUNT, 0.9, "symmetric", True)
    for k, (mean, u) in enumerate([(0.0, 1.0), (1.0, 2.0)]):
        assert abs(run.mean[k] - mean) < NEAR * u / math.sqrt(COUNT)
        assert abs(run.u[k] - u) < NEAR * u / math.sqrt(2 * COUNT)
        # Quantile of a normal at z = 1.645: standard error sqrt(p q / n) / density(z) = sqrt(0.0475 / n) /
        # 0.1031.
        end = NEAR * u * math.sqrt(0.05 * 0.95 / COUNT) / 0.1031
        assert abs(run.low[k] - (mean - 1.6449 * u)) < end
        assert abs(run.high[k] - (mean + 1.6449 * u)) < end
    # Correlation 0.3: standard error of the covariance u1 u2 sqrt((1 + r^2) / n).
    assert abs(run.cov[0, 1] - 0.6) < NEAR * 2.0 * math.sqrt(1.09 / COUNT)


@pytest.mark.parametrize(("draws", "sizes"), [(25, [10, 10, 5]), (20, [10, 10]), (7, [7])])
def test_draws_come_in_blocks_that_add_up(draws: int, sizes: list[int]) -> None:
    asked: list[int] = []

    def sampler(count: int, rng: np.random.Generator) -> Array:
        asked.append(count)
        return rng.normal(size=(count, 1))

    run = monte_carlo(lambda x: x, sampler, draws=draws, rng=np.random.default_rng(1), block=10)
    assert (asked, run.draws) == (sizes, draws)


def test_one_output_still_has_a_covariance_matrix() -> None:
    run = monte_carlo(lambda x: x[:, :1], normal_pair, draws=500, rng=np.random.default_rng(2))
    assert run.cov.shape == (1, 1)
    assert run.cov[0, 0] == pytest.approx(run.u[0] ** 2, rel=1e-12)


def test_the_same_seed_gives_the_same_answer() -> None:
    once, again = (
        monte_carlo(np.square, normal_pair, draws=1000, rng=np.random.default_rng(11)) for _ in range(2)
    )
    np.testing.assert_array_equal(once.u, again.u)


def test_shortest_interval_hugs_the_mode_of_a_skewed_density() -> None:
    outputs = np.random.default_rng(4).exponential(size=(COUNT, 1))
    shortest = summarise(outputs, level=0.95, interval="shortest")
    symmetric = summarise(outputs, level=0.95, interval="symmetric")
    # Exponential: shortest [0, -ln 0.05 = 2.996], symmetric [0.0253, 3.689]; the 95 % quantile's standard
    # error is sqrt(0.05 x 0.95 / n) / 0.05.
    assert shortest.low[0] < 10 / COUNT
    assert abs(shortest.high[0] - 2.9957) < NEAR * math.sqrt(0.0475 / COUNT) / 0.05
    assert abs(symmetric.low[0] - 0.0253) < NEAR * math.sqrt(0.025 * 0.975 / COUNT) / 0.975
    assert np.mean((shortest.low <= outputs) & (outputs <= shortest.high)) >= 0.95


def test_shortest_interval_of_a_handful_is_their_range() -> None:
    outputs = np.array([[3.0], [1.0], [2.0]])
    run = summarise(outputs, level=0.95, interval="shortest")
    assert (run.low[0], run.high[0]) == (1.0, 3.0)


def test_shortest_interval_of_each_output_on_its_own() -> None:
    # 10 values, 50 %: six of them in a row; the closest six start at 0 in one column and at 4 in the other.
    left = np.array([0, 1, 2, 3, 4, 5, 20, 40, 60, 80.0])
    run = summarise(np.stack([left, -left], axis=-1), level=0.5, interval="shortest")
    np.testing.assert_array_equal([run.low, run.high], [[0, -5], [5, 0]])


def test_adaptive_run_stops_when_two_digits_are_stable() -> None:
    run = adaptive_monte_carlo(lambda x: x, normal_pair, rng=np.random.default_rng(8), digits=1)
    assert run.stable
    assert run.draws % 10_000 == 0
    assert run.draws >= 20_000
    # One digit of u = 1 and of u = 2 (JCGM 101, 7.9.2): 0.5 for both, met with the second block.
    assert run.draws == 20_000
    finer = adaptive_monte_carlo(lambda x: x, normal_pair, rng=np.random.default_rng(8), digits=2)
    assert finer.stable
    assert finer.draws > run.draws
    assert np.all(np.abs(finer.high - [1.96, 1 + 3.92]) < 0.05)  # the tolerance that it met


def test_adaptive_run_says_when_it_gave_up() -> None:
    run = adaptive_monte_carlo(
        lambda x: x, normal_pair, rng=np.random.default_rng(8), digits=3, max_draws=30_000
    )
    assert (run.stable, run.draws) == (False, 30_000)


def test_adaptive_block_grows_with_the_level() -> None:
    asked: list[int] = []

    def sampler(count: int, rng: np.random.Generator) -> Array:
        asked.append(count)
        return rng.normal(size=(count, 1))

    adaptive_monte_carlo(lambda x: x, sampler, rng=np.random.default_rng(8), digits=1, level=0.999)
    assert set(asked) == {100_000}  # 100 / (1 - p)


def test_adaptive_run_of_a_constant_is_stable_at_once() -> None:
    run = adaptive_monte_carlo(np.zeros_like, normal_pair, rng=np.random.default_rng(8))
    assert (run.stable, run.draws, run.u.tolist()) == (True, 20_000, [0.0, 0.0])


@pytest.mark.parametrize(
    ("u", "digits", "tolerance"),
    # JCGM 101, 7.9.2: u = 0.35 with two digits is 35 x 10^-2, so 0.5 x 10^-2; with one digit 0.5 x 10^-1.
    [(0.35, 2, 0.005), (0.35, 1, 0.05), (36.0, 2, 0.5), (100.0, 2, 5.0), (99.0, 2, 0.5), (0.0, 2, 0.0)],
)
def test_numerical_tolerance(u: float, digits: int, tolerance: float) -> None:
    assert float(numerical_tolerance(u, digits=digits)) == pytest.approx(tolerance, rel=1e-12)


def test_numerical_tolerance_of_several() -> None:
    np.testing.assert_allclose(
        numerical_tolerance(np.array([3.2, 0.032]), digits=2), [0.05, 0.0005], rtol=1e-12
    )


def test_a_product_by_rows_is_the_product() -> None:
    rng = np.random.default_rng(3)
    draws, matrix = rng.standard_normal((1000, 4)), rng.standard_normal((4, 3))
    # Four products and three sums of numbers of order 1: a few units in the last place.
    assert np.abs(transformed(draws, matrix) - draws @ matrix).max() < 1e-14
