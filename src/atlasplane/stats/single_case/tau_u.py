"""The Tau-U family: Kendall's S between the phases with the trends within them added or taken away.

S is the number of pairs that go up (for the better) less those that go down: S_AB between the phases, S_A
and S_B within them in the order of time. Several numbers have been published under the one name Tau-U;
here each has its own: what is summed (`TauUVariant`) and what it is divided by (`TauUDenominator`).

Parker, Vannest, Davis and Sauber 2011, doi:10.1016/j.beth.2010.08.006; what is wrong with them: Tarlow 2017,
doi:10.1177/0145445516676750, and Brossart, Laird and Armstrong 2018, doi:10.1080/23311908.2018.1518687.
They are here to be compared with old reports, not to be preferred.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import reduce

import numpy as np
from scipy.special import ndtr

from atlasplane.stats.checks import Array
from atlasplane.stats.refusal import NoVariance, Refusal
from atlasplane.stats.single_case.series import Improvement, PhasedSeries
from atlasplane.stats.variants import named


class TauUVariant(Enum):
    """What is summed."""

    A_VS_B = "A vs B"
    TREND_A = "trend A"
    TREND_B = "trend B"
    A_VS_B_MINUS_TREND_A = "A vs B - trend A"
    A_VS_B_PLUS_TREND_B = "A vs B + trend B"
    A_VS_B_PLUS_TREND_B_MINUS_TREND_A = "A vs B + trend B - trend A"

    @property
    def signs(self) -> tuple[int, int, int]:
        """With which sign S_AB, S_A and S_B enter; 0 for one that does not."""
        return _SIGNS[self]


_SIGNS = {
    TauUVariant.A_VS_B: (1, 0, 0),
    TauUVariant.TREND_A: (0, 1, 0),
    TauUVariant.TREND_B: (0, 0, 1),
    TauUVariant.A_VS_B_MINUS_TREND_A: (1, -1, 0),
    TauUVariant.A_VS_B_PLUS_TREND_B: (1, 0, 1),
    TauUVariant.A_VS_B_PLUS_TREND_B_MINUS_TREND_A: (1, -1, 1),
}


class TauUDenominator(Enum):
    """What the sum is divided by.

    - PARKER_2011: the pairs of what is summed, but for "A vs B - trend A" the m n pairs between the phases
      alone; that number is not bounded by 1.
    - PAIRS_SUMMED: always the pairs of what is summed; between -1 and 1.
    """

    PARKER_2011 = "Parker et al. 2011"
    PAIRS_SUMMED = "all pairs summed"


class TauUTest(Enum):
    """Test that the order of all sessions is a matter of chance; two-sided.

    - EXACT: distribution of the sum over all orders; no ties.
    - NORMAL_TIES_CORRECTED: S over its standard deviation, given the ties; no continuity correction.
    - NORMAL_TIES_IGNORED: as printed in 2011; with ties the standard deviation is too large.
    """

    EXACT = "exact"
    NORMAL_TIES_CORRECTED = "normal, ties corrected"
    NORMAL_TIES_IGNORED = "normal, ties ignored"


class Tied(Refusal):
    """Equal values where the procedure needs them to differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TauU:
    """One of the Tau-U family.

    Attributes
    ----------
    variant : TauUVariant
    denominator : TauUDenominator
    improvement : Improvement
    s : int
        Kendall's S of the variant; + is improvement.
    pairs : int
        What S is divided by.
    value : float
        S / pairs.
    largest_possible : float
        Bound of the absolute value; above 1 where the denominator leaves pairs out.
    sd_s, z : float
        Standard deviation of S where order is chance, and S over it; of the test asked for.
    p_value : float
        Two-sided.
    test : TauUTest
    smallest_possible_p : float
        What two phases of these lengths can reach by `test` when nothing is tied.
    """

    variant: TauUVariant
    denominator: TauUDenominator
    improvement: Improvement
    s: int
    pairs: int
    value: float
    largest_possible: float
    sd_s: float
    z: float
    p_value: float
    test: TauUTest
    smallest_possible_p: float


@named
def tau_u(
    series: PhasedSeries,
    *,
    variant: TauUVariant,
    denominator: TauUDenominator,
    improvement: Improvement,
    test: TauUTest,
) -> TauU:
    """S of the variant over its pairs, with a test.

    Raises
    ------
    OutOfOrder
        When the series has other phases than one baseline and one treatment after it.
    TooFew
        When a trend is asked of a phase of one session.
    Tied
        When the exact test meets equal values.
    NoVariance
        When all values are equal and ties are corrected for.
    """
    before, _ = series.ab(at_least=1 if variant.signs[0] else 2)
    m, n = len(before), series.n_sessions - len(before)
    values = series.comparable
    order = _order(values, improvement)
    sums = (order[:m, m:].sum(), order[:m, :m].sum(), order[m:, m:].sum())
    s = round(sum(sign * float(own) for sign, own in zip(variant.signs, sums, strict=True)))
    sizes = (m * n, m * (m - 1) // 2, n * (n - 1) // 2)
    summed = sum(abs(sign) * size for sign, size in zip(variant.signs, sizes, strict=True))
    parker = denominator is TauUDenominator.PARKER_2011
    divided = m * n if parker and variant is TauUVariant.A_VS_B_MINUS_TREND_A else summed
    sd_s = _sd(values, m, variant, corrected=test is not TauUTest.NORMAL_TIES_IGNORED)
    p_of = least_p_of = _normal_p(sd_s)
    if test is TauUTest.EXACT:
        p_of = least_p_of = _exact_p(values, m, n, variant)
    elif test is TauUTest.NORMAL_TIES_CORRECTED:
        least_p_of = _normal_p(_untied_sd(m, n, variant))
    return TauU(
        variant=variant,
        denominator=denominator,
        improvement=improvement,
        s=s,
        pairs=divided,
        value=s / divided,
        largest_possible=summed / divided,
        sd_s=sd_s,
        z=s / sd_s,
        p_value=p_of(s),
        test=test,
        smallest_possible_p=least_p_of(summed),
    )


def _order(values: Array, improvement: Improvement) -> Array:
    """+1 above the diagonal where the later session is better, -1 where worse, 0 where tied and below."""
    order: Array = improvement.sign * np.triu(np.sign(values - values[:, None]), 1)
    return order


def between_variance(values: Array, n_baseline: int) -> float:
    """Variance of S between the phases given the ties, m n (N^3 - N - sum (t^3 - t)) / (3 N (N - 1)).

    `values` has shape (N,), the baseline first. Kendall 1970, Rank correlation methods, ch. 4.
    """
    total = len(values)
    tied = np.unique(values, return_counts=True)[1].astype(float)
    whole = total**3 - total - float((tied**3 - tied).sum())
    return n_baseline * (total - n_baseline) * whole / (3 * total * (total - 1))


def within_variance(values: Array) -> float:
    """Variance of S against time given the ties, (n (n - 1)(2 n + 5) - sum t (t - 1)(2 t + 5)) / 18."""
    n = len(values)
    tied = np.unique(values, return_counts=True)[1].astype(float)
    return (n * (n - 1) * (2 * n + 5) - float((tied * (tied - 1) * (2 * tied + 5)).sum())) / 18


def _sd(values: Array, m: int, variant: TauUVariant, *, corrected: bool) -> float:
    """The three parts of S are uncorrelated: the order within a phase says nothing of what lies in it."""
    if not corrected:
        return _untied_sd(m, len(values) - m, variant)
    parts = (between_variance(values, m), within_variance(values[:m]), within_variance(values[m:]))
    found = sum(abs(sign) * part for sign, part in zip(variant.signs, parts, strict=True))
    if not found > 0:
        raise NoVariance(f"all values of {variant.value} are equal: nothing can be put in order")
    return math.sqrt(found)


def _untied_sd(m: int, n: int, variant: TauUVariant) -> float:
    return _sd(np.arange(m + n, dtype=float), m, variant, corrected=True)


def _normal_p(sd: float) -> Callable[[int], float]:
    return lambda s: float(2 * ndtr(-abs(s) / sd))


def _exact_p(values: Array, m: int, n: int, variant: TauUVariant) -> Callable[[int], float]:
    if len(np.unique(values)) < len(values):
        raise Tied("equal values: their order has no exact distribution here; ask for the normal test")
    shares = (_between_shares, _first_within, _second_within)
    parts = [part(m, n) for sign, part in zip(variant.signs, shares, strict=True) if sign]
    chances = reduce(np.convolve, parts)
    largest = len(chances) - 1
    distances = np.abs(2 * np.arange(len(chances)) - largest)
    return lambda s: min(1.0, float(chances[distances >= abs(s)].sum()))


def _first_within(m: int, _: int) -> Array:
    return _within_shares(m)


def _second_within(_: int, n: int) -> Array:
    return _within_shares(n)


def _within_shares(n: int) -> Array:
    """Probability of 0, 1, ... n (n - 1) / 2 pairs in order among n: a sum of uniform counts."""
    return reduce(np.convolve, (np.full(k, 1 / k) for k in range(1, n + 1)))


def _between_shares(m: int, n: int) -> Array:
    """Probability of 0, 1, ... m n pairs in order between phases (Mann and Whitney 1947), shape (m n + 1,).

    The largest of all values lies in the treatment with chance n / (m + n) and is then above all m.
    """
    row = [np.ones(1) for _ in range(n + 1)]
    for i in range(1, m + 1):
        new = [np.ones(1)]
        for j in range(1, n + 1):
            chances = np.zeros(i * j + 1)
            chances[i:] += j / (i + j) * new[j - 1]
            chances[: len(row[j])] += i / (i + j) * row[j]
            new.append(chances)
        row = new
    return row[n]
