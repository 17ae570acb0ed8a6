"""Standard error of measurement, detectable and reliable change, regression to the mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.checks import matrix, vector
from atlasplane.stats.refusal import NotFinite, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.reliability.mean_regression import (
    Selected,
    expected_change,
    selection_effect,
    shrunken_value,
    shrunken_value_from,
)
from atlasplane.stats.reliability.mover import VarianceTerm, satterthwaite_dof, variance_sum_interval
from atlasplane.stats.reliability.reliable_change import (
    Population,
    Verdict,
    cut_offs,
    reliable_change,
    sem_from_reliability,
    verdict,
)
from atlasplane.stats.reliability.sem import (
    Error,
    Quantile,
    detectable_factor,
    minimal_detectable_change,
    standard_error_of_measurement,
    two_trial_error,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
WAITING = np.array([2.0, 3.0, 5.0, 4.0, 6.0]), np.array([2.5, 3.0, 4.0, 4.5, 5.0])


# ---- standard error of measurement ----


def test_consistency_is_the_root_of_mse_with_its_chi_squared_interval() -> None:
    found = standard_error_of_measurement(SHROUT_FLEISS, error=Error.CONSISTENCY)
    # MSE of Shrout and Fleiss 1979: 1.02 on 15 degrees of freedom.
    assert round(found.value**2, 2) == 1.02
    assert found.dof == 15
    assert found.low == pytest.approx(found.value * math.sqrt(15 / stats.chi2.ppf(0.975, 15)))
    assert found.high == pytest.approx(found.value * math.sqrt(15 / stats.chi2.ppf(0.025, 15)))
    assert found.interval == "exact chi-squared"


def test_agreement_and_one_way_are_the_same_number_with_other_dof() -> None:
    """(MSJ + (n - 1) MSE) / n is MSW where raters differ; raters are then the scarcer."""
    agreement = standard_error_of_measurement(SHROUT_FLEISS, error=Error.AGREEMENT)
    one_way = standard_error_of_measurement(SHROUT_FLEISS, error=Error.ONE_WAY)
    assert agreement.value == pytest.approx(math.sqrt(1.019444 + (32.486111 - 1.019444) / 6), abs=1e-6)
    assert agreement.value == pytest.approx(one_way.value)
    assert agreement.dof < 5 < one_way.dof == 18
    assert agreement.interval == "modified large sample"
    assert agreement.high is not None and one_way.high is not None and agreement.high > one_way.high


def test_raters_whose_levels_do_not_differ_add_nothing() -> None:
    found = standard_error_of_measurement([[1.0, 2.0], [4.0, 3.0], [5.0, 5.5]], error=Error.AGREEMENT)
    consistency = standard_error_of_measurement([[1.0, 2.0], [4.0, 3.0], [5.0, 5.5]], error=Error.CONSISTENCY)
    assert found.value == pytest.approx(consistency.value)
    assert "taken as equal" in found.why[0]


def test_two_trials_are_the_differences_sd_over_root_2() -> None:
    first, second = WAITING
    found = two_trial_error(first, second)
    assert found.value == pytest.approx((second - first).std(ddof=1) / math.sqrt(2))
    assert found.dof == 4
    # A shift of all is not error.
    assert two_trial_error(first, second + 9).value == pytest.approx(found.value)


def test_a_unit_goes_through_to_the_detectable_change() -> None:
    for error in Error:
        mm, cm = (standard_error_of_measurement(x, error=error) for x in (SHROUT_FLEISS, SHROUT_FLEISS / 10))
        for quantile in Quantile:
            a, b = (minimal_detectable_change(s, quantile=quantile) for s in (mm, cm))
            assert (b.value, b.low, b.high) == pytest.approx((a.value / 10, a.low / 10, a.high / 10))


def test_ratings_that_never_differ_have_no_interval_and_no_finite_factor() -> None:
    found = two_trial_error([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (found.value, found.low, found.high, found.dof) == (0.0, None, None, 0.0)
    assert found.why
    assert detectable_factor(found.dof, quantile=Quantile.STUDENT, level=0.95) == math.inf
    for quantile in Quantile:
        with pytest.raises(NoVariance, match=r"the sem is 0.*finer scale, or take more readings"):
            minimal_detectable_change(found, quantile=quantile)


def test_the_factor_is_196_or_students_for_few_degrees_of_freedom() -> None:
    sem = two_trial_error(*WAITING)
    normal, student = (minimal_detectable_change(sem, quantile=q) for q in Quantile)
    assert normal.value == pytest.approx(1.959964 * math.sqrt(2) * sem.value, rel=1e-6)
    # t of 4 degrees of freedom: 2.776.
    assert student.factor == pytest.approx(2.776, abs=5e-4)
    assert detectable_factor(1e9, quantile=Quantile.STUDENT, level=0.95) == pytest.approx(1.959964, abs=1e-6)


def test_trials_that_do_not_pair_and_levels_that_cannot_be() -> None:
    with pytest.raises(WrongShape, match="unequal lengths"):
        two_trial_error([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(TooFew):
        two_trial_error([1.0], [1.0])
    with pytest.raises(TooFew):
        standard_error_of_measurement([[1.0], [2.0]], error=Error.ONE_WAY)
    with pytest.raises(OutOfRange, match="level"):
        two_trial_error(*WAITING, level=1.5)
    with pytest.raises(OutOfRange, match="level"):
        minimal_detectable_change(two_trial_error(*WAITING), quantile=Quantile.NORMAL, level=95)
    with pytest.raises(OutOfRange, match="level"):
        detectable_factor(3, quantile=Quantile.STUDENT, level=0)


def test_shapes_are_asked_for_by_name() -> None:
    with pytest.raises(WrongShape, match="first has 2 dimensions"):
        vector([[1.0]], "first")
    with pytest.raises(WrongShape, match="table has 1 dimensions"):
        matrix([1.0], "table")
    with pytest.raises(TooFew, match="table has 1 columns"):
        matrix([[1.0]], "table", at_least=(1, 2))


# ---- sums of variances ----


def test_one_variance_has_its_exact_interval_and_more_of_them_less_than_the_sum_of_ends() -> None:
    one = VarianceTerm(value=4.0, dof=10)
    low, high = variance_sum_interval([one], level=0.95)
    assert (low, high) == pytest.approx((40 / stats.chi2.ppf(0.975, 10), 40 / stats.chi2.ppf(0.025, 10)))
    both = variance_sum_interval([one, VarianceTerm(value=1.0, dof=30)], level=0.95)
    assert (
        low + 30 / stats.chi2.ppf(0.975, 30) < both[0] < 5 < both[1] < high + 30 / stats.chi2.ppf(0.025, 30)
    )
    assert variance_sum_interval([one, VarianceTerm(value=0.0, dof=0)], level=0.95) == (low, high)


def test_order_and_unit_of_variances_do_not_count() -> None:
    terms = [VarianceTerm(value=v, dof=d) for v, d in ((3.0, 4), (1.0, 9), (0.5, 30))]
    twice = [VarianceTerm(value=2 * t.value, dof=t.dof) for t in terms[::-1]]
    assert variance_sum_interval(twice, level=0.9) == pytest.approx(
        tuple(2 * end for end in variance_sum_interval(terms, level=0.9))
    )
    assert satterthwaite_dof(twice) == pytest.approx(satterthwaite_dof(terms))
    with pytest.raises(OutOfRange):
        variance_sum_interval(terms, level=1.0)


def test_satterthwaites_degrees_of_freedom() -> None:
    # Welch's own case: s1^2 / n1 and s2^2 / n2 equal with 5 and 9 degrees of freedom: 4 / (1/5 + 1/9).
    terms = [VarianceTerm(value=1.0, dof=5), VarianceTerm(value=1.0, dof=9)]
    assert satterthwaite_dof(terms) == pytest.approx(4 / (1 / 5 + 1 / 9))
    assert satterthwaite_dof([VarianceTerm(value=2.0, dof=7)]) == pytest.approx(7)
    assert satterthwaite_dof([]) == 0.0


# ---- reliable change ----


def test_the_example_of_jacobson_and_truax() -> None:
    sem = sem_from_reliability(sd=7.5, reliability=0.8)
    assert sem == pytest.approx(3.35, abs=5e-3)
    found = reliable_change(32.5, 47.5, sem=sem, dof=math.inf, quantile=Quantile.NORMAL)
    assert found.index == pytest.approx(3.16, abs=5e-3)
    assert found.s_difference == pytest.approx(4.74, abs=5e-3)
    assert found.reliable
    cuts = cut_offs(dysfunctional=Population(mean=40, sd=7.5), functional=Population(mean=60, sd=7.5))
    assert (cuts.a, cuts.b, cuts.c, cuts.up) == (55, 45, 50, True)
    assert verdict(found, pre=32.5, cut_off=cuts.c, up=cuts.up) is Verdict.IMPROVED


def test_reliable_is_the_same_as_beyond_the_detectable_change_and_p_below_the_rest() -> None:
    sem = two_trial_error(*WAITING)
    mdc = minimal_detectable_change(sem, quantile=Quantile.STUDENT)
    for post in (0.0, 1.0, 3.0, 6.0):
        found = reliable_change(1.0, post, sem=sem.value, dof=sem.dof, quantile=Quantile.STUDENT)
        assert found.threshold == pytest.approx(mdc.value)
        assert found.reliable == (found.p_value < 0.05) == (not found.low <= 0 <= found.high)


def test_turning_the_scale_turns_change_and_cut_offs_and_no_verdict() -> None:
    a, b = Population(mean=40, sd=6.0), Population(mean=60, sd=9.0)
    cuts = cut_offs(dysfunctional=a, functional=b)
    turned = cut_offs(dysfunctional=Population(mean=-40, sd=6.0), functional=Population(mean=-60, sd=9.0))
    assert (turned.a, turned.b, turned.c, turned.up) == (-cuts.a, -cuts.b, -cuts.c, False)
    assert (cuts.c - a.mean) / a.sd == pytest.approx((b.mean - cuts.c) / b.sd)
    for pre, post, wanted in (
        (40.0, 55.0, Verdict.RECOVERED),
        (30.0, 40.0, Verdict.IMPROVED),
        (40.0, 41.0, Verdict.UNCHANGED),
        (40.0, 30.0, Verdict.DETERIORATED),
        (52.0, 62.0, Verdict.IMPROVED),
    ):
        up, down = (
            reliable_change(s * pre, s * post, sem=2.0, dof=math.inf, quantile=Quantile.NORMAL)
            for s in (1, -1)
        )
        assert verdict(up, pre=pre, cut_off=cuts.c, up=True) is wanted
        assert verdict(down, pre=-pre, cut_off=turned.c, up=False) is wanted


def test_the_normal_quantile_leaves_the_dof_out_of_account() -> None:
    few = reliable_change(0.0, 3.0, sem=1.0, dof=3, quantile=Quantile.NORMAL)
    known = reliable_change(0.0, 3.0, sem=1.0, dof=math.inf, quantile=Quantile.STUDENT)
    assert few.threshold == known.threshold
    assert few.p_value == known.p_value
    assert reliable_change(0.0, 3.0, sem=1.0, dof=3, quantile=Quantile.STUDENT).threshold > few.threshold


def test_no_change_is_none_and_a_perfect_reliability_no_error() -> None:
    assert reliable_change(3.0, 3.0, sem=1.0, dof=5, quantile=Quantile.STUDENT).p_value == pytest.approx(1.0)
    assert sem_from_reliability(sd=3.0, reliability=1.0) == 0.0
    assert sem_from_reliability(sd=3.0, reliability=0.0) == 3.0


def test_what_no_reliable_change_can_be_made_of() -> None:
    with pytest.raises(NoVariance, match="sem must be above 0"):
        reliable_change(1.0, 2.0, sem=0.0, dof=3, quantile=Quantile.STUDENT)
    with pytest.raises(NotFinite):
        reliable_change(math.nan, 2.0, sem=1.0, dof=3, quantile=Quantile.STUDENT)
    with pytest.raises(OutOfRange, match="reliability"):
        sem_from_reliability(sd=1.0, reliability=1.2)
    with pytest.raises(OutOfRange, match="sd"):
        sem_from_reliability(sd=0.0, reliability=0.5)
    with pytest.raises(OutOfRange, match="same mean"):
        cut_offs(dysfunctional=Population(mean=1, sd=1), functional=Population(mean=1, sd=2))
    with pytest.raises(OutOfRange, match="standard deviation"):
        Population(mean=0, sd=0)
    with pytest.raises(NotFinite):
        Population(mean=math.inf, sd=1)


# ---- regression to the mean ----


def test_the_change_of_the_selected_is_that_of_a_truncated_normal() -> None:
    found = selection_effect(mean=50, sd=9, reliability=0.6, threshold=60, selected=Selected.ABOVE)
    z = (60 - 50) / 9
    cut = stats.truncnorm(z, math.inf, loc=50, scale=9)
    assert found.mean_first == pytest.approx(cut.mean())
    assert found.change == pytest.approx(-0.4 * (cut.mean() - 50))
    assert found.selected_share == pytest.approx(stats.norm.sf(z))
    # Barnett et al. 2005: sigma_w^2 / sqrt(sigma_w^2 + sigma_b^2) C(z), sigma_w^2 = (1 - r) sd^2.
    factor = stats.norm.pdf(z) / stats.norm.sf(z)
    assert -found.change == pytest.approx(0.4 * 81 / 9 * factor)
    assert found.mean_second - found.mean_first == pytest.approx(found.change)


def test_selection_mirrors_and_selecting_everybody_changes_nothing() -> None:
    above = selection_effect(mean=5, sd=2, reliability=0.7, threshold=6, selected=Selected.ABOVE)
    below = selection_effect(mean=-5, sd=2, reliability=0.7, threshold=-6, selected=Selected.BELOW)
    assert below.change == pytest.approx(-above.change)
    everybody = selection_effect(mean=5, sd=2, reliability=0.7, threshold=-1e3, selected=Selected.ABOVE)
    assert everybody.change == pytest.approx(0.0)
    assert everybody.selected_share == pytest.approx(1.0)
    # Far out the ratio phi / (1 - Phi) is about z, and the share no longer a float.
    far = selection_effect(mean=0, sd=1, reliability=0.5, threshold=50, selected=Selected.ABOVE)
    assert far.mean_first == pytest.approx(50.02, abs=1e-3)


def test_kelleys_shrunken_value() -> None:
    found = shrunken_value(130, mean=100, sd=15, reliability=0.9)
    # Kelley 1927: 100 + .9 x 30 = 127; the next score scatters by 15 sqrt(1 - .81).
    assert found.value == pytest.approx(127)
    assert found.se == pytest.approx(15 * math.sqrt(0.19))
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * found.se, rel=1e-6)
    assert shrunken_value(130, mean=100, sd=15, reliability=1.0).low == 130
    assert shrunken_value(130, mean=100, sd=15, reliability=0.0).value == 100


def test_the_shrunken_value_of_a_waiting_series_is_a_prediction_by_regression() -> None:
    first, second = WAITING
    line = stats.linregress(first, second)
    found = shrunken_value_from(7.0, untreated_first=first, untreated_second=second)
    assert found.value == pytest.approx(line.intercept + 7 * line.slope)
    residuals = second - line.intercept - line.slope * first
    s2 = (residuals @ residuals) / 3
    se = math.sqrt(s2 * (1 + 1 / 5 + (7 - 4) ** 2 / 10))
    assert (found.se, found.dof, found.slope) == (pytest.approx(se), 3, pytest.approx(line.slope))
    assert found.high == pytest.approx(found.value + stats.t.ppf(0.975, 3) * se)


def test_the_expected_change_of_the_treated_is_the_lines_at_their_mean() -> None:
    first, second = WAITING
    found = expected_change([5.0, 6.0], untreated_first=first, untreated_second=second)
    line = stats.linregress(first, second)
    assert found.value == pytest.approx(line.intercept + line.slope * 5.5 - 5.5)
    assert (found.n_untreated, found.n_selected, found.dof, found.why) == (5, 2, 3, ())
    at_mean = expected_change([4.0], untreated_first=first, untreated_second=second)
    assert at_mean.value == pytest.approx(second.mean() - first.mean())
    assert at_mean.se < found.se
    beyond = expected_change([9.0], untreated_first=first, untreated_second=second)
    assert "extended" in beyond.why[0]


def test_a_shift_or_turn_of_the_scale_moves_value_and_change_along() -> None:
    first, second = WAITING
    a = shrunken_value_from(7.0, untreated_first=first, untreated_second=second)
    b = shrunken_value_from(10 - 2 * 7.0, untreated_first=10 - 2 * first, untreated_second=10 - 2 * second)
    assert (b.value, b.low, b.high) == pytest.approx((10 - 2 * a.value, 10 - 2 * a.high, 10 - 2 * a.low))
    c = expected_change([5.0, 6.0], untreated_first=first, untreated_second=second)
    d = expected_change([0.0, -2.0], untreated_first=10 - 2 * first, untreated_second=10 - 2 * second)
    assert (d.value, d.low, d.high) == pytest.approx((-2 * c.value, -2 * c.high, -2 * c.low))
    known = shrunken_value(7.0, mean=4, sd=2, reliability=0.5)
    moved = shrunken_value(-14.0, mean=-8, sd=4, reliability=0.5)
    assert moved.value == pytest.approx(-2 * known.value)


def test_what_no_regression_can_be_made_of() -> None:
    with pytest.raises(NoVariance, match="no slope"):
        shrunken_value_from(1.0, untreated_first=[2.0, 2.0, 2.0], untreated_second=[1.0, 2.0, 3.0])
    with pytest.raises(TooFew):
        expected_change([1.0], untreated_first=[1.0, 2.0], untreated_second=[1.0, 2.0])
    with pytest.raises(WrongShape):
        expected_change([1.0], untreated_first=[1.0, 2.0, 3.0], untreated_second=[1.0, 2.0, 3.0, 4.0])
    with pytest.raises(OutOfRange, match="level"):
        expected_change([1.0], untreated_first=WAITING[0], untreated_second=WAITING[1], level=2)
    with pytest.raises(OutOfRange, match="sd"):
        selection_effect(mean=0, sd=0, reliability=0.5, threshold=1, selected=Selected.ABOVE)
    with pytest.raises(OutOfRange, match="reliability"):
        shrunken_value(1.0, mean=0, sd=1, reliability=-0.1)


@pytest.mark.parametrize("dof", [0.0, -1.0, math.nan])
def test_a_change_by_students_quantile_needs_degrees_of_freedom(dof: float) -> None:
    with pytest.raises(OutOfRange, match="dof must be above 0"):
        reliable_change(1.0, 2.0, sem=1.0, dof=dof, quantile=Quantile.STUDENT)
    with pytest.raises(NoVariance, match="finite"):
        reliable_change(1.0, 2.0, sem=math.inf, dof=3, quantile=Quantile.STUDENT)


def test_what_is_missing_is_refused_before_regression_to_the_mean() -> None:
    with pytest.raises(NotFinite, match="threshold"):
        selection_effect(mean=0, sd=1, reliability=0.5, threshold=math.nan, selected=Selected.ABOVE)
    with pytest.raises(OutOfRange, match="finite"):
        selection_effect(mean=0, sd=math.inf, reliability=0.5, threshold=1, selected=Selected.ABOVE)
    with pytest.raises(NotFinite, match="first"):
        shrunken_value(math.nan, mean=0, sd=1, reliability=0.5)
    with pytest.raises(NotFinite, match="first"):
        shrunken_value_from(math.inf, untreated_first=[1, 2, 3], untreated_second=[1, 2, 4])


def test_a_threshold_far_out_keeps_its_digits() -> None:
    # phi / (1 - Phi) = z + 1 / z - 2 / z^3 + ...
    for z in (1e4, 1e9):
        far = selection_effect(mean=0, sd=1, reliability=0.5, threshold=z, selected=Selected.ABOVE)
        assert far.mean_first == pytest.approx(z + 1 / z, rel=1e-14)
    none = selection_effect(mean=0, sd=1, reliability=0.5, threshold=-60, selected=Selected.ABOVE)
    assert (none.change, none.selected_share) == (0.0, 1.0)
