"""Effect sizes: hand-worked and printed values, swaps of groups, empty cells, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.stats.meta.effects import (
    EffectSizes,
    GroupCounts,
    GroupMeans,
    Measure,
    MixedMeasures,
    effect_sizes,
    joined,
    log_odds_ratio,
    log_risk_ratio,
    mean_difference,
    risk_difference,
    small_sample_factor,
    standardised_change,
    standardised_mean_difference,
)
from atlasplane.stats.meta.tau2 import Tau2Method, tau2_estimate
from atlasplane.stats.refusal import NotFinite, OutOfRange, TooFew, WrongShape
from tests.meta_cases import BCG, BCG_EFFECTS, BCG_VARIANCES, MAGNESIUM_SIZES

RATIOS = (log_risk_ratio, log_odds_ratio, risk_difference)

# Days in hospital after stroke, special care and routine: Normand 1999, Stat Med 18:321, four of nine.
SPECIAL = GroupMeans(n_subjects=[155, 31, 75, 18], means=[55, 27, 64, 66], sds=[47, 7, 17, 20])
ROUTINE = GroupMeans(n_subjects=[156, 32, 71, 18], means=[75, 29, 119, 137], sds=[64, 4, 29, 48])


def counts(a: float, b: float, c: float, d: float) -> tuple[GroupCounts, GroupCounts]:
    """Treated with and without events, controls with and without."""
    return GroupCounts(events=[a], n_subjects=[a + b]), GroupCounts(events=[c], n_subjects=[c + d])


def reml(sizes: EffectSizes) -> float:
    return float(tau2_estimate(sizes.effects, sizes.variances, method=Tau2Method.REML).tau2)


def test_mean_differences_of_stroke_care() -> None:
    """By hand: 55 - 75 and so on; 47^2 / 155 + 64^2 / 156 = 14.25 + 26.26."""
    found = mean_difference(SPECIAL, ROUTINE)
    np.testing.assert_array_equal(found.effects, [-20, -2, -55, -71])
    assert found.variances[0] == pytest.approx(47**2 / 155 + 64**2 / 156)
    assert found.variances[0] == pytest.approx(40.5, abs=0.05)
    assert found.measure is Measure.MEAN_DIFFERENCE


def test_standardised_differences_of_stroke_care() -> None:
    """metafor, measure SMD, first four trials of Normand 1999: REML tau2 1.0090; the first by hand."""
    found = standardised_mean_difference(SPECIAL, ROUTINE)
    assert reml(found) == pytest.approx(1.0090, abs=5e-5)
    sd = np.sqrt((154 * 47**2 + 155 * 64**2) / 309)
    assert found.effects[0] == pytest.approx((1 - 3 / (4 * 309 - 1)) * -20 / sd, rel=1e-5)


def test_standardised_change_as_printed() -> None:
    """The five studies of Morris 2008, doi:10.1177/1094428106291059, treated; metafor's SMCR: tau2 0.3164."""
    before = GroupMeans(
        means=[30.6, 23.5, 0.5, 53.4, 35.6], sds=[15.0, 3.1, 0.1, 14.5, 4.7], n_subjects=[20, 50, 9, 10, 14]
    )
    after = [38.5, 26.8, 0.7, 75.9, 36.0]
    found = standardised_change(before, after, correlation=[0.47, 0.64, 0.77, 0.89, 0.44])
    assert reml(found) == pytest.approx(0.3164, abs=5e-5)
    g = (1 - 3 / (4 * 19 - 1)) * 7.9 / 15
    assert found.effects[0] == pytest.approx(g, rel=1e-3)
    assert found.variances[0] == pytest.approx(2 * 0.53 / 20 + g**2 / 40, rel=1e-3)


def test_several_correlations_give_several_data_sets() -> None:
    before = GroupMeans(means=[10.0, 12.0], sds=[2.0, 3.0], n_subjects=[20, 30])
    found = standardised_change(before, [8.0, 9.0], correlation=np.array([[0.3], [0.8]]))
    assert found.effects.shape == found.variances.shape == (2, 2)
    np.testing.assert_array_equal(found.effects[0], found.effects[1])
    assert np.all(found.variances[0] > found.variances[1])
    assert np.all(found.effects < 0)  # less after
    for r in (1.0, -1.0, np.nan):
        with pytest.raises(OutOfRange, match="correlation"):
            standardised_change(before, [8.0, 9.0], correlation=r)


def test_the_small_sample_factor_is_hedges_table() -> None:
    """Hedges 1981, Table 1; .5642 is G(1) / G(1/2) = 1 / sqrt pi."""
    np.testing.assert_allclose(small_sample_factor([2, 4, 10]), [0.5642, 0.7979, 0.9228], atol=1e-4)
    assert small_sample_factor(200.0) == pytest.approx(1 - 3 / 799, abs=1e-6)
    with pytest.raises(OutOfRange):
        small_sample_factor([5, 1])


def test_log_risk_ratios_of_the_bcg_trials_as_printed() -> None:
    """Viechtbauer 2010: first rows -0.8893 (0.3256), -1.5854 (0.1946), -1.3481 (0.4154)."""
    np.testing.assert_allclose(BCG_EFFECTS[:3], [-0.8893, -1.5854, -1.3481], atol=5e-5)
    np.testing.assert_allclose(BCG_VARIANCES[:3], [0.3256, 0.1946, 0.4154], atol=5e-5)


def test_ratios_and_difference_by_hand() -> None:
    table = counts(4, 119, 11, 128)
    odds, risk = log_odds_ratio(*table), risk_difference(*table)
    assert odds.effects[0] == pytest.approx(np.log(4 * 128 / (119 * 11)))
    assert odds.variances[0] == pytest.approx(1 / 4 + 1 / 119 + 1 / 11 + 1 / 128)
    p, q = 4 / 123, 11 / 139
    assert risk.effects[0] == pytest.approx(p - q)
    assert risk.variances[0] == pytest.approx(p * (1 - p) / 123 + q * (1 - q) / 139)
    assert not odds.corrected[0]


@pytest.mark.parametrize("measure", RATIOS)
def test_swapped_groups_turn_the_sign_and_keep_the_variance(measure) -> None:
    for table in (counts(4, 119, 11, 128), counts(0, 20, 3, 17)):
        plain, swapped = measure(*table), measure(*table[::-1])
        assert plain.effects[0] == pytest.approx(-swapped.effects[0])
        assert plain.variances[0] == pytest.approx(swapped.variances[0])


def test_swapped_events_turn_odds_and_difference_alone() -> None:
    plain, turned = counts(4, 16, 9, 11), counts(16, 4, 11, 9)
    for measure in (log_odds_ratio, risk_difference):
        assert measure(*plain).effects[0] == pytest.approx(-measure(*turned).effects[0])
    assert log_risk_ratio(*plain).effects[0] != pytest.approx(-log_risk_ratio(*turned).effects[0])


@pytest.mark.parametrize("measure", (mean_difference, standardised_mean_difference))
def test_swapped_means_turn_the_sign_and_units_cancel(measure) -> None:
    plain, swapped = measure(SPECIAL, ROUTINE), measure(ROUTINE, SPECIAL)
    np.testing.assert_allclose(plain.effects, -swapped.effects)
    np.testing.assert_allclose(plain.variances, swapped.variances)
    hours = [
        GroupMeans(n_subjects=g.n_subjects, means=24 * g.arrays[0], sds=24 * g.arrays[1])
        for g in (SPECIAL, ROUTINE)
    ]
    factor = 24 if measure is mean_difference else 1
    np.testing.assert_allclose(measure(*hours).effects, factor * plain.effects)


def test_only_studies_with_an_empty_cell_are_corrected() -> None:
    """Bertschat 1989 had no death among 22: cells 0.5, 22.5, 1.5, 20.5."""
    assert np.flatnonzero(MAGNESIUM_SIZES.corrected).tolist() == [7]
    assert not MAGNESIUM_SIZES.uninformative.any()
    assert MAGNESIUM_SIZES.effects[7] == pytest.approx(np.log(0.5 * 20.5 / (22.5 * 1.5)))
    assert MAGNESIUM_SIZES.effects[0] == pytest.approx(np.log(1 * 34 / (39 * 2)))


@pytest.mark.parametrize("measure", RATIOS)
@pytest.mark.parametrize("table", [(0, 10, 0, 12), (10, 0, 12, 0)])
def test_studies_that_tell_nothing_are_marked(measure, table) -> None:
    found = measure(*counts(*table))
    assert found.uninformative[0]
    assert found.corrected[0]
    assert found.variances[0] > 0


def test_parts_of_one_measure_join_and_others_do_not() -> None:
    bcg = log_risk_ratio(
        GroupCounts(events=BCG[:, 0], n_subjects=BCG[:, :2].sum(axis=1)),
        GroupCounts(events=BCG[:, 2], n_subjects=BCG[:, 2:4].sum(axis=1)),
    )
    both = joined([bcg, bcg])
    assert both.effects.shape == both.corrected.shape == both.uninformative.shape == (26,)
    assert both.measure is Measure.LOG_RISK_RATIO
    cases = effect_sizes([0.5, 0.7], [0.1, 0.2], measure=Measure.BETWEEN_CASE_DIFFERENCE)
    with pytest.raises(MixedMeasures, match="between-case"):
        joined([cases, standardised_mean_difference(SPECIAL, ROUTINE)])
    with pytest.raises(TooFew):
        joined([])


def test_effects_from_elsewhere_are_checked_and_copied() -> None:
    given = np.array([0.5, 0.7])
    found = effect_sizes(given, [0.1, 0.2], measure=Measure.LOG_RESPONSE_RATIO)
    given[0] = 9
    assert found.effects[0] == 0.5
    assert not found.corrected.any()
    for effects, variances, refused in (
        ([0.5], [0.0], OutOfRange),
        ([np.nan], [1.0], NotFinite),
        ([0.5], [1.0, 2.0], WrongShape),
        ([], [], TooFew),
    ):
        with pytest.raises(refused):
            effect_sizes(effects, variances, measure=Measure.MEAN_DIFFERENCE)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"means": [1.0], "sds": [0.0], "n_subjects": [5]}, OutOfRange),
        ({"means": [1.0], "sds": [1.0], "n_subjects": [1]}, OutOfRange),
        ({"means": [np.nan], "sds": [1.0], "n_subjects": [5]}, NotFinite),
        ({"means": [1.0, 2.0], "sds": [1.0], "n_subjects": [5]}, WrongShape),
    ],
)
def test_groups_of_means_are_refused_by_name(given, refused) -> None:
    with pytest.raises(refused):
        GroupMeans(**given)


@pytest.mark.parametrize(
    ("events", "n_subjects", "refused"),
    [
        ([-1], [5], OutOfRange),
        ([6], [5], OutOfRange),
        ([0], [0], OutOfRange),
        ([0.2], [5], OutOfRange),
        ([2], [5.5], OutOfRange),
        ([np.inf], [5], NotFinite),
        ([1, 2], [5], WrongShape),
    ],
)
def test_groups_of_counts_are_refused_by_name(events, n_subjects, refused) -> None:
    with pytest.raises(refused):
        GroupCounts(events=events, n_subjects=n_subjects)


@pytest.mark.parametrize("measure", [log_risk_ratio, log_odds_ratio, risk_difference])
@pytest.mark.parametrize("n_studies", [1, 3])
def test_two_groups_of_unequal_studies_are_refused(measure, n_studies) -> None:
    """One control group is not quietly taken for two studies."""
    two = GroupCounts(events=[1, 2], n_subjects=[10, 10])
    other = GroupCounts(events=[1] * n_studies, n_subjects=[10] * n_studies)
    with pytest.raises(WrongShape, match=r"treated \(2,\), control"):
        measure(two, other)


@pytest.mark.parametrize("n_studies", [1, 3])
def test_two_rows_of_means_of_unequal_studies_are_refused(n_studies) -> None:
    two = GroupMeans(means=[1.0, 2.0], sds=[1.0, 1.0], n_subjects=[10, 10])
    ones = [1.0] * n_studies
    other = GroupMeans(means=ones, sds=ones, n_subjects=[10] * n_studies)
    for measure in (mean_difference, standardised_mean_difference):
        with pytest.raises(WrongShape, match="control"):
            measure(two, other)
    with pytest.raises(WrongShape, match="after"):
        standardised_change(two, ones, correlation=0.5)
    with pytest.raises(NotFinite, match="after"):
        standardised_change(two, [1.0, np.nan], correlation=0.5)


def test_plain_numbers_in_place_of_groups_are_refused_by_name() -> None:
    group = GroupMeans(means=[1.0], sds=[1.0], n_subjects=[10])
    for measure in (mean_difference, standardised_mean_difference):
        with pytest.raises(WrongShape, match=r"treated is list; give GroupMeans\(means=\.\.\., sds"):
            measure([1], [2])
        with pytest.raises(WrongShape, match="control is list"):
            measure(group, [2])
    with pytest.raises(WrongShape, match="before is list; give GroupMeans"):
        standardised_change([1], [2], correlation=0.5)
    for measure in RATIOS:
        with pytest.raises(WrongShape, match=r"treated is GroupMeans; give GroupCounts\(events"):
            measure(group, group)
