"""When, and whether, a rate of events changed: exact posterior of one change point in a series of counts.

Up to session k counts have the rate r1, after it r2; r1 and r2 are drawn apart from one gamma law, and k from
a prior that leaves some mass to "no change", with one rate for all. The rates are integrated out in closed
form (Carlin, Gelfand and Smith 1992, doi:10.2307/2347570, have the model and sample it): with S1 events over
the exposure E1 up to k, S2 and E2 after, shape a and rate b,

    p(y | k) = [b^a / G(a)]^2 G(a + S1) / (b + E1)^(a + S1) G(a + S2) / (b + E2)^(a + S2),
    p(y | no change) = b^a / G(a) G(a + S) / (b + E)^(a + S),

times a factor that does not depend on k. P(change) depends on the gamma law, however long the series: a vague
one speaks for no change (Lindley 1957, doi:10.1093/biomet/44.1-2.187). So it is given, in units of the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincc, expit, gammainc, gammaln, logsumexp

from atlasplane.stats.checks import Array, positive, same_length, share, vector
from atlasplane.stats.refusal import NotFinite, OutOfRange, TooFew
from atlasplane.stats.series.count_regression import CountFamily
from atlasplane.stats.series.events import whole_counts
from atlasplane.stats.series.posterior import Distribution, Posterior


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePrior:
    """Gamma law of a rate: mean shape / rate, coefficient of variation 1 / sqrt(shape).

    Attributes
    ----------
    shape : float
    rate : float
        In units of exposure: as if `shape` events had been seen over it.
    """

    shape: float
    rate: float

    def __post_init__(self) -> None:
        for name, value in (("shape", self.shape), ("rate", self.rate)):
            if not math.isfinite(value):
                raise NotFinite(f"{name} of the rate's prior is {value}; give a number")
            if not value > 0:
                raise OutOfRange(f"{name} of the rate's prior must be above 0; it is {value:g}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChangePrior:
    """Prior of the change.

    Attributes
    ----------
    weights : array, shape (n - 1,)
        Of a change after session 1 ... n - 1, given that there is one; sum 1.
    no_change : float
        Prior mass of no change at all, 0 or more and below 1.
    """

    weights: Array
    no_change: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", vector(self.weights, "weights"))
        if not 0 <= self.no_change < 1:
            raise OutOfRange(f"no_change must be 0 or more and below 1; it is {self.no_change:g}")
        positive(self.weights, "weights", zero=True)
        if not math.isclose(float(self.weights.sum()), 1.0, rel_tol=1e-9):
            raise OutOfRange(f"weights sum to {self.weights.sum():g}; they are shares of 1")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChangePoint:
    """Posterior of a change point.

    Attributes
    ----------
    family : CountFamily
    prior : ChangePrior
    rate_prior : RatePrior
    given_change : array, shape (n - 1,)
        P(after session k, given a change) for k = 1 ... n - 1; sum 1.
    p_change, p_no_change : float
        Posterior probability that there was a change, and that there was none.
    before, after : Posterior
        Rates given a change.
    ratio : Posterior
        Rate after over rate before, given a change.
    p_decrease : float
        P(rate after < rate before), given a change.
    averaged_ratio : Posterior
        The ratio, which is 1 without a change, averaged over whether there was one.
    alpha : Posterior or None
        Of NB2's variance mu + alpha mu^2, averaged over change and no change; None for Poisson.
    """

    family: CountFamily
    prior: ChangePrior
    rate_prior: RatePrior
    given_change: Array
    p_change: float
    p_no_change: float
    before: Posterior
    after: Posterior
    ratio: Posterior
    p_decrease: float
    averaged_ratio: Posterior
    alpha: Posterior | None

    @property
    def by_session(self) -> Array:
        """P(change, and after session k); sums to `p_change`."""
        return self.p_change * self.given_change

    @property
    def mode(self) -> int:
        """The number of sessions before the likeliest change; the first of equals."""
        return int(np.argmax(self.given_change)) + 1

    def p_within(self, first: int, last: int) -> float:
        """P(change, and after one of the sessions `first` ... `last`), both counted from 1 and included."""
        if not 1 <= first <= last <= len(self.given_change):
            raise OutOfRange(f"sessions {first} to {last} are no window of 1 to {len(self.given_change)}")
        return self.p_change * float(self.given_change[first - 1 : last].sum())


def uniform_change_prior(n_sessions: int, *, no_change: float) -> ChangePrior:
    """Every session but the last as likely to be the last one before the change."""
    if n_sessions < 2:
        raise TooFew(f"{n_sessions} sessions have no change between them; 2 or more are needed")
    return ChangePrior(weights=np.full(n_sessions - 1, 1 / (n_sessions - 1)), no_change=no_change)


def change_prior_around(
    n_sessions: int, *, last_before: int, mean_distance: float, no_change: float
) -> ChangePrior:
    """Prior around a date: weights proportional to exp(-|k - last_before| / s).

    The tails are heavier than those of a normal law: a change elsewhere stays possible. s is such that the
    mean of |k - last_before| would be `mean_distance` in a series without ends: with q = exp(-1 / s) the mean
    is 2 q / (1 - q^2).

    Parameters
    ----------
    last_before : int
        The number of sessions before the date, e.g. before the correction; 1 to n_sessions - 1.
    mean_distance : float
        In sessions, above 0.
    """
    flat = uniform_change_prior(n_sessions, no_change=no_change)
    if not 1 <= last_before < n_sessions:
        raise OutOfRange(f"last_before is {last_before}; it must leave a session on either side of the date")
    if not (math.isfinite(mean_distance) and mean_distance > 0):
        raise OutOfRange(f"mean_distance must be a number above 0; it is {mean_distance:g}")
    log_q = -math.asinh(1 / mean_distance)
    distance = np.abs(np.arange(1, n_sessions) - last_before)
    weights = np.exp(log_q * distance)
    return ChangePrior(weights=weights / weights.sum(), no_change=flat.no_change)


def poisson_change_point(
    counts: ArrayLike, *, exposure: ArrayLike, prior: ChangePrior, rate_prior: RatePrior, level: float
) -> ChangePoint:
    """Exact posterior of a change in a Poisson rate; see above for the formula.

    Given k the rates are gamma, (a + S1, b + E1) and (a + S2, b + E2), and the share r2 (b + E2) over itself
    plus r1 (b + E1) is beta (a + S2, a + S1): rates and ratio are mixtures of these, whose quantiles are
    solved for, not sampled.

    Parameters
    ----------
    counts : array, shape (n,)
        Whole, 0 or more, in session order; 2 or more.
    exposure : array, shape (n,)
        Above 0.
    level : float
        Of the posterior intervals, e.g. 0.95.

    Raises
    ------
    WrongShape
        The prior is of another number of sessions.
    """
    share(level, "level")
    y, e = checked_series(counts, exposure, prior)
    shape, rate = rate_prior.shape, rate_prior.rate
    sums, exposures = np.cumsum(y), np.cumsum(e)
    shapes = np.stack([shape + sums[:-1], shape + sums[-1] - sums[:-1]])
    rates = np.stack([rate + exposures[:-1], rate + exposures[-1] - exposures[:-1]])
    constant = shape * math.log(rate) - float(gammaln(shape))
    log_change = 2 * constant + np.sum(gammaln(shapes) - shapes * np.log(rates), axis=0)
    total = shape + sums[-1]
    log_none = constant + float(gammaln(total)) - total * math.log(rate + exposures[-1])
    weights, p_change, p_no_change = change_posterior(log_change, log_none, prior)
    ratio = _beta_ratio(weights, shapes, rates)
    if not has_mean_ratio(y, prior, rate_prior):
        ratio = replace(ratio, mean=math.inf)
    return ChangePoint(
        family=CountFamily.POISSON,
        prior=prior,
        rate_prior=rate_prior,
        given_change=weights,
        p_change=p_change,
        p_no_change=p_no_change,
        before=_gamma_mixture(weights, shapes[0], rates[0], level),
        after=_gamma_mixture(weights, shapes[1], rates[1], level),
        ratio=ratio.posterior(level),
        p_decrease=ratio.below(1.0),
        averaged_ratio=ratio.posterior(level, at_one=p_no_change),
        alpha=None,
    )


def checked_series(counts: ArrayLike, exposure: ArrayLike, prior: ChangePrior) -> tuple[Array, Array]:
    """Counts and exposure as arrays, refused where they cannot be used with this prior."""
    y, e = vector(counts, "counts", at_least=2), vector(exposure, "exposure")
    same_length(**{"counts": y, "exposure": e, "sessions of the prior": np.empty(len(prior.weights) + 1)})
    whole_counts(y, "counts")
    positive(e, "exposure")
    return y, e


def change_posterior(log_change: Array, log_none: float, prior: ChangePrior) -> tuple[Array, float, float]:
    """P(after k, given a change), shape (n - 1,), P(change) and P(no change).

    `log_change`, shape (n - 1,), and `log_none` are logarithms of the marginal likelihoods.
    """
    with np.errstate(divide="ignore"):
        logs = np.log(prior.weights) + log_change
        log_odds = math.log1p(-prior.no_change) + logsumexp(logs) - np.log(prior.no_change) - log_none
    return np.exp(logs - logsumexp(logs)), float(expit(log_odds)), float(expit(-log_odds))


def has_mean_ratio(counts: Array, prior: ChangePrior, rate_prior: RatePrior) -> bool:
    """Whether 1 / (rate before) has a mean: near 0 its law is the power shape + events - 1, wherever k is."""
    first = int(np.flatnonzero(prior.weights)[0])
    return bool(rate_prior.shape + counts[: first + 1].sum() > 1)


def _gamma_mixture(weights: Array, shapes: Array, rates: Array, level: float) -> Posterior:
    mean = float(weights @ (shapes / rates))
    middle = math.log(mean)
    found = Distribution(
        log_below=lambda t: float(weights @ gammainc(shapes, rates * math.exp(t))),
        ends=(middle - 1, middle + 1),
        mean=mean,
    )
    return found.posterior(level)


def _beta_ratio(weights: Array, shapes: Array, rates: Array) -> Distribution:
    """Of the rate after over the rate before, a mixture of beta-prime laws scaled by b1 / b2."""
    scale = np.log(rates[1] / rates[0])
    parts = shapes[1] / rates[1] * rates[0] / np.where(shapes[0] > 1, shapes[0] - 1, 1.0)
    middle = float(weights @ np.log(shapes[1] / rates[1] * rates[0] / shapes[0]))

    def below(t: float) -> float:
        """From the nearer end of the share: near 1 its distance from 1 would be rounded off."""
        at = t + scale
        low, high = betainc(shapes[1], shapes[0], expit(at)), betaincc(shapes[0], shapes[1], expit(-at))
        return float(weights @ np.where(at < 0, low, high))

    return Distribution(
        log_below=below,
        ends=(middle - 1, middle + 1),
        mean=float(weights @ parts),
    )
