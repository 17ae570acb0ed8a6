"""Whether intervals of piecewise regression, Newey-West, between-case effects and the local level hold.

Values are drawn without change, so an interval that misses 0 is also a false alarm. Of every draw the level
change and the slope change are judged. Errors are stationary AR(1) with standard deviation 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.series.hac import DofMethod, SmallSample, least_lags, newey_west_regression
from atlasplane.stats.series.level_filter import Likelihood
from atlasplane.stats.series.local_level import local_level
from atlasplane.stats.series.local_level_posterior import local_level_posterior
from atlasplane.stats.single_case.between_case import Design, SmdInterval, between_case_smd
from atlasplane.stats.single_case.piecewise import (
    Errors,
    Terms,
    TimeCoding,
    piecewise_design,
    piecewise_regression,
)
from atlasplane.stats.single_case.series import PhasedSeries, ab_series, phased_series
from benchmarks.bar import Bar, covers, rejects

Array = NDArray[np.float64]
SEED = 607
LEVEL = 0.95
CHANGES = ("level", "slope")
_SHARE_BASELINE = 0.4
_KR_SESSIONS, _PHIS = (20, 40), (0.0, 0.3, 0.6)
_SESSIONS, _MANY_SESSIONS = 30, 60
_DRIFTS = (0.0, 0.3, 1.0)
_SMD = 1.0
_CASES, _RHO = 6, 0.5


def _ids() -> Iterator[str]:
    for n in _KR_SESSIONS:
        for phi in _PHIS:
            yield from (f"stats.coverage.piecewise-kenward-roger.{n}-sessions.ar1-{phi}.{c}" for c in CHANGES)
    for errors in ("satterthwaite", "independent"):
        yield from (f"stats.coverage.piecewise-{errors}.{c}" for c in CHANGES)
    for errors in ("kenward-roger", "satterthwaite", "independent"):
        yield from (f"stats.type-i.piecewise-{errors}{tail}" for tail in ("", ".ar1-0.3", ".ar1-0.6"))
    for dof in ("residual", "satterthwaite"):
        yield from (f"stats.coverage.newey-west-{dof}.{c}" for c in CHANGES)
        yield from (f"stats.coverage.newey-west-{dof}.{_SESSIONS}-sessions.{c}" for c in CHANGES)
        yield from (f"stats.type-i.newey-west-{dof}{tail}" for tail in ("", ".ar1-0.3", ".ar1-0.6"))
    for design in ("multiple-baseline", "reversal"):
        yield from (f"stats.coverage.between-case-smd.{design}.{i}" for i in ("symmetric-t", "noncentral-t"))
    yield "stats.coverage.local-level"
    yield from (f"stats.coverage.local-level.drift-{drift}" for drift in _DRIFTS)
    yield "stats.coverage.local-level-posterior"
    yield from (f"stats.type-i.local-level{tail}" for tail in ("", ".ar1-0.3", ".ar1-0.6"))


IDS: tuple[str, ...] = tuple(_ids())
"""Of every row of `bars`, in order."""


def bars(cases: int) -> Iterator[Bar]:
    """All rows from `cases` draws each."""
    yield from _piecewise_coverage(cases)
    yield from _piecewise_type_i(cases)
    yield from _newey_west(cases)
    yield from _between_case(cases)
    yield from _local_level(cases)


def autocorrelated(rng: np.random.Generator, n_sessions: int, phi: float) -> Array:
    """Stationary AR(1) errors of standard deviation 1."""
    errors = rng.standard_normal(n_sessions)
    errors[1:] *= math.sqrt(1 - phi**2)
    for t in range(1, n_sessions):
        errors[t] += phi * errors[t - 1]
    return errors


def null_series(rng: np.random.Generator, n_sessions: int, phi: float) -> PhasedSeries:
    """A baseline of two fifths, a treatment, and no change."""
    values = autocorrelated(rng, n_sessions, phi)
    n_baseline = round(_SHARE_BASELINE * n_sessions)
    return ab_series(values[:n_baseline], values[n_baseline:])


def _held(cases: int, one: Callable[[np.random.Generator], list[bool]], row: int) -> NDArray[np.float64]:
    """Share of draws in which each interval holds the truth."""
    rng = np.random.default_rng([SEED, row])
    shares: Array = np.mean([one(rng) for _ in range(cases)], axis=0)
    return shares


def _coverage(id_: str, share: float, cases: int, *, judged: bool = True) -> Bar:
    return covers(id_, share, n=cases, seed=SEED, judged=judged)


def _type_i(name: str, shares: dict[float, float], cases: int, *, judged: bool = True) -> Iterator[Bar]:
    """False alarms at 5 %: judged without autocorrelation, printed with it."""
    for phi, held in shares.items():
        id_ = f"stats.type-i.{name}" + (f".ar1-{phi}" if phi else "")
        yield rejects(id_, 1 - held, n=cases, seed=SEED, judged=judged and phi == 0)


def _piecewise(errors: Errors, n_sessions: int, phi: float) -> Callable[[np.random.Generator], list[bool]]:
    def one(rng: np.random.Generator) -> list[bool]:
        fit = piecewise_regression(
            null_series(rng, n_sessions, phi),
            coding=TimeCoding.FROM_ZERO,
            terms=Terms.LEVELS_AND_SLOPES,
            errors=errors,
            level=LEVEL,
        )
        return [bool(fit.low[j] <= 0 <= fit.high[j]) for j in (2, 3)]

    return one


def _piecewise_coverage(cases: int) -> Iterator[Bar]:
    for n in _KR_SESSIONS:
        for k, phi in enumerate(_PHIS):
            shares = _held(cases, _piecewise(Errors.AR1_KENWARD_ROGER, n, phi), 10 * n + k)
            for change, share in zip(CHANGES, shares, strict=True):
                id_ = f"stats.coverage.piecewise-kenward-roger.{n}-sessions.ar1-{phi}.{change}"
                yield _coverage(id_, share, cases)
    for name, errors, phi in (
        ("satterthwaite", Errors.AR1_SATTERTHWAITE, 0.3),
        ("independent", Errors.INDEPENDENT, 0.0),
    ):
        shares = _held(cases, _piecewise(errors, _SESSIONS, phi), 1)
        for change, share in zip(CHANGES, shares, strict=True):
            yield _coverage(f"stats.coverage.piecewise-{name}.{change}", share, cases)


def _piecewise_type_i(cases: int) -> Iterator[Bar]:
    for name, errors in (
        ("kenward-roger", Errors.AR1_KENWARD_ROGER),
        ("satterthwaite", Errors.AR1_SATTERTHWAITE),
        ("independent", Errors.INDEPENDENT),
    ):
        shares = {phi: _held(cases, _piecewise(errors, _SESSIONS, phi), 2)[0] for phi in _PHIS}
        yield from _type_i(f"piecewise-{name}", shares, cases)


def _newey_west_draw(
    dof_method: DofMethod, n_sessions: int, phi: float
) -> Callable[[np.random.Generator], list[bool]]:
    def one(rng: np.random.Generator) -> list[bool]:
        series = null_series(rng, n_sessions, phi)
        design, _ = piecewise_design(series, coding=TimeCoding.FROM_ZERO, terms=Terms.LEVELS_AND_SLOPES)
        fit = newey_west_regression(
            series.values,
            design,
            n_lags=least_lags(n_sessions),
            small_sample=SmallSample.RESIDUAL_DOF,
            dof_method=dof_method,
            level=LEVEL,
        )
        return [bool(fit.low[j] <= 0 <= fit.high[j]) for j in (2, 3)]

    return one


def _newey_west(cases: int) -> Iterator[Bar]:
    for name, method in (("residual", DofMethod.RESIDUAL), ("satterthwaite", DofMethod.SATTERTHWAITE)):
        for n, tail in ((_MANY_SESSIONS, ""), (_SESSIONS, f".{_SESSIONS}-sessions")):
            shares = _held(cases, _newey_west_draw(method, n, 0.0), 3)
            for change, share in zip(CHANGES, shares, strict=True):
                # n - k is what is printed elsewhere: shown by how much it misses. Thirty sessions are shown
                # too, where the module itself advises against any of the two.
                judged = method is DofMethod.SATTERTHWAITE and n == _MANY_SESSIONS
                yield _coverage(
                    f"stats.coverage.newey-west-{name}{tail}.{change}", share, cases, judged=judged
                )
        held = {phi: _held(cases, _newey_west_draw(method, _MANY_SESSIONS, phi), 4)[0] for phi in _PHIS}
        yield from _type_i(f"newey-west-{name}", held, cases, judged=method is DofMethod.SATTERTHWAITE)


def drawn_cases(rng: np.random.Generator, design: Design) -> list[PhasedSeries]:
    """Six cases of 20 or 24 sessions, an effect of one total standard deviation, half of it between cases."""
    found = []
    for k in range(_CASES):
        starts = [0, 6 + 2 * k, 20] if design is Design.MULTIPLE_BASELINE else [0, 6, 12, 18, 24]
        lengths = np.diff(starts)
        phases = np.repeat(np.arange(len(lengths)) % 2, lengths)
        noise = math.sqrt(1 - _RHO) * autocorrelated(rng, starts[-1], 0.3)
        values = math.sqrt(_RHO) * rng.standard_normal() + noise + _SMD * phases
        found.append(phased_series(values, ["AB"[p] for p in phases], baseline="A"))
    return found


def _between_case(cases: int) -> Iterator[Bar]:
    for name, design in (
        ("multiple-baseline", Design.MULTIPLE_BASELINE),
        ("reversal", Design.REVERSAL),
    ):

        def one(rng: np.random.Generator, design: Design = design) -> list[bool]:
            drawn = drawn_cases(rng, design)
            found = [between_case_smd(drawn, design=design, interval=i, level=LEVEL) for i in SmdInterval]
            return [smd.low <= _SMD <= smd.high for smd in found]

        shares = _held(cases, one, 5)
        for interval, share in zip(("symmetric-t", "noncentral-t"), shares, strict=True):
            id_ = f"stats.coverage.between-case-smd.{name}.{interval}"
            # The noncentral one is published and a little short; the symmetric one is the one to take.
            yield _coverage(id_, share, cases, judged=interval == "symmetric-t")


def drifting(rng: np.random.Generator, noise: float, drift: float) -> PhasedSeries:
    """A local level without change."""
    values = noise * rng.standard_normal(_SESSIONS) + drift * np.cumsum(rng.standard_normal(_SESSIONS))
    return ab_series(values[: _SESSIONS // 2], values[_SESSIONS // 2 :])


def _level_holds(series: PhasedSeries) -> list[bool]:
    found = local_level(series, likelihood=Likelihood.RESTRICTED, level=LEVEL)
    return [found.low <= 0 <= found.high]


def _drift_holds(rng: np.random.Generator, *, drift: float) -> list[bool]:
    return _level_holds(drifting(rng, 1.0, drift))


def _autocorrelated_holds(rng: np.random.Generator, *, phi: float) -> list[bool]:
    return _level_holds(null_series(rng, _SESSIONS, phi))


def _local_level(cases: int) -> Iterator[Bar]:
    def by_angle(rng: np.random.Generator) -> list[bool]:
        angle = rng.uniform(0, math.pi / 2)
        return _level_holds(drifting(rng, math.cos(angle), math.sin(angle)))

    def by_prior(rng: np.random.Generator) -> list[bool]:
        noise, drift = np.abs(rng.standard_normal(2)) * (1.0, 0.5)
        found = local_level_posterior(
            drifting(rng, noise, drift), noise_scale=1.0, drift_scale=0.5, level=LEVEL
        )
        return [found.low <= 0 <= found.high]

    overall = _held(cases, by_angle, 6)[0]
    yield _coverage("stats.coverage.local-level", overall, cases)
    for k, drift in enumerate(_DRIFTS):
        share = _held(cases, partial(_drift_holds, drift=drift), 60 + k)[0]
        yield _coverage(f"stats.coverage.local-level.drift-{drift}", share, cases, judged=False)
    yield _coverage("stats.coverage.local-level-posterior", _held(cases, by_prior, 7)[0], cases)
    held = {0.0: overall}
    held.update((phi, _held(cases, partial(_autocorrelated_holds, phi=phi), 8)[0]) for phi in _PHIS[1:])
    yield from _type_i("local-level", held, cases)
