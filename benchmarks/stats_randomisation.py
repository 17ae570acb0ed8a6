"""Randomisation tests, their intervals and power, gradual effects: type I error, coverage, speed.

Every draw makes a series, lets the design choose the assignment by chance, and tests. The series is white or
of first-order autocorrelation 0.3 and 0.6; a test over the design's own assignments keeps its level in all of
them, one that shuffles sessions freely does not, and is printed beside it as the peer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.shares import clopper_pearson
from atlasplane.stats.single_case.assignments import Aggregate, MonteCarlo
from atlasplane.stats.single_case.cases_design import CasesDesign, multiple_baseline
from atlasplane.stats.single_case.design import (
    AlternatingDesign,
    BlockDesign,
    ReversalDesign,
    SingleCaseDesign,
    ab_design,
)
from atlasplane.stats.single_case.gradual import Family, gradual_effect, gradual_shape
from atlasplane.stats.single_case.phase_statistics import (
    MEAN_DIFFERENCE,
    MEDIAN_DIFFERENCE,
    NAP,
    SLOPE_CHANGE,
    PhaseStatistic,
)
from atlasplane.stats.single_case.power import ar1_series
from atlasplane.stats.single_case.randomisation import (
    Alternative,
    randomisation_test,
    randomisation_test_of_cases,
)
from atlasplane.stats.single_case.sequences import uniform_ranks
from atlasplane.stats.single_case.series import PhasedSeries, phased_series
from atlasplane.stats.single_case.shift_interval import shift_interval, shift_interval_of_cases
from benchmarks.bar import ALPHA, Bar, at_most, covers, rejects

SEED = 71
LEVEL = 0.95
AUTOCORRELATIONS = (0.0, 0.3, 0.6)
SHIFT = 1.5
"""Of the coverage rows, in marginal SDs."""

TWENTY = ab_design(n_sessions=29, least_baseline=5, least_treatment=5)
FORTY = ab_design(n_sessions=49, least_baseline=5, least_treatment=5)
CASES = multiple_baseline(
    {"a": [5, 6, 7, 8], "b": [8, 9, 10, 11, 12], "c": [11, 12, 13, 14]}, n_sessions=20, least_stagger=0
)
STAGGERED = multiple_baseline(dict.fromkeys("abcd", (5, 8, 11, 14)), n_sessions=20, least_stagger=2)
_DRAWS = 199
_SHUFFLES = 199
_POWER_OF, _POWER_TRIES = 0.3, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A row of type I error: a design, a statistic, a side."""

    design: SingleCaseDesign | CasesDesign
    statistic: PhaseStatistic = MEAN_DIFFERENCE
    alternative: Alternative = Alternative.GREATER
    aggregate: Aggregate = Aggregate.MEAN


TESTS: dict[str, Tested] = {
    "mean-difference": Tested(design=TWENTY),
    "median-difference": Tested(design=TWENTY, statistic=MEDIAN_DIFFERENCE),
    "nap": Tested(design=TWENTY, statistic=NAP),
    "slope-change": Tested(design=TWENTY, statistic=SLOPE_CHANGE),
    "two-sided-doubled": Tested(design=FORTY, alternative=Alternative.TWO_SIDED_DOUBLED),
    "two-sided-centred": Tested(design=TWENTY, alternative=Alternative.TWO_SIDED_CENTRED),
    "reversal": Tested(design=ReversalDesign(n_sessions=24, least=(4, 4, 4, 4))),
    "alternating": Tested(design=AlternatingDesign(n_sessions=12, n_treated=6, longest_run=2)),
    "block": Tested(design=BlockDesign(n_blocks=8, block_sessions=2)),
    "monte-carlo": Tested(design=AlternatingDesign(n_sessions=24, n_treated=12, longest_run=3)),
    "multiple-baseline": Tested(design=CASES),
    "multiple-baseline-staggered": Tested(design=STAGGERED, statistic=NAP, aggregate=Aggregate.MEDIAN),
}


def _names(start: str) -> tuple[str, ...]:
    return start, *(f"{start}.ar1-{ar1:g}" for ar1 in AUTOCORRELATIONS[1:])


_COVERED = ("mean-difference", "median-difference", "nap", "slope-change")
IDS: tuple[str, ...] = (
    *(id_ for name in TESTS for id_ in _names(f"stats.type-i.randomisation-{name}")),
    *_names("stats.type-i.free-shuffle"),
    *_names("stats.coverage.randomisation-shift"),
    *(f"stats.coverage.randomisation-shift.{name}" for name in _COVERED[1:]),
    "stats.coverage.randomisation-shift-cases",
    "stats.coverage.power",
    "stats.coverage.gradual-ratio",
    "stats.coverage.gradual-delay",
    "stats.coverage.gradual-ratio.log-normal",
    "stats.coverage.gradual-delay.log-normal",
    "stats.coverage.gradual-ratio.no-effect",
    "stats.coverage.gradual-ratio.ar1-0.3",
    "stats.coverage.gradual-ratio.ar1-0.6",
    "stats.speed.randomisation",
    "stats.speed.randomisation.reversal",
)
"""Every row, in the order in which `bars` yields them."""


def bars(cases: int) -> Iterator[Bar]:
    """Every row of `IDS`, each over so many draws."""
    for name, tested in TESTS.items():
        for ar1, id_ in zip(AUTOCORRELATIONS, _names(f"stats.type-i.randomisation-{name}"), strict=True):
            yield _type_i(id_, _rejected(tested, ar1, cases), cases)
    for ar1, id_ in zip(AUTOCORRELATIONS, _names("stats.type-i.free-shuffle"), strict=True):
        yield _shuffled(id_, ar1, cases)
    yield from _shift_bars(cases)
    yield _power_bar(cases)
    yield from _gradual_bars(cases)
    yield from _speed_bars()


def _type_i(id_: str, rejected: float, n: int) -> Bar:
    return rejects(id_, rejected, n=n, seed=SEED)


def _held(id_: str, held: list[bool], *, judged: bool = True) -> Bar:
    return covers(id_, float(np.mean(held)), n=len(held), seed=SEED, judged=judged)


def series_of(values: NDArray[np.float64], treated: NDArray[np.bool_]) -> PhasedSeries:
    """A series with its phases named A and B."""
    return phased_series(values, ["AB"[int(own)] for own in treated], baseline="A")


def assigned(
    design: SingleCaseDesign, ar1: float, rng: np.random.Generator, effect: float = 0.0
) -> PhasedSeries:
    """A series of the design, its assignment drawn by chance."""
    treated = design.treated(uniform_ranks(design.n_assignments, 1, rng))[0]
    return series_of(ar1_series(1, design.n_sessions, ar1=ar1, rng=rng)[0] + effect * treated, treated)


def assigned_cases(
    design: CasesDesign, ar1: float, rng: np.random.Generator, effect: float = 0.0
) -> dict[str, PhasedSeries]:
    """Series of every case, their assignments drawn by chance together."""
    found = {}
    for name, own, rank in zip(design.names, design.designs, design.drawn_case_ranks(1, rng), strict=True):
        treated = own.treated(rank)[0]
        values = ar1_series(1, own.n_sessions, ar1=ar1, rng=rng)[0] + effect * treated
        found[name] = series_of(values, treated)
    return found


def _rejected(tested: Tested, ar1: float, cases: int) -> float:
    rng = np.random.default_rng(SEED)
    n_rejected = sum(_p(tested, ar1, rng) <= ALPHA + 1e-12 for _ in range(cases))
    return n_rejected / cases


def _p(tested: Tested, ar1: float, rng: np.random.Generator) -> float:
    draws = MonteCarlo(n_draws=_DRAWS, rng=rng)
    if isinstance(tested.design, CasesDesign):
        return randomisation_test_of_cases(
            assigned_cases(tested.design, ar1, rng),
            tested.design,
            statistic=tested.statistic,
            aggregate=tested.aggregate,
            alternative=tested.alternative,
            monte_carlo=draws,
        ).p_value
    return randomisation_test(
        assigned(tested.design, ar1, rng),
        tested.design,
        statistic=tested.statistic,
        alternative=tested.alternative,
        monte_carlo=draws,
    ).p_value


def _shuffled(id_: str, ar1: float, cases: int) -> Bar:
    """The peer: the same series and starts, but the sessions shuffled freely over both phases."""
    rng = np.random.default_rng(SEED)
    n_rejected = 0
    for _ in range(cases):
        series = assigned(TWENTY, ar1, rng)
        shuffles = np.vstack([series.treated, rng.permuted(np.tile(series.treated, (_SHUFFLES, 1)), axis=1)])
        found = MEAN_DIFFERENCE.of(series.values, series.sessions, shuffles)
        n_rejected += np.mean(found >= found[0] - 1e-12) <= ALPHA + 1e-12
    return Bar(
        id=id_,
        value=n_rejected / cases,
        unit="1",
        peer="sessions shuffled freely, as no phase design could",
        n=cases,
        seed=SEED,
    )


def _shift_bars(cases: int) -> Iterator[Bar]:
    for ar1, id_ in zip(AUTOCORRELATIONS, _names("stats.coverage.randomisation-shift"), strict=True):
        yield _held(id_, list(_shifts(MEAN_DIFFERENCE, ar1, cases)))
    others = zip(_COVERED[1:], (MEDIAN_DIFFERENCE, NAP, SLOPE_CHANGE), strict=True)
    for name, statistic in others:
        yield _held(f"stats.coverage.randomisation-shift.{name}", list(_shifts(statistic, 0.3, cases)))
    rng = np.random.default_rng(SEED)
    held = []
    for _ in range(cases):
        found = shift_interval_of_cases(
            assigned_cases(CASES, 0.3, rng, SHIFT),
            CASES,
            statistic=MEAN_DIFFERENCE,
            aggregate=Aggregate.MEAN,
            level=LEVEL,
            monte_carlo=None,
        )
        held.append(found.low <= SHIFT <= found.high)
    yield _held("stats.coverage.randomisation-shift-cases", held)


def _shifts(statistic: PhaseStatistic, ar1: float, cases: int) -> Iterator[bool]:
    """Whether the intervals of series with a shift hold it; of a slope, a shift a session."""
    rng = np.random.default_rng(SEED)
    for _ in range(cases):
        series = assigned(FORTY, ar1, rng)
        elapsed = np.cumsum(series.treated) - 1
        effect = elapsed if statistic is SLOPE_CHANGE else 1
        values = series.values + SHIFT * np.where(series.treated, effect, 0)
        found = shift_interval(
            series_of(values, series.treated), FORTY, statistic=statistic, level=LEVEL, monte_carlo=None
        )
        yield found.low <= SHIFT <= found.high


def _power_bar(cases: int) -> Bar:
    """The interval of a power that is known, from the number of simulated studies that would find it."""
    rng = np.random.default_rng(SEED)
    held = []
    for n_found in rng.binomial(_POWER_TRIES, _POWER_OF, size=cases):
        low, high = clopper_pearson(int(n_found), _POWER_TRIES, level=LEVEL)
        held.append(low <= _POWER_OF <= high)
    return _held("stats.coverage.power", held)


GRADUAL = np.array([phase == "B" for phase in "A" * 8 + "B" * 8 + "A" * 8 + "B" * 8])
RATIO, DELAY, BASELINE, REFERENCE = -0.7, 0.6, 20.0, 8


def _gradual_bars(cases: int) -> Iterator[Bar]:
    counts, logs = Family.QUASI_POISSON, Family.LOG_NORMAL
    for family, ending in ((counts, ""), (logs, ".log-normal")):
        held = _graduals(family, RATIO, 0.0, cases)
        yield _held(f"stats.coverage.gradual-ratio{ending}", [ratio for ratio, _ in held])
        yield _held(f"stats.coverage.gradual-delay{ending}", [delay for _, delay in held])
    held = _graduals(counts, 0.0, 0.0, cases)
    yield _held("stats.coverage.gradual-ratio.no-effect", [ratio for ratio, _ in held], judged=False)
    for ar1 in AUTOCORRELATIONS[1:]:
        held = _graduals(logs, RATIO, ar1, cases)
        yield _held(f"stats.coverage.gradual-ratio.ar1-{ar1:g}", [ratio for ratio, _ in held], judged=False)


def _graduals(family: Family, ratio: float, ar1: float, cases: int) -> list[tuple[bool, bool]]:
    """Whether the intervals of ratio and delay hold them, over ABAB series of 32 sessions."""
    rng = np.random.default_rng(SEED)
    mean = BASELINE * np.exp(ratio * gradual_shape(GRADUAL, [DELAY], reference_sessions=REFERENCE)[0])
    draw: dict[Family, Callable[[], NDArray[np.float64]]] = {
        # Negative binomial of variance 1.5 times the mean.
        Family.QUASI_POISSON: lambda: rng.negative_binomial(2 * mean, 2 / 3).astype(float),
        Family.LOG_NORMAL: lambda: mean * np.exp(0.3 * ar1_series(1, len(mean), ar1=ar1, rng=rng)[0]),
    }
    held = []
    for _ in range(cases):
        found = gradual_effect(
            series_of(draw[family](), GRADUAL), reference_sessions=REFERENCE, family=family, level=LEVEL
        )
        held.append(
            (
                found.log_ratio_low <= ratio <= found.log_ratio_high,
                found.delay_low <= DELAY <= found.delay_high,
            )
        )
    return held


def _speed_bars() -> Iterator[Bar]:
    rng = np.random.default_rng(SEED)
    cases = multiple_baseline(dict.fromkeys("abcde", range(5, 15)), n_sessions=20, least_stagger=0)
    many = assigned_cases(cases, 0.3, rng)
    spent = _seconds(
        lambda: randomisation_test_of_cases(
            many,
            cases,
            statistic=MEAN_DIFFERENCE,
            aggregate=Aggregate.MEAN,
            alternative=Alternative.GREATER,
            monte_carlo=None,
        )
    )
    yield at_most("stats.speed.randomisation", spent, 1.0, "s", n=cases.n_assignments, seed=SEED)
    reversal = ReversalDesign(n_sessions=100, least=(5, 5, 5, 5))
    series = assigned(reversal, 0.3, rng)
    spent = _seconds(
        lambda: randomisation_test(
            series,
            reversal,
            statistic=MEDIAN_DIFFERENCE,
            alternative=Alternative.GREATER,
            monte_carlo=None,
        )
    )
    yield at_most("stats.speed.randomisation.reversal", spent, 1.0, "s", n=reversal.n_assignments, seed=SEED)


def _seconds(run: Callable[[], object]) -> float:
    """Median of five runs."""
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        spent.append(time.perf_counter() - start)
    return float(np.median(spent))
