"""Ratios of two rates of events: exact, mid-P, and of clustered events (see `rates`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, expit, logit, stdtr, stdtrit

from atlasplane.stats.checks import share
from atlasplane.stats.series.events import dispersion, single_count, single_exposure, stretches
from atlasplane.stats.series.rates import Dispersed, Exactness
from atlasplane.stats.variants import named


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRatio:
    """Rate after over rate before, with interval and test of equality.

    Attributes
    ----------
    n_after, n_before : int
        Events.
    exposure_after, exposure_before : float
    low, high : float
        Ends of the interval; 0 without events after, infinite without events before.
    level : float
    p_value : float
        Two-sided, of equal rates: twice the smaller tail, the test of which the interval is the inversion.
    method : Exactness or Dispersed
    dispersion : float
        Variance over mean of counts, common to both, at least 1; 1 for `Exactness`.
    dof : float
        Degrees of freedom of the dispersion; infinite for `Exactness`.
    why : tuple of str
        What cannot be concluded, or is assumed for want of data.
    """

    n_after: int
    n_before: int
    exposure_after: float
    exposure_before: float
    low: float
    high: float
    level: float
    p_value: float
    method: Exactness | Dispersed
    dispersion: float
    dof: float
    why: tuple[str, ...]

    @property
    def ratio(self) -> float | None:
        """Below 1 where events became rarer; infinite without events before, None without any."""
        if not self.n_before:
            return math.inf if self.n_after else None
        return (self.n_after / self.exposure_after) / (self.n_before / self.exposure_before)

    @property
    def smallest_possible_p(self) -> float:
        """The p-value if all events had fallen on the side where fewer were expected.

        With so few events no outcome could have told more.
        """
        n_events = self.n_after + self.n_before
        least = min(self.exposure_after, self.exposure_before) / (self.exposure_after + self.exposure_before)
        if isinstance(self.method, Dispersed):
            t = math.sqrt(n_events * (1 - least) / least / self.dispersion)
            return 2 * float(stdtr(self.dof, -t))
        tail = least**n_events / (2 if self.method is Exactness.MID_P else 1)
        return min(1.0, 2 * tail)


@named
def rate_ratio(
    n_after: int,
    n_before: int,
    *,
    exposure_after: float,
    exposure_before: float,
    method: Exactness,
    level: float,
) -> RateRatio:
    """Ratio of two Poisson rates, conditional on the total number of events.

    Given n events in all, those after are binomial with share p = R E1 / (R E1 + E0), R the ratio. Ends
    (p1, p2) of the share give R = p / (1 - p) E0 / E1 (Przyborowski and Wilenski 1940,
    doi:10.1093/biomet/31.3-4.313). Exact: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404. Mid-P:
    Berry and Armitage 1995, The Statistician 44:417-423. Zero counts need no correction: the interval is then
    open at 0 or at infinity, and with no event at all at both.

    Parameters
    ----------
    n_after, n_before : int
        Events, 0 or more.
    exposure_after, exposure_before : float
        Above 0, in the same unit.

    Raises
    ------
    OutOfRange
        A negative or broken count, or no exposure.
    """
    share(level, "level")
    over_after = single_exposure(exposure_after, "exposure_after")
    over_before = single_exposure(exposure_before, "exposure_before")
    after, before = single_count(n_after, "n_after"), single_count(n_before, "n_before")
    low, high = _odds_limits(after, before, (1 - level) / 2, method)
    scale, null = over_before / over_after, over_after / (over_after + over_before)
    lower_tail = _upper_binomial(before, after, 1 - null, method)
    upper_tail = _upper_binomial(after, before, null, method)
    return RateRatio(
        n_after=after,
        n_before=before,
        exposure_after=over_after,
        exposure_before=over_before,
        low=low * scale,
        high=high * scale,
        level=level,
        p_value=min(1.0, 2 * min(lower_tail, upper_tail)),
        method=method,
        dispersion=1.0,
        dof=math.inf,
        why=_why_zero(after, before),
    )


@named
def overdispersed_rate_ratio(
    counts_after: ArrayLike,
    counts_before: ArrayLike,
    *,
    exposures_after: ArrayLike,
    exposures_before: ArrayLike,
    method: Dispersed,
    level: float,
) -> RateRatio:
    """Ratio of two rates of events that may cluster, from the counts of several stretches of each.

    With x of n events after and the dispersion d of both together (Pearson, about each one's own rate, with
    m - 2 degrees of freedom and at least 1), the shares p with (x - n p)^2 <= t^2 d n p (1 - p): Wilson's
    interval of the share, widened by the dispersion and by Student's quantile, and from it the ratio as in
    `rate_ratio` (Wilson 1927, doi:10.1080/01621459.1927.10502953; McCullagh 1983,
    Annals of Statistics 11:59-67).
    The variance is taken as d times the mean on both sides.

    Parameters
    ----------
    counts_after, counts_before : array, shapes (m1,), (m0,)
        Events of each stretch; 3 stretches or more in all.
    exposures_after, exposures_before : array, same shapes

    Raises
    ------
    TooFew
        No stretch on one side, or a single one on both.
    """
    share(level, "level")
    after = stretches(counts_after, exposures_after, "counts_after", "exposures_after", at_least=1)
    least = 1 if len(after.counts) > 1 else 2
    before = stretches(counts_before, exposures_before, "counts_before", "exposures_before", at_least=least)
    dof = len(after.counts) + len(before.counts) - 2.0
    scatter, why = dispersion([after, before], dof)
    x, x0 = after.n_events, before.n_events
    n_events, null = x + x0, after.exposure / (after.exposure + before.exposure)
    scale = before.exposure / after.exposure
    squares = float(stdtrit(dof, (1 + level) / 2)) ** 2 * scatter
    t = abs(x - n_events * null) / math.sqrt(scatter * n_events * null * (1 - null)) if n_events else 0.0
    return RateRatio(
        n_after=int(x),
        n_before=int(x0),
        exposure_after=after.exposure,
        exposure_before=before.exposure,
        low=_wilson_odds(x, x0, squares) * scale,
        high=scale / lowest if (lowest := _wilson_odds(x0, x, squares)) else math.inf,
        level=level,
        p_value=2 * float(stdtr(dof, -t)),
        method=method,
        dispersion=scatter,
        dof=dof,
        why=why + _why_zero(int(x), int(x0)),
    )


def _odds_limits(successes: int, failures: int, tail: float, method: Exactness) -> tuple[float, float]:
    """Both ends for the odds of a binomial share."""
    low = _lowest_odds(successes, failures, tail, method)
    turned = _lowest_odds(failures, successes, tail, method)
    return low, 1 / turned if turned else math.inf


def _lowest_odds(successes: int, failures: int, tail: float, method: Exactness) -> float:
    """Odds at which so many successes or more are just so unlikely."""
    if not successes:
        return 0.0
    lowest = float(betaincinv(successes, failures + 1, tail))
    if method is Exactness.EXACT:
        return lowest / (1 - lowest)
    if not failures:
        # p^successes / 2 = tail
        return 1 / math.expm1(-math.log(2 * tail) / successes)
    # At the lower one the mid-P tail is at most the tail, at the upper one at least one half.
    ends = lowest, float(betaincinv(successes + 1, failures, 0.5))
    log_odds = brentq(
        lambda at: _upper_binomial(successes, failures, float(expit(at)), method) - tail,
        *(float(logit(end)) for end in ends),
        xtol=1e-14,
        rtol=1e-13,
    )
    return math.exp(log_odds)


def _upper_binomial(successes: int, failures: int, probability: float, method: Exactness) -> float:
    """P(X >= successes), of which mid-P takes P(X = successes) half."""
    reached = float(betainc(successes, failures + 1, probability)) if successes else 1.0
    if method is Exactness.EXACT:
        return reached
    beyond = float(betainc(successes + 1, failures, probability)) if failures else 0.0
    return (reached + beyond) / 2


def _wilson_odds(successes: float, failures: float, squares: float) -> float:
    """Lower end for the odds of a share by the score test, `squares` being the quantile's square.

    For x successes, f failures and odds w = p / (1 - p), (x - n p)^2 = s n p (1 - p) is (x - f w)^2 = s n w.
    """
    if not successes:
        return 0.0
    total = successes + failures
    middle = 2 * successes * failures + squares * total
    return 2 * successes**2 / (middle + math.sqrt(middle**2 - 4 * (successes * failures) ** 2))


def _why_zero(n_after: int, n_before: int) -> tuple[str, ...]:
    if not n_after and not n_before:
        return ("no event on either side: nothing is known of the ratio",)
    if not n_after:
        return ("no event after: the ratio has an upper bound only",)
    return () if n_before else ("no event before: the ratio has a lower bound only",)
