"""Between-case standardized mean difference: published figures, invariances, limits, refusals."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from scipy.stats import nct

from atlasplane.stats.refusal import NotConverged, NoVariance, OutOfOrder, OutOfRange, TooFew
from atlasplane.stats.single_case.between_case import (
    BetweenCaseSmd,
    Design,
    SmdInterval,
    between_case_smd,
)
from atlasplane.stats.single_case.series import PhasedSeries, ab_series, phased_series

SADDLER = (
    ([2, 2, 3, 2], [4, 4, 4], [1, 2, 3, 4, 5, 6, 7]),
    ([3, 4, 2], [5, 5, 6], [1, 2, 3, 5, 6, 7]),
    ([4, 4, 3, 2], [5, 4, 4], [1, 3, 4, 5, 6, 7, 8]),
    ([2, 2, 2, 2], [4, 4, 5], [1, 3, 4, 5, 6, 7, 8]),
    ([1, 1, 2, 1], [3, 4, 4], [1, 5, 6, 7, 8, 9, 10]),
    ([3, 3, 3, 3], [5, 6, 6], [1, 5, 6, 7, 8, 9, 10]),
)
"""Writing quality of six pupils (Hedges, Pustejovsky and Shadish 2013, doi:10.1002/jrsm.1086)."""


def saddler() -> list[PhasedSeries]:
    return [ab_series(a, b, sessions=sessions) for a, b, sessions in SADDLER]


def effect(
    cases: list[PhasedSeries],
    *,
    design: Design = Design.MULTIPLE_BASELINE,
    interval: SmdInterval = SmdInterval.SYMMETRIC_T,
) -> BetweenCaseSmd:
    return between_case_smd(cases, design=design, interval=interval, level=0.95)


def reversal(seed: int, *, spread: float = 1.0, n_cases: int = 4) -> list[PhasedSeries]:
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n_cases):
        phases = "A" * (4 + k % 2) + "B" * 5 + "A" * 4 + "B" * 6
        values = spread * rng.standard_normal() + rng.standard_normal(len(phases))
        values = values + np.array([phase == "B" for phase in phases])
        found.append(phased_series(values, phases, baseline="A"))
    return found


def test_every_quantity_of_the_multiple_baseline_example() -> None:
    got = effect(saddler())
    assert (got.n_observations, got.n_cells, got.n_cases) == (41, 13, 6)
    printed = {
        "change": 2.097222,
        "total_variance": 0.952381,
        "unadjusted": 2.149013,
        "phi": 0.099650,
        "within_variance": 0.349322,
        "rho": 0.633212,
        "theta": 0.200641,
        "dof": 8.918146,
        "value": 1.963073,
    }
    for name, value in printed.items():
        assert getattr(got, name) == pytest.approx(value, abs=1e-6), name
    assert got.variance == pytest.approx(0.33491289, abs=1e-8)
    assert got.u == pytest.approx(math.sqrt(0.33491289), abs=1e-7)
    assert got.why == ()


def test_both_designs_have_the_same_change_where_both_apply() -> None:
    one, other = effect(saddler()), effect(saddler(), design=Design.REVERSAL)
    assert one.change == pytest.approx(other.change)
    assert (one.design, other.design) == (Design.MULTIPLE_BASELINE, Design.REVERSAL)


def test_balanced_reversal_by_hand() -> None:
    rows = [[1.0, 2, 5, 4], [2.0, 4, 6, 7], [0.0, 1, 2, 4]]
    got = effect([phased_series(row, "AABB", baseline="A") for row in rows], design=Design.REVERSAL)
    y = np.array(rows)
    assert got.n_cells == 4
    assert got.change == pytest.approx((y[:, 2:].mean(axis=1) - y[:, :2].mean(axis=1)).mean())
    assert got.total_variance == pytest.approx(y.var(axis=0, ddof=1).mean())
    rest = np.concatenate(
        [y[:, :2] - y[:, :2].mean(axis=1)[:, None], y[:, 2:] - y[:, 2:].mean(axis=1)[:, None]]
    )
    raw = (rest[:, 0] * rest[:, 1]).sum() / (rest**2).sum()
    assert raw == pytest.approx(-0.5)
    assert got.phi == pytest.approx(raw + 6 * 0.5 / (12 - 6))
    assert got.phi == pytest.approx(0.0)
    assert got.within_variance == pytest.approx((rest**2).sum() / 6)
    # Without autocorrelation: D has variance (1 - rho)(1/2 + 1/2)/3, nu is that of equicorrelated rows.
    assert got.theta == pytest.approx(math.sqrt((1 - got.rho) / 3))
    v = got.rho + (1 - got.rho) * np.eye(4)
    assert got.dof == pytest.approx(2 * 16 / (v * v).sum())


@pytest.mark.parametrize("unit", [3.0, 1e-14, 1e14])
@pytest.mark.parametrize("design", Design)
def test_units_sign_and_order_of_cases_go_through(design: Design, unit: float) -> None:
    cases = saddler() if design is Design.MULTIPLE_BASELINE else reversal(1)
    got = effect(cases, design=design)
    turned = [
        phased_series(unit * (2 - case.values), case.phases, baseline="A", sessions=case.sessions + 5)
        for case in cases[::-1]
    ]
    other = effect(turned, design=design)
    assert other.value == pytest.approx(-got.value)
    assert other.variance == pytest.approx(got.variance)
    assert (other.low, other.high) == pytest.approx((-got.high, -got.low))
    assert other.total_variance == pytest.approx(unit**2 * got.total_variance, rel=1e-9, abs=0)
    assert (other.phi, other.rho, other.dof) == pytest.approx((got.phi, got.rho, got.dof))


def test_a_level_of_its_own_for_each_case_leaves_change_and_autocorrelation() -> None:
    cases = reversal(2)
    moved = [phased_series(case.values + 10 * k, case.phases, baseline="A") for k, case in enumerate(cases)]
    got, other = (effect(own, design=Design.REVERSAL) for own in (cases, moved))
    assert (other.change, other.phi) == pytest.approx((got.change, got.phi))
    assert other.within_variance == pytest.approx(got.within_variance)
    assert other.rho > 0.98
    assert abs(other.value) < abs(got.value)


def test_cases_that_do_not_differ_put_rho_at_its_boundary() -> None:
    found = [effect(reversal(seed, spread=0.0), design=Design.REVERSAL) for seed in range(6)]
    below = [got for got in found if got.untruncated_rho < 0]
    assert below
    for got in below:
        assert got.rho == 0
        assert any("boundary" in why for why in got.why)


def test_two_or_fewer_degrees_of_freedom_are_told() -> None:
    # The third case shares no session with the others: one difference between cases is left.
    cases = [
        ab_series([10.0 * k, 10 * k + 1.0], [10 * k + 3.0, 10 * k + 2], sessions=10 * (k == 2) + np.arange(4))
        for k in range(3)
    ]
    got = effect(cases)
    assert got.dof == pytest.approx(1.0, abs=0.1)
    assert (got.variance, got.low, got.high) == (math.inf, -math.inf, math.inf)
    assert any("3 cases" in why for why in got.why)
    assert any("not finite" in why for why in got.why)
    other = effect(cases, interval=SmdInterval.NONCENTRAL_T)
    assert -math.inf < other.low < other.value < other.high < math.inf


@pytest.mark.parametrize("design", Design)
def test_noncentral_interval_holds_the_effects_that_are_not_extreme(design: Design) -> None:
    got = effect(
        reversal(3) if design is Design.REVERSAL else saddler(),
        design=design,
        interval=SmdInterval.NONCENTRAL_T,
    )
    t = got.unadjusted / got.theta
    assert nct.cdf(t, got.dof, got.low / got.theta) == pytest.approx(0.975, abs=1e-6)
    assert nct.cdf(t, got.dof, got.high / got.theta) == pytest.approx(0.025, abs=1e-6)
    assert got.interval is SmdInterval.NONCENTRAL_T


def test_the_result_says_everything_on_the_way() -> None:
    names = {field.name for field in fields(BetweenCaseSmd)}
    assert {"phi", "rho", "theta", "dof", "correction", "within_variance", "total_variance"} <= names


@pytest.mark.parametrize(
    ("cases", "design", "error", "words"),
    [
        (saddler()[:2], Design.MULTIPLE_BASELINE, TooFew, "3 or more"),
        (reversal(1), Design.MULTIPLE_BASELINE, OutOfOrder, "A-B-A-B"),
        ([*reversal(1), *saddler()], Design.REVERSAL, OutOfOrder, "the same 4 phases"),
        (
            [phased_series([1.0, 2, 3], "BAB", baseline="A")] * 3,
            Design.REVERSAL,
            OutOfOrder,
            "baseline and treatment",
        ),
        ([phased_series([1.0, 2, 3, 4], "BBAA", baseline="A")] * 3, Design.REVERSAL, OutOfOrder, "B-A"),
        (
            [ab_series([1.0, 2], [3.0, 5], sessions=[1, 2.5, 3, 4])] * 3,
            Design.REVERSAL,
            OutOfRange,
            "whole numbers",
        ),
        (
            [ab_series([1.0, 2], [3.0, 5], sessions=[4 * k + j for j in range(4)]) for k in range(3)],
            Design.MULTIPLE_BASELINE,
            TooFew,
            "no two cases",
        ),
        ([ab_series([1.0, 1], [3.0, 3])] * 3, Design.REVERSAL, NoVariance, "no scale"),
        ([ab_series([1.0, 2], [3.0, 4])] * 3, Design.REVERSAL, NoVariance, "no scale"),
    ],
)
def test_cases_that_cannot_be_used_are_refused(
    cases: list[PhasedSeries], design: Design, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        effect(cases, design=design)


def test_waves_within_phases_are_refused() -> None:
    wave = np.sin(2 * np.pi * (np.arange(40) + 0.5) / 40)
    cases = [ab_series(k + (1 + 0.1 * k) * wave, k + wave) for k in range(3)]
    with pytest.raises(OutOfRange, match="autocorrelation within phases is estimated at 1"):
        effect(cases, design=Design.REVERSAL)


def test_a_level_outside_0_and_1_is_refused() -> None:
    with pytest.raises(OutOfRange):
        between_case_smd(
            saddler(), design=Design.MULTIPLE_BASELINE, interval=SmdInterval.SYMMETRIC_T, level=0.0
        )


def test_an_effect_beyond_the_noncentral_t_is_refused() -> None:
    rng = np.random.default_rng(1)
    cases = [
        phased_series(rng.normal(size=12) + 1e7 * (np.arange(12) >= 6), ["A"] * 6 + ["B"] * 6, baseline="A")
        for _ in range(4)
    ]
    with pytest.raises(NotConverged, match="take the symmetric t"):
        effect(cases, interval=SmdInterval.NONCENTRAL_T)
    assert effect(cases, interval=SmdInterval.SYMMETRIC_T).value > 1e6
