"""Test of one change, at an unknown session, in a Poisson rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from atlasplane.stats.checks import Array, positive, same_length, vector
from atlasplane.stats.refusal import NoVariance, OutOfRange
from atlasplane.stats.series.events import whole_counts

_ROUNDING = 1e-9
_BLOCK = 1 << 20
"""Drawn counts held at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTest:
    """The most likely change and how often chance alone makes one that is as marked.

    Attributes
    ----------
    last_before : int
        Sessions before the most likely change.
    rate_before, rate_after : float
        Most likely rates.
    statistic : float
        Twice the logarithm of the likelihood ratio of this change to none.
    p_value : float
        (draws at or above + 1) / (n_draws + 1).
    n_draws : int
    """

    last_before: int
    rate_before: float
    rate_after: float
    statistic: float
    p_value: float
    n_draws: int

    @property
    def smallest_possible_p(self) -> float:
        """What no result can be below, with so many draws."""
        return 1 / (self.n_draws + 1)


def change_test(
    counts: ArrayLike, *, exposure: ArrayLike, n_draws: int, rng: np.random.Generator
) -> ChangeTest:
    """Likelihood ratio test of a change at the most likely of all sessions.

    statistic = 2 max over k of [S1 ln(S1 / E1) + S2 ln(S2 / E2) - S ln(S / E)], the largest of many dependent
    ones, which is not chi-squared. Given the number S of events the counts of a steady Poisson rate are
    multinomial with shares e_i / E, whatever the rate: drawing them gives an exact test (Worsley 1986,
    doi:10.1093/biomet/73.1.91, for the maximum over k; Barnard 1963 for (b + 1) / (m + 1)). Events that
    cluster, or sessions that are alike, make p too small.

    Parameters
    ----------
    counts : array, shape (n,)
        Whole, 0 or more, in session order; 2 or more.
    exposure : array, shape (n,)
        Above 0.
    n_draws : int
        E.g. 9999.

    Raises
    ------
    NoVariance
        No event at all.
    """
    y, e = vector(counts, "counts", at_least=2), vector(exposure, "exposure")
    same_length(counts=y, exposure=e)
    whole_counts(y, "counts")
    positive(e, "exposure")
    if n_draws < 1:
        raise OutOfRange(f"n_draws is {n_draws}; give 1 or more, e.g. 9999")
    if not y.any():
        raise NoVariance("there is no event; nothing can have changed that could be seen")
    ratios = _ratios(y[None, :], e)[0]
    k, statistic = int(np.argmax(ratios)) + 1, float(ratios.max())
    reached, rows = 0, max(1, _BLOCK // len(y))
    for start in range(0, n_draws, rows):
        drawn = rng.multinomial(int(y.sum()), e / e.sum(), size=min(rows, n_draws - start)).astype(np.float64)
        reached += int(np.sum(_ratios(drawn, e).max(axis=1) >= statistic - _ROUNDING * (1 + statistic)))
    return ChangeTest(
        last_before=k,
        rate_before=float(y[:k].sum() / e[:k].sum()),
        rate_after=float(y[k:].sum() / e[k:].sum()),
        statistic=statistic,
        p_value=(reached + 1) / (n_draws + 1),
        n_draws=n_draws,
    )


def _ratios(counts: Array, exposure: Array) -> Array:
    """Twice the log-likelihood ratio of a change after each session, shape (m, n - 1), of m series."""
    sums, exposures = np.cumsum(counts, axis=1), np.cumsum(exposure)
    first, total = sums[:, :-1], sums[:, -1:]
    last = total - first
    parts = xlogy(first, first / exposures[:-1]) + xlogy(last, last / (exposures[-1] - exposures[:-1]))
    ratios: Array = 2 * (parts - xlogy(total, total / exposures[-1]))
    return ratios
