"""Intervals of a share against scipy's, and what they refuse."""

from __future__ import annotations

import pytest
from scipy import stats

from atlasplane.stats.refusal import OutOfRange
from atlasplane.stats.shares import clopper_pearson, wilson

CASES = [(0, 12), (1, 12), (7, 12), (12, 12), (263, 1000)]


@pytest.mark.parametrize(("n_found", "n_tried"), CASES)
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_both_intervals_are_those_of_an_independent_program(n_found: int, n_tried: int, level: float) -> None:
    peer = stats.binomtest(n_found, n_tried)
    exact, score = peer.proportion_ci(level, "exact"), peer.proportion_ci(level, "wilson")
    assert clopper_pearson(n_found, n_tried, level=level) == pytest.approx((exact.low, exact.high))
    assert wilson(n_found, n_tried, level=level) == pytest.approx((score.low, score.high))


@pytest.mark.parametrize("of", [clopper_pearson, wilson])
def test_what_is_found_and_what_is_missed_mirror_each_other(of) -> None:
    low, high = of(3, 17, level=0.95)
    assert of(14, 17, level=0.95) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize("of", [clopper_pearson, wilson])
def test_the_ends_stay_within_0_and_1(of) -> None:
    assert of(0, 5, level=0.95)[0] == pytest.approx(0.0, abs=1e-15)
    assert of(5, 5, level=0.95)[1] == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("of", [clopper_pearson, wilson])
@pytest.mark.parametrize(
    ("n_found", "n_tried", "level"), [(3, 2, 0.95), (-1, 2, 0.95), (0, 0, 0.95), (1, 2, 1.0)]
)
def test_impossible_counts_and_levels_are_refused(of, n_found: int, n_tried: int, level: float) -> None:
    with pytest.raises(OutOfRange):
        of(n_found, n_tried, level=level)
