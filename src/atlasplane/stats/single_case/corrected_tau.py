"""Tau with the trend of the baseline taken away, and the same without: baseline-corrected Tau.

Tarlow 2017, doi:10.1177/0145445516676750, tests the trend of the baseline (Kendall's tau-b with time) and,
where p is below a limit, subtracts the Theil-Sen line of the baseline from all sessions; the effect is then
Kendall's tau-b of the values with the phase. One session more or less can move p across the limit, and the
effect jumps from one number to the other, even from one sign to the other. So both are always in the
result, and how far they are apart.

The slope is itself uncertain, and its error grows with every session after the baseline. Intervals that
take it as known hold the truth in 37 to 79 % of series of 8 to 20 sessions a phase instead of 95 %, so none
is given; what is given is how far Tau moves within the limits of the slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from atlasplane.stats.checks import Array, share
from atlasplane.stats.refusal import OutOfOrder, TooFew
from atlasplane.stats.single_case.series import Improvement, PhasedSeries
from atlasplane.stats.single_case.tau_u import between_variance, within_variance
from atlasplane.stats.single_case.ties import rounding, tied
from atlasplane.stats.variants import named


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineTrend:
    """Whether and how steeply the baseline rises before anything is done.

    Attributes
    ----------
    tau_b : float or None
        Kendall's tau-b of values and time; + when values rise. None where all values are equal.
    p_value : float
        Two-sided, normal with the ties corrected for, no continuity correction.
    smallest_possible_p : float
        What a baseline of that many sessions can reach.
    slope : float
        Theil-Sen: median of the slopes of all pairs, in units of the values per unit of time; + when values
        rise.
    slope_low, slope_high : float
        All slopes that Kendall's test does not reject at `level` (Sen 1968,
        doi:10.1080/01621459.1968.10480934); infinite where the baseline is too short to bound them.
    level : float
    n_sessions : int
    """

    tau_b: float | None
    p_value: float
    smallest_possible_p: float
    slope: float
    slope_low: float
    slope_high: float
    level: float
    n_sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTau:
    """Rank correlation of values with the phase; + is improvement.

    Attributes
    ----------
    tau_b : float or None
        Kendall's, S / sqrt(m n (N (N - 1) / 2 - tied pairs)); None where all values are equal. Without
        ties it cannot pass sqrt(2 m n / (N (N - 1))), some 0.7 for equal phases, however large the effect.
    tau : float
        S / (m n): share of improved less that of worsened pairs.
    p_value : float
        Two-sided, normal with the ties corrected for, no continuity correction. Of a corrected series it
        takes the slope as known and is too small.
    """

    tau_b: float | None
    tau: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedTau:
    """Both numbers, the test that chooses between them, and what the choice hangs on.

    Attributes
    ----------
    baseline : BaselineTrend
    uncorrected, corrected : PhaseTau
    tau_range : tuple of two floats
        Least and largest corrected `tau` for slopes within the limits of the baseline's; no confidence
        interval: the sessions' own scatter is not in it.
    pretest_level : float
        Significance level below which Tarlow's rule corrects.
    corrects : bool
        What the rule chooses.
    improvement : Improvement
    why : tuple of str
        What cannot be concluded; empty where nothing stands in the way.
    """

    baseline: BaselineTrend
    uncorrected: PhaseTau
    corrected: PhaseTau
    tau_range: tuple[float, float]
    pretest_level: float
    corrects: bool
    improvement: Improvement
    why: tuple[str, ...]

    @property
    def chosen(self) -> PhaseTau:
        """The one that Tarlow 2017 reports."""
        return self.corrected if self.corrects else self.uncorrected

    @property
    def jump(self) -> float:
        """By how much `tau` moves when the baseline's p crosses `pretest_level`: corrected - uncorrected."""
        return self.corrected.tau - self.uncorrected.tau


@named
def corrected_tau(
    series: PhasedSeries, *, improvement: Improvement, pretest_level: float, level: float = 0.95
) -> CorrectedTau:
    """Tau with the phase, with and without the Theil-Sen line of the baseline taken away.

    Parameters
    ----------
    series : PhasedSeries
        One baseline of 2 or more sessions and one treatment after it.
    improvement : Improvement
    pretest_level : float
        0.05 in Tarlow 2017.
    level : float
        Of the limits of the slope.

    Raises
    ------
    OutOfOrder, TooFew, OutOfRange
    """
    share(pretest_level, "pretest_level")
    m = len(series.ab()[0])
    trend = baseline_trend(series, level=level)
    corrected, steep, flat = (
        _phase_tau(_without_line(series, slope), m, improvement)
        for slope in (trend.slope, trend.slope_high, trend.slope_low)
    )
    return CorrectedTau(
        baseline=trend,
        uncorrected=_phase_tau(series.comparable, m, improvement),
        corrected=corrected,
        tau_range=(min(steep.tau, flat.tau), max(steep.tau, flat.tau)),
        pretest_level=pretest_level,
        corrects=trend.p_value < pretest_level,
        improvement=improvement,
        why=_why(series, trend, corrected, pretest_level),
    )


def baseline_trend(series: PhasedSeries, *, level: float = 0.95) -> BaselineTrend:
    """Kendall's test and the Theil-Sen slope of the first baseline, of 2 or more sessions.

    Raises
    ------
    TooFew
        When the baseline has one session.
    OutOfOrder
        When the series does not begin with the baseline.
    OutOfRange
        When `level` is no probability.
    """
    share(level, "level")
    values, sessions = _baseline(series)
    m = len(values)
    first, second = np.triu_indices(m, 1)
    slopes = np.sort((values[second] - values[first]) / (sessions[second] - sessions[first]))
    s, variance = float(np.sign(slopes).sum()), within_variance(values)
    tied = float((slopes == 0).sum())
    low, high = _slope_limits(slopes, math.sqrt(variance), float(ndtri((1 + level) / 2)))
    return BaselineTrend(
        tau_b=s / math.sqrt(len(slopes) * (len(slopes) - tied)) if variance > 0 else None,
        p_value=_two_sided(s, variance),
        smallest_possible_p=_two_sided(len(slopes), within_variance(np.arange(m, dtype=float))),
        slope=float(np.median(slopes)),
        slope_low=low,
        slope_high=high,
        level=level,
        n_sessions=m,
    )


def _baseline(series: PhasedSeries) -> tuple[Array, Array]:
    if series.phases[0] != series.baseline:
        raise OutOfOrder(f"the series begins with {series.phases[0]!r}; begin with the baseline")
    first = series.part(0, 0)
    if first.n_sessions < 2:
        raise TooFew("the baseline has 1 session; 2 or more are needed for a slope")
    return first.comparable, first.sessions


def _slope_limits(slopes: Array, sd: float, z: float) -> tuple[float, float]:
    """Ends of all slopes b for which |number of slopes above b - number below| <= z sd."""
    below = math.ceil((len(slopes) - z * sd) / 2)
    if below <= 0:
        return -math.inf, math.inf
    return float(slopes[below - 1]), float(slopes[-below])


def _without_line(series: PhasedSeries, slope: float) -> Array:
    """Values less a line, to be put in order; time alone where the line is vertical.

    A line subtracted from whole numbers leaves ties that rounding tears apart, which would move tau-b in the
    fourth digit and its p with it.
    """
    time: Array = series.sessions - series.sessions[0]
    if math.isinf(slope):
        return time if slope < 0 else -time
    line = slope * time
    return tied(series.values - line, rounding(series.values) + rounding(line))


def _phase_tau(values: Array, m: int, improvement: Improvement) -> PhaseTau:
    total = len(values)
    s = improvement.sign * float(np.sign(values[m:] - values[:m, None]).sum())
    counts = np.unique(values, return_counts=True)[1]
    untied = total * (total - 1) / 2 - float((counts * (counts - 1)).sum()) / 2
    pairs = m * (total - m)
    return PhaseTau(
        tau_b=s / math.sqrt(pairs * untied) if untied else None,
        tau=s / pairs,
        p_value=_two_sided(s, between_variance(values, m)),
    )


def _two_sided(s: float, variance: float) -> float:
    return float(2 * ndtr(-abs(s) / math.sqrt(variance))) if variance > 0 else 1.0


def _why(
    series: PhasedSeries, trend: BaselineTrend, corrected: PhaseTau, pretest_level: float
) -> tuple[str, ...]:
    if np.ptp(series.comparable) == 0:
        return ("all values are equal: they do not tell the phases apart",)
    if corrected.tau_b is None:
        return ("all values lie on the line of the baseline: nothing is left to tell the phases apart",)
    if trend.tau_b is None:
        return ("the baseline is constant: it shows no trend and no scatter",)
    if trend.smallest_possible_p >= pretest_level:
        return (
            f"a baseline of {trend.n_sessions} sessions cannot reach p < {pretest_level:g}: "
            "the rule can never correct",
        )
    return ()
