"""Mediation: do intervals hold the truth, does an absent path stay away, is measurement error undone.

Each draw is another sample of persons. The rows of bias have a bar for the estimate of unbiased moments; that
of plain moments and the naive one are printed beside it. "Moved" are samples in which treatment itself moves
the mediator far: the naive estimate then loses more than the mediator's plain reliability says.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.mediation.causal import causal_mediation
from atlasplane.stats.mediation.measurement_error import NoTrueVariance, corrected_mediation
from atlasplane.stats.mediation.product import linear_mediation, product_monte_carlo
from atlasplane.stats.mediation.sample import MediationSample, Order, mediation_sample
from atlasplane.stats.mediation.sensitivity import sensitivity
from atlasplane.stats.mediation.within_person import Lags, RepeatedMediation, within_person_mediation
from benchmarks.bar import Bar, covers, rejects

Floats = NDArray[np.float64]
SEED = 67
_LEVEL = 0.95
RELIABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9)
MOST_BIAS = 5.0
A, B, DIRECT = 0.8, 0.6, 0.3
_MOVED_A = 3.0
_PERSONS = 300
_DRAWS = 500
_ALIKE = (0.3, 0.6)
_IN_TIME = Order(treatment=0, mediator=1, outcome=2)
_COVERED = (
    *("indirect.quadrature", "indirect.monte-carlo"),
    *("causal.linear.acme", "causal.linear.ade", "causal.probit.acme", "causal.probit.ade"),
    *("sensitivity.linear", "sensitivity.probit", "within-person"),
)
_CASES = {"": A, ".moved": _MOVED_A}
_FORMS = {"unbiased": "", "plain": ".plain", "naive": ".naive"}
_BIAS_ROWS = tuple(
    f"stats.mediation.bias.reliability-{reliability}{case}{form}"
    for case in _CASES
    for reliability in RELIABILITIES
    for form in _FORMS.values()
)
_CORRECTED = ("indirect", "direct", "naive")
IDS: tuple[str, ...] = (
    "stats.coverage.indirect.quadrature",
    "stats.coverage.indirect.monte-carlo",
    "stats.coverage.indirect.sobel",
    "stats.type-i.indirect",
    "stats.type-i.indirect.both-absent",
    *(f"stats.type-i.indirect.ar1-{phi}" for phi in _ALIKE),
    *(f"stats.coverage.{row}" for row in _COVERED[2:]),
    *_BIAS_ROWS,
    *(f"stats.coverage.corrected.{row}{case}" for case in _CASES for row in _CORRECTED),
)


def bars(cases: int) -> Iterator[Bar]:
    """All rows."""
    yield from _indirect(cases)
    yield from _causal(cases)
    yield from _sensitivity(cases)
    yield from _within(cases)
    yield from _error(cases)


def _sample(rng: np.random.Generator, n: int, a: float, b: float, *, rho: float = 0.0) -> MediationSample:
    """A randomised treatment; the errors of mediator and outcome are correlated by rho."""
    x = rng.permutation(np.arange(n) % 2).astype(float)
    first, second = rng.normal(size=(2, n))
    m = a * x + first
    y = b * m + DIRECT * x + rho * first + math.sqrt(1 - rho**2) * second
    return mediation_sample(x, m, y, order=_IN_TIME)


def _binary(sample: MediationSample) -> MediationSample:
    """The same with an outcome that is 1 where the latent one is above 0."""
    above = (sample.outcome > 0).astype(float)
    return mediation_sample(sample.treatment, sample.mediator, above, order=_IN_TIME)


def _indirect(cases: int) -> Iterator[Bar]:
    held: dict[str, list[float]] = defaultdict(list)
    for k in range(cases):
        rng = np.random.default_rng([SEED, k])
        found = linear_mediation(_sample(rng, 100, A, B), level=_LEVEL).indirect
        drawn = product_monte_carlo(
            (found.a, found.b),
            np.diag([found.se_a**2, found.se_b**2]),
            level=_LEVEL,
            n_draws=4000,
            rng=rng,
        )
        half = 1.959964 * found.sobel_se
        held["quadrature"].append(float(found.low <= A * B <= found.high))
        held["monte-carlo"].append(float(drawn.low <= A * B <= drawn.high))
        held["sobel"].append(float(abs(found.value - A * B) <= half))
        for name, (a, b) in {"": (A, 0.0), ".both-absent": (0.0, 0.0)}.items():
            null = linear_mediation(_sample(rng, 100, a, b), level=_LEVEL).indirect
            held[name].append(float(not null.low <= 0 <= null.high))
        for phi in _ALIKE:
            null = linear_mediation(_one_person(rng, 60, phi), level=_LEVEL).indirect
            held[f".ar1-{phi}"].append(float(not null.low <= 0 <= null.high))
    yield _share("stats.coverage.indirect.quadrature", held["quadrature"])
    yield _share("stats.coverage.indirect.monte-carlo", held["monte-carlo"])
    yield _share("stats.coverage.indirect.sobel", held["sobel"], judged=False)
    yield _error_rate("stats.type-i.indirect", held[""])
    yield _error_rate("stats.type-i.indirect.both-absent", held[".both-absent"])
    for phi in _ALIKE:
        yield _error_rate(f"stats.type-i.indirect.ar1-{phi}", held[f".ar1-{phi}"], judged=False)


def _one_person(rng: np.random.Generator, n: int, phi: float) -> MediationSample:
    """Sessions of one person taken for persons: treated in the second half, no path b."""
    x = (np.arange(n) >= n // 2).astype(float)
    noise = rng.normal(size=(2, n))
    for k in range(1, n):
        noise[:, k] = phi * noise[:, k - 1] + math.sqrt(1 - phi**2) * noise[:, k]
    return mediation_sample(x, 2 * x + noise[0], noise[1], order=_IN_TIME)


def _causal(cases: int) -> Iterator[Bar]:
    held: dict[str, list[float]] = defaultdict(list)
    kinds: tuple[Literal["linear", "probit"], ...] = ("linear", "probit")
    for k in range(cases):
        rng = np.random.default_rng([SEED, 1, k])
        for kind in kinds:
            sample = _sample(rng, 200, A, B)
            spread = math.sqrt(1 + B**2)
            found = causal_mediation(
                sample if kind == "linear" else _binary(sample),
                outcome_model=kind,
                interaction=False,
                contrast=(0.0, 1.0),
                level=_LEVEL,
                n_draws=_DRAWS,
                rng=rng,
            )
            at = [(t, s) for t in (0, 1) for s in (0, 1)]
            if kind == "linear":
                mean = {(t, s): DIRECT * t + B * A * s for t, s in at}
            else:
                mean = {(t, s): _phi((DIRECT * t + B * A * s) / spread) for t, s in at}
            acme, ade = mean[1, 1] - mean[1, 0], mean[1, 0] - mean[0, 0]
            held[f"{kind}.acme"].append(float(found.acme_1.low <= acme <= found.acme_1.high))
            held[f"{kind}.ade"].append(float(found.ade_0.low <= ade <= found.ade_0.high))
    for kind in kinds:
        for effect in ("acme", "ade"):
            yield _share(f"stats.coverage.causal.{kind}.{effect}", held[f"{kind}.{effect}"])


def _phi(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _sensitivity(cases: int) -> Iterator[Bar]:
    """Samples with correlated errors, looked at with the right rho."""
    rho = 0.3
    held: dict[str, list[float]] = defaultdict(list)
    kinds: tuple[Literal["linear", "probit"], ...] = ("linear", "probit")
    for k in range(cases):
        rng = np.random.default_rng([SEED, 2, k])
        for kind in kinds:
            sample = _sample(rng, 200, A, B, rho=rho)
            found = sensitivity(
                sample if kind == "linear" else _binary(sample),
                [rho],
                outcome_model=kind,
                latent_correlation="exact",
                contrast=(0.0, 1.0),
                level=_LEVEL,
                n_draws=_DRAWS,
                rng=rng,
            )
            spread = math.sqrt(1 + 2 * B * rho + B**2)
            truth = A * B if kind == "linear" else _phi((DIRECT + A * B) / spread) - _phi(DIRECT / spread)
            held[kind].append(float(found.low_1[0] <= truth <= found.high_1[0]))
    for kind in kinds:
        yield _share(f"stats.coverage.sensitivity.{kind}", held[kind])


def _within(cases: int) -> Iterator[Bar]:
    """Thirty persons of twenty sessions; paths differ from person to person, and together."""
    spread = np.array([[0.16, 0.06, 0.0], [0.06, 0.16, 0.0], [0.0, 0.0, 0.04]])
    truth, n, length = A * B + spread[0, 1], 30, 20
    held = []
    for k in range(cases):
        rng = np.random.default_rng([SEED, 3, k])
        path = rng.multivariate_normal([A, B, DIRECT], spread, size=n)
        x = rng.normal(size=(n, length))
        m = rng.normal(size=(n, 1)) + path[:, :1] * x + rng.normal(size=(n, length))
        y = rng.normal(size=(n, 1)) + path[:, 1:2] * m + path[:, 2:] * x + rng.normal(size=(n, length))
        found = within_person_mediation(
            RepeatedMediation(
                persons=tuple(np.repeat(np.arange(n), length).tolist()),
                sessions=np.tile(np.arange(length), n),
                treatment=x.ravel(),
                mediator=m.ravel(),
                outcome=y.ravel(),
            ),
            lags=Lags(treatment_to_mediator=0, mediator_to_outcome=0),
            detrending="level",
            previous=False,
            level=_LEVEL,
            n_draws=2000,
            rng=rng,
        )
        held.append(float(found.indirect.low <= truth <= found.indirect.high))
    yield _share("stats.coverage.within-person", held)


def _error(cases: int) -> Iterator[Bar]:
    """Mediator measured with an error that is known; coverage over all reliabilities together."""
    for case, a in _CASES.items():
        held: dict[str, list[float]] = defaultdict(list)
        for j, reliability in enumerate(RELIABILITIES):
            values = _measured(cases, j, a, held)
            for form, name in _FORMS.items():
                id_ = f"stats.mediation.bias.reliability-{reliability}{case}{name}"
                yield _bias(id_, values[form], a * B, judged=form == "unbiased")
        for row in _CORRECTED:
            yield _share(f"stats.coverage.corrected.{row}{case}", held[row], judged=row != "naive")


def _measured(cases: int, j: int, a: float, held: dict[str, list[float]]) -> dict[str, list[float]]:
    """Indirect effects at one reliability; whether intervals hold the truth is added to `held`."""
    values: dict[str, list[float]] = defaultdict(list)
    u = math.sqrt((1 + a**2 / 4) * (1 - RELIABILITIES[j]) / RELIABILITIES[j])
    for k in range(cases):
        rng = np.random.default_rng([SEED, 4, j, k])
        true = _sample(rng, _PERSONS, a, B)
        seen = mediation_sample(
            true.treatment, true.mediator + rng.normal(0, u, _PERSONS), true.outcome, order=_IN_TIME
        )
        try:
            found = corrected_mediation(seen, u, u_dof=math.inf, moments="unbiased", level=_LEVEL)
        except NoTrueVariance:
            continue
        naive = linear_mediation(seen, level=_LEVEL).indirect
        values["unbiased"].append(found.indirect.value)
        values["plain"].append(found.product.value)
        values["naive"].append(naive.value)
        held["indirect"].append(float(found.indirect.low <= a * B <= found.indirect.high))
        held["direct"].append(float(found.direct.low <= DIRECT <= found.direct.high))
        held["naive"].append(float(naive.low <= a * B <= naive.high))
    return values


def _bias(id_: str, values: list[float], truth: float, *, judged: bool) -> Bar:
    """Mean error of the indirect effect in percent of it."""
    bias = 100 * (float(np.mean(values)) / truth - 1)
    return Bar(
        id=id_,
        value=bias,
        unit="%",
        bar=f"-{MOST_BIAS:g} to {MOST_BIAS:g}" if judged else None,
        passed=abs(bias) <= MOST_BIAS if judged else None,
        n=len(values),
        seed=SEED,
    )


def _share(id_: str, held: list[float], *, judged: bool = True) -> Bar:
    return covers(id_, float(np.mean(held)), n=len(held), seed=SEED, judged=judged)


def _error_rate(id_: str, rejected: list[float], *, judged: bool = True) -> Bar:
    return rejects(id_, float(np.mean(rejected)), n=len(rejected), seed=SEED, judged=judged)
