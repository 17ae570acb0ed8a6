"""PND, PEM, PAND and IRD against the worked example and against counting all removals."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from atlasplane.stats.refusal import OutOfOrder
from atlasplane.stats.single_case.old_literature import PandMethod, ird, pand, pem, pnd
from atlasplane.stats.single_case.series import Improvement, ab_series, phased_series

UP, DOWN = Improvement.INCREASE, Improvement.DECREASE
MINIMUM, SORT = PandMethod.MINIMUM_REMOVALS, PandMethod.SORT_TIES_TO_BASELINE
# Parker, Vannest and Davis 2011, doi:10.1177/0145445511399147.
PARKER = ab_series([20, 20, 26, 25, 22, 23], [28, 25, 24, 27, 30, 30, 29])


def test_the_worked_example_of_a_review():
    assert pnd(PARKER, improvement=UP).value == pytest.approx(5 / 7)
    assert pem(PARKER, improvement=UP).value == 1.0
    assert pand(PARKER, method=MINIMUM, improvement=UP).value == pytest.approx(11 / 13)
    assert ird(PARKER, improvement=UP).robust == pytest.approx(6 / 7 - 1 / 6)
    assert round(pand(PARKER, method=MINIMUM, improvement=UP).phi, 4) == 0.6905


def every_fewest_removal(before, after):
    """Sessions left out of each phase in all smallest sets without which the phases do not overlap."""
    values = np.concatenate([before, after])
    m, total = len(before), len(values)
    for size in range(total + 1):
        found = []
        for out in combinations(range(total), size):
            kept_a = [v for k, v in enumerate(values[:m]) if k not in out]
            kept_b = [v for k, v in enumerate(values[m:], start=m) if k not in out]
            if not kept_a or not kept_b or max(kept_a) < min(kept_b):
                found.append((sum(k < m for k in out), sum(k >= m for k in out)))
        if found:
            return size, found
    raise AssertionError


@pytest.mark.parametrize("seed", range(12))
def test_the_fewest_removals_are_the_fewest_of_all(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.integers(0, 6, 4).astype(float), rng.integers(1, 8, 4).astype(float)
    size, removed = every_fewest_removal(before, after)
    series = ab_series(before, after)
    assert pand(series, method=MINIMUM, improvement=UP).n_overlap == size
    found = ird(series, improvement=UP)
    regular = [1 - a / 4 - b / 4 for a, b in removed]
    assert (found.n_removed, found.low, found.high) == (
        size,
        pytest.approx(min(regular)),
        pytest.approx(max(regular)),
    )


def test_the_regular_rate_difference_is_not_one_number():
    found = ird(ab_series([1, 2, 5], [4, 6, 7, 8, 9, 10]), improvement=UP)
    # Either the 5 or the 4 is left out.
    assert (found.low, found.high) == (pytest.approx(1 - 1 / 3), pytest.approx(1 - 1 / 6))
    assert found.low < found.robust < found.high


def test_two_methods_under_one_name_differ_by_more_than_ten_points():
    series = ab_series([1, 2, 3, 3, 3, 3], [3, 3, 4, 5, 6, 7])
    sort, minimum = (pand(series, method=method, improvement=UP) for method in (SORT, MINIMUM))
    assert (sort.value, sort.phi) == (1.0, 1.0)
    assert minimum.n_overlap == 2
    assert sort.value - minimum.value > 0.1


def test_the_sorted_method_counts_both_sides_of_the_cut():
    found = pand(ab_series([1, 2, 9], [3, 8, 10, 11]), method=SORT, improvement=UP)
    # In order 1 2 3 | 8 9 10 11: the 3 and the 9 lie on the wrong side.
    assert (found.n_overlap, found.value) == (2, pytest.approx(5 / 7))
    assert found.phi == pytest.approx(1 - 1 / 3 - 1 / 4)


def test_robust_rate_difference_is_the_phi_of_pand():
    found = pand(PARKER, method=MINIMUM, improvement=UP)
    assert found.phi == ird(PARKER, improvement=UP).robust
    assert found.phi == pytest.approx(1 - 13**2 / (2 * 6 * 7) * (1 - found.value))


def everything(series, improvement):
    rate = ird(series, improvement=improvement)
    return [
        pnd(series, improvement=improvement).value,
        pem(series, improvement=improvement).value,
        *(pand(series, method=method, improvement=improvement).value for method in PandMethod),
        *(rate.robust, rate.low, rate.high),
    ]


def test_mirroring_unit_and_order_change_nothing():
    before, after = PARKER.ab()
    plain = everything(PARKER, UP)
    assert everything(ab_series(-before, -after), DOWN) == pytest.approx(plain)
    assert everything(ab_series(3 * before[::-1] + 1, 3 * after[::-1] + 1), UP) == pytest.approx(plain)


def test_one_outlier_makes_pnd_nothing():
    assert pnd(ab_series([1, 2, 99], [50, 60, 70]), improvement=UP).value == 0.0
    assert pnd(ab_series([1, 2, 99], [50, 60, 70]), improvement=DOWN).value == 0.0


def test_a_value_on_the_median_counts_half():
    assert pem(ab_series([1, 2, 3], [2, 3, 1, 5]), improvement=UP).value == pytest.approx(2.5 / 4)


def test_all_tied_and_one_session_a_phase():
    tied = ab_series([4, 4], [4, 4, 4])
    assert (pnd(tied, improvement=UP).value, pem(tied, improvement=UP).value) == (0.0, 0.5)
    assert pand(tied, method=MINIMUM, improvement=UP).n_overlap == 2
    assert everything(ab_series([1], [2]), UP) == [1.0] * 7


def test_other_phases_are_refused():
    series = phased_series([1, 2, 3], "ABA", baseline="A")
    for index in (pnd, pem, ird):
        with pytest.raises(OutOfOrder):
            index(series, improvement=UP)
    with pytest.raises(OutOfOrder):
        pand(series, method=MINIMUM, improvement=UP)
