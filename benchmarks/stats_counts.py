"""Whether intervals of rates and interrupted counts hold, and how often tests are alarmed.

Counts that cluster are negative binomial with variance proportional to the mean (the assumption of "quasi"
and "score-t") or equal to mean + alpha mean^2 (that of NB2). Autocorrelated counts are Poisson about a mean
whose logarithm is a stationary AR(1) with standard deviation 0.4: the number in the id is the autocorrelation
of that, so that of the counts is lower. Exact intervals of discrete counts hold more often than they say:
their bar has no upper end. Posteriors of change points are in `stats_change_points`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.series.change_test import change_test
from atlasplane.stats.series.count_regression import CountFamily
from atlasplane.stats.series.counts import (
    CountCovariance,
    HacCovariance,
    InterruptedCounts,
    Reference,
    interrupted_counts,
)
from atlasplane.stats.series.hac import SmallSample
from atlasplane.stats.series.interrupted_design import (
    LEVEL_CHANGE,
    SLOPE_CHANGE,
    InterruptedDesign,
    interrupted_design,
)
from atlasplane.stats.series.rate_ratios import overdispersed_rate_ratio, rate_ratio
from atlasplane.stats.series.rates import Dispersed, Exactness, overdispersed_rate_interval, rate_interval
from benchmarks import stats_change_points
from benchmarks.bar import ALPHA, COVERAGE, COVERAGE_AT_LEAST, Bar, covers, rejects

Array = NDArray[np.float64]
Trial = Callable[[np.random.Generator], dict[str, bool]]
"""One draw: by the ends of ids, whether the interval held or the test was alarmed."""

SEED = 505
LEVEL = 0.95
_LOG_SD = 0.4
_SESSIONS, _MANY_SESSIONS, _LAGS, _MANY_LAGS = 60, 1000, 4, 10
_CHANGE, _SLOPE = math.log(0.7), 0.005
_SERIES = 24
_DRAWS = 199

_AR1 = {0.3: ".ar1-0.3", 0.6: ".ar1-0.6"}
_COVERAGE = (
    *(f"rate.{m}" for m in ("garwood", "mid-p", "score-t", "score-t.rare-clusters")),
    *(f"rate.score-t{end}" for end in _AR1.values()),
    *(f"rate-ratio.{m}" for m in ("exact", "mid-p", "score-t")),
    *(
        f"interrupted-counts.{m}"
        for m in ("model", "quasi", "quasi.slope", "quasi.later", "quasi.counterfactual")
    ),
    *(f"interrupted-counts.{m}" for m in ("quasi.normal", "nb2", "nb2.normal", "hac.satterthwaite")),
    *(f"interrupted-counts.hac.satterthwaite{end}" for end in _AR1.values()),
    "interrupted-counts.hac.residual-dof",
    *(f"interrupted-counts.hac.residual-dof.60-sessions{end}" for end in ("", *_AR1.values())),
)
_TYPE_I = (
    "rate-ratio.exact",
    "rate-ratio.mid-p",
    *(
        f"{test}{end}"
        for test in ("rate-ratio.score-t", "interrupted-counts.quasi")
        for end in ("", *_AR1.values())
    ),
    *(f"interrupted-counts.hac.satterthwaite{end}" for end in ("", *_AR1.values())),
    *(f"change-test{end}" for end in ("", *_AR1.values())),
)
IDS: tuple[str, ...] = (
    *(f"stats.coverage.{name}" for name in _COVERAGE),
    *(f"stats.type-i.{name}" for name in _TYPE_I),
    *stats_change_points.IDS,
)
_CONSERVATIVE = {"rate.garwood", "rate-ratio.exact"}
"""Discrete: they hold more often than they say."""
_PRINTED = {
    "rate.score-t.rare-clusters",
    *(f"interrupted-counts.hac.residual-dof.60-sessions{end}" for end in ("", *_AR1.values())),
}
"""Outside what the procedure assumes: few clusters, or few sessions for the plain Newey-West. No bar."""


def bars(cases: int) -> Iterator[Bar]:
    """Rows of rates, of interrupted counts and of change points."""
    for trial in (poisson_rates, clustered_rates, interrupted, long_interrupted, tested):
        yield from _shares(trial, cases)
    for phi in _AR1:
        yield from _shares(partial(alike, phi=phi), cases)
    yield from stats_change_points.bars(cases)


def _shares(trial: Trial, cases: int) -> Iterator[Bar]:
    held: dict[str, list[bool]] = {}
    for k in range(cases):
        for name, own in trial(np.random.default_rng([SEED, k])).items():
            held.setdefault(name, []).append(own)
    for name, own in held.items():
        yield _bar(name, float(np.mean(own)), len(own))


def _bar(name: str, value: float, n: int) -> Bar:
    kind, own = name.split(".", 2)[1:]
    judged = own not in _PRINTED and "ar1" not in own
    if kind == "coverage":
        band = COVERAGE_AT_LEAST if own in _CONSERVATIVE else COVERAGE
        return covers(name, value, n=n, seed=SEED, judged=judged, band=band)
    return rejects(name, value, n=n, seed=SEED, judged=judged)


def poisson_rates(rng: np.random.Generator) -> dict[str, bool]:
    """Expectations from 1 to 60 events, ratios from 1/3 to 3, unequal exposures."""
    mean, ratio = rng.uniform(1, 60), math.exp(rng.uniform(-1.1, 1.1))
    exposure = math.exp(rng.uniform(-1, 1))
    n_before, n_after, n_same = rng.poisson([mean, mean * exposure * ratio, mean * exposure])
    found = {}
    for method, of_rate in ((Exactness.EXACT, "garwood"), (Exactness.MID_P, "mid-p")):
        own = rate_interval(n_before, 1.0, method=method, level=LEVEL)
        found[f"stats.coverage.rate.{of_rate}"] = own.low <= mean <= own.high
        of_ratio, of_none = (
            rate_ratio(n, n_before, exposure_after=exposure, exposure_before=1.0, method=method, level=LEVEL)
            for n in (n_after, n_same)
        )
        found[f"stats.coverage.rate-ratio.{method.value}"] = of_ratio.low <= ratio <= of_ratio.high
        found[f"stats.type-i.rate-ratio.{method.value}"] = of_none.p_value <= ALPHA
    return found


def clustered_rates(rng: np.random.Generator) -> dict[str, bool]:
    """8 to 20 stretches of 5 to 20 events that scatter 1.5 to 5 times Poisson's; and of 1 event each."""
    n, mean, dispersion = int(rng.integers(8, 21)), rng.uniform(5, 20), rng.uniform(1.5, 5)
    ratio, exposures = math.exp(rng.uniform(-1.1, 1.1)), rng.uniform(0.5, 1.5, n)
    before, after, same = (_nb1(rng, mean * exposures * c, dispersion) for c in (1.0, ratio, 1.0))
    rare = _nb1(rng, exposures, 5.0)
    own, of_rare = (
        overdispersed_rate_interval(y, exposures, method=Dispersed.SCORE_T, level=LEVEL)
        for y in (before, rare)
    )
    of_ratio, of_none = (_score_ratio(y, before, exposures) for y in (after, same))
    return {
        "stats.coverage.rate.score-t": own.low <= mean <= own.high,
        "stats.coverage.rate.score-t.rare-clusters": of_rare.low <= 1.0 <= of_rare.high,
        "stats.coverage.rate-ratio.score-t": of_ratio[0] <= ratio <= of_ratio[1],
        "stats.type-i.rate-ratio.score-t": of_none[2] <= ALPHA,
    }


def interrupted(rng: np.random.Generator) -> dict[str, bool]:
    """60 sessions, a change of level by 0.7 and of slope by 0.5 % a session, exposures 0.5 to 1.5."""
    design, exposure, mean = _interrupted(rng, changed=True)
    fit = partial(_fit, design=design, exposure=exposure)
    clustered = _nb1(rng, mean, rng.uniform(1.5, 5))
    alpha = rng.uniform(0.05, 0.5)
    nb2 = rng.negative_binomial(1 / alpha, 1 / (1 + alpha * mean))
    quasi = fit(clustered, covariance=CountCovariance.QUASI)
    hac = fit(clustered, covariance=_hac(_LAGS), reference=Reference.SATTERTHWAITE)
    found = {
        "model": _level_held(
            fit(rng.poisson(mean), covariance=CountCovariance.MODEL, reference=Reference.NORMAL)
        ),
        "quasi": _level_held(quasi),
        "quasi.normal": _level_held(
            fit(clustered, covariance=CountCovariance.QUASI, reference=Reference.NORMAL)
        ),
        "nb2": _level_held(fit(nb2, family=CountFamily.NB2, covariance=CountCovariance.MODEL)),
        "nb2.normal": _level_held(
            fit(nb2, family=CountFamily.NB2, covariance=CountCovariance.MODEL, reference=Reference.NORMAL)
        ),
        "hac.satterthwaite": _level_held(hac),
        "hac.residual-dof.60-sessions": _level_held(fit(clustered, covariance=_hac(_LAGS))),
    }
    slope, later = quasi.ratio(SLOPE_CHANGE), quasi.ratio_at(_SESSIONS)
    without = quasi.counterfactual()
    n_after = len(without.time)
    found["quasi.slope"] = slope.low <= math.exp(_SLOPE) <= slope.high
    found["quasi.later"] = later.low <= math.exp(_CHANGE + _SLOPE * (n_after - 1)) <= later.high
    truth = mean[-1] * math.exp(-_CHANGE - _SLOPE * (n_after - 1))
    found["quasi.counterfactual"] = bool(without.low[-1] <= truth <= without.high[-1])
    return {f"stats.coverage.interrupted-counts.{name}": own for name, own in found.items()}


def long_interrupted(rng: np.random.Generator) -> dict[str, bool]:
    """1000 sessions: what Newey and West's covariance is made for."""
    design, exposure, mean = _interrupted(rng, changed=True, n_sessions=_MANY_SESSIONS)
    hac = _fit(_nb1(rng, mean, 2.0), design=design, exposure=exposure, covariance=_hac(_MANY_LAGS))
    return {"stats.coverage.interrupted-counts.hac.residual-dof": _level_held(hac)}


def tested(rng: np.random.Generator) -> dict[str, bool]:
    """No change, no autocorrelation."""
    design, exposure, mean = _interrupted(rng, changed=False)
    clustered = _nb1(rng, mean, rng.uniform(1.5, 5))
    return {
        **_alarms(design, exposure, clustered, ""),
        "stats.type-i.change-test": _change_alarm(rng, rng.poisson(rng.uniform(1, 10), _SERIES)),
    }


def alike(rng: np.random.Generator, *, phi: float) -> dict[str, bool]:
    """No change, but neighbouring sessions that are alike."""
    end = _AR1[phi]
    design, exposure, mean = _interrupted(rng, changed=False)
    counts = rng.poisson(mean * _restless(rng, len(mean), phi))
    steady = rng.uniform(5, 20)
    ones = np.ones(12)
    after, before = rng.poisson(steady * _restless(rng, 24, phi)).reshape(2, 12)
    own = overdispersed_rate_interval(before, ones, method=Dispersed.SCORE_T, level=LEVEL)
    published = _fit(counts, design=design, exposure=exposure, covariance=_hac(_LAGS)).ratio(LEVEL_CHANGE)
    better = _fit(
        counts, design=design, exposure=exposure, covariance=_hac(_LAGS), reference=Reference.SATTERTHWAITE
    ).ratio(LEVEL_CHANGE)
    return {
        f"stats.coverage.rate.score-t{end}": own.low <= steady <= own.high,
        f"stats.coverage.interrupted-counts.hac.satterthwaite{end}": better.low <= 1 <= better.high,
        f"stats.coverage.interrupted-counts.hac.residual-dof.60-sessions{end}": published.low
        <= 1
        <= published.high,
        f"stats.type-i.rate-ratio.score-t{end}": _score_ratio(after, before, ones)[2] <= ALPHA,
        **_alarms(design, exposure, counts, end),
        f"stats.type-i.change-test{end}": _change_alarm(
            rng, rng.poisson(rng.uniform(1, 10) * _restless(rng, _SERIES, phi))
        ),
    }


def _alarms(design: InterruptedDesign, exposure: Array, counts: Array, end: str) -> dict[str, bool]:
    quasi = _fit(counts, design=design, exposure=exposure, covariance=CountCovariance.QUASI)
    hac = _fit(
        counts, design=design, exposure=exposure, covariance=_hac(_LAGS), reference=Reference.SATTERTHWAITE
    )
    return {
        f"stats.type-i.interrupted-counts.{name}{end}": own.ratio(LEVEL_CHANGE).p_value <= ALPHA
        for name, own in (("quasi", quasi), ("hac.satterthwaite", hac))
    }


def _change_alarm(rng: np.random.Generator, counts: Array) -> bool:
    found = change_test(counts, exposure=np.ones(len(counts)), n_draws=_DRAWS, rng=rng)
    return found.p_value <= ALPHA


def _interrupted(
    rng: np.random.Generator, *, changed: bool, n_sessions: int = _SESSIONS
) -> tuple[InterruptedDesign, Array, Array]:
    start = int(rng.integers(0.4 * n_sessions, 0.6 * n_sessions))
    design, exposure = _design(n_sessions, start), rng.uniform(0.5, 1.5, n_sessions)
    coefficients = np.array([math.log(rng.uniform(8, 20)), 0.3 / n_sessions, _CHANGE, _SLOPE])
    mean = exposure * np.exp(design.matrix @ np.where([True, True, changed, changed], coefficients, 0.0))
    return design, exposure, mean


@cache
def _design(n_sessions: int, start: int) -> InterruptedDesign:
    time = np.arange(1.0, n_sessions + 1)
    return interrupted_design(time, start=start, slope_change=True, n_harmonics=0, period=1.0)


def _fit(
    counts: Array,
    *,
    design: InterruptedDesign,
    exposure: Array,
    covariance: CountCovariance | HacCovariance,
    family: CountFamily = CountFamily.POISSON,
    reference: Reference = Reference.RESIDUAL_DOF,
) -> InterruptedCounts:
    return interrupted_counts(
        counts,
        design,
        exposure=exposure,
        family=family,
        covariance=covariance,
        reference=reference,
        level=LEVEL,
    )


def _level_held(found: InterruptedCounts) -> bool:
    own = found.ratio(LEVEL_CHANGE)
    return own.low <= math.exp(_CHANGE) <= own.high


def _hac(n_lags: int) -> HacCovariance:
    return HacCovariance(n_lags=n_lags, small_sample=SmallSample.RESIDUAL_DOF)


def _score_ratio(after: Array, before: Array, exposures: Array) -> tuple[float, float, float]:
    found = overdispersed_rate_ratio(
        after,
        before,
        exposures_after=exposures,
        exposures_before=exposures,
        method=Dispersed.SCORE_T,
        level=LEVEL,
    )
    return found.low, found.high, found.p_value


def _nb1(rng: np.random.Generator, mean: Array, dispersion: float) -> Array:
    """Negative binomial counts with variance dispersion x mean."""
    return rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion)


def _restless(rng: np.random.Generator, n_sessions: int, phi: float) -> Array:
    """Factors of mean 1, the logarithm of which is a stationary AR(1)."""
    shocks = rng.normal(size=n_sessions) * _LOG_SD
    logs = np.empty(n_sessions)
    logs[0] = shocks[0]
    for t in range(1, n_sessions):
        logs[t] = phi * logs[t - 1] + math.sqrt(1 - phi**2) * shocks[t]
    return np.exp(logs - _LOG_SD**2 / 2)
