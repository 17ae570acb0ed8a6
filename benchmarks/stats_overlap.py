"""Overlap of two phases and the ratio of their means: do intervals hold the truth, and tests their level.

Every draw is another person: 8 to 20 sessions a phase, another effect, another spread. Values are normal with
one spread, normal with two, or counts with ties. Rows without a bar show what is published and does not hold,
and what neighbouring sessions that are alike do to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import poisson

from atlasplane.stats.single_case.corrected_tau import baseline_trend, corrected_tau
from atlasplane.stats.single_case.nonoverlap import NapInterval, NapVariance, Nonoverlap, nap, tau
from atlasplane.stats.single_case.response_ratio import (
    RatioCorrection,
    RatioForm,
    RatioInterval,
    response_ratio,
)
from atlasplane.stats.single_case.series import Improvement, PhasedSeries, ab_series
from atlasplane.stats.single_case.tau_u import TauUDenominator, TauUTest, TauUVariant, tau_u
from benchmarks.bar import ALPHA, Bar, covers, rejects

Floats = NDArray[np.float64]
SEED = 62
SHORTEST, LONGEST = 8, 20
"""Sessions of a phase."""
SHAPES = ("normal", "two-spreads", "counts")
ALIKE = (0.3, 0.6)
"""Correlation of neighbouring sessions in the rows that ask what it does."""
_Z = float(ndtri(0.975))
UP = Improvement.INCREASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A series and what is true of it: P(better) + P(equal) / 2, and the logarithm of the ratio of means."""

    series: PhasedSeries
    nap: float
    log_ratio: float = float("nan")


Draw = Callable[[np.random.Generator], Drawn]
Holds = Callable[[Drawn], bool]
P = Callable[[PhasedSeries], float]


def lengths(rng: np.random.Generator) -> tuple[int, int]:
    """Sessions of both phases."""
    return int(rng.integers(SHORTEST, LONGEST + 1)), int(rng.integers(SHORTEST, LONGEST + 1))


def person(rng: np.random.Generator, *, shape: str | None = None, alike: float = 0.0) -> Drawn:
    """A series with an effect; of any of the shapes where none is asked for."""
    shape = SHAPES[rng.integers(len(SHAPES))] if shape is None else shape
    m, n = lengths(rng)
    if shape == "counts":
        mean_a, mean_b = np.exp(rng.uniform(np.log(3), np.log(15), 2))
        return Drawn(
            series=ab_series(rng.poisson(mean_a, m), rng.poisson(mean_b, n)), nap=of_counts(mean_a, mean_b)
        )
    spread = float(np.exp(rng.uniform(-np.log(2), np.log(2)))) if shape == "two-spreads" else 1.0
    truth = float(rng.uniform(0.05, 0.95))
    errors = neighbours(rng, m + n, alike)
    shift = float(ndtri(truth)) * np.hypot(1, spread)
    return Drawn(series=ab_series(errors[:m], shift + spread * errors[m:]), nap=truth)


def of_counts(mean_a: float, mean_b: float) -> float:
    """NAP of two Poisson distributions."""
    counts = np.arange(80)
    a, b = poisson.pmf(counts, mean_a), poisson.pmf(counts, mean_b)
    return float(np.sum(b * (np.cumsum(a) - a / 2)))


def neighbours(rng: np.random.Generator, n: int, alike: float) -> Floats:
    """Stationary autoregressive errors of variance 1."""
    errors = rng.normal(size=n)
    for k in range(1, n):
        errors[k] = alike * errors[k - 1] + np.sqrt(1 - alike**2) * errors[k]
    return errors


def spasms(rng: np.random.Generator) -> Drawn:
    """Counts of a night, more scattered than Poisson ones, before and after."""
    (m, n), factor = lengths(rng), float(rng.uniform(1.1, 4))
    before = float(np.exp(rng.uniform(np.log(4), np.log(30))))
    ratio = float(rng.uniform(-1.2, 0.5))
    rows = [
        rng.negative_binomial(mean / (factor - 1), 1 / factor, size).astype(float)
        for mean, size in ((before, m), (before * np.exp(ratio), n))
    ]
    return Drawn(series=ab_series(*rows), nap=float("nan"), log_ratio=ratio)


def unchanged(
    rng: np.random.Generator, *, alike: float = 0.0, slope: float = 0.0, tied: bool = False
) -> Drawn:
    """A series in which treatment does nothing; with `slope` it rises all the time."""
    m, n = lengths(rng)
    values = neighbours(rng, m + n, alike) + slope * np.arange(m + n)
    values = np.round(2 * values) if tied else values
    return Drawn(series=ab_series(values[:m], values[m:]), nap=0.5)


def nap_holds(drawn: Drawn, *, interval: NapInterval) -> bool:
    """Whether the interval of NAP holds the truth."""
    found = nap(drawn.series, improvement=UP, variance=NapVariance.SEN, interval=interval)
    return found.low <= drawn.nap <= found.high


def tau_holds(drawn: Drawn, *, interval: NapInterval) -> bool:
    """Whether the interval of Tau holds the truth."""
    found = tau(drawn.series, improvement=UP, variance=NapVariance.SEN, interval=interval)
    return found.low <= 2 * drawn.nap - 1 <= found.high


def wald_holds(drawn: Drawn) -> bool:
    """Whether NAP -+ 1.96 standard errors, which is not offered, holds the truth."""
    found = nap(drawn.series, improvement=UP, variance=NapVariance.SEN, interval=NapInterval.NEWCOMBE)
    return abs(found.value - drawn.nap) <= _Z * (found.se or 0.0)


def known_slope_holds(drawn: Drawn) -> bool:
    """Whether Newcombe's interval of the corrected series, as if its slope were known, holds the truth."""
    slope = baseline_trend(drawn.series).slope
    m = len(drawn.series.ab()[0])
    values = drawn.series.values - slope * drawn.series.sessions
    found: Nonoverlap = nap(
        ab_series(values[:m], values[m:]),
        improvement=UP,
        variance=NapVariance.SEN,
        interval=NapInterval.NEWCOMBE,
    )
    return found.low <= drawn.nap <= found.high


def ratio_holds(drawn: Drawn, *, interval: RatioInterval, correction: RatioCorrection) -> bool:
    """Whether the interval of the log response ratio holds the truth."""
    found = response_ratio(
        drawn.series,
        form=RatioForm.LRRI,
        improvement=UP,
        whole=None,
        correction=correction,
        interval=interval,
        least_step=1.0,
    )
    return found.low <= drawn.log_ratio <= found.high


def slope_holds(drawn: Drawn) -> bool:
    """Whether the limits of the Theil-Sen slope hold 0."""
    found = baseline_trend(drawn.series)
    return found.slope_low <= 0 <= found.slope_high


def p_of(series: PhasedSeries, *, variant: TauUVariant, test: TauUTest) -> float:
    """Of one of the Tau-U family."""
    return tau_u(
        series, variant=variant, denominator=TauUDenominator.PAIRS_SUMMED, improvement=UP, test=test
    ).p_value


def trend_p(series: PhasedSeries) -> float:
    """Of Kendall's test of the baseline."""
    return baseline_trend(series).p_value


def chosen_p(series: PhasedSeries) -> float:
    """Of the number that the rule with the pretest reports."""
    return corrected_tau(series, improvement=UP, pretest_level=ALPHA).chosen.p_value


def corrected_p(series: PhasedSeries) -> float:
    """Of the corrected number."""
    return corrected_tau(series, improvement=UP, pretest_level=ALPHA).corrected.p_value


_R1, _R2 = RatioCorrection.R1, RatioCorrection.R2
_WELCH, _NORMAL = RatioInterval.WELCH_T, RatioInterval.NORMAL
COVERAGE: dict[str, tuple[Draw, Holds, bool]] = {
    "nap.newcombe": (person, partial(nap_holds, interval=NapInterval.NEWCOMBE), True),
    "tau.newcombe": (person, partial(tau_holds, interval=NapInterval.NEWCOMBE), True),
    "nap.logit": (person, partial(nap_holds, interval=NapInterval.LOGIT), True),
    "tau.logit": (person, partial(tau_holds, interval=NapInterval.LOGIT), True),
    "lrr.r2.welch-t": (spasms, partial(ratio_holds, interval=_WELCH, correction=_R2), True),
    "lrr.r1.welch-t": (spasms, partial(ratio_holds, interval=_WELCH, correction=_R1), True),
    "theil-sen-slope": (unchanged, slope_holds, True),
    **{
        f"nap.newcombe.{shape}": (
            partial(person, shape=shape),
            partial(nap_holds, interval=NapInterval.NEWCOMBE),
            False,
        )
        for shape in SHAPES
    },
    **{
        f"nap.newcombe.ar1-{alike}": (
            partial(person, shape="normal", alike=alike),
            partial(nap_holds, interval=NapInterval.NEWCOMBE),
            False,
        )
        for alike in ALIKE
    },
    "nap.wald": (person, wald_holds, False),
    "tau-corrected.slope-as-known": (partial(person, shape="normal"), known_slope_holds, False),
    "lrr.r2.normal": (spasms, partial(ratio_holds, interval=_NORMAL, correction=_R2), False),
}
"""Row, its draws, whether the interval holds, and whether it has a bar."""
_MINUS_A = TauUVariant.A_VS_B_MINUS_TREND_A
_BOTH = TauUVariant.A_VS_B_PLUS_TREND_B_MINUS_TREND_A
_EXACT, _NORMAL_TEST = TauUTest.EXACT, TauUTest.NORMAL_TIES_CORRECTED
TESTS: dict[str, P] = {
    "tau.exact": partial(p_of, variant=TauUVariant.A_VS_B, test=_EXACT),
    "tau.normal": partial(p_of, variant=TauUVariant.A_VS_B, test=_NORMAL_TEST),
    "tau-u.a-vs-b-minus-trend-a.exact": partial(p_of, variant=_MINUS_A, test=_EXACT),
    "tau-u.a-vs-b-minus-trend-a.normal": partial(p_of, variant=_MINUS_A, test=_NORMAL_TEST),
    "tau-u.all.normal": partial(p_of, variant=_BOTH, test=_NORMAL_TEST),
    "baseline-trend": trend_p,
}
_TIED: dict[str, P] = {
    "tau.normal.ties": TESTS["tau.normal"],
    "tau.normal-ties-ignored.ties": partial(
        p_of, variant=TauUVariant.A_VS_B, test=TauUTest.NORMAL_TIES_IGNORED
    ),
}
_SLOPE = 0.1
"""Of the spread of a session, each session."""
TYPE_I: dict[str, tuple[Draw, P, bool]] = {
    **{name: (unchanged, test, True) for name, test in TESTS.items()},
    **{name: (partial(unchanged, tied=True), test, True) for name, test in _TIED.items()},
    **{
        f"{name}.ar1-{alike}": (partial(unchanged, alike=alike), test, False)
        for name, test in TESTS.items()
        for alike in ALIKE
    },
    "tau.normal.slope": (partial(unchanged, slope=_SLOPE), TESTS["tau.normal"], False),
    "tau-u.a-vs-b-minus-trend-a.normal.slope": (
        partial(unchanged, slope=_SLOPE),
        TESTS["tau-u.a-vs-b-minus-trend-a.normal"],
        False,
    ),
    "corrected-tau.chosen": (unchanged, chosen_p, False),
    "corrected-tau.chosen.slope": (partial(unchanged, slope=_SLOPE), chosen_p, False),
    "corrected-tau.corrected": (unchanged, corrected_p, False),
    "corrected-tau.corrected.slope": (partial(unchanged, slope=_SLOPE), corrected_p, False),
}
"""Row, its draws, the test, and whether it has a bar."""
IDS: tuple[str, ...] = (
    *(f"stats.coverage.{name}" for name in COVERAGE),
    *(f"stats.type-i.{name}" for name in TYPE_I),
)


def bars(cases: int) -> Iterator[Bar]:
    """All rows, each over `cases` draws of its own."""
    for k, (name, (draw, holds, judged)) in enumerate(COVERAGE.items()):
        rng = np.random.default_rng([SEED, 0, k])
        share = float(np.mean([holds(draw(rng)) for _ in range(cases)]))
        yield covers(f"stats.coverage.{name}", share, n=cases, seed=SEED, judged=judged)
    for k, (name, (draw, test, judged)) in enumerate(TYPE_I.items()):
        rng = np.random.default_rng([SEED, 1, k])
        share = float(np.mean([test(draw(rng).series) <= ALPHA for _ in range(cases)]))
        yield rejects(f"stats.type-i.{name}", share, n=cases, seed=SEED, judged=judged)
