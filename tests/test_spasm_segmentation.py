"""The two-state course: exact against all courses, false alarms within the bound, stretches as frames."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlasplane.pathways.spasm.segmentation import (
    active_frames,
    activity_score,
    flags_of,
    joined,
    runs,
    switching_cost,
    turning_point,
)


def worth(score: np.ndarray, course: np.ndarray, cost: float) -> float:
    """Score of the active frames, less half of the cost for every change of state."""
    return float(score @ course - 0.5 * cost * np.count_nonzero(np.diff(course)))


@settings(max_examples=150)
@given(
    score=st.lists(st.one_of(st.floats(-8, 8), st.just(0.0)), min_size=1, max_size=9),
    cost=st.floats(0.1, 12),
)
def test_no_course_of_states_is_worth_more(score, cost):
    score = np.array(score)
    found = active_frames(score, cost).astype(int)
    best = max(worth(score, np.array(course), cost) for course in product((0, 1), repeat=len(score)))
    # Sums of at most nine numbers of up to 8 in double precision.
    assert worth(score, found, cost) == pytest.approx(best, abs=1e-12 * 100)


def test_the_score_changes_its_sign_where_the_rise_says():
    for rise in (2.0, 4.0):
        at = turning_point(rise)
        below, above = activity_score(np.array([0.999 * at, 1.001 * at]), dof=40, rise=rise, most=5)
        assert below < 0 < above
    assert turning_point(2.0) == pytest.approx(2 * np.log(2))


def test_the_score_is_the_log_ratio_of_the_two_densities():
    # chi-squared / dof with and without a rise R: (dof / 2) (x - x / R) - (dof / 2) ln R.
    x, dof, rise = np.array([0.7, 1.0, 2.5]), 36.0, 3.0
    from scipy.stats import chi2

    quiet = chi2.logpdf(x * dof, dof)
    active = chi2.logpdf(x * dof / rise, dof) - np.log(rise)
    assert activity_score(x, dof=dof, rise=rise, most=1e9) == pytest.approx(active - quiet, abs=1e-9)


def test_frames_that_tell_nothing_score_nothing_and_no_frame_decides():
    score = activity_score(np.array([np.nan, 1e9, 1e-9]), dof=40, rise=4, most=5.5)
    assert score.tolist() == [0.0, 5.5, -5.5]


def test_false_alarms_stay_within_the_bound():
    # Two million frames with a cost for 100 alarms in as many frames: the bound is 100 in the mean; a Poisson
    # count of mean 100 exceeds 140 with probability 1e-4. The rise and dof are those of the search.
    rng, n = np.random.default_rng(11), 1_728_000
    ratio = rng.chisquare(40, n) / 40
    cost = switching_cost(0.05, 100)
    found = runs(active_frames(activity_score(ratio, dof=40, rise=1.2, most=cost), cost))
    assert len(found) <= 140
    assert switching_cost(0.05, 0.1) == pytest.approx(np.log(17_280_000))


def test_a_weak_lasting_rise_is_found_where_a_short_one_is_not():
    # Each frame of a true rise R gains (dof / 2) (R - 1 - ln R) in the mean: 0.36 at 1.2, so that a cost of
    # 16.7 takes 47 frames; 40 s are 800 of them, 0.5 s are 10.
    rng, cost = np.random.default_rng(12), switching_cost(0.05, 0.1)
    ratio = rng.chisquare(40, 2000) / 40
    ratio[600:1400] *= 1.2
    ratio[1700:1710] *= 1.2
    found = runs(active_frames(activity_score(ratio, dof=40, rise=1.2, most=cost), cost))
    assert len(found) == 1
    assert abs(found[0, 0] - 600) < 60 and abs(found[0, 1] - 1400) < 60


@given(flags=st.lists(st.booleans(), max_size=40))
def test_stretches_and_frames_are_the_same_thing(flags):
    flags = np.array(flags, dtype=bool)
    assert np.array_equal(flags_of(runs(flags), len(flags)), flags)


def test_near_stretches_are_joined():
    parts = np.array([[0, 3], [5, 6], [9, 12], [13, 14]])
    assert joined(parts, 3).tolist() == [[0, 6], [9, 14]]
    assert joined(parts, 4).tolist() == [[0, 14]]
    assert joined(parts[:1], 99).tolist() == [[0, 3]]
