"""Mediation within persons: moments of the indirect effect, known paths, lags, units, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.stats.mediation.sample import MediatorAfterOutcome
from atlasplane.stats.mediation.within_person import (
    Lags,
    RepeatedMediation,
    indirect_variance,
    within_person_mediation,
)
from atlasplane.stats.refusal import Duplicate, NoVariance, OutOfRange, TooFew, WrongShape

NOW = Lags(treatment_to_mediator=0, mediator_to_outcome=0)
LATER = Lags(treatment_to_mediator=1, mediator_to_outcome=1)


def repeated(n=25, length=20, *, lags=NOW, scale=(1.0, 1.0, 1.0), seed=2, phi=0.0, drift=0.0):
    """Paths 0.6 and 0.5 with SDs of 0.4, correlated by 0.5."""
    rng = np.random.default_rng(seed)
    spread = [[0.16, 0.08, 0.0], [0.08, 0.16, 0.0], [0.0, 0.0, 0.04]]
    path = rng.multivariate_normal([0.6, 0.5, 0.2], spread, size=n)
    k, later = lags.treatment_to_mediator, lags.mediator_to_outcome
    x, e, f = rng.normal(size=(3, n, length))
    for t in range(1, length):
        f[:, t] += phi * f[:, t - 1]
    m = 3 + path[:, :1] * np.roll(x, k, axis=1) + e + drift * np.arange(length)
    y = 7 + path[:, 1:2] * np.roll(m, later, axis=1) + path[:, 2:] * np.roll(x, k + later, axis=1) + f
    y = y + drift * np.arange(length)
    return RepeatedMediation(
        persons=tuple(np.repeat(np.arange(n), length).tolist()),
        sessions=np.tile(np.arange(length), n),
        treatment=scale[0] * x.ravel(),
        mediator=scale[1] * m.ravel(),
        outcome=scale[2] * y.ravel(),
    )


def fitted(data, lags=NOW, *, detrending="level", previous=False):
    return within_person_mediation(
        data,
        lags=lags,
        detrending=detrending,
        previous=previous,
        level=0.95,
        n_draws=2000,
        rng=np.random.default_rng(1),
    )


def test_the_variance_of_a_product_is_that_of_its_draws():
    rng = np.random.default_rng(1)
    a, b = rng.multivariate_normal([0.6, 0.5], [[0.16, 0.08], [0.08, 0.25]], size=400_000).T
    wanted = indirect_variance(0.6, 0.5, var_a=0.16, var_b=0.25, cov_ab=0.08)
    assert np.var(a * b) == pytest.approx(wanted, rel=0.01)
    with pytest.raises(OutOfRange, match="cannot have covariance"):
        indirect_variance(0.6, 0.5, var_a=0.16, var_b=0.25, cov_ab=0.3)
    assert indirect_variance(0.6, 0.5, var_a=0.0, var_b=0.0, cov_ab=0.0) == 0.0
    # Kenny et al. 2003, eq. 11: 0.25 x 0.16 + 0.36 x 0.25 + 0.16 x 0.25 + 2 x 0.3 x 0.08 + 0.0064.
    assert wanted == pytest.approx(0.2244)


def test_known_paths_are_found():
    found = fitted(repeated(n=60))
    assert found.a.value == pytest.approx(0.6, abs=0.15)
    assert found.b.value == pytest.approx(0.5, abs=0.15)
    assert found.covariance_ab == pytest.approx(0.08, abs=0.08)
    assert found.indirect.low < 0.38 < found.indirect.high
    assert found.indirect.value == pytest.approx(found.a.value * found.b.value + found.covariance_ab)
    assert found.indirect_sd == pytest.approx(
        math.sqrt(
            indirect_variance(
                found.a.value,
                found.b.value,
                var_a=found.sd_a**2,
                var_b=found.sd_b**2,
                cov_ab=found.covariance_ab,
            )
        )
    )
    assert len(found.person_indirect) == len(found.labels) == 60
    assert found.n_rows == 1200


def test_units_of_the_columns_are_units_of_the_paths():
    one, other = fitted(repeated()), fitted(repeated(scale=(2.0, -10.0, 100.0)))
    assert other.indirect.value == pytest.approx(50 * one.indirect.value, rel=1e-3)
    assert other.a.value == pytest.approx(-5 * one.a.value, rel=1e-3)
    assert other.sd_b == pytest.approx(10 * one.sd_b, rel=1e-2)


def test_levels_of_persons_and_their_courses_do_not_matter():
    data = repeated(n=12)
    shifted = RepeatedMediation(
        persons=data.persons,
        sessions=data.sessions,
        treatment=data.treatment,
        mediator=data.mediator + 50.0 * np.array(data.persons),
        outcome=data.outcome - 20.0 * np.array(data.persons),
    )
    assert fitted(shifted).indirect.value == pytest.approx(fitted(data).indirect.value, rel=1e-3)
    drifted = fitted(repeated(n=12, drift=0.5), detrending="linear")
    assert drifted.indirect.value == pytest.approx(
        fitted(repeated(n=12), detrending="linear").indirect.value, rel=1e-2
    )


def test_lags_look_for_the_right_sessions():
    found = fitted(repeated(lags=LATER, n=30), LATER, previous=True)
    assert found.n_rows == 30 * 18
    assert found.indirect.low > 0.1
    assert 0.4 < found.a.value < 0.9
    assert not any("one session" in word for word in found.why)
    assert found.previous
    wrong = fitted(repeated(lags=LATER, n=30))
    assert abs(wrong.indirect.value) < 0.1
    assert any("one session" in word for word in wrong.why)


def test_correlated_sessions_are_told():
    found = fitted(repeated(phi=0.8))
    assert found.residual_correlation[1] > 0.3
    assert any("neighbouring sessions" in word for word in found.why)


def test_sessions_without_neighbours_have_no_correlation_to_tell():
    data = repeated(n=10, length=8)
    apart = RepeatedMediation(
        persons=data.persons,
        sessions=2 * data.sessions,
        treatment=data.treatment,
        mediator=data.mediator,
        outcome=data.outcome,
    )
    assert fitted(apart).residual_correlation == (0.0, 0.0)
    with pytest.raises(TooFew, match="no person has the sessions"):
        fitted(apart, LATER)


def test_a_mediator_after_the_outcome_is_refused():
    with pytest.raises(MediatorAfterOutcome, match="1 sessions after"):
        Lags(treatment_to_mediator=0, mediator_to_outcome=-1)
    with pytest.raises(OutOfRange, match="treatment"):
        Lags(treatment_to_mediator=-1, mediator_to_outcome=0)


def test_rows_that_tell_nothing_are_refused():
    data = repeated(n=4, length=8)
    base = {name: getattr(data, name) for name in ("persons", "sessions", "treatment", "mediator", "outcome")}
    for error, change in (
        (WrongShape, {"persons": data.persons[1:]}),
        (WrongShape, {"mediator": data.mediator[1:]}),
        (OutOfRange, {"sessions": data.sessions / 2}),
        (Duplicate, {"sessions": np.zeros(32)}),
    ):
        with pytest.raises(error):
            RepeatedMediation(**{**base, **change})
    with pytest.raises(NoVariance, match="treatment never changes within"):
        fitted(RepeatedMediation(**{**base, "treatment": np.repeat([0.0, 1, 0, 1], 8)}))
    with pytest.raises(TooFew, match="usable sessions"):
        persons = (*data.persons[:-1], "alone")
        fitted(RepeatedMediation(**{**base, "persons": persons}))
    with pytest.raises(OutOfRange, match="10 draws"):
        within_person_mediation(
            data,
            lags=NOW,
            detrending="level",
            previous=False,
            level=0.95,
            n_draws=10,
            rng=np.random.default_rng(1),
        )
