"""Mean squares and intraclass correlation: Shrout and Fleiss's table, invariances, ends, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlasplane.stats.refusal import (
    Duplicate,
    NotFinite,
    NoVariance,
    OutOfRange,
    TooFew,
    WrongShape,
)
from atlasplane.stats.reliability.icc import (
    Form,
    generalised_icc,
    generalised_interval,
    icc,
    icc_interval,
    icc_value,
)
from atlasplane.stats.reliability.mean_squares import (
    Incomplete,
    mean_squares,
    rating_table,
    within_groups,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
"""Table 2 of Shrout and Fleiss 1979: six targets, four judges."""
PRINTED = {
    Form.ONE_WAY: 0.17,
    Form.AGREEMENT: 0.29,
    Form.CONSISTENCY: 0.71,
    Form.ONE_WAY_MEAN: 0.44,
    Form.AGREEMENT_MEAN: 0.62,
    Form.CONSISTENCY_MEAN: 0.91,
}


# ---- published ----


def test_the_mean_squares_of_shrout_and_fleiss() -> None:
    found = mean_squares(SHROUT_FLEISS)
    printed = {"between": 11.24, "within": 6.26, "raters": 32.49, "error": 1.02}
    assert {name: round(float(getattr(found, name)), 2) for name in printed} == printed
    assert (found.dof_between, found.dof_within, found.dof_raters, found.dof_error) == (5, 18, 3, 15)


@pytest.mark.parametrize("form", Form)
def test_the_six_forms_of_shrout_and_fleiss(form: Form) -> None:
    found = icc(SHROUT_FLEISS, form=form)
    assert round(found.value, 2) == PRINTED[form]
    assert float(icc_value(mean_squares(SHROUT_FLEISS), form=form)) == found.value
    assert found.low is not None and found.high is not None
    assert found.low < found.value < found.high


def test_the_names_of_both_schools() -> None:
    names = {form.value: form.shrout_fleiss for form in Form}
    assert names == {
        "ICC(1)": "ICC(1,1)",
        "ICC(k)": "ICC(1,k)",
        "ICC(A,1)": "ICC(2,1)",
        "ICC(A,k)": "ICC(2,k)",
        "ICC(C,1)": "ICC(3,1)",
        "ICC(C,k)": "ICC(3,k)",
    }


def test_the_satterthwaite_interval_is_that_of_mcgraw_and_wong() -> None:
    # Their a, b and v for ICC(A,1), written with r / (1 - r).
    s = mean_squares(SHROUT_FLEISS)
    n, k = 6, 4
    r = float(icc_value(s, form=Form.AGREEMENT))
    a, b = k * r / (n * (1 - r)), 1 + k * r * (n - 1) / (n * (1 - r))
    v = (a * s.raters + b * s.error) ** 2 / (
        (a * s.raters) ** 2 / (k - 1) + (b * s.error) ** 2 / ((n - 1) * (k - 1))
    )
    assert float(v) == pytest.approx(4.785144, abs=1e-6)
    from scipy.stats import f

    low_f, high_f = f.ppf(0.975, n - 1, v), f.ppf(0.975, v, n - 1)
    rest = k * s.raters + (k * n - k - n) * s.error
    found = icc(SHROUT_FLEISS, form=Form.AGREEMENT)
    assert found.interval == "Satterthwaite"
    assert found.low == pytest.approx(
        float(n * (s.between - low_f * s.error) / (low_f * rest + n * s.between))
    )
    assert found.high == pytest.approx(
        float(n * (high_f * s.between - s.error) / (rest + n * high_f * s.between))
    )


def test_the_generalised_interval_lies_near_satterthwaites() -> None:
    rng = np.random.default_rng(1)
    found = generalised_icc(SHROUT_FLEISS, form=Form.AGREEMENT, rng=rng)
    assert (found.interval, found.form) == ("generalised", Form.AGREEMENT)
    assert found.value == icc(SHROUT_FLEISS, form=Form.AGREEMENT).value
    assert found.low == pytest.approx(0.019, abs=0.02)
    assert found.high == pytest.approx(0.761, abs=0.02)


# ---- invariances ----


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50), seed=st.integers(0, 99))
def test_no_form_knows_unit_sign_or_order(scale: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ratings = rng.normal(size=(7, 1)) * 2 + rng.normal(size=(7, 3))
    other = (shift - scale * ratings)[rng.permutation(7)][:, rng.permutation(3)]
    for form in Form:
        a, b = icc(ratings, form=form), icc(other, form=form)
        assert (b.value, b.low, b.high) == pytest.approx((a.value, a.low, a.high), abs=1e-9)


def test_consistency_does_not_see_the_raters_levels_and_agreement_does() -> None:
    other = SHROUT_FLEISS + np.array([0, 5, -5, 10])
    same = [icc(x, form=Form.CONSISTENCY).value for x in (SHROUT_FLEISS, other)]
    seen = [icc(x, form=Form.AGREEMENT).value for x in (SHROUT_FLEISS, other)]
    assert same[0] == pytest.approx(same[1])
    assert seen[1] < seen[0] - 0.1


def test_a_stack_of_tables_is_each_table() -> None:
    stack = np.stack([SHROUT_FLEISS, SHROUT_FLEISS[::-1] ** 2])
    squares = mean_squares(stack)
    for form in Form:
        low, high = icc_interval(squares, form=form, level=0.9)
        for i, table in enumerate(stack):
            one = icc(table, form=form, level=0.9)
            assert (low[i], high[i]) == pytest.approx((one.low, one.high))
    low, high = generalised_interval(
        squares, form=Form.AGREEMENT_MEAN, level=0.9, n_draws=2000, rng=np.random.default_rng(2)
    )
    assert low.shape == high.shape == (2,)


def test_the_mean_of_all_raters_is_spearman_browns_step() -> None:
    squares = mean_squares(SHROUT_FLEISS)
    for form in (Form.ONE_WAY, Form.AGREEMENT, Form.CONSISTENCY):
        single = float(icc_value(squares, form=form))
        mean = float(icc_value(squares, form=Form[f"{form.name}_MEAN"]))
        assert mean == pytest.approx(4 * single / (1 + 3 * single))
        assert Form[f"{form.name}_MEAN"].single is form


def test_the_exact_interval_turns_the_f_test() -> None:
    """The lower end of a one-sided level is 0 exactly where p is the tail."""
    p = icc(SHROUT_FLEISS, form=Form.ONE_WAY).p_value
    found = icc(SHROUT_FLEISS, form=Form.ONE_WAY, level=1 - 2 * p)
    assert found.low == pytest.approx(0.0, abs=1e-12)


# ---- long form ----


def test_long_rows_become_the_table_whatever_their_order() -> None:
    rows = [(s, r, SHROUT_FLEISS[s, r]) for s in range(6) for r in range(4)]
    rng = np.random.default_rng(3)
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    table = rating_table(*zip(*mixed, strict=True))
    assert table.subjects == tuple(dict.fromkeys(s for s, _, _ in mixed))
    assert table.values[table.subjects.index(2), table.raters.index(3)] == 8.0
    assert icc(table.values, form=Form.AGREEMENT).value == pytest.approx(
        icc(SHROUT_FLEISS, form=Form.AGREEMENT).value
    )


def test_a_duplicate_cell_is_never_averaged() -> None:
    with pytest.raises(Duplicate, match=r"'a' is rated twice by rater 'x'; take variance_components"):
        rating_table(["a", "a", "a"], ["x", "y", "x"], [1.0, 2.0, 3.0])


def test_gaps_are_named_and_sent_to_the_variance_components() -> None:
    with pytest.raises(Incomplete, match=r"1 of 4 cells are empty.*variance_components"):
        rating_table(["a", "a", "b"], ["x", "y", "x"], [1.0, 2.0, 3.0])
    with pytest.raises(WrongShape, match="subjects 1, raters 2, values 2"):
        rating_table(["a"], ["x", "y"], [1.0, 2.0])


# ---- ends ----


def test_a_correlation_below_0_stays_and_says_so() -> None:
    found = icc([[1.0, 5.0], [5.0, 1.0], [3.0, 3.2]], form=Form.ONE_WAY)
    assert found.value < 0
    assert "below 0" in found.why[0]


def test_full_agreement_has_no_interval() -> None:
    ratings = np.array([[1.1, 1.1], [2.3, 2.3], [7.7, 7.7]])
    for form in Form:
        found = icc(ratings, form=form)
        assert found.value == pytest.approx(1.0)
        assert (found.low, found.high, found.p_value) == (None, None, 0.0)
        assert math.isinf(found.f)
        assert "no interval" in found.why[0]


def test_subjects_who_do_not_differ_at_all() -> None:
    found = icc([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [2.0, 1.0]], form=Form.CONSISTENCY_MEAN)
    assert math.isinf(found.value) and found.value < 0


def test_rounding_of_the_mean_is_no_disagreement() -> None:
    assert float(mean_squares(np.full((5, 3), 0.1)).within) == 0.0


@pytest.mark.parametrize(
    ("ratings", "refused"),
    [
        (np.ones((3, 3)), NoVariance),
        (np.array([[1.0, np.nan], [2.0, 3.0]]), NotFinite),
        (np.ones((1, 3)), TooFew),
        (np.ones((3, 1)), TooFew),
        (np.ones(3), WrongShape),
        (np.ones((2, 3, 3)), WrongShape),
    ],
)
def test_what_no_correlation_can_be_made_of(ratings: np.ndarray, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        icc(ratings, form=Form.AGREEMENT)
    with pytest.raises(refused):
        generalised_icc(ratings, form=Form.AGREEMENT, rng=np.random.default_rng(1))


def test_mean_squares_want_rows_and_columns() -> None:
    with pytest.raises(WrongShape, match="subjects in rows"):
        mean_squares([1.0, 2.0])


def test_levels_and_draws_that_cannot_be() -> None:
    rng = np.random.default_rng(1)
    squares = mean_squares(SHROUT_FLEISS)
    with pytest.raises(OutOfRange, match="level"):
        icc_interval(squares, form=Form.ONE_WAY, level=95)
    with pytest.raises(OutOfRange, match="level"):
        generalised_interval(squares, form=Form.AGREEMENT, level=0, n_draws=1000, rng=rng)
    with pytest.raises(OutOfRange, match="exact interval"):
        generalised_icc(SHROUT_FLEISS, form=Form.CONSISTENCY, rng=rng)
    with pytest.raises(TooFew, match="1000 or more"):
        generalised_icc(SHROUT_FLEISS, form=Form.AGREEMENT, n_draws=10, rng=rng)


# ---- pooled groups ----


def test_two_readings_give_bland_and_altmans_within_subject_variance() -> None:
    # Differences 2, -4, 0: (4 + 16 + 0) / (2 x 3).
    found = within_groups([np.array([[1.0], [3.0]]), np.array([[5.0], [1.0]]), np.array([[2.0], [2.0]])])
    assert (found.cov[0, 0], found.dof, found.n_groups) == (pytest.approx(20 / 6), 3, 3)


def test_groups_of_one_tell_nothing_and_level_nor_order_count() -> None:
    rng = np.random.default_rng(4)
    groups = [rng.normal(size=(m, 2)) for m in (3, 1, 2)]
    found = within_groups(groups)
    other = within_groups([groups[2][::-1] + 7, groups[0] - 3])
    assert found.dof == other.dof == 3
    np.testing.assert_allclose(other.cov, found.cov)
    none = within_groups([np.ones((1, 2))])
    assert (none.dof, none.n_groups, none.cov.shape) == (0, 0, (2, 2))
    assert within_groups([]).cov.shape == (1, 1)


@pytest.mark.parametrize("form", [Form.AGREEMENT, Form.CONSISTENCY])
def test_subjects_alike_and_no_error_leave_no_correlation(form: Form) -> None:
    with pytest.raises(NoVariance, match="subjects do not differ"):
        icc([[1, 2], [1, 2], [1, 2]], form=form)


def test_a_mean_is_never_more_reliable_than_1_however_little_subjects_differ() -> None:
    # Subjects differ less than their ratings: the formula's sum below the line is below 0.
    ratings = [[1, 9], [9, 1], [5, 5.5]]
    found = icc(ratings, form=Form.AGREEMENT_MEAN)
    assert found.value == -np.inf
    assert "below 0" in found.why[0]
    general = generalised_icc(
        [[1, 2], [2, 3.1], [3, 2]], form=Form.AGREEMENT_MEAN, rng=np.random.default_rng(1)
    )
    single = generalised_icc([[1, 2], [2, 3.1], [3, 2]], form=Form.AGREEMENT, rng=np.random.default_rng(1))
    assert general.high is not None and single.high is not None
    assert general.high < 1
    assert general.high == pytest.approx(2 * single.high / (1 + single.high))
