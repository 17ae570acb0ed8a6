"""Pooled n-of-1 series: Satterthwaite, shrinkage, a new person, two stages, few persons, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.stats.meta.pooled import IntervalMethod
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.multilevel.mixed_inference import coefficient, new_person, person_effects
from atlasplane.stats.multilevel.person_series import PersonSeries
from atlasplane.stats.multilevel.pooling import pooled_series
from atlasplane.stats.multilevel.two_stage import person_estimates, two_stage
from atlasplane.stats.refusal import NotFinite, NoVariance, OutOfRange, TooFew, WrongShape


def series(n=12, length=16, *, tau=1.0, effect=-2.0, seed=3, scale=1.0):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n), length)
    sessions = np.tile(np.arange(length, dtype=float), n)
    treated = (sessions >= length // 2).astype(float)
    own = effect + tau * rng.normal(size=n)
    y = rng.normal(0, 2, n)[person] + own[person] * treated + rng.normal(size=n * length)
    persons = tuple(f"p{k}" for k in person)
    return PersonSeries(values=scale * y, persons=persons, treated=treated, sessions=sessions)


def pooled(data, **changed):
    chosen = {
        "trend": "none",
        "structure": "full",
        "residual": "independent",
        "interval": "satterthwaite",
        "mdc": 1.0,
        "level": 0.95,
    }
    return pooled_series(data, **{**chosen, **changed})


def test_in_a_balanced_design_the_mean_is_a_t_interval_of_the_persons_effects():
    data = series()
    found, own = pooled(data), person_estimates(data, trend="none").effects
    assert found.mean.value == pytest.approx(own.mean(), rel=1e-6)
    assert found.mean.se == pytest.approx(own.std(ddof=1) / math.sqrt(12), rel=1e-4)
    assert found.mean.dof == pytest.approx(11, rel=1e-3)
    assert pooled(data, interval="persons").mean.dof == 11
    normal = pooled(data, interval="normal").mean
    assert normal.dof == math.inf
    assert normal.high - normal.value == pytest.approx(1.959964 * normal.se, rel=1e-5)


def test_persons_are_shrunken_towards_the_mean_by_what_their_data_leave_open():
    data = series(tau=0.6)
    found, own = pooled(data, structure="diagonal"), person_estimates(data, trend="none").effects
    assert (
        np.abs(found.persons.values - found.mean.value) < np.abs(own - found.mean.value) + 1e-9
    ).mean() > 0.8
    assert ((found.persons.shrinkage > 0) & (found.persons.shrinkage < 1)).all()
    assert (found.persons.low < found.persons.values).all()
    assert found.labels == tuple(f"p{k}" for k in range(12))
    far = found.persons.values < -1.0
    assert ((found.probability_below_mdc > 0.5) == far).all()
    assert ((found.probability_above_mdc >= 0) & (found.probability_above_mdc < 0.5)).all()


def test_a_new_person_lies_further_out_than_the_mean():
    found = pooled(series())
    spread = math.hypot(found.tau, found.mean.se)
    assert found.new_person.se == pytest.approx(spread, rel=1e-9)
    assert found.new_person.low < found.mean.low < found.mean.high < found.new_person.high
    weights = {"fixed_weights": [0, 1], "random_weights": [0, 1], "level": 0.95}
    one = new_person(found.model, interval="persons", **weights)
    assert one.dof == 11
    assert new_person(found.model, interval="normal", **weights).high < one.high


def test_two_stages_agree_with_one_within_noise():
    data = series(n=15, length=24)
    one = pooled(data)
    two = two_stage(
        data,
        trend="none",
        tau2_method=Tau2Method.REML,
        interval=IntervalMethod.HARTUNG_KNAPP,
        level=0.95,
    )
    assert two.pooled.mean == pytest.approx(one.mean.value, abs=0.2 * one.mean.se)
    assert math.sqrt(two.pooled.tau2) == pytest.approx(one.tau, rel=0.1)
    assert two.persons.dof.tolist() == [22.0] * 15


def test_unit_sign_and_trend():
    first, other = pooled(series(), trend="linear"), pooled(series(scale=-10.0), trend="linear", mdc=10.0)
    assert other.mean.value == pytest.approx(-10 * first.mean.value, rel=1e-6)
    assert other.tau == pytest.approx(10 * first.tau, rel=1e-4)
    np.testing.assert_allclose(other.probability_above_mdc, first.probability_below_mdc, atol=1e-4)
    assert other.trend == "linear"
    own = person_estimates(series(), trend="linear")
    assert own.standard_errors.min() > person_estimates(series(), trend="none").standard_errors.min()


@pytest.mark.parametrize("residual", ["independent", "ar1"])
def test_a_far_zero_of_the_scale_does_not_matter(residual):
    data = series()
    far = PersonSeries(
        values=data.values + 1e6, persons=data.persons, treated=data.treated, sessions=data.sessions
    )
    one, other = pooled(data, residual=residual), pooled(far, residual=residual)
    assert other.mean.value == pytest.approx(one.mean.value, rel=1e-7)
    assert other.mean.dof == pytest.approx(one.mean.dof, rel=1e-3)
    np.testing.assert_allclose(other.persons.values, one.persons.values, rtol=1e-5)
    np.testing.assert_allclose(other.persons.high, one.persons.high, rtol=1e-4)
    np.testing.assert_allclose(other.model.values_from_starts, one.model.values_from_starts, rtol=1e-8)
    near, there = (person_estimates(which, trend="none") for which in (data, far))
    np.testing.assert_allclose(there.standard_errors, near.standard_errors, rtol=1e-8)


def test_as_many_rows_as_random_effects_tell_no_residual():
    with pytest.raises(TooFew, match="24 rows for 24 random effects"):
        pooled(series(length=2))
    assert pooled(series(length=3)).mean.se > 0


def test_intervals_of_persons_hold_their_effects():
    held = []
    for seed in range(12):
        # The first numbers of the generator are the effects of the persons.
        effects = -2.0 + np.random.default_rng(seed).normal(size=10)
        found = pooled(series(n=10, length=12, seed=seed))
        held.append(((found.persons.low <= effects) & (effects <= found.persons.high)).mean())
    assert np.mean(held) > 0.88


def test_persons_alike_are_told_and_few_persons_too():
    found = pooled(series(n=6, tau=0.0, seed=2), structure="diagonal")
    assert found.model.boundary
    assert found.tau == 0
    assert found.persons.shrinkage.tolist() == [0.0] * 6
    assert len(found.why) == 2
    assert "half_normal_pooling" in found.why[1]
    assert pooled(series()).why == ()


def test_a_prediction_without_error_is_sure():
    found = pooled(series()).model
    none = person_effects(found, fixed_weights=[0, 0], random_weights=[0, 0], level=0.95)
    assert none.rmse.tolist() == [0.0] * 12
    assert none.probability_below(0.1).tolist() == [1.0] * 12
    assert none.probability_below(-0.1).tolist() == [0.0] * 12


def test_what_is_no_series_is_refused_by_name():
    good = {
        "values": [1.0, 2, 3, 5],
        "persons": tuple("aabb"),
        "treated": [0, 1, 0, 1],
        "sessions": [1, 2, 1, 2],
    }
    assert PersonSeries(**good).labels == ("a", "b")
    for error, change in (
        (NotFinite, {"values": [1, 2, 3, math.nan]}),
        (WrongShape, {"sessions": [1, 2, 1]}),
        (WrongShape, {"persons": tuple("aab")}),
        (OutOfRange, {"treated": [0, 1, 0, 2]}),
        (NoVariance, {"treated": [1, 1, 1, 1]}),
        (TooFew, {"persons": tuple("aaaa")}),
    ):
        with pytest.raises(error):
            PersonSeries(**{**good, **change})
    with pytest.raises(NotFinite, match="treated holds the word off; give 1 with treatment and 0 without"):
        PersonSeries(**{**good, "treated": ["off", "on", "off", "on"]})


def test_bad_wishes_are_refused():
    data = series(n=4)
    with pytest.raises(OutOfRange, match="mdc"):
        pooled(data, mdc=0.0)
    with pytest.raises(NotFinite, match=r"mdc is None, .* minimal detectable change"):
        pooled(data, mdc=None)
    with pytest.raises(OutOfRange, match="level"):
        pooled(data, level=1.5)
    with pytest.raises(WrongShape, match="the model has 2"):
        coefficient(pooled(data).model, [1.0], level=0.95, interval="normal")


def test_persons_who_tell_nothing_are_refused_in_two_stages():
    base = {"sessions": [1.0, 2, 3, 4, 1, 2, 3, 4], "persons": tuple("aaaabbbb")}
    values = [1.0, 2, 4, 3, 2, 1, 5, 4]
    with pytest.raises(NoVariance, match="'b'"):
        person_estimates(PersonSeries(values=values, treated=[0, 0, 1, 1, 1, 1, 1, 1], **base), trend="none")
    with pytest.raises(NoVariance, match="fitted exactly"):
        person_estimates(
            PersonSeries(values=[1.0, 1, 2, 2] * 2, treated=[0, 0, 1, 1] * 2, **base), trend="none"
        )
    short = PersonSeries(
        values=values[:4], treated=[0, 1, 0, 1], sessions=[1, 2, 1, 2], persons=tuple("aabb")
    )
    with pytest.raises(TooFew, match="'a'"):
        person_estimates(short, trend="none")
