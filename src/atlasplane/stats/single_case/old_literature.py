"""Overlap percentages of the older single-case literature: PND, PEM, PAND and IRD.

None has a parameter that it estimates: each grows or shrinks with the number of sessions alone (Pustejovsky
2019, doi:10.1037/met0000179), so none has a standard error here. They are for comparison with old reports;
`nonoverlap.nap` says the same without that fault. Review with worked examples: Parker, Vannest and Davis
2011, doi:10.1177/0145445511399147.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np

from atlasplane.stats.checks import Array
from atlasplane.stats.single_case.series import Improvement, PhasedSeries
from atlasplane.stats.single_case.ties import rounding
from atlasplane.stats.variants import named


class PandMethod(Enum):
    """What counts as overlap; the two can differ by more than ten points on the same data.

    - MINIMUM_REMOVALS: the fewest sessions, of either phase, without which every session of the treatment is
      better than every one of the baseline (Parker, Vannest and Davis 2011).
    - SORT_TIES_TO_BASELINE: the m worst of all N sessions should be the baseline; overlap are all that lie
      on the wrong side (Parker, Hagan-Burke and Vannest 2007, doi:10.1177/00224669070400040101). The
      published procedure breaks ties by lot, so that its number changes from run to run; here sessions of
      the baseline come first among equals, and ties at the border are no overlap.
    """

    MINIMUM_REMOVALS = "minimum removals"
    SORT_TIES_TO_BASELINE = "sort, ties to the baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentage:
    """PND or PEM: a share in [0, 1] of the treatment sessions; higher is better.

    Attributes
    ----------
    index : str
    value : float
    n_baseline, n_treatment : int
    improvement : Improvement
    """

    index: Literal["PND", "PEM"]
    value: float
    n_baseline: int
    n_treatment: int
    improvement: Improvement


@dataclass(frozen=True, slots=True, kw_only=True)
class Pand:
    """Percentage of all nonoverlapping data.

    Attributes
    ----------
    value : float
        1 - n_overlap / N, in [0, 1].
    phi : float
        Of the 2 x 2 table in which each phase gives half of the overlap: 1 - n_overlap N / (2 m n).
    n_overlap : int
    n_baseline, n_treatment : int
    method : PandMethod
    improvement : Improvement
    """

    value: float
    phi: float
    n_overlap: int
    n_baseline: int
    n_treatment: int
    method: PandMethod
    improvement: Improvement


@dataclass(frozen=True, slots=True, kw_only=True)
class ImprovementRateDifference:
    """IRD: rate of improved sessions in the treatment less that in the baseline.

    Attributes
    ----------
    robust : float
        The fewest removals divided evenly between the phases (Parker, Vannest and Davis 2011); equal to the
        phi of PAND.
    low, high : float
        Regular IRD (Parker, Vannest and Brown 2009, doi:10.1177/001440290907500201): i / m + j / n - 1 with i
        and j sessions kept. Where several fewest removals exist it is not one number: least and largest.
    n_removed : int
    n_baseline, n_treatment : int
    improvement : Improvement
    """

    robust: float
    low: float
    high: float
    n_removed: int
    n_baseline: int
    n_treatment: int
    improvement: Improvement


@named
def pnd(series: PhasedSeries, *, improvement: Improvement) -> Percentage:
    """Share of treatment sessions better than the best baseline session.

    Scruggs, Mastropieri and Casto 1987, doi:10.1177/074193258700800206. One outlying baseline session makes
    it 0.

    Raises
    ------
    OutOfOrder
        When the series has other phases than one baseline and one treatment after it.
    """
    before, after = _towards_increase(series, improvement)
    return _percentage("PND", float((after > before.max()).mean()), series, improvement)


@named
def pem(series: PhasedSeries, *, improvement: Improvement) -> Percentage:
    """Share of treatment sessions better than the median of the baseline, those equal to it counting half.

    Ma 2006, doi:10.1177/0145445504272974.

    Raises
    ------
    OutOfOrder
        When the series has other phases than one baseline and one treatment after it.
    """
    before, after = _towards_increase(series, improvement)
    above = after - np.median(before)
    # The median of an even baseline is a mean of two, rounded once more.
    above[np.abs(above) <= rounding(series.values)] = 0.0
    better = (1 + np.sign(above)) / 2
    return _percentage("PEM", float(better.mean()), series, improvement)


@named
def pand(series: PhasedSeries, *, method: PandMethod, improvement: Improvement) -> Pand:
    """Share of all sessions that do not overlap.

    Raises
    ------
    OutOfOrder
        When the series has other phases than one baseline and one treatment after it.
    """
    before, after = _towards_increase(series, improvement)
    m, n = len(before), len(after)
    if method is PandMethod.SORT_TIES_TO_BASELINE:
        overlap = _misplaced(before, after)
    else:
        overlap = m + n - int(_kept(before, after).max())
    return Pand(
        value=1 - overlap / (m + n),
        phi=1 - overlap * (m + n) / (2 * m * n),
        n_overlap=overlap,
        n_baseline=m,
        n_treatment=n,
        method=method,
        improvement=improvement,
    )


@named
def ird(series: PhasedSeries, *, improvement: Improvement) -> ImprovementRateDifference:
    """Improvement rate difference, robust and regular.

    Raises
    ------
    OutOfOrder
        When the series has other phases than one baseline and one treatment after it.
    """
    before, after = _towards_increase(series, improvement)
    m, n = len(before), len(after)
    kept = _kept(before, after)
    in_baseline, in_treatment = np.nonzero(kept == kept.max())
    regular = in_baseline / m + in_treatment / n - 1
    removed = m + n - int(kept.max())
    return ImprovementRateDifference(
        robust=1 - removed * (m + n) / (2 * m * n),
        low=float(regular.min()),
        high=float(regular.max()),
        n_removed=removed,
        n_baseline=m,
        n_treatment=n,
        improvement=improvement,
    )


def _percentage(
    index: Literal["PND", "PEM"], value: float, series: PhasedSeries, improvement: Improvement
) -> Percentage:
    before, after = series.ab()
    return Percentage(
        index=index, value=value, n_baseline=len(before), n_treatment=len(after), improvement=improvement
    )


def _towards_increase(series: PhasedSeries, improvement: Improvement) -> tuple[Array, Array]:
    """Both phases, mirrored where better is lower."""
    m, values = len(series.ab()[0]), improvement.sign * series.comparable
    return values[:m], values[m:]


def _kept(before: Array, after: Array) -> Array:
    """I + j where the i lowest of the baseline lie below the j highest of the treatment, else -1.

    Shape (m + 1, n + 1).
    """
    m, n = len(before), len(after)
    highest_kept = np.concatenate([[-np.inf], np.sort(before)])
    lowest_kept = np.concatenate([[np.inf], np.sort(after)[::-1]])
    counts = np.arange(m + 1)[:, None] + np.arange(n + 1)
    return np.where(highest_kept[:, None] < lowest_kept, counts, -1)


def _misplaced(before: Array, after: Array) -> int:
    """Sessions on the wrong side of a cut after the m lowest of all, the baseline first among equals."""
    m = len(before)
    is_treatment = np.repeat([False, True], [m, len(after)])
    order = np.lexsort((is_treatment, np.concatenate([before, after])))
    return 2 * int(is_treatment[order][:m].sum())
