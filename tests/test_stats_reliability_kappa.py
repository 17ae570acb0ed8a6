"""Kappa of ordered grades and exact agreement: Cohen's example, limits of the weights, ends, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.refusal import Duplicate, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.reliability.kappa import (
    KappaInterval,
    ShareInterval,
    Weights,
    agreement_weights,
    exact_agreement,
    grade_table,
    kappa_of_weights,
    weighted_kappa,
)

COHEN = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
"""Cohen 1968: 200 patients by two diagnosticians, from his shares."""
FLEISS = np.array([[106, 10, 4], [22, 28, 10], [2, 12, 6]])
"""Fleiss, Cohen and Everitt 1969: 200 subjects."""
APART = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]])
NORMAL, ATANH = KappaInterval.NORMAL, KappaInterval.ATANH


def test_cohens_kappas_of_1968() -> None:
    assert weighted_kappa(COHEN, weights=Weights.UNWEIGHTED, interval=NORMAL).value == pytest.approx(
        0.492, abs=5e-4
    )
    found = kappa_of_weights(COHEN, 1 - APART / 6, interval=NORMAL)
    assert found.value == pytest.approx(0.348, abs=5e-4)
    assert found.weights is None


def test_fleiss_cohen_and_everitts_kappa_of_1969() -> None:
    found = weighted_kappa(FLEISS, weights=Weights.UNWEIGHTED, interval=NORMAL)
    assert found.value == pytest.approx(0.429, abs=5e-4)
    assert found.observed == pytest.approx(0.70)
    assert found.expected == pytest.approx(0.475)


def test_the_standard_error_is_the_delta_methods() -> None:
    """Derivative of kappa by each share, taken numerically, against the closed form."""
    for weights in Weights:
        w = agreement_weights(3, weights=weights)
        shares = COHEN / COHEN.sum()

        def kappa(p: np.ndarray, w: np.ndarray = w) -> float:
            p = p / p.sum()
            chance = (w * np.outer(p.sum(axis=1), p.sum(axis=0))).sum()
            return float(((w * p).sum() - chance) / (1 - chance))

        step = 1e-6
        gradient = np.array(
            [(kappa(shares + step * np.eye(9)[i].reshape(3, 3)) - kappa(shares)) / step for i in range(9)]
        )
        flat = shares.ravel()
        variance = (gradient**2 @ flat - (gradient @ flat) ** 2) / 200
        found = weighted_kappa(COHEN, weights=weights, interval=NORMAL)
        assert found.se == pytest.approx(np.sqrt(variance), rel=1e-4)
        assert (found.low, found.high) == pytest.approx(
            (found.value - 1.959964 * found.se, found.value + 1.959964 * found.se)
        )


def test_quadratic_kappa_is_lins_concordance_of_the_grades() -> None:
    first = np.repeat(np.arange(3), COHEN.sum(axis=1))
    second = np.concatenate([np.repeat(np.arange(3), row) for row in COHEN])
    ccc = 2 * np.cov(first, second, ddof=0)[0, 1]
    ccc /= first.var() + second.var() + (first.mean() - second.mean()) ** 2
    found = weighted_kappa(COHEN, weights=Weights.QUADRATIC, interval=ATANH)
    assert found.value == pytest.approx(ccc)


@pytest.mark.parametrize("weights", Weights)
def test_raters_and_the_direction_of_the_grades_may_be_exchanged(weights: Weights) -> None:
    found = weighted_kappa(COHEN, weights=weights, interval=ATANH)
    for other in (COHEN.T, COHEN[::-1, ::-1]):
        again = weighted_kappa(other, weights=weights, interval=ATANH)
        assert (again.value, again.low, again.high) == pytest.approx((found.value, found.low, found.high))
    assert found.low is not None and found.high is not None
    assert -1 < found.low < found.value < found.high < 1


def test_grades_that_nobody_gave_count_in_the_weights() -> None:
    first, second = ["none", "mild", "mild", "severe"], ["none", "none", "mild", "mild"]
    three = grade_table(first, second, grades=["none", "mild", "severe"])
    np.testing.assert_array_equal(three, [[1, 0, 0], [1, 1, 0], [0, 1, 0]])
    four = grade_table(first, second, grades=["none", "mild", "severe", "extreme"])
    a, b = (weighted_kappa(t, weights=Weights.LINEAR, interval=NORMAL) for t in (three, four))
    assert (a.observed, b.observed) == pytest.approx((0.75, 1 - 0.5 / 3))
    # Of kappa itself they cancel.
    assert a.value == pytest.approx(b.value)
    shuffled = grade_table(first[::-1], second[::-1], grades=["none", "mild", "severe"])
    np.testing.assert_array_equal(three, shuffled)


def test_weights_by_name() -> None:
    np.testing.assert_array_equal(agreement_weights(2, weights=Weights.LINEAR), np.eye(2))
    np.testing.assert_allclose(agreement_weights(3, weights=Weights.LINEAR)[0], [1, 0.5, 0])
    # Fleiss and Cohen 1973: 1 - (i - j)^2 / (k - 1)^2.
    np.testing.assert_allclose(agreement_weights(4, weights=Weights.QUADRATIC)[0], [1, 8 / 9, 5 / 9, 0])
    with pytest.raises(TooFew):
        agreement_weights(1, weights=Weights.LINEAR)
    own = kappa_of_weights(COHEN, agreement_weights(3, weights=Weights.LINEAR), interval=ATANH)
    named = weighted_kappa(COHEN, weights=Weights.LINEAR, interval=ATANH)
    assert (own.value, own.low) == (named.value, named.low)


def test_full_agreement_has_no_interval_and_chance_alone_is_0() -> None:
    found = weighted_kappa(np.diag([3, 4]), weights=Weights.LINEAR, interval=ATANH)
    assert (found.value, found.low, found.high) == (1.0, None, None)
    assert found.why
    again = kappa_of_weights(np.diag([3, 4]), np.eye(2), interval=NORMAL)
    assert again.low is None
    chance = weighted_kappa(np.outer([2, 4], [3, 1]), weights=Weights.UNWEIGHTED, interval=NORMAL)
    assert chance.value == pytest.approx(0.0)
    assert chance.p_value == pytest.approx(1.0)


def test_few_subjects_are_told() -> None:
    found = weighted_kappa([[8, 2], [1, 9]], weights=Weights.LINEAR, interval=ATANH)
    assert "fewer than 60" in found.why[0]
    assert weighted_kappa(COHEN, weights=Weights.LINEAR, interval=ATANH).why == ()


def test_the_share_that_agrees() -> None:
    wilson = exact_agreement(COHEN, interval=ShareInterval.WILSON)
    exact = exact_agreement(COHEN, interval=ShareInterval.CLOPPER_PEARSON)
    assert (wilson.value, wilson.n_agreeing, wilson.n_subjects) == (0.7, 140, 200)
    test = stats.binomtest(140, 200)
    assert (wilson.low, wilson.high) == pytest.approx(tuple(test.proportion_ci(method="wilson")))
    assert (exact.low, exact.high) == pytest.approx(tuple(test.proportion_ci(method="exact")))
    turned = exact_agreement(COHEN.T, interval=ShareInterval.WILSON)
    assert (turned.low, turned.high) == (wilson.low, wilson.high)


@pytest.mark.parametrize("interval", ShareInterval)
def test_all_or_none_agree(interval: ShareInterval) -> None:
    every = exact_agreement(np.diag([3, 4]), interval=interval)
    assert (every.value, every.high) == (1.0, pytest.approx(1.0))
    none = exact_agreement([[0, 3], [4, 0]], interval=interval)
    assert (none.value, none.low) == (0.0, pytest.approx(0.0, abs=1e-12))
    assert none.high == pytest.approx(1 - every.low)


@pytest.mark.parametrize(
    ("table", "refused"),
    [
        (np.ones((2, 3)), WrongShape),
        (np.array([[1.0, -1.0], [2.0, 3.0]]), OutOfRange),
        (np.array([[0.5, 0.2], [0.1, 0.2]]), OutOfRange),
        (np.array([[1, 0], [0, 0]]), TooFew),
        (np.ones((1, 1)), TooFew),
        (np.array([[5, 0], [0, 0]]), NoVariance),
    ],
)
def test_tables_that_tell_no_kappa(table: np.ndarray, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        weighted_kappa(table, weights=Weights.LINEAR, interval=NORMAL)
    if refused is not NoVariance:
        with pytest.raises(refused):
            exact_agreement(table, interval=ShareInterval.WILSON)
        with pytest.raises(refused):
            kappa_of_weights(table, np.eye(2), interval=NORMAL)


def test_grades_weights_and_levels_that_cannot_be() -> None:
    with pytest.raises(OutOfRange, match="'c' is not among the grades"):
        grade_table(["a"], ["c"], grades=["a", "b"])
    with pytest.raises(Duplicate):
        grade_table(["a"], ["a"], grades=["a", "a"])
    with pytest.raises(TooFew):
        grade_table(["a"], ["a"], grades=["a"])
    with pytest.raises(WrongShape):
        grade_table(["a", "b"], ["a"], grades=["a", "b"])
    with pytest.raises(WrongShape, match="one weight for each cell"):
        kappa_of_weights(COHEN, np.eye(2), interval=NORMAL)
    with pytest.raises(OutOfRange, match="1 on the diagonal"):
        kappa_of_weights(COHEN, np.zeros((3, 3)), interval=NORMAL)
    with pytest.raises(OutOfRange, match="level"):
        weighted_kappa(COHEN, weights=Weights.LINEAR, interval=NORMAL, level=1)
    with pytest.raises(OutOfRange, match="level"):
        exact_agreement(COHEN, interval=ShareInterval.WILSON, level=1)


@pytest.mark.parametrize("interval", list(KappaInterval))
def test_full_disagreement_and_a_rater_of_one_grade_have_no_interval(interval: KappaInterval) -> None:
    against = weighted_kappa([[0, 5], [5, 0]], weights=Weights.LINEAR, interval=interval)
    assert (against.value, against.low, against.high) == (-1.0, None, None)
    assert "same disagreement" in against.why[0]
    for table in ([[5, 5], [0, 0]], [[7, 3, 1], [0, 0, 0], [0, 0, 0]], [[0, 3, 0], [0, 4, 0], [0, 2, 0]]):
        one = weighted_kappa(table, weights=Weights.QUADRATIC, interval=interval)
        assert one.value == pytest.approx(0, abs=1e-12)
        assert (one.low, one.high, one.p_value) == (None, None, 1.0)
        assert "one grade throughout" in one.why[0]
