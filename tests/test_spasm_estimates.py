"""Intervals of burden, rate and durations: closed forms, one-sided ends, coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.pathways.spasm.estimates import (
    STRETCHES,
    burden_estimate,
    dispersion_of,
    mean_estimate,
    spasm_count,
)


def test_garwood_where_nothing_clusters():
    found = spasm_count(np.array([1] * 10), 4.0)
    assert found.dispersion == 1.0
    # Garwood 1936 of 10: 4.795 to 18.390.
    assert 4 * found.interval.low == pytest.approx(4.795, abs=1e-3)
    assert 4 * found.interval.high == pytest.approx(18.390, abs=1e-3)
    none = spasm_count(np.zeros(10, dtype=int), 2.0)
    assert (none.interval.low, none.interval.high) == (0.0, pytest.approx(-math.log(0.025) / 2))


def test_clusters_widen_the_interval_of_a_rate():
    even, clustered = np.full(10, 4), np.array([20, 0, 0, 0, 20, 0, 0, 0, 0, 0])
    # Variance over mean: 640 / 9 x ... = (2 x 16^2 + 8 x 4^2) / 9 / 4.
    assert dispersion_of(clustered) == pytest.approx((2 * 16**2 + 8 * 4**2) / 9 / 4)
    widths = [spasm_count(counts, 10.0).interval for counts in (even, clustered)]
    assert widths[1].high - widths[1].low > 3 * (widths[0].high - widths[0].low)
    assert dispersion_of(np.array([1, 0, 0])) == 1.0
    assert dispersion_of(np.array([5])) == 1.0


@pytest.mark.parametrize(("on", "low", "high"), [(0.0, 0.0, None), (100.0, None, 100.0)])
def test_all_or_nothing_has_a_one_sided_bound(on, low, high):
    found = burden_estimate(np.full(STRETCHES, on), STRETCHES * 100.0, independent_s=10.0)
    # 100 stretches alike: at most 1 - 0.05^(1/100) of such stretches are the other way.
    least = 100 * 0.05 ** (10 / 1000)
    assert found.value == on
    assert found.interval.low == pytest.approx(least if low is None else low)
    assert found.interval.high == pytest.approx(100 - least if high is None else high)


def test_nothing_analysed_has_no_interval():
    assert burden_estimate(np.zeros(STRETCHES), 0.0, independent_s=10.0).interval is None


def test_the_interval_of_a_burden_lies_between_0_and_100_and_mirrors():
    rng = np.random.default_rng(1)
    on = rng.uniform(0, 10, STRETCHES)
    one = burden_estimate(on, 100.0, independent_s=10.0)
    other = burden_estimate(10 - on, 100.0, independent_s=10.0)
    assert 0 < one.interval.low < one.value < one.interval.high < 100
    assert other.value == pytest.approx(100 - one.value)
    assert other.interval.low == pytest.approx(100 - one.interval.high)
    rare = burden_estimate(np.array([1.0] + [0.0] * 9), 1e6, independent_s=10.0)
    assert 0 < rare.interval.low < rare.value < rare.interval.high < 100


def test_means_have_positive_intervals_that_are_none_for_one_value():
    assert mean_estimate([]) is None
    assert mean_estimate([3.0]).interval is None
    assert mean_estimate([3.0, 3.0]).interval is None
    found = mean_estimate([1.0, 2.0, 3.0, 10.0])
    # Student's t of 3 degrees of freedom on the scale of the logarithm: 4 exp(-+3.1824 x 2.0412 / 4).
    assert found.u == pytest.approx(2.0412, abs=1e-4)
    assert found.interval.high == pytest.approx(4 * math.exp(3.18245 * 2.04124 / 4), rel=1e-4)
    assert found.interval.low * found.interval.high == pytest.approx(16.0)
    assert mean_estimate([1.0, 2.0, 3.0, 10.0], skewed=True).u != found.u


def night(rng, mean_on_s, mean_off_s, seconds, cv_on=0.6):
    """Spasms of one night as an alternating process: lognormal lengths, exponential pauses."""
    sigma = math.sqrt(math.log(1 + cv_on**2))
    n = int(4 * seconds / (mean_on_s + mean_off_s)) + 40
    off = rng.exponential(mean_off_s, n)
    on = rng.lognormal(math.log(mean_on_s) - sigma**2 / 2, sigma, n)
    stop = np.cumsum(on + off) - 10 * (mean_on_s + mean_off_s)
    rows = np.column_stack([stop - on, stop])
    return np.clip(rows[(rows[:, 1] > 0) & (rows[:, 0] < seconds)], 0, seconds)


@pytest.mark.parametrize(("on_s", "off_s"), [(5.0, 300.0), (30.0, 200.0), (60.0, 60.0), (200.0, 30.0)])
def test_intervals_of_the_burden_cover(on_s, off_s):
    rng, seconds, inside = np.random.default_rng(5), 8 * 3600.0, []
    for _ in range(400):
        rows = night(rng, on_s, off_s, seconds)
        edges = np.linspace(0, seconds, STRETCHES + 1)
        passed = np.concatenate([[0.0], np.cumsum(rows[:, 1] - rows[:, 0])])
        at = np.interp(edges, np.r_[0.0, rows.ravel(), seconds], np.repeat(passed, 2))
        found = burden_estimate(np.diff(at), seconds, independent_s=10.0).interval
        inside.append(found.low <= 100 * on_s / (on_s + off_s) <= found.high)
    # 95 % of 400 within four standard errors of 1.1 %.
    assert 0.906 < np.mean(inside) < 0.994
