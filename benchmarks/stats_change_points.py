"""Whether posteriors of change points hold over draws from their prior, where they must.

Rates, session, whether there is a change, and alpha are drawn from the prior that the posterior takes. Of a
probability told is judged how often it comes true, in bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.series.change_point import (
    ChangePoint,
    RatePrior,
    change_prior_around,
    poisson_change_point,
)
from atlasplane.stats.series.change_point_nb2 import AlphaPrior, negative_binomial_change_point
from atlasplane.stats.series.posterior import Posterior
from benchmarks.bar import COVERAGE, COVERAGE_AT_LEAST, Bar, covers

Array = NDArray[np.float64]
SEED = 505
LEVEL = 0.95
_SERIES, _NB2_SERIES = 24, 8
_RATE = RatePrior(shape=3.0, rate=0.6)
_SCALE = 0.3
_BINS = 5
_CALIBRATED = 3.0
"""Standard errors: the largest of the bins of a calibrated probability is beyond in about 1 % of runs."""
_CONSERVATIVE = "averaged-ratio"
"""With a mass at 1 it holds more often than it says."""
IDS: tuple[str, ...] = (
    *(
        f"stats.coverage.change-point.{q}"
        for q in ("before", "after", "ratio", _CONSERVATIVE, "nb2.ratio", "nb2.alpha")
    ),
    *(f"stats.calibration.change-point.{q}" for q in ("p-change", "p-within", "nb2.p-change")),
)


def bars(cases: int) -> Iterator[Bar]:
    """Rows of Poisson counts and of clustered ones."""
    for nb2 in (False, True):
        yield from _change_points(cases, nb2=nb2)


def _change_points(cases: int, *, nb2: bool) -> Iterator[Bar]:
    """Series drawn from the prior: rates, session, whether there is a change, and alpha.

    Every second one has a change: so that many are drawn as leave `cases` with one.
    """
    held: dict[str, list[bool]] = {}
    told: dict[str, list[tuple[float, bool]]] = {}
    for k in range(2 * cases):
        intervals, claims = _from_prior(np.random.default_rng([SEED, k, int(nb2)]), nb2=nb2)
        for name, own in intervals.items():
            held.setdefault(name, []).append(own)
        for name, claim in claims.items():
            told.setdefault(f"stats.calibration.change-point.{name}", []).append(claim)
    for name, of_draws in held.items():
        yield _coverage(name, of_draws)
    for name, of_claims in told.items():
        value = miscalibration(np.array([p for p, _ in of_claims]), np.array([true for _, true in of_claims]))
        yield Bar(
            id=name,
            value=value,
            unit="SE",
            bar=f"<= {_CALIBRATED}",
            passed=value <= _CALIBRATED,
            n=len(of_claims),
            seed=SEED,
        )


def _coverage(name: str, held: list[bool]) -> Bar:
    id_, share = f"stats.coverage.change-point.{name}", float(np.mean(held))
    return covers(
        id_, share, n=len(held), seed=SEED, band=COVERAGE_AT_LEAST if name == _CONSERVATIVE else COVERAGE
    )


def miscalibration(told: Array, true: NDArray[np.bool_]) -> float:
    """Largest distance, over bins of the probability told, of how often it came true, in standard errors."""
    worst = 0.0
    for part in np.array_split(np.argsort(told), _BINS):
        error = math.sqrt(float(np.sum(told[part] * (1 - told[part]))))
        distance = abs(float(np.sum(told[part]) - np.sum(true[part])))
        # Where all is certain there is no scatter: half an event may be missing.
        worst = max(worst, distance / max(error, 0.5))
    return worst


def _from_prior(
    rng: np.random.Generator, *, nb2: bool
) -> tuple[dict[str, bool], dict[str, tuple[float, bool]]]:
    n = _NB2_SERIES if nb2 else _SERIES
    prior = change_prior_around(n, last_before=n // 2, mean_distance=2.0, no_change=0.5)
    before, after = rng.gamma(_RATE.shape, 1 / _RATE.rate, 2)
    changed = bool(rng.random() >= prior.no_change)
    k = int(rng.choice(np.arange(1, n), p=prior.weights))
    alpha, exposure = abs(rng.normal(0, _SCALE)), rng.uniform(0.5, 1.5, n)
    mean = exposure * np.where(changed & (np.arange(n) >= k), after, before)
    ratio = after / before if changed else 1.0
    given = {"exposure": exposure, "prior": prior, "rate_prior": _RATE, "level": LEVEL}
    if nb2:
        counts = rng.negative_binomial(1 / alpha, 1 / (1 + alpha * mean))
        found = negative_binomial_change_point(counts, alpha_prior=AlphaPrior(scale=_SCALE), **given)
        held = {"nb2.alpha": _holds(found.alpha, alpha)}
        return held | ({"nb2.ratio": _holds(found.ratio, ratio)} if changed else {}), {
            "nb2.p-change": (found.p_change, changed)
        }
    found = poisson_change_point(rng.poisson(mean), **given)
    return _held_rates(found, (before, after, ratio), changed=changed), {
        "p-change": (found.p_change, changed),
        "p-within": (found.p_within(n // 2 - 1, n // 2 + 1), changed and abs(k - n // 2) <= 1),
    }


def _held_rates(found: ChangePoint, truth: tuple[float, float, float], *, changed: bool) -> dict[str, bool]:
    held = {"averaged-ratio": _holds(found.averaged_ratio, truth[2])}
    if changed:
        pairs = zip(
            ("before", "after", "ratio"), (found.before, found.after, found.ratio), truth, strict=True
        )
        held |= {name: _holds(own, true) for name, own, true in pairs}
    return held


def _holds(found: Posterior | None, truth: float) -> bool:
    return found is not None and found.low <= truth <= found.high
