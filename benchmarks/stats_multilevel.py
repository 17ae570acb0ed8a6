"""Pooled series of several persons: do intervals of the mean, of each person and of a new one hold the truth.

Every draw is another study: 10 to 20 persons of 14 to 24 sessions, treatment from a random session on, a
common course, effects that differ by an SD of 0.5 to 1.2 residual SDs. Rows without a bar show what is
published and too short, and what neighbouring sessions that are alike do to a model that does not know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.meta.pooled import IntervalMethod
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.multilevel.half_normal import half_normal_pooling
from atlasplane.stats.multilevel.likelihood import Residual
from atlasplane.stats.multilevel.mixed_inference import FixedInterval, coefficient, new_person
from atlasplane.stats.multilevel.mixed_model import MixedModel
from atlasplane.stats.multilevel.person_series import PersonSeries
from atlasplane.stats.multilevel.pooling import PooledSeries, pooled_series
from atlasplane.stats.multilevel.two_stage import two_stage
from atlasplane.stats.refusal import NotConverged
from benchmarks.bar import Bar, covers

SEED = 66
_LEVEL = 0.95
_NEW = 200
_SCALE = 1.0
_FEW = 6
_EFFECT = (0.0, 1.0, 0.0)
"""Weights of the coefficients: constant, treatment, course."""
FORMS: tuple[FixedInterval, ...] = ("satterthwaite", "persons", "normal")
_MODEL_ROWS = ("mean.satterthwaite", "persons", "new-person.satterthwaite", "new-person.persons")
_SHOWN_ROWS = ("mean.persons", "mean.normal", "new-person.normal")
_AR1_ROWS = ("mean.satterthwaite", "persons")
_AR1_SHOWN = ("mean.persons",)
_HALF_NORMAL = ("mean", "tau", "persons", "new-person")
IDS: tuple[str, ...] = (
    *(f"stats.coverage.mixed-model.{row}" for row in (*_MODEL_ROWS, *_SHOWN_ROWS)),
    *(f"stats.coverage.mixed-model.ar1.{row}" for row in (*_AR1_ROWS, *_AR1_SHOWN)),
    *(f"stats.coverage.mixed-model.mean.ar1-{phi}" for phi in (0.3, 0.6)),
    "stats.coverage.two-stage.hartung-knapp",
    *(f"stats.coverage.half-normal.{row}" for row in _HALF_NORMAL),
    "stats.multilevel.not-converged",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """Series of several persons with what is true of them."""

    series: PersonSeries
    mean: float
    tau: float
    effects: NDArray[np.float64]


def drawn(rng: np.random.Generator, *, phi: float) -> Study:
    """A study; residuals of neighbouring sessions are correlated by phi."""
    n, length = int(rng.integers(10, 21)), int(rng.integers(14, 25))
    mean, tau = float(rng.normal()), float(rng.uniform(0.5, 1.2))
    level, effects = rng.normal(0, 1.5, n), rng.normal(mean, tau, n)
    session = np.tile(np.arange(length, dtype=float), n)
    start = rng.integers(length // 3, 2 * length // 3 + 1, n)
    person = np.repeat(np.arange(n), length)
    treated = (session >= start[person]).astype(float)
    noise = rng.normal(size=(n, length))
    for k in range(1, length):
        noise[:, k] = phi * noise[:, k - 1] + np.sqrt(1 - phi**2) * noise[:, k]
    values = level[person] + effects[person] * treated + 0.02 * session + noise.ravel()
    series = PersonSeries(values=values, persons=tuple(person.tolist()), treated=treated, sessions=session)
    return Study(series=series, mean=mean, tau=tau, effects=effects)


def bars(cases: int) -> Iterator[Bar]:
    """Share of 95 % intervals that hold the truth."""
    held, failed = _independent(cases)
    for row in (*_MODEL_ROWS, *_SHOWN_ROWS):
        yield _share(f"stats.coverage.mixed-model.{row}", held[row], judged=row in _MODEL_ROWS)
    two = held["two-stage"]
    alike = _alike(cases, phi=0.3, residual="ar1")
    for row in (*_AR1_ROWS, *_AR1_SHOWN):
        yield _share(f"stats.coverage.mixed-model.ar1.{row}", alike[row], judged=row in _AR1_ROWS)
    for phi in (0.3, 0.6):
        unaware = _alike(max(cases // 4, 1), phi=phi, residual="independent")
        shown = unaware["mean.satterthwaite"]
        yield _share(f"stats.coverage.mixed-model.mean.ar1-{phi}", shown, judged=False)
    yield _share("stats.coverage.two-stage.hartung-knapp", two, judged=True)
    few = _half_normal(cases)
    for row in _HALF_NORMAL:
        yield _share(f"stats.coverage.half-normal.{row}", few[row], judged=True)
    yield Bar(id="stats.multilevel.not-converged", value=failed, unit="studies", n=cases, seed=SEED)


def _fit(study: Study, residual: Residual) -> PooledSeries:
    return pooled_series(
        study.series,
        trend="linear",
        structure="full",
        residual=residual,
        interval="persons",
        mdc=1.0,
        level=_LEVEL,
    )


def _independent(cases: int) -> tuple[dict[str, list[float]], int]:
    held: dict[str, list[float]] = defaultdict(list)
    failed = 0
    for k in range(cases):
        rng = np.random.default_rng([SEED, k])
        study = drawn(rng, phi=0.0)
        try:
            found = _fit(study, "independent")
        except NotConverged:
            failed += 1
            continue
        others = rng.normal(study.mean, study.tau, _NEW)
        for form in FORMS:
            one, new = _fixed(found.model, form)
            held[f"mean.{form}"].append(float(one[0] <= study.mean <= one[1]))
            held[f"new-person.{form}"].append(float(np.mean((new[0] <= others) & (others <= new[1]))))
        persons = found.persons
        held["persons"].append(_inside(persons.low, study.effects, persons.high))
        pooled = two_stage(
            study.series,
            trend="linear",
            tau2_method=Tau2Method.REML,
            interval=IntervalMethod.HARTUNG_KNAPP,
            level=_LEVEL,
        ).pooled
        held["two-stage"].append(float(pooled.low <= study.mean <= pooled.high))
    return held, failed


def _fixed(model: MixedModel, form: FixedInterval) -> tuple[tuple[float, float], tuple[float, float]]:
    one = coefficient(model, _EFFECT, level=_LEVEL, interval=form)
    new = new_person(model, fixed_weights=_EFFECT, random_weights=[0.0, 1.0], level=_LEVEL, interval=form)
    return (one.low, one.high), (new.low, new.high)


def _alike(cases: int, *, phi: float, residual: Residual) -> dict[str, list[float]]:
    held: dict[str, list[float]] = defaultdict(list)
    for k in range(cases):
        study = drawn(np.random.default_rng([SEED, 1, k]), phi=phi)
        try:
            found = _fit(study, residual)
        except NotConverged:
            continue
        for form in FORMS[:2]:
            one = coefficient(found.model, _EFFECT, level=_LEVEL, interval=form)
            held[f"mean.{form}"].append(float(one.low <= study.mean <= one.high))
        held["persons"].append(_inside(found.persons.low, study.effects, found.persons.high))
    return held


def _half_normal(cases: int) -> dict[str, list[float]]:
    """Few persons, the spread drawn from the prior: the posterior then holds what it says."""
    held: dict[str, list[float]] = defaultdict(list)
    for k in range(cases):
        rng = np.random.default_rng([SEED, 2, k])
        tau, mean = abs(float(rng.normal(0, _SCALE))), float(rng.normal())
        errors = rng.uniform(0.2, 0.8, _FEW)
        effects = rng.normal(mean, tau, _FEW)
        found = half_normal_pooling(rng.normal(effects, errors), errors, scale=_SCALE, mdc=1.0, level=_LEVEL)
        held["mean"].append(float(found.mean.low <= mean <= found.mean.high))
        held["tau"].append(float(found.tau.low <= tau <= found.tau.high))
        low, high = (np.array([getattr(one, end) for one in found.persons]) for end in ("low", "high"))
        held["persons"].append(_inside(low, effects, high))
        other = rng.normal(mean, tau, _NEW)
        held["new-person"].append(_inside(found.new_person.low, other, found.new_person.high))
    return held


def _inside(
    low: NDArray[np.float64] | float, truth: NDArray[np.float64], high: NDArray[np.float64] | float
) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))


def _share(id_: str, held: list[float], *, judged: bool) -> Bar:
    return covers(id_, float(np.mean(held)), n=len(held), seed=SEED, judged=judged)
