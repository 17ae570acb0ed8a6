"""Equal but for rounding is equal: whole numbers, tenths, a large level and any unit give one result."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.stats.single_case import shift_interval as inversion
from atlasplane.stats.single_case.corrected_tau import corrected_tau
from atlasplane.stats.single_case.design import AlternatingDesign, ReversalDesign, ab_design
from atlasplane.stats.single_case.nonoverlap import NapInterval, NapVariance, nap, pairs
from atlasplane.stats.single_case.old_literature import PandMethod, ird, pand, pem, pnd
from atlasplane.stats.single_case.phase_statistics import (
    MEAN_DIFFERENCE,
    MEDIAN_DIFFERENCE,
    NAP,
    SLOPE_CHANGE,
)
from atlasplane.stats.single_case.randomisation import Alternative, randomisation_test
from atlasplane.stats.single_case.series import Improvement, PhasedSeries, ab_series, phased_series
from atlasplane.stats.single_case.shift_interval import shift_interval
from atlasplane.stats.single_case.tau_u import TauUDenominator, TauUTest, TauUVariant, tau_u
from atlasplane.stats.single_case.ties import SAME, rounding, tied

UP = Improvement.INCREASE
SCALES = [(0.1, 0.0), (0.1, 1e6), (0.1, -1e8), (1e-20, 0.0), (1e20, 0.0), (1 / 3, 1e4)]
"""Unit of a step, and level."""
ORDERS = AlternatingDesign(n_sessions=10, n_treated=5, longest_run=10)
TURNS = np.array([False, True] * 5)
STARTS = ab_design(n_sessions=14, least_baseline=3, least_treatment=3)


def of(values, treated) -> PhasedSeries:
    return phased_series(values, ["AB"[int(own)] for own in treated], baseline="A")


def drawn(statistic, seed: int):
    """Whole numbers with many ties, what was done, and the design."""
    design, treated = (STARTS, np.arange(14) >= 6) if statistic is SLOPE_CHANGE else (ORDERS, TURNS)
    return np.random.default_rng(seed).integers(0, 5, design.n_sessions), treated, design


def test_rounding_is_in_proportion_to_the_largest_value() -> None:
    assert rounding(np.array([-3.0, 2.0])) == 3 * SAME
    assert rounding(np.array([1.0]), np.array([[5.0, -8.0]])) == 8 * SAME
    assert rounding(np.zeros(3)) == 0.0


def test_rows_are_tied_each_for_itself() -> None:
    rows = np.array([[0.3, 5.0, 0.1 + 0.2, -1.0], [2.0, 2.0 + 1e-9, 1.0, 2.0]])
    found = tied(rows, 1e-12)
    assert found[0, 0] == found[0, 2] == 0.3
    assert found[1].tolist() == rows[1].tolist()
    assert tied(rows[0], 1e-12).tolist() == found[0].tolist()
    order = np.array([2, 0, 3, 1])
    assert tied(rows[:, order], 1e-12).tolist() == found[:, order].tolist()


@pytest.mark.parametrize("alternative", list(Alternative))
@pytest.mark.parametrize(
    "statistic", [MEAN_DIFFERENCE, MEDIAN_DIFFERENCE, NAP, SLOPE_CHANGE], ids=lambda own: own.name
)
def test_p_is_that_of_whole_numbers_at_every_level_and_in_every_unit(statistic, alternative) -> None:
    for seed in range(8):
        values, treated, design = drawn(statistic, seed)
        found = {
            randomisation_test(
                of(step * values + level, treated),
                design,
                statistic=statistic,
                alternative=alternative,
                monte_carlo=None,
            ).p_value
            for step, level in [(1.0, 0.0), *SCALES]
        }
        assert len(found) == 1


@pytest.mark.parametrize(
    "statistic", [MEAN_DIFFERENCE, MEDIAN_DIFFERENCE, NAP, SLOPE_CHANGE], ids=lambda own: own.name
)
def test_interval_is_that_of_whole_numbers_at_every_level_and_in_every_unit(statistic) -> None:
    for seed in range(4):
        values, treated, design = drawn(statistic, seed)
        whole, *others = (
            shift_interval(
                of(step * values + level, treated), design, statistic=statistic, level=0.8, monte_carlo=None
            )
            for step, level in [(1.0, 0.0), *SCALES]
        )
        for other, (step, _) in zip(others, SCALES, strict=True):
            assert other.low / step == pytest.approx(whole.low, abs=2e-6)
            assert other.high / step == pytest.approx(whole.high, abs=2e-6)
            assert other.connected == whole.connected


@pytest.mark.parametrize("statistic", [MEDIAN_DIFFERENCE, NAP], ids=lambda own: own.name)
def test_an_interval_does_not_hang_on_how_much_is_held_at_once(statistic, monkeypatch) -> None:
    design = ReversalDesign(n_sessions=14, least=(2, 2, 2, 2))
    treated = design.treated(np.array([40]))[0]
    series = of(np.random.default_rng(7).normal(size=14), treated)
    asked = {"statistic": statistic, "level": 0.8, "monte_carlo": None}
    at_once = shift_interval(series, design, **asked)
    assert math.isfinite(at_once.low)
    for few in (1, 5000):
        monkeypatch.setattr(inversion, "_AT_ONCE", few)
        assert shift_interval(series, design, **asked) == at_once


def test_order_does_not_tell_0_1_and_0_2_from_0_3() -> None:
    broken = ab_series([0.1, 0.1 + 0.2, 0.2], [0.3, 0.7, 0.8 - 0.1, 0.1 * 3])
    whole = ab_series([1, 3, 2], [3, 7, 7, 3])
    assert pairs(broken, improvement=UP) == pairs(whole, improvement=UP)
    assert pnd(broken, improvement=UP) == pnd(whole, improvement=UP)
    assert ird(broken, improvement=UP) == ird(whole, improvement=UP)
    for method in PandMethod:
        assert pand(broken, method=method, improvement=UP) == pand(whole, method=method, improvement=UP)
    asked = {"variance": NapVariance.SEN, "interval": NapInterval.NEWCOMBE}
    assert nap(broken, improvement=UP, **asked) == nap(whole, improvement=UP, **asked)
    for variant in TauUVariant:
        asked = {"variant": variant, "test": TauUTest.NORMAL_TIES_CORRECTED}
        one, other = (
            tau_u(own, improvement=UP, denominator=TauUDenominator.PAIRS_SUMMED, **asked)
            for own in (broken, whole)
        )
        assert one == other
    assert corrected_tau(broken, improvement=UP, pretest_level=0.05).uncorrected == (
        corrected_tau(whole, improvement=UP, pretest_level=0.05).uncorrected
    )


def test_the_median_of_an_even_baseline_is_no_better_than_a_value_on_it() -> None:
    assert pem(ab_series([0.1, 0.2], [0.15, 0.15]), improvement=UP).value == 0.5
    assert pem(ab_series([1e6 + 0.1, 1e6 + 0.2], [1e6 + 0.15] * 3), improvement=UP).value == 0.5


def test_a_baseline_of_broken_numbers_is_as_constant_as_it_looks() -> None:
    found = corrected_tau(ab_series([0.3, 0.1 + 0.2, 0.1 * 3], [1, 2, 3]), improvement=UP, pretest_level=0.05)
    assert found.baseline.tau_b is None
    assert "the baseline is constant" in found.why[0]
    line = corrected_tau(
        ab_series(0.1 * np.arange(5), 0.1 * np.arange(5, 9)), improvement=UP, pretest_level=0.05
    )
    assert line.corrected.tau == 0.0
    assert "on the line of the baseline" in line.why[0]
