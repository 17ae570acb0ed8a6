"""A series of sessions in phases: its views, and what is no series."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.stats.refusal import Duplicate, NotFinite, OutOfOrder, OutOfRange, TooFew, WrongShape
from atlasplane.stats.single_case.series import (
    Improvement,
    PhasedSeries,
    Stretch,
    ab_series,
    phased_series,
)

ABAB = phased_series([1, 2, 3, 4, 5, 6, 7], "AABBABB", baseline="A")


def test_stretches_follow_the_order_of_sessions():
    assert ABAB.stretches == (
        Stretch(label="A", start=0, stop=2),
        Stretch(label="B", start=2, stop=4),
        Stretch(label="A", start=4, stop=5),
        Stretch(label="B", start=5, stop=7),
    )
    assert [len(stretch) for stretch in ABAB.stretches] == [2, 2, 1, 2]
    assert ABAB.n_sessions == 7


def test_a_label_that_returns_is_one_phase_of_two_stretches():
    assert ABAB.of("A").tolist() == [1, 2, 5]
    assert ABAB.of("C").tolist() == []
    assert ABAB.treated.tolist() == [False, False, True, True, False, True, True]


def test_a_part_keeps_sessions_and_labels():
    second = ABAB.part(2, 3)
    assert second.sessions.tolist() == [5, 6, 7]
    before, after = second.ab()
    assert (before.tolist(), after.tolist()) == ([5], [6, 7])
    whole = ABAB.part(0, 3)
    assert (whole.values.tolist(), whole.phases) == (ABAB.values.tolist(), ABAB.phases)


def test_two_rows_make_the_same_series_as_labels():
    one = ab_series([1, 2], [3, 4, 5])
    other = phased_series([1, 2, 3, 4, 5], ["A", "A", "B", "B", "B"], baseline="A", sessions=[1, 2, 3, 4, 5])
    for name in ("values", "sessions"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert (one.phases, one.baseline) == (other.phases, other.baseline)


def test_one_session_a_phase_is_a_series():
    before, after = ab_series([1.0], [2.0]).ab()
    assert (before.tolist(), after.tolist()) == ([1.0], [2.0])


def test_what_is_given_is_copied_and_cannot_be_changed():
    row = np.array([1.0, 2.0])
    series = phased_series(row, "AB", baseline="A")
    row[0] = 9.0
    assert series.values[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        series.values[0] = 3.0


def test_better_is_plus():
    assert (Improvement.INCREASE.sign, Improvement.DECREASE.sign) == (1, -1)


@pytest.mark.parametrize(
    ("values", "phases", "sessions", "refusal", "words"),
    [
        ([1, np.nan], "AB", None, NotFinite, "missing"),
        ([1, np.inf], "AB", None, NotFinite, "infinite"),
        ([], "", None, TooFew, "0 values"),
        ([[1, 2]], "AB", None, WrongShape, "2 dimensions"),
        ([1, 2], "ABB", None, WrongShape, "3 phase labels for 2 values"),
        ([1, 2], "AB", [1, 2, 3], WrongShape, "unequal lengths"),
        ([1, 2, 3], "AAB", [1, 3, 2], OutOfOrder, "back in time"),
        ([1, 2, 3], "AAB", [1, 2, 2], Duplicate, "session 2 has two values"),
        ([1, 2], "BC", None, OutOfRange, "no session lies in the baseline 'A'"),
    ],
)
def test_what_is_no_series_is_refused_by_name(values, phases, sessions, refusal, words):
    with pytest.raises(refusal, match=words):
        phased_series(values, phases, baseline="A", sessions=sessions)


def test_rows_that_are_no_phase_are_refused():
    with pytest.raises(TooFew, match="treatment has 0 values"):
        ab_series([1, 2], [])
    with pytest.raises(NotFinite):
        ab_series([1, np.nan], [2])


@pytest.mark.parametrize("phases", ["AAAAAAA", "BBBAAAA", "AABBAAB", "AABBCCC"])
def test_other_phases_than_a_baseline_and_a_treatment_are_out_of_order(phases):
    with pytest.raises(OutOfOrder, match="one baseline 'A' and one treatment"):
        phased_series(range(7), phases, baseline="A").ab()


def test_a_phase_shorter_than_asked_for_is_refused():
    with pytest.raises(TooFew, match="'A' has 1 sessions; 2 or more"):
        ab_series([1], [2, 3]).ab(at_least=2)


@pytest.mark.parametrize(("first", "last"), [(0, 4), (-1, 1), (2, 1)])
def test_there_is_no_part_outside_the_series(first, last):
    with pytest.raises(OutOfRange, match="the series has 4"):
        ABAB.part(first, last)
    with pytest.raises(OutOfRange, match="baseline"):
        ABAB.part(1, 1)


def test_a_series_built_directly_is_checked_as_well():
    with pytest.raises(OutOfOrder):
        PhasedSeries(
            values=np.array([1.0, 2.0]), phases=("A", "B"), sessions=np.array([2.0, 1.0]), baseline="A"
        )
