"""States of a registration: what is in doubt, what is refused, and why."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from scipy.stats import chi2

from atlasplane.io.models_registration import ReasonCode
from atlasplane.xray.registration_result import REASONS
from atlasplane.xray.registration_states import (
    Evidence,
    bounds,
    judged,
    likeness,
    limit,
    measures,
    spread_of,
    start_probability,
)


def beyond(measure: str, kind: str) -> float:
    """A value just out of one bound."""
    own = bounds(measure)
    step = 1e-6 * abs(getattr(own, kind))
    return float(getattr(own, kind) + (step if own.sense == "at_most" else -step))


def test_nothing_against_it_is_ok() -> None:
    assert judged([]) == ("ok", ())
    assert judged([Evidence(measure=m, value=bounds(m).doubtful) for m in measures()]) == ("ok", ())


@pytest.mark.parametrize("measure", measures())
def test_each_measure_alone_is_enough(measure: str) -> None:
    reason = bounds(measure).reason
    fine = Evidence(measure="misfit", value=0.0)
    for kind in ("doubtful", "refused"):
        assert judged([fine, Evidence(measure=measure, value=beyond(measure, kind))]) == (kind, (reason,))


def test_no_number_is_no_evidence_for_it() -> None:
    assert judged([Evidence(measure="likeness", value=float("nan"))]) == ("refused", ("shape",))


def test_reasons_are_given_once_and_in_order() -> None:
    found = [
        Evidence(measure="likeness", value=beyond("likeness", "doubtful"), where="a.dcm c1"),
        Evidence(measure="likeness", value=beyond("likeness", "refused"), where="b.dcm c1"),
        Evidence(measure="misfit", value=beyond("misfit", "doubtful")),
    ]
    assert judged(found) == ("refused", ("residual", "shape"))


def test_an_unknown_measure_is_not_passed_over() -> None:
    with pytest.raises(KeyError):
        judged([Evidence(measure="luck", value=1.0)])


def test_the_table_is_whole() -> None:
    for measure in measures():
        own = bounds(measure)
        assert own.reason in REASONS
        assert own.sense in ("at_most", "at_least")
        # The refused ones are further out.
        further = own.refused - own.doubtful
        assert further > 0 if own.sense == "at_most" else further < 0
    assert limit("covariance", "least_blocks") >= 10


def test_likeness_of_the_same_of_nothing_and_of_the_opposite() -> None:
    own = np.array([[1.0, -2.0, 3.0, 50.0]])
    used = np.array([[True, True, True, False]])
    assert likeness(own, np.zeros((1, 4)), used) == pytest.approx(1.0)
    assert likeness(own, -2 * own, used) == pytest.approx(-1.0)
    assert likeness(np.zeros((1, 4)), own, used) == 0.0
    # own + rest = (1, -2, 8): (1 + 4 + 24) / sqrt(14 * 69).
    assert likeness(own, np.array([[0.0, 0.0, 5.0, 9.0]]), used) == pytest.approx(29 / np.sqrt(14 * 69))


def test_start_probability_is_that_of_its_distance() -> None:
    start, own = np.diag([4.0, 9.0]), np.diag([1.0, 0.0])
    # 10 / 5 + 9 / 9 = 3, two components.
    changes = np.array([np.sqrt(10.0), 3.0])
    assert start_probability(changes, start, own) == pytest.approx(chi2.sf(3.0, 2))
    assert start_probability(np.zeros(2), start, own) == 1.0


def test_spread_is_the_largest_difference() -> None:
    one, two, three = np.zeros((2, 6)), np.zeros((2, 6)), np.zeros((2, 6))
    two[1, 2] = np.radians(0.5)
    three[0, 3:] = (3.0, 0.0, 4.0)
    assert spread_of([one, two, three]) == pytest.approx((0.5, 5.0))
    assert spread_of([one]) == (0.0, 0.0)


def test_the_stored_record_knows_every_reason() -> None:
    assert get_args(ReasonCode) == REASONS
